import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { AwsError } from '../error.ts';
import { limit, optionalText, text } from '../input.ts';
import type { Input, Operation, Output } from '../service.ts';

export type Item = Record<string, Record<string, unknown>>;

/** DynamoDB's sets have no order: two images that differ only there are equal. */
function unordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      ['SS', 'NS', 'BS'].includes(name) && Array.isArray(member) ? [...member].sort() : unordered(member),
    ]),
  );
}

const firstSequenceNumber = 100_000_000_000_000_000_000_000n;

/** One table's stream, a single shard that is never trimmed (DynamoDB Developer Guide, "Change data capture for DynamoDB Streams"). */
export class TableStream {
  readonly arn: string;
  readonly label: string;
  readonly tableName: string;
  readonly viewType: string;
  readonly keySchema: readonly Record<string, unknown>[];
  readonly shardId = 'shardId-00000000000000000001-00000001';
  readonly createdAt = new Date();
  private readonly region: string;
  private readonly log: Output[] = [];
  private readonly waiting = new Set<() => void>();

  constructor(table: { arn: string; name: string; region: string; keySchema: readonly Record<string, unknown>[]; viewType: string }) {
    this.label = this.createdAt.toISOString().slice(0, -1);
    this.arn = `${table.arn}/stream/${this.label}`;
    this.tableName = table.name;
    this.region = table.region;
    this.keySchema = table.keySchema;
    this.viewType = table.viewType;
  }

  /** Records what a write did. A write that changed nothing makes no record. */
  record(keys: Item, before: Item | undefined, after: Item | undefined): void {
    if (isDeepStrictEqual(unordered(before), unordered(after))) return;
    const withOld = this.viewType === 'NEW_AND_OLD_IMAGES' || this.viewType === 'OLD_IMAGE';
    const withNew = this.viewType === 'NEW_AND_OLD_IMAGES' || this.viewType === 'NEW_IMAGE';
    const change = {
      Keys: keys,
      ...(after && withNew ? { NewImage: after } : {}),
      ...(before && withOld ? { OldImage: before } : {}),
    };
    this.log.push({
      eventID: randomUUID().replaceAll('-', ''),
      eventName: before === undefined ? 'INSERT' : after === undefined ? 'REMOVE' : 'MODIFY',
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: this.region,
      dynamodb: {
        // Whole seconds, as DynamoDB Streams reports them
        ApproximateCreationDateTime: new Date(Math.floor(Date.now() / 1000) * 1000),
        ...change,
        SequenceNumber: this.sequenceNumber(this.log.length),
        SizeBytes: Buffer.byteLength(JSON.stringify(change)),
        StreamViewType: this.viewType,
      },
    });
    this.wake();
  }

  get length(): number {
    return this.log.length;
  }

  read(from: number, maximum: number): Output[] {
    return this.log.slice(from, from + maximum);
  }

  sequenceNumber(position: number): string {
    return (firstSequenceNumber + BigInt(position)).toString();
  }

  position(sequenceNumber: string): number {
    if (!/^\d{21,40}$/.test(sequenceNumber))
      throw new AwsError('ValidationException', `SequenceNumber: expected 21 to 40 digits, got '${sequenceNumber}'`);
    return Number(BigInt(sequenceNumber) - firstSequenceNumber);
  }

  /** Resolves when there are records after the given one, or when the time is over. */
  async waitFor(afterSequenceNumber: string | undefined, timeoutMs: number): Promise<void> {
    const next = afterSequenceNumber === undefined ? 0 : this.position(afterSequenceNumber) + 1;
    if (this.log.length > next) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.waiting.add(done);
    });
  }

  wake(): void {
    for (const resume of [...this.waiting]) resume();
  }
}

/** The operations of DynamoDB Streams. An iterator is a position in a stream. */
export function streamOperations(streams: ReadonlyMap<string, TableStream>): Record<string, Operation> {
  const streamAt = (arn: string): TableStream => {
    const stream = streams.get(arn);
    if (!stream) throw new AwsError('ResourceNotFoundException', `Requested resource not found: Stream: ${arn} not found`);
    return stream;
  };
  const iterator = (stream: TableStream, position: number): string =>
    Buffer.from(JSON.stringify([stream.arn, position])).toString('base64url');
  const readIterator = (input: Input): [arn: string, position: number] => {
    try {
      const [arn, position] = JSON.parse(Buffer.from(text(input, 'ShardIterator'), 'base64url').toString()) as unknown[];
      if (typeof arn === 'string' && typeof position === 'number') return [arn, position];
    } catch (error) {
      if (error instanceof AwsError) throw error;
    }
    throw new AwsError('ValidationException', 'Invalid ShardIterator');
  };
  const onStream =
    (action: string, arn: (input: Input) => string) =>
    (input: Input): ReturnType<Operation['authorize']> => [{ action: `dynamodb:${action}`, resource: arn(input) }];

  return {
    ListStreams: {
      authorize: () => [{ action: 'dynamodb:ListStreams', resource: '*' }],
      run: (input) => {
        const table = optionalText(input, 'TableName');
        return {
          Streams: [...streams.values()]
            .filter((stream) => table === undefined || stream.tableName === table)
            .map((stream) => ({ StreamArn: stream.arn, StreamLabel: stream.label, TableName: stream.tableName })),
        };
      },
    },
    DescribeStream: {
      authorize: onStream('DescribeStream', (input) => text(input, 'StreamArn')),
      run: (input) => {
        const stream = streamAt(text(input, 'StreamArn'));
        return {
          StreamDescription: {
            StreamArn: stream.arn,
            StreamLabel: stream.label,
            StreamStatus: 'ENABLED',
            StreamViewType: stream.viewType,
            CreationRequestDateTime: stream.createdAt,
            TableName: stream.tableName,
            KeySchema: stream.keySchema,
            Shards: [{ ShardId: stream.shardId, SequenceNumberRange: { StartingSequenceNumber: stream.sequenceNumber(0) } }],
          },
        };
      },
    },
    GetShardIterator: {
      authorize: onStream('GetShardIterator', (input) => text(input, 'StreamArn')),
      run: (input) => {
        const stream = streamAt(text(input, 'StreamArn'));
        if (text(input, 'ShardId') !== stream.shardId)
          throw new AwsError('ResourceNotFoundException', `Requested resource not found: Shard: ${input.ShardId} not found`);
        const type = text(input, 'ShardIteratorType');
        const start: Record<string, () => number> = {
          TRIM_HORIZON: () => 0,
          LATEST: () => stream.length,
          AT_SEQUENCE_NUMBER: () => stream.position(text(input, 'SequenceNumber')),
          AFTER_SEQUENCE_NUMBER: () => stream.position(text(input, 'SequenceNumber')) + 1,
        };
        const position = start[type]?.();
        if (position === undefined)
          throw new AwsError('ValidationException', `ShardIteratorType: expected ${Object.keys(start).join(', ')}, got '${type}'`);
        return { ShardIterator: iterator(stream, Math.max(0, position)) };
      },
    },
    GetRecords: {
      authorize: onStream('GetRecords', (input) => readIterator(input)[0]),
      run: (input) => {
        const [arn, position] = readIterator(input);
        const stream = streamAt(arn);
        const found = stream.read(position, limit(input, 'Limit', 1, 1000, 1000));
        return { Records: found, NextShardIterator: iterator(stream, position + found.length) };
      },
    },
  };
}
