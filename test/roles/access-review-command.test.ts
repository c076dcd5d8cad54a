/** `npm run access-review`, against the sandbox's endpoint, with the real flow of review-access and its S3 store behind Invoke. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { parseEvent } from '../../handlers/events/identity-event.ts';
import { canonicalJson } from '../../handlers/platform/canonical-json.ts';
import { UsageError } from '../../handlers/platform/command-errors.ts';
import { accessReviewCommand } from '../../handlers/roles/access-review-command/access-review-command.ts';
import { parseCommandLine } from '../../handlers/roles/access-review-command/options.ts';
import { s3ReviewStore } from '../../handlers/roles/review-access/review-store.ts';
import { isSignedBy, publicKeyOf, signOffText } from '../../handlers/roles/sign-off.ts';
import { AwsError } from '../../sandbox/aws/endpoint.ts';
import { account, clientOf, endpointForTests, region, roleAllowed } from '../sandbox/aws/endpoint-fixture.ts';
import { grantOf, type ReviewWorld, reviewWorld } from './review-people.ts';

const endpoint = await endpointForTests();
const call = (service: string, operation: string, input: Record<string, unknown>) => endpoint.call('operator', service, operation, input);
const arn = (service: string, name: string) => `arn:aws:${service}:${region}:${account}:${name}`;
const [bucket, bus] = ['reports', 'identity'];
await call('s3', 'CreateBucket', { Bucket: bucket });
await call('events', 'CreateEventBus', { Name: bus });
const Policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sqs:SendMessage', Resource: arn('sqs', 'told') }],
});
const QueueUrl = String((await call('sqs', 'CreateQueue', { QueueName: 'told', Attributes: { Policy } })).QueueUrl);
await call('events', 'PutRule', { Name: 'told', EventBusName: bus, EventPattern: '{"detail-type":["AccessReviewSignedOff"]}' });
await call('events', 'PutTargets', { Rule: 'told', EventBusName: bus, Targets: [{ Id: 'queue', Arn: arn('sqs', 'told') }] });
const { KeyMetadata } = await call('kms', 'CreateKey', { KeyUsage: 'SIGN_VERIFY', KeySpec: 'ECC_NIST_P256' });
const APPROVAL_KEY_ID = (KeyMetadata as { KeyId: string }).KeyId;
const Role = roleAllowed(endpoint, 'functions', []);
for (const [name, Variables] of Object.entries({
  'review-access': { REPORT_BUCKET: bucket, IDENTITY_BUS: bus },
  'settle-guard': { APPROVAL_KEY_ID },
})) {
  await call('lambda', 'CreateFunction', {
    ...{ FunctionName: `ad-lambda-dev-${name}`, Runtime: 'nodejs22.x', Role, Handler: 'index.handler' },
    ...{ Code: { ZipFile: Buffer.from('') }, Environment: { Variables } },
  });
}
let world: ReviewWorld;
let failing = false;
endpoint.onInvoke(async ({ payload }) => {
  if (failing) return { payload: '{"errorMessage":"the table is gone"}', functionError: 'Unhandled' };
  return { payload: JSON.stringify(await world.run(JSON.parse(String(payload)))) };
});
const s3 = new S3Client({ ...clientOf(endpoint), forcePathStyle: true });
world = reviewWorld({
  people: [{ number: 1, name: 'Ada\u202eexample', grants: [grantOf('developers')] }],
  change: { store: s3ReviewStore(s3, bucket), now: () => new Date() },
});

const operator = `arn:aws:iam::${account}:root`;
const folder = mkdtempSync(join(tmpdir(), 'access-review-command-'));
for (const [name, value] of Object.entries({
  AWS_ENDPOINT_URL: endpoint.url,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: endpoint.operator.accessKeyId,
  AWS_SECRET_ACCESS_KEY: endpoint.operator.secretAccessKey,
}))
  vi.stubEnv(name, value);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
  s3.destroy();
});

async function run(...args: readonly string[]) {
  const [out, error]: [string[], string[]] = [[], []];
  const code = await accessReviewCommand(args, {
    out: (text) => void out.push(text),
    error: (text) => void error.push(text),
    now: () => new Date(),
  });
  return { code, out: out.join(''), error: error.join('') };
}

/** A report of its own, in the bucket and in a folder. */
async function generated() {
  const { out } = await run('generate', '--out', folder, '--json');
  const made = JSON.parse(out) as { report: string; sha256: string; written: string[] };
  return { ...made, file: made.written.find((one) => one.endsWith('.json')) ?? '', key: `${made.report}.json` };
}

