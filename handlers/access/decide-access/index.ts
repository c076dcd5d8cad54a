/** Composition root of decide-access. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import { dynamoDbMirror } from '../../directory/dynamodb-mirror.ts';
import { isCompletelyRead, watchedDomains } from '../../directory/principals.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { exclusive } from '../../platform/exclusive.ts';
import { createLog } from '../../platform/log.ts';
import { eachMessage, postponer, sendAll } from '../../platform/queue.ts';
import type { OwnMessage } from '../decision-message.ts';
import { dynamoDbGrants } from '../dynamodb-grants.ts';
import { dynamoDbKnownConfiguration } from '../dynamodb-known-configuration.ts';
import { dynamoDbRevalidations } from '../dynamodb-revalidations.ts';
import { roleEntry } from '../role-entry.ts';
import type { PrincipalMessage } from '../role-message.ts';
import { parseRoleQueues } from '../role-queues.ts';
import { s3AccessConfiguration } from '../s3-access-configuration.ts';
import { decideAccess } from './decide-access.ts';
import { decideAccessEnvironment } from './environment.ts';
import { loadedAccess } from './loaded-access.ts';

const env = readEnvironment(decideAccessEnvironment);
const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({});
const log = createLog('decide-access');
const domains = env.DIRECTORY_DOMAINS.split(',');
const queues = parseRoleQueues(env.ROLE_QUEUES);
const mirror = dynamoDbMirror(dynamodb, env.DIRECTORY_TABLE);
const dependencies = {
  mirror: watchedDomains(mirror, domains),
  domains,
  isCompletelyRead: (domain: string) => isCompletelyRead(mirror, domain),
  grants: dynamoDbGrants(dynamodb, env.GRANTS_TABLE),
  revalidations: dynamoDbRevalidations(dynamodb, env.GRANTS_TABLE),
  knownConfiguration: dynamoDbKnownConfiguration(dynamodb, env.GRANTS_TABLE),
  access: loadedAccess(s3AccessConfiguration(new S3Client({}), env.ACCESS_BUCKET, env.ACCESS_KEY)),
  fanOut: (messages: readonly OwnMessage[]) => sendAll(sqs, env.DECISION_QUEUE_URL, messages),
  targets: new Set(queues.keys()),
  syncRoles: async (target: string, message: PrincipalMessage) => {
    await sqs.send(new SendMessageCommand({ QueueUrl: queues.get(target), ...roleEntry(message) }));
  },
  exclusive: exclusive(),
  publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS),
  log,
  now: () => new Date(),
};

const consumer = { log, postpone: postponer(sqs, env.DECISION_QUEUE_URL) };

export const handler = (event: SQSEvent, context: Context) =>
  eachMessage(event, context, consumer, (record) => decideAccess(dependencies, record.body));
