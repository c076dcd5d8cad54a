/** Removals that a guard holds back, while all else goes on. */
import { describe, expect, test } from 'vitest';
import type { Admission, Guard, Removal } from '../../handlers/roles/guard.ts';
import { guardLimits } from '../../handlers/roles/guard-limits.ts';
import { Killed, killedAfter } from '../platform/watched-calls.ts';
import { administrator, readOnly, renamed, type Wish } from './desired.ts';
import { memoryGuard, memoryGuardStore } from './memory-guard.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { driftMessage, syncing } from './syncing.ts';

/** A guard that says what the test says, and remembers what it was asked. */
function toldGuard(answer: () => Admission) {
  const asked: Removal[] = [];
  const held: { memberships: number; accounts: number }[] = [];
  const guard: Pick<Guard, 'admit' | 'held'> = {
    admit: async (removal) => {
      asked.push(removal);
      return answer();
    },
    held: async ({ memberships, accounts }) => void held.push({ memberships, accounts }),
  };
  return { guard, asked, held };
}

const refused: Admission = { admitted: false, guard: 'guard-1', staged: true };
const admitted: Admission = { admitted: true };

async function holding(answer: { now: Admission }, wish: Wish = { roles: ['developers', 'auditors'] }) {
  const world = memoryTargetWorld();
  const told = toldGuard(() => answer.now);
  const sync = syncing(world, { guard: told.guard });
  sync.wish(1, wish);
  await sync.run();
  sync.published.length = 0;
  return { world, sync, ...told };
}
const rolesOf = async (world: ReturnType<typeof memoryTargetWorld>) => (await world.look()).accounts[0]?.roles;

test('invariant 6: WHEN the guard holds back a revocation THEN grants and updates go on, it is told, and the message is done', async () => {
  const answer: { now: Admission } = { now: refused };
  const { world, sync, asked } = await holding(answer);
  sync.wish(2, { roles: ['team-blue'], profile: renamed });
  await sync.run(2);
  expect((await world.look()).accounts).toMatchObject([{ profile: renamed, roles: ['auditors', 'developers', 'team-blue'] }]);
  expect(sync.told()).toEqual(['AccountUpdated', 'RoleGranted team-blue', 'RevocationStaged']);
  const staged = sync.published.find(({ type }) => type === 'RevocationStaged');
  expect(staged?.change).toMatchObject({ guard: 'guard-1', end: false, revoke: [{ role: 'developers' }, { role: 'auditors' }] });
  expect(sync.made()).toMatchObject({ revision: 1, staged: 'guard-1' });
  expect(sync.logged).toContain('REVOCATION_STAGED');
  // AND once it is approved, the message of settle-guard does it
  answer.now = admitted;
  await sync.run(2);
  expect(await rolesOf(world)).toEqual(['team-blue']);
  expect(sync.told().slice(3)).toEqual(['RoleRevoked developers', 'RoleRevoked auditors']);
  expect(sync.made()).toMatchObject({ revision: 2 });
  expect(sync.made()?.staged).toBeUndefined();
  // AND what is done is not asked for again
  expect(asked).toHaveLength(2);
  await sync.run(2);
  expect(asked).toHaveLength(2);
});

test('invariant 6: WHEN the guard holds back the end of an account THEN no role ends, no session is cut, and it may log on', async () => {
  const answer: { now: Admission } = { now: refused };
  const { world, sync, asked } = await holding(answer, { roles: ['developers'], assignments: { developers: [readOnly] } });
  sync.wish(2, { state: 'disabled' });
  await sync.run(2);
  expect((await world.look()).accounts).toMatchObject([{ roles: ['developers'] }]);
  expect((await world.look()).accounts[0]?.active).toBeUndefined();
  expect(await world.sessions?.look()).toEqual([]);
  expect(asked).toMatchObject([
    { key: expect.stringContaining('#'), revision: 2, revocations: 1, accounts: 1, account: { target: 'identity-center' } },
  ]);
  expect(sync.told()).toEqual(['RevocationStaged']);
  expect(sync.published[0]?.change).toMatchObject({ end: true });
  // AND the person is back before anybody decided: there is nothing to take away any more
  sync.wish(3, { roles: ['developers'], assignments: { developers: [readOnly, administrator] } });
  await sync.run(3);
  expect(asked).toHaveLength(1);
  expect(sync.made()).toMatchObject({ revision: 3 });
  expect(sync.made()?.staged).toBeUndefined();
});

test('invariant 6: WHEN it is rejected THEN it stays, untold, however often the message comes', async () => {
  const answer: { now: Admission } = { now: { admitted: false, guard: 'guard-1', staged: false, rejected: true } };
  const { world, sync } = await holding(answer);
  sync.wish(2, {});
  for (let time = 0; time < 3; time += 1) await sync.run(2);
  expect(await rolesOf(world)).toEqual(['auditors', 'developers']);
  expect(sync.told()).toEqual([]);
  expect(sync.logged).toContain('REVOCATION_REJECTED');
});

test('invariant 6: WHEN a run trips the guard THEN that is told about the target, once it is out the guard hears of it', async () => {
  const out: string[] = [];
  const limit = { window: 'hour', counted: 'revocations', count: 101, most: 100, share: 0.1, held: 5_000 } as const;
  const tripped = { guard: 'guard-1', limit, staged: [], expiresAt: '2025-03-02T10:00:00.000Z' };
  const released = { guard: 'guard-0', staged: 3 };
  const answer: { now: Admission } = { now: { ...refused, tripped, released, told: async () => void out.push('told') } };
  const { sync } = await holding(answer);
  sync.wish(2, {});
  await sync.run(2);
  expect(sync.told()).toEqual(['GuardReleased', 'GuardTripped', 'RevocationStaged']);
  expect(sync.published[1]).toMatchObject({
    domain: 'identity-center',
    subject: { type: 'target', name: 'identity-center' },
    change: { guard: 'guard-1', limit },
  });
  expect(out).toEqual(['told']);
  expect(sync.logged).toContain('GUARD_TRIPPED');
});

