/** The audit trail in CloudWatch Logs, against the sandbox's endpoint. */
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditLog } from '../../handlers/audit/audit-log.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';

const group = '/aws/active-directory/audit';
let endpoint: AwsEndpoint;
let client: CloudWatchLogsClient;
const logs = (operation: string, input: object) => endpoint.call('operator', 'logs', operation, { logGroupName: group, ...input });
const messages = async (stream: string): Promise<unknown[]> => {
  const { events } = await logs('GetLogEvents', { logStreamName: stream, startFromHead: true });
  return (events as { message: string }[]).map(({ message }) => message);
};
const hour = 3_600_000;

beforeAll(async () => {
  endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  await logs('CreateLogGroup', {});
  client = new CloudWatchLogsClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator, maxAttempts: 1 });
});

afterAll(async () => {
  client?.destroy();
  await endpoint?.close();
});

test('WHEN batches are written side by side THEN all lines are kept, and the stream is made once', async () => {
  endpoint.clearCalls();
  const write = auditLog(client, group, 'writer/one');
  await Promise.all([write(['a', 'b'], new Date()), write(['c'], new Date())]);
  expect((await messages('writer/one')).sort()).toEqual(['a', 'b', 'c']);
  expect(endpoint.calls.filter(({ operation }) => operation === 'CreateLogStream')).toHaveLength(1);
});

test('GIVEN the stream exists WHEN lines are written THEN they are kept there', async () => {
  await logs('CreateLogStream', { logStreamName: 'writer/two' });
  await auditLog(client, group, 'writer/two')(['x'], new Date());
  expect(await messages('writer/two')).toEqual(['x']);
});

test('GIVEN lines that are more than one call takes WHEN they are written THEN several calls take all of them, in their order', async () => {
  const lines = Array.from({ length: 12 }, (_, index) => `${index} ${'x'.repeat(200_000)}`);
  await auditLog(client, group, 'writer/big')(lines, new Date());
  expect(await messages('writer/big')).toEqual(lines);
});

test.each([
  ['too old', () => Date.now() - 15 * 24 * hour],
  ['too new', () => Date.now() + 3 * hour],
])('invariant 11: fails for lines that CloudWatch Logs drops as %s, although it answers 200', async (name, time) => {
  const write = auditLog(client, group, `writer/${name}`);
  const at = new Date(time());
  await expect(write(['lost'], at)).rejects.toThrow(RetryableError);
  await expect(write(['lost'], at)).rejects.toThrow(at.toISOString());
  expect(await messages(`writer/${name}`)).toEqual([]);
});

test('fails when the stream cannot be made, and makes it the next time', async () => {
  const write = auditLog(client, group, 'writer/three');
  endpoint.inject({ match: ({ operation }) => operation === 'CreateLogStream', effect: { throttle: true } });
  await expect(write(['a'], new Date())).rejects.toThrow();
  await write(['b'], new Date());
  expect(await messages('writer/three')).toEqual(['b']);
});

test('fails when the write is throttled or the log group is not there', async () => {
  const write = auditLog(client, group, 'writer/four');
  endpoint.inject({ match: ({ operation }) => operation === 'PutLogEvents', effect: { throttle: true } });
  await expect(write(['a'], new Date())).rejects.toThrow();
  await expect(auditLog(client, '/no/such/group', 'writer')(['a'], new Date())).rejects.toThrow(/does not exist/);
});
