/** Invariant 11: number and content of the records equal the account that the target's own server keeps: none missing, none double. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Assignment } from '../../handlers/events/catalogue.ts';
import { completeness } from '../../sandbox/audit-completeness.ts';
import { startScimServer } from '../../sandbox/scim-server.ts';
import { changeLines } from '../../sandbox/target-changes.ts';
import { administrator, readOnly } from '../roles/desired.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { thorough } from '../thorough.ts';
import { played, profileOf, type Step, sequences, type WatchedTarget, watchedIdentityCenter, watchedScim } from './whole-trail.ts';

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
          expect(found).toEqual({ changes: found.changes, records: found.changes, missing: [], surplus: [] });
        }),
        { numRuns: runs },
      );
      // Some sequences change nothing at all: of three or four a run on average, as few as ten have been seen in ten runs.
      expect(changes).toBeGreaterThan(0);
    },
    60_000 + 1000 * runs,
  );
});

describe('GIVEN a run that ends after any of its calls WHEN its role is to bring something else before the next THEN each change has its record', () => {
  const [one, both] = [[readOnly], [readOnly, administrator]];
  const decide = (who: number, roles: readonly string[], developers: readonly Assignment[]): Step => ({
    do: 'decide',
    who,
    wish: { roles, state: 'active', profile: profileOf(who, 'Ada'), assignments: { developers } },
  });
  const hold = (developers: readonly Assignment[], who = 1): readonly Step[] => [decide(who, ['developers'], developers), { do: 'drain' }];
  /** Heals the role, and ends after so many calls. */
  const healed = (kill: number): readonly Step[] => [{ do: 'wait' }, { do: 'reconcile', kill: undefined }, { do: 'step', kill }];

  test.each<[string, number, (kill: number) => readonly Step[]]>([
    [
      'it makes assignments, and its role is taken back',
      14,
      (kill) => [decide(3, ['developers'], both), { do: 'step', kill }, decide(3, [], both)],
    ],
    [
      'it makes assignments, and its role, which others hold, brings fewer',
      4,
      (kill) => [...hold(one), ...hold(one, 3), decide(3, ['developers'], both), { do: 'step', kill }, decide(3, ['developers'], one)],
    ],
    [
      'it removes assignments, and its role brings them again',
      4,
      (kill) => [...hold(both), ...hold(one), ...healed(kill), { do: 'lose' }, decide(1, ['developers'], both)],
    ],
    ['it removes assignments, and nobody comes back to it', 4, (kill) => [...hold(both), ...hold(one), ...healed(kill), { do: 'lose' }]],
    [
      'it removes assignments, and nobody holds its role',
      4,
      (kill) => [...hold(both), ...hold(one), ...healed(kill), { do: 'lose' }, decide(1, [], one)],
    ],
    [
      'it makes what another was removing, and its role brings it no more',
      4,
      (kill) => [
        ...hold(both),
        ...hold(one),
        ...healed(10),
        decide(1, ['developers'], both),
        { do: 'lose' },
        { do: 'step', kill },
        decide(1, ['developers'], one),
      ],
    ],
  ])('%s', async (_, first, steps) => {
    // Before, it has changed nothing yet; after, it has told what it changed.
    for (let kill = first; kill < first + 9; kill += thorough ? 1 : 2) {
      const found = await played(center, steps(kill), { repeats: [1], kills: [], perBatch: 10 });
      expect(found, String(kill)).toEqual({ changes: found.changes, records: found.changes, missing: [], surplus: [] });
    }
  });
});

describe('GIVEN runs that end after any of their calls WHEN an account is made, changed and deleted THEN each change has its record', () => {
  const decide = (state: 'active' | 'disabled' | 'deleted', name = 'Ada'): Step => ({
    do: 'decide',
    who: 1,
    wish: { roles: state === 'active' ? ['auditors'] : [], state, profile: profileOf(1, name) },
  });
  const ended = (kill: number): Step => ({ do: 'step', kill });
  const drain: Step = { do: 'drain' };

  test.each<[string, WatchedTarget]>([
    ['a SCIM server', watchedScim(server)],
    ['IAM Identity Center', center],
  ])('at %s', async (_, target) => {
    const ways: Readonly<Record<string, (one: number, other: number) => readonly Step[]>> = {
      'made and deleted': (one, other) => [decide('active'), ended(one), decide('deleted'), ended(other)],
      'changed and deleted': (one, other) => [
        decide('active'),
        drain,
        decide('active', 'Eve'),
        ended(one),
        decide('deleted'),
        ended(other),
      ],
      'disabled and deleted': (one, other) => [decide('active'), drain, decide('disabled'), ended(one), decide('deleted'), ended(other)],
      'enabled and deleted': (one, other) => [
        ...[decide('active'), drain, decide('disabled'), drain],
        ...[decide('active'), ended(one), decide('deleted'), ended(other)],
      ],
    };
    const wrong: string[] = [];
    for (const [way, steps] of Object.entries(ways)) {
      for (let one = 1; one <= 16; one += 1) {
        for (const other of thorough ? [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] : [8, 10]) {
          const found = await played(target, steps(one, other), { repeats: [1], kills: [], perBatch: 10 });
          if (found.missing.length + found.surplus.length > 0) wrong.push(`${way} ${one} ${other}: ${JSON.stringify(found)}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('GIVEN three runs in a row that end WHEN each wants the opposite of the one before THEN each change has its record', () => {
  const profile = (displayName: string, givenName: string) => ({ ...profileOf(1, 'Ada'), displayName, givenName });
  const decide = (state: 'active' | 'deleted', displayName = 'Ada', givenName = 'Ada'): Step => ({
    do: 'decide',
    who: 1,
    wish: { roles: state === 'active' ? ['auditors'] : [], state, profile: profile(displayName, givenName) },
  });
  const ended = (kill: number): Step => ({ do: 'step', kill });
  const recording = { repeats: [1], kills: [], perBatch: 10 };
  const start: readonly Step[] = [decide('active'), { do: 'drain' }];
  const scim = watchedScim(server);

  test('GIVEN an account that is deleted, needed again and deleted', async () => {
    for (const one of [8, 10]) {
      for (let back = 5; back <= 11; back += 1) {
        for (const last of [9, 12]) {
          const turns = [
            decide('deleted'),
            ended(one),
            decide('active'),
            ended(back),
            { do: 'wait' } as const,
            decide('deleted'),
            ended(last),
          ];
          const found = await played(scim, [...start, ...turns], recording);
          expect(found, `${one} ${back} ${last}`).toMatchObject({ records: found.changes, missing: [], surplus: [] });
        }
      }
    }
  });

  test('GIVEN a profile of which a part is as it was before', async () => {
    for (let other = 5; other <= 8; other += 1) {
      const turns = [decide('active', 'Eve', 'Eve'), ended(5), decide('active', 'Zoe', 'Ada'), ended(other), decide('deleted')];
      const found = await played(scim, [...start, ...turns], recording);
      expect(found, String(other)).toMatchObject({ records: found.changes, missing: [], surplus: [] });
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
