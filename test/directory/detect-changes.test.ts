/** One poll after another: pages, the cursor, and what asks for a full sync. */
import { beforeEach, describe, expect, test } from 'vitest';
import { queryOf } from '../../handlers/directory/detect-changes/starting-point.ts';
import { CookieRefusedError } from '../../handlers/directory/directory-source.ts';
import { objectKey } from '../../handlers/directory/mirror.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { accountObject, base, changed, delta, domain, objectOf, referenceTo, tombstone, unitObject, userObject } from './rows.ts';

let polls: Polls;
beforeEach(() => {
  polls = new Polls();
});

const counts = { users: 2, computers: 0, serviceAccounts: 0, groups: 1, memberships: 2 };

describe('the first poll', () => {
  test('WHEN the directory comes in pages THEN the cursor follows each, and the snapshot is told once, with its counts', async () => {
    polls.directory
      .set('', page([ada], 'c1', true))
      .set('c1', page([bea, staff], 'c2', true))
      .set('c2', page([], 'c3'));
    expect(await polls.poll()).toEqual({ outcome: 'done', pages: 3, objects: 3, written: 5 });
    expect(polls.directory.asked).toEqual(['', 'c1', 'c2']);
    expect(polls.cursor).toMatchObject({ cookie: Buffer.from('c3'), query: queryOf(polls.settings), more: false, snapshot: undefined });
    // What the snapshot brings raises nothing of its own.
    expect(polls.types()).toEqual(['DirectorySnapshotCompleted']);
    expect(polls.events()[0]?.change).toEqual(counts);
    expect(polls.mirror.changes.at(-1)?.after.sk).toBe('status');
  });

  test('WHEN time runs out THEN it ends after a page, and the next poll goes on from there', async () => {
    polls.directory
      .set('', page([ada], 'c1', true))
      .set('c1', page([bea], 'c2', true))
      .set('c2', page([staff], 'c3'));
    expect(await polls.shortPoll()).toMatchObject({ outcome: 'continues', pages: 1 });
    expect(polls.types()).toEqual([]);
    expect(await polls.poll()).toMatchObject({ outcome: 'done', pages: 2 });
    expect(polls.directory.asked).toEqual(['', 'c1', 'c2']);
    expect(polls.events().map(({ change }) => change)).toEqual([counts]);
  });

  test('THEN computers and service accounts are counted as what they are, and nothing of them is told', async () => {
    const others = [accountObject('computer', 20, 'PC20$'), accountObject('serviceAccount', 21, 'svc21$')];
    polls.directory.set('', page([ada, ...others, unitObject(30, 'People'), objectOf('domain', 31, base)], 'c1'));
    await polls.poll();
    expect(polls.types()).toEqual(['DirectorySnapshotCompleted']);
    expect(polls.events()[0]?.change).toEqual({ users: 1, computers: 1, serviceAccounts: 1, groups: 0, memberships: 0 });
  });

  test('WHEN the cookie is refused before the snapshot is complete THEN its counts start over', async () => {
    polls.directory.set('', page([ada], 'c1', true)).set('c1', new CookieRefusedError('refused'));
    await polls.shortPoll();
    polls.directory.set('', page([ada, bea, staff], 'c9'));
    await polls.poll();
    expect(polls.events().map(({ change }) => change)).toEqual([counts]);
  });
});

