/** The end of all access: what is taken away in which order, how it is proven, and how it comes back. */
import { describe, expect, test } from 'vitest';
import type { EventOf } from '../../handlers/events/identity-event.ts';
import { type Target, TargetConflictError } from '../../handlers/roles/target.ts';
import { Killed, killedAfter } from '../platform/watched-calls.ts';
import { ada, administrator, readOnly, renamed, type Wish } from './desired.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { type Settings, syncing } from './syncing.ts';
import type { Offer, TargetWorld } from './target-world.ts';

const holding: Wish = { roles: ['developers', 'auditors'], assignments: { developers: [readOnly, administrator] } };

/** Ada holds roles that bring access to AWS accounts, and the next wish is due. */
async function prepared(wish: Wish, settings: Partial<Settings> = {}, offers?: readonly Offer[]) {
  const world = memoryTargetWorld(offers ? { offers } : {});
  const sync = syncing(world, settings);
  sync.wish(1, offers?.includes('assignments') === false ? { ...holding, assignments: {} } : holding);
  await sync.run();
  const [account] = (await world.look()).accounts;
  sync.published.length = 0;
  sync.wish(2, wish);
  return { world, sync, id: account?.id ?? '' };
}

type Sync = Awaited<ReturnType<typeof prepared>>['sync'];
const isEvidence = (event: Sync['published'][number]): event is EventOf<'AccessEnded'> => event.type === 'AccessEnded';
/** Each once: a repeat carries the same id. */
const evidenceOf = ({ published }: Sync) => [...new Map(published.filter(isEvidence).map((event) => [event.id, event])).values()];
const stepsOf = (sync: Sync) => evidenceOf(sync)[0]?.change.steps.map(({ step }) => step);

test.each(['disabled', 'expired', 'outOfScope'] as const)(
  'invariant 8: WHEN a person is %s THEN roles end first, then sessions, then the account is deactivated, and all of it is proven',
  async (state) => {
    const { world, sync, id } = await prepared({ state });
    await sync.run(2);
    expect(await world.look()).toMatchObject({ accounts: [{ id, active: false, roles: [] }] });
    expect(sync.told()).toEqual(['RoleRevoked developers', 'RoleRevoked auditors', 'AccountDeactivated', 'AccessEnded']);
    expect((await world.sessions?.look())?.map((one) => one.permissionSet).sort()).toEqual(['Administrator', 'ReadOnly']);
    const [evidence] = evidenceOf(sync);
    expect(evidence?.change).toMatchObject({ state, account: { id, userName: ada.userName, target: 'identity-center' } });
    expect(evidence?.change.ended.map(({ role }) => role).sort()).toEqual(['auditors', 'developers']);
    expect(stepsOf(sync)).toEqual(['memberships-ended', 'sessions-cut', 'account-deactivated', 'absence-verified']);
    const times = evidence?.change.steps.map(({ at }) => at) ?? [];
    expect(times).toEqual([...times].sort());
    for (const { at } of evidence?.change.steps ?? []) expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
  },
);

test.each([
  ['delete', ['memberships-ended', 'sessions-cut', 'account-deleted', 'absence-verified'], 0],
  ['deactivate', ['memberships-ended', 'sessions-cut', 'account-deactivated', 'absence-verified'], 1],
  ['keep', ['memberships-ended', 'sessions-cut', 'absence-verified'], 1],
] as const)('invariant 8: WHEN a person is deleted and the target is to %s THEN the evidence says so', async (onDeleted, steps, left) => {
  const { world, sync } = await prepared({ state: 'deleted' }, { onDeleted });
  await sync.run(2);
  const { accounts } = await world.look();
  expect(accounts).toHaveLength(left);
  for (const account of accounts) expect(account).toMatchObject({ roles: [], ...(onDeleted === 'deactivate' && { active: false }) });
  expect(stepsOf(sync)).toEqual(steps);
});

test('WHEN a target can neither deactivate nor cut sessions THEN roles end, and the evidence names just that', async () => {
  const { world, sync, id } = await prepared({ state: 'disabled' }, {}, []);
  await sync.run(2);
  expect((await world.look()).accounts).toEqual([{ id, profile: ada, mark: expect.any(String), roles: [] }]);
  expect(stepsOf(sync)).toEqual(['memberships-ended', 'absence-verified']);
});

