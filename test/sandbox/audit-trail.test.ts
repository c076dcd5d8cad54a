/** The audit trail of a running integration, end to end: hours closed by the real function, verified by the command, and tampered with. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditLog } from '../../handlers/audit/audit-log.ts';
import { AuditWriter } from '../../handlers/audit/audit-writer.ts';
import { dynamoDbClaims } from '../../handlers/audit/dynamodb-claims.ts';
import { s3Evidence } from '../../handlers/audit/s3-evidence.ts';
import { hourOf } from '../../handlers/audit/segment.ts';
import { s3Segments } from '../../handlers/audit/segments.ts';
import { functionSetting } from '../../sandbox/function-setting.ts';
import { deletions, revisions } from '../audit/audited.ts';
import { type PlayedSandbox, playedSandbox } from './played-sandbox.ts';

let played: PlayedSandbox;
let bucket: string;
let s3: S3Client;
const hourMs = 3_600_000;
/** The hour before the last one: it is over for all clocks, and close-audit goes on from there. */
const past = new Date(Math.floor(Date.now() / hourMs) * hourMs - 2 * hourMs + 60_000);
const recorded = 25;

beforeAll(async () => {
  played = await playedSandbox({ environment: 'dev' });
  const { endpoint, stack } = played.sandbox;
  bucket = functionSetting(stack, 'AUDIT_BUCKET');
  const options = { endpoint: endpoint.url, region: endpoint.region, credentials: { ...endpoint.operator }, forcePathStyle: true };
  s3 = new S3Client(options);
  const [dynamodb, logs] = [new DynamoDBClient(options), new CloudWatchLogsClient(options)];
  // GIVEN records of an hour that is over, written as record-audit writes
  const writer = new AuditWriter({
    claims: dynamoDbClaims(dynamodb, functionSetting(stack, 'AUDIT_TABLE'), 400, () => past),
    segments: s3Segments(s3, { bucket, keyArn: functionSetting(stack, 'AUDIT_KEY_ARN') }),
    log: auditLog(logs, functionSetting(stack, 'AUDIT_LOG_GROUP'), 'test'),
    revisions,
    now: () => past,
  });
  for (let from = 0; from < recorded; from += 5) await writer.record(deletions(5, from));
  for (const client of [dynamodb, logs]) client.destroy();
  // WHEN the function closes what is over
  const { functionError } = await played.sandbox.runtime.invoke('close-audit', {});
  expect(functionError).toBeUndefined();
}, 180_000);

afterAll(async () => {
  s3?.destroy();
  await played?.stop();
});

const verify = (...args: readonly string[]) => played.command('audit', 'verify', '--environment', 'dev', '--json', ...args);
const hour = hourOf(past);

describe('npm run audit -- verify', () => {
  test('GIVEN hours that close-audit has closed and signed WHEN verified THEN they are intact', async () => {
    const { code, stdout, stderr } = await verify('--from', hour, '--to', hour);
    expect(stderr).not.toMatch(/error/i);
    expect(JSON.parse(stdout)).toMatchObject({ intact: true, from: hour, to: hour, digests: 1, segments: 5, records: recorded });
    expect(code).toBe(0);
  });

  test('GIVEN the bucket, exported, and the public key WHEN verified THEN it says the same without a call', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'audit-trail-'));
    try {
      const evidence = s3Evidence(s3, bucket);
      for (const prefix of ['records/', 'digests/']) {
        for await (const key of evidence.list(prefix)) {
          mkdirSync(dirname(join(folder, key)), { recursive: true });
          writeFileSync(join(folder, key), (await evidence.read(key)) ?? '');
        }
      }
      const { PublicKey } = await played.operator('kms', 'GetPublicKey', { KeyId: 'alias/ad-lambda-dev-audit' });
      const der = Buffer.from(PublicKey as Uint8Array).toString('base64');
      writeFileSync(join(folder, 'trail.pem'), `-----BEGIN PUBLIC KEY-----\n${der}\n-----END PUBLIC KEY-----\n`);
      const args = ['--files', folder, '--public-key', join(folder, 'trail.pem'), '--from', hour, '--to', hour, '--json'];
      const { code, stdout } = await played.command('audit', 'verify', ...args);
      expect(JSON.parse(stdout)).toMatchObject({ intact: true, records: recorded });
      expect(code).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('fails and names the record, once somebody puts another version over a segment', async () => {
    const evidence = s3Evidence(s3, bucket);
    let segment: string | undefined;
    for await (const key of evidence.list('records/')) segment ??= key;
    const Body = String(await evidence.read(segment ?? '')).replace('event-3', 'event-X');
    await played.operator('s3', 'PutObject', { Bucket: bucket, Key: segment, Body: Buffer.from(Body) });
    const { code, stdout } = await verify('--from', hour, '--to', hour);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ intact: false, finding: { kind: 'altered', what: 'record', key: segment, line: 4 } });
  });
});
