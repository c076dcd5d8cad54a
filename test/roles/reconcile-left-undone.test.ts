/** What no listing of a target shows, and what a listing shows that is not ours to heal. */
import { expect, test } from 'vitest';
import type { Profile } from '../../handlers/access/grants.ts';
import { accountPk, assignmentKey, rolePk } from '../../handlers/roles/ledger.ts';
import { TargetMissingError } from '../../handlers/roles/target.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { desired } from './desired.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { reconciling } from './reconciling.ts';

const profileOf = (index: number): Profile => ({
  userName: `user${index}@corp.example.com`,
  displayName: `User ${index}`,
  givenName: 'User',
  familyName: String(index),
});
const healing = (all: ReturnType<typeof reconciling>) => all.sent.filter((message) => !('sweep' in message));

async function holding(world = memoryTargetWorld()) {
  const target = world.target();
  const all = reconciling(target);
  const role = await target.createRole('developers');
  const { id } = await target.createAccount({ domain, guid: guidOf(1) }, profileOf(1));
  await target.addMember(role, id);
  const item = desired(3, { roles: ['developers'], profile: profileOf(1) });
  all.grants.items.set(item.pk, item);
  const pk = accountPk(target.name, domain, guidOf(1));
  const made = (revision: number) => all.ledger.items.set(pk, { pk, version: 1, revision, memberships: {} });
  made(3);
  return { world, target, all, role, id, made };
}

test('GIVEN a decision that no run finished WHEN the target shows no difference THEN sync-roles is asked once more; not when it only reports', async () => {
  const { all, made } = await holding();
  made(2);
  await all.run({ now: true, mode: 'report' });
  expect(healing(all)).toEqual([]);
  await all.run({ now: true });
  expect(healing(all)).toMatchObject([{ guid: guidOf(1), revision: 3 }]);
  expect(all.logged).toContain('DECISIONS_UNFINISHED');
});

test('GIVEN a role with our mark that is not in our ledger WHEN nobody is to hold it THEN its members are left to a person', async () => {
  const { all, target } = await holding();
  const theirs = await target.createRole('auditors');
  const { id } = await target.createAccount({ domain, guid: guidOf(2) }, profileOf(2));
  await target.addMember(theirs, id);
  await all.run();
  expect(healing(all)).toEqual([]);
  expect(all.asked).toEqual([]);
  // AND one that was made here is emptied
  const pk = rolePk(target.name, 'auditors');
  all.ledger.items.set(pk, { pk, version: 1, roleId: theirs });
  const stranger = await target.createAccount({ domain: 'x', guid: '' }, profileOf(3));
  await target.addMember(theirs, stranger.id);
  await all.run({ now: true });
  expect(healing(all)).toMatchObject([{ role: 'auditors', extraMembers: [stranger.id] }]);
});

test('invariant 6: GIVEN accounts that are not ours THEN the guard does not count them: its shares are of ours', async () => {
  const { all, world } = await holding();
  for (let index = 10; index < 30; index += 1) await world.unmarkedAccount(profileOf(index));
  await all.run();
  expect(all.held).toEqual([{ memberships: 1, accounts: 1, exactly: true }]);
});

test('GIVEN a group that is a member of a role of ours THEN it is taken out: its members hold the role with it', async () => {
  const { all, world, role } = await holding();
  const group = await world.unmarkedRole('everybody');
  await world.addMember(role, group);
  await all.run();
  expect(healing(all)).toMatchObject([{ role: 'developers', extraMembers: [group] }]);
});

test('GIVEN a role whose mark was taken off THEN sync-roles hears of it, and not of its members alone', async () => {
  const { all, world, role } = await holding();
  await world.removeMarkOfRole(role);
  await all.run();
  expect(healing(all)).toMatchObject([{ role: 'developers', drift: { kinds: ['role-missing'] } }, { guid: guidOf(1) }]);
});

test('invariant 3: GIVEN a role that is deleted after the roles were listed THEN the run comes to its end all the same', async () => {
  const { all, world, target, role } = await holding();
  const listMembers: typeof target.listMembers = async (id, after) => {
    await world.removeRole(role);
    throw new TargetMissingError('role', `role ${id} is gone, after ${after}`);
  };
  expect(await all.run({}, { target: { ...target, listMembers } })).toMatchObject({ state: 'completed' });
  expect(healing(all)).toMatchObject([{ role: 'developers' }, { guid: guidOf(1), drift: { kinds: ['membership-missing'] } }]);
});

test('invariant 6: GIVEN a run of which a person refused a part WHEN the rest trips the guard THEN only the rest is told as staged', async () => {
  const { all, world, role } = await holding();
  const theirs = await all.run().then(() => world.unmarkedAccount(profileOf(9)));
  await world.addMember(role, theirs);
  all.admission = { admitted: false, guard: 'guard-1', staged: true, refused: ['role#developers'] };
  await all.run({ now: true });
  expect(all.published.map(({ type }) => type)).toEqual(['DriftFound']);
});

test('GIVEN a removal that was begun and not told WHEN the target has assignments no more THEN no run is asked for it, again and again', async () => {
  const assignment = { account: '111122223333', permissionSet: 'ReadOnly' };
  const removing = { [assignmentKey(assignment)]: { assignment, state: 'removing', since: '2025-03-01T10:00:00.000Z' } as const };
  for (const [world, asked] of [[memoryTargetWorld(), 1] as const, [memoryTargetWorld({ offers: ['setActive'] }), 0] as const]) {
    const { all, target, role } = await holding(world);
    const pk = rolePk(target.name, 'developers');
    all.ledger.items.set(pk, { pk, version: 1, roleId: role, assignments: removing });
    await all.run();
    expect(healing(all)).toHaveLength(asked);
  }
});
