/** The audit trail in CloudWatch Logs, against the sandbox's endpoint. */
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditLog } from '../../handlers/audit/audit-log.ts';
import { auditRecord } from '../../handlers/audit/audit-record.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { deletion } from './audited.ts';

const group = '/aws/active-directory/audit';
let endpoint: AwsEndpoint;
let client: CloudWatchLogsClient;
const logs = (operation: string, input: object) => endpoint.call('operator', 'logs', operation, { logGroupName: group, ...input });
const messages = async (stream: string): Promise<unknown[]> => {
  const { events } = await logs('GetLogEvents', { logStreamName: stream, startFromHead: true });
  return (events as { message: string }[]).map(({ message }) => JSON.parse(message));
};
const recordAt = (time: number) => auditRecord(deletion, new Date(time).toISOString());
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

test('WHEN records are written side by side THEN all are kept, and the stream is made once', async () => {
  endpoint.clearCalls();
  const write = auditLog(client, group, 'writer/one');
  const records = [1, 2, 3].map((revision) => ({ ...recordAt(Date.now()), revision }));
  await Promise.all(records.map(write));
  expect(await messages('writer/one')).toHaveLength(3);
  expect(await messages('writer/one')).toEqual(expect.arrayContaining(records));
  expect(endpoint.calls.filter(({ operation }) => operation === 'CreateLogStream')).toHaveLength(1);
});

test('GIVEN the stream exists WHEN a record is written THEN it is kept there', async () => {
  await logs('CreateLogStream', { logStreamName: 'writer/two' });
  const record = recordAt(Date.now());
  await auditLog(client, group, 'writer/two')(record);
  expect(await messages('writer/two')).toEqual([record]);
});

test.each([
  ['too old', () => Date.now() - 15 * 24 * hour],
  ['too new', () => Date.now() + 3 * hour],
])('invariant 11: fails for a record that CloudWatch Logs drops as %s, although it answers 200', async (name, time) => {
  const write = auditLog(client, group, `writer/${name}`);
  await expect(write(recordAt(time()))).rejects.toThrow(RetryableError);
  await expect(write(recordAt(time()))).rejects.toThrow(deletion.id);
  expect(await messages(`writer/${name}`)).toEqual([]);
});

test('fails when the stream cannot be made, and makes it the next time', async () => {
  const write = auditLog(client, group, 'writer/three');
  endpoint.inject({ match: ({ operation }) => operation === 'CreateLogStream', effect: { throttle: true } });
  await expect(write(recordAt(Date.now()))).rejects.toThrow();
  const record = recordAt(Date.now());
  await write(record);
  expect(await messages('writer/three')).toEqual([record]);
});

test('fails when the write is throttled or the log group is not there', async () => {
  const write = auditLog(client, group, 'writer/four');
  endpoint.inject({ match: ({ operation }) => operation === 'PutLogEvents', effect: { throttle: true } });
  await expect(write(recordAt(Date.now()))).rejects.toThrow();
  await expect(auditLog(client, '/no/such/group', 'writer')(recordAt(Date.now()))).rejects.toThrow(/does not exist/);
});
