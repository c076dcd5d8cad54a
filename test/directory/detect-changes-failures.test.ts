/** Polls that die, that meet, that find no directory. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type ChangePage, DirectoryUnreachableError } from '../../handlers/directory/directory-source.ts';
import { LeaseLostError, type Mirror, objectKey } from '../../handlers/directory/mirror.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { dyingMirror, memoryMirror, substance } from './memory-mirror.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { changed, delta, domain, groupObject, referenceTo, tombstone, userObject } from './rows.ts';

let polls: Polls;
beforeEach(() => {
  polls = new Polls();
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

  const eventsOf = () => [...new Set(polls.events().map(({ id, type, subject }) => `${type} ${subject.guid} ${id}`))].sort();

  async function pollUntilDone(): Promise<void> {
    // Two polls, as the history stops once.
    for (let done = 0; done < 2; ) {
      polls.time += 300_001;
      polls.directory.dc1.usn += 1n;
      if ((await polls.poll()).outcome === 'done') done += 1;
    }
  }

  test('THEN the next polls end in the same mirror and have raised the same events, none lost, none under another id', async () => {
    const begin = () => {
      polls = new Polls();
      polls.directory.pagesAreThePresent = true;
      for (const [cookie, answer] of history) polls.directory.set(cookie, answer);
    };
    begin();
    await pollUntilDone();
    const [expectedRows, expectedEvents] = [substance(polls.mirror.all()), eventsOf()];
    expect(expectedEvents.map((event) => event.split(' ')[0])).toEqual(
      expect.arrayContaining(['GroupMemberRemoved', 'UserDeleted', 'GroupDeleted', 'UserCreated']),
    );

    let died = 0;
    for (let calls = 0; calls < 40; calls += 1) {
      begin();
      for (let round = 0; round < 3; round += 1) {
        polls.time += 300_001;
        polls.directory.dc1.usn += 1n;
        const outcome = await polls.poll({ mirror: dyingMirror(polls.mirror, calls) }).catch((error: Error) => error);
        if (outcome instanceof Error) {
          expect(outcome.message).toBe('killed');
          died += 1;
        }
      }
      await pollUntilDone();
      expect(substance(polls.mirror.all()), `killed after ${calls} calls`).toEqual(expectedRows);
      expect(eventsOf(), `killed after ${calls} calls`).toEqual(expectedEvents);
    }
    expect(died).toBeGreaterThan(20);
  });

  test('THEN the cursor is never ahead of the rows', async () => {
    for (const [cookie, answer] of history) polls.directory.set(cookie, answer);
    for (let calls = 0; calls < 20; calls += 1) {
      polls.mirror = memoryMirror(polls.now);
      await polls.poll({ mirror: dyingMirror(polls.mirror, calls) }).catch(() => undefined);
      const reached = polls.mirror.cursorOf(domain)?.cookie.toString() ?? '';
      const passed = history.slice(
        0,
        Math.max(
          0,
          history.findIndex(([cookie]) => cookie === reached),
        ),
      );
      const guids = passed.flatMap(([, answer]) => answer.objects.map(({ guid }) => objectKey(domain, guid)));
      expect(await polls.mirror.read(guids)).toHaveLength(guids.length);
    }
  });
});

describe('two at once', () => {
  test('WHEN another has the lease THEN this one says so and touches nothing', async () => {
    await polls.mirror.acquireLease(domain, 'other', 60_000);
    const connect = async () => {
      throw new Error('it must not connect');
    };
    expect(await polls.poll({ connect })).toEqual({ outcome: 'lease-held' });
    expect(polls.codes).toEqual(['LEASE_HELD']);
    expect(polls.mirror.changes).toEqual([]);
  });

  test('WHEN two start together THEN one works and the other is a stated no-op', async () => {
    polls.directory.set('', page([ada], 'c1'));
    const outcomes = (await Promise.all([polls.poll(), polls.poll()])).map(({ outcome }) => outcome);
    expect(outcomes.sort()).toEqual(['done', 'lease-held']);
  });

  test('fails with LeaseLostError when another took over meanwhile, whose lease and place stay', async () => {
    await polls.firstSync();
    polls.directory.set('c1', page([changed(ada, { userAccountControl: ['514'] })], 'c2'));
    const overtaken = {
      ...polls.source,
      async changesSince(cookie: Buffer) {
        const late = await polls.source.changesSince(cookie);
        polls.time += 300_001;
        expect(await polls.poll()).toMatchObject({ outcome: 'done', written: 1 });
        await polls.mirror.acquireLease(domain, 'a third', 60_000);
        return late;
      },
    };
    // It read the row before, or after, the other wrote it: here after, so that it writes nothing but the cursor.
    await expect(polls.poll({ connect: async () => overtaken })).rejects.toBeInstanceOf(LeaseLostError);
    expect(await polls.mirror.acquireLease(domain, 'a fourth', 1_000)).toBeUndefined();
    expect(polls.types().filter((type) => type === 'UserDisabled')).toHaveLength(1);
  });
});

describe('an outage', () => {
  const down = new DirectoryUnreachableError('no domain controller answers: ldaps://dc1: ECONNREFUSED');
  const unreachable = { connect: async () => Promise.reject(down) };
  const fail = () => expect(polls.poll(unreachable)).rejects.toBe(down);

  test('WHEN it lasts for many polls THEN it is raised once, and so is the recovery, with the time it began', async () => {
    await polls.firstSync();
    const began = polls.now().toISOString();
    for (let round = 0; round < 3; round += 1) {
      await fail();
      polls.time += 60_000;
    }
    polls.directory.set('c1', page([tombstone(bea)], 'c2'));
    await polls.poll();
    await polls.poll();
    const told = polls.events().filter(({ type }) => type.startsWith('DirectoryUn') || type.startsWith('DirectoryRe'));
    expect(told).toMatchObject([
      { type: 'DirectoryUnreachable', change: { since: began, reason: down.message } },
      { type: 'DirectoryRecovered', change: { since: began } },
    ]);
    // AND nothing was lost: the poll went on from the cookie it had
    expect(polls.types()).toContain('UserDeleted');
    // AND the next outage is told again
    expect(await polls.since(fail)).toEqual(['DirectoryUnreachable']);
  });

  test('WHEN it is there from the start THEN it is raised, and the first snapshot comes after it', async () => {
    await fail();
    polls.directory.set('', page([ada], 'c1'));
    await polls.poll();
    expect(polls.types()).toEqual(['DirectoryUnreachable', 'DirectorySnapshotCompleted', 'DirectoryRecovered']);
  });

  test('WHEN it begins in the middle of the pages THEN those before it stay, and the next poll goes on after them', async () => {
    polls.directory.set('', page([ada], 'c1', true)).set('c1', down);
    await expect(polls.poll()).rejects.toThrow(down.message);
    polls.directory.set('c1', page([bea], 'c2'));
    await polls.poll();
    expect(polls.directory.asked).toEqual(['', 'c1', 'c1']);
    expect(polls.events().find(({ type }) => type === 'DirectorySnapshotCompleted')?.change).toEqual({
      users: 2,
      computers: 0,
      serviceAccounts: 0,
      groups: 0,
      memberships: 0,
    });
  });

  test.each(['saveCursor', 'write', 'release'] as const)(
    'WHEN the poll that sees it dies at %s THEN outage and recovery are still told as a pair',
    async (method) => {
      await polls.firstSync();
      const dying: Mirror = { ...polls.mirror, [method]: async () => Promise.reject(new Error('killed')) };
      // The reason of the failure is the outage, not what failed after it.
      await expect(polls.poll({ ...unreachable, mirror: dying })).rejects.toBe(down);
      polls.time += 300_001;
      await fail();
      await polls.poll();
      expect(polls.types().slice(1)).toEqual(['DirectoryUnreachable', 'DirectoryRecovered']);
      expect(await polls.since(fail)).toEqual(['DirectoryUnreachable']);
    },
  );

  test('fails for a wrong configuration without calling it an outage, and gives the lease back', async () => {
    const wrong = new ConfigurationError('directory URL "ldap://dc1" is not ldaps://');
    await polls.firstSync();
    const raised = await polls.since(() => expect(polls.poll({ connect: async () => Promise.reject(wrong) })).rejects.toBe(wrong));
    expect(raised).toEqual([]);
    expect(await polls.poll()).toMatchObject({ outcome: 'done' });
  });

  test('fails for a page that cannot be read, writes nothing of it and stays where it is', async () => {
    await polls.firstSync();
    polls.directory.set('c1', new SyntaxError('not an extended name'));
    const before = polls.mirror.writes.rows;
    await expect(polls.poll()).rejects.toThrow(SyntaxError);
    expect(polls.mirror.writes.rows).toBe(before);
    expect(polls.cursor.cookie.toString()).toBe('c1');
  });
});
