/** Sessions at IAM Identity Center: who is cut off is denied everywhere, nobody's denial is lost, and what the team wrote stays. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { TargetConflictError } from '../../handlers/roles/target.ts';
import { denialSid, longestPolicy, withDenial } from '../../handlers/roles/targets/identity-center/session-policy.ts';
import { AwsError } from '../../sandbox/aws/endpoint.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { accounts, deniedIn, identityCenterWorld, permissionSets } from './identity-center-world.ts';

const endpoint = await endpointForTests();
const center = identityCenterWorld(endpoint);

const set = 'Administrator';
const both = ['Administrator', 'ReadOnly'];
const team = { Sid: 'Team', Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };
const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const cutting = () => {
  const { sessions } = center.function();
  if (sessions === undefined) throw new Error('sessions were to be offered');
  return sessions;
};
const later = (hours: number) => {
  const { sessions } = center.function({ now: () => new Date(Date.now() + hours * 3_600_000) });
  if (sessions === undefined) throw new Error('sessions were to be offered');
  return sessions;
};
/** Users denied in every account in which the permission set is provisioned. */
const deniedEverywhere = (name: string) =>
  endpoint
    .provisionedPolicies()
    .filter(({ permissionSetArn }) => permissionSetArn === permissionSets[name])
    .map(({ inlinePolicy }) => deniedIn(inlinePolicy));
const callsOf = (operation: string) => endpoint.calls.filter((call) => call.operation === operation).length;

beforeEach(async () => {
  await center.clear();
  endpoint.provisioning = {};
  // GIVEN both permission sets provisioned in both accounts
  const role = await center.unmarkedRole('developers');
  for (const account of accounts) {
    for (const permissionSet of both) await center.assignments.add(role, { account, permissionSet });
  }
  endpoint.clearCalls();
});
afterAll(() => center.close());

describe('cutting', () => {
  test('invariant 8: WHEN sessions are cut THEN the user is denied in every account by the time it returns', async () => {
    endpoint.provisioning = { milliseconds: 150 };
    const until = await cutting().cut('user-1', both);
    for (const name of both) expect(deniedEverywhere(name)).toEqual([['user-1'], ['user-1']]);
    expect(Date.parse(until) - Date.now()).toBeGreaterThan(11.9 * 3_600_000);
  });

  test("GIVEN the team's own statements THEN they stay as they are, before and after", async () => {
    await center.setPolicy(set, policy(team, { ...team, Sid: 'Team2' }));
    const sessions = cutting();
    await sessions.cut('user-1', [set]);
    expect(JSON.parse(await center.policyOf(set)).Statement).toMatchObject([team, { ...team, Sid: 'Team2' }, { Sid: denialSid }]);
    await sessions.restore('user-1', [set]);
    expect(JSON.parse(await center.policyOf(set))).toEqual(JSON.parse(policy(team, { ...team, Sid: 'Team2' })));
  });

  test('GIVEN no policy of the team WHEN the last user is let in again THEN none is left, anywhere', async () => {
    const sessions = cutting();
    await sessions.cut('user-1', [set]);
    await sessions.restore('user-1', [set]);
    expect(await center.policyOf(set)).toBe('');
    expect(deniedEverywhere(set)).toEqual([[], []]);
  });

  test('WHEN nobody is cut off THEN letting in costs no call', async () => {
    await cutting().restore('user-1', both);
    expect(endpoint.calls.filter(({ service }) => service === 'sso')).toEqual([]);
  });

  test('WHEN many are cut off at once THEN they share a few provisionings', async () => {
    const sessions = cutting();
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    await Promise.all(users.map((user) => sessions.cut(user, [set])));
    expect(deniedEverywhere(set)).toEqual([users.toSorted(), users.toSorted()]);
    expect(callsOf('ProvisionPermissionSet')).toBeLessThanOrEqual(4);
  });
});

describe('several functions', () => {
  test('WHEN three cut and restore at once THEN no denial is lost and none is left', async () => {
    await cutting().cut('user-0', [set]);
    const [a, b, c] = [cutting(), cutting(), cutting()];
    await Promise.all([a.cut('user-1', [set]), b.cut('user-2', [set]), c.restore('user-0', [set]), b.cut('user-3', [set])]);
    expect(deniedEverywhere(set)).toEqual(accounts.map(() => ['user-1', 'user-2', 'user-3']));
  });

  test('GIVEN one that is about to write an older policy WHEN another has cut off somebody meanwhile THEN both are denied in the end', async () => {
    const [slow, quick] = [cutting(), cutting()];
    let overtaken = false;
    endpoint.inject({
      match: ({ operation }) => operation === 'PutInlinePolicyToPermissionSet' && !overtaken,
      effect: {
        before: async () => {
          overtaken = true;
          await quick.cut('user-2', [set]);
          expect(deniedEverywhere(set)).toEqual(accounts.map(() => ['user-1', 'user-2']));
        },
      },
    });
    await slow.cut('user-1', [set]);
    expect(overtaken).toBe(true);
    expect(deniedEverywhere(set)).toEqual(accounts.map(() => ['user-1', 'user-2']));
  });

  test('GIVEN one that died after it wrote an older policy WHEN the permission sets are swept THEN the lost denial is back', async () => {
    await cutting().cut('user-1', [set]);
    await cutting().cut('user-2', [set]);
    await center.setPolicy(set, policy(JSON.parse(withDenial(set, '', ['user-1']) ?? '').Statement[0]));
    await cutting().sweep();
    expect(deniedEverywhere(set)).toEqual(accounts.map(() => ['user-1', 'user-2']));
  });
});

