/** EventBridge Scheduler: invokes each schedule's function, or sends to its queue, in the schedule's own role. */
import type { AwsEndpoint } from '../aws/endpoint.ts';
import type { Schedule } from '../terraform/applied-stack.ts';
import { pause } from './pause.ts';
import { queueUrl } from './queue-url.ts';

const secondsOf = { minute: 60, hour: 3600, day: 86_400 } as const;

/** @returns seconds. @throws Error for an expression that is no rate */
export function periodSeconds(expression: string): number {
  const [, value, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (value === undefined || Number(value) === 0) {
    throw new Error(
      `schedule expression ${expression} is not followed by the sandbox: use rate(<n> minutes|hours|days), or give a poll period`,
    );
  }
  return Number(value) * secondsOf[unit as keyof typeof secondsOf];
}

export class ScheduleTimer {
  readonly #schedule: Schedule;
  readonly #endpoint: AwsEndpoint;
  readonly #periodMs: number;
  readonly #onProblem: (problem: string) => void;
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  paused = false;

  /** @param seconds the period; undefined: the schedule's own */
  constructor(schedule: Schedule, endpoint: AwsEndpoint, seconds: number | undefined, onProblem: (problem: string) => void) {
    this.#schedule = schedule;
    this.#endpoint = endpoint;
    this.#periodMs = (seconds ?? periodSeconds(schedule.expression)) * 1000;
    this.#onProblem = onProblem;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  /** A schedule with a rate begins at once (EventBridge Scheduler user guide, "Rate-based schedules"). */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let next = Date.now(); !signal.aborted; next = Math.max(next + this.#periodMs, Date.now())) {
      await pause(next - Date.now(), signal);
      if (!signal.aborted && !this.paused) await this.#fire();
    }
  }

  async #fire(): Promise<void> {
    const { targetArn, roleArn, input, name } = this.#schedule;
    const caller = { roleArn, sessionName: name.slice(0, 64) };
    const queueName = /^arn:[^:]+:sqs:[^:]+:\d+:(.+)$/.exec(targetArn)?.[1];
    try {
      if (queueName === undefined) {
        const request = { FunctionName: targetArn, InvocationType: 'Event', Payload: Buffer.from(input) };
        await this.#endpoint.call(caller, 'lambda', 'Invoke', request);
      } else {
        const QueueUrl = queueUrl(this.#endpoint, targetArn);
        await this.#endpoint.call(caller, 'sqs', 'SendMessage', { QueueUrl, MessageBody: input });
      }
    } catch (error) {
      this.#onProblem(`schedule ${name} did not reach ${targetArn}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