test('invariant 6: GIVEN a run that ended after any of its calls WHEN it goes on THEN what was admitted and begun is not asked for again', async () => {
  for (let kill = 1; ; kill += 1) {
    const answer: { now: Admission } = { now: admitted };
    const { world, sync, asked } = await holding(answer);
    sync.wish(2, { state: 'disabled' });
    let killed = false;
    try {
      await sync.run(2, killedAfter(kill));
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      killed = true;
    }
    const begun = sync.made()?.ending !== undefined || sync.made()?.revision === 2;
    // WHEN the guard would refuse from now on
    answer.now = refused;
    if (killed) await sync.run(2);
    const when = `killed after call ${kill}`;
    if (begun) expect(asked, when).toHaveLength(1);
    expect(await rolesOf(world), when).toEqual(begun || !killed ? [] : ['auditors', 'developers']);
    if (!killed) break;
  }
});

test('WHEN roles and accounts come and go THEN the guard hears how many it holds, each once', async () => {
  const answer: { now: Admission } = { now: admitted };
  const { world, sync, held } = await holding(answer);
  expect(held).toEqual([{ memberships: 2, accounts: 1 }]);
  sync.wish(2, { roles: ['developers'] });
  await sync.run(2);
  sync.wish(3, { roles: ['developers'], profile: renamed });
  await sync.run(3);
  expect(held.slice(1)).toEqual([{ memberships: -1, accounts: 0 }]);
  await world.removeAccount((await world.look()).accounts[0]?.id ?? '');
  sync.wish(4, { roles: ['developers', 'auditors'] });
  await sync.run(4);
  sync.wish(5, { state: 'deleted' });
  await sync.run(5);
  const sum = (key: 'memberships' | 'accounts') => held.reduce((total, one) => total + one[key], 0);
  expect([sum('memberships'), sum('accounts')]).toEqual([0, 0]);
});

describe('with the guard itself', () => {
  const limits = guardLimits({ revocations: { run: { most: 1 } } });

  test('invariant 6: GIVEN drift that takes away too much WHEN it is staged and the same run asks again THEN nothing happens; at once or later', async () => {
    const store = memoryGuardStore();
    const world = memoryTargetWorld();
    const sync = syncing(world, { guard: memoryGuard({ limits }, store) });
    sync.wish(1, { roles: ['developers'] });
    await sync.run();
    const [account] = (await world.look()).accounts;
    for (const role of ['auditors', 'team-blue']) await world.addMember(await world.target().createRole(role), account?.id ?? '');
    const drift = { run: '2025-03-01T11:00:00.000Z', kinds: ['membership-extra' as const] };
    for (let time = 0; time < 2; time += 1) await sync.send(driftMessage(1, drift, ['auditors', 'team-blue']));
    expect(await rolesOf(world)).toEqual(['auditors', 'developers', 'team-blue']);
    expect(sync.told().slice(2)).toEqual(['GuardTripped', 'RevocationStaged']);
    expect([...store.removals.values()]).toMatchObject([{ outcome: 'staged', revocations: 2, accounts: 0 }]);
    // AND a person approves it: the message of settle-guard knows nothing of drift
    const [removal] = store.removals.values();
    if (removal) await store.writeRemoval({ ...removal, version: removal.version + 1, outcome: 'approved' });
    await store.replace(store.kept().version, { ...store.kept().state, tripped: undefined });
    await sync.run(1);
    expect(await rolesOf(world)).toEqual(['developers']);
    expect(sync.told().at(-1)).toBe('DriftHealed membership-extra');
  });

  test('invariant 6: GIVEN a role of which a listing sees less than was approved WHEN its run is let through THEN all that was approved still is, and no more', async () => {
    const store = memoryGuardStore();
    const guard = memoryGuard({ limits }, store);
    const role = { key: 'role#developers', revision: 0, name: 'developers', revoke: [], accounts: 0 } as const;
    const ofRole = (revocations: number): Removal => ({ ...role, revocations });
    expect(await guard.admit(ofRole(3))).toMatchObject({ admitted: false });
    const [removal] = store.removals.values();
    if (removal) await store.writeRemoval({ ...removal, version: removal.version + 1, outcome: 'approved' });
    await store.replace(store.kept().version, { ...store.kept().state, tripped: undefined });
    expect(await guard.admitRun([ofRole(1)])).toMatchObject({ admitted: true });
    expect(await guard.admit(ofRole(3))).toMatchObject({ admitted: true });
    expect(await guard.admit(ofRole(4))).toMatchObject({ admitted: false });
  });
});

test('invariant 6: WHEN the run that deletes an account ends at any call, and the next is done THEN the guard hears of all that went', async () => {
  for (let kill = 4; ; kill += 1) {
    const { sync, held } = await holding({ now: admitted });
    sync.wish(2, { state: 'deleted' });
    held.length = 0;
    const isKilled = await sync.run(2, killedAfter(kill)).then(
      () => false,
      (error: unknown) => error instanceof Killed,
    );
    // What is written down is counted no more.
    if (!isKilled || sync.made()?.revision === 2) break;
    await sync.run(2);
    expect(held, String(kill)).toEqual([{ memberships: -2, accounts: -1 }]);
  }
});
