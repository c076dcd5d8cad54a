/** Composition root of publish-changes. */
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import { readEnvironment } from '../../platform/environment.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { createLog } from '../../platform/log.ts';
import { sendAll } from '../../platform/queue.ts';
import { publishChangesEnvironment } from './environment.ts';
import { publishChanges, type UnreadableRecord } from './publish-changes.ts';

const env = readEnvironment(publishChangesEnvironment);
const sqs = new SQSClient({});
const dependencies = {
  publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS),
  setAside: (records: readonly UnreadableRecord[]) => sendAll(sqs, env.DEAD_LETTER_QUEUE_URL, records),
  log: createLog('publish-changes'),
};

export const handler = (event: DynamoDBStreamEvent) => publishChanges(dependencies, event);
