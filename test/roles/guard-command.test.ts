/** `npm run guard`, against the sandbox's endpoint, with the real settle-guard behind the bus. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { UsageError } from '../../handlers/platform/command-errors.ts';
import { guardCommand } from '../../handlers/roles/guard-command/guard-command.ts';
import { parseCommandLine } from '../../handlers/roles/guard-command/options.ts';
import { decisionText } from '../../handlers/roles/guard-decision.ts';
import { AwsError } from '../../sandbox/aws/endpoint.ts';
import { guidOf } from '../directory/rows.ts';
import { account } from '../sandbox/aws/endpoint-fixture.ts';
import { guardId } from './guard-answers.ts';
import { guardDeployment } from './guard-deployment.ts';
import { only, removalOf, target } from './removals.ts';

const deployment = await guardDeployment();
const operator = `arn:aws:iam::${account}:root`;
const limits = only({ revocations: { run: { most: 0, share: 1 } } });

afterAll(() => vi.unstubAllEnvs());

/** Runs the command in this process. */
async function run(args: readonly string[], answer?: string, patienceMs = 10_000) {
  const [out, error]: [string[], string[]] = [[], []];
  const code = await guardCommand(args, {
    out: (text) => void out.push(text),
    error: (text) => void error.push(text),
    confirm: async () => answer,
    now: () => new Date(),
    patienceMs,
  });
  return { code, out: out.join(''), error: error.join('') };
}

/** People of each test's own, whose removals a guard of the one target holds back. */
let people: readonly number[];
let next = 100;
let id: string;

beforeEach(async () => {
  // GIVEN a guard that holds two people's removals back; a guard of a test before is settled
  people = [next + 1, next + 2];
  next += 10;
  for (const number of people) {
    const answer = await deployment.guard(limits).admit(removalOf(number, ['developers', 'auditors']));
    await answer.told?.();
    id = guardId(answer);
  }
});

const settledAll = async () => {
  const { out } = await run(['list', '--json']);
  for (const { guard } of JSON.parse(out)) await deployment.settlingDuring(() => run(['approve', guard, '--yes']));
  for (let more = true; more; ) more = (await deployment.bodies('roles')).length > 0;
  for (let more = true; more; ) more = (await deployment.bodies('told')).length > 0;
};

