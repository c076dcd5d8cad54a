/** The audit trail in CloudWatch Logs. */
import {
  type CloudWatchLogsClient,
  CreateLogStreamCommand,
  PutLogEventsCommand,
  ResourceAlreadyExistsException,
} from '@aws-sdk/client-cloudwatch-logs';
import { RetryableError } from '../platform/errors.ts';
import type { AuditRecord } from './audit-record.ts';

/** Writes one record; resolves only when CloudWatch Logs has taken it. */
export type WriteRecord = (record: AuditRecord) => Promise<void>;

/** @param logStreamName the stream of this writer, made at its first record */
export function auditLog(client: CloudWatchLogsClient, logGroupName: string, logStreamName: string): WriteRecord {
  let ready: Promise<void> | undefined;
  const makeStream = async () => {
    try {
      await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    } catch (error) {
      if (!(error instanceof ResourceAlreadyExistsException)) throw error;
    }
  };
  return async (record) => {
    ready ??= makeStream().catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    await ready;
    const { rejectedLogEventsInfo } = await client.send(
      new PutLogEventsCommand({
        logGroupName,
        logStreamName,
        logEvents: [{ timestamp: Date.parse(record.recordedAt), message: JSON.stringify(record) }],
      }),
    );
    // CloudWatch answers 200 and drops events that are too old or too new: a record it did not keep is not written.
    if (rejectedLogEventsInfo)
      throw new RetryableError(`the audit log ${logGroupName} rejected record ${record.eventId}: it is written again`);
  };
}
