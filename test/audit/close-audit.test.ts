/** Hours are closed in their order, each into a digest that names what was there and the digest before. */
import { expect, test } from 'vitest';
import { chained, chainStart, linesOf } from '../../handlers/audit/chain.ts';
import { digestHash, digestText, readDigest, type SignedDigest } from '../../handlers/audit/digest.ts';
import { digestKey, segmentKey, segmentsOf } from '../../handlers/audit/segment.ts';
import { verifyTrail } from '../../handlers/audit/verify.ts';
import { deletions } from './audited.ts';
import { closedTrail } from './closed-trail.ts';

const shape = { hours: 4, writers: 2, segments: 2, records: 3 };
const digestAt = (files: ReadonlyMap<string, Buffer>, hour: string) => {
  const signed = readDigest(files.get(digestKey(hour)) ?? Buffer.alloc(0));
  if (signed === undefined) throw new Error(`no digest of ${hour}`);
  return signed.digest;
};

test('WHEN hours are over THEN each has a digest, the empty one too, and names the one before', async () => {
  const { close, setTime, files, broken } = await closedTrail(shape);
  setTime('2025-03-02T02:09:59Z');
  expect(await close()).toEqual(['2025-03-01T22', '2025-03-01T23', '2025-03-02T00']);
  setTime('2025-03-02T02:10:00Z');
  expect(await close()).toEqual(['2025-03-02T01']);
  expect(await close()).toEqual([]);
  const [first, second, empty] = ['2025-03-01T22', '2025-03-01T23', '2025-03-02T00'].map((hour) => digestAt(files, hour));
  expect(first).toMatchObject({ previous: null, trail: 'ad-lambda-test', missing: [] });
  expect(first?.segments.map(({ records }) => records)).toEqual([3, 3, 3, 3]);
  expect(first?.writers.map(({ first: from, last }) => [from, last])).toEqual([
    [1, 6],
    [1, 6],
  ]);
  expect(second?.previous).toEqual({ hour: '2025-03-01T22', hash: first && digestHash(first) });
  expect(second?.writers.map(({ first: from, last }) => [from, last])).toEqual([
    [7, 12],
    [7, 12],
  ]);
  expect(empty).toMatchObject({ segments: [], writers: [] });
  expect(broken).toEqual([]);
});

test('GIVEN a segment that came after its hour was closed WHEN the next hour is closed THEN its digest names it', async () => {
  const { close, setTime, files, trail, writers } = await closedTrail({ ...shape, hours: 1 });
  setTime('2025-03-01T23:10:00Z');
  await close();
  setTime('2025-03-01T22:59:59Z');
  await writers[0]?.record(deletions(1, 900));
  const before = new Set(digestAt(files, '2025-03-01T22').segments.map(({ key }) => key));
  const keys: string[] = [];
  for await (const key of trail.list(segmentsOf('2025-03-01T22'))) if (!before.has(key)) keys.push(key);
  setTime('2025-03-02T00:10:00Z');
  await close();
  expect(keys).toHaveLength(1);
  expect(digestAt(files, '2025-03-01T23').segments.map(({ key }) => key)).toEqual(keys);
});

test('GIVEN a segment that is gone before its hour is closed THEN the digest says so', async () => {
  const { close, setTime, files, broken } = await closedTrail({ ...shape, hours: 1 });
  const [gone = ''] = files.keys();
  files.delete(gone);
  setTime('2025-03-01T23:10:00Z');
  await close();
  expect(digestAt(files, '2025-03-01T22').missing).toEqual([gone]);
  expect(broken).toContain(`missing ${gone}`);
});

test('GIVEN a segment that another was put over, linked anew, before its hour is closed THEN the digest and an alarm say so', async () => {
  const { close, setTime, files, broken, publicKey, trail } = await closedTrail({ ...shape, writers: 1, hours: 1 });
  const keys = [...files.keys()];
  const records = keys.flatMap((key) =>
    [...linesOf(files.get(key) as Buffer)].map((line) => JSON.parse(Buffer.from(line).toString('utf8'))),
  );
  for (const record of records) record.actor = { app_name: 'nobody' };
  const { lines } = chained(records[0].unmapped.chain.writer, chainStart, records);
  for (const [index, key] of keys.entries())
    files.set(
      key,
      Buffer.from(
        lines
          .slice(index * 3, index * 3 + 3)
          .map((line) => `${line}\n`)
          .join(''),
      ),
    );
  setTime('2025-03-01T23:10:00Z');
  await close();
  expect(digestAt(files, '2025-03-01T22').missing).toEqual(keys);
  expect(broken).toEqual(keys.map((key) => `replaced ${key}`));
  expect((await verifyTrail({ evidence: trail, publicKey })).finding).toMatchObject({ what: 'segment', key: keys[0] });
});

test('GIVEN something beside all hours WHEN hours are over THEN they are closed', async () => {
  const { close, setTime, files } = await closedTrail({ ...shape, hours: 1 });
  files.set('records/', Buffer.alloc(0));
  setTime('2025-03-01T23:10:00Z');
  expect(await close()).toEqual(['2025-03-01T22']);
});

test('GIVEN a void of a writer that died THEN the digest names it, without records', async () => {
  const { close, setTime, files, trail, broken } = await closedTrail({ ...shape, hours: 1 });
  const key = segmentKey('2025-03-01T22', 'dead', 1);
  await trail.void(key);
  setTime('2025-03-01T23:10:00Z');
  await close();
  expect(digestAt(files, '2025-03-01T22').segments.find((one) => one.key === key)).toMatchObject({ records: 0, bytes: 0 });
  expect(broken).toEqual([]);
});

test('GIVEN nothing was ever recorded THEN nothing is closed', async () => {
  const { close, setTime, files } = await closedTrail({ ...shape, hours: 0 });
  setTime('2025-03-05T00:00:00Z');
  expect(await close()).toEqual([]);
  expect(files.size).toBe(0);
});

test('fails when another run closed the hour meanwhile, and when a digest is no digest', async () => {
  const { close, setTime, files, trail } = await closedTrail({ ...shape, hours: 2 });
  setTime('2025-03-01T23:10:00Z');
  await close();
  const [key, whole] = [digestKey('2025-03-01T22'), files.get(digestKey('2025-03-01T22')) as Buffer];
  files.set(key, Buffer.from('{}'));
  await expect(close()).rejects.toThrow(/is no digest/);
  files.set(key, whole);
  // Nothing would be closed until then.
  files.set(digestKey('2026-03-01T22'), whole);
  await expect(close()).rejects.toThrow(/is no digest of its hour/);
  const { digest } = readDigest(whole) as SignedDigest;
  files.set(digestKey('2026-03-01T22'), Buffer.from(digestText({ digest: { ...digest, hour: '2026-03-01T22' }, signature: '' })));
  await expect(close()).rejects.toThrow(/of an hour that is not over/);
  files.delete(digestKey('2026-03-01T22'));
  setTime('2025-03-02T00:10:00Z');
  const running = close();
  await trail.write(digestKey('2025-03-01T23'), 'another');
  await expect(running).rejects.toThrow(/is closed by another run/);
});
