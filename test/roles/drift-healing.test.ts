/** What somebody changed behind our back, healed for one principal after a second look at the target. */
import { describe, expect, test } from 'vitest';
import type { DriftKind } from '../../handlers/events/catalogue.ts';
import { InvalidEventError } from '../../handlers/platform/errors.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { Killed, killedAfter } from '../platform/watched-calls.ts';
import { ada, renamed, type Wish } from './desired.ts';
import { type MemoryTargetWorld, memoryTargetWorld } from './memory-target.ts';
import { driftMessage, syncing } from './syncing.ts';

const both: Wish = { roles: ['developers', 'auditors'] };
const run = '2025-03-01T11:00:00.000Z';

interface Drift {
  readonly given?: Wish;
  /** What somebody does behind our back. */
  readonly change: (world: MemoryTargetWorld, accountId: string, roleId: (name: string) => string) => Promise<unknown>;
  readonly kinds: readonly DriftKind[];
  readonly extraRoles?: string[];
  /** What is told of it besides DriftHealed. */
  readonly told: readonly string[];
}

const drifts: Record<string, Drift> = {
  'a membership that was removed': {
    change: (world, id, roleId) => world.removeMember(roleId('developers'), id),
    kinds: ['membership-missing'],
    told: ['RoleRevoked developers', 'RoleGranted developers'],
  },
  'all memberships that were removed': {
    change: async (world, id, roleId) => {
      for (const role of ['developers', 'auditors']) await world.removeMember(roleId(role), id);
    },
    kinds: ['membership-missing'],
    told: ['RoleGranted auditors', 'RoleGranted developers', 'RoleRevoked auditors', 'RoleRevoked developers'],
  },
  'a membership that was added': {
    given: { roles: ['developers', 'auditors', 'team-blue'] },
    change: async (world, id, roleId) => world.addMember(roleId('team-blue'), id),
    kinds: ['membership-extra'],
    extraRoles: ['team-blue'],
    told: [],
  },
  'an account that was renamed': {
    change: async (world, id) => world.target().updateAccount(id, ada, { ...renamed, email: ada.email }),
    kinds: ['account-changed'],
    told: ['AccountUpdated'],
  },
  'an account that was deactivated': {
    change: async (world, id) => world.setActive(id, false),
    kinds: ['account-inactive'],
    told: ['AccountReactivated'],
  },
  'an account that was deleted': {
    change: async (world, id) => world.removeAccount(id),
    kinds: ['account-missing'],
    told: [
      'AccountDeprovisioned',
      'AccountProvisioned',
      'RoleGranted auditors',
      'RoleGranted developers',
      'RoleRevoked auditors',
      'RoleRevoked developers',
    ],
  },
  'a role that was deleted': {
    change: async (world, _, roleId) => world.removeRole(roleId('developers')),
    kinds: ['membership-missing'],
    told: ['RoleGranted developers', 'RoleRevoked developers'],
  },
  'several at once': {
    change: async (world, id, roleId) => {
      await world.removeMember(roleId('developers'), id);
      await world.setActive(id, false);
    },
    kinds: ['account-inactive', 'membership-missing'],
    told: ['AccountReactivated', 'RoleGranted developers', 'RoleRevoked developers'],
  },
};

/** Ada holds both roles, and then somebody changes something. */
async function drifted({ given, change }: Drift, wish: Wish = both) {
  const world = memoryTargetWorld();
  const sync = syncing(world);
  let revision = 1;
  for (const one of given ? [given, wish] : [wish]) {
    sync.wish(revision, one);
    await sync.run(revision);
    revision += 1;
  }
  revision -= 1;
  const { accounts, roles } = await world.look();
  const id = accounts[0]?.id ?? '';
  const before = new Set(sync.published.map((event) => event.id));
  await change(world, id, (name) => roles.find((role) => role.name === name)?.id ?? '');
  sync.published.length = 0;
  return { world, sync, id, revision, before };
}

