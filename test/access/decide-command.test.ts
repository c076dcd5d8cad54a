/** `npm run decide` over exported tables: what it tells is what decide-access decides. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideCommand } from '../../handlers/access/decide-command/decide-command.ts';
import type { Explanation } from '../../handlers/access/decide-command/explain.ts';
import { usage } from '../../handlers/access/decide-command/options.ts';
import { toItem } from '../../handlers/platform/dynamodb.ts';
import { domain } from '../directory/rows.ts';
import { ada, configuration, current, developers, edge, now, oddly, policies, rows } from './explained-people.ts';

let folder = '';
const file = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ad-lambda-decide-'));
  const exported = (items: readonly object[]) => JSON.stringify({ Items: items.map((item) => toItem(item)), Count: items.length });
  const cursor = { pk: `${domain}#cursor`, sk: 'cursor', position: { cookie: Buffer.from('x') } };
  writeFileSync(file('mirror.json'), exported([...rows, cursor]));
  writeFileSync(file('access.json'), JSON.stringify(configuration));
  writeFileSync(file('grants.json'), exported([{ ...(await current()), sk: 'grants' }]));
  for (const { name, text } of policies) writeFileSync(file(`abc-${name}`), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  const [out, error]: [string[], string[]] = [[], []];
  const code = await decideCommand(args, {
    out: (text) => void out.push(text),
    error: (text) => void error.push(text),
    now: () => new Date(now),
  });
  return { code, out: out.join(''), error: error.join('') };
}
const files = () => ['--mirror', file('mirror.json'), '--configuration', file('access.json')];
async function explained(user: string, ...more: readonly string[]): Promise<Explanation> {
  const { code, out, error } = await run('--user', user, ...files(), '--json', ...more);
  expect([code, error]).toEqual([0, '']);
  return JSON.parse(out);
}

describe('npm run decide', () => {
  it('GIVEN a person THEN their groups are told with the way to each', async () => {
    const { groups } = await explained('ada');
    expect(Object.fromEntries(groups.map(({ name, path }) => [name, path]))).toEqual({
      'AWS-Admins': [],
      'AWS-Developers': [],
      'AWS-Everybody': ['AWS-Developers'],
      Contractors: ['AWS-Developers', 'AWS-Everybody'],
    });
  });

  it('GIVEN mappings THEN each says what it gives, or what keeps it from that', async () => {
    const { mappings } = await explained('ada');
    expect(mappings.map(({ mapping, outcome }) => [mapping, outcome])).toEqual([
      ['developers', 'gives'],
      ['everybody', 'gives'],
      ['admins', 'gives'],
      ['later', 'valid'],
      ['own-staff', 'exclude'],
      ['not-ada', 'exclude'],
      ['auditors', 'selects-no-group'],
    ]);
    const why = (id: string) => mappings.find(({ mapping }) => mapping === id)?.why;
    expect(why('later')).toContain('2025-04-01');
    expect(why('own-staff')).toBe('excluded by {"name":"Contractors"}');
    expect(why('auditors')).toContain('AWS-Auditors');
  });

  it('GIVEN the verdict THEN it is that of decide, with policies and annotations', async () => {
    const decided = await current();
    const { grants, denied, held, isDecided } = await explained('ada');
    expect(grants).toEqual(JSON.parse(JSON.stringify(Object.values(decided?.grants ?? {}))));
    expect(grants.map(({ role }) => role)).toEqual(['developers', 'everybody']);
    expect(denied).toMatchObject([
      { role: 'admins', reason: 'forbidden', policies: [{ id: 'privileged-accounts', annotations: { owner: 'platform@example.com' } }] },
    ]);
    expect([held, isDecided]).toEqual([undefined, undefined]);
  });

  it('GIVEN the grants table THEN it tells what is held, and whether that is the verdict', async () => {
    const same = await explained('ada', '--grants', file('grants.json'));
    expect(same.isDecided).toBe(true);
    expect(same.held).toEqual(same.grants);
    const other = await explained('bob', '--grants', file('grants.json'));
    expect([other.held, other.isDecided]).toEqual([[], true]);
  });

  it('GIVEN a disabled account THEN no mapping gives anything, and that is why', async () => {
    const { state, mappings, grants } = await explained('bob');
    expect([state, grants]).toEqual(['disabled', []]);
    expect(mappings.find(({ mapping }) => mapping === 'developers')).toMatchObject({
      outcome: 'account-state',
      why: 'the account is disabled',
    });
  });

  it('GIVEN a state that a mapping excludes THEN it is named', async () => {
    const locking = {
      ...configuration,
      mappings: configuration.mappings.slice(0, 1).map((one) => ({ ...one, unless: ['lockedOut', 'passwordNeverExpires'] })),
    };
    writeFileSync(file('locking.json'), JSON.stringify(locking));
    const locked = [{ ...ada, lockedOut: 'never' }, developers, edge(ada, developers)];
    writeFileSync(file('locked.json'), JSON.stringify({ Items: locked.map((item) => toItem(item)) }));
    const { out } = await run(
      '--user',
      'ada',
      '--mirror',
      file('locked.json'),
      '--configuration',
      file('locking.json'),
      '--policies',
      folder,
      '--json',
    );
    expect(JSON.parse(out).mappings).toMatchObject([{ outcome: 'unless', why: 'the account is lockedOut' }]);
  });

  it('GIVEN no --json THEN everything is told in lines', async () => {
    const { out } = await run('--user', 'ada', ...files(), '--grants', file('grants.json'));
    for (const part of [
      'AWS-Everybody',
      'by AWS-Developers',
      'gives nothing',
      'permitted by mapped-grants',
      'privileged-accounts',
      'owner: platform@example.com',
      'Decided last: the same',
    ])
      expect(out).toContain(part);
    expect(out.split('\n').every((line) => line === line.trimEnd())).toBe(true);
  });

  it('GIVEN a name that would colour the terminal or turn its text THEN it is written out', async () => {
    const { out } = await run('--user', oddly.guid, ...files());
    expect(out).toContain('odd\\u{1b}[31m\\u{202e}');
    for (const sign of ['\u001b', '\u202e']) expect(out).not.toContain(sign);
  });

  it('GIVEN the command itself THEN it prints and ends as its exit code says', () => {
    const main = fileURLToPath(new URL('../../handlers/access/decide-command/main.ts', import.meta.url));
    expect(execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8' })).toBe(usage);
    expect(() => execFileSync(process.execPath, [main], { encoding: 'utf8', stdio: 'pipe' })).toThrow('--user is missing');
  });
});

describe('fails of npm run decide', () => {
  it('fails with 2 for wrong usage, and says how it goes', async () => {
    expect(await run('--json')).toEqual({
      code: 2,
      out: '',
      error: `--user is missing: name the person, for example --user ada\n\n${usage}`,
    });
  });

  it('fails with 1 for nobody, naming candidates', async () => {
    const { code, error } = await run('--user', 'Example', ...files());
    expect(code).toBe(1);
    expect(error).toContain('it may be ada');
  });

  it('fails with 1 for files that are none, are no JSON, no export, no configuration, or lack a policy', async () => {
    writeFileSync(file('text.json'), 'text');
    writeFileSync(file('empty.json'), '{"Items":[]}');
    writeFileSync(file('odd.json'), '{"Items":[{"pk":{"S":"a"},"sk":{"S":"object"},"x":{"Q":1}}]}');
    writeFileSync(file('wrong.json'), '{}');
    writeFileSync(file('lost.json'), JSON.stringify({ ...configuration, policies: [{ name: 'lost.cedar', key: 'policies/lost.cedar' }] }));
    const failing = async (mirror: string, access: string) => {
      const { code, error } = await run('--user', 'ada', '--mirror', file(mirror), '--configuration', file(access));
      expect(code).toBe(1);
      return error;
    };
    expect(await failing('nothing.json', 'access.json')).toContain('there is no file');
    expect(await failing('text.json', 'access.json')).toContain('is no JSON');
    expect(await failing('wrong.json', 'access.json')).toContain('is no export of the table');
    expect(await failing('odd.json', 'access.json')).toContain('none of DynamoDB');
    expect(await failing('empty.json', 'access.json')).toContain('holds no object of a directory');
    expect(await failing('mirror.json', 'wrong.json')).toContain('access configuration is wrong');
    expect(await failing('mirror.json', 'lost.json')).toContain('no policy lost.cedar at');
  });
});
