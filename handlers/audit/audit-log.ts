/** The audit trail in CloudWatch Logs: the same lines as in the bucket, for queries within seconds. */
import {
  type CloudWatchLogsClient,
  CreateLogStreamCommand,
  PutLogEventsCommand,
  ResourceAlreadyExistsException,
} from '@aws-sdk/client-cloudwatch-logs';
import { RetryableError } from '../platform/errors.ts';

/** Writes lines, all of one moment; resolves only when CloudWatch Logs has taken every one. */
export type WriteLines = (lines: readonly string[], at: Date) => Promise<void>;

/** A batch ends at 1,048,576 bytes, of which each event takes 26 besides its message (CloudWatch Logs API Reference, PutLogEvents). */
const batchBytes = 1_048_576;
const eventBytes = 26;

/** @param logStreamName the stream of this writer, made at its first record */
export function auditLog(client: CloudWatchLogsClient, logGroupName: string, logStreamName: string): WriteLines {
  let ready: Promise<void> | undefined;
  const makeStream = async () => {
    try {
      await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    } catch (error) {
      if (!(error instanceof ResourceAlreadyExistsException)) throw error;
    }
  };
  return async (lines, at) => {
    ready ??= makeStream().catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    await ready;
    for (const batch of batches(lines)) {
      const logEvents = batch.map((message) => ({ timestamp: at.getTime(), message }));
      const { rejectedLogEventsInfo } = await client.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
      // CloudWatch answers 200 and drops events that are too old or too new: a record it did not keep is not written.
      if (rejectedLogEventsInfo)
        throw new RetryableError(`the audit log ${logGroupName} rejected records of ${at.toISOString()}: they are written again`);
    }
  };
}

function* batches(lines: readonly string[]): Generator<readonly string[]> {
  let batch: string[] = [];
  let bytes = 0;
  for (const line of lines) {
    const size = Buffer.byteLength(line) + eventBytes;
    if (batch.length > 0 && bytes + size > batchBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(line);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
