/** Whatever is decided, lost, interrupted, held back and changed by hand in whichever order: each kind of target ends as is decided. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Profile } from '../../handlers/access/grants.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { startScimServer } from '../../sandbox/scim-server.ts';
import { guidOf } from '../directory/rows.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { someOf } from '../thorough.ts';
import { administrator, readOnly, targetName, type Wish } from './desired.ts';
import { identityCenterProfile } from './identity-center-scim-profile.ts';
import { identityCenterWorld } from './identity-center-world.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { scimWorld } from './scim-world.ts';
import type { SeenAccount, TargetWorld } from './target-world.ts';
import { wholeSystem } from './whole-system.ts';

const people = [1, 2, 3];
const roleNames = ['developers', 'auditors', 'team blue'];
const changes = [
  'join',
  'leave',
  'join theirs',
  'rename',
  'delete',
  'activate',
  'deactivate',
  'delete role',
  'rename role',
  'stranger',
  'assign',
  'unassign',
] as const;

type Step =
  | { readonly do: 'decide'; readonly who: number; readonly wish: Wish }
  | { readonly do: 'step' | 'reconcile' | 'approve' | 'reject'; readonly kill: number | undefined }
  | { readonly do: 'lose' | 'drain' | 'wait' }
  | { readonly do: 'hand'; readonly change: (typeof changes)[number]; readonly who: number; readonly role: string };

const profileOf = (who: number, name: string): Profile => ({
  userName: `user${who}@corp.example.com`,
  displayName: `${name} ${who}`,
  givenName: name,
  familyName: `Example ${who}`,
  email: `user${who}@example.com`,
});

function stepsOf(assignable: boolean): fc.Arbitrary<{ steps: readonly Step[]; last: readonly Wish[] }> {
  const who = fc.constantFrom(...people);
  const kill = fc.option(fc.integer({ min: 1, max: 25 }), { nil: undefined });
  const wishOf = (number: number): fc.Arbitrary<Wish> =>
    fc.record({
      roles: fc.subarray(roleNames),
      state: fc.constantFrom('active', 'active', 'disabled', 'deleted'),
      profile: fc.constantFrom(profileOf(number, 'Ada'), profileOf(number, 'Eve')),
      assignments: fc.constant(assignable ? { developers: [readOnly, administrator] } : {}),
    });
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: who.chain((number) => fc.record({ do: fc.constant('decide' as const), who: fc.constant(number), wish: wishOf(number) })),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('step' as const), kill }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('reconcile' as const, 'approve' as const, 'reject' as const), kill }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('lose' as const, 'drain' as const, 'wait' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('hand' as const),
        change: fc.constantFrom(...changes),
        who,
        role: fc.constantFrom(...roleNames),
      }),
    },
  );
  return fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 25 }), last: fc.tuple(...people.map(wishOf)) });
}

/** What an administrator does at the target. What an interrupted run left without its mark is not there for them yet. */
async function byHand(world: TargetWorld, { change, who, role }: Extract<Step, { do: 'hand' }>, theirs: { account: string; role: string }) {
  const { accounts, roles } = await world.look();
  const account = accounts.find(({ mark }) => mark === guidOf(who));
  const roleId = roles.find((one) => one.name === role && one.marked)?.id;
  if (change === 'stranger' && roleId && !accounts.find(({ id }) => id === theirs.account)?.roles.includes(role))
    await world.addMember(roleId, theirs.account);
  if (change === 'delete role' && roleId) await world.removeRole(roleId);
  if (change === 'rename role' && roleId) await world.renameRole(roleId, `${role} of old`);
  if (change === 'assign' && roleId) await world.assignments?.add(roleId, administrator);
  if (change === 'unassign' && roleId && (await world.assignments?.look(roleId))?.some(({ permissionSet }) => permissionSet === 'ReadOnly'))
    await world.assignments?.remove(roleId, readOnly);
  if (account === undefined) return;
  const { id, roles: held, profile } = account;
  if (change === 'join' && roleId && !held.includes(role)) await world.addMember(roleId, id);
  if (change === 'leave' && roleId && held.includes(role)) await world.removeMember(roleId, id);
  if (change === 'join theirs' && !held.includes('theirs')) await world.addMember(theirs.role, id);
  if (change === 'rename') await world.target().updateAccount(id, profile, { ...profile, displayName: 'Somebody' });
  if (change === 'delete') await world.removeAccount(id);
  if (change === 'activate' || change === 'deactivate') await world.setActive?.(id, change === 'activate');
}