const expectHealed = async (world: MemoryTargetWorld, when: string) => {
  const { accounts } = await world.look();
  expect(accounts, when).toMatchObject([{ mark: guidOf(1), profile: ada, roles: ['auditors', 'developers'] }]);
  expect(accounts[0]?.active, when).toBeUndefined();
};

describe('a message about drift', () => {
  test.each(Object.entries(drifts))('WHEN it is about %s THEN that is healed and told once, however often it comes', async (_, drift) => {
    const { world, sync, revision, before } = await drifted(drift);
    const message = driftMessage(revision, { run, kinds: [...drift.kinds] }, drift.extraRoles);
    await sync.send(message);
    await expectHealed(world, 'healed');
    // It is of no new revision, and no repeat of what the revision did.
    for (const { id, type } of sync.published) expect(before.has(id), type).toBe(false);
    const expected = [...drift.told, ...drift.kinds.map((kind) => `DriftHealed ${kind}`)].sort();
    expect(sync.told().sort()).toEqual(expected);
    const healed = sync.published.filter(({ type }) => type === 'DriftHealed');
    for (const event of healed) expect(event).toMatchObject({ subject: { guid: guidOf(1) }, cause: { id: run }, change: { run } });
    await sync.send(message);
    expect(sync.told().sort()).toEqual(expected);
    expect(sync.made()?.drift).toBeUndefined();
    expect(sync.made()?.revision).toBe(revision);
  });

  test.each(Object.entries(drifts))(
    'GIVEN %s WHEN its run ends after any of its calls THEN the next heals it and tells it under the same ids',
    async (_, drift) => {
      for (let kill = 1; ; kill += 1) {
        const { world, sync, revision } = await drifted(drift);
        const message = driftMessage(revision, { run, kinds: [...drift.kinds] }, drift.extraRoles);
        let killed = false;
        try {
          await sync.send(message, killedAfter(kill));
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
          killed = true;
        }
        if (killed) await sync.send(message);
        const when = `killed after call ${kill}`;
        await expectHealed(world, when);
        const told = sync.told();
        for (const kind of drift.kinds)
          expect(
            told.filter((one) => one === `DriftHealed ${kind}`),
            when,
          ).toHaveLength(1);
        for (const one of drift.told) expect(told, when).toContain(one);
        if (!killed) break;
        expect(kill).toBeLessThan(80);
      }
    },
  );

  test('GIVEN nothing differs any more WHEN it comes THEN the target is read, and nothing is written or told', async () => {
    const { sync, revision } = await drifted({ change: async () => {}, kinds: [], told: [] });
    const before = sync.made();
    // The account and each of the two memberships.
    expect(await sync.send(driftMessage(revision, { run, kinds: ['membership-missing', 'account-changed'] }))).toBe(3);
    expect(sync.made()).toEqual(before);
    expect(sync.published).toEqual([]);
    expect(sync.logged.at(-1)).toBe('ROLES_CURRENT');
  });

  test('WHEN a later decision wants something else by now THEN that is made so, and only what differed is called healed', async () => {
    const { world, sync } = await drifted({
      ...drifts['a membership that was removed'],
      change: async (world, id, roleId) => world.removeMember(roleId('developers'), id),
    } as Drift);
    sync.wish(2, { roles: ['auditors', 'team-blue'], profile: renamed });
    await sync.send(driftMessage(1, { run, kinds: ['membership-missing'] }));
    expect((await world.look()).accounts).toMatchObject([{ profile: renamed, roles: ['auditors', 'team-blue'] }]);
    expect(sync.told().sort()).toEqual(['AccountUpdated', 'RoleGranted team-blue', 'RoleRevoked developers']);
    // AND the other way round: both differ
    await world.setActive((await world.look()).accounts[0]?.id ?? '', false);
    sync.wish(3, { roles: ['auditors'], profile: ada });
    await sync.send(driftMessage(2, { run, kinds: ['account-inactive'] }));
    expect(sync.told().filter((one) => one.startsWith('DriftHealed'))).toEqual(['DriftHealed account-inactive']);
  });
});

