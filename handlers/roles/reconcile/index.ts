/** Composition root of reconcile, of which every target has an instance of its own. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { dynamoDbGrants } from '../../access/dynamodb-grants.ts';
import { roleEntry } from '../../access/role-entry.ts';
import type { RoleMessage } from '../../access/role-message.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { ConfigurationError } from '../../platform/errors.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { createLog } from '../../platform/log.ts';
import { sendEntries } from '../../platform/queue.ts';
import { dynamoDbGuard } from '../dynamodb-guard.ts';
import { dynamoDbLedger } from '../dynamodb-ledger.ts';
import { openTarget } from '../open-target.ts';
import { parseTargetSettings } from '../target-settings.ts';
import { awsRunStore } from './aws-run-store.ts';
import { reconcileEnvironment } from './environment.ts';
import { reconcile } from './reconcile.ts';

const env = readEnvironment(reconcileEnvironment);
const settings = parseTargetSettings(env.TARGET);
const mode = env.RECONCILE_MODE;
if (mode !== 'heal' && mode !== 'report') throw new ConfigurationError(`RECONCILE_MODE is "${mode}": set it to heal or report`);
const everyMinutes = Number(env.RECONCILE_EVERY_MINUTES);
if (!(everyMinutes > 0))
  throw new ConfigurationError(`RECONCILE_EVERY_MINUTES is "${env.RECONCILE_EVERY_MINUTES}": set it to minutes above 0`);

const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({});
const log = createLog('reconcile');
const now = () => new Date();
const dependencies = {
  target: await openTarget(settings, {
    dynamodb,
    table: env.ROLES_TABLE,
    secretArn: env.TARGET_SECRET_ARN,
    opener: { environment: env.ENVIRONMENT, function: 'reconcile' },
    log,
    now,
  }),
  settings,
  mode,
  everyMinutes,
  grants: dynamoDbGrants(dynamodb, env.GRANTS_TABLE),
  guard: dynamoDbGuard(dynamodb, env.GRANTS_TABLE, { target: settings.name, limits: settings.guard, now }),
  ledger: dynamoDbLedger(dynamodb, env.ROLES_TABLE),
  runs: awsRunStore({ dynamodb, table: env.ROLES_TABLE, s3: new S3Client({}), bucket: env.REPORT_BUCKET }, settings.name),
  send: (messages: readonly RoleMessage[]) => sendEntries(sqs, env.ROLE_QUEUE_URL, messages.map(roleEntry)),
  publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS),
  log,
  now,
} as const;

export const handler = (request: unknown, context: Context) =>
  reconcile({ ...dependencies, millisecondsLeft: () => context.getRemainingTimeInMillis() }, request);