describe('time', () => {
  test('WHEN the sessions have ended by themselves THEN the next cut takes the denial away', async () => {
    await cutting().cut('user-1', [set]);
    await later(13).cut('user-2', [set]);
    expect(deniedIn(await center.policyOf(set))).toEqual(['user-2']);
  });

  test('WHEN the permission sets are swept THEN denials that are over are gone, the others stay, and a second sweep changes nothing', async () => {
    await cutting().cut('user-1', both);
    await later(6).cut('user-2', [set]);
    await later(13).sweep();
    expect(deniedEverywhere(set)).toEqual(accounts.map(() => ['user-2']));
    expect(deniedEverywhere('ReadOnly')).toEqual([[], []]);
    endpoint.clearCalls();
    await later(13).sweep();
    expect(callsOf('ProvisionPermissionSet') + callsOf('PutInlinePolicyToPermissionSet')).toBe(0);
  });
});

describe('failures', () => {
  test.each([
    'GetInlinePolicyForPermissionSet',
    'PutInlinePolicyToPermissionSet',
    'ProvisionPermissionSet',
    'DescribePermissionSetProvisioningStatus',
  ])(
    'GIVEN a run that ended at %s WHEN it is tried again THEN the user is denied everywhere',
    async (operation) => {
      for (const effect of [{ error: new AwsError('AccessDeniedException', 'no') }, { loseResponse: true }] as const) {
        const heal = endpoint.inject({ match: (call) => call.operation === operation, times: 5, effect });
        await cutting()
          .cut('user-1', [set])
          .catch(() => undefined);
        heal();
        await cutting().cut('user-1', [set]);
        expect(deniedEverywhere(set)).toEqual(accounts.map(() => ['user-1']));
        await cutting().restore('user-1', [set]);
        expect(deniedEverywhere(set)).toEqual([[], []]);
      }
    },
    20_000,
  );

  test('fails, to be tried again, when provisioning fails, and does not take the denial for done', async () => {
    endpoint.provisioning = { failure: ({ kind }) => (kind === 'provision' ? 'the role is protected' : undefined) };
    const cut = cutting().cut('user-1', [set]);
    await expect(cut).rejects.toThrow(RetryableError);
    await expect(cut).rejects.toThrow('the role is protected');
    endpoint.provisioning = {};
    await cutting().cut('user-1', [set]);
    expect(deniedEverywhere(set)).toEqual(accounts.map(() => ['user-1']));
  });

  test('GIVEN another provisioning under way THEN it is waited for', async () => {
    endpoint.provisioning = { milliseconds: 300 };
    await endpoint.call('operator', 'sso', 'ProvisionPermissionSet', {
      InstanceArn: 'arn:aws:sso:::instance/ssoins-1234567890abcdef',
      PermissionSetArn: permissionSets[set],
      TargetType: 'ALL_PROVISIONED_ACCOUNTS',
    });
    await cutting().cut('user-1', [set]);
    expect(deniedEverywhere(set)).toEqual(accounts.map(() => ['user-1']));
  });

  test('fails for a permission set that is not ours, before anything is written', async () => {
    await expect(cutting().cut('user-1', [set, 'NobodysOwn'])).rejects.toThrow(TargetConflictError);
    expect(center.sessionLedger.entries.size).toBe(0);
  });

  test('fails for a policy that grows too long, and leaves it as it is', async () => {
    const long = policy({ ...team, Resource: 'x'.repeat(longestPolicy - 200) });
    await center.setPolicy(set, long);
    const cut = cutting().cut('user-1', [set]);
    await expect(cut).rejects.toThrow(TargetConflictError);
    await expect(cut).rejects.toMatchObject({
      message: expect.stringContaining(`at most ${longestPolicy}`),
      remedy: expect.stringMatching(/\S/),
    });
    expect(await center.policyOf(set)).toBe(long);
  });
});

describe('the policy', () => {
  const read = (text: string | undefined) => JSON.parse(text ?? 'null');

  test('GIVEN a single statement that is no list, and members that we do not know THEN both stay', () => {
    const next = read(withDenial(set, JSON.stringify({ Version: '2008-10-17', Id: 'team', Statement: team }), ['user-1']));
    expect(next).toMatchObject({ Version: '2008-10-17', Id: 'team', Statement: [team, { Sid: denialSid }] });
  });

  test('WHEN it says so already THEN nothing is to be written; our statement keeps its place', () => {
    const now = withDenial(set, policy(team), ['user-2', 'user-1']) ?? '';
    expect(withDenial(set, now, ['user-1', 'user-2'])).toBeUndefined();
    const moved = policy(...[...read(now).Statement].reverse());
    expect(withDenial(set, moved, ['user-1', 'user-2'])).toBeUndefined();
    expect(read(withDenial(set, moved, ['user-1'])).Statement.map(({ Sid }: { Sid: string }) => Sid)).toEqual([denialSid, 'Team']);
  });

  test('THEN it denies everything, by the condition that AWS documents, to these users alone', () => {
    expect(read(withDenial(set, '', ['user-1'])).Statement).toEqual([
      {
        Sid: denialSid,
        Effect: 'Deny',
        Action: ['*'],
        Resource: ['*'],
        Condition: { StringEquals: { 'identitystore:userId': ['user-1'] } },
      },
    ]);
  });

  test.each(['no JSON', '[]', '{"Version":"2012-10-17"}'])('fails for %s, which is no policy', (text) => {
    expect(() => withDenial(set, text, ['user-1'])).toThrow(TargetConflictError);
  });
});
