/** Invariant 11: number and content of the records equal the account that the target's own server keeps: none missing, none double. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Assignment } from '../../handlers/events/catalogue.ts';
import { type Completeness, completeness } from '../../sandbox/audit-completeness.ts';
import { startScimServer } from '../../sandbox/scim-server.ts';
import { changeLines } from '../../sandbox/target-changes.ts';
import { administrator, readOnly } from '../roles/desired.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { thorough } from '../thorough.ts';
import {
  decide,
  played,
  profileOf,
  type Recording,
  type Step,
  sequences,
  type WatchedTarget,
  watchedIdentityCenter,
  watchedScim,
} from './whole-trail.ts';

const runs = Number(process.env.COMPLETENESS_RUNS ?? 10);
const server = await startScimServer();
const center = watchedIdentityCenter(await endpointForTests());
afterAll(async () => {
  center.close();
  await server.close();
});

describe('invariant 11: WHEN runs are lost, interrupted, held back and repeated in any order THEN each change has one record, and each record a change', () => {
  test.each<[string, WatchedTarget]>([
    ['a SCIM server', watchedScim(server)],
    ['IAM Identity Center', center],
  ])(
    'at %s',
    async (_, target) => {
      let changes = 0;
      await fc.assert(
        fc.asyncProperty(sequences(target.world.offers.includes('assignments')), async ({ steps, recording }) => {
          const found = await played(target, steps, recording);
          changes += found.changes;
          expect(found).toEqual(complete(found));
        }),
        { numRuns: runs },
      );
      // Some sequences change nothing at all: of three or four a run on average, as few as ten have been seen in ten runs.
      expect(changes).toBeGreaterThan(0);
    },
    60_000 + 1000 * runs,
  );
});

const undisturbed: Recording = { repeats: [1], kills: [], perBatch: 10 };
const drain: Step = { do: 'drain' };
/** The oldest message is handled, and the run ends after so many calls. */
const ended = (kill: number): Step => ({ do: 'step', kill });
const complete = ({ changes }: Completeness): Completeness => ({ changes, records: changes, missing: [], surplus: [] });

describe('GIVEN a run that ends after any of its calls WHEN its role is to bring something else before the next THEN each change has its record', () => {
  const [one, both] = [[readOnly], [readOnly, administrator]];
  const brings = (developers: readonly Assignment[], who = 1): Step => decide({ roles: ['developers'], assignments: { developers } }, who);
  const hold = (developers: readonly Assignment[], who = 1): readonly Step[] => [brings(developers, who), drain];
  const healed = (kill: number): readonly Step[] => [{ do: 'wait' }, { do: 'reconcile', kill: undefined }, ended(kill)];
  const removed = (kill: number): readonly Step[] => [...hold(both), ...hold(one), ...healed(kill), { do: 'lose' }];

  test.each<[string, number, (kill: number) => readonly Step[]]>([
    ['it makes assignments, and its role is taken back', 14, (kill) => [brings(both, 3), ended(kill), decide({}, 3)]],
    [
      'it makes assignments, and its role, which others hold, brings fewer',
      4,
      (kill) => [...hold(one), ...hold(one, 3), brings(both, 3), ended(kill), brings(one, 3)],
    ],
    ['it removes assignments, and its role brings them again', 4, (kill) => [...removed(kill), brings(both)]],
    ['it removes assignments, and nobody comes back to it', 4, removed],
    ['it removes assignments, and nobody holds its role', 4, (kill) => [...removed(kill), decide({})]],
    [
      'it makes what another was removing, and its role brings it no more',
      4,
      (kill) => [...hold(both), ...hold(one), ...healed(10), brings(both), { do: 'lose' }, ended(kill), brings(one)],
    ],
  ])('%s', async (_, first, steps) => {
    // Before, it has changed nothing yet; after, it has told what it changed.
    let most = 0;
    for (let kill = first; kill < first + 9; kill += thorough ? 1 : 2) {
      const found = await played(center, steps(kill), undisturbed);
      expect(found, String(kill)).toEqual(complete(found));
      most = Math.max(most, found.changes);
    }
    // The role, the account, its membership and the end of that are four: some came as far as assignments.
    expect(most).toBeGreaterThan(4);
  });
});

