import { gunzipSync } from 'node:zlib';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeSubscriptionFiltersCommand,
  PutLogEventsCommand,
  PutSubscriptionFilterCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { beforeEach, describe, expect, test } from 'vitest';
import { AwsError } from '../../../sandbox/aws/error.ts';
import { account, allow, clientOf, endpointForTests, eventually, failure, region, roleAllowed } from './endpoint-fixture.ts';

interface DataMessage {
  readonly messageType: string;
  readonly owner: string;
  readonly logGroup: string;
  readonly logStream: string;
  readonly subscriptionFilters: readonly string[];
  readonly logEvents: readonly { readonly id: string; readonly timestamp: number; readonly message: string }[];
}

const endpoint = await endpointForTests();
const client = new CloudWatchLogsClient(clientOf(endpoint));
const logStreamName = 'dc1';
const Role = roleAllowed(endpoint, 'reader-role', []);
const received: { functionName: string; invocationType: string; message: DataMessage }[] = [];
endpoint.onInvoke(async ({ functionName, invocationType, payload }) => {
  const { awslogs } = JSON.parse(payload) as { awslogs: { data: string } };
  const message = JSON.parse(gunzipSync(Buffer.from(awslogs.data, 'base64')).toString()) as DataMessage;
  received.push({ functionName, invocationType, message });
  return { payload: '' };
});

let made = 0;
/** A group with a stream, and a function that CloudWatch Logs may invoke for `sourceArn`, if any is given. */
async function newGroup(permission: { principal?: string; sourceArn?: (group: string) => string } | undefined = {}) {
  made += 1;
  const logGroupName = `/security/${made}`;
  const FunctionName = `reader-${made}`;
  await client.send(new CreateLogGroupCommand({ logGroupName }));
  await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
  const code = { FunctionName, Role, Runtime: 'nodejs22.x', Handler: 'index.handler' };
  const { FunctionArn } = await endpoint.call('operator', 'lambda', 'CreateFunction', code);
  const sourceArn = permission?.sourceArn ?? ((group: string) => `${groupArn(group)}:*`);
  if (permission)
    await endpoint.call('operator', 'lambda', 'AddPermission', {
      FunctionName,
      StatementId: 'logs',
      Action: 'lambda:InvokeFunction',
      Principal: permission.principal ?? 'logs.amazonaws.com',
      SourceArn: sourceArn(logGroupName),
      SourceAccount: account,
    });
  return { logGroupName, destinationArn: String(FunctionArn), functionName: FunctionName };
}
const groupArn = (group: string): string => `arn:aws:logs:${region}:${account}:log-group:${group}`;
const subscribe = (to: { logGroupName: string; destinationArn: string }, filterPattern = '', filterName = 'changes') =>
  client.send(new PutSubscriptionFilterCommand({ ...to, filterName, filterPattern }));
const put = (logGroupName: string, ...messages: string[]) =>
  client.send(
    new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: messages.map((message) => ({ timestamp: Date.now(), message })) }),
  );
const delivered = () => eventually(() => (endpoint.pendingLogDeliveries === 0 ? true : undefined));

beforeEach(() => {
  received.length = 0;
});

describe('delivery', () => {
  test('GIVEN a subscription WHEN events are put THEN those that match reach the function, once, in order, as documented', async () => {
    const to = await newGroup();
    await subscribe(to, '?"<EventID>4720<" ?"<EventID>4726<"');
    await put(to.logGroupName, '<EventID>4720</EventID>', '<EventID>4624</EventID>', '<EventID>4726</EventID>');
    await delivered();

    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      functionName: to.functionName,
      invocationType: 'Event',
      message: {
        messageType: 'DATA_MESSAGE',
        owner: account,
        logGroup: to.logGroupName,
        logStream: logStreamName,
        subscriptionFilters: ['changes'],
      },
    });
    const events = received[0]?.message.logEvents ?? [];
    expect(events.map(({ message }) => message)).toEqual(['<EventID>4720</EventID>', '<EventID>4726</EventID>']);
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
    for (const { id, timestamp } of events) expect([id, timestamp]).toEqual([expect.stringMatching(/^\d{56}$/), expect.any(Number)]);
  });

  test('GIVEN several calls at once WHEN put THEN their events share a batch; WHEN put later THEN they come in another', async () => {
    const to = await newGroup();
    await subscribe(to);
    await Promise.all([put(to.logGroupName, 'a'), put(to.logGroupName, 'b')]);
    await delivered();
    await put(to.logGroupName, 'c');
    await delivered();
    expect(received.map(({ message }) => message.logEvents.length)).toEqual([2, 1]);
  });

  test('GIVEN more than fits an invocation WHEN put THEN every event comes, in batches that fit', async () => {
    const to = await newGroup();
    await subscribe(to);
    const messages = Array.from({ length: 9 }, (_, index) => `${index}${'x'.repeat(100_000)}`);
    await put(to.logGroupName, ...messages);
    await delivered();
    expect(received.length).toBeGreaterThan(1);
    expect(received.flatMap(({ message }) => message.logEvents.map((event) => event.message)).sort()).toEqual(messages);
  });

  test('GIVEN two subscriptions WHEN events are put THEN each gets its own; a third is refused, replacing one is not', async () => {
    const to = await newGroup();
    await subscribe(to, 'one', 'first');
    await subscribe(to, 'two', 'second');
    expect((await failure(subscribe(to, '', 'third'))).name).toBe('LimitExceededException');
    await subscribe(to, 'three', 'second');
    await put(to.logGroupName, 'one', 'two', 'three');
    await delivered();
    const got = received.map(({ message }) => [message.subscriptionFilters, message.logEvents.map((event) => event.message)]);
    expect(got.sort()).toEqual([
      [['first'], ['one']],
      [['second'], ['three']],
    ]);
    const { subscriptionFilters } = await client.send(new DescribeSubscriptionFiltersCommand({ logGroupName: to.logGroupName }));
    expect(subscriptionFilters?.map(({ filterName, filterPattern }) => [filterName, filterPattern])).toEqual([
      ['first', 'one'],
      ['second', 'three'],
    ]);
  });

  test('GIVEN an invocation that is throttled WHEN retried THEN the events come once', async () => {
    const to = await newGroup();
    await subscribe(to);
    const effect = { error: new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429) };
    endpoint.inject({ match: ({ operation }) => operation === 'Invoke', times: 2, effect });
    await put(to.logGroupName, 'a');
    await delivered();
    expect(received).toHaveLength(1);
  });
});