describe('a later poll', () => {
  beforeEach(() => polls.firstSync());

  test('WHEN nothing changed THEN one search is made, nothing is written but the lease, and nothing is raised', async () => {
    const before = structuredClone(polls.mirror.writes);
    polls.directory.searches.length = 0;
    const raised = await polls.since(async () => {
      expect(await polls.poll()).toEqual({ outcome: 'done', pages: 0, objects: 0, written: 0 });
    });
    expect(raised).toEqual([]);
    expect(polls.mirror.writes).toEqual(before);
    expect(polls.directory.searches).toEqual(['controller dc1.corp.example.com']);
  });

  test('WHEN the directory says again what the mirror holds THEN nothing is written either', async () => {
    const before = polls.mirror.writes.rows;
    expect(await polls.told(ada, bea, staff)).toEqual([]);
    expect(polls.mirror.writes.rows).toBe(before);
  });

  test('WHEN a user changes THEN the event follows, and the cursor', async () => {
    polls.directory.set('c1', page([changed(ada, { userAccountControl: ['514'] })], 'c2'));
    expect(await polls.since(polls.poll)).toEqual(['UserDisabled']);
    expect(polls.cursor.cookie.toString()).toBe('c2');
  });

  test('WHEN a group is deleted THEN every membership in it ends, though AD reports none', async () => {
    expect((await polls.told(tombstone(staff))).sort()).toEqual(['GroupDeleted', 'GroupMemberRemoved', 'GroupMemberRemoved']);
  });

  test('WHEN a member is deleted and restored between two polls THEN it holds no membership any more', async () => {
    expect(await polls.told(changed(ada, { isDeleted: [] }))).toEqual(['GroupMemberRemoved']);
  });

  test('WHEN the connection cannot be closed THEN the poll has still done its work', async () => {
    const broken = { ...polls.source, close: async () => Promise.reject(new Error('gone')) };
    expect(await polls.poll({ connect: async () => broken })).toMatchObject({ outcome: 'done' });
    expect(polls.codes).toContain('CLOSE_FAILED');
  });
});

describe('what asks for a full sync', () => {
  const newcomer = userObject(3, 'Cleo');
  beforeEach(async () => {
    await polls.firstSync();
    // GIVEN a directory that went on: Ada left the group, Cleo came
    polls.directory.set(
      '',
      page([ada, bea, { ...staff, membersAdded: [referenceTo(bea)], membersRemoved: [referenceTo(ada)] }, newcomer], 'c9'),
    );
  });
  const ordinary = ['UserCreated', 'GroupMemberRemoved'];

  test('WHEN the cookie is refused THEN what changed is raised as ordinary changes, and no second snapshot', async () => {
    polls.directory.set('c1', new CookieRefusedError('refused'));
    expect(await polls.since(polls.poll)).toEqual(ordinary);
    expect(polls.codes).toContain('CURSOR_REFUSED');
    expect(polls.cursor).toMatchObject({ cookie: Buffer.from('c9'), snapshot: undefined, fullSync: undefined });
  });

  test('WHEN a change is of an object that the mirror does not hold THEN the whole of it is fetched', async () => {
    polls.directory.set('c1', page([changed(newcomer, { userAccountControl: ['512'] })], 'c2'));
    expect(await polls.since(polls.poll)).toEqual(ordinary);
    expect(polls.codes).toContain('MIRROR_INCOMPLETE');
  });

  test('invariant 3: absence never deletes: WHEN objects are missing from a full sync THEN they stay', async () => {
    polls.directory.set('c1', new CookieRefusedError('refused')).set('', page([], 'c9'));
    polls.directory.happen(delta(staff, { membersAdded: [referenceTo(ada)] }));
    expect(await polls.since(polls.poll)).toEqual([]);
    expect(await polls.mirror.read([objectKey(domain, ada.guid), objectKey(domain, staff.guid)])).toMatchObject([
      { deleted: false },
      { deleted: false },
    ]);
  });

  test('fails, instead of starting over for ever, when the full sync is incomplete as well', async () => {
    const incomplete = page([delta(userObject(7, 'Nobody'))], 'c8');
    polls.directory
      .set('c1', incomplete)
      .set('', page([ada], 'c5', true))
      .set('c5', incomplete);
    await expect(polls.poll()).rejects.toThrow(/without objectClass/);
    // AND the lease is free again: the next poll does not wait for it
    await expect(polls.poll()).rejects.toThrow(/without objectClass/);
  });

  test('fails when the directory refuses even an empty cookie', async () => {
    polls.directory.set('c1', new CookieRefusedError('refused')).set('', new CookieRefusedError('refused: no DirSync here'));
    await expect(polls.poll()).rejects.toThrow('no DirSync here');
    expect(polls.cursor.cookie.toString()).toBe('c1');
  });
});
