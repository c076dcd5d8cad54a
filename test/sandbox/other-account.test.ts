/** Identity Center in another account: the zips of sync-roles and reconcile reach it through the role that the account's own stack makes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TargetAccess, type TargetProps } from '../../modules/index.ts';
import { auditTrail } from '../../sandbox/audit-trail.ts';
import { identityStoreOf } from '../../sandbox/identity-store.ts';
import { until } from '../../sandbox/waiting.ts';
import { accountAccess, leastProps } from '../modules/integration.ts';
import { desired, readOnly } from '../roles/desired.ts';
import { account, otherAccount, type RunningTargets, runningTargets } from './running-targets.ts';

const role = (part: string) => `arn:aws:iam::${account}:role/ad-lambda-test-${part}`;
const roleArn = `arn:aws:iam::${otherAccount}:role/directory/identity-center`;
const targetWith = (externalId: string): TargetProps => ({ identityCenter: { ...accountAccess, assumeRole: { roleArn, externalId } } });
const externalId = '6f1c1f0e-3a55-4f2b-9f0b-6a0a6d4c2f11';

/** Both accounts' stacks, as their teams apply them; the target may have been written differently on either side. */
const twoAccounts = (target: TargetProps, others: TargetProps): Promise<RunningTargets> =>
  runningTargets({ target, otherAccount: (stack) => void new TargetAccess(stack, 'access', { environment: leastProps, target: others }) });

const decided = desired(1, { roles: ['developers'], assignments: { developers: [readOnly] } });

const callsOf = ({ endpoint }: RunningTargets, service: string) =>
  endpoint.calls.filter((call) => call.service === service && call.caller !== 'operator' && 'roleArn' in call.caller);

