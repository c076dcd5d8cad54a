/** Composition root of decide-access. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import { dynamoDbMirror } from '../../directory/dynamodb-mirror.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { exclusive } from '../../platform/exclusive.ts';
import { createLog } from '../../platform/log.ts';
import { eachMessage, postponer, sendAll } from '../../platform/queue.ts';
import { dynamoDbGrants } from '../dynamodb-grants.ts';
import type { RoleMessage } from '../role-message.ts';
import { s3RoleMappings } from '../s3-role-mappings.ts';
import { decideAccess, type LookAt } from './decide-access.ts';
import { decideAccessEnvironment } from './environment.ts';

const env = readEnvironment(decideAccessEnvironment);
const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({});
const log = createLog('decide-access');
const dependencies = {
  mirror: dynamoDbMirror(dynamodb, env.DIRECTORY_TABLE),
  grants: dynamoDbGrants(dynamodb, env.GRANTS_TABLE),
  mappings: s3RoleMappings(new S3Client({}), env.ROLE_MAPPINGS_BUCKET, env.ROLE_MAPPINGS_KEY),
  fanOut: (messages: readonly LookAt[]) => sendAll(sqs, env.DECISION_QUEUE_URL, messages),
  syncRoles: async (message: RoleMessage) => {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: env.ROLE_QUEUE_URL,
        MessageBody: JSON.stringify(message),
        // Only domain and GUID together name a principal: another forest's of the same GUID must not swallow its messages.
        MessageGroupId: `${message.domain}#${message.guid}`,
        MessageDeduplicationId: `${message.domain}#${message.guid}-${message.revision}`,
      }),
    );
  },
  exclusive: exclusive(),
  publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS),
  log,
  now: () => new Date(),
};

const consumer = { log, postpone: postponer(sqs, env.DECISION_QUEUE_URL) };

export const handler = (event: SQSEvent, context: Context) =>
  eachMessage(event, context, consumer, (record) => decideAccess(dependencies, record.body));
