import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { account, allow, clientOf, endpointForTests, failure, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new S3Client(clientOf(endpoint));
const Bucket = 'evidence-111122223333';
await endpoint.call('operator', 's3', 'CreateBucket', { Bucket, ObjectLockEnabledForBucket: true });
const put = (Key: string, Body: string | Uint8Array, more: object = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const textOf = async (Key: string, more: object = {}) =>
  (await client.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body?.transformToString();

describe('objects', () => {
  test.each(['plain.json', "a/b c+d(1)'!*.json", 'ümlaut/✓', 'dots/../kept//twice', '100%/=&?'])(
    'GIVEN the key %s WHEN put, read and listed THEN it is the same object',
    async (key) => {
      const { ETag } = await put(key, `content of ${key}`, { ContentType: 'application/json', Metadata: { chain: 'abc' } });
      expect(await textOf(key)).toBe(`content of ${key}`);
      const head = await client.send(new HeadObjectCommand({ Bucket, Key: key }));
      expect(head).toMatchObject({
        ETag,
        ContentType: 'application/json',
        ContentLength: Buffer.byteLength(`content of ${key}`),
        Metadata: { chain: 'abc' },
      });
      expect((await client.send(new ListObjectsV2Command({ Bucket, Prefix: key }))).Contents).toMatchObject([{ Key: key, ETag }]);
    },
  );

  test('GIVEN a stream of unknown hash WHEN put in chunks with a trailing checksum THEN its content is stored', async () => {
    const Body = Readable.from([Buffer.from('first '), Buffer.alloc(70_000, 'x'), Buffer.from(' last')]);
    await client.send(new PutObjectCommand({ Bucket, Key: 'streamed', Body, ContentLength: 70_011 }));
    const text = await textOf('streamed');
    expect([text?.length, text?.startsWith('first x'), text?.endsWith('x last')]).toEqual([70_011, true, true]);
  });

  test('GIVEN an object is overwritten WHEN its first version is asked for THEN it is still there', async () => {
    const { VersionId } = await put('versioned', 'one');
    await put('versioned', 'two');
    expect([await textOf('versioned'), await textOf('versioned', { VersionId })]).toEqual(['two', 'one']);
  });

  test('GIVEN many keys WHEN listed with a delimiter in pages THEN folders are folded and each row comes once', async () => {
    for (const key of ['list/a/1', 'list/a/2', 'list/b/1', 'list/c']) await put(key, key);
    const rows: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'list/', Delimiter: '/', MaxKeys: 2, ContinuationToken }));
      rows.push(...(page.CommonPrefixes ?? []).map((row) => row.Prefix), ...(page.Contents ?? []).map((row) => row.Key));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
    expect(rows).toEqual(['list/a/', 'list/b/', 'list/c']);
  });

  test('fails GIVEN a lock until tomorrow WHEN the version is deleted; a delete without a version only marks', async () => {
    const ObjectLockRetainUntilDate = new Date(Date.now() + 86_400_000);
    const { VersionId } = await put('locked', 'evidence', { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate });
    expect((await failure(client.send(new DeleteObjectCommand({ Bucket, Key: 'locked', VersionId })))).name).toBe('AccessDenied');
    expect((await client.send(new DeleteObjectCommand({ Bucket, Key: 'locked' }))).DeleteMarker).toBe(true);
    expect((await failure(textOf('locked'))).name).toBe('NoSuchKey');
    expect(await textOf('locked', { VersionId })).toBe('evidence');
  });

  test('fails GIVEN an object exists WHEN put with If-None-Match', async () => {
    await put('once', 'a', { IfNoneMatch: '*' });
    expect((await failure(put('once', 'b', { IfNoneMatch: '*' }))).name).toBe('PreconditionFailed');
    expect(await textOf('once')).toBe('a');
  });

  test('fails GIVEN a key, a bucket, an operation that is not there', async () => {
    expect((await failure(textOf('nowhere'))).name).toBe('NoSuchKey');
    expect((await failure(client.send(new HeadObjectCommand({ Bucket, Key: 'nowhere' })))).$metadata).toMatchObject({
      httpStatusCode: 404,
    });
    expect((await failure(client.send(new ListObjectsV2Command({ Bucket: 'no-such-bucket' })))).name).toBe('NoSuchBucket');
    const unknown = await failure(client.send(new PutObjectLockConfigurationCommand({ Bucket })));
    expect(unknown).toMatchObject({ name: 'NotImplemented', $metadata: { httpStatusCode: 501 } });
  });
});

