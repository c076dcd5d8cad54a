import {
  CreateArchiveCommand,
  CreateEventBusCommand,
  DescribeArchiveCommand,
  DescribeEventBusCommand,
  EventBridgeClient,
  ListArchivesCommand,
  ListEventBusesCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  type PutEventsRequestEntry,
  PutRuleCommand,
  PutTargetsCommand,
  TestEventPatternCommand,
} from '@aws-sdk/client-eventbridge';
import { describe, expect, test } from 'vitest';
import { account, clientOf, endpointForTests, eventually, failure, region } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new EventBridgeClient(clientOf(endpoint));
const busArn = (await client.send(new CreateEventBusCommand({ Name: 'identity' }))).EventBusArn;
let rules = 0;

const queueArn = (name: string): string => `arn:aws:sqs:${region}:${account}:${name}`;
const entry = (detail: object, more: Partial<PutEventsRequestEntry> = {}): PutEventsRequestEntry => ({
  EventBusName: 'identity',
  Source: 'active-directory.directory',
  DetailType: 'UserCreated',
  Detail: JSON.stringify(detail),
  ...more,
});

/** A rule that sends to a queue of its own; the queue's policy lets the rule in unless told otherwise. */
async function ruleToQueue(
  pattern: object,
  options: { admitted?: boolean; fifo?: boolean; deadLetter?: string } = {},
): Promise<{ queue: string; ruleArn: string }> {
  rules += 1;
  const rule = `rule-${rules}`;
  const queue = `events-${rules}${options.fifo ? '.fifo' : ''}`;
  const { RuleArn = '' } = await client.send(
    new PutRuleCommand({ Name: rule, EventBusName: 'identity', EventPattern: JSON.stringify(pattern) }),
  );
  await newQueue(queue, options.admitted === false ? undefined : RuleArn, options.fifo);
  const target = {
    Id: 'queue',
    Arn: queueArn(queue),
    ...(options.fifo ? { SqsParameters: { MessageGroupId: 'all' } } : {}),
    ...(options.deadLetter ? { DeadLetterConfig: { Arn: queueArn(options.deadLetter) } } : {}),
  };
  await client.send(new PutTargetsCommand({ Rule: rule, EventBusName: 'identity', Targets: [target] }));
  return { queue, ruleArn: RuleArn };
}

async function newQueue(name: string, ruleArn: string | undefined, fifo = false): Promise<void> {
  const statement = {
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: queueArn(name),
    Condition: { ArnLike: { 'aws:SourceArn': ruleArn } },
  };
  const Attributes = {
    ...(ruleArn ? { Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }) } : {}),
    ...(fifo ? { FifoQueue: 'true', ContentBasedDeduplication: 'true' } : {}),
  };
  await endpoint.call('operator', 'sqs', 'CreateQueue', { QueueName: name, Attributes });
}

async function received(
  queue: string,
  WaitTimeSeconds = 5,
): Promise<{ body: Record<string, unknown>; attributes: Record<string, { StringValue: string }> }[]> {
  const { Messages } = (await endpoint.call('operator', 'sqs', 'ReceiveMessage', {
    QueueUrl: `${endpoint.url}/${account}/${queue}`,
    MaxNumberOfMessages: 10,
    WaitTimeSeconds,
    MessageAttributeNames: ['All'],
  })) as { Messages?: { Body: string; MessageAttributes?: Record<string, { StringValue: string }> }[] };
  return (Messages ?? []).map((message) => ({ body: JSON.parse(message.Body), attributes: message.MessageAttributes ?? {} }));
}

