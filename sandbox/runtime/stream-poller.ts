/**
 * An event source mapping on a table's stream: Lambda reads each shard in order, in the function's role, and goes on only when a batch is
 * done (AWS Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB").
 */
import type { AwsEndpoint } from '../aws/endpoint.ts';
import type { EventSourceMapping } from '../terraform/applied-stack.ts';
import type { FunctionHost } from './function-host.ts';
import { orStopped, pause } from './pause.ts';
import { StreamBatches } from './stream-batches.ts';
import type { StreamRecord } from './stream-record.ts';

const waitMs = 20_000;
/** After a call that failed: Lambda's own delays are not documented. */
const errorDelayMs = 200;
/** Where there is no record yet to wait behind: a mapping with LATEST that has seen nothing. */
const emptyDelayMs = 50;

/** Where a shard is read. `last` is the sequence number of the last record seen. */
interface Position {
  readonly shardId: string;
  iterator: string | undefined;
  last: string | undefined;
}

export class StreamPoller {
  readonly #mapping: EventSourceMapping;
  readonly #host: FunctionHost;
  readonly #endpoint: AwsEndpoint;
  readonly #onProblem: (problem: string) => void;
  readonly #batches: StreamBatches;
  readonly #stop = new AbortController();
  /** Shards that are not waiting at their end. */
  readonly #busy = new Set<string>();
  #loop: Promise<void> | undefined;

  constructor(mapping: EventSourceMapping, host: FunctionHost, endpoint: AwsEndpoint, onProblem: (problem: string) => void) {
    this.#mapping = mapping;
    this.#host = host;
    this.#endpoint = endpoint;
    this.#onProblem = onProblem;
    this.#batches = new StreamBatches(mapping, host, endpoint, this.#stop.signal, onProblem);
  }

  start(): void {
    this.#loop ??= this.#poll().catch((error: Error) => this.#onProblem(`${this.#mapping.functionName} left its stream: ${error.message}`));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  /** Shards with records that are not done. */
  async backlog(): Promise<number> {
    return this.#busy.size;
  }

  async #poll(): Promise<void> {
    const { sourceArn } = this.#mapping;
    this.#busy.add('all');
    const shards = await this.#persist('describe', async () => {
      await this.#call('ListStreams', { TableName: sourceArn.split('/')[1] });
      const { StreamDescription } = await this.#call('DescribeStream', { StreamArn: sourceArn });
      return (StreamDescription as { Shards: readonly { ShardId: string }[] }).Shards.map(({ ShardId }) => ShardId);
    });
    const following = (shards ?? []).map((shardId) => this.#follow({ shardId, iterator: undefined, last: undefined }));
    this.#busy.delete('all');
    await Promise.all(following);
  }

  async #follow(position: Position): Promise<void> {
    const { signal } = this.#stop;
    this.#busy.add(position.shardId);
    while (!signal.aborted) {
      const batch = await this.#gather(position);
      if (batch.length > 0) await this.#batches.deliver(position.shardId, batch);
      else await this.#waitForRecords(position);
    }
  }

  /** A batch: what is there at once, or what comes within the batching window. */
  async #gather(position: Position): Promise<readonly StreamRecord[]> {
    const { batchSize, windowSeconds, sourceArn } = this.#mapping;
    const { signal } = this.#stop;
    const batch = [...(await this.#read(position, batchSize))];
    const until = Date.now() + windowSeconds * 1000;
    while (batch.length > 0 && batch.length < batchSize && Date.now() < until && !signal.aborted) {
      await orStopped(this.#endpoint.waitForStream(sourceArn, position.last, until - Date.now()), signal);
      batch.push(...(await this.#read(position, batchSize - batch.length)));
    }
    return batch;
  }

  async #read(position: Position, most: number): Promise<readonly StreamRecord[]> {
    const read = await this.#persist('read', async () => {
      position.iterator ??= await this.#iterator(position);
      try {
        return await this.#call('GetRecords', { ShardIterator: position.iterator, Limit: Math.min(most, 1000) });
      } catch (error) {
        // An iterator may have expired: the next attempt takes a new one behind the last record.
        position.iterator = undefined;
        throw error;
      }
    });
    const records = (read?.Records ?? []) as readonly StreamRecord[];
    if (read !== undefined) position.iterator = read.NextShardIterator as string | undefined;
    position.last = records.at(-1)?.dynamodb.SequenceNumber ?? position.last;
    return records;
  }

  async #iterator({ shardId, last }: Position): Promise<string> {
    const where =
      last === undefined
        ? { ShardIteratorType: this.#mapping.startingPosition ?? 'TRIM_HORIZON' }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: last };
    const answer = await this.#call('GetShardIterator', { StreamArn: this.#mapping.sourceArn, ShardId: shardId, ...where });
    return String(answer.ShardIterator);
  }

  async #waitForRecords({ shardId, last }: Position): Promise<void> {
    const { signal } = this.#stop;
    this.#busy.delete(shardId);
    const from = Date.now();
    await orStopped(this.#endpoint.waitForStream(this.#mapping.sourceArn, last, waitMs), signal);
    this.#busy.add(shardId);
    if (last === undefined && Date.now() - from < emptyDelayMs) await pause(emptyDelayMs, signal);
  }

  #call(operation: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    return this.#endpoint.call(this.#host.caller, 'dynamodb', operation, input);
  }

  /** Tries again until it succeeds; each failure is told. @returns undefined when stopped */
  async #persist<T>(what: string, attempt: () => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        return await attempt();
      } catch (error) {
        if (signal.aborted) break;
        const reason = error instanceof Error ? error.message : String(error);
        this.#onProblem(`${this.#mapping.functionName} cannot ${what} ${this.#mapping.sourceArn}: ${reason}`);
        await pause(errorDelayMs, signal);
      }
    }
    return undefined;
  }
}
