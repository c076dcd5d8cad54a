/** Verify names the first thing that is not as it was written, and nothing where all is. */
import { beforeAll, describe, expect, test } from 'vitest';
import { chained, chainStart, linesOf } from '../../handlers/audit/chain.ts';
import { type Digest, digestText, readDigest } from '../../handlers/audit/digest.ts';
import { digestKey } from '../../handlers/audit/segment.ts';
import { verifyTrail } from '../../handlers/audit/verify.ts';
import { canonicalJson, type JsonValue } from '../../handlers/platform/canonical-json.ts';
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
