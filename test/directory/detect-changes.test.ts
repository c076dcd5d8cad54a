/** One poll after another: pages, the cursor, and what asks for a full sync. */
import { beforeEach, describe, expect, test } from 'vitest';
import { detectChanges, query } from '../../handlers/directory/detect-changes/detect-changes.ts';
import { CookieRefusedError } from '../../handlers/directory/directory-source.ts';
import { objectKey } from '../../handlers/directory/mirror.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { delta, domain, referenceTo, tombstone, userObject } from './rows.ts';

let polls: Polls;
beforeEach(() => {
  polls = new Polls();
});

describe('the first poll', () => {
  test('WHEN the directory comes in pages THEN the cursor follows each, and the snapshot is told once, with its counts', async () => {
    polls.directory
      .set('', page([ada], 'c1', true))
      .set('c1', page([bea, staff], 'c2', true))
      .set('c2', page([], 'c3'));
    expect(await polls.poll()).toEqual({ outcome: 'done', pages: 3, objects: 3, written: 6 });
    expect(polls.asked).toEqual(['', 'c1', 'c2']);
    expect(polls.mirror.cursorOf(domain)).toMatchObject({ cookie: Buffer.from('c3'), query, snapshot: undefined });
    // What the snapshot brings raises nothing of its own.
    expect(polls.types()).toEqual(['DirectorySnapshotCompleted']);
    expect(polls.events()[0]?.change).toEqual({ users: 2, groups: 1, memberships: 2 });
    expect(polls.mirror.changes.at(-1)?.after.sk).toBe('status');
  });

  test('WHEN time runs out THEN it ends after a page, and the next poll goes on from there', async () => {
    polls.directory
      .set('', page([ada], 'c1', true))
      .set('c1', page([bea], 'c2', true))
      .set('c2', page([staff], 'c3'));
    expect(
      await detectChanges(
        polls.deps(),
        polls.invocation(() => 29_000),
      ),
    ).toMatchObject({ outcome: 'continues', pages: 1 });
    expect(polls.types()).toEqual([]);
    expect(await polls.poll()).toMatchObject({ outcome: 'done', pages: 2 });
    expect(polls.asked).toEqual(['', 'c1', 'c2']);
    expect(polls.events().map(({ change }) => change)).toEqual([{ users: 2, groups: 1, memberships: 2 }]);
  });

  test('WHEN the cookie is refused before the snapshot is complete THEN its counts start over', async () => {
    polls.directory.set('', page([ada], 'c1', true)).set('c1', new CookieRefusedError('refused'));
    await detectChanges(
      polls.deps(),
      polls.invocation(() => 0),
    );
    polls.directory.set('', page([ada, bea, staff], 'c9'));
    await polls.poll();
    expect(polls.events().map(({ change }) => change)).toEqual([{ users: 2, groups: 1, memberships: 2 }]);
  });
});

describe('a later poll', () => {
  beforeEach(() => polls.firstSync());

  test('WHEN nothing changed THEN nothing is written but the lease, and nothing is raised', async () => {
    const before = structuredClone(polls.mirror.writes);
    const raised = await polls.since(async () => {
      expect(await polls.poll()).toEqual({ outcome: 'done', pages: 1, objects: 0, written: 0 });
    });
    expect(raised).toEqual([]);
    expect(polls.mirror.writes).toEqual(before);
  });

  test('WHEN the directory says again what the mirror holds THEN nothing is written either', async () => {
    const before = polls.mirror.writes.rows;
    polls.directory.set('c1', page([ada, bea, staff], 'c2'));
    expect(await polls.since(polls.poll)).toEqual([]);
    expect(polls.mirror.writes.rows).toBe(before);
  });

  test('WHEN a user changes THEN the event follows, and the cursor', async () => {
    polls.directory.set('c1', page([delta(ada, { attributes: { userAccountControl: ['514'] } })], 'c2'));
    expect(await polls.since(polls.poll)).toEqual(['UserDisabled']);
    expect(polls.mirror.cursorOf(domain)?.cookie.toString()).toBe('c2');
  });

  test('WHEN a group is deleted THEN every membership in it ends, though AD reports none', async () => {
    polls.directory.set('c1', page([tombstone(staff)], 'c2'));
    expect((await polls.since(polls.poll)).sort()).toEqual(['GroupDeleted', 'GroupMemberRemoved', 'GroupMemberRemoved']);
  });

  test('WHEN a member is deleted and restored between two polls THEN it holds no membership any more', async () => {
    polls.directory.set('c1', page([delta(ada, { attributes: { isDeleted: [] } })], 'c2'));
    expect(await polls.since(polls.poll)).toEqual(['GroupMemberRemoved']);
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
  const ordinary = ['GroupMemberRemoved', 'UserCreated'];

  test('WHEN the cookie is refused THEN what changed is raised as ordinary changes, and no second snapshot', async () => {
    polls.directory.set('c1', new CookieRefusedError('refused'));
    expect(await polls.since(polls.poll)).toEqual(ordinary);
    expect(polls.codes).toContain('CURSOR_REFUSED');
    expect(polls.mirror.cursorOf(domain)).toMatchObject({ cookie: Buffer.from('c9'), snapshot: undefined });
  });

  test('WHEN the cursor is of another query THEN its cookie is not used', async () => {
    const lease = await polls.mirror.acquireLease(domain, 'older release', 1_000);
    const cursor = polls.mirror.cursorOf(domain);
    if (lease === undefined || cursor === undefined) throw new Error('no lease');
    await polls.mirror.release(domain, lease.fence, { ...cursor, query: 'another filter' });
    polls.asked.length = 0;
    expect(await polls.since(polls.poll)).toEqual(ordinary);
    expect(polls.asked).toEqual(['']);
    expect(polls.mirror.cursorOf(domain)?.query).toBe(query);
    expect(polls.codes).toContain('CURSOR_QUERY_CHANGED');
  });

  test('WHEN a change is of an object that the mirror does not hold THEN the whole of it is fetched', async () => {
    polls.directory.set('c1', page([delta(newcomer, { attributes: { mail: ['c@example.com'] } })], 'c2'));
    expect(await polls.since(polls.poll)).toEqual(ordinary);
    expect(polls.codes).toContain('MIRROR_INCOMPLETE');
  });

  test('invariant 3: absence never deletes: WHEN objects are missing from a full sync THEN they stay', async () => {
    polls.directory.set('c1', new CookieRefusedError('refused')).set('', page([], 'c9'));
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
    expect(polls.mirror.cursorOf(domain)?.cookie.toString()).toBe('c1');
  });
});
