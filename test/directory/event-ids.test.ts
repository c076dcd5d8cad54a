/** Ids of events over the life of a row: what consumers tell repetitions by must never come back for something new. */
import { expect, test } from 'vitest';
import { isEdgeRow } from '../../handlers/directory/mirror.ts';
import { memoryMirror } from './memory-mirror.ts';
import { Polls, staff } from './polls.ts';
import { delta, domain, referenceTo, userObject } from './rows.ts';

const dayMs = 24 * 3600_000;

test('invariant 2: WHEN a member comes back after DynamoDB forgot what had expired THEN its event has an id of its own', async () => {
  const polls = new Polls();
  await polls.firstSync();
  const cleo = userObject(3, 'Cleo');
  await polls.told(cleo);
  const join = () => polls.told(delta(staff, { membersAdded: [referenceTo(cleo)] }));
  await join();
  await polls.told(delta(staff, { membersRemoved: [referenceTo(cleo)] }));
  const ids = polls.eventsOf('GroupMemberAdded').map(({ id }) => id);

  polls.time += 200 * dayMs;
  await forgetExpired(polls);
  await join();
  const added = polls.eventsOf('GroupMemberAdded').filter(({ change }) => change.member.guid === cleo.guid);
  expect(added).toHaveLength(1);
  expect(ids).not.toContain(added[0]?.id);
});

/** The table without the rows whose time to live is over; its stream begins anew. */
async function forgetExpired(polls: Polls): Promise<void> {
  const [old, cursor] = [polls.mirror, polls.cursor];
  polls.mirror = memoryMirror(polls.now);
  const seconds = polls.time / 1000;
  const expired = (expiresAt: number | undefined) => expiresAt !== undefined && expiresAt < seconds;
  for (const row of old.all()) {
    if (isEdgeRow(row) && expired(row.expiresAt)) continue;
    // A row begins at revision 1, a table with the first fence.
    for (let revision = 1; revision <= row.revision; revision += 1) await polls.mirror.write([{ ...row, revision, fence: 1 }]);
  }
  polls.mirror.changes.length = 0;
  const lease = await polls.mirror.acquireLease(domain, 'hand', 1_000);
  if (lease === undefined) throw new Error('no lease');
  await polls.mirror.release(domain, lease.fence, { ...cursor, polledAt: polls.now().toISOString() });
}
