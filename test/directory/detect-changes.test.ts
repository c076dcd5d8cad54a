/** One poll after another: pages, the cursor, crashes, outages. */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  type DetectChangesDependencies,
  detectChanges,
  type Invocation,
  query,
} from '../../handlers/directory/detect-changes/detect-changes.ts';
import {
  type ChangedObject,
  type ChangePage,
  CookieRefusedError,
  DirectoryUnreachableError,
} from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { LeaseLostError, type Mirror, objectKey } from '../../handlers/directory/mirror.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { type MemoryMirror, memoryMirror } from './memory-mirror.ts';
import { delta, domain, groupObject, referenceTo, tombstone, userObject } from './rows.ts';

const ada = userObject(1, 'Ada');
const bea = userObject(2, 'Bea');
const staff = groupObject(10, 'Staff', [ada, bea]);

let time: number;
let mirror: MemoryMirror;
let directory: Map<string, ChangePage | Error>;
let asked: string[];
let codes: string[];
let request: number;

beforeEach(() => {
  time = Date.parse('2025-03-01T10:00:00Z');
  mirror = memoryMirror(now);
  directory = new Map();
  asked = [];
  codes = [];
  request = 0;
});

const now = () => new Date(time);
const page = (objects: readonly ChangedObject[], cookie: string, moreResults = false): ChangePage => ({
  objects,
  cookie: Buffer.from(cookie),
  moreResults,
});

/** A directory that answers each cookie with its page, an empty one where nothing changed, and refuses or fails where told. */
const source = {
  url: 'ldaps://dc1.corp.example.com',
  async changesSince(cookie: Buffer): Promise<ChangePage> {
    asked.push(cookie.toString());
    const answer = directory.get(cookie.toString()) ?? page([], cookie.toString());
    if (answer instanceof Error) throw answer;
    return answer;
  },
  async close() {},
};

function deps(change: Partial<DetectChangesDependencies> = {}): DetectChangesDependencies {
  const write = (code: string) => void codes.push(code);
  return { domain, mirror, connect: async () => source, log: { info: write, warn: write, error: write }, now, ...change };
}

function invocation(remainingMs: () => number = () => 300_000): Invocation {
  request += 1;
  return { requestId: `request-${request}`, remainingMs };
}

const poll = (change: Partial<DetectChangesDependencies> = {}) => detectChanges(deps(change), invocation());

/** What publish-changes would raise from the table's stream. */
const events = (of: MemoryMirror = mirror): AnyIdentityEvent[] => of.changes.flatMap(({ before, after }) => identityEvents(before, after));
const types = () => events().map(({ type }) => type);
/** Events since a mark. */
function since<T>(work: () => Promise<T>): Promise<string[]> {
  const mark = types().length;
  return work().then(() => types().slice(mark));
}

async function firstSync(): Promise<void> {
  directory.set('', page([ada, bea, staff], 'c1'));
  await poll();
}

