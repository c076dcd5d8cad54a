import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  type InputLogEvent,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { describe, expect, test } from 'vitest';
import { account, allow, clientOf, endpointForTests, failure, region, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new CloudWatchLogsClient(clientOf(endpoint));
const logStreamName = 'stream';
let groups = 0;

async function newGroup(): Promise<string> {
  groups += 1;
  const logGroupName = `/aws/lambda/function-${groups}`;
  await client.send(new CreateLogGroupCommand({ logGroupName }));
  await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
  return logGroupName;
}
const put = (logGroupName: string, logEvents: InputLogEvent[]) =>
  client.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
const at = (message: string, ago = 0): InputLogEvent => ({ timestamp: Date.now() - ago, message });
const filtered = async (logGroupName: string, filterPattern: string) =>
  (await client.send(new FilterLogEventsCommand({ logGroupName, filterPattern }))).events?.map((event) => event.message);

describe('groups and streams', () => {
  test('GIVEN a group WHEN described THEN ARN, retention and streams are there', async () => {
    const logGroupName = await newGroup();
    await client.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 30 }));
    const { logGroups } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }));
    expect(logGroups).toMatchObject([
      { logGroupName, retentionInDays: 30, arn: `arn:aws:logs:${region}:${account}:log-group:${logGroupName}:*` },
    ]);
    expect((await client.send(new DescribeLogStreamsCommand({ logGroupName }))).logStreams?.map((stream) => stream.logStreamName)).toEqual([
      logStreamName,
    ]);
  });

  test('fails GIVEN a name that is taken, a group that is not there, a retention AWS does not offer', async () => {
    const logGroupName = await newGroup();
    expect((await failure(client.send(new CreateLogGroupCommand({ logGroupName })))).name).toBe('ResourceAlreadyExistsException');
    expect((await failure(client.send(new CreateLogStreamCommand({ logGroupName, logStreamName })))).name).toBe(
      'ResourceAlreadyExistsException',
    );
    expect((await failure(put('/nowhere', [at('x')]))).name).toBe('ResourceNotFoundException');
    expect((await failure(client.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 31 })))).name).toBe(
      'InvalidParameterException',
    );
  });
});

describe('events', () => {
  test('GIVEN events WHEN read THEN in order of time, in pages, and the token repeats at the end', async () => {
    const logGroupName = await newGroup();
    await put(logGroupName, [at('two', 1000), at('three')]);
    await put(logGroupName, [at('one', 5000)]);
    const read = (nextToken?: string) =>
      client.send(
        new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, limit: 2, ...(nextToken ? { nextToken } : {}) }),
      );
    const first = await read();
    expect(first.events?.map((event) => event.message)).toEqual(['one', 'two']);
    const second = await read(first.nextForwardToken);
    expect(second.events?.map((event) => event.message)).toEqual(['three']);
    const end = await read(second.nextForwardToken);
    expect([end.events, end.nextForwardToken]).toEqual([[], second.nextForwardToken]);
  });

  test.each([
    ['ERROR', ['an ERROR here', '{"level":"ERROR","code":7,"who":{"name":"ada"}}']],
    ['"ERROR here"', ['an ERROR here']],
    ['{ $.level = "ERROR" }', ['{"level":"ERROR","code":7,"who":{"name":"ada"}}']],
    ['{ $.who.name = "a*" && $.code > 5 }', ['{"level":"ERROR","code":7,"who":{"name":"ada"}}']],
    ['{ $.code = 3 || $.code = 7 }', ['{"level":"ERROR","code":7,"who":{"name":"ada"}}', '{"level":"INFO","code":3}']],
    ['{ $.level != "ERROR" }', ['{"level":"INFO","code":3}']],
    ['', ['an ERROR here', '{"level":"ERROR","code":7,"who":{"name":"ada"}}', '{"level":"INFO","code":3}']],
  ])('GIVEN events WHEN filtered by %s THEN those that match come', async (pattern, expected) => {
    const logGroupName = await newGroup();
    await put(logGroupName, [at('an ERROR here'), at('{"level":"ERROR","code":7,"who":{"name":"ada"}}'), at('{"level":"INFO","code":3}')]);
    expect(await filtered(logGroupName, pattern)).toEqual(expected);
  });

  test('fails GIVEN a filter that the sandbox does not know', async () => {
    expect((await failure(filtered(await newGroup(), '[ip, user]'))).name).toBe('NotImplemented');
  });

  test('fails GIVEN a batch out of order, over a day, too large, or empty', async () => {
    const logGroupName = await newGroup();
    const batches = [
      [at('b'), at('a', 1000)],
      [at('a', 25 * 3_600_000), at('b')],
      Array.from({ length: 11 }, () => at('x'.repeat(100_000))),
      [],
    ];
    for (const batch of batches) expect((await failure(put(logGroupName, batch))).name).toBe('InvalidParameterException');
    expect(await filtered(logGroupName, '')).toEqual([]);
  });

  test('GIVEN an event of a month ago WHEN put THEN it is rejected by name, and not stored', async () => {
    const logGroupName = await newGroup();
    expect((await put(logGroupName, [at('old', 30 * 24 * 3_600_000)])).rejectedLogEventsInfo).toEqual({ tooOldLogEventEndIndex: 1 });
    expect(await filtered(logGroupName, '')).toEqual([]);
  });
});