describe('delivery', () => {
  test('GIVEN a rule WHEN an event matches THEN its queue gets the whole envelope, with the detail as it was written', async () => {
    const { queue } = await ruleToQueue({ 'detail-type': ['UserCreated'], detail: { n: [1] } });
    const Time = new Date('2025-03-04T05:06:07.891Z');
    const result = await client.send(
      new PutEventsCommand({ Entries: [entry({ n: 1 }, { Time, Resources: ['arn:aws:s3:::x'] }), entry({ n: 2 })] }),
    );
    expect(result.FailedEntryCount).toBe(0);
    const [event, ...others] = await received(queue);
    expect(others).toEqual([]);
    expect(event?.body).toEqual({
      version: '0',
      id: result.Entries?.[0]?.EventId,
      'detail-type': 'UserCreated',
      source: 'active-directory.directory',
      account,
      time: '2025-03-04T05:06:07Z',
      region,
      resources: ['arn:aws:s3:::x'],
      detail: { n: 1 },
    });
  });

  test('GIVEN a FIFO target WHEN events match THEN they arrive in order in the target’s group', async () => {
    const { queue } = await ruleToQueue({ detail: { fifo: [true] } }, { fifo: true });
    await client.send(new PutEventsCommand({ Entries: [1, 2, 3].map((n) => entry({ fifo: true, n })) }));
    const events = await eventually(async () => {
      const { Attributes } = (await endpoint.call('operator', 'sqs', 'GetQueueAttributes', {
        QueueUrl: `${endpoint.url}/${account}/${queue}`,
        AttributeNames: ['All'],
      })) as { Attributes: Record<string, string> };
      return Attributes.ApproximateNumberOfMessages === '3' ? received(queue) : undefined;
    });
    expect(events.map((event) => (event.body.detail as { n: number }).n)).toEqual([1, 2, 3]);
  });

  test('GIVEN the queue’s policy does not admit the rule WHEN an event matches THEN it ends in the dead-letter queue, with the reason', async () => {
    const { queue, ruleArn } = await ruleToQueue({ detail: { refused: [true] } }, { admitted: false, deadLetter: 'undelivered' });
    await newQueue('undelivered', ruleArn);
    await client.send(new PutEventsCommand({ Entries: [entry({ refused: true })] }));
    const [dead] = await received('undelivered');
    expect(dead?.body).toMatchObject({ detail: { refused: true } });
    expect(dead?.attributes).toMatchObject({
      RULE_ARN: { StringValue: ruleArn },
      TARGET_ARN: { StringValue: queueArn(queue) },
      ERROR_CODE: { StringValue: 'NO_PERMISSIONS' },
    });
    expect(await received(queue, 0)).toEqual([]);
  });

  test('GIVEN the queue throttles once WHEN an event matches THEN the delivery is tried again', async () => {
    const { queue } = await ruleToQueue({ detail: { again: [true] } });
    endpoint.inject({ match: ({ operation, caller }) => operation === 'SendMessage' && caller !== 'operator', effect: { throttle: true } });
    await client.send(new PutEventsCommand({ Entries: [entry({ again: true })] }));
    expect(await received(queue)).toHaveLength(1);
  });

  test('GIVEN a disabled rule WHEN an event matches THEN nothing is delivered', async () => {
    const { queue } = await ruleToQueue({ detail: { off: [true] } });
    await client.send(
      new PutRuleCommand({ Name: `rule-${rules}`, EventBusName: 'identity', EventPattern: '{"detail":{"off":[true]}}', State: 'DISABLED' }),
    );
    await client.send(new PutEventsCommand({ Entries: [entry({ off: true })] }));
    expect(await received(queue, 0)).toEqual([]);
  });
});

describe('PutEvents', () => {
  test('GIVEN bad entries among good ones WHEN put THEN each fails alone, in its place', async () => {
    const { FailedEntryCount, Entries } = await client.send(
      new PutEventsCommand({
        Entries: [
          entry({}),
          entry({}, { Detail: '[1]' }),
          entry({}, { Detail: '{' }),
          entry({}, { Source: '' }),
          entry({}, { Source: 'aws.ec2' }),
        ],
      }),
    );
    expect(FailedEntryCount).toBe(4);
    expect(Entries?.map((one) => one.ErrorCode)).toEqual([
      undefined,
      'MalformedDetail',
      'MalformedDetail',
      'InvalidArgument',
      'NotAuthorizedForSourceException',
    ]);
  });

  test('fails GIVEN eleven entries, or more than 1 MB', async () => {
    expect((await failure(client.send(new PutEventsCommand({ Entries: Array.from({ length: 11 }, () => entry({})) })))).name).toBe(
      'ValidationException',
    );
    const large = entry({ text: 'x'.repeat(600_000) });
    expect((await failure(client.send(new PutEventsCommand({ Entries: [large, large] })))).message).toContain('1048576');
  });
});