describe('the first poll', () => {
  test('WHEN the directory comes in pages THEN the cursor follows each, and the snapshot is told once, with its counts', async () => {
    directory
      .set('', page([ada], 'c1', true))
      .set('c1', page([bea, staff], 'c2', true))
      .set('c2', page([], 'c3'));
    expect(await poll()).toEqual({ outcome: 'done', pages: 3, objects: 3, written: 6 });
    expect(asked).toEqual(['', 'c1', 'c2']);
    expect(mirror.cursorOf(domain)).toMatchObject({ cookie: Buffer.from('c3'), query, snapshot: undefined });
    // What the snapshot brings raises nothing of its own.
    expect(types()).toEqual(['DirectorySnapshotCompleted']);
    expect(events()[0]?.change).toEqual({ users: 2, groups: 1, memberships: 2 });
    expect(mirror.changes.at(-1)?.after.sk).toBe('status');
  });

  test('WHEN time runs out THEN it ends after a page, and the next poll goes on from there', async () => {
    directory
      .set('', page([ada], 'c1', true))
      .set('c1', page([bea], 'c2', true))
      .set('c2', page([staff], 'c3'));
    expect(
      await detectChanges(
        deps(),
        invocation(() => 29_000),
      ),
    ).toMatchObject({ outcome: 'continues', pages: 1 });
    expect(types()).toEqual([]);
    expect(await poll()).toMatchObject({ outcome: 'done', pages: 2 });
    expect(asked).toEqual(['', 'c1', 'c2']);
    expect(events().map(({ change }) => change)).toEqual([{ users: 2, groups: 1, memberships: 2 }]);
  });

  test('WHEN the cookie is refused before the snapshot is complete THEN its counts start over', async () => {
    directory.set('', page([ada], 'c1', true)).set('c1', new CookieRefusedError('refused'));
    await detectChanges(
      deps(),
      invocation(() => 0),
    );
    directory.set('', page([ada, bea, staff], 'c9'));
    await poll();
    expect(events().map(({ change }) => change)).toEqual([{ users: 2, groups: 1, memberships: 2 }]);
  });
});

describe('a later poll', () => {
  beforeEach(firstSync);

  test('WHEN nothing changed THEN nothing is written but the lease, and nothing is raised', async () => {
    const before = structuredClone(mirror.writes);
    const raised = await since(async () => {
      expect(await poll()).toEqual({ outcome: 'done', pages: 1, objects: 0, written: 0 });
    });
    expect(raised).toEqual([]);
    expect(mirror.writes).toEqual(before);
  });

  test('WHEN the directory says again what the mirror holds THEN nothing is written either', async () => {
    const before = mirror.writes.rows;
    directory.set('c1', page([ada, bea, staff], 'c2'));
    expect(await since(poll)).toEqual([]);
    expect(mirror.writes.rows).toBe(before);
  });

  test('WHEN a user changes THEN the event follows, and the cursor', async () => {
    directory.set('c1', page([delta(ada, { attributes: { userAccountControl: ['514'] } })], 'c2'));
    expect(await since(poll)).toEqual(['UserDisabled']);
    expect(mirror.cursorOf(domain)?.cookie.toString()).toBe('c2');
  });

  test('WHEN a group is deleted THEN every membership in it ends, though AD reports none', async () => {
    directory.set('c1', page([tombstone(staff)], 'c2'));
    expect((await since(poll)).sort()).toEqual(['GroupDeleted', 'GroupMemberRemoved', 'GroupMemberRemoved']);
  });

  test('WHEN a member is deleted and restored between two polls THEN it holds no membership any more', async () => {
    directory.set('c1', page([delta(ada, { attributes: { isDeleted: [] } })], 'c2'));
    expect(await since(poll)).toEqual(['GroupMemberRemoved']);
  });

  test('WHEN the connection cannot be closed THEN the poll has still done its work', async () => {
    const broken = { ...source, close: async () => Promise.reject(new Error('gone')) };
    expect(await poll({ connect: async () => broken })).toMatchObject({ outcome: 'done' });
    expect(codes).toContain('CLOSE_FAILED');
  });
});

