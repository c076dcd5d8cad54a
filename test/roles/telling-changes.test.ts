/** Invariant 11: every change at a target and every failed one is told, and what is told is so. */
import { expect, test } from 'vitest';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { syncRoles } from '../../handlers/roles/sync-roles/sync-roles.ts';
import { type Target, TargetConflictError } from '../../handlers/roles/target.ts';
import { Killed } from '../platform/watched-calls.ts';
import { ada, renamed, type Wish } from './desired.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { driftMessage, messageOf, nameOf, syncing } from './syncing.ts';
import type { TargetWorld } from './target-world.ts';

const both: Wish = { roles: ['developers', 'auditors'] };
const endedAt = (call: string) => ({
  before: (_: number, name: string) => {
    if (name === call) throw new Killed(`before ${call}`);
  },
});

test('GIVEN two targets WHEN both do the same for one decision THEN each tells it under ids of its own', async () => {
  const published: AnyIdentityEvent[][] = [];
  for (const name of ['identity-center', 'wiki']) {
    const world = memoryTargetWorld({ name });
    const sync = syncing(world);
    for (const [revision, wish] of ([both, { state: 'disabled' }] as Wish[]).entries()) {
      sync.wish(revision + 1, wish);
      for (const [key, item] of sync.grants.items) {
        const grants = Object.fromEntries(
          Object.entries(item.grants).map(([of, grant]) => [of.replace('identity-center', name), { ...grant, target: name }]),
        );
        sync.grants.items.set(key, { ...item, profiles: { [name]: ada }, grants });
      }
      await syncRoles(sync.dependencies(), messageOf(revision + 1));
    }
    published.push(sync.published);
  }
  const [one = [], other = []] = published;
  expect(one.map(({ type }) => type)).toEqual(other.map(({ type }) => type));
  const ids = new Set(one.map(({ id }) => id));
  expect(other.filter(({ id }) => ids.has(id)).map(({ type }) => type)).toEqual([]);
});

/** The world with a port of which some calls are replaced. */
const lying = (world: TargetWorld, lies: (target: Target) => Partial<Target>): TargetWorld => ({
  ...world,
  target: (pace) => {
    const target = world.target(pace);
    return { ...target, ...lies(target) };
  },
});

test.each<[string, Wish, (target: Target) => Partial<Target>]>([
  ['a membership', { roles: ['auditors'] }, () => ({ removeMember: async () => {} })],
  ['the account', { state: 'disabled' }, () => ({ setActive: async () => {} })],
])('invariant 11: fails when the target keeps %s that is to end, and RoleChangeFailed tells', async (_, wish, lies) => {
  const world = memoryTargetWorld();
  const sync = syncing(world);
  sync.wish(1, both);
  await sync.run();
  const liar = syncing(lying(world, lies));
  for (const [key, item] of sync.ledger.items) liar.ledger.items.set(key, item);
  liar.wish(2, wish);
  await expect(liar.run(2)).rejects.toThrow(TargetConflictError);
  expect(liar.told()).toContain('RoleChangeFailed');
});

test('WHEN a target takes a changed profile and does not keep it THEN it is told as failed, not as healed, and nobody waits behind it', async () => {
  const world = memoryTargetWorld();
  const sync = syncing(lying(world, () => ({ updateAccount: async () => {} })));
  sync.wish(1, both);
  await sync.run();
  const [account] = (await world.look()).accounts;
  await world.target().updateAccount(account?.id ?? '', ada, renamed);
  await sync.send(driftMessage(1, { run: '2025-03-01T11:00:00.000Z', kinds: ['account-changed'] }));
  expect(sync.told()).not.toContain('DriftHealed account-changed');
  expect(sync.told()).toContain('RoleChangeFailed');
});

test('GIVEN an account that an interrupted run deleted WHEN the next one fails before it tells THEN the one after tells', async () => {
  const world = memoryTargetWorld();
  const sync = syncing(world);
  sync.wish(1, both);
  await sync.run();
  sync.published.length = 0;
  sync.wish(2, { state: 'deleted' });
  await expect(sync.run(2, endedAt('publish'))).rejects.toThrow(Killed);
  expect((await world.look()).accounts).toEqual([]);
  // The role's item cannot be read for a moment.
  const failing = (_: number, name: string) => {
    if (name === 'readRole') throw new Error('the table is throttled');
  };
  await expect(sync.run(2, { before: failing })).rejects.toThrow('throttled');
  await sync.run(2);
  expect(sync.told().filter((name) => name !== 'RoleChangeFailed')).toEqual([
    'RoleRevoked developers',
    'RoleRevoked auditors',
    'AccountDeprovisioned',
    'AccessEnded',
  ]);
});

test('GIVEN what an account lost was not told, and somebody deletes it WHEN the run that makes another ends too THEN it is told of the first', async () => {
  const world = memoryTargetWorld();
  const sync = syncing(world);
  sync.wish(1, both);
  await sync.run();
  const first = (await world.look()).accounts[0]?.id ?? '';
  sync.wish(2, { roles: ['auditors'] });
  await expect(sync.run(2, endedAt('publish'))).rejects.toThrow(Killed);
  await world.removeAccount(first);
  sync.wish(3, both);
  const drift = driftMessage(3, { run: '2025-03-01T12:00:00.000Z', kinds: ['account-missing'] });
  await expect(sync.send(drift, endedAt('publish'))).rejects.toThrow(Killed);
  sync.published.length = 0;
  await sync.run(3);
  const second = (await world.look()).accounts[0]?.id;
  const told = sync.published.flatMap((event) => {
    const { account } = event.change as { readonly account?: { readonly id: string } };
    return account ? [[nameOf(event), account.id]] : [];
  });
  expect(told).toEqual([
    ['AccountProvisioned', second],
    ['RoleRevoked developers', first],
    ['RoleRevoked auditors', first],
    ['AccountDeprovisioned', first],
    ['RoleGranted developers', second],
    ['RoleGranted auditors', second],
  ]);
});

test('GIVEN an account that an interrupted run deleted WHEN those that follow make another and fail THEN the first is told by one of them', async () => {
  const world = memoryTargetWorld();
  const sync = syncing(world);
  sync.wish(1, both);
  await sync.run();
  sync.wish(2, { state: 'deleted' });
  await expect(sync.run(2, endedAt('publish'))).rejects.toThrow(Killed);
  sync.published.length = 0;
  await world.unmarkedRole('team-blue');
  sync.wish(3, { roles: ['team-blue'] });
  for (let time = 0; time < 2; time += 1) await expect(sync.run(3)).rejects.toThrow(TargetConflictError);
  expect(sync.published.filter(({ type }) => type === 'AccountDeprovisioned')).toHaveLength(1);
});
