/** Reads of a target what its guard holds back, what its last run of reconcile found, and how many changes failed lately. */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import { readEnvironment } from '../../platform/environment.ts';
import { dynamoDbGuardStore } from '../../roles/dynamodb-guard.ts';
import { awsRunStore } from '../../roles/reconcile/aws-run-store.ts';
import type { DriftReport } from '../../roles/reconcile/drift-report.ts';
import type { DeployedFunction } from './deployment.ts';
import { sumsOf } from './metric-reader.ts';
import { reading, type TargetReading } from './readings.ts';

/** Variables of reconcile that say where its records are. */
const places = ['GRANTS_TABLE', 'ROLES_TABLE', 'REPORT_BUCKET', 'RECONCILE_EVERY_MINUTES'] as const;

export interface TargetClients {
  readonly dynamodb: DynamoDBClient;
  readonly s3: S3Client;
  readonly cloudwatch: CloudWatchClient;
}

/** @param namespace of the environment's own metrics */
export async function readTarget(
  { dynamodb, s3, cloudwatch }: TargetClients,
  { instance: name, deployedAt, environment }: DeployedFunction,
  namespace: string,
  now: Date,
): Promise<TargetReading> {
  const env = readEnvironment(places, environment);
  const [guard, drift, failures] = await Promise.all([
    reading(async () => {
      const store = dynamoDbGuardStore(dynamodb, env.GRANTS_TABLE, name);
      const { tripped } = (await store.read()).state;
      if (tripped === undefined) return undefined;
      const staged = (await store.removalsOf(tripped.id)).filter(({ outcome }) => outcome === 'staged').length;
      return { tripped, staged };
    }),
    reading(async () => {
      const runs = awsRunStore({ dynamodb, table: env.ROLES_TABLE, s3, bucket: env.REPORT_BUCKET }, name);
      const completed = (await runs.read())?.completed;
      return { completed, findings: completed === undefined ? [] : await findingsOf(s3, env.REPORT_BUCKET, name) };
    }),
    reading(async () => {
      const metric = { namespace: `${namespace}/${name}`, name: 'ChangesFailed', dimensions: {} };
      return (await sumsOf(cloudwatch, [metric], now))[0] ?? 0;
    }),
  ]);
  return { name, deployedAt, everyMinutes: Number(env.RECONCILE_EVERY_MINUTES), guard, drift, failures };
}

async function findingsOf(s3: S3Client, Bucket: string, target: string): Promise<DriftReport['findings']> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: `reconcile/${target}/latest.json` }));
    return (JSON.parse((await Body?.transformToString()) ?? '') as DriftReport).findings;
  } catch (error) {
    if (!(error instanceof NoSuchKey)) throw error;
    throw new Error(`the report of the last run is not in ${Bucket}: run reconcile of ${target} again`, { cause: error });
  }
}
