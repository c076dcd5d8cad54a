/** Where questions are answered from: the log of a deployment, its bucket, or exported files. */
import { stat } from 'node:fs/promises';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { CommandError } from '../../platform/command-errors.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { evidenceRecords } from '../answers/evidence-records.ts';
import { logRecords } from '../answers/log-records.ts';
import type { TrailRecords } from '../answers/trail-records.ts';
import { folderEvidence } from '../folder-evidence.ts';
import { s3Evidence } from '../s3-evidence.ts';
import type { Options } from './options.ts';
import { variablesOf } from './trail-source.ts';

/** FilterLogEvents has an account's quota of five calls a second: it is waited for (Amazon CloudWatch Logs User Guide, "CloudWatch Logs quotas"). */
const patient = { retryMode: 'adaptive', maxAttempts: 20 } as const;

/** @throws CommandError when there is no such deployment or folder */
export async function openRecords({ files, prefix, environment, evidence }: Options, now: () => Date): Promise<TrailRecords> {
  if (files !== undefined) {
    if (!(await stat(files).catch(() => undefined))?.isDirectory())
      throw new CommandError(`--files ${files} is no folder: give the one with records/`);
    return evidenceRecords(folderEvidence(files));
  }
  const lambda = new LambdaClient({});
  try {
    const env = readEnvironment(['AUDIT_LOG_GROUP', 'AUDIT_BUCKET'], await variablesOf(lambda, `${prefix}-${environment}-record-audit`));
    if (!evidence) return logRecords(new CloudWatchLogsClient(patient), env.AUDIT_LOG_GROUP, now);
    const s3 = new S3Client({});
    return evidenceRecords(s3Evidence(s3, env.AUDIT_BUCKET), now, () => s3.destroy());
  } finally {
    lambda.destroy();
  }
}
