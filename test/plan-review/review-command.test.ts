/** `npm run review`: what it writes where, how it ends, and what it refuses. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toItem } from '../../handlers/platform/dynamodb.ts';
import { usage } from '../../modules/plan-review/options.ts';
import { reviewCommand } from '../../modules/plan-review/review-command.ts';
import { rules } from '../../modules/plan-review/rules.ts';
import { now, rows } from '../access/explained-people.ts';
import { allow, created, deleted, newRolePolicy, planOf, policy, queue, updated } from './plans.ts';

let folder = '';
const file = (name: string) => join(folder, name);
const plans = {
  'clean.json': planOf([created('aws_sqs_queue', { sqs_managed_sse_enabled: true })]),
  'note.json': planOf([newRolePolicy(policy(allow('xray:PutTraceSegments', '*')))]),
  'warning.json': planOf([
    updated('aws_iam_role_policy', { policy: policy(allow('sqs:SendMessage', queue)) }, { policy: policy(allow('sqs:Send*', queue)) }),
  ]),
  'error.json': planOf([deleted('aws_dynamodb_table', { name: 'ad-lambda-prod-grants' })]),
  'other.json': planOf([], { format_version: '2.0' }),
  'errored.json': planOf([], { errored: true }),
  'state.json': '{"version": 4}',
  'text.json': 'Plan: 1 to add, password = hunter2',
} as const;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ad-lambda-review-'));
  for (const [name, text] of Object.entries(plans)) writeFileSync(file(name), text);
  writeFileSync(file('mirror.json'), JSON.stringify({ Items: rows.map((row) => toItem(row)) }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  const [out, error]: [string[], string[]] = [[], []];
  const code = await reviewCommand(args, {
    out: (text) => void out.push(text),
    error: (text) => void error.push(text),
    now: () => new Date(now),
  });
  return { code, out: out.join(''), error: error.join('') };
}

describe('npm run review', () => {
  it.each([
    ['clean.json', [0, 0, 0, 0]],
    ['note.json', [0, 1, 0, 0]],
    ['warning.json', [0, 1, 1, 0]],
    ['error.json', [0, 1, 1, 1]],
  ] as const)('GIVEN %s WHEN it is to fail on none, note, warning, error THEN it ends with %j', async (name, codes) => {
    const ends = [];
    for (const severity of ['none', 'note', 'warning', 'error']) ends.push((await run(file(name), '--fail-on', severity)).code);
    expect(ends).toEqual(codes);
    expect((await run(file(name))).code).toBe(codes[3]);
  });

  it('GIVEN a permission that widens THEN Markdown tells the statement before and after, and what is allowed now', async () => {
    const { out, error } = await run(file('warning.json'));
    expect(error).toBe('');
    expect(out).toContain('**0 errors, 1 warning, 0 notes.**');
    expect(out).toContain('- changed `Own`, **widens**');
    expect(out).toContain(`before: \`Allow sqs:SendMessage on ${queue}\``);
    expect(out).toContain(`allowed now: \`Allow sqs:Send* on ${queue}\``);
    expect(out).toContain('| access | – | 1 | – | – |');
  });

  it('GIVEN --out, --json and --sarif THEN files hold the review, and nothing is printed', async () => {
    const { code, out } = await run(file('error.json'), '--json', '--out', file('review.json'), '--sarif', file('review.sarif'));
    expect([code, out]).toEqual([1, '']);
    expect(JSON.parse(readFileSync(file('review.json'), 'utf8'))).toMatchObject({
      format: 1,
      findings: [{ rule: 'state-destroyed', severity: 'error' }],
      summary: [{ domain: 'access', counts: { delete: 1 } }],
    });
    isSarif(JSON.parse(readFileSync(file('review.sarif'), 'utf8')), ['state-destroyed']);
  });

  it('GIVEN an exported mirror THEN it is read as npm run decide reads it', async () => {
    expect(await run(file('clean.json'), '--mirror', file('mirror.json'))).toMatchObject({ code: 0, error: '' });
  });

  it.each([
    [['other.json'], /format_version "2.0" is none of 1.x/],
    [['errored.json'], /the plan is errored/],
    [['state.json'], /this is no plan: format_version/],
    [['text.json'], /this is no JSON: write the plan/],
    [['absent.json'], /absent.json cannot be read: ENOENT/],
    [['clean.json', '--mirror', 'absent.json'], /there is no file/],
    [['clean.json', '--mirror', 'state.json'], /is no export of the table/],
    [['clean.json', '--out', 'absent/review.md'], /cannot be written: ENOENT/],
  ] as const)('fails to review %j with 2', async (args, message) => {
    const { code, out, error } = await run(...args.map((one) => (one.startsWith('--') ? one : file(one))));
    expect([code, out]).toEqual([2, '']);
    expect(error).toMatch(message);
    expect(error).not.toContain('hunter2');
  });

  it.each([
    [[], /the plan is missing/],
    [['a.json', 'b.json'], /more than one plan/],
    [['a.json', '--fail-on', 'fatal'], /--fail-on fatal is no severity/],
    [['a.json', '--sarif', ''], /--sarif is empty/],
    [['a.json', '--unknown'], /unknown/i],
  ] as const)('fails on wrong usage, %j, with 2 and the usage', async (args, message) => {
    const { code, error } = await run(...args);
    expect(code).toBe(2);
    expect(error).toMatch(message);
    expect(error).toContain(usage);
  });

  it('GIVEN npm run review -- --help THEN it prints the usage', () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    expect(execFileSync('npm', ['run', '--silent', 'review', '--', '--help'], { cwd: root, encoding: 'utf8' })).toBe(usage);
  });
});

interface Sarif {
  readonly $schema: string;
  readonly version: string;
  readonly runs: readonly {
    readonly tool: {
      readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string; readonly defaultConfiguration: object }[] };
    };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly {
        readonly physicalLocation: { readonly artifactLocation: { readonly uri: string }; readonly region: { readonly startLine: number } };
      }[];
      readonly partialFingerprints: Readonly<Record<string, string>>;
    }[];
  }[];
}

/** What SARIF 2.1.0 requires (sections 3.13, 3.19, 3.27, 3.49), and what code hosts need beside it. */
function isSarif({ $schema, version, runs }: Sarif, expected: readonly string[]): void {
  expect([$schema, version]).toEqual(['https://json.schemastore.org/sarif-2.1.0.json', '2.1.0']);
  expect(runs).toHaveLength(1);
  const [{ tool, results }] = runs as [Sarif['runs'][number]];
  expect(tool.driver.name).not.toBe('');
  expect(tool.driver.rules.map(({ id }) => id)).toEqual(rules.map(({ id }) => id));
  expect(results.map(({ ruleId }) => ruleId)).toEqual(expected);
  for (const { ruleId, ruleIndex, level, message, locations, partialFingerprints } of results) {
    expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
    expect(tool.driver.rules[ruleIndex]?.defaultConfiguration).toEqual({ level });
    expect(['note', 'warning', 'error']).toContain(level);
    expect(message.text).not.toBe('');
    expect(locations[0]?.physicalLocation.region.startLine).toBe(1);
    expect(() => new URL(locations[0]?.physicalLocation.artifactLocation.uri ?? '', 'file:///work/')).not.toThrow();
    expect(Object.values(partialFingerprints)[0]).toMatch(/^[0-9a-f]{64}$/);
  }
}