async function convergesTo(world: TargetWorld, { steps, last }: { steps: readonly Step[]; last: readonly Wish[] }): Promise<void> {
  // GIVEN what is somebody else's, and any sequence
  await world.clear();
  const stranger = { ...profileOf(9, 'Stranger'), email: 'stranger@example.com' };
  const theirs = { account: await world.unmarkedAccount(stranger), role: await world.unmarkedRole('theirs') };
  await world.addMember(theirs.role, theirs.account);
  const all = wholeSystem(world);
  for (const step of steps) {
    if (step.do === 'decide') all.decide(step.who, step.wish);
    else if (step.do === 'step') await all.step(step.kill);
    else if (step.do === 'reconcile') await all.reconcile(step.kill);
    else if (step.do === 'approve' || step.do === 'reject') await all.settle(step.do === 'approve' ? 'approved' : 'rejected', step.kill);
    else if (step.do === 'lose') all.lose();
    else if (step.do === 'drain') await all.drain();
    else if (step.do === 'wait') all.later(7);
    else if (step.do === 'hand') await byHand(world, step, theirs);
  }
  // WHEN everybody is decided on a last time, and messages of that are lost, too; reconcile runs, and what is held back is approved
  for (const who of people) all.decide(who, last[who - 1] ?? {});
  if (steps.length % 2 === 0) all.queue.length = 0;
  await all.drain();
  all.later(72);
  for (let round = 1; round <= 6; round += 1) {
    await all.reconcile();
    await all.drain();
    if (await all.settle('approved')) await all.drain();
  }
  // THEN
  const { offers } = world;
  const { accounts, roles } = await world.look();
  const own = (account: SeenAccount) => account.roles.filter((role) => role !== 'theirs');
  for (const who of people) {
    const { state, roles: due = [], profile } = last[who - 1] ?? {};
    const found = accounts.filter(({ mark }) => mark === guidOf(who));
    const isActive = state === 'active';
    if (isActive && due.length > 0) expect(found, `account of ${who}`).toHaveLength(1);
    expect(found.length, `accounts of ${who}`).toBeLessThanOrEqual(state === 'deleted' ? 0 : 1);
    for (const account of found) {
      expect(own(account), `roles of ${who}`).toEqual(isActive ? [...due].sort() : []);
      if (isActive) expect(account.profile, `profile of ${who}`).toEqual(profile);
      if (offers.includes('setActive')) expect(account.active, `active of ${who}`).toBe(isActive ? undefined : false);
    }
    if (offers.includes('setActive') && !isActive && !steps.some(isTakingAway)) expectEvidence(all.published, who);
    expectTold(all.published, who, found[0] ? own(found[0]) : [], steps.some(isTakingAway));
  }
  // What is somebody else's is as it was.
  expect(accounts.find(({ id }) => id === theirs.account)).toMatchObject({ profile: stranger, mark: undefined, roles: ['theirs'] });
  expect(roles.find(({ id }) => id === theirs.role)).toMatchObject({ name: 'theirs', marked: false });
  const held = new Set(last.flatMap(({ state, roles: due = [] }) => (state === 'active' ? due : [])));
  for (const role of held)
    expect(
      roles.filter(({ name }) => name === role),
      role,
    ).toHaveLength(1);
  const developers = roles.find(({ name }) => name === 'developers')?.id;
  if (held.has('developers') && developers && offers.includes('assignments'))
    expect((await world.assignments?.look(developers))?.map(({ permissionSet }) => permissionSet).sort()).toEqual([
      'Administrator',
      'ReadOnly',
    ]);
  // AND nothing is left to do or to tell, but what a person has to decide
  const before = all.published.length;
  await all.reconcile();
  await all.drain();
  const more = all.published.slice(before).filter((event) => event.type !== 'DriftFound' || event.change.heal);
  expect(more).toEqual([]);
  expect(await world.look()).toEqual({ accounts, roles });
}

/** Of a membership that a hand took away before its interrupted run could note it, nobody knows that it was ours. */
const isTakingAway = (step: Step): boolean => step.do === 'hand' && ['leave', 'delete', 'delete role'].includes(step.change);

const toldOf = (published: readonly AnyIdentityEvent[], who: number): readonly AnyIdentityEvent[] =>
  [...new Map(published.map((event) => [event.id, event])).values()].filter(({ subject }) => subject.guid === guidOf(who));

/** Whoever held a role and may hold none is proven to have lost access, after the last grant. */
function expectEvidence(published: readonly AnyIdentityEvent[], who: number): void {
  const types = toldOf(published, who).map(({ type }) => type);
  expect(types.lastIndexOf('AccessEnded'), `evidence of ${who}`).toBeGreaterThanOrEqual(types.lastIndexOf('RoleGranted'));
}

/** What was told last of each role is how it is. */
function expectTold(published: readonly AnyIdentityEvent[], who: number, held: readonly string[], isTaken: boolean): void {
  const lastOf = new Map<string, string>();
  for (const event of toldOf(published, who)) {
    if (event.type === 'RoleGranted' || event.type === 'RoleRevoked') lastOf.set(event.change.grant.role, event.type);
  }
  for (const role of roleNames) {
    if (held.includes(role)) expect(lastOf.get(role), `${role} of ${who}`).toBe('RoleGranted');
    else if (!isTaken) expect(lastOf.get(role) ?? 'RoleRevoked', `${role} of ${who}`).toBe('RoleRevoked');
  }
}

const everything = async (world: TargetWorld, numRuns: number) =>
  fc.assert(
    fc.asyncProperty(stepsOf(world.offers.includes('assignments')), (sequence) => convergesTo(world, sequence)),
    { numRuns },
  );

/** Under the name that the decisions give the target. */
const named = (world: TargetWorld): TargetWorld => ({ ...world, target: (pace) => ({ ...world.target(pace), name: targetName }) });

const servers = [await startScimServer(), await startScimServer({ front: identityCenterProfile })] as const;
const center = identityCenterWorld(await endpointForTests());
afterAll(async () => {
  center.close();
  for (const server of servers) await server.close();
});

describe("invariants 3 to 8: WHEN decisions, lost and interrupted runs, guards and hands come in any order THEN it ends as decided, others' things as they were, and all of it is told", () => {
  test.each<[string, TargetWorld, number]>([
    ['a target in memory', memoryTargetWorld(), someOf(4000)],
    ['a target that has accounts and roles alone', memoryTargetWorld({ offers: [] }), someOf(4000)],
    ['IAM Identity Center', center, 8],
    ['a SCIM server', scimWorld(servers[0]), 15],
    ["a SCIM server with IAM Identity Center's restrictions", scimWorld(servers[1], 'identity-center'), 8],
  ])('at %s', (_, world, runs) => everything(named(world), runs), 180_000);
});
