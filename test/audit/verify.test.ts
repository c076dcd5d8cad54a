/** Verify names the first thing that is not as it was written, and nothing where all is. */
import { beforeAll, describe, expect, test } from 'vitest';
import { AuditWriter } from '../../handlers/audit/audit-writer.ts';
import { chained, chainStart, linesOf } from '../../handlers/audit/chain.ts';
import { type Digest, digestText, readDigest } from '../../handlers/audit/digest.ts';
import { digestKey, segmentKey } from '../../handlers/audit/segment.ts';
import type { Segments } from '../../handlers/audit/segments.ts';
import { verifyTrail } from '../../handlers/audit/verify.ts';
import { canonicalJson, type JsonValue } from '../../handlers/platform/canonical-json.ts';
import { deletions, revisions } from './audited.ts';
import { closedTrail } from './closed-trail.ts';
import { digestKeys, memoryTrail } from './memory-trail.ts';
import { randomNumbers, tamperByte, tamperFile, tamperRecord } from './tampering.ts';

let made: Awaited<ReturnType<typeof closedTrail>>;
const [from, to] = ['2025-03-01T22', '2025-03-02T02'];

beforeAll(async () => {
  made = await closedTrail({ hours: 5, writers: 3, segments: 2, records: 4 });
  made.setTime('2025-03-02T03:10:00Z');
  await made.close();
});

const verify = (files: Map<string, Buffer> = made.files, range: { from?: string; to?: string } = { from, to }) =>
  verifyTrail({ evidence: memoryTrail(files), publicKey: made.publicKey, ...range });
const records = () => [...made.files.keys()].filter((key) => key.startsWith('records/')).sort();
const changed = (key: string, change: (body: Buffer) => Buffer) => new Map([...made.files, [key, change(made.files.get(key) as Buffer)]]);
const linesIn = (key: string) => [...linesOf(made.files.get(key) as Buffer)].map((line) => Buffer.from(line).toString('utf8'));
const text = (lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(''));

test('GIVEN a trail WHEN it is verified whole, from its middle, or to its middle THEN it is intact', async () => {
  expect(await verify()).toEqual({ intact: true, from, to, digests: 5, segments: 24, records: made.made });
  expect(await verify(made.files, {})).toMatchObject({ intact: true, digests: 5 });
  expect(await verify(made.files, { from: '2025-03-01T23', to: '2025-03-02T01' })).toMatchObject({
    intact: true,
    digests: 3,
    segments: 12,
  });
});

test('GIVEN an event that comes again days after its writer died WHEN its hour has long been closed THEN the void there is no forgery', async () => {
  const { trail, claims, close, setTime, publicKey } = await closedTrail({ hours: 2, writers: 1, segments: 1, records: 1 });
  const writer = (segments: Segments) => new AuditWriter({ claims, segments, log: async () => undefined, revisions, now });
  let time = '2025-03-01T22:30:00Z';
  const now = () => new Date(time);
  const dying = async () => {
    throw new Error('cut off');
  };
  await expect(writer({ ...trail, write: dying }).record(deletions(1, 900))).rejects.toThrow('cut off');
  setTime('2025-03-04T00:10:00Z');
  for (let run = 0; run < 2; run += 1) await close();
  time = '2025-03-03T22:30:00Z';
  await trail.void(segmentKey('2025-03-03T22', 'also-dead', 1));
  time = '2025-03-04T00:30:00Z';
  expect([...(await writer(trail).record(deletions(1, 900))).values()]).toEqual([undefined]);
  setTime('2025-03-04T02:10:00Z');
  await close();
  const all = { evidence: trail, publicKey };
  expect(await verifyTrail(all)).toMatchObject({ intact: true, records: 3 });
  expect(await verifyTrail({ ...all, from: '2025-03-01T22', to: '2025-03-01T23' })).toMatchObject({ intact: true });
});

