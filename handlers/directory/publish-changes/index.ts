/** Composition root of publish-changes. */
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import { readEnvironment } from '../../platform/environment.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { createLog } from '../../platform/log.ts';
import { publishChangesEnvironment } from './environment.ts';
import { publishChanges } from './publish-changes.ts';

const env = readEnvironment(publishChangesEnvironment);
const dependencies = { publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS), log: createLog('publish-changes') };

export const handler = (event: DynamoDBStreamEvent) => publishChanges(dependencies, event);
