/** Loading what the deployment wrote, from the sandbox's S3. */
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, expect, test } from 'vitest';
import { s3AccessConfiguration } from '../../handlers/access/s3-access-configuration.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { clientOf, endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { configurationOf } from './decisions.ts';

const bucket = 'configuration.example.com';
const endpoint = await endpointForTests();
await endpoint.call('operator', 's3', 'CreateBucket', { Bucket: bucket });
const client = new S3Client({ ...clientOf(endpoint), forcePathStyle: true });
afterAll(() => client.destroy());

const put = (Key: string, Body: string) => endpoint.call('operator', 's3', 'PutObject', { Bucket: bucket, Key, Body });
const reads = () => endpoint.calls.filter(({ operation }) => operation === 'GetObject').length;

/** A configuration with policies whose keys begin with the test's name. */
const written = (name: string) => {
  const policies = ['b', 'a'].map((file) => ({ name: `${file}.cedar`, key: `${name}/${file}.cedar` }));
  return configurationOf({ policies });
};
const putPolicies = (name: string) => Promise.all(['a', 'b'].map((file) => put(`${name}/${file}.cedar`, `// ${file}`)));

test('WHEN it is asked for twice THEN configuration and policies are read once, policies in their order', async () => {
  const configuration = written('twice');
  await Promise.all([putPolicies('twice'), put('twice.json', JSON.stringify(configuration))]);
  const load = s3AccessConfiguration(client, bucket, 'twice.json');
  const before = reads();
  const expected = {
    configuration,
    policies: [
      { name: 'b.cedar', text: '// b' },
      { name: 'a.cedar', text: '// a' },
    ],
    digest: 'twice.json',
  };
  expect(await Promise.all([load(), load()])).toEqual([expected, expected]);
  expect(await load()).toEqual(expected);
  expect(reads() - before).toBe(3);
});

test('fails while the object, or one of its policies, is not there, and reads them once they are', async () => {
  const load = s3AccessConfiguration(client, bucket, 'late.json');
  await expect(load()).rejects.toThrow();
  await put('late.json', JSON.stringify(written('late')));
  await expect(load()).rejects.toThrow();
  await putPolicies('late');
  expect((await load()).policies).toHaveLength(2);
});

test.each([
  ['no JSON', '{', 'deploy the environment again'],
  ['empty', '', 'deploy the environment again'],
  ['no configuration', '{"a":1}', 'access configuration is wrong'],
])('invariant 7: fails when the object is %s: nothing is decided then', async (name, text, message) => {
  const key = `${name.replaceAll(' ', '-')}.json`;
  await put(key, text);
  const loading = s3AccessConfiguration(client, bucket, key)();
  await expect(loading).rejects.toThrow(ConfigurationError);
  await expect(loading).rejects.toThrow(message);
});
