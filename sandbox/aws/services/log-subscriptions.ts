import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { AwsError } from '../error.ts';
import { optionalText, text } from '../input.ts';
import type { Caller, Input, Output, Surroundings } from '../service.ts';
import type { LogBatch, LogEvent } from './log-event.ts';
import { type LogFilter, logFilter } from './log-filter.ts';

// Subscription filters with a function as their destination (CloudWatch Logs User Guide, "Real-time processing of log data with
// subscriptions"; Lambda Developer Guide, "Using Lambda with CloudWatch Logs").

interface Subscription {
  readonly group: string;
  readonly filterName: string;
  readonly matches: LogFilter;
  readonly destinationArn: string;
  readonly caller: Caller;
  readonly shown: Output;
}

interface Batch {
  readonly subscription: Subscription;
  readonly stream: string;
  readonly events: LogEvent[];
  bytes: number;
}

const maximumSubscriptions = 2;
/** Events of one stream that come within this time share an invocation; AWS waits longer, up to seconds. */
const gatherMs = 20;
/** Of messages, so that gzip and base64 of them stay below an asynchronous invocation's limit, whatever they hold. */
const maximumBytes = 512 * 1024;
/** AWS retries for up to 24 hours; these last two seconds, enough to outlive an injected fault. */
const retryDelaysMs = [50, 150, 500, 1300];

const compress = promisify(gzip);

export class LogSubscriptions {
  readonly #surroundings: Surroundings;
  readonly #subscriptions = new Map<string, Map<string, Subscription>>();
  /** Batches that still take events, by group, filter and stream. */
  readonly #open = new Map<string, Batch>();
  readonly #deliveries = new Set<Promise<void>>();
  #closed = false;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Batches that no function has been given yet. */
  get pending(): number {
    return this.#deliveries.size;
  }

  /** @throws AwsError LimitExceededException for a third one; InvalidParameterException when the function may not be invoked */
  async put(group: string, groupArn: string, input: Input): Promise<Output> {
    const filterName = text(input, 'filterName');
    const destinationArn = text(input, 'destinationArn');
    const filterPattern = optionalText(input, 'filterPattern') ?? '';
    const found = this.#subscriptions.get(group) ?? new Map<string, Subscription>();
    if (!found.has(filterName) && found.size >= maximumSubscriptions)
      throw new AwsError('LimitExceededException', 'Resource limit exceeded.');
    const matches = logFilter(filterPattern);
    const caller = await this.#invokerOf(destinationArn, `${groupArn}:*`);
    const shown = { filterName, filterPattern, destinationArn, logGroupName: group, distribution: 'ByLogStream', creationTime: Date.now() };
    this.#subscriptions.set(group, found.set(filterName, { group, filterName, matches, destinationArn, caller, shown }));
    return {};
  }

  describe(group: string): Output {
    return { subscriptionFilters: [...(this.#subscriptions.get(group)?.values() ?? [])].map(({ shown }) => shown) };
  }

  observe({ group, stream, events }: LogBatch): void {
    for (const subscription of this.#subscriptions.get(group)?.values() ?? [])
      for (const event of events) if (subscription.matches(event.message)) this.#gather(subscription, stream, event);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#deliveries);
  }

  #gather(subscription: Subscription, stream: string, event: LogEvent): void {
    const key = JSON.stringify([subscription.group, subscription.filterName, stream]);
    const size = Buffer.byteLength(event.message);
    const open = this.#open.get(key);
    if (open && open.bytes + size <= maximumBytes) {
      open.events.push(event);
      open.bytes += size;
      return;
    }
    const batch: Batch = { subscription, stream, events: [event], bytes: size };
    this.#open.set(key, batch);
    const delivery = pause(gatherMs)
      .then(() => {
        if (this.#open.get(key) === batch) this.#open.delete(key);
        return this.#deliver(batch);
      })
      .catch((error: unknown) => {
        if (!this.#closed && !(error instanceof AwsError)) throw error; // an AwsError is in the call log
      });
    this.#deliveries.add(delivery);
    void delivery.finally(() => this.#deliveries.delete(delivery));
  }

  async #deliver({ subscription, stream, events }: Batch): Promise<void> {
    const { group, filterName, destinationArn, caller } = subscription;
    const message = {
      messageType: 'DATA_MESSAGE',
      owner: this.#surroundings.account,
      logGroup: group,
      logStream: stream,
      subscriptionFilters: [filterName],
      logEvents: events.map(({ id, timestamp, message }) => ({ id, timestamp, message })),
    };
    const data = (await compress(JSON.stringify(message))).toString('base64');
    const request = { FunctionName: destinationArn, InvocationType: 'Event', Payload: JSON.stringify({ awslogs: { data } }) };
    for (let attempt = 0; ; attempt += 1) {
      if (this.#closed) return;
      try {
        await this.#surroundings.call(caller, 'lambda', 'Invoke', request);
        return;
      } catch (error) {
        const delay = retryDelaysMs[attempt];
        const retriable = error instanceof AwsError && (error.status >= 500 || error.status === 429);
        if (!retriable || delay === undefined) throw error;
        await pause(delay);
      }
    }
  }

  /** As whom CloudWatch Logs invokes the function: the service, by either of its names, for the group with `:*`. */
  async #invokerOf(destinationArn: string, sourceArn: string): Promise<Caller> {
    const { region, account, call } = this.#surroundings;
    if (!destinationArn.startsWith('arn:aws:lambda:'))
      throw new AwsError('NotImplemented', `destination ${destinationArn}: the sandbox delivers log events to functions alone`, 501);
    if (!destinationArn.startsWith(`arn:aws:lambda:${region}:${account}:function:`))
      throw new AwsError('InvalidParameterException', `destinationArn ${destinationArn}: a function of ${region} and ${account}`);
    const policy = await call('operator', 'lambda', 'GetPolicy', { FunctionName: destinationArn }).catch(() => ({ Policy: '' }));
    const regional = `logs.${region}.amazonaws.com`;
    const caller = { service: String(policy.Policy).includes(`"${regional}"`) ? regional : 'logs.amazonaws.com', sourceArn };
    try {
      await call(caller, 'lambda', 'Invoke', { FunctionName: destinationArn, InvocationType: 'DryRun' });
      return caller;
    } catch (cause) {
      if (!(cause instanceof AwsError)) throw cause;
      throw new AwsError(
        'InvalidParameterException',
        'Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.',
      );
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