describe('an account that holds nothing any more', () => {
  const disabled: Wish = { state: 'disabled' };

  test('WHEN somebody activated it THEN it is deactivated again, with evidence', async () => {
    const { world, sync } = await drifted(
      { given: both, change: async (world, id) => world.setActive(id, true), kinds: [], told: [] },
      disabled,
    );
    await sync.send(driftMessage(2, { run, kinds: ['account-active'] }));
    expect((await world.look()).accounts).toMatchObject([{ active: false, roles: [] }]);
    expect(sync.told()).toEqual(['AccountDeactivated', 'AccessEnded', 'DriftHealed account-active']);
  });

  test('WHEN somebody added it to a role THEN it is taken out, and stays deactivated', async () => {
    const { world, sync } = await drifted(
      { given: both, change: async (world, id, roleId) => world.addMember(roleId('developers'), id), kinds: [], told: [] },
      disabled,
    );
    await sync.send(driftMessage(2, { run, kinds: ['membership-extra'] }, ['developers']));
    expect((await world.look()).accounts).toMatchObject([{ active: false, roles: [] }]);
    expect(sync.told()).toEqual(['DriftHealed membership-extra']);
  });

  test('WHEN somebody deleted it THEN none is made', async () => {
    const { world, sync } = await drifted(
      { given: both, change: async (world, id) => world.removeAccount(id), kinds: [], told: [] },
      disabled,
    );
    await sync.send(driftMessage(2, { run, kinds: ['account-active'] }));
    expect((await world.look()).accounts).toEqual([]);
    expect(sync.told()).toEqual(['AccountDeprovisioned']);
    expect(sync.made()?.account).toBeUndefined();
  });
});

describe('invariant 5: what is not ours', () => {
  test('WHEN the account lost our mark THEN nothing of it is touched, a person is told what to do, and nobody waits behind it', async () => {
    const { world, sync, id } = await drifted({
      change: async (world, id, roleId) => {
        await world.removeMarkOf(id);
        await world.removeMember(roleId('developers'), id);
      },
      kinds: [],
      told: [],
    });
    const before = await world.look();
    await sync.send(driftMessage(1, { run, kinds: ['membership-missing'] }));
    expect(await world.look()).toEqual(before);
    expect(sync.published).toMatchObject([
      { type: 'RoleChangeFailed', change: { reason: expect.stringContaining(id), remedy: expect.stringMatching(/\S/) } },
    ]);
  });

  test('WHEN the extra role is not ours THEN the membership stays', async () => {
    const { world, sync } = await drifted({
      change: async (world, id) => world.addMember(await world.unmarkedRole('by-hand'), id),
      kinds: [],
      told: [],
    });
    await sync.send(driftMessage(1, { run, kinds: ['membership-extra'] }, ['by-hand']));
    expect((await world.look()).accounts).toMatchObject([{ roles: ['auditors', 'by-hand', 'developers'] }]);
    expect(sync.published).toEqual([]);
  });
});

describe('invariant 3: an account of ours that no decision is about', () => {
  test.each([
    { kinds: ['account-orphaned', 'membership-extra'] as const, revision: 0 },
    { kinds: ['account-changed'] as const, revision: 1 },
  ])('fails for $kinds, and nothing of the account is touched', async ({ kinds, revision }) => {
    const world = memoryTargetWorld();
    const sync = syncing(world);
    const { id } = await world.target().createAccount({ domain, guid: guidOf(1) }, ada);
    await world.addMember(await world.target().createRole('developers'), id);
    await expect(sync.send(driftMessage(revision, { run, kinds: [...kinds] }, ['developers']))).rejects.toThrow(InvalidEventError);
    await expect(sync.run(1)).rejects.toThrow(InvalidEventError);
    expect((await world.look()).accounts).toMatchObject([{ id, roles: ['developers'] }]);
    // AND when a decision comes after all, it is made so
    sync.wish(1, both);
    await sync.run(1);
    await expectHealed(world, 'decided');
  });
});