describe('what asks for a full sync', () => {
  const newcomer = userObject(3, 'Cleo');
  beforeEach(async () => {
    await firstSync();
    // GIVEN a directory that went on: Ada left the group, Cleo came
    directory.set('', page([ada, bea, { ...staff, membersAdded: [referenceTo(bea)], membersRemoved: [referenceTo(ada)] }, newcomer], 'c9'));
  });
  const ordinary = ['GroupMemberRemoved', 'UserCreated'];

  test('WHEN the cookie is refused THEN what changed is raised as ordinary changes, and no second snapshot', async () => {
    directory.set('c1', new CookieRefusedError('refused'));
    expect(await since(poll)).toEqual(ordinary);
    expect(codes).toContain('CURSOR_REFUSED');
    expect(mirror.cursorOf(domain)).toMatchObject({ cookie: Buffer.from('c9'), snapshot: undefined });
  });

  test('WHEN the cursor is of another query THEN its cookie is not used', async () => {
    const lease = await mirror.acquireLease(domain, 'older release', 1_000);
    const cursor = mirror.cursorOf(domain);
    if (lease === undefined || cursor === undefined) throw new Error('no lease');
    await mirror.release(domain, lease.fence, { ...cursor, query: 'another filter' });
    asked.length = 0;
    expect(await since(poll)).toEqual(ordinary);
    expect(asked).toEqual(['']);
    expect(mirror.cursorOf(domain)?.query).toBe(query);
    expect(codes).toContain('CURSOR_QUERY_CHANGED');
  });

  test('WHEN a change is of an object that the mirror does not hold THEN the whole of it is fetched', async () => {
    directory.set('c1', page([delta(newcomer, { attributes: { mail: ['c@example.com'] } })], 'c2'));
    expect(await since(poll)).toEqual(ordinary);
    expect(codes).toContain('MIRROR_INCOMPLETE');
  });

  test('invariant 3: absence never deletes: WHEN objects are missing from a full sync THEN they stay', async () => {
    directory.set('c1', new CookieRefusedError('refused')).set('', page([], 'c9'));
    expect(await since(poll)).toEqual([]);
    expect(await mirror.read([objectKey(domain, ada.guid), objectKey(domain, staff.guid)])).toMatchObject([
      { deleted: false },
      { deleted: false },
    ]);
  });

  test('fails, instead of starting over for ever, when the full sync is incomplete as well', async () => {
    const incomplete = page([delta(userObject(7, 'Nobody'))], 'c8');
    directory
      .set('c1', incomplete)
      .set('', page([ada], 'c5', true))
      .set('c5', incomplete);
    await expect(poll()).rejects.toThrow(/without objectClass/);
    // AND the lease is free again: the next poll does not wait for it
    await expect(poll()).rejects.toThrow(/without objectClass/);
  });

  test('fails when the directory refuses even an empty cookie', async () => {
    directory.set('c1', new CookieRefusedError('refused')).set('', new CookieRefusedError('refused: no DirSync here'));
    await expect(poll()).rejects.toThrow('no DirSync here');
    expect(mirror.cursorOf(domain)?.cookie.toString()).toBe('c1');
  });
});

