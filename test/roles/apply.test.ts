/** A run may end after any call: each step of it, at every target, is taken up again and told of. */
import { afterAll, describe, expect, test } from 'vitest';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { guidOf } from '../directory/rows.ts';
import { Killed, killedAfter } from '../platform/watched-calls.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { ada, renamed, type Wish } from './desired.ts';
import { identityCenterWorld } from './identity-center-world.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { nameOf, syncing } from './syncing.ts';
import type { TargetWorld } from './target-world.ts';

const endpoint = await endpointForTests();
const center = identityCenterWorld(endpoint);

afterAll(() => center.close());

const nobody: Wish = { state: 'deleted' };
const disabled: Wish = { state: 'disabled' };
const developer: Wish = { roles: ['developers'] };
const auditor: Wish = { roles: ['auditors'], profile: renamed };
const both: Wish = { roles: ['developers', 'auditors'] };
const steps: Record<string, readonly [given: Wish | undefined, wish: Wish]> = {
  'a first role': [undefined, developer],
  'two first roles': [undefined, both],
  'one more role': [developer, both],
  'another role under another name': [developer, auditor],
  'a disabled person': [both, disabled],
  'a deleted person': [both, nobody],
  'a person who comes back': [nobody, both],
  'a person who is enabled': [disabled, auditor],
};
const rolesOf = (wish: Wish): string[] => (wish.state ? [] : [...(wish.roles ?? [])].sort());

/** A world with the first wish made so, and the second due. */
async function prepared(world: TargetWorld, given: Wish | undefined, wish: Wish) {
  await world.clear();
  const sync = syncing(world);
  let revision = 1;
  for (const before of given === undefined ? [] : given.state ? [developer, given] : [given]) {
    sync.wish(revision, before);
    await sync.run(revision);
    revision += 1;
  }
  sync.published.length = 0;
  sync.wish(revision, wish);
  return { sync, revision };
}

type Prepared = Awaited<ReturnType<typeof prepared>>;
const isKilled = async ({ sync, revision }: Prepared, kill: number): Promise<boolean> => {
  try {
    await sync.run(revision, killedAfter(kill));
    return false;
  } catch (error) {
    if (error instanceof Killed) return true;
    throw error;
  }
};

async function expectDone(world: TargetWorld, { sync }: Prepared, wish: Wish, when: string): Promise<void> {
  const { accounts, roles } = await world.look();
  const gone = wish.state === 'deleted';
  if (gone || rolesOf(wish).length > 0) expect(accounts, when).toHaveLength(gone ? 0 : 1);
  for (const account of accounts) {
    expect(account, when).toMatchObject({ mark: guidOf(1), roles: rolesOf(wish) });
    if (rolesOf(wish).length > 0) expect(account.profile, when).toEqual(wish.profile ?? ada);
  }
  const wanted = rolesOf(wish);
  // A role that an interrupted run left without its mark stays as it is until somebody is to hold it.
  expect(
    roles.filter(({ name, marked }) => wanted.includes(name) && !marked),
    when,
  ).toEqual([]);
  expect(new Set(roles.map(({ name }) => name)).size, when).toBe(roles.length);
  const left = sync.planLeft();
  expect([left.revoke, left.grant], when).toEqual([[], []]);
  expect(['keep', 'none'], when).toContain(left.account);
}

/** What was told, each id once: a second id for one thing would be a second one. */
const told = ({ published }: { readonly published: readonly AnyIdentityEvent[] }): readonly string[] =>
  [...new Map(published.map((event) => [event.id, event])).values()]
    .map((event) => (event.type === 'RoleProvisioned' ? `${event.type} ${event.change.role}` : nameOf(event)))
    .sort();

/** Ends a run after each of its calls in turn, and lets the message come again. */
async function killedEverywhere(world: TargetWorld, given: Wish | undefined, wish: Wish): Promise<number> {
  const calm = await prepared(world, given, wish);
  await calm.sync.run(calm.revision);
  const expected = told(calm.sync);
  for (let kill = 1; ; kill += 1) {
    const again = await prepared(world, given, wish);
    const killed = await isKilled(again, kill);
    if (killed) await again.sync.run(again.revision);
    await expectDone(world, again, wish, `killed after call ${kill}`);
    expect(told(again.sync), `killed after call ${kill}`).toEqual(expected);
    if (!killed) return kill;
  }
}

