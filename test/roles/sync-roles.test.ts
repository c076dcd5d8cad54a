/** Whole runs of sync-roles: what it makes, in which order, what it tells, and what is left alone. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ConfigurationError, InvalidEventError, RetryableError } from '../../handlers/platform/errors.ts';
import { syncRoles } from '../../handlers/roles/sync-roles/sync-roles.ts';
import { TargetConflictError } from '../../handlers/roles/target.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { ada, renamed, targetName } from './desired.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { messageOf, syncing } from './syncing.ts';

let world: ReturnType<typeof memoryTargetWorld>;
let sync: ReturnType<typeof syncing>;
const accounts = async () => (await world.look()).accounts;
const sole = async () => {
  const [account, ...others] = await accounts();
  if (account === undefined || others.length > 0) throw new Error(`${others.length + (account ? 1 : 0)} accounts instead of one`);
  return account;
};
const roleId = async (name: string) => (await world.look()).roles.find((role) => role.name === name)?.id ?? '';

beforeEach(() => {
  world = memoryTargetWorld();
  sync = syncing(world);
});

test('GIVEN a first decision WHEN its message comes THEN account, roles and memberships appear, and each is told with its cause', async () => {
  sync.wish(1, { roles: ['developers', 'auditors'] });
  await sync.run();
  expect(await sole()).toMatchObject({ profile: ada, mark: guidOf(1), roles: ['auditors', 'developers'] });
  expect(sync.told()).toEqual(['AccountProvisioned', 'RoleGranted developers', 'RoleGranted auditors']);
  expect(sync.published.map(({ cause }) => cause?.id)).toEqual(Array(5).fill('decision-1'));
});

test('invariant 11: WHEN a role is made at the target THEN that is told once, whoever holds it next', async () => {
  sync.wish(1, { roles: ['developers'] });
  await sync.run();
  expect(sync.rolesMade()).toEqual(['developers']);
  sync.wish(2, { roles: [] });
  await sync.run(2);
  sync.wish(3, { roles: ['developers', 'auditors'] });
  await sync.run(3);
  expect(sync.rolesMade()).toEqual(['developers', 'auditors']);
});

test('WHEN roles are revoked and granted at once THEN revocations come first, at the target as in what is told', async () => {
  sync.wish(1, { roles: ['developers'] });
  await sync.run();
  sync.wish(2, { roles: ['auditors'], profile: renamed });
  await sync.run(2);
  expect(sync.told().slice(2)).toEqual(['RoleRevoked developers', 'AccountUpdated', 'RoleGranted auditors']);
  expect(await sole()).toMatchObject({ profile: renamed, roles: ['auditors'] });
});

test('invariant 4: WHEN a person is renamed, disabled and enabled again THEN it is the same account all along', async () => {
  sync.wish(1, { roles: ['developers'] });
  await sync.run();
  const { id } = await sole();
  const wishes = [{ roles: ['developers'], profile: renamed }, { state: 'disabled' as const, profile: renamed }, { roles: ['developers'] }];
  for (const [index, wish] of wishes.entries()) {
    sync.wish(index + 2, wish);
    await sync.run(index + 2);
    expect((await sole()).id).toBe(id);
  }
  expect(await sole()).toMatchObject({ profile: ada, roles: ['developers'] });
});

test('WHEN a person is deleted and comes back THEN the account goes with its memberships, and is made anew', async () => {
  sync.wish(1, { roles: ['developers'] });
  await sync.run();
  sync.wish(2, { state: 'deleted' });
  await sync.run(2);
  expect(await accounts()).toEqual([]);
  expect(sync.told().slice(2)).toEqual(['RoleRevoked developers', 'AccountDeprovisioned', 'AccessEnded']);
  sync.wish(3, { roles: ['developers'] });
  await sync.run(3);
  expect(await sole()).toMatchObject({ roles: ['developers'] });
});

describe('a message', () => {
  test('that comes late, twice or out of order WHEN it is handled THEN only what the grants table says now counts', async () => {
    sync.wish(1, { roles: ['developers'] });
    await sync.run();
    sync.wish(3, { roles: ['auditors'] });
    for (const revision of [3, 2, 3, 1]) await sync.run(revision);
    expect(await sole()).toMatchObject({ roles: ['auditors'] });
    expect(sync.told()).toEqual(['AccountProvisioned', 'RoleGranted developers', 'RoleRevoked developers', 'RoleGranted auditors']);
    expect(sync.published).toHaveLength(6);
  });

  test('that repeats what is done WHEN it comes THEN the target is not even asked', async () => {
    sync.wish(1, { roles: ['developers'] });
    await sync.run();
    const names: string[] = [];
    await sync.run(1, { before: (_, name) => void names.push(name) });
    expect(names).toEqual(['read', 'readAccount']);
    expect(sync.logged.at(-1)).toBe('ROLES_CURRENT');
  });

  test.each([
    ['no JSON', '{'],
    ['another shape', '{"guid":"x"}'],
    ['a key too many', JSON.stringify({ ...JSON.parse(messageOf(1)), roles: ['developers'] })],
    ['of a principal without a decision', messageOf(1)],
  ])('fails when it is %s, and nothing is made', async (_, body) => {
    await expect(syncRoles(sync.dependencies(), body)).rejects.toThrow(InvalidEventError);
    expect(await world.look()).toEqual({ accounts: [], roles: [] });
  });
});

describe('something vanished at the target', () => {
  beforeEach(async () => {
    sync.wish(1, { roles: ['developers'] });
    await sync.run();
  });

  test.each([
    ['a grant', { roles: ['developers', 'auditors'] }, ['auditors', 'developers']],
    ['an update', { roles: ['developers'], profile: renamed }, ['developers']],
    ['an update and a revocation', { roles: ['auditors'], profile: renamed }, ['auditors']],
  ])('GIVEN the account is gone WHEN %s is due THEN it is made anew with all its roles, and all is told', async (_, wish, roles) => {
    await world.removeAccount((await sole()).id);
    sync.wish(2, wish);
    await sync.run(2);
    expect(await sole()).toMatchObject({ mark: guidOf(1), roles });
    const told = sync.told().slice(2);
    expect(told).toContain('AccountProvisioned');
    for (const role of roles) expect(told).toContain(`RoleGranted ${role}`);
    expect(told.includes('RoleRevoked developers')).toBe(!roles.includes('developers'));
    await sync.run(2);
    expect(await sole()).toMatchObject({ roles });
  });

  test('GIVEN the account is gone WHEN the person is disabled or deleted THEN none is made', async () => {
    await world.removeAccount((await sole()).id);
    sync.wish(2, { state: 'disabled', profile: renamed });
    await sync.run(2);
    sync.wish(3, { state: 'deleted' });
    await sync.run(3);
    expect(await accounts()).toEqual([]);
    expect(sync.told()).toContain('RoleRevoked developers');
  });

  test('GIVEN the role is gone WHEN it is granted to the next THEN it is made anew, under a new id', async () => {
    const old = await roleId('developers');
    await world.removeRole(old);
    sync.wish(2, {});
    await sync.run(2);
    sync.wish(3, { roles: ['developers'] });
    await sync.run(3);
    expect(await sole()).toMatchObject({ roles: ['developers'] });
    expect(await roleId('developers')).not.toBe(old);
  });

  test('fails when a person made a role of that name meanwhile, which is not ours', async () => {
    await world.removeRole(await roleId('developers'));
    sync.wish(2, {});
    await sync.run(2);
    await world.unmarkedRole('developers');
    sync.wish(3, { roles: ['developers'] });
    await expect(sync.run(3)).rejects.toThrow(TargetConflictError);
    expect(await sole()).toMatchObject({ roles: [] });
  });
});

describe('invariant 5: what is not ours', () => {
  test('fails for a user of that name, tells why and what to do, and leaves it alone; after that is done the message goes on', async () => {
    const id = await world.unmarkedAccount(ada);
    sync.wish(1, { roles: ['developers'] });
    await expect(sync.run()).rejects.toThrow(TargetConflictError);
    await expect(sync.run()).rejects.toThrow(TargetConflictError);
    expect(sync.told()).toEqual(['RoleChangeFailed']);
    expect(sync.published[0]).toMatchObject({
      change: { target: 'identity-center', reason: expect.stringMatching(/mark/), remedy: expect.stringMatching(/\S/) },
    });
    expect(await accounts()).toEqual([{ id, profile: ada, mark: undefined, roles: [] }]);
    await world.removeAccount(id);
    await sync.run();
    expect(await sole()).toMatchObject({ mark: guidOf(1), roles: ['developers'] });
  });

  test('fails for a role of that name, but the others are granted, told and later revoked', async () => {
    await world.unmarkedRole('auditors');
    sync.wish(1, { roles: ['auditors', 'developers'] });
    await expect(sync.run()).rejects.toThrow(TargetConflictError);
    expect(await sole()).toMatchObject({ roles: ['developers'] });
    expect(sync.told()).toEqual(['AccountProvisioned', 'RoleGranted developers', 'RoleChangeFailed']);
    // AND a revocation that comes before anybody mended it
    sync.wish(2, { state: 'disabled' });
    await sync.run(2);
    expect(await sole()).toMatchObject({ roles: [] });
    expect(sync.told().slice(3)).toEqual(['RoleRevoked developers', 'AccountDeactivated', 'AccessEnded']);
  });

  test('fails to delete an account that lost its mark; its memberships are revoked and told all the same', async () => {
    sync.wish(1, { roles: ['developers'] });
    await sync.run();
    await world.removeMarkOf((await sole()).id);
    sync.wish(2, { state: 'deleted' });
    await expect(sync.run(2)).rejects.toThrow(TargetConflictError);
    expect(await sole()).toMatchObject({ roles: [] });
    expect(sync.told().slice(2)).toEqual(['RoleRevoked developers', 'RoleChangeFailed']);
  });

  test('fails to rename a person to a name that another has, but revokes first; the account keeps its name until that is mended', async () => {
    sync.wish(1, { roles: ['developers'] });
    await sync.run();
    const other = await world.unmarkedAccount({ ...renamed, email: 'else@example.com' });
    sync.wish(2, { roles: ['auditors'], profile: renamed });
    for (const _ of [1, 2]) await expect(sync.run(2)).rejects.toThrow(TargetConflictError);
    expect((await accounts()).find(({ mark }) => mark)).toMatchObject({ profile: ada, roles: [] });
    expect(sync.told().slice(2)).toEqual(['RoleRevoked developers', 'RoleChangeFailed']);
    expect(sync.made()?.updating).toEqual([{ value: renamed, number: expect.any(Number) }]);
    await world.removeAccount(other);
    await sync.run(2);
    expect(await sole()).toMatchObject({ profile: renamed, roles: ['auditors'] });
    expect(sync.told().slice(4)).toEqual(['AccountUpdated', 'RoleGranted auditors']);
  });

  test('WHEN somebody else added the account to a role THEN that membership stays', async () => {
    sync.wish(1, { roles: ['developers'] });
    await sync.run();
    const other = await world.unmarkedRole('by-hand');
    await world.target().addMember(other, (await sole()).id);
    sync.wish(2, { state: 'disabled' });
    await sync.run(2);
    expect(await sole()).toMatchObject({ roles: ['by-hand'] });
  });
});

test('invariant 11: WHEN what is told cannot be told THEN the ledger waits for it, and the next run tells the same', async () => {
  sync.wish(1, { roles: ['developers'] });
  const down = { ...sync.dependencies(), publish: () => Promise.reject(new RetryableError('the bus is down')) };
  await expect(syncRoles(down, messageOf(1))).rejects.toThrow('the bus is down');
  expect(sync.published).toEqual([]);
  await sync.run();
  expect(sync.told()).toEqual(['AccountProvisioned', 'RoleGranted developers']);
});

test('invariant 11: fails with any other error of the target, which is told as RoleChangeFailed, and the message is tried again', async () => {
  sync.wish(1, { roles: ['developers'] });
  const denied = { before: (_: number, name: string) => (name === 'pace' ? Promise.reject(new ConfigurationError('denied')) : undefined) };
  await expect(sync.run(1, denied)).rejects.toThrow('denied');
  expect(sync.published).toMatchObject([
    { type: 'RoleChangeFailed', change: { reason: 'ConfigurationError: denied', remedy: expect.stringContaining('redrive') } },
  ]);
});

test('GIVEN a first role of two principals at once WHEN both make it THEN it is one role with both in it', async () => {
  const other = { domain, guid: guidOf(2) };
  for (let moment = 1; moment < 30; moment += 1) {
    world = memoryTargetWorld();
    sync = syncing(world);
    sync.wish(1, { roles: ['developers'] });
    const item = [...sync.grants.items.values()][0];
    if (item === undefined) throw new Error('nothing is desired');
    sync.grants.items.set(`${domain}#${other.guid}`, {
      ...item,
      pk: `${domain}#${other.guid}`,
      subject: { ...item.subject, guid: other.guid },
      profiles: { [targetName]: { ...ada, userName: 'bob@corp.example.com', email: 'bob@example.com' } },
    });
    const second = JSON.stringify({ ...JSON.parse(messageOf(1)), ...other });
    const before = (number: number) => (number === moment ? syncRoles(sync.dependencies(), second) : undefined);
    await sync.run(1, { before });
    const { roles, accounts: seen } = await world.look();
    expect(roles, `before call ${moment}`).toMatchObject([{ name: 'developers', marked: true }]);
    if (seen.length === 1) expect(moment).toBeGreaterThan(10);
    for (const account of seen) expect(account.roles).toEqual(['developers']);
  }
});