describe('invariants 1 and 2: a poll that dies at any point', () => {
  const history: [string, ChangePage][] = [
    ['', page([ada, bea], 'c1', true)],
    ['c1', page([staff, groupObject(11, 'Guests', [ada])], 'c2')],
    [
      'c2',
      page(
        [delta(ada, { dn: 'CN=Ada M,OU=Former,DC=corp,DC=example,DC=com', attributes: { name: ['Ada M'] } }), tombstone(staff)],
        'c3',
        true,
      ),
    ],
    ['c3', page([tombstone(ada), userObject(3, 'Cleo')], 'c4', true)],
    ['c4', page([delta(groupObject(11, 'Guests'), { membersAdded: [referenceTo(bea)] })], 'c5')],
  ];

  /** A mirror that stops working after some calls, in the middle of a batch of rows too, as a killed process does. */
  function dying(of: MemoryMirror, calls: number): Mirror {
    let left = calls;
    const step = () => {
      left -= 1;
      if (left < 0) throw new Error('killed');
    };
    return {
      ...of,
      async write(rows) {
        for (const row of rows) {
          step();
          await of.write([row]);
        }
      },
      async saveCursor(...parameters) {
        step();
        await of.saveCursor(...parameters);
      },
      async release(...parameters) {
        step();
        await of.release(...parameters);
      },
    };
  }

  /** All that a row says, but for its stamps. */
  const substance = (of: MemoryMirror) =>
    of
      .all()
      .map((row) => JSON.stringify({ ...row, revision: 0, fence: 0, detectedAt: '', since: '', expiresAt: 'expiresAt' in row }))
      .sort();
  const eventsOf = (of: MemoryMirror) => [...new Set(events(of).map(({ id, type, subject }) => `${type} ${subject.guid} ${id}`))].sort();

  async function pollUntilDone(): Promise<void> {
    // Two polls, as the history stops once.
    for (let done = 0; done < 2; ) {
      time += 300_001;
      if ((await poll()).outcome === 'done') done += 1;
    }
  }

  test('THEN the next polls end in the same mirror and have raised the same events, none lost, none under another id', async () => {
    for (const [cookie, answer] of history) directory.set(cookie, answer);
    await pollUntilDone();
    const [expectedRows, expectedEvents] = [substance(mirror), eventsOf(mirror)];
    expect(expectedEvents.map((event) => event.split(' ')[0])).toEqual(
      expect.arrayContaining(['GroupMemberRemoved', 'UserDeleted', 'GroupDeleted', 'UserCreated']),
    );

    let died = 0;
    for (let calls = 0; calls < 40; calls += 1) {
      mirror = memoryMirror(now);
      for (let polls = 0; polls < 3; polls += 1) {
        time += 300_001;
        const outcome = await poll({ mirror: dying(mirror, calls) }).catch((error: Error) => error);
        if (outcome instanceof Error) {
          expect(outcome.message).toBe('killed');
          died += 1;
        }
      }
      await pollUntilDone();
      expect(substance(mirror), `killed after ${calls} calls`).toEqual(expectedRows);
      expect(eventsOf(mirror), `killed after ${calls} calls`).toEqual(expectedEvents);
    }
    expect(died).toBeGreaterThan(20);
  });

  test('THEN the cursor is never ahead of the rows', async () => {
    for (const [cookie, answer] of history) directory.set(cookie, answer);
    for (let calls = 0; calls < 20; calls += 1) {
      mirror = memoryMirror(now);
      await poll({ mirror: dying(mirror, calls) }).catch(() => undefined);
      const reached = mirror.cursorOf(domain)?.cookie.toString() ?? '';
      const passed = history.slice(
        0,
        Math.max(
          0,
          history.findIndex(([cookie]) => cookie === reached),
        ),
      );
      const guids = passed.flatMap(([, answer]) => answer.objects.map(({ guid }) => objectKey(domain, guid)));
      expect(await mirror.read(guids)).toHaveLength(guids.length);
    }
  });
});

describe('two at once', () => {
  test('WHEN another has the lease THEN this one says so and touches nothing', async () => {
    await mirror.acquireLease(domain, 'other', 60_000);
    const connect = async () => {
      throw new Error('it must not connect');
    };
    expect(await poll({ connect })).toEqual({ outcome: 'lease-held' });
    expect(codes).toEqual(['LEASE_HELD']);
    expect(mirror.changes).toEqual([]);
  });

  test('WHEN two start together THEN one works and the other is a stated no-op', async () => {
    directory.set('', page([ada], 'c1'));
    const outcomes = (await Promise.all([poll(), poll()])).map(({ outcome }) => outcome);
    expect(outcomes.sort()).toEqual(['done', 'lease-held']);
  });

  test('fails with LeaseLostError when another took over meanwhile, whose lease and place stay', async () => {
    await firstSync();
    directory.set('c1', page([delta(ada, { attributes: { userAccountControl: ['514'] } })], 'c2'));
    const overtaken = {
      ...source,
      async changesSince(cookie: Buffer) {
        const late = await source.changesSince(cookie);
        time += 300_001;
        expect(await poll()).toMatchObject({ outcome: 'done', written: 1 });
        await mirror.acquireLease(domain, 'a third', 60_000);
        return late;
      },
    };
    // It read the row before, or after, the other wrote it: here after, so that it writes nothing but the cursor.
    await expect(poll({ connect: async () => overtaken })).rejects.toBeInstanceOf(LeaseLostError);
    expect(await mirror.acquireLease(domain, 'a fourth', 1_000)).toBeUndefined();
    expect(types().filter((type) => type === 'UserDisabled')).toHaveLength(1);
  });
});