test('GIVEN buckets WHEN listed THEN ours is there', async () => {
  expect((await client.send(new ListBucketsCommand({}))).Buckets?.map((bucket) => bucket.Name)).toContain(Bucket);
  await client.send(new HeadBucketCommand({ Bucket }));
});

test('GIVEN a bucket policy WHEN a role of the account reads THEN the policy alone allows it, and a deny in it wins', async () => {
  const role = roleAllowed(endpoint, 'auditor', []);
  await endpoint.call('operator', 's3', 'CreateBucket', { Bucket: 'shared-bucket' });
  await client.send(new PutObjectCommand({ Bucket: 'shared-bucket', Key: 'open', Body: 'x' }));
  await client.send(new PutObjectCommand({ Bucket: 'shared-bucket', Key: 'closed', Body: 'x' }));
  const statement = (Effect: string, key: string) => ({
    Effect,
    Principal: { AWS: role },
    Action: 's3:GetObject',
    Resource: `arn:aws:s3:::shared-bucket/${key}`,
  });
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement('Allow', '*'), statement('Deny', 'closed')] });
  await client.send(new PutBucketPolicyCommand({ Bucket: 'shared-bucket', Policy }));
  expect((await client.send(new GetBucketPolicyCommand({ Bucket: 'shared-bucket' }))).Policy).toBe(Policy);
  const auditor = new S3Client(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
  expect((await auditor.send(new GetObjectCommand({ Bucket: 'shared-bucket', Key: 'open' }))).ETag).toBeDefined();
  const denied = await failure(auditor.send(new GetObjectCommand({ Bucket: 'shared-bucket', Key: 'closed' })));
  expect(denied.message).toContain(`arn:aws:sts::${account}:assumed-role/auditor/test`);
});

test('fails GIVEN a key that is not there WHEN a role that may not list the bucket reads THEN it is not told so', async () => {
  const read = async (name: string, ...more: readonly string[]) => {
    const arn = `arn:aws:s3:::${Bucket}`;
    const role = roleAllowed(endpoint, name, [allow('s3:GetObject', `${arn}/*`), ...more.map((action) => allow(action, arn))]);
    const reader = new S3Client(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
    return (await failure(reader.send(new GetObjectCommand({ Bucket, Key: 'nowhere' })))).name;
  };
  expect(await read('reads')).toBe('AccessDenied');
  expect(await read('reads-and-lists', 's3:ListBucket')).toBe('NoSuchKey');
});

test('GIVEN an object that was written twice and deleted WHEN its versions are listed THEN all are there, and without the marker it is back', async () => {
  const Key = 'versions/a';
  const written = [await put(Key, 'one'), await put(Key, 'three')];
  await client.send(new DeleteObjectCommand({ Bucket, Key }));
  const listed = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'versions/' }));
  expect(listed.Versions).toMatchObject([
    { Key, VersionId: written[1]?.VersionId, IsLatest: false, Size: 5 },
    { Key, VersionId: written[0]?.VersionId, IsLatest: false, Size: 3 },
  ]);
  expect(listed.DeleteMarkers).toEqual([expect.objectContaining({ Key, IsLatest: true })]);
  await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId: listed.DeleteMarkers?.[0]?.VersionId }));
  expect(await textOf(Key)).toBe('three');
});
