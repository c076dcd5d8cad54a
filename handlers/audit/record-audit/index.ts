/** Composition root of record-audit. */
import { randomUUID } from 'node:crypto';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import { readEnvironment } from '../../platform/environment.ts';
import { createLog } from '../../platform/log.ts';
import { eachMessage, postponer } from '../../platform/queue.ts';
import { auditLog } from '../audit-log.ts';
import { recordAuditEnvironment } from './environment.ts';
import { recordAudit } from './record-audit.ts';

const env = readEnvironment(recordAuditEnvironment);
const log = createLog('record-audit');
const started = new Date();
/** A stream a writer: day of its start and a random part, so that two writers never share one. */
const stream = `${started.toISOString().slice(0, 10).replaceAll('-', '/')}/${randomUUID()}`;
const dependencies = { write: auditLog(new CloudWatchLogsClient({}), env.AUDIT_LOG_GROUP, stream), now: () => new Date() };

const consumer = { log, postpone: postponer(new SQSClient({}), env.AUDIT_QUEUE_URL) };

export const handler = (event: SQSEvent, context: Context) =>
  eachMessage(event, context, consumer, (record) => recordAudit(dependencies, record.body));
