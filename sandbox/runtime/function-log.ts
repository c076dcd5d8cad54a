/**
 * What a function logs, on its way to its log group. Lambda delivers it with the function's role, so the role's policy is exercised;
 * delivery is not in the way of the invocation.
 */
import type { AwsEndpoint, Caller } from '../aws/endpoint.ts';

interface LogEvent {
  readonly timestamp: number;
  readonly message: string;
}

const flushDelayMs = 100;

export class FunctionLog {
  readonly #endpoint: AwsEndpoint;
  readonly #caller: Caller;
  readonly #group: string;
  readonly #onProblem: (problem: string) => void;
  readonly #created = new Set<string>();
  #pending = new Map<string, LogEvent[]>();
  #timer: NodeJS.Timeout | undefined;
  #delivery: Promise<void> = Promise.resolve();

  constructor(endpoint: AwsEndpoint, caller: Caller, group: string, onProblem: (problem: string) => void) {
    this.#endpoint = endpoint;
    this.#caller = caller;
    this.#group = group;
    this.#onProblem = onProblem;
  }

  write(stream: string, message: string): void {
    const events = this.#pending.get(stream) ?? [];
    events.push({ timestamp: Date.now(), message });
    this.#pending.set(stream, events);
    this.#timer ??= setTimeout(() => void this.flush(), flushDelayMs);
  }

  /** Delivers all that was written so far. Lines that the log group refuses are lost, as in Lambda, and reported as a problem. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batches = this.#pending;
    this.#pending = new Map();
    this.#delivery = this.#delivery.then(async () => {
      for (const [stream, events] of batches) await this.#deliver(stream, events);
    });
    return this.#delivery;
  }

  async #deliver(stream: string, events: readonly LogEvent[]): Promise<void> {
    const names = { logGroupName: this.#group, logStreamName: stream };
    try {
      if (!this.#created.has(stream)) await this.#endpoint.call(this.#caller, 'logs', 'CreateLogStream', names);
      this.#created.add(stream);
      await this.#endpoint.call(this.#caller, 'logs', 'PutLogEvents', { ...names, logEvents: events });
    } catch (error) {
      this.#onProblem(
        `${events.length} lines did not reach log group ${this.#group}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}
