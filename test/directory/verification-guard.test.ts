/** Invariant 6: deletions that verification finds are limited, and more than that waits for a person. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { CaptureOptions } from '../../handlers/directory/capture-settings.ts';
import { isObjectRow } from '../../handlers/directory/mirror.ts';
import { memoryMirror } from './memory-mirror.ts';
import { Polls, page } from './polls.ts';
import { userObject } from './rows.ts';

const hourMs = 3600_000;
const people = Array.from({ length: 40 }, (_, index) => userObject(100 + index, `User${index}`));

/** GIVEN so many people in the mirror, of whom some vanish, and a pass that finds it. */
async function given(guard: NonNullable<CaptureOptions['guard']>, vanish: number, width?: number): Promise<Polls> {
  const polls = new Polls({ mode: 'object-security', verifyEveryHours: 1, guard }, (now) => memoryMirror(now, width));
  polls.directory.set('', page(people, 'c1'));
  await polls.poll();
  await polls.settle();
  for (const { guid } of people.slice(0, vanish)) polls.directory.vanish(guid);
  polls.time += 24 * hourMs;
  await polls.poll();
  return polls;
}
const deleted = (polls: Polls) => polls.mirror.all().filter((row) => isObjectRow(row) && row.deleted).length;
const told = (polls: Polls) => polls.types().filter((type) => type !== 'DirectorySnapshotCompleted');
const approvalOf = (polls: Polls) => polls.eventsOf('DirectoryGuardTripped').at(-1)?.change.approval ?? '';

describe('invariant 6: what a pass deletes', () => {
  test.each([
    ['as many as the count allows', { most: 20, share: 1 }, 20, false],
    ['one more than the count', { most: 20, share: 1 }, 21, true],
    ['as large a share as is allowed', { share: 0.5 }, 20, false],
    ['a larger share', { share: 0.5 }, 21, true],
    ['ten, which are no share of anything', { share: 0 }, 10, false],
    ['eleven of a share of none', { share: 0 }, 11, true],
    ['one where none is allowed', { most: 0 }, 1, true],
    ['all of a directory that became unreadable', {}, 40, true],
  ])('WHEN it is %s', async (_, guard, vanish, trips) => {
    const polls = await given(guard, vanish);
    expect(deleted(polls)).toBe(trips ? 0 : vanish);
    expect(polls.eventsOf('DirectoryGuardTripped')).toHaveLength(trips ? 1 : 0);
    expect(polls.codes.includes('GUARD_TRIPPED')).toBe(trips);
  });

  test('WHEN the pass takes several polls THEN it counts as one', async () => {
    const polls = new Polls({ mode: 'object-security', guard: { most: 5, share: 1 } }, (now) => memoryMirror(now, 3));
    polls.directory.set('', page(people, 'c1'));
    await polls.poll();
    await polls.settle();
    for (const { guid } of people.slice(0, 30)) polls.directory.vanish(guid);
    polls.directory.beforeSearch = (method) => {
      if (method === 'lookUp') polls.time += 16_000;
    };
    polls.time += 24 * hourMs;
    await polls.settle();
    expect(deleted(polls)).toBe(0);
    expect(polls.eventsOf('DirectoryGuardTripped')).toMatchObject([{ change: { gone: { objects: 30, memberships: 0 }, verified: 40 } }]);
  });
});

describe('a guard that tripped', () => {
  let polls: Polls;
  beforeEach(async () => {
    polls = await given({ most: 5, share: 0.1 }, 12, 7);
  });

  test('THEN it is told once, with what it holds back, and no pass runs while it waits', async () => {
    expect(polls.eventsOf('DirectoryGuardTripped')).toMatchObject([
      {
        subject: { type: 'domain' },
        change: { gone: { objects: 12, memberships: 0 }, verified: 40, most: 5, share: 0.1, expiresAt: '2025-03-03T10:01:00.000Z' },
      },
    ]);
    polls.time += 23 * hourMs;
    await polls.poll();
    expect(told(polls)).toEqual(['DirectoryGuardTripped']);
    expect(deleted(polls)).toBe(0);
    expect(polls.codes.filter((code) => code === 'GUARD_TRIPPED')).toHaveLength(1);
  });

  test('WHEN somebody approves it THEN it is done, and told', async () => {
    await polls.approve(approvalOf(polls));
    await polls.settle();
    expect(deleted(polls)).toBe(12);
    expect(told(polls)).toEqual(['DirectoryGuardTripped', 'DirectoryGuardReleased', ...Array(12).fill('UserDeleted')]);
    expect(polls.eventsOf('DirectoryGuardReleased')).toMatchObject([{ change: { approval: approvalOf(polls), outcome: 'approved' } }]);
  });

  test('WHEN some came back before it is approved THEN those stay', async () => {
    for (const person of people.slice(0, 4)) polls.directory.happen(person);
    await polls.approve(approvalOf(polls));
    await polls.settle();
    expect(deleted(polls)).toBe(8);
  });

  test('WHEN more is gone by then THEN no more than was approved is done, and the rest trips the guard again', async () => {
    const approved = approvalOf(polls);
    for (const { guid } of people.slice(12, 30)) polls.directory.vanish(guid);
    await polls.approve(approved);
    await polls.settle();
    expect(deleted(polls)).toBeLessThanOrEqual(12);
    expect(told(polls).filter((type) => type.startsWith('DirectoryGuard'))).toEqual([
      'DirectoryGuardTripped',
      'DirectoryGuardReleased',
      'DirectoryGuardTripped',
    ]);
    expect(approvalOf(polls)).not.toBe(approved);
  });

  test.each(['', 'wrong', '000000000000'])('WHEN the approval is %j THEN nothing is done, and the log says so', async (approval) => {
    await polls.approve(approval);
    await polls.settle();
    expect(deleted(polls)).toBe(0);
    expect(polls.codes).toContain('APPROVAL_UNKNOWN');
    // AND the right one still works
    await polls.approve(approvalOf(polls));
    await polls.settle();
    expect(deleted(polls)).toBe(12);
  });

  test('WHEN nobody approves it in time THEN that is told, the old approval does nothing, and the next pass trips it anew', async () => {
    const expired = approvalOf(polls);
    polls.time += 24 * hourMs;
    await polls.approve(expired);
    await polls.settle();
    expect(deleted(polls)).toBe(0);
    expect(told(polls)).toEqual(['DirectoryGuardTripped', 'DirectoryGuardReleased', 'DirectoryGuardTripped']);
    expect(polls.eventsOf('DirectoryGuardReleased')).toMatchObject([{ change: { approval: expired, outcome: 'expired' } }]);
    expect(approvalOf(polls)).not.toBe(expired);
  });

  test('WHEN it is approved twice THEN the second does nothing', async () => {
    const approval = approvalOf(polls);
    await polls.approve(approval);
    await polls.settle();
    for (const { guid } of people.slice(12, 30)) polls.directory.vanish(guid);
    await polls.approve(approval);
    await polls.settle();
    expect(deleted(polls)).toBe(12);
    expect(polls.codes).toContain('APPROVAL_UNKNOWN');
  });

  test('WHEN the objects are there again THEN the next pass trips nothing', async () => {
    for (const person of people) polls.directory.happen(person);
    polls.time += 48 * hourMs;
    await polls.settle();
    expect(told(polls)).toEqual(['DirectoryGuardTripped', 'DirectoryGuardReleased']);
    expect(deleted(polls)).toBe(0);
  });
});
