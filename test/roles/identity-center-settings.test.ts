/** The kind of target `identity-center`: what a team may say of it, what it loads, and what its functions are allowed. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import * as v from 'valibot';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { identityCenter } from '../../handlers/roles/targets/identity-center/index.ts';
import { rarelyUsed } from '../../handlers/roles/targets/identity-center/permissions.ts';
import type { TargetKind } from '../../handlers/roles/targets/kind.ts';
import { account, endpointForTests, roleAllowed } from '../sandbox/aws/endpoint-fixture.ts';
import { ada, mark } from './contract-fixtures.ts';
import { accounts, identityCenterWorld, instanceArn, permissionSets } from './identity-center-world.ts';
import { memoryBudgets } from './memory-budget.ts';

const endpoint = await endpointForTests();
const center = identityCenterWorld(endpoint);
afterAll(() => center.close());

const least = { identityStoreId: 'd-1234567890' };
const most = { ...least, instanceArn, permissionSets, accounts };
const assumeRole = { roleArn: 'arn:aws:iam::444455556666:role/identity-center', externalId: '6f1c1f0e-3a55-4f2b' };
/** As CDKTF writes a value into a string before it is resolved. */
const token = (number: number) => ['$', `{TfToken[TOKEN.${number}]}`].join('');
const read = (settings: unknown) => v.parse(identityCenter.settings, settings);

describe('settings', () => {
  test('GIVEN the store alone THEN roles bring no access, and the rest is filled in', () => {
    expect(read(least)).toEqual({ ...least, callsPerSecond: 19, sessionHours: 12 });
    expect(identityCenter.assignable(read(least))).toBeUndefined();
  });

  test('GIVEN instance, permission sets and accounts THEN these are what roles may bring', () => {
    expect(identityCenter.assignable(read(most))).toEqual({ accounts, permissionSets: Object.keys(permissionSets) });
  });

  test('GIVEN values that only the apply knows THEN they pass as they are', () => {
    const settings = {
      identityStoreId: token(1),
      instanceArn: token(2),
      permissionSets: { ReadOnly: token(3) },
      accounts: [token(4)],
      assumeRole: { roleArn: token(5), externalId: token(6) },
    };
    expect(read(settings)).toMatchObject(settings);
  });

  test.each([
    ['another store id', { identityStoreId: 'd-1' }, 'd-1'],
    ['no store id', {}, 'identityStoreId'],
    ['a setting that there is not', { ...least, identityStoreID: 'd-1234567890' }, 'identityStoreID'],
    ['accounts alone', { ...least, accounts }, 'all three'],
    ['an instance alone', { ...least, instanceArn }, 'all three'],
    ['no accounts', { ...most, accounts: [] }, 'all three'],
    ['an account of eleven digits', { ...most, accounts: ['11112222333'] }, '11112222333'],
    ['a permission set by its name', { ...most, permissionSets: { ReadOnly: 'ReadOnly' } }, 'ReadOnly'],
    [
      'a permission set of another instance',
      { ...most, permissionSets: { ReadOnly: permissionSets.ReadOnly?.replace('1234', '9999') } },
      instanceArn,
    ],
    ['a region in words', { ...least, region: 'Frankfurt' }, 'Frankfurt'],
    ['more calls than AWS takes', { ...least, callsPerSecond: 21 }, '21'],
    ['sessions of no time', { ...least, sessionHours: 0 }, '0'],
  ])('fails for %s, naming it', (_, settings, named) => {
    const { success, issues } = v.safeParse(identityCenter.settings, settings);
    expect(success).toBe(false);
    expect(issues?.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join('; ')).toContain(named);
  });

  test('THEN reading them loads no SDK: only opening the target does', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const entry = 'handlers/roles/targets/identity-center/index.ts';
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: [entry],
      bundle: true,
      packages: 'external',
      write: false,
      metafile: true,
      format: 'esm',
      logLevel: 'silent',
    });
    const loaded = new Set<string>();
    const load = (path: string): void => {
      if (loaded.has(path)) return;
      loaded.add(path);
      for (const one of metafile.inputs[path]?.imports ?? []) if (one.kind !== 'dynamic-import') load(one.path);
    };
    load(entry);
    expect(loaded).toContain('valibot');
    expect([...loaded].filter((path) => path.startsWith('@aws-sdk') || path.startsWith('@smithy'))).toEqual([]);
  });
});

