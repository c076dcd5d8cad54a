/** An event as CloudWatch Logs keeps it. */
export interface LogEvent {
  /** Unique; in the order of arrival for events of one time. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly message: string;
  /** Epoch milliseconds. */
  readonly ingestionTime: number;
}

export interface LogBatch {
  readonly group: string;
  readonly stream: string;
  readonly events: readonly LogEvent[];
}

let arrived = 0;

/** 56 digits, the time first, as the ids in CloudWatch Logs' examples. */
export function logEventId(timestamp: number): string {
  arrived += 1;
  return `${String(timestamp).padStart(13, '0')}${String(arrived).padStart(43, '0')}`;
}
