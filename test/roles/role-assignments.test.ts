/** Access to AWS accounts that roles bring: asked for once, followed to its end, told once. */
import { describe, expect, test } from 'vitest';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { type Assignments, TargetConflictError } from '../../handlers/roles/target.ts';
import { Killed, killedAfter } from '../platform/watched-calls.ts';
import { administrator, readOnly, type Wish } from './desired.ts';
import { type MemoryTargetWorld, memoryTargetWorld } from './memory-target.ts';
import { type Settings, syncing } from './syncing.ts';
import type { Pace } from './target-world.ts';

const wish: Wish = { roles: ['developers'], assignments: { developers: [readOnly, administrator] } };
const assigned = async (world: MemoryTargetWorld, role = 'developers') => {
  const id = (await world.look()).roles.find(({ name }) => name === role)?.id ?? '';
  return (await world.assignments.look(id)).map(({ permissionSet }) => permissionSet).sort();
};

/** The world with other assignments, whose calls are counted. */
function changed(world: MemoryTargetWorld, change: (assignments: Assignments) => Partial<Assignments>): MemoryTargetWorld {
  return {
    ...world,
    target(pace?: Pace) {
      const target = world.target(pace);
      const { assignments } = target;
      return assignments ? { ...target, assignments: { ...assignments, ...change(assignments) } } : target;
    },
  };
}

function started(world = memoryTargetWorld(), settings: Partial<Settings> = {}) {
  const sync = syncing(world, settings);
  sync.wish(1, wish);
  return { world, sync };
}

test('invariant 8: WHEN a role brings access THEN it is told as assigned when the target says so, and not asked about again', async () => {
  const { world, sync } = started();
  await sync.run();
  expect(await assigned(world)).toEqual(['Administrator', 'ReadOnly']);
  expect(sync.told()).toEqual([
    'AccountProvisioned',
    'RoleGranted developers',
    'RoleAssigned developers ReadOnly',
    'RoleAssigned developers Administrator',
  ]);
  expect(Object.values(sync.madeRole('developers')?.assignments ?? {}).map(({ state }) => state)).toEqual(['made', 'made']);
  expect(sync.waits.length).toBeGreaterThan(0);
});

test('GIVEN a role with all it brings WHEN the next person gets it THEN that costs one call, and a plain revocation two', async () => {
  const { sync } = started();
  await sync.run();
  sync.wish(2, { ...wish, roles: [] });
  expect(await sync.run(2)).toBe(2);
  sync.wish(3, wish);
  expect(await sync.run(3)).toBe(1);
  expect(sync.told().slice(4)).toEqual(['RoleRevoked developers', 'RoleGranted developers']);
});

test('WHEN a role comes to bring more THEN only that is asked for, and the membership stays', async () => {
  const { world, sync } = started();
  sync.wish(1, { ...wish, assignments: { developers: [readOnly] } });
  await sync.run();
  sync.wish(2, wish);
  await sync.run(2);
  expect(await assigned(world)).toEqual(['Administrator', 'ReadOnly']);
  expect(sync.told().slice(3)).toEqual(['RoleAssigned developers Administrator']);
});

test('WHEN an assignment fails THEN the reason is told, the others are made, and the next run asks anew', async () => {
  const { world, sync } = started();
  for (let time = 0; time < 3; time += 1) world.assignments.failNext('the account is suspended');
  // Both fail in the first attempt, one in the second.
  await sync.run();
  expect(await assigned(world)).toEqual(['Administrator', 'ReadOnly']);
  expect(sync.logged.filter((code) => code === 'ROLES_TRIED_AGAIN')).toHaveLength(2);

  const failing = started(memoryTargetWorld());
  for (let time = 0; time < 6; time += 1) failing.world.assignments.failNext('the account is suspended');
  await expect(failing.sync.run()).rejects.toThrow(TargetConflictError);
  expect(failing.sync.told()).toContain('RoleChangeFailed');
  const failure = failing.sync.published.find(({ type }) => type === 'RoleChangeFailed');
  expect(failure?.change).toMatchObject({
    reason: expect.stringContaining('the account is suspended'),
    remedy: expect.stringMatching(/\S/),
  });
  expect((await failing.world.look()).accounts).toMatchObject([{ roles: ['developers'] }]);
  await failing.sync.run();
  expect(await assigned(failing.world)).toEqual(['Administrator', 'ReadOnly']);
});

test('fails, told, for an account that is none of the target', async () => {
  const { sync } = started();
  sync.wish(1, { ...wish, assignments: { developers: [{ ...readOnly, account: '999988887777' }, administrator] } });
  await expect(sync.run()).rejects.toThrow(TargetConflictError);
  expect(sync.told()).toEqual([
    'AccountProvisioned',
    'RoleGranted developers',
    'RoleAssigned developers Administrator',
    'RoleChangeFailed',
  ]);
});

