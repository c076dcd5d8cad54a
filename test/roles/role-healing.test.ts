/** What somebody changed of a role behind our back, healed after a second look at the target. */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RoleDriftMessage } from '../../handlers/access/role-message.ts';
import type { Admission } from '../../handlers/roles/guard.ts';
import { TargetConflictError } from '../../handlers/roles/target.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { Killed, killedAfter } from '../platform/watched-calls.ts';
import { ada, administrator, readOnly, renamed, type Wish } from './desired.ts';
import { type MemoryTargetWorld, memoryTargetWorld } from './memory-target.ts';
import { roleMessage, syncing } from './syncing.ts';

const wish: Wish = { roles: ['developers'], assignments: { developers: [readOnly] } };
const stranger = { ...renamed, userName: 'stranger@corp.example.com', email: 'stranger@example.com' };

/** Ada holds a role that brings read access; nothing differs yet. */
async function holding(answer: { now: Admission } = { now: { admitted: true } }) {
  const world = memoryTargetWorld();
  const asked: unknown[] = [];
  const guard = {
    admit: async (removal: unknown) => {
      asked.push(removal);
      return answer.now;
    },
    held: async () => {},
  };
  const sync = syncing(world, { guard });
  sync.wish(1, wish);
  await sync.run();
  const { accounts, roles } = await world.look();
  sync.published.length = 0;
  return { world, sync, asked, roleId: roles[0]?.id ?? '', accountId: accounts[0]?.id ?? '' };
}

/** From long after everything was made. */
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
const message = (drift: Partial<RoleDriftMessage> = {}, kinds: RoleDriftMessage['drift']['kinds'] = ['assignment-extra']) =>
  roleMessage('developers', { extraMembers: [], assignments: [readOnly], drift: { run: inAnHour(), kinds }, ...drift });
const setsOf = async (world: MemoryTargetWorld, roleId: string) =>
  (await world.assignments.look(roleId)).map((one) => one.permissionSet).sort();

test('WHEN somebody removed an assignment and added another THEN both are healed to their end, and told', async () => {
  const { world, sync, roleId } = await holding();
  await world.assignments.remove(roleId, readOnly);
  await world.assignments.add(roleId, administrator);
  const body = message({}, ['assignment-missing', 'assignment-extra']);
  await sync.send(body);
  expect(await setsOf(world, roleId)).toEqual(['ReadOnly']);
  expect(sync.told()).toEqual([
    'RoleAssigned developers ReadOnly',
    'RoleUnassigned developers Administrator',
    'DriftHealed assignment-missing',
    'DriftHealed assignment-extra',
  ]);
  for (const event of sync.published) expect(event).toMatchObject({ domain: 'identity-center', subject: { type: 'target' } });
  await sync.send(body);
  expect(sync.published).toHaveLength(4);
  expect(sync.madeRole('developers')).toMatchObject({ assignments: { '111122223333/ReadOnly': { state: 'made' } } });
});

test('WHEN a foreign member is in the role THEN it is taken out; principals of ours are not', async () => {
  const { world, sync, roleId, accountId } = await holding();
  const foreign = await world.unmarkedAccount(stranger);
  await world.addMember(roleId, foreign);
  await sync.send(message({ extraMembers: [foreign, accountId, 'nobody'] }, ['membership-extra']));
  const { accounts } = await world.look();
  expect(accounts.find(({ id }) => id === foreign)).toEqual({ id: foreign, profile: stranger, mark: undefined, roles: [] });
  expect(accounts.find(({ id }) => id === accountId)).toMatchObject({ roles: ['developers'] });
  expect(sync.told()).toEqual(['DriftHealed membership-extra']);
});

test('WHEN the role was renamed THEN it has its name again', async () => {
  const { world, sync, roleId } = await holding();
  await world.renameRole(roleId, 'dev-team');
  await sync.send(message({}, ['role-renamed']));
  expect((await world.look()).roles).toMatchObject([{ id: roleId, name: 'developers' }]);
  expect(sync.told()).toEqual(['DriftHealed role-renamed']);
});

test('WHEN the role is gone THEN it is forgotten, and the next grant makes it with all it brings', async () => {
  const { world, sync, roleId } = await holding();
  await world.removeRole(roleId);
  await sync.send(message({}, ['role-missing']));
  expect(sync.madeRole('developers')?.roleId).toBeUndefined();
  sync.wish(2, {});
  await sync.run(2);
  sync.wish(3, wish);
  await sync.run(3);
  const { roles, accounts } = await world.look();
  expect(accounts).toMatchObject([{ profile: ada, roles: ['developers'] }]);
  expect(await setsOf(world, roles[0]?.id ?? '')).toEqual(['ReadOnly']);
});

test('WHEN an assignment was made after reconcile looked THEN it is not called extra', async () => {
  const { world, sync, roleId } = await holding();
  const run = new Date(Date.now() - 60_000).toISOString();
  await sync.send(message({ assignments: [], drift: { run, kinds: ['assignment-extra'] } }));
  expect(await setsOf(world, roleId)).toEqual(['ReadOnly']);
  await sync.send(message({ assignments: [] }));
  expect(await setsOf(world, roleId)).toEqual([]);
});