test('WHEN a disabled person is deleted later THEN the account goes, with evidence of its own', async () => {
  const { world, sync } = await prepared({ state: 'disabled' });
  await sync.run(2);
  sync.wish(3, { state: 'deleted' });
  await sync.run(3);
  expect((await world.look()).accounts).toEqual([]);
  expect(evidenceOf(sync).map(({ change }) => [change.state, change.ended.length])).toEqual([
    ['disabled', 2],
    ['deleted', 0],
  ]);
  sync.wish(4, { state: 'outOfScope' });
  await sync.run(4);
  expect(evidenceOf(sync)).toHaveLength(2);
});

describe('invariant 8: a run that ends after any of its calls', () => {
  const ends: Record<string, readonly [Wish, Partial<Settings>]> = {
    'a disabled person': [{ state: 'disabled' }, {}],
    'a disabled person who was renamed': [{ state: 'disabled', profile: renamed }, {}],
    'a deleted person': [{ state: 'deleted' }, {}],
    'a deleted person whose account stays': [{ state: 'deleted' }, { onDeleted: 'keep' }],
  };
  const runKilled = async (run: Promise<unknown>) => {
    try {
      await run;
      return false;
    } catch (error) {
      if (error instanceof Killed) return true;
      throw error;
    }
  };

  test.each(Object.entries(ends))(
    'WHEN the message of %s comes again THEN the evidence is there once and no access is left',
    async (_, [wish, settings]) => {
      for (let kill = 1; ; kill += 1) {
        const { world, sync, id } = await prepared(wish, settings);
        const killed = await runKilled(sync.run(2, killedAfter(kill)));
        if (killed) await sync.run(2);
        const when = `killed after call ${kill}`;
        const evidence = evidenceOf(sync);
        expect(evidence, when).toHaveLength(1);
        expect(evidence[0]?.change.ended.map(({ role }) => role).sort(), when).toEqual(['auditors', 'developers']);
        expect(evidence[0]?.change.account.id, when).toBe(id);
        expect(evidence[0]?.change.steps.at(-1)?.step, when).toBe('absence-verified');
        for (const account of (await world.look()).accounts) expect(account.roles, when).toEqual([]);
        expect((await world.sessions?.look())?.length, when).toBe(2);
        const told = sync.told();
        for (const role of ['developers', 'auditors'])
          expect(
            told.filter((one) => one === `RoleRevoked ${role}`),
            when,
          ).toHaveLength(1);
        expect(sync.made()?.ending, when).toBeUndefined();
        if (!killed) return;
        expect(kill).toBeLessThan(60);
      }
    },
  );

  test('WHEN the person is back before the message comes again THEN all access is back under the same id, and no session is held off', async () => {
    for (let kill = 1; ; kill += 1) {
      const { world, sync, id } = await prepared({ state: 'disabled' });
      const killed = await runKilled(sync.run(2, killedAfter(kill)));
      const between = (await world.look()).accounts[0];
      sync.wish(3, { ...holding, profile: renamed });
      await sync.run(3);
      const when = `killed after call ${kill}`;
      expect((await world.look()).accounts, when).toMatchObject([{ id, roles: ['auditors', 'developers'], profile: renamed }]);
      expect((await world.look()).accounts[0]?.active, when).toBeUndefined();
      expect(await world.sessions?.look(), when).toEqual([]);
      if (between?.active === false)
        expect(sync.told(), when).toEqual(expect.arrayContaining(['AccountDeactivated', 'AccountReactivated']));
      expect(sync.made(), when).toMatchObject({ revision: 3 });
      for (const note of ['ending', 'cut', 'activating'] as const) expect(sync.made()?.[note], when).toBeUndefined();
      if (!killed) return;
    }
  });
});

test('invariant 4: WHEN a person is enabled again THEN the account is the same, active, and holds what mappings say now', async () => {
  const { world, sync, id } = await prepared({ state: 'disabled' });
  await sync.run(2);
  sync.wish(3, { roles: ['auditors'], profile: renamed });
  await sync.run(3);
  expect((await world.look()).accounts).toEqual([{ id, profile: renamed, mark: expect.any(String), roles: ['auditors'] }]);
  expect(await world.sessions?.look()).toEqual([]);
  expect(sync.told().slice(4)).toEqual(['AccountReactivated', 'AccountUpdated', 'RoleGranted auditors']);
});

