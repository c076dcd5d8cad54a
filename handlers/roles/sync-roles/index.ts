/** Composition root of sync-roles, of which every target has an instance of its own. */
import { setTimeout as wait } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import { dynamoDbGrants } from '../../access/dynamodb-grants.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { createLog } from '../../platform/log.ts';
import { eachMessage, postponer } from '../../platform/queue.ts';
import { dynamoDbGuard } from '../dynamodb-guard.ts';
import { dynamoDbLedger } from '../dynamodb-ledger.ts';
import { openTarget } from '../open-target.ts';
import { parseTargetSettings } from '../target-settings.ts';
import { syncRolesEnvironment } from './environment.ts';
import { syncRoles } from './sync-roles.ts';

const env = readEnvironment(syncRolesEnvironment);
const settings = parseTargetSettings(env.TARGET);
const dynamodb = new DynamoDBClient({});
const log = createLog('sync-roles');
const now = () => new Date();
const dependencies = {
  grants: dynamoDbGrants(dynamodb, env.GRANTS_TABLE),
  ledger: dynamoDbLedger(dynamodb, env.ROLES_TABLE),
  guard: dynamoDbGuard(dynamodb, env.GRANTS_TABLE, { target: settings.name, limits: settings.guard, now }),
  target: await openTarget(settings, {
    dynamodb,
    table: env.ROLES_TABLE,
    secretArn: env.TARGET_SECRET_ARN,
    opener: { environment: env.ENVIRONMENT, function: 'sync-roles' },
    log,
    now,
  }),
  onInactive: settings.onInactive,
  onDeleted: settings.onDeleted,
  publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS),
  log,
  now,
  wait: (milliseconds: number) => wait(milliseconds),
} as const;

const consumer = { log, postpone: postponer(new SQSClient({}), env.ROLE_QUEUE_URL), queue: 'fifo' } as const;

export const handler = (event: SQSEvent, context: Context) => {
  const millisecondsLeft = () => context.getRemainingTimeInMillis();
  return eachMessage(event, context, consumer, (record) => syncRoles({ ...dependencies, millisecondsLeft }, record.body));
};