test('fails, told, at a target whose roles bring nothing', async () => {
  const { sync } = started(memoryTargetWorld({ offers: ['setActive'] }));
  await expect(sync.run()).rejects.toThrow(TargetConflictError);
  expect(sync.told()).toEqual(['AccountProvisioned', 'RoleGranted developers', 'RoleChangeFailed']);
});

describe('what is still under way when the time is over', () => {
  test('WHEN the message comes again THEN the noted request is asked about, and nothing is asked for anew', async () => {
    const [created, asked]: [string[], string[]] = [[], []];
    let slow = true;
    const world = changed(memoryTargetWorld(), (assignments) => ({
      async create(roleId, assignment) {
        created.push(assignment.permissionSet);
        return await assignments.create(roleId, assignment);
      },
      async state(request, kind) {
        asked.push(request);
        return slow ? { state: 'under-way' } : await assignments.state(request, kind);
      },
    }));
    let left = 60_000;
    const { sync } = started(world, { millisecondsLeft: () => (left -= 2_000) });
    await expect(sync.run()).rejects.toThrow(RetryableError);
    // The access is not complete, but whom it is for is a member by now; nobody calls that a failure.
    expect(sync.told()).toEqual(['AccountProvisioned', 'RoleGranted developers']);
    expect((await world.look()).accounts).toMatchObject([{ roles: ['developers'] }]);
    const first = new Set(asked);
    expect(sync.made()?.revision).toBe(0);

    slow = false;
    left = 60_000;
    asked.length = 0;
    await sync.run();
    expect(created).toEqual(['ReadOnly', 'Administrator']);
    expect(new Set(asked)).toEqual(first);
    expect(await assigned(world)).toEqual(['Administrator', 'ReadOnly']);
    expect(sync.told().slice(2)).toEqual(['RoleAssigned developers ReadOnly', 'RoleAssigned developers Administrator']);
  });

  test('GIVEN more assignments than are asked for at a time THEN all are made', async () => {
    let [open, most] = [0, 0];
    const accounts = Array.from({ length: 25 }, (_, index) => String(111_122_223_000 + index));
    const base = memoryTargetWorld();
    const there = new Set<string>();
    const world = changed(base, () => ({
      async create(_, { account }) {
        open += 1;
        most = Math.max(most, open);
        return account;
      },
      async state(request) {
        open -= 1;
        there.add(request);
        return { state: 'done' };
      },
    }));
    const { sync } = started(world);
    sync.wish(1, {
      roles: ['developers'],
      assignments: { developers: accounts.map((account) => ({ account, permissionSet: 'ReadOnly' })) },
    });
    await sync.run();
    expect(there.size).toBe(25);
    expect(most).toBe(10);
  });
});

test('invariant 8: WHEN a run ends after any of its calls THEN the next one makes all assignments, each told under one id', async () => {
  for (let kill = 1; ; kill += 1) {
    const { world, sync } = started();
    let killed = false;
    try {
      await sync.run(1, killedAfter(kill));
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      killed = true;
    }
    if (killed) await sync.run();
    const when = `killed after call ${kill}`;
    expect(await assigned(world), when).toEqual(['Administrator', 'ReadOnly']);
    const told = sync.told();
    for (const set of ['ReadOnly', 'Administrator'])
      expect(
        told.filter((one) => one === `RoleAssigned developers ${set}`),
        when,
      ).toHaveLength(1);
    expect(sync.planLeft(), when).toMatchObject({ grant: [], assign: [] });
    if (!killed) break;
    expect(kill).toBeLessThan(80);
  }
});

test("GIVEN somebody deleted the role's group WHEN it comes to bring more THEN it is made anew with its member and all it brings", async () => {
  const world = memoryTargetWorld();
  let gone = '';
  const failing = changed(world, (assignments) => ({
    async create(roleId, assignment) {
      if (roleId === gone) throw new (await import('../../handlers/roles/target.ts')).TargetMissingError('role', `group ${roleId} is gone`);
      return await assignments.create(roleId, assignment);
    },
  }));
  const { sync } = started(failing);
  sync.wish(1, { ...wish, assignments: { developers: [readOnly] } });
  await sync.run();
  gone = (await world.look()).roles[0]?.id ?? '';
  await world.removeRole(gone);
  sync.wish(2, wish);
  await sync.run(2);
  expect((await world.look()).accounts).toMatchObject([{ roles: ['developers'] }]);
  expect(await assigned(world)).toEqual(['Administrator', 'ReadOnly']);
});
