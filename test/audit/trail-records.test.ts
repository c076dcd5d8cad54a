/** Where questions are answered from: the log, the bucket, files and memory give the same records. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evidenceRecords } from '../../handlers/audit/answers/evidence-records.ts';
import { logRecords, patterns } from '../../handlers/audit/answers/log-records.ts';
import type { TrailQuery, TrailRecords } from '../../handlers/audit/answers/trail-records.ts';
import { auditLog } from '../../handlers/audit/audit-log.ts';
import { folderEvidence } from '../../handlers/audit/folder-evidence.ts';
import { s3Evidence } from '../../handlers/audit/s3-evidence.ts';
import { s3Segments } from '../../handlers/audit/segments.ts';
import { clientOf, endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { memoryTrail } from './memory-trail.ts';
import { Teller } from './told-trail.ts';

/** A name that needs escaping in JSON, in a filter pattern and in a spreadsheet. */
const odd = 'Jörg "Joe" O\\Neil *%$';
const teller = new Teller();
const people = ['ada', 'alan', odd].map((name) => teller.user(name));
const events = people.flatMap((person) => {
  teller.wait(3600);
  return [teller.event('UserCreated', person, { enabled: true }), teller.event('UserDisabled', person, {})];
});
const files = teller.files(2);

/** In the log group; the first lines are there twice, as after a function that died in between. */
async function inLog(): Promise<TrailRecords> {
  const endpoint = await endpointForTests();
  await endpoint.call('operator', 'logs', 'CreateLogGroup', { logGroupName: 'trail' });
  const client = new CloudWatchLogsClient(clientOf(endpoint));
  await auditLog(client, 'trail', 'one')(teller.lines, new Date());
  await auditLog(client, 'trail', 'other')(teller.lines.slice(0, 2), new Date());
  return logRecords(client, 'trail', () => new Date());
}

async function inBucket(): Promise<TrailRecords> {
  const endpoint = await endpointForTests();
  const { Arn } = (await endpoint.call('operator', 'kms', 'CreateKey', {})).KeyMetadata as { Arn: string };
  await endpoint.call('operator', 's3', 'CreateBucket', { Bucket: 'trail' });
  const client = new S3Client({ ...clientOf(endpoint), forcePathStyle: true });
  for (const [key, body] of files) await s3Segments(client, { bucket: 'trail', keyArn: Arn }).write(key, body.toString('utf8'));
  return evidenceRecords(
    s3Evidence(client, 'trail'),
    () => new Date('2025-03-02T00:00:00Z'),
    () => client.destroy(),
  );
}

