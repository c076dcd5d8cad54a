/** The trail's ports: those in memory and those of AWS behave alike. */
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dynamoDbClaims } from '../../handlers/audit/dynamodb-claims.ts';
import type { EventClaims } from '../../handlers/audit/event-claims.ts';
import type { Evidence } from '../../handlers/audit/evidence.ts';
import { s3Evidence } from '../../handlers/audit/s3-evidence.ts';
import { segmentKey } from '../../handlers/audit/segment.ts';
import { type Segments, s3Segments } from '../../handlers/audit/segments.ts';
import { tableForTests } from '../platform/table-for-tests.ts';
import { clientOf, endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { memoryClaims, memoryTrail } from './memory-trail.ts';

const key = (number: number, hour = '2025-03-01T10') => segmentKey(hour, 'f00d', number);
const claim = (number: number) => ({ segment: key(number), at: '2025-03-01T10:00:00.000Z' });
const none = new Map<string, never>();

describe.each([
  ['memory', async () => memoryClaims()],
  ['DynamoDB', async () => dynamoDbClaims(await tableForTests('audit', 'sk'), 'audit', 400, () => new Date())],
])('claims in %s', (_, open) => {
  let claims: EventClaims;
  beforeAll(async () => {
    claims = await open();
  });

  test('GIVEN events that nobody has WHEN they are claimed THEN all of them are, and nobody else gets one', async () => {
    expect(await claims.claim(['a', 'b'], claim(1), none)).toEqual(new Map());
    expect(await claims.claim(['b', 'c'], claim(2), none)).toEqual(new Map([['b', claim(1)]]));
  });

  test('GIVEN a claim that failed for one event WHEN the others are claimed THEN they are free', async () => {
    await claims.claim(['x'], claim(1), none);
    await claims.claim(['x', 'y'], claim(2), none);
    expect(await claims.claim(['y'], claim(3), none)).toEqual(new Map());
  });

  test('GIVEN a claim of a dead writer WHEN two take it over THEN one of them has it', async () => {
    await claims.claim(['d'], claim(1), none);
    const instead = new Map([['d', claim(1)]]);
    const outcomes = await Promise.all([claims.claim(['d'], claim(2), instead), claims.claim(['d'], claim(3), instead)]);
    expect(outcomes.map(({ size }) => size).sort()).toEqual([0, 1]);
  });

  test('GIVEN a hundred events WHEN they are claimed at once THEN they are', async () => {
    const ids = Array.from({ length: 100 }, (_one, index) => `many-${index}`);
    expect((await claims.claim(ids, claim(4), none)).size).toBe(0);
    expect((await claims.claim(ids, claim(5), none)).size).toBe(100);
  });

  test('GIVEN segments that were written WHEN an hour is asked for THEN they are those of that hour', async () => {
    const [one, other] = [key(7), key(8, '2025-03-01T11')].map((named) => ({ key: named, records: 2, head: 'ab' }));
    await claims.noteWritten(one as never);
    await claims.noteWritten(other as never);
    expect(await claims.writtenIn('2025-03-01T11')).toEqual([other]);
    expect([await claims.isWritten(key(7)), await claims.isWritten(key(9))]).toEqual([true, false]);
  });
});

describe.each([
  ['memory', async (): Promise<Segments & Evidence> => memoryTrail()],
  [
    'S3',
    async (): Promise<Segments & Evidence> => {
      const endpoint = await endpointForTests();
      const { Arn } = (await endpoint.call('operator', 'kms', 'CreateKey', {})).KeyMetadata as { Arn: string };
      await endpoint.call('operator', 's3', 'CreateBucket', { Bucket: 'trail' });
      const client = new S3Client({ ...clientOf(endpoint), forcePathStyle: true });
      afterAll(() => client.destroy());
      return { ...s3Segments(client, { bucket: 'trail', keyArn: Arn }), ...s3Evidence(client, 'trail') };
    },
  ],
])('segments in %s', (_, open) => {
  let trail: Segments & Evidence;
  beforeAll(async () => {
    trail = await open();
  });

  test('GIVEN a key WHEN it is written twice THEN the first body stays, and the same body again is no conflict', async () => {
    expect(await trail.write(key(1), 'one\n')).toBe(true);
    expect(await trail.write(key(1), 'two\n')).toBe(false);
    expect(await trail.write(key(1), 'one\n')).toBe(true);
    expect(String(await trail.read(key(1)))).toBe('one\n');
  });

  test('GIVEN a key that was made void WHEN its writer comes late THEN it cannot write it', async () => {
    expect(await trail.void(key(2))).toBe(true);
    expect(await trail.write(key(2), 'late\n')).toBe(false);
    expect((await trail.read(key(2)))?.length).toBe(0);
    expect(await trail.void(key(1))).toBe(false);
  });

  test('GIVEN keys WHEN they are listed THEN they come in order, after the one that was named', async () => {
    await trail.write(key(1, '2025-03-01T09'), 'earlier\n');
    const keys: string[] = [];
    for await (const one of trail.list('records/', key(1, '2025-03-01T09'))) keys.push(one);
    expect(keys).toEqual([key(1), key(2)]);
    expect(await trail.read(key(3))).toBeUndefined();
  });
});