test('GIVEN a writer that rests for an hour or more WHEN a range begins while it rests THEN it is intact', async () => {
  const { writers, trail, close, setTime, publicKey } = await closedTrail({ hours: 1, writers: 2, segments: 2, records: 2 });
  setTime('2025-03-02T01:30:00Z');
  await writers[0]?.record(deletions(2, 900));
  setTime('2025-03-02T02:10:00Z');
  await close();
  const range = { from: '2025-03-02T00', to: '2025-03-02T01' };
  expect(await verifyTrail({ evidence: trail, publicKey, ...range })).toMatchObject({ intact: true, digests: 2, records: 2 });
  const exported = new Map([...trail.files].filter(([key]) => !key.includes('hour=22') && !key.includes('hour=23')));
  expect(await verifyTrail({ evidence: memoryTrail(exported), publicKey, ...range })).toMatchObject({ intact: true });
});

test('GIVEN a clock that is set back over the end of an hour WHEN its writer goes on THEN the trail is intact', async () => {
  const { writers, trail, close, broken, setTime, publicKey } = await closedTrail({ hours: 1, writers: 1, segments: 1, records: 1 });
  for (const [from, time] of ['2025-03-01T23:00:00Z', '2025-03-01T22:59:59Z', '2025-03-01T23:00:01Z'].entries()) {
    setTime(time);
    await writers[0]?.record(deletions(1, 900 + from));
  }
  setTime('2025-03-02T00:10:00Z');
  await close();
  expect(broken).toEqual([]);
  expect(await verifyTrail({ evidence: trail, publicKey })).toMatchObject({ intact: true, records: 4 });
});

test('GIVEN no digest at all THEN nothing is found, and nothing is proven', async () => {
  expect(await verify(new Map(), {})).toEqual({ intact: false, from: undefined, to: undefined, digests: 0, segments: 0, records: 0 });
});

