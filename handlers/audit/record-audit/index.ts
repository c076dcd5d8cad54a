/** Composition root of record-audit. */
import { randomUUID } from 'node:crypto';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import { readEnvironment } from '../../platform/environment.ts';
import { createLog } from '../../platform/log.ts';
import { eachMessage, postponer } from '../../platform/queue.ts';
import { auditLog } from '../audit-log.ts';
import { AuditWriter } from '../audit-writer.ts';
import { dynamoDbClaims } from '../dynamodb-claims.ts';
import { s3Segments } from '../segments.ts';
import { recordAuditEnvironment } from './environment.ts';
import { recordAudit } from './record-audit.ts';

const env = readEnvironment(recordAuditEnvironment);
const log = createLog('record-audit');
const now = () => new Date();
/** A stream a writer: day of its start and a random part, so that two writers never share one. */
const stream = `${now().toISOString().slice(0, 10).replaceAll('-', '/')}/${randomUUID()}`;
const writer = new AuditWriter({
  claims: dynamoDbClaims(new DynamoDBClient({}), env.AUDIT_TABLE, Number(env.AUDIT_KEEP_DAYS), now),
  segments: s3Segments(new S3Client({}), { bucket: env.AUDIT_BUCKET, keyArn: env.AUDIT_KEY_ARN }),
  log: auditLog(new CloudWatchLogsClient({}), env.AUDIT_LOG_GROUP, stream),
  revisions: { code: env.CODE_REVISION, configuration: env.CONFIGURATION_REVISION },
  now,
});
const consumer = { log, postpone: postponer(new SQSClient({}), env.AUDIT_QUEUE_URL) };

export const handler = async (event: SQSEvent, context: Context) => {
  const outcomes = await recordAudit(
    writer,
    event.Records.map(({ body }) => body),
  );
  const failures = new Map(event.Records.map(({ messageId }, index) => [messageId, outcomes[index]]));
  return eachMessage(event, context, consumer, async ({ messageId }) => {
    const failure = failures.get(messageId);
    if (failure !== undefined) throw failure;
  });
};