describe('npm run guard', () => {
  test('list and show tell who would lose what, why, and until when', async () => {
    const listed = await run(['list']);
    expect(listed).toMatchObject({ code: 0, error: '' });
    expect(listed.out).toMatch(new RegExp(`^ID .*\\n${id} +${target} +2 +2 revocations in one run, at most 0 `));
    const shown = await run(['show', id]);
    expect(shown.code).toBe(0);
    for (const number of people) expect(shown.out).toMatch(new RegExp(`^Person ${number} +developers, auditors `, 'm'));
    expect(shown.out).toMatch(/holds 2 removals back: 4 memberships/);
    const [first] = JSON.parse((await run(['list', '--json'])).out);
    expect(first).toMatchObject({ target, guard: id, count: 2, limit: { window: 'run', most: 0 }, staged: [{ revocations: 2 }, {}] });
    await settledAll();
  });

  test('approve: signs, waits until it is settled, and everybody is looked at again', async () => {
    const { code, out } = await deployment.settlingDuring(() => run(['approve', id], `${id}\n`));
    expect({ code, out }).toEqual({ code: 0, out: `guard ${id} of ${target} is released: 2 approved by ${operator}\n` });
    const messages = await deployment.bodies('roles');
    expect(messages.map(({ guid }) => guid).sort()).toEqual(people.map(guidOf));
    expect(messages[0].cause.type).toBe('GuardDecided');
    const told = await deployment.bodies('told');
    expect(told.map(({ detail }) => detail.change)).toEqual([{ target, guard: id, outcome: 'approved', by: operator, staged: 2 }]);
    for (const number of people) {
      expect(await deployment.guard(limits).admit(removalOf(number, ['developers', 'auditors']))).toEqual({ admitted: true });
    }
    expect((await run(['list'])).out).toBe('no guard holds anything back\n');
  });

  test('reject: refuses these removals', async () => {
    const { code, out } = await deployment.settlingDuring(() => run(['reject', id, '--yes', '--json']));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ guard: id, outcome: 'rejected', staged: 2 });
    expect(await deployment.bodies('roles')).toEqual([]);
    expect(await deployment.guard(limits).admit(removalOf(people[0] ?? 0, ['developers', 'auditors']))).toMatchObject({ rejected: true });
    await settledAll();
  });

  test('fails for a guard that is settled or was never there, and says so', async () => {
    await settledAll();
    expect(await run(['approve', id, '--yes'])).toMatchObject({
      code: 1,
      error: expect.stringMatching(/not open any more: approved by arn/),
    });
    expect(await run(['show', 'abcdef012345'])).toMatchObject({ code: 1, error: expect.stringMatching(/there is no guard abcdef012345/) });
  });

  test('fails without a confirmation, and nothing is decided', async () => {
    expect(await run(['approve', id], 'yes')).toMatchObject({ code: 1, error: expect.stringMatching(/nothing was decided/) });
    expect(await run(['approve', id])).toMatchObject({ code: 2, error: expect.stringMatching(/give --yes/) });
    expect((await run(['list'])).out).toContain(id);
    await settledAll();
  });

  test('fails when nobody settles in time, and points to the log', async () => {
    expect(await run(['approve', id, '--yes'], undefined, 100)).toMatchObject({
      code: 1,
      error: expect.stringMatching(/log of settle-guard/),
    });
    await settledAll();
  });

  test('fails where the caller may not sign: nothing reaches the bus', async () => {
    const denied = new AwsError('AccessDeniedException', 'User: ada is not authorized to perform: kms:Sign');
    const remove = deployment.endpoint.inject({ match: ({ operation }) => operation === 'Sign', times: 1, effect: { error: denied } });
    deployment.endpoint.clearCalls();
    expect(await run(['approve', id, '--yes'], undefined, 100)).toMatchObject({ code: 1, error: expect.stringMatching(/kms:Sign/) });
    remove();
    expect(deployment.endpoint.calls.map(({ operation }) => operation)).not.toContain('PutEvents');
    await settledAll();
  });

  test('fails for a deployment that is not there', async () => {
    const { code, error } = await run(['list', '--environment', 'nowhere']);
    expect({ code, error }).toEqual({ code: 1, error: expect.stringMatching(/there is no function ad-lambda-nowhere-settle-guard/) });
    await settledAll();
  });

  test('fails where the caller has no right to look, with what AWS says and where to look', async () => {
    const denied = new AwsError('AccessDeniedException', 'not authorized');
    const match = ({ operation }: { readonly operation: string }) => operation === 'GetFunctionConfiguration';
    const remove = deployment.endpoint.inject({ match, times: 1, effect: { error: denied } });
    const { code, error } = await run(['list']);
    remove();
    expect(code).toBe(1);
    expect(error).toMatch(/^AccessDeniedException: not authorized: look at the credentials, region and endpoint \(AWS_PROFILE/);
    await settledAll();
  });

  test('a name that steers a terminal is shown and does not', async () => {
    const answer = await deployment.guard(limits).admit({ ...removalOf(next + 5), name: 'Ada\u001b[2J\u202eexample' });
    const { out } = await run(['show', guardId(answer)]);
    expect(out).toContain('Ada\ufffd[2J\ufffdexample');
    await settledAll();
  });

  test('as its own process it ends with the codes that its usage tells', async () => {
    const main = fileURLToPath(new URL('../../handlers/roles/guard-command/main.ts', import.meta.url));
    const environment = { ...process.env, ...deployment.environment };
    const start = (...args: string[]) =>
      promisify(execFile)(process.execPath, [main, ...args], { env: environment }).then(
        ({ stdout }) => ({ code: 0, text: stdout }),
        ({ code, stderr }: { code: number; stderr: string }) => ({ code, text: stderr }),
      );
    const [listed, none, wrong] = await Promise.all([start('list', '--json'), start('reject', 'abcdef012345', '--yes'), start('remove')]);
    expect(listed.code).toBe(0);
    expect(JSON.parse(listed.text)).toMatchObject([{ guard: id }]);
    expect(none).toMatchObject({ code: 1 });
    expect(wrong).toEqual({ code: 2, text: expect.stringMatching(/remove is no action/) });
    await settledAll();
  });

  test('what is signed is short enough for KMS, and one line that a shell can print', () => {
    const text = decisionText({ target, guard: id, outcome: 'approved', by: operator, staged: 2, digest: 'a'.repeat(64) });
    expect(text).toBe(`["active-directory-lambda guard decision 1","${target}","${id}","approved","${operator}",2,"${'a'.repeat(64)}"]`);
    expect(Buffer.byteLength(text)).toBeLessThan(4096);
  });
});

describe('the command line', () => {
  test('WHEN only an action is given THEN the rest are the defaults', () => {
    expect(parseCommandLine(['list'])).toEqual({
      action: 'list',
      id: '',
      environment: 'dev',
      prefix: 'ad-lambda',
      yes: false,
      json: false,
    });
    expect(parseCommandLine(['approve', 'a1', '--environment', 'prod', '--yes'])).toMatchObject({
      id: 'a1',
      environment: 'prod',
      yes: true,
    });
    expect(parseCommandLine(['-h'])).toBe('help');
  });

  test.each([[], ['delete', 'a1'], ['approve'], ['list', 'a1'], ['approve', 'a1', 'a2'], ['list', '--env', 'x'], ['list', '--prefix', '']])(
    'fails for %j',
    (...args: string[]) => {
      expect(() => parseCommandLine(args)).toThrow(UsageError);
    },
  );
});
