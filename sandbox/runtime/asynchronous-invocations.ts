/**
 * Asynchronous invocations: accepted at once, retried, and kept in the dead-letter queue when they finally fail
 * (AWS Lambda Developer Guide, "Invoking a Lambda function asynchronously").
 */
import type { AwsEndpoint } from '../aws/endpoint.ts';
import { AwsError } from '../aws/error.ts';
import type { FunctionHost, InvocationResult } from './function-host.ts';
import { orStopped, pause, persistently } from './pause.ts';
import { queueUrl } from './queue-url.ts';

/** Lambda waits one minute before the second attempt and two before the third; here it is one second and two. */
const retryDelaysMs = [1000, 2000];
/** Lambda backs off from one second to five minutes while the function is throttled; here a poll that waits its turn is tried sooner. */
const throttleDelaysMs = { first: 20, longest: 500 };

export class AsynchronousInvocations {
  readonly #host: FunctionHost;
  readonly #endpoint: AwsEndpoint;
  readonly #onProblem: (problem: string) => void;
  readonly #stop = new AbortController();
  readonly #pending = new Set<Promise<void>>();

  constructor(host: FunctionHost, endpoint: AwsEndpoint, onProblem: (problem: string) => void) {
    this.#host = host;
    this.#endpoint = endpoint;
    this.#onProblem = onProblem;
  }

  get pending(): number {
    return this.#pending.size;
  }

  accept(payload: string): void {
    const done = this.#process(payload)
      .catch((error: Error) => this.#onProblem(`an asynchronous invocation of ${this.#host.settings.name} was lost: ${error.message}`))
      .finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#pending);
  }

  async #process(payload: string): Promise<void> {
    const { settings } = this.#host;
    const expires = Date.now() + settings.asyncMaximumAgeSeconds * 1000;
    let throttleDelay = throttleDelaysMs.first;
    let last: InvocationResult | AwsError | undefined;
    for (let attempt = 0; attempt <= settings.asyncRetries; ) {
      if (Date.now() >= expires) break;
      last = await this.#attempt(payload);
      if (last === undefined || this.#stop.signal.aborted) return;
      if (last instanceof AwsError) {
        await pause(throttleDelay, this.#stop.signal);
        throttleDelay = Math.min(throttleDelay * 2, throttleDelaysMs.longest);
      } else if (last.outcome.error === undefined) {
        return;
      } else {
        if (attempt < settings.asyncRetries) await pause(retryDelaysMs[attempt] ?? 0, this.#stop.signal);
        attempt += 1;
      }
    }
    await this.#keep(payload, last);
  }

  async #attempt(payload: string): Promise<InvocationResult | AwsError | undefined> {
    try {
      return await orStopped(this.#host.invoke(payload), this.#stop.signal);
    } catch (error) {
      if (error instanceof AwsError && error.code === 'TooManyRequestsException') return error;
      throw error;
    }
  }

  async #keep(payload: string, last: InvocationResult | AwsError | undefined): Promise<void> {
    const { settings, caller } = this.#host;
    if (settings.deadLetterArn === undefined) {
      this.#onProblem(`${settings.name} finally failed and has no dead-letter queue: the event is lost`);
      return;
    }
    const throttled = last === undefined || last instanceof AwsError;
    const text = (value: string) => ({ DataType: 'String', StringValue: value });
    const message = {
      QueueUrl: queueUrl(this.#endpoint, settings.deadLetterArn),
      MessageBody: payload,
      MessageAttributes: {
        RequestID: text(throttled ? 'none' : last.requestId),
        ErrorCode: { DataType: 'Number', StringValue: throttled ? '429' : '200' },
        ErrorMessage: text(
          (throttled ? (last?.message ?? 'EventAgeExceeded') : (last.outcome.error?.errorMessage ?? '')).slice(0, 1024) || 'none',
        ),
      },
    };
    await persistently(this.#stop.signal, () => this.#endpoint.call(caller, 'sqs', 'SendMessage', message));
  }
}