describe('GIVEN an Identity Center of another account, whose role trusts the functions', () => {
  let world: RunningTargets;
  beforeAll(async () => {
    world = await twoAccounts(targetWith(externalId), targetWith(externalId));
  }, 60_000);
  afterAll(() => world?.stop());

  it('WHEN a role is decided THEN sync-roles makes it so there, with a session of its own name and tags', async () => {
    await world.decide('identity-center', decided);
    await world.runtime.idle();
    const store = identityStoreOf(world);
    const [user] = await store.users();
    expect(user?.UserName).toBe('ada@corp.example.com');
    expect(await store.rolesOf(user?.UserId ?? '')).toEqual(['developers']);
    const made = [...callsOf(world, 'identitystore'), ...callsOf(world, 'sso')];
    expect(made.map(({ operation }) => operation)).toEqual(expect.arrayContaining(['CreateUser', 'CreateAccountAssignment']));
    expect(made.filter(({ outcome }) => outcome === 'denied')).toEqual([]);
    for (const { caller } of made) {
      expect(caller).toMatchObject({
        roleArn,
        sessionName: 'test-sync-roles-identity-center',
        given: { tags: { Environment: 'test', Target: 'identity-center', Function: 'sync-roles' }, transitiveTagKeys: [] },
      });
    }
  });

  it('THEN one session serves both of its clients, for a quarter of an hour', () => {
    const assumed = world.endpoint.calls.filter(
      ({ operation, caller }) => operation === 'AssumeRole' && JSON.stringify(caller).includes('sync-roles'),
    );
    expect(assumed).toHaveLength(1);
    expect(assumed[0]?.authorizations.map(({ action, resource }) => [action, resource])).toEqual([
      ['sts:AssumeRole', roleArn],
      ['sts:TagSession', roleArn],
    ]);
    const [{ caller } = { caller: undefined }] = callsOf(world, 'identitystore');
    const expires = typeof caller === 'object' && 'given' in caller ? (caller.given?.expires ?? 0) : 0;
    expect(expires - (assumed[0]?.at ?? 0)).toBeGreaterThan(890_000);
    expect(expires - (assumed[0]?.at ?? 0)).toBeLessThan(901_000);
  });

  it('WHEN reconcile runs THEN it reads all of the other account’s Identity Center', async () => {
    const { functionError, payload } = await world.runtime.invoke('reconcile-identity-center', { now: true, mode: 'report' });
    expect(functionError).toBeUndefined();
    expect(payload).toMatchObject({ state: 'completed' });
    const read = callsOf(world, 'identitystore').filter(({ caller }) => JSON.stringify(caller).includes('test-reconcile-identity-center'));
    expect(read.length).toBeGreaterThan(0);
    expect(read.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
  });

  describe('the other account’s role', () => {
    const tags = (of: string) =>
      Object.entries({ Environment: 'test', Target: 'identity-center', Function: of }).map(([Key, Value]) => ({ Key, Value }));
    const assume = (part: string, more: Record<string, unknown> = {}) =>
      world.endpoint.call({ roleArn: role(`${part}-identity-center`), sessionName: 's1' }, 'sts', 'AssumeRole', {
        RoleArn: roleArn,
        RoleSessionName: 's1',
        ExternalId: externalId,
        Tags: tags(part),
        ...more,
      });
    const session = (of: string) => ({
      roleArn,
      sessionName: 's1',
      given: { tags: { Function: of }, transitiveTagKeys: [], expires: Date.now() + 60_000 },
    });
    const create = (of: string) =>
      world.endpoint.call(session(of), 'identitystore', 'CreateGroup', { IdentityStoreId: 'd-1234567890', DisplayName: `made-by-${of}` });

    it('lets each function in with its own tags', async () => {
      for (const part of ['sync-roles', 'reconcile']) await expect(assume(part)).resolves.toHaveProperty('Credentials');
    });

    it.each<[string, string, Record<string, unknown>]>([
      ['the tags of the other function', 'reconcile', { Tags: tags('sync-roles') }],
      ['no tags', 'sync-roles', { Tags: [] }],
      ['a tag beside', 'sync-roles', { Tags: [...tags('sync-roles'), { Key: 'Team', Value: 'x' }] }],
      ['tags that the next session would inherit', 'sync-roles', { TransitiveTagKeys: ['Function'] }],
      ['another environment’s tag', 'sync-roles', { Tags: [{ Key: 'Environment', Value: 'prod' }, ...tags('sync-roles').slice(1)] }],
      ['another external id', 'sync-roles', { ExternalId: 'another-one' }],
      ['no external id', 'sync-roles', { ExternalId: undefined }],
    ])('fails for a function with %s', async (_, part, more) => {
      await expect(assume(part, more)).rejects.toMatchObject({ code: 'AccessDenied' });
    });

    it('fails for another function of the integration', async () => {
      const other = { roleArn: role('decide-access'), sessionName: 's1' };
      const input = { RoleArn: roleArn, RoleSessionName: 's1', ExternalId: externalId, Tags: tags('sync-roles') };
      await expect(world.endpoint.call(other, 'sts', 'AssumeRole', input)).rejects.toMatchObject({ code: 'AccessDenied' });
    });

    it('fails for a change by reconcile: its sessions read', async () => {
      await expect(create('sync-roles')).resolves.toHaveProperty('GroupId');
      await expect(create('reconcile')).rejects.toMatchObject({ code: 'AccessDeniedException' });
    });
  });
});

describe('GIVEN another external id on the other side', () => {
  let world: RunningTargets;
  beforeAll(async () => {
    world = await twoAccounts(targetWith(externalId), targetWith('0d9e8c7b-another'));
  }, 60_000);
  afterAll(() => world?.stop());

  it('fails: nothing is made, and what failed says which call was denied, without the external id', async () => {
    await world.decide('identity-center', decided);
    const failed = await until('RoleChangeFailed', async () => (await auditTrail(world)).find(({ type }) => type === 'RoleChangeFailed'));
    expect(failed.change).toMatchObject({ target: 'identity-center', reason: expect.stringMatching(/^AccessDenied: .*sts:AssumeRole/) });
    expect(await identityStoreOf(world).users()).toEqual([]);
    expect(callsOf(world, 'identitystore')).toEqual([]);
    expect(JSON.stringify(await auditTrail(world))).not.toContain(externalId);
  });
});