describe('an outage', () => {
  const down = new DirectoryUnreachableError('no domain controller answers: ldaps://dc1: ECONNREFUSED');
  const unreachable = { connect: async () => Promise.reject(down) };
  const fail = () => expect(poll(unreachable)).rejects.toBe(down);

  test('WHEN it lasts for many polls THEN it is raised once, and so is the recovery, with the time it began', async () => {
    await firstSync();
    const began = now().toISOString();
    for (let polls = 0; polls < 3; polls += 1) {
      await fail();
      time += 60_000;
    }
    directory.set('c1', page([tombstone(bea)], 'c2'));
    await poll();
    await poll();
    const told = events().filter(({ type }) => type.startsWith('DirectoryUn') || type.startsWith('DirectoryRe'));
    expect(told).toMatchObject([
      { type: 'DirectoryUnreachable', change: { since: began, reason: down.message } },
      { type: 'DirectoryRecovered', change: { since: began } },
    ]);
    // AND nothing was lost: the poll went on from the cookie it had
    expect(types()).toContain('UserDeleted');
    // AND the next outage is told again
    expect(await since(fail)).toEqual(['DirectoryUnreachable']);
  });

  test('WHEN it is there from the start THEN it is raised, and the first snapshot comes after it', async () => {
    await fail();
    directory.set('', page([ada], 'c1'));
    await poll();
    expect(types()).toEqual(['DirectoryUnreachable', 'DirectorySnapshotCompleted', 'DirectoryRecovered']);
  });

  test('WHEN it begins in the middle of the pages THEN those before it stay, and the next poll goes on after them', async () => {
    directory.set('', page([ada], 'c1', true)).set('c1', down);
    await expect(poll()).rejects.toBe(down);
    directory.set('c1', page([bea], 'c2'));
    await poll();
    expect(asked).toEqual(['', 'c1', 'c1']);
    expect(events().find(({ type }) => type === 'DirectorySnapshotCompleted')?.change).toEqual({ users: 2, groups: 0, memberships: 0 });
  });

  test.each(['saveCursor', 'write', 'release'] as const)(
    'WHEN the poll that sees it dies at %s THEN outage and recovery are still told as a pair',
    async (method) => {
      await firstSync();
      const dying: Mirror = { ...mirror, [method]: async () => Promise.reject(new Error('killed')) };
      // The reason of the failure is the outage, not what failed after it.
      await expect(poll({ ...unreachable, mirror: dying })).rejects.toBe(down);
      time += 300_001;
      await fail();
      await poll();
      expect(types().slice(1)).toEqual(['DirectoryUnreachable', 'DirectoryRecovered']);
      expect(await since(fail)).toEqual(['DirectoryUnreachable']);
    },
  );

  test('fails for a wrong configuration without calling it an outage, and gives the lease back', async () => {
    const wrong = new ConfigurationError('directory URL "ldap://dc1" is not ldaps://');
    await firstSync();
    const raised = await since(() => expect(poll({ connect: async () => Promise.reject(wrong) })).rejects.toBe(wrong));
    expect(raised).toEqual([]);
    expect(await poll()).toMatchObject({ outcome: 'done' });
  });

  test('fails for a page that cannot be read, writes nothing of it and stays where it is', async () => {
    await firstSync();
    directory.set('c1', new SyntaxError('not an extended name'));
    const before = mirror.writes.rows;
    await expect(poll()).rejects.toThrow(SyntaxError);
    expect(mirror.writes.rows).toBe(before);
    expect(mirror.cursorOf(domain)?.cookie.toString()).toBe('c1');
  });
});
