/** `npm run audit` asked for answers, against files: what it prints, and how it ends. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { actions, auditCommand } from '../../handlers/audit/audit-command/audit-command.ts';
import { usage } from '../../handlers/audit/audit-command/usage.ts';
import { guidOf } from '../directory/rows.ts';
import { grantOf, Teller } from './told-trail.ts';

const teller = new Teller();
const ada = teller.user('ada');
const twin = teller.user('alan');
teller.event('UserCreated', twin, { enabled: true });
teller.event('UserCreated', teller.user('alan'), { enabled: true });
const evil = teller.user('=HYPERLINK("http://evil.example.com")', { samAccountName: '\u001b[2Jevil\u202e' });
teller.event('UserDeleted', evil, {});
const joined = teller.member('GroupMemberAdded', ada, 'devs', { actor: { sid: 'S-1-5-21-1-2-3-500', name: 'CORP\\admin' } });
const grant = grantOf('developers', 'wiki', new Date(Date.parse(joined.detectedAt) + 1000).toISOString());
const decided = teller.decided(ada, { granted: [grant], holds: [grant] }, joined);
teller.given(ada, grant, decided);
teller.denied(ada, { role: 'admins', target: 'wiki' }, joined);
const left = teller.event('UserDisabled', ada, {});
const ended = teller.decided(ada, { state: 'disabled', revoked: [grant] }, left);
const steered = grantOf('admins', '\u001b[2Jwiki', ended.detectedAt);
const unsynced = teller.decided(teller.user('eve'), { granted: [steered], holds: [steered] });
const bob = teller.user('bob');
const word = { target: 'wiki', guard: '3f9c0a17be42', outcome: 'approved', by: 'arn:aws:iam::111122223333:root', staged: 1 } as const;
const approved = teller.event(
  'GuardDecided',
  { guid: guidOf(950), type: 'target', name: 'wiki', dn: 'target=wiki' },
  { ...word, digest: '0'.repeat(64), signature: 'AAAAAAAAAAA=' },
);
teller.taken(bob, grant, approved);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ask-command-'));
  for (const [key, body] of teller.files()) {
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    writeFileSync(join(folder, key), body);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: readonly string[]) {
  const printed = { out: '', error: '' };
  const exitCode = await auditCommand([...args, '--files', folder], {
    out: (text) => {
      printed.out += text;
    },
    error: (text) => {
      printed.error += text;
    },
    elapsed: () => 0,
    now: () => new Date('2025-03-02T00:00:00Z'),
  });
  return { exitCode, ...printed };
}

const longest = (text: string): number => Math.max(...text.split('\n').map(({ length }) => length));

describe('answers', () => {
  test('GIVEN a user WHEN who is asked THEN a table tells its grants, by whom, and what period it covers', async () => {
    const { exitCode, out } = await run('who', '--user', 'ada');
    expect(exitCode).toBe(0);
    expect(out).toContain('ending  2025-03-01T10:00:05Z  2025-03-01T10:00:09Z  ada/developers@wiki\n');
    expect(out).toMatch(/by {6}devs, mapping developers-mapping, policies mapped-grants\n/);
    expect(out.replace(/\s+/g, ' ')).toContain(
      'given 2025-03-01T10:00:04Z GroupMemberAdded devs: ada, by CORP\\admin (S-1-5-21-1-2-3-500)',
    );
    expect(out.replace(/\s+/g, ' ')).toContain('UserDisabled ada, by whom no Security log tells');
    expect(out).toMatch(/\nrecords +from 2025-03-01T10:00:00.000Z to 2025-03-01T11:00:00.000Z\nNOT COMPLETE +only what/);
    expect(longest(out)).toBeLessThanOrEqual(80);
  });

  test.each([
    ['before', '2025-02-28'],
    ['after', '2025-03-02'],
  ])('GIVEN a time %s all records WHEN it is asked about THEN the answer is not complete, for a program too', async (side, at) => {
    expect((await run('who', '--user', 'ada', '--at', at)).out.replace(/\s+/g, ' ')).toContain(
      `NOT COMPLETE there is nothing from ${side} `,
    );
    const { out } = await run('what', '--role', 'developers', '--at', at, '--json');
    expect(JSON.parse(out).covers.incomplete).toContain(`there is nothing from ${side} `);
  });

  test('GIVEN a target whose name steers a terminal WHEN its timeline is asked for THEN it does not', async () => {
    const { exitCode, out } = await run('timeline', '--event', unsynced.id);
    expect(exitCode).toBe(5);
    expect(out).toContain('\ufffd[2Jwiki');
    expect(out).not.toContain('\u001b');
  });

  test('GIVEN what who prints WHEN why is asked with it THEN it is found, and ends with 5 where the grant is not held', async () => {
    const { out } = await run('what', '--role', 'developers');
    const id = /\S+@wiki/.exec(out)?.[0] as string;
    const held = await run('why', '--grant', id, '--at', '2025-03-01T10:00:06Z');
    expect([held.exitCode, held.out.split('\n')[1]]).toEqual([0, 'state       HELD']);
    const now = await run('why', '--grant', id);
    expect(now.exitCode).toBe(5);
    for (const { id: event } of [joined, decided, left, ended]) expect(now.out).toContain(event.slice(0, 13));
    const denied = await run('why', '--grant', 'ada/admins@wiki');
    expect(denied.exitCode).toBe(5);
    expect(denied.out).toContain('no-admins @reason("administrators are named by hand")');
    expect((await run('why', '--event', decided.id.slice(0, 13))).out).toContain(
      'gives       developers at wiki: devs, mapping developers-mapping',
    );
  });

  test('GIVEN changes WHEN they are printed THEN deletions come first, and no name steers the terminal', async () => {
    const { exitCode, out } = await run('changes');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^DELETIONS AND ENDS OF ACCESS: 1\nAT.*\n.*UserDeleted \ufffd\[2Jevil\ufffd/);
    expect(out).toMatch(/OTHER CHANGES: 11\n/);
    expect(out).toContain('FAILED AccessDenied ada');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
    expect(out).not.toMatch(/[\u001b\u202e]/);
    expect(longest(out)).toBeLessThanOrEqual(80);
    expect((await run('changes', '--since', '2025-03-02')).out).toMatch(/^nothing has changed\n/);
  });

  test('GIVEN CSV WHEN a spreadsheet reads it THEN lines and quotes are those of RFC 4180, and nothing is a formula', async () => {
    const { out, error } = await run('changes', '--csv', '--type', 'UserDeleted');
    const [heads, row, ...rest] = out.split('\r\n');
    expect(rest).toEqual(['']);
    expect(heads?.split(',').slice(0, 6)).toEqual(['event', 'at', 'recorded_at', 'type', 'severity', 'deletion']);
    expect(row).toContain(`,"'=HYPERLINK(""http://evil.example.com"")",${evil.guid},`);
    expect(row).toContain(',UserDeleted,High,yes,');
    expect(error).toMatch(/^records +from/);
    expect((await run('who', '--user', 'ada', '--csv')).out.split('\r\n')).toHaveLength(3);
  });

  test.each([
    ['who', '--user', 'ada'],
    ['what', '--role', 'developers'],
    ['why', '--grant', 'ada/developers@wiki'],
    ['why', '--event', decided.id],
    ['changes'],
    ['timeline', '--event', joined.id],
  ])('GIVEN --json WHEN %s is asked THEN it is one JSON text that says what it covers', async (...args) => {
    const { out } = await run(...args, '--json');
    expect(JSON.parse(out).covers).toMatchObject({ from: '2025-03-01T10:00:00.000Z', to: '2025-03-01T11:00:00.000Z' });
  });

  test('GIVEN a change WHEN its timeline is asked THEN a picture and a table show its way, and where to look for what is missing', async () => {
    const { exitCode, out } = await run('timeline', '--event', joined.id);
    expect(exitCode).toBe(5); // a role was denied on the way
    expect(out.split('\n')[0]).toBe('directory ─ 0 ms ─▶ event ─ 1.0 s ─▶ decision ─ 1.0 s ─▶ wiki ─ 1.0 s ─▶ audit');
    expect(out).toMatch(/\nAT +TOOK +HOP +WHAT\n/);
    expect((await run('timeline', '--event', left.id)).out.replace(/\s+/g, ' ')).toContain(
      'dead letters <prefix>-<environment>-sync-roles-wiki-dead-letters.fifo',
    );
  });

  test("GIVEN a person's word on a guard WHEN its timeline is asked THEN it begins with the approval, and says whose it is", async () => {
    const { out } = await run('timeline', '--event', approved.id);
    expect(out.split('\n')[0]).toBe('approval ─ 1.0 s ─▶ wiki ─ 1.0 s ─▶ audit');
    expect(out.replace(/\s+/g, ' ')).toMatch(/ approval GuardDecided wiki: at wiki, approved, by arn:aws:iam::111122223333:root \[/);
  });
});

describe('the command line', () => {
  test.each([
    [3, ['who', '--user', 'nobody'], /no record names a user "nobody"/],
    [3, ['what', '--role', 'nothing'], /no record says that anybody had the role "nothing"/],
    [3, ['timeline', '--event', '00000000'], /no record is of an event/],
    [4, ['who', '--user', 'alan'], /is, or was, more than one: give the objectGUID\n {2}[0-9a-f-]{36} {2}alan of/],
    [2, ['who'], /who of what: give --user/],
    [2, ['why'], /give --grant or --event/],
    [2, ['why', '--grant', 'a', '--event', 'b'], /give --grant or --event/],
    [2, ['who', '--user', ''], /--user is empty/],
    [2, ['who', '--user', 'ada', '--role', 'developers'], /--role says nothing to who/],
    [2, ['who', '--user', 'ada', '--json', '--csv'], /exclude each other/],
    [2, ['timeline', '--user', 'ada', '--csv'], /--csv says nothing to timeline/],
    [2, ['changes', '--type', 'UserDeletd'], /UserDeletd is no type of event/],
    [2, ['changes', '--severity', 'bad'], /--severity bad: give one of informational, low/],
    [2, ['changes', '--since', '2025-02-30'], /--since is "2025-02-30"/],
    [2, ['changes', '--since', '2025-03-02', '--until', '2025-03-01'], /is not before/],
    [2, ['changes', '--prefix', 'x'], /in place of a deployment/],
    [2, ['changes', '--unknown'], /Unknown option/],
    [2, ['forget'], /forget is no action: give who, what, why, changes, timeline, verify/],
  ])('fails with %i for %j', async (exitCode, args, message) => {
    const result = await run(...args);
    expect(result.error).toMatch(message);
    expect([result.exitCode, result.out]).toEqual([exitCode, '']);
  });

  test('GIVEN the actions WHEN help is asked for THEN it names each, and each of its options', () => {
    for (const [name, { takes }] of Object.entries(actions)) {
      expect(usage).toMatch(new RegExp(`^  ${name} `, 'm'));
      for (const option of takes) expect(usage, `${name} --${option}`).toContain(`--${option}`);
    }
  });
});
