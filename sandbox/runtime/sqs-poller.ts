/**
 * An event source mapping on a queue: Lambda receives in the function's role, invokes with a batch, and deletes what succeeded
 * (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
 */
import type { AwsEndpoint } from '../aws/endpoint.ts';
import { AwsError } from '../aws/error.ts';
import type { EventSourceMapping } from '../terraform/applied-stack.ts';
import { failedRecords } from './batch-response.ts';
import type { FunctionHost, InvocationResult } from './function-host.ts';
import { orStopped, pause, persistently } from './pause.ts';
import { queueUrl } from './queue-url.ts';
import { recordFilter } from './record-filter.ts';

/** Batches in progress at once where the mapping names no maximum; Lambda starts with five. */
const defaultConcurrency = 5;
const longPollSeconds = 20;
/** After a call that failed: Lambda's own delays are not documented. */
const errorDelayMs = 200;
const throttleDelayMs = 50;
/** Between two looks whether a disabled mapping is enabled again. */
const disabledDelayMs = 50;

interface Message {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MD5OfBody: string;
  readonly Attributes?: Readonly<Record<string, string>>;
  readonly MessageAttributes?: Readonly<Record<string, { DataType: string; StringValue?: string; BinaryValue?: Uint8Array }>>;
  readonly MD5OfMessageAttributes?: string;
}

export class SqsPoller {
  readonly #mapping: EventSourceMapping;
  readonly #host: FunctionHost;
  readonly #endpoint: AwsEndpoint;
  readonly #onProblem: (problem: string) => void;
  readonly #url: string;
  readonly #passes: (record: unknown) => boolean;
  readonly #stop = new AbortController();
  readonly #inProgress = new Set<Promise<void>>();
  #visibilityMs = 30_000;
  #loop: Promise<void> | undefined;

  constructor(mapping: EventSourceMapping, host: FunctionHost, endpoint: AwsEndpoint, onProblem: (problem: string) => void) {
    this.#mapping = mapping;
    this.#host = host;
    this.#endpoint = endpoint;
    this.#onProblem = onProblem;
    this.#url = queueUrl(endpoint, mapping.sourceArn);
    this.#passes = recordFilter(mapping.filters);
  }

  start(): void {
    this.#loop ??= this.#poll();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await Promise.all(this.#inProgress);
  }

