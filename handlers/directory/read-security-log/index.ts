/** Composition root of read-security-log. */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import type { CloudWatchLogsEvent } from 'aws-lambda';
import { readEnvironment } from '../../platform/environment.ts';
import { createLog } from '../../platform/log.ts';
import { dynamoDbActorHints } from '../security-log/dynamodb-actor-hints.ts';
import { dynamoDbWakeLedger } from '../security-log/dynamodb-wake-ledger.ts';
import { invokeDetectChanges } from '../security-log/invoke-detect-changes.ts';
import { wake } from '../security-log/wake.ts';
import { readSecurityLogEnvironment } from './environment.ts';
import { parseSecurityLogs, readSecurityLog } from './read-security-log.ts';

const env = readEnvironment(readSecurityLogEnvironment);
const dynamodb = new DynamoDBClient({});
const now = () => new Date();
const waking = {
  ledger: dynamoDbWakeLedger(dynamodb, env.ACTORS_TABLE),
  invoke: invokeDetectChanges(new LambdaClient({})),
  now,
  wait,
  newHolder: randomUUID,
};
const dependencies = {
  logs: parseSecurityLogs(env.SECURITY_LOGS),
  hints: dynamoDbActorHints(dynamodb, env.ACTORS_TABLE),
  wake: (functionName: string) => wake(waking, functionName),
  log: createLog('read-security-log'),
  now,
};

export const handler = (event: CloudWatchLogsEvent) => readSecurityLog(dependencies, event);
