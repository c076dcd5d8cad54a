/** Composition root of settle-guard. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import { roleEntry } from '../../access/role-entry.ts';
import type { PrincipalMessage } from '../../access/role-message.ts';
import { parseRoleQueues } from '../../access/role-queues.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { createLog } from '../../platform/log.ts';
import { eachMessage, postponer, sendEntries } from '../../platform/queue.ts';
import { kmsVerifier } from '../approval-key.ts';
import { dynamoDbGuardStore } from '../dynamodb-guard.ts';
import { settleGuardEnvironment } from './environment.ts';
import { settleGuard } from './settle-guard.ts';

const env = readEnvironment(settleGuardEnvironment);
const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({});
const log = createLog('settle-guard');
const targets = [...parseRoleQueues(env.ROLE_QUEUES)].map(
  ([target, queueUrl]) =>
    [
      target,
      {
        store: dynamoDbGuardStore(dynamodb, env.GRANTS_TABLE, target),
        send: (messages: readonly PrincipalMessage[]) => sendEntries(sqs, queueUrl, messages.map(roleEntry)),
      },
    ] as const,
);
const dependencies = {
  targets: new Map(targets),
  verify: kmsVerifier(new KMSClient({}), env.APPROVAL_KEY_ID),
  publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS),
  log,
  now: () => new Date(),
};

const consumer = { log, postpone: postponer(sqs, env.GUARD_QUEUE_URL) };

export const handler = (event: SQSEvent, context: Context) =>
  eachMessage(event, context, consumer, (record) => settleGuard(dependencies, record.body));
