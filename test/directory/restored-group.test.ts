/** A group that the recycle bin gives back: its links come back without being written, and no page tells them. */
import { describe, expect, test } from 'vitest';
import { isEdgeRow } from '../../handlers/directory/mirror.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { delta, tombstone } from './rows.ts';

const restored = delta(staff, { attributes: { isDeleted: [] } });
const members = (polls: Polls) =>
  polls.mirror
    .all()
    .filter(isEdgeRow)
    .filter(({ present }) => present)
    .map(({ member }) => member.guid)
    .sort();

/** The page that tells the restoration, and the links that nobody wrote. */
async function restore(polls: Polls): Promise<string[]> {
  const cookie = polls.cursor.cookie.toString();
  polls.directory.set(cookie, page([restored], `${cookie}+`));
  polls.directory.happen(staff);
  polls.time += 60_000;
  return polls.since(polls.poll);
}

describe('GIVEN a group with members', () => {
  test('WHEN it is deleted and restored between two polls THEN its members stay, and none is told as removed', async () => {
    const polls = new Polls();
    await polls.firstSync();
    expect(await restore(polls)).not.toContain('GroupMemberRemoved');
    expect(members(polls)).toEqual([ada.guid, bea.guid]);
  });

  test('WHEN it is restored after its deletion was told THEN it has its members again, each with an event', async () => {
    const polls = new Polls();
    await polls.firstSync();
    await polls.told(tombstone(staff));
    expect(members(polls)).toEqual([]);
    expect((await restore(polls)).filter((type) => type === 'GroupMemberAdded')).toHaveLength(2);
    expect(members(polls)).toEqual([ada.guid, bea.guid]);
  });
});
