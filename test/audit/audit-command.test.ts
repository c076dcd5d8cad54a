/** `npm run audit -- verify` against files, and its command line. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { actions, auditCommand } from '../../handlers/audit/audit-command/audit-command.ts';
import { parseCommandLine } from '../../handlers/audit/audit-command/options.ts';
import { closedTrail } from './closed-trail.ts';

let folder: string;
let made: Awaited<ReturnType<typeof closedTrail>>;
const key = () => join(folder, 'key.pem');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'audit-command-'));
  made = await closedTrail({ hours: 2, writers: 2, segments: 2, records: 3 });
  made.setTime('2025-03-02T00:10:00Z');
  await made.close();
  for (const [name, body] of made.files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), body);
  }
  writeFileSync(key(), made.publicKey.export({ type: 'spki', format: 'pem' }));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: readonly string[]) => runAt(new Date(), ...args);

async function runAt(now: Date, ...args: readonly string[]) {
  const printed = { out: '', error: '' };
  let time = 0;
  const exitCode = await auditCommand(args, {
    out: (text) => {
      printed.out += text;
    },
    error: (text) => {
      printed.error += text;
    },
    elapsed: () => {
      time += 600;
      return time;
    },
    now: () => now,
  });
  return { exitCode, ...printed };
}

test('GIVEN exported files WHEN they are verified THEN it says intact, tells of its progress, and ends with 0', async () => {
  const { exitCode, out, error } = await run('verify', '--files', folder, '--public-key', key());
  expect(out).toBe('intact: 24 records in 8 files, 2 digests, 2025-03-01T22 to 2025-03-01T23 (UTC)\n');
  expect(error).toMatch(/^2025-03-01T2[23]: \d+ records\n/);
  expect(exitCode).toBe(0);
  const json = await run('verify', '--files', folder, '--public-key', key(), '--from', '2025-03-01T23', '--json');
  expect(JSON.parse(json.out)).toEqual({ intact: true, from: '2025-03-01T23', to: '2025-03-01T23', digests: 1, segments: 4, records: 12 });
});

test('fails and names the record of a file that was changed; what it says cannot steer the terminal', async () => {
  const name = [...made.files.keys()].find((one) => one.startsWith('records/')) as string;
  const body = made.files.get(name) as Buffer;
  writeFileSync(join(folder, name), body.toString('utf8').replace(/event-(\d+)/, '\\u001b[2Jevent-$1'));
  try {
    const { exitCode, out } = await run('verify', '--files', folder, '--public-key', key());
    expect(exitCode).toBe(1);
    expect(out).toMatch(/^NOT INTACT: record 1 of writer [0-9a-f]{16}, event .* is altered\n {2}in {3}records\/year=.*, line 1\n/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
    expect(out).not.toMatch(/\u001b/);
  } finally {
    writeFileSync(join(folder, name), body);
  }
});

test('GIVEN a range that goes on after the newest closed hour WHEN it is verified THEN what is not closed yet is not called missing', async () => {
  const day = ['verify', '--files', folder, '--public-key', key(), '--to', '2025-03-02'];
  const early = await runAt(new Date('2025-03-02T01:20:00Z'), ...day);
  expect(early).toMatchObject({ exitCode: 1, out: '' });
  expect(early.error).toMatch(/^hour 2025-03-02T00 is not closed yet: .*--to.*\nverified before that: 24 records in 8 files, 2 digests/m);
  const late = await runAt(new Date('2025-03-02T01:40:00Z'), ...day);
  expect(late).toMatchObject({ exitCode: 1, out: expect.stringMatching(/^NOT INTACT: digest is missing\n.*hour=00/) });
});

test.each([
  ['no folder', ['--files', '/no/such/folder', '--public-key', 'KEY'], 1, /is no folder/],
  ['no key file', ['--files', 'FOLDER', '--public-key', '/no/such/key'], 1, /cannot be read/],
  ['files as key', ['--files', 'FOLDER', '--public-key', 'SOMETHING'], 1, /is no public key/],
  ['a hour that is gone', ['--files', 'FOLDER', '--public-key', 'KEY', '--to', '2025-03-02T05'], 1, /digest is missing/],
  [
    'a day that began before the trail',
    ['--files', 'FOLDER', '--public-key', 'KEY', '--from', '2025-03-01'],
    1,
    /or the trail begins later/,
  ],
  ['files without a key', ['--files', 'FOLDER'], 2, /needs --public-key/],
  ['files and a deployment', ['--files', 'FOLDER', '--public-key', 'KEY', '--prefix', 'x'], 2, /in place of a deployment/],
  ['no hour', ['--from', 'yesterday'], 2, /"yesterday": give an hour in UTC/],
  ['a day that is none', ['--from', '2025-02-30'], 2, /"2025-02-30"/],
  ['an hour that is none', ['--to', '2025-02-03T24'], 2, /"2025-02-03T24"/],
  ['a range that ends before it begins', ['--from', '2025-03-02', '--to', '2025-03-01'], 2, /is after/],
  ['too much', ['more'], 2, /more is too much/],
])('fails for %s', async (_, args, exitCode, message) => {
  writeFileSync(join(folder, 'something'), 'else');
  const filled = args.map((one) => ({ FOLDER: folder, KEY: key(), SOMETHING: join(folder, 'something') })[one] ?? one);
  const result = await run('verify', ...filled);
  expect(result.out + result.error).toMatch(message);
  expect(result.exitCode).toBe(exitCode);
});

test('fails without an action, and tells how it is used', async () => {
  const { exitCode, error } = await run();
  expect([exitCode, error.includes('usage: npm run audit')]).toEqual([2, true]);
  expect((await run('--help')).out).toMatch(/^usage/);
});

test('GIVEN dates WHEN the command line is read THEN they are their first and last hour', () => {
  expect(parseCommandLine(['verify', '--from', '2025-03-01', '--to', '2025-03-01'], actions)).toMatchObject({
    action: 'verify',
    options: { from: '2025-03-01T00', to: '2025-03-01T23' },
  });
  expect(parseCommandLine(['verify', '--to', '2025-03-01T07:30:00Z'], actions)).toMatchObject({ options: { to: '2025-03-01T07' } });
});
