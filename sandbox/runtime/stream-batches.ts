/**
 * What becomes of a batch of stream records: done, tried again from the first failure, halved, or given up to the on-failure destination
 * (AWS Lambda Developer Guide, "Retaining discarded records for a DynamoDB event source" and "Configuring partial batch response").
 */
import type { AwsEndpoint } from '../aws/endpoint.ts';
import { AwsError } from '../aws/error.ts';
import type { EventSourceMapping } from '../terraform/applied-stack.ts';
import { failedRecords } from './batch-response.ts';
import type { FunctionHost, InvocationResult } from './function-host.ts';
import { orStopped, pause, persistently } from './pause.ts';
import { queueUrl } from './queue-url.ts';
import { recordFilter } from './record-filter.ts';
import { createdAt, failureRecord, type StreamRecord, toRecord } from './stream-record.ts';

/** Lambda documents an exponential backoff without figures. */
const retryDelayMs = (retry: number) => Math.min(100 * 2 ** retry, 10_000);
const throttleDelayMs = 50;

/** Records that are delivered together. `retries` counts those of this batch; halving it is not one of them. */
interface Batch {
  readonly shardId: string;
  readonly records: readonly StreamRecord[];
  readonly retries: number;
}

export class StreamBatches {
  readonly #mapping: EventSourceMapping;
  readonly #host: FunctionHost;
  readonly #endpoint: AwsEndpoint;
  readonly #signal: AbortSignal;
  readonly #onProblem: (problem: string) => void;
  readonly #passes: (record: unknown) => boolean;

  constructor(
    mapping: EventSourceMapping,
    host: FunctionHost,
    endpoint: AwsEndpoint,
    signal: AbortSignal,
    onProblem: (problem: string) => void,
  ) {
    this.#mapping = mapping;
    this.#host = host;
    this.#endpoint = endpoint;
    this.#signal = signal;
    this.#onProblem = onProblem;
    this.#passes = recordFilter(mapping.filters);
  }

  /** Resolves when every record is done or given up, or when stopped. Records that no filter lets pass are skipped. */
  async deliver(shardId: string, records: readonly StreamRecord[]): Promise<void> {
    const passing = records.filter((record) => this.#passes(toRecord(record, this.#mapping)));
    const pieces: Batch[] = passing.length > 0 ? [{ shardId, records: passing, retries: 0 }] : [];
    for (let piece = pieces.shift(); piece !== undefined && !this.#signal.aborted; piece = pieces.shift()) {
      pieces.unshift(...(await this.#attempt(piece)));
    }
  }

  /** @returns what remains to be delivered of the batch, in order */
  async #attempt(batch: Batch): Promise<readonly Batch[]> {
    const { maximumAgeSeconds } = this.#mapping;
    const oldest = maximumAgeSeconds < 0 ? 0 : Date.now() - maximumAgeSeconds * 1000;
    const expired = batch.records.filter((record) => createdAt(record) < oldest);
    if (expired.length > 0) await this.#giveUp({ ...batch, records: expired }, 'RecordAgeExceeded', undefined);
    const records = batch.records.filter((record) => createdAt(record) >= oldest);
    if (records.length === 0) return [];

    const result = await this.#invoke(records);
    if (result === undefined) return [];
    const failed = failedRecords(this.#mapping, records.map(sequenceNumber), result);
    // Everything before the first failure is done: the checkpoint moves there.
    const first = records.findIndex((record) => failed.includes(sequenceNumber(record)));
    if (first < 0) return [];
    return this.#afterFailure({ ...batch, records: records.slice(first) }, first > 0, result);
  }

  async #afterFailure(batch: Batch, advanced: boolean, result: InvocationResult): Promise<readonly Batch[]> {
    const { bisect, retries } = this.#mapping;
    if (bisect && advanced) return [batch];
    if (bisect && batch.records.length > 1) {
      const middle = Math.ceil(batch.records.length / 2);
      return [
        { ...batch, records: batch.records.slice(0, middle) },
        { ...batch, records: batch.records.slice(middle) },
      ];
    }
    if (retries >= 0 && batch.retries >= retries) {
      await this.#giveUp(batch, 'RetryAttemptsExhausted', result);
      return [];
    }
    await pause(retryDelayMs(batch.retries), this.#signal);
    return [{ ...batch, retries: batch.retries + 1 }];
  }

  /** @returns undefined when stopped before the function had its turn */
  async #invoke(records: readonly StreamRecord[]): Promise<InvocationResult | undefined> {
    const payload = JSON.stringify({ Records: records.map((record) => toRecord(record, this.#mapping)) });
    while (!this.#signal.aborted) {
      try {
        return await orStopped(this.#host.invoke(payload), this.#signal);
      } catch (error) {
        if (!(error instanceof AwsError && error.code === 'TooManyRequestsException')) throw error;
        await pause(throttleDelayMs, this.#signal);
      }
    }
    return undefined;
  }

  async #giveUp(
    batch: Batch,
    condition: 'RetryAttemptsExhausted' | 'RecordAgeExceeded',
    result: InvocationResult | undefined,
  ): Promise<void> {
    const { onFailureArn } = this.#mapping;
    if (onFailureArn === undefined) return;
    const failure = failureRecord({
      ...batch,
      condition,
      settings: this.#host.settings,
      mapping: this.#mapping,
      attempts: batch.retries + 1,
      result,
    });
    const message = { QueueUrl: queueUrl(this.#endpoint, onFailureArn), MessageBody: JSON.stringify(failure) };
    try {
      await persistently(this.#signal, () => this.#endpoint.call(this.#host.caller, 'sqs', 'SendMessage', message));
    } catch (error) {
      // Lambda goes on as well, and counts it in the metric DestinationDeliveryFailures.
      const reason = error instanceof Error ? error.message : String(error);
      this.#onProblem(
        `${batch.records.length} records of ${this.#mapping.sourceArn} were given up and did not reach ${onFailureArn}: ${reason}`,
      );
    }
  }
}

function sequenceNumber({ dynamodb }: StreamRecord): string {
  return dynamodb.SequenceNumber;
}