test('invariant 6: WHEN the guard holds back what would be taken away THEN the rest is healed, and that once it is admitted', async () => {
  const answer: { now: Admission } = { now: { admitted: false, guard: 'guard-1', staged: true } };
  const { world, sync, asked, roleId } = await holding(answer);
  const foreign = await world.unmarkedAccount(stranger);
  await world.addMember(roleId, foreign);
  await world.renameRole(roleId, 'dev-team');
  await world.assignments.add(roleId, administrator);
  const body = message({ extraMembers: [foreign] }, ['membership-extra', 'assignment-extra', 'role-renamed']);
  await sync.send(body);
  expect(asked).toMatchObject([{ key: 'role#developers', revision: 0, revocations: 2, accounts: 0 }]);
  expect(sync.told()).toEqual(['RevocationStaged', 'DriftHealed role-renamed']);
  expect(await setsOf(world, roleId)).toEqual(['Administrator', 'ReadOnly']);
  expect((await world.look()).accounts.find(({ id }) => id === foreign)).toMatchObject({ roles: ['developers'] });
  answer.now = { admitted: true };
  await sync.send(message({ extraMembers: [foreign] }, ['membership-extra', 'assignment-extra']));
  expect(await setsOf(world, roleId)).toEqual(['ReadOnly']);
  expect((await world.look()).accounts.find(({ id }) => id === foreign)).toMatchObject({ roles: [] });
});

test('invariant 5: WHEN a role of that name is not ours THEN it is left alone, and a person is told', async () => {
  const { world, sync, roleId } = await holding();
  await world.removeRole(roleId);
  const other = await world.unmarkedRole('developers');
  const foreign = await world.unmarkedAccount(stranger);
  await world.addMember(other, foreign);
  await sync.send(message({ extraMembers: [foreign] }, ['membership-extra']));
  expect((await world.look()).accounts.find(({ id }) => id === foreign)).toMatchObject({ roles: ['developers'] });
  expect(sync.told()).toEqual(['RoleChangeFailed']);
});

test('WHEN its run ends after any of its calls THEN the next heals all of it, and tells each under one id', async () => {
  for (let kill = 1; ; kill += 1) {
    const { world, sync, roleId } = await holding();
    const foreign = await world.unmarkedAccount(stranger);
    await world.addMember(roleId, foreign);
    await world.assignments.remove(roleId, readOnly);
    await world.assignments.add(roleId, administrator);
    const kinds = ['assignment-missing', 'assignment-extra', 'membership-extra'] as const;
    const body = message({ extraMembers: [foreign] }, [...kinds]);
    let killed = false;
    try {
      await sync.send(body, killedAfter(kill));
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      killed = true;
    }
    if (killed) await sync.send(body);
    const when = `killed after call ${kill}`;
    expect(await setsOf(world, roleId), when).toEqual(['ReadOnly']);
    expect(
      (await world.look()).accounts.find(({ id }) => id === foreign),
      when,
    ).toMatchObject({ roles: [] });
    const told = sync.told();
    const expected = [
      'RoleAssigned developers ReadOnly',
      'RoleUnassigned developers Administrator',
      ...kinds.map((kind) => `DriftHealed ${kind}`),
    ];
    for (const one of expected)
      expect(
        told.filter((other) => other === one),
        `${one} ${when}`,
      ).toHaveLength(1);
    for (const note of ['drift', 'expelling'] as const) expect(sync.madeRole('developers')?.[note], when).toBeUndefined();
    if (!killed) break;
    expect(kill).toBeLessThan(80);
  }
});

test('invariant 5: WHEN our mark was taken off the role THEN a person is told, and it gets no more members until it is ours again', async () => {
  const world = memoryTargetWorld();
  const sync = syncing(world);
  sync.wish(1, { roles: ['developers'] });
  await sync.run();
  sync.wish(2, {});
  await sync.run(2);
  const [role] = (await world.look()).roles;
  await world.removeMarkOfRole(role?.id ?? '');
  await sync.send(roleMessage('developers', { extraMembers: [], assignments: [], drift: { run: inAnHour(), kinds: ['role-missing'] } }));
  expect(sync.told()).toContain('RoleChangeFailed');
  sync.wish(3, { roles: ['developers'] });
  await expect(sync.run(3)).rejects.toThrow(TargetConflictError);
  expect((await world.look()).accounts).toMatchObject([{ roles: [] }]);
  // AND somebody makes room for ours
  await world.removeRole(role?.id ?? '');
  await sync.run(3);
  expect((await world.look()).accounts).toMatchObject([{ roles: ['developers'] }]);
});