test('WHEN the last cut session would have ended by itself THEN the next message lets go of it, the person stays out', async () => {
  let clock = Date.now();
  const { world, sync, id } = await prepared({ state: 'disabled' }, { now: () => new Date(clock) });
  await sync.run(2);
  await sync.run(2);
  expect(await world.sessions?.look()).toHaveLength(2);
  clock += 24 * 3_600_000;
  await sync.run(2);
  expect(await world.sessions?.look()).toEqual([]);
  expect((await world.look()).accounts).toMatchObject([{ id, active: false, roles: [] }]);
  expect(evidenceOf(sync)).toHaveLength(1);
});

describe('a target that does not do what it says', () => {
  /** The world with a port of which some calls are replaced. */
  const lying = (world: TargetWorld, lies: (target: Target) => Partial<Target>): TargetWorld => ({
    ...world,
    target: (pace) => {
      const target = world.target(pace);
      return { ...target, ...lies(target) };
    },
  });

  test.each<[string, (target: Target) => Partial<Target>]>([
    ['keeps the membership', () => ({ removeMember: async () => {} })],
    ['keeps the account active', () => ({ setActive: async () => {} })],
  ])('invariant 8: fails while it %s, and tells no evidence; after it is mended there is', async (_, lies) => {
    const world = memoryTargetWorld();
    const sync = syncing(world);
    sync.wish(1, holding);
    await sync.run();
    sync.wish(2, { state: 'disabled' });
    const liar = syncing(lying(world, lies));
    for (const [key, item] of sync.ledger.items) liar.ledger.items.set(key, item);
    liar.wish(2, { state: 'disabled' });
    await expect(liar.run(2)).rejects.toThrow(TargetConflictError);
    expect(liar.told()).not.toContain('AccessEnded');
    expect(liar.told()).toContain('RoleChangeFailed');
    expect(liar.made()?.revision).toBe(1);
    // AND the target is mended
    for (const [key, item] of liar.ledger.items) sync.ledger.items.set(key, item);
    await sync.run(2);
    expect(evidenceOf(sync)).toHaveLength(1);
    expect((await world.look()).accounts).toMatchObject([{ active: false, roles: [] }]);
  });
});

test('GIVEN somebody deleted the account WHEN the person is disabled THEN the evidence says that nothing is there', async () => {
  const { world, sync, id } = await prepared({ state: 'disabled' });
  await world.removeAccount(id);
  await sync.run(2);
  expect((await world.look()).accounts).toEqual([]);
  expect(evidenceOf(sync).map(({ change }) => change.account.id)).toEqual([id]);
  expect(sync.made()).toMatchObject({ revision: 2, memberships: {} });
});

describe('invariant 8: a person who loses roles first, and is disabled a moment later', () => {
  const offers = ['assignments', 'sessions'] as const;

  test('WHEN either run ends after any of its calls THEN sessions of the roles of before are cut, and that is proven', async () => {
    for (const interrupted of [2, 3]) {
      for (let kill = 1, killed = true; killed; kill += 1) {
        const { world, sync, id } = await prepared({}, {}, offers);
        killed = false;
        for (const revision of [2, 3]) {
          if (revision === 3) sync.wish(3, { state: 'disabled' });
          if (revision === interrupted) {
            killed = await sync.run(revision, killedAfter(kill)).then(
              () => false,
              (error: unknown) => error instanceof Killed,
            );
          }
          // What ended in the dead-letter queue does not come again.
          if (revision === 3 || revision !== interrupted) await sync.run(revision);
        }
        const when = `run ${interrupted} killed after call ${kill}`;
        expect(await world.sessions?.look(), when).toHaveLength(2);
        expect(evidenceOf(sync), when).toHaveLength(1);
        expect(evidenceOf(sync)[0]?.change, when).toMatchObject({ account: { id }, state: 'disabled' });
        expect(stepsOf(sync), when).toContain('sessions-cut');
      }
    }
  });

  test('WHEN longer than the longest session lies between THEN nothing is left to cut', async () => {
    let clock = Date.now();
    const { world, sync } = await prepared({}, { now: () => new Date(clock) }, offers);
    await sync.run(2);
    clock += 13 * 3_600_000;
    sync.wish(3, { state: 'disabled' });
    await sync.run(3);
    expect(await world.sessions?.look()).toEqual([]);
    expect(sync.made()?.lapsed).toBeUndefined();
  });
});