test('GIVEN a policy for `group:*` WHEN a role writes THEN it may; for the bare group ARN THEN it may not', async () => {
  const logGroupName = await newGroup();
  const attempt = (resource: string) => {
    const role = roleAllowed(endpoint, 'writer', [allow(['logs:CreateLogStream', 'logs:PutLogEvents'], resource)]);
    const writer = new CloudWatchLogsClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
    return writer.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: [at('x')] }));
  };
  const arn = `arn:aws:logs:${region}:${account}:log-group:${logGroupName}`;
  await attempt(`${arn}:*`);
  await attempt(`${arn}:log-stream:${logStreamName}`);
  expect((await failure(attempt(arn))).name).toBe('AccessDeniedException');
});

describe('an encrypted group', () => {
  const logGroupName = '/encrypted';
  const groupArn = `arn:aws:logs:${region}:${account}:log-group:${logGroupName}`;
  const ofAccount = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'kms:*', Resource: '*' };
  const ofLogs = {
    Effect: 'Allow',
    Principal: { Service: `logs.${region}.amazonaws.com` },
    Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey'],
    Resource: '*',
    Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': groupArn } },
  };
  const key = async (KeyId: string, ...Statement: object[]) => {
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await endpoint.call('operator', 'kms', 'CreateKey', { KeyId, Policy });
    return `arn:aws:kms:${region}:${account}:key/${KeyId}`;
  };

  test('fails for a key that CloudWatch Logs itself may not use', async () => {
    const kmsKeyId = await key('0b6a7c1e-0000-4000-8000-000000000001', ofAccount);
    const refused = await failure(client.send(new CreateLogGroupCommand({ logGroupName, kmsKeyId })));
    expect(refused).toMatchObject({ name: 'AccessDeniedException', message: expect.stringContaining('kms:Encrypt') });
  });

  test('GIVEN a key that it may use WHEN a role writes THEN the role needs the key too, by way of CloudWatch Logs', async () => {
    const kmsKeyId = await key('0b6a7c1e-0000-4000-8000-000000000002', ofAccount, ofLogs);
    await client.send(new CreateLogGroupCommand({ logGroupName, kmsKeyId }));
    await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const write = (name: string, ...statements: Parameters<typeof roleAllowed>[2]) => {
      const role = roleAllowed(endpoint, name, [allow(['logs:PutLogEvents'], `${groupArn}:*`), ...statements]);
      const writer = new CloudWatchLogsClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
      return writer.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: [at('x')] }));
    };
    expect((await failure(write('without-key'))).message).toContain('kms:GenerateDataKey');
    await write('with-key', allow(['kms:GenerateDataKey'], kmsKeyId));
  });
});