test('invariant 3: WHEN a member carries our mark and no decision knows its principal THEN it stays: decisions may have been lost, or another environment made it', async () => {
  const world = memoryTargetWorld();
  const sync = syncing(world);
  sync.wish(1, { roles: ['developers'] });
  await sync.run();
  const { id } = await world.target().createAccount({ domain, guid: guidOf(7) }, { ...renamed, email: 'x@example.com' });
  await world.addMember((await world.look()).roles[0]?.id ?? '', id);
  await sync.send(
    roleMessage('developers', { extraMembers: [id], assignments: [], drift: { run: inAnHour(), kinds: ['membership-extra'] } }),
  );
  expect((await world.look()).accounts.find((one) => one.id === id)).toMatchObject({ roles: ['developers'] });
});

test('invariant 6: WHEN nothing but a foreign member was found THEN nothing else is taken away, whatever else differs', async () => {
  const { world, sync, asked, roleId } = await holding();
  const foreign = await world.unmarkedAccount(stranger);
  await world.addMember(roleId, foreign);
  await world.assignments.add(roleId, administrator);
  await sync.send(message({ extraMembers: [foreign] }, ['membership-extra']));
  expect(await setsOf(world, roleId)).toEqual(['Administrator', 'ReadOnly']);
  expect(asked).toMatchObject([{ key: 'role#developers', revocations: 1 }]);
});

/** A run that heals has noted that it takes read access away, and ended before it asked. */
async function endedBeforeRemoving() {
  const all = await holding();
  const body = message({ assignments: [] });
  let noted = false;
  const before = (_: number, name: string) => {
    if (noted && name === 'pace') throw new Killed('before it is asked');
    noted = Object.values(all.sync.madeRole('developers')?.assignments ?? {}).some(({ state }) => state === 'removing');
  };
  await expect(all.sync.send(body, { before })).rejects.toThrow(Killed);
  all.sync.published.length = 0;
  return all;
}

test('GIVEN a removal that was done and not told WHEN what the role brings again cannot be made THEN the removal is told', async () => {
  const { world, sync, roleId } = await endedBeforeRemoving();
  await world.assignments.remove(roleId, readOnly);
  for (let time = 0; time < 3; time += 1) world.assignments.failNext('the account is suspended');
  await sync.send(message({}, ['assignment-missing']));
  expect(sync.told()).toEqual(['RoleUnassigned developers ReadOnly', 'RoleChangeFailed']);
  await sync.send(message({}, ['assignment-missing']));
  expect(await setsOf(world, roleId)).toEqual(['ReadOnly']);
  expect(sync.told().slice(2)).toContain('RoleAssigned developers ReadOnly');
});

test('GIVEN a removal that failed WHEN another run begins one anew meanwhile THEN it is not called made', async () => {
  const { world, sync, roleId } = await endedBeforeRemoving();
  const [role, key] = [sync.madeRole('developers'), '111122223333/ReadOnly'];
  if (role === undefined) throw new Error('the role is not noted');
  const noted = (since: string, request: string, version: number) =>
    sync.ledger.write({ ...role, version, assignments: { [key]: { assignment: readOnly, state: 'removing', since, request } } });
  await noted('2025-03-01T10:00:00.000Z', 'forgotten long ago', role.version + 1);
  const { assignments } = world.target();
  const request = (await assignments?.remove(roleId, readOnly)) ?? '';
  let looked = 0;
  const before = async (_: number, name: string) => {
    looked += name === 'pace' ? 1 : 0;
    // It has asked for the end of the first removal, and lists what is there.
    if (looked !== 4 || name !== 'pace') return;
    looked += 1;
    await noted('2025-03-01T11:00:00.000Z', request, (sync.madeRole('developers')?.version ?? 0) + 1);
  };
  await sync.send(message({}, ['assignment-missing']), { before });
  expect(await setsOf(world, roleId)).toEqual(['ReadOnly']);
  expect(sync.told().slice(0, 2)).toEqual(['RoleUnassigned developers ReadOnly', 'RoleAssigned developers ReadOnly']);
});

test('GIVEN a removal that is noted and waits for its turn WHEN another run makes the assignment anew meanwhile THEN it stays', async () => {
  const { world, sync, roleId } = await holding();
  let isMadeAnew = false;
  const before = async (_: number, name: string) => {
    const isNoted = Object.values(sync.madeRole('developers')?.assignments ?? {}).some(({ state }) => state === 'removing');
    if (isMadeAnew || !isNoted || !['pace', 'readRole'].includes(name)) return;
    isMadeAnew = true;
    await setTimeout(5);
    await sync.send(message({}, ['assignment-missing']));
  };
  await setTimeout(5);
  await sync.send(message({ assignments: [], drift: { run: new Date().toISOString(), kinds: ['assignment-extra'] } }), { before });
  expect(await setsOf(world, roleId)).toEqual(['ReadOnly']);
  expect(sync.madeRole('developers')).toMatchObject({ assignments: { '111122223333/ReadOnly': { state: 'made' } } });
  expect(sync.told().slice(0, 2)).toEqual(['RoleUnassigned developers ReadOnly', 'RoleAssigned developers ReadOnly']);
  expect(sync.logged).toContain('ROLE_TRIED_AGAIN');
});