async function inFolder(): Promise<TrailRecords> {
  const folder = mkdtempSync(join(tmpdir(), 'trail-records-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  for (const [key, body] of [...files, ['digests/year=2025/month=03/day=01/hour=10/digest.json', Buffer.from('{}')]] as const) {
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    writeFileSync(join(folder, key), body);
  }
  return evidenceRecords(folderEvidence(folder));
}

describe.each([
  ['memory', async () => evidenceRecords(memoryTrail(files))],
  ['a folder', inFolder],
  ['S3', inBucket],
  ['CloudWatch Logs', inLog],
])('records in %s', (_, open) => {
  let records: TrailRecords;
  beforeAll(async () => {
    records = await open();
  });
  afterAll(() => records.close());
  const ids = async (query: TrailQuery) => {
    const found: string[] = [];
    for await (const { metadata } of records.read(query)) found.push(metadata.uid);
    return found;
  };
  const all = events.map(({ id }) => id);

  test('GIVEN no criteria WHEN they are read THEN each is there once', async () => {
    expect((await ids({})).sort()).toEqual([...all].sort());
  });

  test.each(['ada', odd, people[1]?.guid ?? ''])(
    'GIVEN %j WHEN records that mention it are read THEN they are those and no others',
    async (text) => {
      const expected = events.filter(({ subject }) => subject.name === text || subject.guid === text).map(({ id }) => id);
      expect(expected).toHaveLength(2);
      expect((await ids({ mentions: [text] })).sort()).toEqual(expected.sort());
    },
  );

  test.each([60, 1000])('GIVEN %i texts WHEN records that mention one are read THEN each is there once', async (count) => {
    const mentions = [
      ...Array.from({ length: count }, (_one, index) => `nobody-${index}-0000-0000-0000-000000000000`),
      'ada',
      all[0] as string,
    ];
    expect((await ids({ mentions })).sort()).toEqual(all.slice(0, 2).sort());
    expect(await ids({ mentions: mentions.slice(0, count) })).toEqual([]);
  });

  test('GIVEN how an id begins WHEN records are read THEN they are those that have it', async () => {
    expect(await ids({ begins: all[3]?.slice(0, 13) })).toEqual([all[3]]);
    expect(await ids({ begins: 'nobody' })).toEqual([]);
  });

  test('GIVEN a time WHEN records since then are read THEN those written before are not there', async () => {
    const since = new Date(Date.parse(events[2]?.detectedAt ?? '') + 1000);
    expect((await ids({ since })).sort()).toEqual(all.slice(2).sort());
    expect(await ids({ since: new Date(since.getTime() + 1), mentions: ['alan'] })).toEqual([all[3]]);
  });

  test('GIVEN a condition WHEN records are read THEN it holds for each', async () => {
    const where: TrailQuery['where'] = ({ unmapped }) => unmapped.type === 'UserDisabled';
    expect((await ids({ where, mentions: ['ada', 'alan'] })).sort()).toEqual([all[1], all[3]].sort());
  });
});

describe('what is covered', () => {
  const lines = async (client: CloudWatchLogsClient, now: string) => await logRecords(client, 'trail', () => new Date(now)).coverage();

  test('GIVEN a log with retention WHEN it is older than that THEN it says that what was before is gone', async () => {
    const endpoint = await endpointForTests();
    await endpoint.call('operator', 'logs', 'CreateLogGroup', { logGroupName: 'trail' });
    await endpoint.call('operator', 'logs', 'CreateLogGroup', { logGroupName: 'trail-of-another' });
    const client = new CloudWatchLogsClient(clientOf(endpoint));
    const later = new Date(Date.now() + 40 * 86_400_000).toISOString();
    expect(await lines(client, later)).toEqual({ from: expect.any(String), to: later });
    await endpoint.call('operator', 'logs', 'PutRetentionPolicy', { logGroupName: 'trail', retentionInDays: 30 });
    const from = new Date(Date.parse(later) - 30 * 86_400_000).toISOString();
    expect(await lines(client, later)).toEqual({ from, to: later, incomplete: expect.stringContaining('keeps 30 days') });
    expect(await lines(client, new Date().toISOString())).not.toHaveProperty('incomplete');
    client.destroy();
  });

  test('GIVEN files WHEN they are asked THEN they cover their first hour to their last, and nobody knows what else there was', async () => {
    const covers = { from: '2025-03-01T11:00:00.000Z', to: '2025-03-01T14:00:00.000Z', incomplete: expect.stringContaining('verify') };
    expect(await evidenceRecords(memoryTrail(files)).coverage()).toEqual(covers);
    expect(await evidenceRecords(memoryTrail()).coverage()).toEqual({});
  });

  test('GIVEN a bucket WHEN it is asked THEN it covers until now', async () => {
    const now = new Date('2025-03-05T00:00:00Z');
    expect(await evidenceRecords(memoryTrail(files), () => now).coverage()).toEqual({
      from: '2025-03-01T11:00:00.000Z',
      to: now.toISOString(),
    });
  });
});

test.each([['no JSON'], ['{"metadata":{}}'], ['{"unmapped":{"type":"UserDeleted"}}'], ['null']])(
  'fails for a line that is no record: %s',
  async (line) => {
    const records = evidenceRecords(memoryTrail(new Map([...files].map(([key]) => [key, Buffer.from(`${line}\n`)]))));
    await expect(records.read({})[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      kind: 'unreadable',
      message: expect.stringContaining('verify'),
    });
  },
);

test('GIVEN texts WHEN patterns are made THEN each is within its limit, and what says little is one read of everything', () => {
  expect(patterns(['ada'])).toEqual(['"ada"']);
  expect(patterns(['ada', 'alan@corp.example.com'])).toEqual(['?"ada" ?"alan@corp.example.com"']);
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `${index}`.padStart(36, '0'));
  const made = patterns(ids(60));
  expect(made.length).toBe(3);
  for (const pattern of made) expect(pattern?.length).toBeLessThanOrEqual(1024);
  expect(made.join(' ').match(/\?"\d{36}"/g)).toHaveLength(60);
  for (const texts of [undefined, ids(500), ['x'.repeat(2000)], ['al"an'], ['ada', 'al\\an'], ['Jörg'], ['%ada%']])
    expect(patterns(texts)).toEqual([undefined]);
});
