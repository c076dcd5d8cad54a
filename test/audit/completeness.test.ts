/** Invariant 11: number and content of the records equal the account that the target's own server keeps: none missing, none double. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { completeness } from '../../sandbox/audit-completeness.ts';
import { startScimServer } from '../../sandbox/scim-server.ts';
import { changeLines } from '../../sandbox/target-changes.ts';
import { administrator, readOnly } from '../roles/desired.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { played, type Step, sequences, type WatchedTarget, watchedIdentityCenter, watchedScim } from './whole-trail.ts';

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
    120_000,
  );
});

test('GIVEN a run that ends while it makes assignments WHEN its role is taken back before the next THEN what it made has its records', async () => {
  const profile = { userName: 'user3@corp.example.com', displayName: 'Ada 3', givenName: 'Ada', familyName: 'Example 3' };
  const assignments = { developers: [readOnly, administrator] };
  const decide = (roles: readonly string[]): Step => ({ do: 'decide', who: 3, wish: { roles, state: 'active', profile, assignments } });
  for (let kill = 14; kill <= 22; kill += 1) {
    const steps: readonly Step[] = [decide(['developers']), { do: 'step', kill }, decide([])];
    const found = await played(center, steps, { repeats: [1], kills: [], perBatch: 10 });
    expect(found, String(kill)).toEqual({ changes: found.changes, records: found.changes, missing: [], surplus: [] });
  }
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
