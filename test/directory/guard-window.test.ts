/** Invariant 6 over time: what the guard lets through adds up for a day, and an approval is for what was shown, of each kind. */
import { describe, expect, test } from 'vitest';
import type { CaptureOptions } from '../../handlers/directory/capture-settings.ts';
import { isObjectRow } from '../../handlers/directory/mirror.ts';
import { memoryMirror } from './memory-mirror.ts';
import { Polls, page } from './polls.ts';
import { groupObject, userObject } from './rows.ts';

const hourMs = 3600_000;
const people = Array.from({ length: 40 }, (_, index) => userObject(100 + index, `User${index}`));
const everybody = groupObject(12, 'Everybody', people);

async function given(guard: CaptureOptions['guard'], objects: Parameters<typeof page>[0], width?: number): Promise<Polls> {
  const options: CaptureOptions = { mode: 'object-security', verifyEveryHours: 1, guard };
  const polls = new Polls(options, (now) => memoryMirror(now, width));
  polls.directory.set('', page(objects, 'c1'));
  await polls.poll();
  await polls.settle();
  return polls;
}
const deleted = (polls: Polls) => polls.mirror.all().filter((row) => isObjectRow(row) && row.deleted).length;

/** Ten more people become unreadable, and a pass looks. */
async function lose(polls: Polls, from: number, afterHours: number): Promise<void> {
  for (const { guid } of people.slice(from, from + 10)) polls.directory.unreadable.add(guid);
  polls.time += afterHours * hourMs;
  await polls.settle();
}

describe('invariant 6: a right that is lost bit by bit', () => {
  test('WHEN each pass finds what one may delete THEN the second of a day trips the guard', async () => {
    const polls = await given({}, people);
    await lose(polls, 0, 2);
    expect(deleted(polls)).toBe(10);
    for (const from of [10, 20, 30]) await lose(polls, from, 2);
    expect(deleted(polls)).toBe(10);
    expect(polls.eventsOf('DirectoryGuardTripped')).toHaveLength(1);
  });

  test('WHEN a day lies between THEN each counts alone', async () => {
    const polls = await given({}, people);
    await lose(polls, 0, 2);
    await lose(polls, 10, 25);
    expect(deleted(polls)).toBe(20);
    expect(polls.codes).not.toContain('GUARD_TRIPPED');
  });
});

describe('invariant 6: an approval of memberships', () => {
  test('WHEN people are gone instead by then THEN nobody of them is deleted, and the guard trips again', async () => {
    const polls = await given({ most: 5 }, [...people, everybody]);
    const members = polls.directory.members.get(everybody.guid) ?? new Set();
    for (const { guid } of people.slice(0, 20)) members.delete(guid);
    polls.time += 24 * hourMs;
    await polls.settle();
    const [tripped] = polls.eventsOf('DirectoryGuardTripped');
    expect(tripped?.change.gone).toEqual({ objects: 0, memberships: 20 });
    for (const { guid } of people.slice(0, 20)) members.add(guid);
    for (const { guid } of people.slice(30)) polls.directory.vanish(guid);
    await polls.approve(tripped?.change.approval ?? '');
    await polls.settle();
    expect(polls.types()).not.toContain('UserDeleted');
    expect(polls.eventsOf('DirectoryGuardTripped').at(-1)?.change.gone).toMatchObject({ objects: 10 });
  });
});

test('GIVEN the largest guard WHEN more than it allows is gone THEN what the cursor notes of it stays within an item of DynamoDB', async () => {
  const most = 2_000;
  const many = Array.from({ length: 2_600 }, (_, index) => userObject(1_000 + index, `User${index}`));
  const polls = await given({ most, share: 1 }, many, 1_000);
  for (const { guid } of many.slice(0, 2_500)) polls.directory.unreadable.add(guid);
  // A pass of several polls keeps what it found in the cursor.
  polls.directory.beforeSearch = (method) => {
    if (method === 'lookUp') polls.time += 16_000;
  };
  polls.time += 25 * hourMs;
  const sizes: number[] = [];
  do {
    await polls.poll();
    const gone = polls.cursor.verification?.gone ?? [];
    // Texts and names in UTF-8, three bytes for the map of each and one for each value ("DynamoDB item sizes and formats").
    sizes.push(gone.reduce((sum, { pk, sk }) => sum + Buffer.byteLength(`pk${pk}sk${sk}`) + 6, 0));
  } while (polls.cursor.verification !== undefined);
  expect(Math.max(...sizes)).toBeGreaterThan(50_000);
  expect(Math.max(...sizes)).toBeLessThan(350 * 1024);
  expect(polls.eventsOf('DirectoryGuardTripped')).toMatchObject([{ change: { gone: { objects: 2_500 } } }]);
});