describe('a run that ends after any of its calls', () => {
  test.each(Object.entries(steps))(
    'WHEN the message of %s comes again THEN all is right and told at least once, under the same ids',
    async (_, [given, wish]) => {
      expect(await killedEverywhere(memoryTargetWorld(), given, wish)).toBeGreaterThan(5);
    },
  );

  test.each(
    Object.entries(steps).filter(([name]) => ['a first role', 'another role under another name', 'a deleted person'].includes(name)),
  )('at IAM Identity Center WHEN the message of %s comes again THEN all is right and told', async (_, [given, wish]) => {
    expect(await killedEverywhere(center, given, wish)).toBeGreaterThan(5);
  });

  test('invariant 4: WHEN it ends twice in a row, anywhere, THEN there is still one account', async () => {
    const world = memoryTargetWorld();
    for (let first = 1; first <= 16; first += 1) {
      for (let second = 1; second <= 16; second += 1) {
        const start = await prepared(world, undefined, both);
        if ((await isKilled(start, first)) && (await isKilled(start, second))) await start.sync.run(start.revision);
        await expectDone(world, start, both, `killed after calls ${first} and ${second}`);
      }
    }
  });

  const next: Record<string, Wish> = { developer, auditor, both, disabled, nobody };
  test.each(Object.entries(steps))(
    'invariants 5 and 11: GIVEN %s WHEN the next decision is another one THEN nothing of the interrupted run is left or untold',
    async (_, [given, wish]) => {
      const world = memoryTargetWorld();
      for (const [name, after] of Object.entries(next)) {
        for (let kill = 1; ; kill += 1) {
          // GIVEN a run that ended after this call
          const start = await prepared(world, given, wish);
          const [before] = (await world.look()).accounts;
          const killed = await isKilled(start, kill);
          const [between] = (await world.look()).accounts;
          const told = start.sync.published.length;
          // WHEN a later decision is made so instead of the message's own
          start.sync.wish(start.revision + 1, after);
          await start.sync.run(start.revision + 1);
          // THEN
          const when = `${name}, killed after call ${kill}`;
          await expectDone(world, start, after, when);
          const events = start.sync.published.map(nameOf);
          const later = start.sync.published.slice(told).map(nameOf);
          const [end] = (await world.look()).accounts;
          for (const role of ['developers', 'auditors']) {
            const [was, made, is] = [before, between, end].map((account) => account?.roles.includes(role) ?? false);
            if (made && !is) expect(later, when).toContain(`RoleRevoked ${role}`);
            if (was && !is) expect(events, when).toContain(`RoleRevoked ${role}`);
            if (!was && is) expect(events, when).toContain(`RoleGranted ${role}`);
          }
          if ((before ?? between) && (!end || !between)) expect(events, when).toContain('AccountDeprovisioned');
          if (!before && end) expect(events, when).toContain('AccountProvisioned');
          if (before && between && end) expect(end.id, when).toBe(before.id);
          if (!killed) break;
        }
      }
    },
  );
});

test('invariant 5: GIVEN an answer that was lost WHEN the call is made again THEN it is no conflict and no second account', async () => {
  const { sync, revision } = await prepared(center, undefined, developer);
  for (const operation of ['CreateUser', 'CreateGroup', 'CreateGroupMembership']) {
    endpoint.inject({ match: (call) => call.operation === operation, effect: { loseResponse: true } });
  }
  await sync.run(revision);
  const { accounts, roles } = await center.look();
  expect(accounts).toMatchObject([{ mark: guidOf(1), roles: ['developers'] }]);
  expect(roles).toMatchObject([{ name: 'developers', marked: true }]);
  expect(sync.published.map(nameOf)).toEqual(['AccountProvisioned', 'RoleProvisioned', 'RoleGranted developers']);
});
