/** Object Lock: what is locked can neither be deleted nor written over; a newer version hides it, and it is still there. */
import { beforeAll, expect, test } from 'vitest';
import type { AwsEndpoint } from '../../../sandbox/aws/endpoint.ts';
import { endpointForTests, failure } from './endpoint-fixture.ts';

let endpoint: AwsEndpoint;
const s3 = (operation: string, input: object) => endpoint.call('operator', 's3', operation, { Bucket: 'locked', ...input });
const lock = (Mode: string, Days: number) =>
  s3('PutObjectLockConfiguration', {
    ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode, Days } } },
  });

beforeAll(async () => {
  endpoint = await endpointForTests();
  await s3('CreateBucket', { ObjectLockEnabledForBucket: true });
  await s3('CreateBucket', { Bucket: 'open' });
});

test('GIVEN a bucket that locks by default WHEN a version is deleted THEN it is refused, and in mode compliance nobody gets around it', async () => {
  await lock('GOVERNANCE', 400);
  const { VersionId } = await s3('PutObject', { Key: 'governed', Body: 'one' });
  const head = await s3('HeadObject', { Key: 'governed' });
  expect(head.ObjectLockMode).toBe('GOVERNANCE');
  expect((head.ObjectLockRetainUntilDate as Date).getTime() - Date.now()).toBeGreaterThan(399 * 86_400_000);
  expect(await failure(s3('DeleteObject', { Key: 'governed', VersionId }))).toMatchObject({ code: 'AccessDenied' });
  await s3('DeleteObject', { Key: 'governed', VersionId, BypassGovernanceRetention: true });

  await lock('COMPLIANCE', 1);
  const { VersionId: version } = await s3('PutObject', { Key: 'strict', Body: 'one' });
  expect(await failure(s3('DeleteObject', { Key: 'strict', VersionId: version, BypassGovernanceRetention: true }))).toMatchObject({
    code: 'AccessDenied',
  });
  await s3('PutObject', { Key: 'strict', Body: 'other' });
  expect(String((await s3('GetObject', { Key: 'strict', VersionId: version })).Body)).toBe('one');
});

test('fails for a bucket that was not made with Object Lock, and for a mode that there is not', async () => {
  const configuration = { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } };
  expect(await failure(s3('PutObjectLockConfiguration', { Bucket: 'open', ObjectLockConfiguration: configuration }))).toMatchObject({
    code: 'InvalidBucketState',
  });
  const until = new Date(Date.now() + 60_000);
  expect(
    await failure(s3('PutObject', { Bucket: 'open', Key: 'x', Body: 'x', ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: until })),
  ).toMatchObject({ code: 'InvalidRequest' });
  expect(await failure(lock('LEGAL', 1))).toMatchObject({ code: 'MalformedXML' });
});