  /** Messages in the queue, those being processed or delayed included. */
  async backlog(): Promise<number> {
    const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible', 'ApproximateNumberOfMessagesDelayed'];
    const answer = await this.#endpoint.call('operator', 'sqs', 'GetQueueAttributes', { QueueUrl: this.#url, AttributeNames: names });
    const counts = Object.values((answer.Attributes ?? {}) as Record<string, string>);
    return counts.reduce((sum, count) => sum + Number(count), 0) + this.#inProgress.size;
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop;
    await this.#lookAtQueue();
    while (!signal.aborted) {
      const concurrency = this.#mapping.maximumConcurrency ?? defaultConcurrency;
      if (this.#inProgress.size >= concurrency) {
        await orStopped(Promise.race(this.#inProgress), signal);
        continue;
      }
      if (!this.#endpoint.polls(this.#mapping.id)) {
        await pause(disabledDelayMs, signal);
        continue;
      }
      const batch = await this.#gather();
      if (batch.length === 0) continue;
      // It was disabled while a poll waited.
      if (!this.#endpoint.polls(this.#mapping.id)) {
        await this.#release(batch);
        continue;
      }
      const done: Promise<void> = this.#process(batch)
        .catch((error: Error) => this.#onProblem(`a batch of ${this.#mapping.sourceArn} was left in the queue: ${error.message}`))
        .finally(() => this.#inProgress.delete(done));
      this.#inProgress.add(done);
    }
  }

  /** Lambda reads the queue's visibility timeout before it polls, with the function's role. */
  async #lookAtQueue(): Promise<void> {
    const input = { QueueUrl: this.#url, AttributeNames: ['VisibilityTimeout'] };
    try {
      const answer = await this.#endpoint.call(this.#host.caller, 'sqs', 'GetQueueAttributes', input);
      const { VisibilityTimeout } = (answer.Attributes ?? {}) as Record<string, string>;
      if (VisibilityTimeout !== undefined) this.#visibilityMs = Number(VisibilityTimeout) * 1000;
    } catch (error) {
      this.#onProblem(`${this.#mapping.functionName} cannot poll ${this.#mapping.sourceArn}: ${messageOf(error)}`);
    }
  }

  /** A batch: what is there at once, or what comes within the batching window. */
  async #gather(): Promise<readonly Message[]> {
    const { batchSize, windowSeconds } = this.#mapping;
    const batch = [...(await this.#receive(batchSize, longPollSeconds))];
    const until = Date.now() + windowSeconds * 1000;
    while (batch.length > 0 && batch.length < batchSize && Date.now() < until && !this.#stop.signal.aborted) {
      batch.push(...(await this.#receive(batchSize - batch.length, Math.min(longPollSeconds, Math.ceil((until - Date.now()) / 1000)))));
    }
    return batch;
  }

  async #receive(most: number, waitSeconds: number): Promise<readonly Message[]> {
    const { signal } = this.#stop;
    const receiving = this.#endpoint.call(this.#host.caller, 'sqs', 'ReceiveMessage', {
      QueueUrl: this.#url,
      MaxNumberOfMessages: Math.min(most, 10),
      WaitTimeSeconds: waitSeconds,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    });
    const messages = receiving.then((answer) => (answer.Messages ?? []) as readonly Message[]);
    // What a poll still brings after the stop goes back into the queue.
    messages.then((late) => (signal.aborted ? this.#release(late) : undefined)).catch(() => undefined);
    try {
      return (await orStopped(messages, signal)) ?? [];
    } catch (error) {
      this.#onProblem(`${this.#mapping.functionName} cannot receive from ${this.#mapping.sourceArn}: ${messageOf(error)}`);
      await pause(errorDelayMs, signal);
      return [];
    }
  }

  async #process(batch: readonly Message[]): Promise<void> {
    const records = batch.map((message) => this.#toRecord(message));
    // A message that no pattern matches is deleted unseen.
    const passing = records.filter((record) => this.#passes({ ...record, body: parsedBody(record.body) }));
    const result = passing.length === 0 ? undefined : await this.#invoke(JSON.stringify({ Records: passing }));
    if (passing.length > 0 && result === undefined) return;
    const failed =
      result === undefined
        ? []
        : failedRecords(
            this.#mapping,
            passing.map((record) => record.messageId),
            result,
          );
    const done = batch.filter((message) => !failed.includes(message.MessageId));
    for (let from = 0; from < done.length; from += 10) await this.#delete(done.slice(from, from + 10));
  }

  /** @returns undefined when the function is throttled for so long that the messages are visible again, or the poller is stopped */
  async #invoke(payload: string): Promise<InvocationResult | undefined> {
    const { signal } = this.#stop;
    const visibleAgain = Date.now() + this.#visibilityMs;
    while (!signal.aborted && Date.now() < visibleAgain) {
      try {
        return await this.#host.invoke(payload);
      } catch (error) {
        if (!(error instanceof AwsError && error.code === 'TooManyRequestsException')) throw error;
        await pause(throttleDelayMs, signal);
      }
    }
    return undefined;
  }

  async #delete(messages: readonly Message[]): Promise<void> {
    const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    const input = { QueueUrl: this.#url, Entries };
    const answer = await persistently(this.#stop.signal, () => this.#endpoint.call(this.#host.caller, 'sqs', 'DeleteMessageBatch', input));
    const failed = (answer.Failed ?? []) as readonly { Message?: string }[];
    if (failed.length > 0)
      this.#onProblem(`${failed.length} messages of ${this.#mapping.sourceArn} were not deleted: ${failed[0]?.Message}`);
  }

  async #release(messages: readonly Message[]): Promise<void> {
    for (const { ReceiptHandle } of messages) {
      await this.#endpoint.call('operator', 'sqs', 'ChangeMessageVisibility', { QueueUrl: this.#url, ReceiptHandle, VisibilityTimeout: 0 });
    }
  }

  #toRecord(message: Message) {
    return {
      messageId: message.MessageId,
      receiptHandle: message.ReceiptHandle,
      body: message.Body,
      attributes: message.Attributes ?? {},
      messageAttributes: Object.fromEntries(
        Object.entries(message.MessageAttributes ?? {}).map(([name, { DataType, StringValue, BinaryValue }]) => [
          name,
          {
            ...(StringValue !== undefined && { stringValue: StringValue }),
            ...(BinaryValue !== undefined && { binaryValue: Buffer.from(BinaryValue).toString('base64') }),
            stringListValues: [],
            binaryListValues: [],
            dataType: DataType,
          },
        ]),
      ),
      ...(message.MD5OfMessageAttributes !== undefined && { md5OfMessageAttributes: message.MD5OfMessageAttributes }),
      md5OfBody: message.MD5OfBody,
      eventSource: 'aws:sqs',
      eventSourceARN: this.#mapping.sourceArn,
      awsRegion: this.#endpoint.region,
    };
  }
}

/** Patterns look into a body that is JSON. */
function parsedBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
