/** Composition root of close-audit. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { readEnvironment } from '../../platform/environment.ts';
import { createLog } from '../../platform/log.ts';
import { digestSigner } from '../digest-key.ts';
import { dynamoDbClaims } from '../dynamodb-claims.ts';
import { s3Evidence } from '../s3-evidence.ts';
import { s3Segments } from '../segments.ts';
import { closeAudit } from './close-audit.ts';
import { closeAuditEnvironment } from './environment.ts';

const env = readEnvironment(closeAuditEnvironment);
const log = createLog('close-audit');
const now = () => new Date();
const s3 = new S3Client({});

export const handler = async (): Promise<void> => {
  const hours = await closeAudit({
    trail: env.TRAIL,
    evidence: s3Evidence(s3, env.AUDIT_BUCKET),
    segments: s3Segments(s3, { bucket: env.AUDIT_BUCKET, keyArn: env.AUDIT_KEY_ARN }),
    // It claims nothing, so how long a claim is kept does not matter.
    claims: dynamoDbClaims(new DynamoDBClient({}), env.AUDIT_TABLE, 0, now),
    sign: digestSigner(new KMSClient({}), env.DIGEST_KEY_ID),
    now,
    onBroken: (broken) => log.error('AUDIT_TRAIL_BROKEN', { ...broken }),
  });
  log.info('AUDIT_HOURS_CLOSED', { hours });
};