async function told() {
  const { Messages = [] } = await call('sqs', 'ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10 });
  const messages = Messages as { Body: string; ReceiptHandle: string }[];
  for (const { ReceiptHandle } of messages) await call('sqs', 'DeleteMessage', { QueueUrl, ReceiptHandle });
  return messages.map(({ Body }) => parseEvent(JSON.parse(Body)));
}

const pem = join(folder, 'approvals.pem');
const { PublicKey } = await call('kms', 'GetPublicKey', { KeyId: APPROVAL_KEY_ID });
const publicKey = publicKeyOf(typeof PublicKey === 'string' ? Buffer.from(PublicKey, 'base64') : (PublicKey as Uint8Array));
writeFileSync(pem, publicKey.export({ type: 'spki', format: 'pem' }));

describe('npm run access-review', () => {
  test('generate: makes a report, prints its numbers, and writes its files', async () => {
    const { code, out } = await run('generate', '--out', folder);
    expect(code).toBe(0);
    expect(out).toMatch(/^people who hold something +1$/m);
    expect(out).toMatch(/^sha256 {2}[0-9a-f]{64}$/m);
    const endings = readdirSync(folder).map((name) => name.replace(/^[\d-]{10}T[\d.-]+Z/, ''));
    expect(endings).toEqual(expect.arrayContaining(['.csv', '.html', '.json', '.sha256']));
  });

  test('fails to write into what is no folder, before a report is made', async () => {
    endpoint.clearCalls();
    expect(await run('generate', '--out', pem)).toMatchObject({
      code: 1,
      error: `--out ${pem} cannot be written (EEXIST): give a folder\n`,
    });
    expect(endpoint.calls.map(({ operation }) => operation)).not.toContain('Invoke');
  });

  test('sign-off and check: by key or by file, with the deployment or with nothing but files', async () => {
    const { report, sha256, file, key } = await generated();
    expect(await run('check', '--report', file)).toMatchObject({ code: 1, error: expect.stringMatching(/^NOT SIGNED OFF: there is no /) });
    const signed = await run('sign-off', '--report', file, '--by', 'Grace Muster', '--note', 'looked at all of them');
    expect(signed).toMatchObject({ code: 0, out: `${report} is signed off by Grace Muster (${operator})\nsha256 ${sha256}\n` });
    const [event, ...more] = await told();
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      ...{ type: 'AccessReviewSignedOff', domain: 'ad-lambda-dev', subject: { type: 'report', name: report } },
      change: { report, sha256, by: 'Grace Muster', signer: operator, note: 'looked at all of them', counts: { grants: 1 } },
    });
    for (const place of [file, key])
      expect(await run('check', '--report', place)).toMatchObject({ code: 0, out: expect.stringMatching(sha256) });

    const signOff = join(folder, 'sign-off.json');
    const { Body } = await call('s3', 'GetObject', { Bucket: bucket, Key: `${report}.sign-off.json` });
    writeFileSync(signOff, Buffer.from(Body as Uint8Array));
    endpoint.clearCalls();
    const offline = await run('check', '--report', file, '--sign-off', signOff, '--public-key', pem);
    expect(offline).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^signed off by Grace Muster .*\nsha256 .*\nnote {3}looked at all/),
    });
    expect(endpoint.calls).toEqual([]);
  });

  test.each([
    ['one character of a name', (text: string) => text.replace('Ada', 'Eda')],
    ['a grant taken out, in the canonical form', (text: string) => canonicalJson({ ...JSON.parse(text), principals: [] })],
    ['a line end', (text: string) => `${text}\n`],
  ])('fails to sign off a report that is altered by %s, and signs nothing', async (_, alter) => {
    const { file } = await generated();
    const made = readFileSync(file, 'utf8');
    expect(alter(made)).not.toBe(made);
    writeFileSync(file, alter(made));
    endpoint.clearCalls();
    expect(await run('sign-off', '--report', file, '--by', 'Grace Muster')).toMatchObject({
      code: 1,
      error: expect.stringMatching(/is not as it was made|is no report, or an altered one/),
    });
    expect(endpoint.calls.map(({ operation }) => operation)).not.toContain('Sign');
  });

  test('fails to check another report, a forged word and a foreign key', async () => {
    const [one, other] = [await generated(), await generated()];
    await run('sign-off', '--report', one.key, '--by', 'Grace Muster');
    await told();
    const { Body } = await call('s3', 'GetObject', { Bucket: bucket, Key: `${one.report}.sign-off.json` });
    const signed = JSON.parse(Buffer.from(Body as Uint8Array).toString('utf8'));
    expect(isSignedBy(signed, publicKey)).toBe(true);
    const file = join(folder, 'forged.json');
    const check = async (report: string, content: object, key = pem) => {
      writeFileSync(file, JSON.stringify(content));
      return await run('check', '--report', report, '--sign-off', file, '--public-key', key);
    };
    expect(await check(one.file, signed)).toMatchObject({ code: 0 });
    expect(await check(other.file, signed)).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^NOT SIGNED OFF: Grace Muster signed /),
    });
    const forged = { ...signed, signOff: { ...signed.signOff, by: 'Mallory' } };
    expect(await check(one.file, forged)).toMatchObject({ code: 1, error: expect.stringMatching(/the signature of Mallory is not/) });
    expect(await check(one.file, { ...signed, version: 2 })).toMatchObject({ code: 1, error: expect.stringMatching(/cannot be read/) });
    expect(await check(one.file, signed, file)).toMatchObject({ code: 1, error: expect.stringMatching(/is no public key in PEM form/) });
  });

  test('fails where the caller may not sign: nothing is told, nothing is written', async () => {
    const { key } = await generated();
    const denied = new AwsError('AccessDeniedException', 'User: ada is not authorized to perform: kms:Sign');
    const remove = endpoint.inject({ match: ({ operation }) => operation === 'Sign', times: 1, effect: { error: denied } });
    endpoint.clearCalls();
    expect(await run('sign-off', '--report', key, '--by', 'Ada')).toMatchObject({ code: 1, error: expect.stringMatching(/kms:Sign/) });
    remove();
    const operations = endpoint.calls.map(({ operation }) => operation);
    for (const operation of ['PutEvents', 'PutObject']) expect(operations).not.toContain(operation);
  });

  test('fails when review-access fails, for a deployment and for a report that are not there', async () => {
    failing = true;
    expect(await run('generate')).toMatchObject({ code: 1, error: expect.stringMatching(/review-access failed \(the table is gone\)/) });
    failing = false;
    expect(await run('generate', '--environment', 'nowhere')).toMatchObject({
      code: 1,
      error: expect.stringMatching(/there is no function ad-lambda-nowhere-review-access/),
    });
    expect(await run('check', '--report', 'access-review/none.json')).toMatchObject({
      code: 1,
      error: expect.stringMatching(/there is neither a file nor an object access-review\/none.json/),
    });
  });

  test('what is signed is short enough for KMS, however much is said', () => {
    const text = signOffText({
      ...{ deployment: 'd'.repeat(128), report: 'r'.repeat(128), sha256: 'a'.repeat(64), by: '語'.repeat(256), note: '語'.repeat(500) },
      counts: Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`count-${index}`, 100_000])),
      ...{ signer: `arn:aws:sts::${account}:${'s'.repeat(400)}`, at: '2026-11-23T06:00:00.000Z' },
    });
    expect(Buffer.byteLength(text)).toBeLessThan(4096);
  });
});

describe('the command line', () => {
  test('WHEN only what is needed is given THEN the rest are the defaults', () => {
    expect(parseCommandLine(['generate'])).toEqual({
      action: 'generate',
      environment: 'dev',
      prefix: 'ad-lambda',
      json: false,
      out: undefined,
    });
    expect(parseCommandLine(['sign-off', '--report', 'a', '--by', 'Ada'])).toMatchObject({ report: 'a', by: 'Ada', note: undefined });
    expect(parseCommandLine(['-h'])).toBe('help');
  });

  test.each([
    [],
    ['approve'],
    ['generate', 'now'],
    ['generate', '--report', 'a'],
    ['generate', '--out', ''],
    ['sign-off', '--by', 'Ada'],
    ['sign-off', '--report', 'a'],
    ['sign-off', '--report', 'a', '--by', 'two\nlines'],
    ['sign-off', '--report', 'a', '--by', 'Ada', '--note', 'x'.repeat(501)],
    ['check'],
    ['check', '--report', 'a', '--by', 'Ada'],
    ['check', '--report', 'a', '--environment', ''],
  ])('fails for %j', (...args: string[]) => {
    expect(() => parseCommandLine(args)).toThrow(UsageError);
  });
});
