/** Whatever is wished, interrupted and changed behind our back in whichever order: it ends as is wished. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DriftKind } from '../../handlers/events/catalogue.ts';
import { isEmpty } from '../../handlers/roles/plan.ts';
import { guidOf } from '../directory/rows.ts';
import { Killed, killedAfter } from '../platform/watched-calls.ts';
import { ada, administrator, readOnly, renamed, type Wish } from './desired.ts';
import { type MemoryTargetWorld, memoryTargetWorld } from './memory-target.ts';
import { driftMessage, messageOf, syncing } from './syncing.ts';

const roleNames = ['developers', 'auditors', 'team-blue'];
const assignments = { developers: [readOnly, administrator] };

type Step =
  | { readonly do: 'wish'; readonly wish: Wish }
  | { readonly do: 'run'; readonly kill: number | undefined }
  | { readonly do: 'late'; readonly revision: number }
  | {
      readonly do: 'drift';
      readonly drift: 'activate' | 'deactivate' | 'leave' | 'join' | 'rename' | 'delete' | 'delete role';
      readonly role: string;
    }
  | { readonly do: 'reconcile'; readonly kill: number | undefined };

const kill = fc.option(fc.integer({ min: 1, max: 25 }), { nil: undefined });
const anyWish: fc.Arbitrary<Wish> = fc.record({
  roles: fc.subarray(roleNames),
  state: fc.constantFrom('active', 'active', 'disabled', 'deleted'),
  profile: fc.constantFrom(ada, renamed),
  assignments: fc.subarray([readOnly, administrator], { minLength: 1 }).map((developers) => ({ developers })),
});
const lastWish = anyWish.map((wish): Wish => ({ ...wish, assignments }));
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wish' as const), wish: anyWish }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('run' as const), kill }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('late' as const), revision: fc.integer({ min: 0, max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('drift' as const),
      drift: fc.constantFrom('activate', 'deactivate', 'leave', 'join', 'rename', 'delete', 'delete role'),
      role: fc.constantFrom(...roleNames),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconcile' as const), kill }) },
);

const allKinds: DriftKind[] = [
  'membership-missing',
  'membership-extra',
  'account-missing',
  'account-changed',
  'account-inactive',
  'account-active',
];

async function disturb(world: MemoryTargetWorld, { drift, role }: Extract<Step, { do: 'drift' }>): Promise<void> {
  const { accounts, roles } = await world.look();
  const [account] = accounts;
  // One that an interrupted run left without its mark is none of ours yet.
  const roleId = roles.find(({ name, marked }) => name === role && marked)?.id;
  if (drift === 'delete role' && roleId) await world.removeRole(roleId);
  if (account?.mark === undefined) return;
  if (drift === 'delete') await world.removeAccount(account.id);
  else if (drift === 'rename')
    await world.target().updateAccount(account.id, account.profile, { ...account.profile, displayName: 'Somebody' });
  else if (drift === 'activate' || drift === 'deactivate') await world.setActive(account.id, drift === 'activate');
  else if (roleId && drift === 'leave') await world.removeMember(roleId, account.id);
  else if (roleId && drift === 'join') await world.addMember(roleId, account.id);
}

test('invariants 3 to 8: WHEN wishes, interrupted runs and drift come in any order THEN the target ends as the last wish says, with nothing left to do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 12 }), lastWish, async (steps, last) => {
      // GIVEN any sequence
      const world = memoryTargetWorld();
      const sync = syncing(world);
      let revision = 1;
      let runs = 0;
      const reconciled = () => {
        runs += 1;
        return driftMessage(revision, { run: `run ${runs}`, kinds: allKinds }, roleNames);
      };
      const handled = async (body: string, last: number | undefined) => {
        try {
          await sync.send(body, last === undefined ? {} : killedAfter(last));
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
        }
      };
      sync.wish(revision, { roles: ['developers', 'auditors'], assignments });
      for (const step of steps) {
        if (step.do === 'wish') {
          revision += 1;
          sync.wish(revision, step.wish);
        } else if (step.do === 'run') await handled(messageOf(revision), step.kill);
        else if (step.do === 'late') await handled(messageOf(step.revision), undefined);
        else if (step.do === 'drift') await disturb(world, step);
        else await handled(reconciled(), step.kill);
      }
      // WHEN the last decision's message comes, and reconcile has looked
      revision += 1;
      sync.wish(revision, last);
      await sync.run(revision);
      await sync.send(reconciled());
      // THEN
      const { accounts, roles } = await world.look();
      const due = last.state === 'active' ? [...(last.roles ?? [])].sort() : [];
      expect(accounts.length).toBeLessThanOrEqual(1);
      if (due.length > 0) expect(accounts).toHaveLength(1);
      for (const account of accounts) {
        expect(account).toMatchObject({ mark: guidOf(1), roles: due });
        expect(last.state).not.toBe('deleted');
        expect(account.active).toBe(last.state === 'active' ? undefined : false);
        if (due.length > 0) expect(account.profile).toEqual(last.profile);
      }
      expect(new Set(roles.map(({ name }) => name)).size).toBe(roles.length);
      const developers = roles.find(({ name }) => name === 'developers');
      if (due.includes('developers')) expect(await world.assignments.look(developers?.id ?? '')).toHaveLength(2);
      if (last.state === 'active') expect(await world.sessions?.look()).toEqual([]);
      expect(isEmpty(sync.planLeft())).toBe(true);
      const before = sync.published.length;
      expect(await sync.run(revision)).toBe(0);
      expect(sync.published).toHaveLength(before);
    }),
    { numRuns: 300 },
  );
}, 60_000);
