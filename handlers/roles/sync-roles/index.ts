/** Composition root of sync-roles. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IdentitystoreClient } from '@aws-sdk/client-identitystore';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import pThrottle from 'p-throttle';
import { dynamoDbGrants } from '../../access/dynamodb-grants.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { ConfigurationError } from '../../platform/errors.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { createLog } from '../../platform/log.ts';
import { eachMessage, postponer } from '../../platform/queue.ts';
import { dynamoDbLedger } from '../dynamodb-ledger.ts';
import { identityCenterTarget } from '../identity-center.ts';
import { syncRolesEnvironment } from './environment.ts';
import { syncRoles } from './sync-roles.ts';

const env = readEnvironment(syncRolesEnvironment);
const onDeleted = env.ON_DELETED;
if (onDeleted !== 'delete' && onDeleted !== 'keep') throw new ConfigurationError(`ON_DELETED is "${onDeleted}": set it to delete or keep`);

/**
 * Identity Center takes 20 calls per second and API; the event source mapping runs at most two of us, so half of it is ours. All APIs
 * together share it: simpler than a budget for each, and below every one of them.
 */
const pace = pThrottle({ limit: 10, interval: 1000 })((call: () => Promise<unknown>) => call()) as <T>(
  call: () => Promise<T>,
) => Promise<T>;

const dynamodb = new DynamoDBClient({});
const log = createLog('sync-roles');
const dependencies = {
  grants: dynamoDbGrants(dynamodb, env.GRANTS_TABLE),
  ledger: dynamoDbLedger(dynamodb, env.ROLES_TABLE),
  target: identityCenterTarget(
    new IdentitystoreClient({ region: env.IDENTITY_STORE_REGION, retryMode: 'adaptive' }),
    env.IDENTITY_STORE_ID,
    pace,
  ),
  onDeleted,
  publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS),
  log,
  now: () => new Date(),
} as const;

const consumer = { log, postpone: postponer(new SQSClient({}), env.ROLE_QUEUE_URL), queue: 'fifo' } as const;

export const handler = (event: SQSEvent, context: Context) =>
  eachMessage(event, context, consumer, (record) => syncRoles(dependencies, record.body));