describe('rules, targets, archives', () => {
  test('GIVEN a rule WHEN listed THEN pattern, bus and target are there', async () => {
    const { queue, ruleArn } = await ruleToQueue({ source: ['x'] });
    const { Rules } = await client.send(new ListRulesCommand({ EventBusName: 'identity', NamePrefix: `rule-${rules}` }));
    expect(Rules).toMatchObject([{ Arn: ruleArn, EventPattern: '{"source":["x"]}', State: 'ENABLED' }]);
    const { Targets } = await client.send(new ListTargetsByRuleCommand({ Rule: `rule-${rules}`, EventBusName: 'identity' }));
    expect(Targets).toEqual([{ Id: 'queue', Arn: queueArn(queue) }]);
  });

  test('GIVEN buses WHEN listed THEN the default one is there too', async () => {
    expect((await client.send(new ListEventBusesCommand({}))).EventBuses?.map((bus) => bus.Name)).toEqual(['default', 'identity']);
    expect((await client.send(new DescribeEventBusCommand({ Name: 'identity' }))).Arn).toBe(busArn);
  });

  test('GIVEN an archive with a pattern WHEN events come THEN it counts those that match', async () => {
    await client.send(
      new CreateArchiveCommand({ ArchiveName: 'kept', EventSourceArn: busArn, EventPattern: '{"source":["archived"]}', RetentionDays: 7 }),
    );
    await client.send(new PutEventsCommand({ Entries: [entry({}, { Source: 'archived' }), entry({}, { Source: 'not' })] }));
    expect(await client.send(new DescribeArchiveCommand({ ArchiveName: 'kept' }))).toMatchObject({
      EventCount: 1,
      RetentionDays: 7,
      EventSourceArn: busArn,
    });
    expect((await client.send(new ListArchivesCommand({}))).Archives?.map((archive) => archive.ArchiveName)).toEqual(['kept']);
  });

  test('GIVEN a pattern and an event WHEN tested THEN the matcher’s verdict comes back', async () => {
    const event = { id: '1', source: 'a', 'detail-type': 't', account, region, time: '2025-01-01T00:00:00Z', resources: [], detail: {} };
    const verdict = async (pattern: object) =>
      (await client.send(new TestEventPatternCommand({ EventPattern: JSON.stringify(pattern), Event: JSON.stringify(event) }))).Result;
    expect(await verdict({ source: ['a'] })).toBe(true);
    expect(await verdict({ source: ['b'] })).toBe(false);
  });

  test('fails GIVEN an invalid pattern, an unknown rule, a target the sandbox does not deliver to', async () => {
    const invalid = new PutRuleCommand({ Name: 'bad', EventBusName: 'identity', EventPattern: '{"source":"not a list"}' });
    expect((await failure(client.send(invalid))).name).toBe('InvalidEventPatternException');
    expect((await failure(client.send(new ListTargetsByRuleCommand({ Rule: 'none', EventBusName: 'identity' })))).name).toBe(
      'ResourceNotFoundException',
    );
    await client.send(new PutRuleCommand({ Name: 'targets', EventBusName: 'identity', EventPattern: '{"source":["x"]}' }));
    const targets = (Targets: object[]) =>
      client.send(new PutTargetsCommand({ Rule: 'targets', EventBusName: 'identity', Targets: Targets as never }));
    expect((await failure(targets([{ Id: 'f', Arn: `arn:aws:lambda:${region}:${account}:function:f` }]))).name).toBe('NotImplemented');
    expect((await failure(targets([{ Id: 'q', Arn: queueArn('q'), InputPath: '$.detail' }]))).message).toContain('InputPath');
  });
});