describe('opening', () => {
  const surroundings = {
    name: 'staff',
    budget: memoryBudgets()(),
    secret: () => Promise.reject(new Error('it has no secret')),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    now: () => new Date(),
  };
  const kind: TargetKind<ReturnType<typeof read>> = identityCenter;

  test('GIVEN the store alone THEN the target offers no more than accounts and roles', async () => {
    const target = await kind.open(read({ ...least, region: 'eu-central-1' }), surroundings);
    expect(target).toMatchObject({ name: 'staff' });
    expect([target.assignments, target.sessions, target.setActive]).toEqual([undefined, undefined, undefined]);
  });

  test('GIVEN a role of another account and who opens it THEN the target is opened, and nothing is asked of STS before it is used', async () => {
    const opener = { environment: 'prod', function: 'reconcile' } as const;
    const opened = identityCenter.open(read({ ...least, region: 'eu-central-1', assumeRole }), { ...surroundings, opener });
    expect(await opened).toMatchObject({ name: 'staff' });
  });

  test('fails for a role of another account where nobody says who opens it', async () => {
    const opened = kind.open(read({ ...least, region: 'eu-central-1', assumeRole }), surroundings);
    await expect(opened).rejects.toThrow('target "staff" is in another account');
  });

  test('fails for access to accounts without a ledger of cut sessions', async () => {
    await expect(kind.open(read({ ...most, region: 'eu-central-1' }), surroundings)).rejects.toThrow(ConfigurationError);
  });
});

describe('invariant 9: permissions', () => {
  const place = { partition: 'aws', account, region: endpoint.region };
  const allowed = (use: 'keep' | 'read') => {
    const statements = identityCenter.permissions(read(most), place, use);
    const arn = roleAllowed(
      endpoint,
      use,
      statements.map(({ Sid, Effect, Action, Resource }) => ({ Sid, Effect, Action: [...Action], Resource: [...Resource] })),
    );
    return { credentials: endpoint.credentialsFor(arn, use), actions: statements.flatMap(({ Action }) => Action) };
  };
  const used = () => [...new Set(endpoint.calls.flatMap(({ authorizations }) => authorizations.map(({ action }) => action)))].sort();

  test('WHEN roles are kept THEN what is allowed is enough, and all of it is used', async () => {
    await center.clear();
    const { credentials, actions } = allowed('keep');
    const target = center.function({ credentials });
    endpoint.clearCalls();
    const { id } = await target.createAccount(mark, ada);
    expect(await target.findAccount(mark, ada, undefined)).toMatchObject({ id });
    const role = await target.createRole('developers');
    expect(await target.findRole('developers', undefined)).toBe(role);
    await target.renameRole(role, 'developers');
    const membership = await target.addMember(role, id);
    expect(await target.findMember(role, id)).toBe(membership);
    const assignment = { account: accounts[0] ?? '', permissionSet: 'ReadOnly' };
    await target.assignments?.create(role, assignment);
    expect(await target.assignments?.list(role)).toEqual([assignment]);
    await target.sessions?.cut(id, ['ReadOnly']);
    await target.sessions?.restore(id, ['ReadOnly']);
    await target.assignments?.remove(role, assignment);
    await target.removeMember(membership);
    await target.deleteAccount(id, mark);
    expect(endpoint.calls.filter(({ outcome }) => outcome !== 'ok').map(({ error }) => error)).toEqual([]);
    expect(used()).toEqual(actions.toSorted());
    expect(rarelyUsed.filter(({ action }) => !actions.includes(action))).toEqual([]);
  });

  test('WHEN the target is only read THEN listing is allowed, and nothing that changes it', async () => {
    await center.clear();
    const role = await center.unmarkedRole('others');
    const { credentials, actions } = allowed('read');
    const target = center.function({ credentials });
    endpoint.clearCalls();
    await target.listAccounts(undefined);
    await target.listRoles(undefined);
    await target.listMembers(role, undefined);
    await target.assignments?.list(role);
    expect(used()).toEqual(actions.toSorted());
    await expect(target.createRole('developers')).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(target.sessions?.cut('user-1', ['ReadOnly'])).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect(actions.filter((action) => !/:(?:List|Get|Describe)/.test(action))).toEqual([]);
  });

  test('GIVEN a role of another account THEN its ARN is all that the functions reach, whatever else is set', () => {
    for (const use of ['keep', 'read'] as const) {
      expect(identityCenter.permissions(read({ ...most, assumeRole }), place, use)).toEqual([
        { Sid: 'AssumeTargetRole', Effect: 'Allow', Action: ['sts:AssumeRole', 'sts:TagSession'], Resource: [assumeRole.roleArn] },
      ]);
    }
  });

  test('THEN access to accounts is allowed for its own accounts and permission sets alone, and not where there is none', () => {
    const statements = identityCenter.permissions(read(most), place, 'keep');
    expect(statements.find(({ Sid }) => Sid === 'KeepAssignments')?.Resource).toEqual([
      instanceArn,
      ...Object.values(permissionSets),
      ...accounts.map((id) => `arn:aws:sso:::account/${id}`),
    ]);
    const without = identityCenter.permissions(read(least), place, 'keep').flatMap(({ Action }) => Action);
    expect(without.filter((action) => action.startsWith('sso:'))).toEqual([]);
  });
});