describe('permission', () => {
  test.each([{ principal: 'logs.amazonaws.com' }, { principal: `logs.${region}.amazonaws.com` }])(
    'GIVEN a permission for $principal WHEN subscribed THEN events are delivered in that name',
    async ({ principal }) => {
      const to = await newGroup({ principal });
      await subscribe(to);
      await put(to.logGroupName, 'a');
      await delivered();
      expect(received).toHaveLength(1);
      const invoke = endpoint.calls.findLast(({ operation }) => operation === 'Invoke');
      expect(invoke).toMatchObject({ caller: { service: principal, sourceArn: `${groupArn(to.logGroupName)}:*` }, outcome: 'ok' });
    },
  );

  test.each([
    ['no permission', undefined],
    ['one for another group', { sourceArn: () => `${groupArn('/other')}:*` }],
    ['one for the bare ARN of the group', { sourceArn: groupArn }],
    ['one for another service', { principal: 'events.amazonaws.com' }],
  ])('fails to subscribe a function that has %s', async (_, permission) => {
    const refused = await failure(subscribe(permission === undefined ? await withoutPermission() : await newGroup(permission)));
    expect(refused).toMatchObject({ name: 'InvalidParameterException', message: expect.stringContaining('permission to execute') });
  });

  test('fails to subscribe what is no function of this account, or a group that is not there', async () => {
    const to = await newGroup();
    const elsewhere = to.destinationArn.replace(account, '444455556666');
    expect((await failure(subscribe({ ...to, destinationArn: elsewhere }))).name).toBe('InvalidParameterException');
    const stream = `arn:aws:kinesis:${region}:${account}:stream/s`;
    expect((await failure(subscribe({ ...to, destinationArn: stream }))).name).toBe('NotImplemented');
    expect((await failure(subscribe({ ...to, logGroupName: '/nowhere' }))).name).toBe('ResourceNotFoundException');
  });
});

const withoutPermission = async () => {
  const to = await newGroup();
  const FunctionName = `closed-${made}`;
  const { FunctionArn } = await endpoint.call('operator', 'lambda', 'CreateFunction', {
    FunctionName,
    Role,
    Runtime: 'nodejs22.x',
    Handler: 'index.handler',
  });
  return { ...to, destinationArn: String(FunctionArn) };
};

describe('policies of the account', () => {
  const operator = (service: string, operation: string, input: Record<string, unknown>) =>
    endpoint.call('operator', service, operation, input);
  const policy = (logGroupName: string, Action: string[]) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ds.amazonaws.com' }, Action, Resource: `${groupArn(logGroupName)}:*` }],
    });

  test('GIVEN a policy for Directory Service WHEN a directory is subscribed THEN it may write to that group, and to no other', async () => {
    const { logGroupName } = await newGroup();
    const other = await newGroup();
    const forward = { DirectoryId: 'd-1234567890', LogGroupName: logGroupName };
    expect((await failure(operator('ds', 'CreateLogSubscription', forward))).name).toBe('InsufficientPermissionsException');
    await operator('logs', 'PutResourcePolicy', {
      policyName: 'directory',
      policyDocument: policy(logGroupName, ['logs:CreateLogStream', 'logs:PutLogEvents']),
    });
    await operator('ds', 'CreateLogSubscription', forward);

    const write = (group: string) =>
      endpoint.call({ service: 'ds.amazonaws.com' }, 'logs', 'PutLogEvents', {
        logGroupName: group,
        logStreamName: forward.DirectoryId,
        logEvents: [{ timestamp: Date.now(), message: '<Event/>' }],
      });
    await write(logGroupName);
    expect((await failure(write(other.logGroupName))).name).toBe('AccessDeniedException');
    expect((await failure(operator('ds', 'CreateLogSubscription', forward))).name).toBe('EntityAlreadyExistsException');
    expect(await operator('logs', 'DescribeResourcePolicies', {})).toMatchObject({ resourcePolicies: [{ policyName: 'directory' }] });
  });

  test('fails for a policy that is not JSON, or is none, and leaves what was', async () => {
    for (const policyDocument of ['{', '{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps"}]}'])
      expect((await failure(operator('logs', 'PutResourcePolicy', { policyName: 'bad', policyDocument }))).name).toBe(
        'InvalidParameterException',
      );
    const { logGroupName } = await newGroup();
    const role = roleAllowed(endpoint, 'plain-writer', [allow('logs:PutLogEvents', `${groupArn(logGroupName)}:*`)]);
    const writer = new CloudWatchLogsClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
    await writer.send(
      new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: [{ timestamp: Date.now(), message: 'still writable' }] }),
    );
  });
});
