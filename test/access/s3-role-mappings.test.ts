/** Loading the role mappings that the deployment wrote, from the sandbox's S3. */
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { s3RoleMappings } from '../../handlers/access/s3-role-mappings.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { mappings } from './decisions.ts';

let endpoint: AwsEndpoint;
let client: S3Client;
const bucket = 'configuration.example.com';
const put = (Key: string, Body: string) => endpoint.call('operator', 's3', 'PutObject', { Bucket: bucket, Key, Body });
const reads = () => endpoint.calls.filter(({ operation }) => operation === 'GetObject').length;

beforeAll(async () => {
  endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  await endpoint.call('operator', 's3', 'CreateBucket', { Bucket: bucket });
  client = new S3Client({
    endpoint: endpoint.url,
    region: endpoint.region,
    credentials: endpoint.operator,
    forcePathStyle: true,
    maxAttempts: 1,
  });
});

afterAll(async () => {
  client?.destroy();
  await endpoint?.close();
});

test('WHEN the mappings are asked for twice THEN they are read once', async () => {
  await put('right.json', JSON.stringify(mappings));
  const load = s3RoleMappings(client, bucket, 'right.json');
  const before = reads();
  expect(await load()).toEqual(mappings);
  expect(await load()).toEqual(mappings);
  expect(reads() - before).toBe(1);
});

test('fails while the object is not there, and reads it once it is', async () => {
  const load = s3RoleMappings(client, bucket, 'late.json');
  await expect(load()).rejects.toThrow();
  await put('late.json', JSON.stringify(mappings));
  expect(await load()).toEqual(mappings);
});

test.each([
  ['no JSON', '{', 'deploy the environment again'],
  ['empty', '', 'deploy the environment again'],
  ['no list of role mappings', '{"a":1}', 'role mappings are wrong'],
])('fails when the object is %s: nothing is decided then', async (name, text, message) => {
  const key = `${name.replaceAll(' ', '-')}.json`;
  await put(key, text);
  const loading = s3RoleMappings(client, bucket, key)();
  await expect(loading).rejects.toThrow(ConfigurationError);
  await expect(loading).rejects.toThrow(message);
});
