/** Publishing to the bus, against the sandbox's endpoint. */
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { schemaVersion } from '../../handlers/events/catalogue.ts';
import { type AnyIdentityEvent, eventId, parseEvent } from '../../handlers/events/identity-event.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { eventBusPublisher } from '../../handlers/platform/event-bus.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';

const trace = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1';

let endpoint: AwsEndpoint;
let client: EventBridgeClient;
let queueUrl: string;

beforeAll(async () => {
  // GIVEN a bus whose events all reach a queue
  endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  const arn = (service: string, name: string) => `arn:aws:${service}:eu-central-1:111122223333:${name}`;
  const call = (service: string, operation: string, input: Record<string, unknown>) => endpoint.call('operator', service, operation, input);
  await call('events', 'CreateEventBus', { Name: 'identity' });
  const rule = arn('events', 'rule/identity/all');
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: arn('sqs', 'seen'),
        Condition: { ArnEquals: { 'aws:SourceArn': rule } },
      },
    ],
  });
  queueUrl = String((await call('sqs', 'CreateQueue', { QueueName: 'seen', Attributes: { Policy } })).QueueUrl);
  await call('events', 'PutRule', {
    Name: 'all',
    EventBusName: 'identity',
    EventPattern: JSON.stringify({ source: [{ prefix: 'active-directory.' }] }),
  });
  await call('events', 'PutTargets', { Rule: 'all', EventBusName: 'identity', Targets: [{ Id: 'queue', Arn: arn('sqs', 'seen') }] });
  client = new EventBridgeClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator, maxAttempts: 2 });
});

beforeEach(() => endpoint.clearCalls());

afterAll(async () => {
  client?.destroy();
  await endpoint?.close();
});

const guid = '0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0';
const events = (count: number): AnyIdentityEvent[] =>
  Array.from({ length: count }, (_, index) => ({
    type: 'UserEnabled' as const,
    version: schemaVersion,
    id: eventId('corp.example.com', guid, index, 'UserEnabled'),
    domain: 'corp.example.com',
    subject: { guid, type: 'user' as const, name: 'Ada', dn: 'CN=Ada,DC=corp,DC=example,DC=com' },
    change: {},
    revision: index,
    occurredAt: '2025-03-01T10:00:00.000Z',
    detectedAt: '2025-03-01T10:00:00.000Z',
  }));

async function received(count: number): Promise<AnyIdentityEvent[]> {
  const found: AnyIdentityEvent[] = [];
  for (let attempt = 0; found.length < count && attempt < 50; attempt += 1) {
    const { Messages = [] } = (await endpoint.call('operator', 'sqs', 'ReceiveMessage', {
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 1,
    })) as { Messages?: { Body: string; ReceiptHandle: string }[] };
    for (const { Body, ReceiptHandle } of Messages) {
      found.push(parseEvent(JSON.parse(Body)));
      await endpoint.call('operator', 'sqs', 'DeleteMessage', { QueueUrl: queueUrl, ReceiptHandle });
    }
  }
  return found;
}

test('WHEN more events are published than one PutEvents takes THEN each arrives as it was raised', async () => {
  await eventBusPublisher(client, 'identity')(events(23));
  const byRevision = (await received(23)).sort((a, b) => a.revision - b.revision);
  expect(byRevision).toEqual(events(23));
  expect(endpoint.calls.filter((call) => call.operation === 'PutEvents')).toHaveLength(3);
});

test('WHEN there is nothing to publish THEN nothing is called', async () => {
  await eventBusPublisher(client, 'identity')([]);
  expect(endpoint.calls).toEqual([]);
});

test('GIVEN a function whose calls are traced WHEN it publishes THEN the call carries its trace, which EventBridge passes on', async () => {
  vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'publish-changes');
  vi.stubEnv('_X_AMZN_TRACE_ID', trace);
  const traced = new EventBridgeClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator });
  const seen: unknown[] = [];
  traced.middlewareStack.add(
    (next) => (args) => {
      seen.push((args.request as { readonly headers: Readonly<Record<string, string>> }).headers['X-Amzn-Trace-Id']);
      return next(args);
    },
    { step: 'finalizeRequest' },
  );
  await eventBusPublisher(traced, 'identity')(events(1));
  vi.unstubAllEnvs();
  expect(seen).toEqual([trace]);
});

test('fails when the bus refuses some of a batch, naming them, so that all are sent again', async () => {
  const refusing = {
    send: async () => ({ FailedEntryCount: 1, Entries: [{ EventId: '1' }, { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow' }] }),
  } as unknown as EventBridgeClient;
  const publishing = eventBusPublisher(refusing, 'identity')(events(2));
  await expect(publishing).rejects.toThrow(RetryableError);
  await expect(publishing).rejects.toThrow(/refused 1 of 2 events \(UserEnabled ThrottlingException\)/);
});

test('fails when AWS throttles for longer than the client tries', async () => {
  const remove = endpoint.inject({ match: ({ operation }) => operation === 'PutEvents', times: 2, effect: { throttle: true } });
  await expect(eventBusPublisher(client, 'identity')(events(1))).rejects.toThrow(/thrott|rate/i);
  remove();
});