describe('GIVEN runs that end after any of their calls WHEN an account is made, changed and deleted THEN each change has its record', () => {
  const active = decide({ roles: ['auditors'] });
  const changed = decide({ roles: ['auditors'], profile: profileOf(1, 'Eve') });
  const [disabled, deleted] = [decide({ state: 'disabled' }), decide({ state: 'deleted' })];

  test.each<[string, WatchedTarget]>([
    ['a SCIM server', watchedScim(server)],
    ['IAM Identity Center', center],
  ])('at %s', async (_, target) => {
    const ways: Readonly<Record<string, (one: number, other: number) => readonly Step[]>> = {
      'made and deleted': (one, other) => [active, ended(one), deleted, ended(other)],
      'changed and deleted': (one, other) => [active, drain, changed, ended(one), deleted, ended(other)],
      'disabled and deleted': (one, other) => [active, drain, disabled, ended(one), deleted, ended(other)],
      'enabled and deleted': (one, other) => [active, drain, disabled, drain, active, ended(one), deleted, ended(other)],
    };
    const wrong: string[] = [];
    for (const [way, steps] of Object.entries(ways)) {
      for (let one = 1; one <= 16; one += 1) {
        for (const other of thorough ? [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] : [8, 10]) {
          const found = await played(target, steps(one, other), undisturbed);
          if (found.missing.length + found.surplus.length > 0) wrong.push(`${way} ${one} ${other}: ${JSON.stringify(found)}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('GIVEN three runs in a row that end WHEN each wants the opposite of the one before THEN each change has its record', () => {
  const active = (displayName = 'Ada', givenName = 'Ada'): Step =>
    decide({ roles: ['auditors'], profile: { ...profileOf(1, 'Ada'), displayName, givenName } });
  const deleted = decide({ state: 'deleted' });
  const start: readonly Step[] = [active(), drain];
  const scim = watchedScim(server);

  test('GIVEN an account that is deleted, needed again and deleted', async () => {
    for (const one of [8, 10]) {
      for (let back = 5; back <= 11; back += 1) {
        for (const last of [9, 12]) {
          const turns: readonly Step[] = [deleted, ended(one), active(), ended(back), { do: 'wait' }, deleted, ended(last)];
          const found = await played(scim, [...start, ...turns], undisturbed);
          expect(found, `${one} ${back} ${last}`).toEqual(complete(found));
        }
      }
    }
  });

  test('GIVEN a profile of which a part is as it was before', async () => {
    for (let other = 5; other <= 8; other += 1) {
      const turns = [active('Eve', 'Eve'), ended(5), active('Zoe', 'Ada'), ended(other), deleted];
      const found = await played(scim, [...start, ...turns], undisturbed);
      expect(found, String(other)).toEqual(complete(found));
    }
  });
});

describe('the comparison', () => {
  const account = { target: 'wiki', id: 'a-1', userName: 'ada@corp.example.com' };
  const gone = { type: 'AccountDeprovisioned', change: { account } } as const;
  test.each([
    ['a change without a record', [], [changeLines.accountDeleted('a-1')], { missing: ['account a-1 deleted'], surplus: [] }],
    ['a record without a change', [gone], [], { missing: [], surplus: ['account a-1 deleted'] }],
    ['a second record', [gone, gone], [changeLines.accountDeleted('a-1')], { missing: [], surplus: ['account a-1 deleted'] }],
    [
      'other content',
      [{ type: 'AccountUpdated', change: { account, attributes: { title: { before: 'a', after: 'b' } } } } as const],
      [changeLines.accountUpdated('a-1', { title: 'c' })],
      { missing: ['account a-1 updated [["title","c"]]'], surplus: ['account a-1 updated [["title","b"]]'] },
    ],
  ])('finds %s', (_, told, changes, found) => {
    expect(completeness(told, changes)).toMatchObject(found);
  });

  test('GIVEN what somebody changed by hand WHEN it is told THEN it is no record too many, but once', () => {
    const byHand = [changeLines.accountDeleted('a-1')];
    expect(completeness([gone], [], byHand)).toEqual({ changes: 0, records: 0, missing: [], surplus: [] });
    expect(completeness([gone, gone], [], byHand).surplus).toEqual(byHand);
    expect(completeness([], [], byHand).missing).toEqual([]);
  });
});