describe('fails and names', () => {
  /** One line has another value. */
  const altered = (key: string, at: number) =>
    changed(key, () => text(linesIn(key).map((line, index) => (index === at ? line.replace('"name":"ada"', '"name":"eve"') : line))));

  test('the record that was altered', async () => {
    const [key = ''] = records();
    const eventId = JSON.parse(linesIn(key)[1] as string).metadata.uid;
    expect(await verify(altered(key, 1))).toMatchObject({
      intact: false,
      finding: { kind: 'altered', what: 'record', key, line: 2, sequence: 2, eventId },
    });
  });

  test('the last record of a file that was altered', async () => {
    const [key = ''] = records();
    expect((await verify(altered(key, 3))).finding).toMatchObject({ kind: 'altered', what: 'record', key, line: 4, sequence: 4 });
  });

  test('the record that is missing, and the one that is out of order', async () => {
    const [key = ''] = records();
    const lines = linesIn(key);
    expect((await verify(changed(key, () => text(lines.toSpliced(1, 1))))).finding).toMatchObject({
      kind: 'missing',
      what: 'record',
      sequence: 2,
    });
    expect((await verify(changed(key, () => text([...lines.slice(0, 2), lines[0] as string])))).finding).toMatchObject({
      kind: 'reordered',
      what: 'record',
      line: 3,
      sequence: 1,
    });
  });

  test('a file that is missing, and one that no digest names', async () => {
    const keys = records();
    const [key = ''] = keys;
    const without = new Map(made.files);
    without.delete(key);
    expect((await verify(without)).finding).toMatchObject({ kind: 'missing', what: 'segment', key });
    const copy = key.replace('-000000001', '-000000009');
    expect((await verify(new Map([...made.files, [copy, made.files.get(key) as Buffer]]))).finding).toMatchObject({
      kind: 'forged',
      what: 'segment',
      key: copy,
    });
    const last = keys.at(-1)?.replace(/\d{9}(?=\.json)/, '000000099') ?? '';
    expect((await verify(new Map([...made.files, [last, Buffer.from('{}')]]))).finding).toMatchObject({ kind: 'forged', key: last });
  });

  test.each(['year=2025/month=02/day=31/hour=10/f00d-000000001', 'year=2025/month=03/day=01/hour=21/f00d-000000001', 'more'])(
    'a file of records that lies beside all hours: %s',
    async (name) => {
      const key = `records/${name}.json`;
      const more = new Map([...made.files, [key, made.files.get(records()[0] ?? '') as Buffer]]);
      expect((await verify(more, {})).finding).toMatchObject({ kind: 'forged', what: 'segment', key });
    },
  );

  test('the records that a writer began with, gone before the first hour was closed, or from a range', async () => {
    const { writers, claims, trail, files, close, setTime, publicKey } = await closedTrail({
      ...{ hours: 1, writers: 1, segments: 2, records: 2 },
    });
    const [first = ''] = files.keys();
    files.delete(first);
    claims.written.delete(first);
    setTime('2025-03-02T00:30:00Z');
    await writers[0]?.record(deletions(2, 900));
    const [late = ''] = [...files.keys()].slice(-1);
    await writers[0]?.record(deletions(2, 910));
    files.delete(late);
    claims.written.delete(late);
    setTime('2025-03-02T01:10:00Z');
    await close();
    const finding = { kind: 'missing', what: 'record' };
    expect((await verifyTrail({ evidence: trail, publicKey })).finding).toMatchObject({ ...finding, sequence: 1 });
    const range = { from: '2025-03-01T23', to: '2025-03-02T00' };
    expect((await verifyTrail({ evidence: trail, publicKey, ...range })).finding).toMatchObject({ ...finding, sequence: 5 });
  });

  test.each(['2025-03-01T22', '2025-03-02T00', '2025-03-02T02'])('the digest of %s that is missing', async (hour) => {
    const without = new Map(made.files);
    without.delete(digestKey(hour));
    expect((await verify(without)).finding).toMatchObject({ kind: 'missing', what: 'digest', key: digestKey(hour) });
  });

  test('the first digest that is missing, although nobody said where the trail begins', async () => {
    const without = new Map(made.files);
    without.delete(digestKey(from));
    expect((await verify(without, {})).finding).toMatchObject({ kind: 'missing', what: 'digest', key: digestKey(from) });
  });

  test('a digest of another key, and one whose author can sign but has not the digest before', async () => {
    const hour = '2025-03-01T23';
    const { digest } = readDigest(made.files.get(digestKey(hour)) as Buffer) as { digest: Digest };
    const signed = async (by: typeof made.sign, what: Digest) =>
      Buffer.from(digestText({ digest: what, signature: Buffer.from(await by(what)).toString('base64') }));
    const foreign = await signed(digestKeys().sign, digest);
    expect((await verify(changed(digestKey(hour), () => foreign))).finding).toMatchObject({ kind: 'forged', what: 'digest' });
    const unchained = await signed(made.sign, { ...digest, previous: { hour: from, hash: '0'.repeat(64) } });
    expect((await verify(changed(digestKey(hour), () => unchained))).finding).toMatchObject({
      kind: 'forged',
      what: 'digest',
      key: digestKey(hour),
    });
    const swapped = made.files.get(digestKey('2025-03-02T00')) as Buffer;
    expect((await verify(changed(digestKey(hour), () => swapped))).finding).toMatchObject({ kind: 'reordered', what: 'digest' });
  });

  test('a whole hour that was written anew, chain and all, but for the signature', async () => {
    const [key = ''] = records();
    const lines = linesIn(key).map((line) => JSON.parse(line));
    for (const record of lines) record.actor = { app_name: 'nobody' };
    const { lines: anew } = chained(lines[0].unmapped.chain.writer, chainStart, lines);
    expect(canonicalJson(JSON.parse(anew[0] as string) as JsonValue)).toBe(anew[0]);
    expect((await verify(changed(key, () => text(anew)))).intact).toBe(false);
  });
});

describe.each([
  ['a byte', tamperByte],
  ['a record', tamperRecord],
  ['a file', tamperFile],
])('GIVEN %s that was tampered with at random', (_, tamper) => {
  test('THEN it shows, and an untouched copy is intact', async () => {
    const random = randomNumbers(11);
    for (let run = 0; run < 60; run += 1) {
      const { what, files } = tamper(random, made.files);
      expect((await verify(files)).intact, what).toBe(false);
    }
    expect((await verify(new Map(made.files))).intact).toBe(true);
  });
});
