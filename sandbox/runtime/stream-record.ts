/** Records of a table's stream, as a function receives them, and what the on-failure destination is told about them. */
import { randomUUID } from 'node:crypto';
import type { AppliedFunction, EventSourceMapping } from '../terraform/applied-stack.ts';
import type { InvocationResult } from './function-host.ts';

/** As GetRecords answers it. */
export interface StreamRecord {
  readonly eventID?: string;
  readonly eventName?: string;
  readonly dynamodb: Readonly<Record<string, unknown>> & {
    readonly SequenceNumber: string;
    readonly ApproximateCreationDateTime?: Date | number;
  };
}

/** A record in the form of Lambda's DynamoDB event: times are epoch seconds, binary values base64. */
export function toRecord(record: StreamRecord, mapping: EventSourceMapping): Record<string, unknown> {
  const dynamodb = plain({ ...record.dynamodb, ApproximateCreationDateTime: createdAt(record) / 1000 });
  return { ...record, dynamodb, eventSourceARN: mapping.sourceArn };
}

/** Epoch milliseconds. */
export function createdAt({ dynamodb: { ApproximateCreationDateTime: time } }: StreamRecord): number {
  return time instanceof Date ? time.getTime() : Number(time ?? 0) * 1000;
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** What is sent to an on-failure destination: where the records are, not the records (AWS Lambda Developer Guide, "Retaining discarded records"). */
export function failureRecord(failure: {
  readonly condition: 'RetryAttemptsExhausted' | 'RecordAgeExceeded';
  readonly settings: AppliedFunction;
  readonly mapping: EventSourceMapping;
  readonly shardId: string;
  readonly records: readonly StreamRecord[];
  readonly attempts: number;
  readonly result: InvocationResult | undefined;
}): Record<string, unknown> {
  const { condition, settings, mapping, shardId, records, attempts, result } = failure;
  const times = records.map(createdAt);
  return {
    requestContext: {
      requestId: result?.requestId ?? randomUUID(),
      functionArn: settings.arn,
      condition,
      approximateInvokeCount: attempts,
    },
    ...(result && {
      responseContext: {
        statusCode: 200,
        executedVersion: '$LATEST',
        functionError: result.outcome.error === undefined ? null : 'Unhandled',
      },
    }),
    version: '1.0',
    timestamp: new Date().toISOString(),
    DDBStreamBatchInfo: {
      shardId,
      startSequenceNumber: records[0]?.dynamodb.SequenceNumber,
      endSequenceNumber: records.at(-1)?.dynamodb.SequenceNumber,
      approximateArrivalOfFirstRecord: new Date(Math.min(...times)).toISOString(),
      approximateArrivalOfLastRecord: new Date(Math.max(...times)).toISOString(),
      batchSize: records.length,
      streamArn: mapping.sourceArn,
    },
  };
}
