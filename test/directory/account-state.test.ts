/** What time makes of accounts: expiry and the end of a lockout. Nothing is written in the directory at either moment. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type AccountClock, accountState } from '../../handlers/directory/account-state.ts';
import { dueListing } from '../../handlers/directory/mirror.ts';
import { ada, bea, Polls } from './polls.ts';
import { accountObject, changed, domain, fileTimeOf, objectRow, userObject } from './rows.ts';

/** The clock of the polls starts here. */
const start = '2025-03-01T10:00:00.000Z';
const at = (minutes: number) => new Date(Date.parse(start) + minutes * 60_000).toISOString();
const expiring = (minutes: number) => ({ accountExpires: [fileTimeOf(at(minutes))] });
const locked = { lockoutTime: [fileTimeOf(at(-1))] };

let polls: Polls;
beforeEach(() => {
  polls = new Polls();
});

/** Polls, without a change in the directory, so many minutes after the start. */
async function pollAt(minutes: number): Promise<string[]> {
  polls.time = Date.parse(at(minutes));
  return polls.since(polls.poll);
}

describe('an account that expires', () => {
  test('WHEN the moment passes THEN the next poll says so, exactly once, with the time', async () => {
    await polls.firstSync(userObject(3, 'Cleo', expiring(30)));
    expect(await pollAt(29)).toEqual([]);
    expect(await pollAt(30)).toEqual(['UserExpired']);
    expect(polls.eventsOf('UserExpired')).toMatchObject([{ change: { at: at(30) }, occurredAt: at(30), subject: { name: 'Cleo' } }]);
    expect(await pollAt(31)).toEqual([]);
    // AND a change of something else says nothing of it again
    expect(await polls.told(changed(userObject(3, 'Cleo'), { mail: ['c@example.com'] }))).toEqual(['UserUpdated']);
  });

  test('WHEN the moment passed while no poll ran THEN the first one afterwards says so, once', async () => {
    await polls.firstSync(userObject(3, 'Cleo', expiring(30)), accountObject('computer', 4, 'PC4$', expiring(40)));
    expect((await pollAt(60 * 24 * 3)).sort()).toEqual(['ComputerExpired', 'UserExpired']);
    expect(await pollAt(60 * 24 * 3 + 1)).toEqual([]);
  });

  test('WHEN no controller answers at the moment THEN it expires all the same, and once', async () => {
    await polls.firstSync(userObject(3, 'Cleo', expiring(30)));
    polls.directory.dc1.down = true;
    const silent = async () => {
      await expect(polls.poll()).rejects.toThrow();
    };
    polls.time = Date.parse(at(31));
    expect(await polls.since(silent)).toEqual(expect.arrayContaining(['DirectoryUnreachable', 'UserExpired']));
    polls.time = Date.parse(at(32));
    expect(await polls.since(silent)).toEqual([]);
    polls.directory.dc1.down = false;
    expect(await pollAt(33)).toEqual(['DirectoryRecovered']);
  });

  test('WHEN it had expired before the first snapshot THEN nothing is told, and the row says it', async () => {
    const cleo = userObject(3, 'Cleo', expiring(-30));
    await polls.firstSync(cleo);
    expect(await pollAt(1)).toEqual([]);
    expect(await polls.row(cleo)).toMatchObject({ expired: true });
  });

  test('WHEN a poll dies between the expiry and its end THEN it is told once', async () => {
    await polls.firstSync(userObject(3, 'Cleo', expiring(30)));
    polls.time = Date.parse(at(30));
    const dying = { ...polls.mirror, release: async () => Promise.reject(new Error('killed')) };
    await expect(polls.poll({ mirror: dying })).rejects.toThrow('killed');
    await pollAt(40);
    expect(polls.eventsOf('UserExpired')).toHaveLength(1);
  });

  test('WHEN it is extended in the last minute THEN it never expired; WHEN afterwards THEN it is no longer expired', async () => {
    const cleo = userObject(3, 'Cleo', expiring(30));
    await polls.firstSync(cleo);
    polls.time = Date.parse(at(30));
    expect(await polls.told(changed(cleo, expiring(60)))).toEqual(['UserExpiryChanged']);
    expect(polls.eventsOf('UserExpiryChanged')[0]?.change).toEqual({ before: at(30), after: at(60) });
    expect(await pollAt(60)).toEqual(['UserExpired']);
    expect(await polls.told(changed(cleo, { accountExpires: ['9223372036854775807'] }))).toEqual(['UserExpiryChanged']);
    expect(polls.eventsOf('UserExpiryChanged')[1]?.change).toEqual({ before: at(60), after: null });
    expect((await polls.row(cleo)).expired).toBeUndefined();
    // AND a second expiry is a second event
    expect(await polls.told(changed(cleo, expiring(80)))).toEqual(['UserExpiryChanged']);
    expect(await pollAt(80)).toEqual(['UserExpired']);
  });

  test('WHEN its expiry is set into the past THEN it expired at once', async () => {
    await polls.firstSync();
    expect(await polls.told(changed(ada, expiring(-5)))).toEqual(['UserExpiryChanged', 'UserExpired']);
  });

  test.each([['0'], ['9223372036854775807']])(
    'WHEN accountExpires goes from never to never, by way of %s, THEN nothing is told',
    async (never) => {
      await polls.firstSync();
      expect(await polls.told(changed(ada, { accountExpires: [never] }))).toEqual([]);
      expect(await pollAt(60 * 24 * 365)).toEqual([]);
    },
  );

  test('WHEN it is deleted THEN it does not expire any more', async () => {
    const cleo = userObject(3, 'Cleo', expiring(30));
    await polls.firstSync(cleo);
    expect(await polls.told(changed(cleo, { isDeleted: ['TRUE'] }))).toEqual(['UserDeleted']);
    expect(await pollAt(31)).toEqual([]);
    expect(await polls.mirror.due(domain, at(60))).toEqual([]);
  });
});

describe('an account that is locked out', () => {
  /** GIVEN Ada locked out since 9:59. */
  async function lockAda(until: string): Promise<string[]> {
    await polls.firstSync();
    polls.directory.lockedOut.set(ada.guid, until);
    return polls.told(changed(ada, locked));
  }

  test('WHEN the lockout ends by time THEN the next poll says so, once, though nothing was written', async () => {
    expect(await lockAda(at(30))).toEqual(['UserLockedOut']);
    expect(polls.eventsOf('UserLockedOut')).toMatchObject([{ change: { until: at(30) }, occurredAt: at(-1) }]);
    expect(await pollAt(29)).toEqual([]);
    polls.directory.lockedOut.clear();
    expect(await pollAt(30)).toEqual(['UserUnlocked']);
    expect(await pollAt(31)).toEqual([]);
  });

  test('WHEN nothing but an administrator ends it THEN no time does', async () => {
    expect(await lockAda('never')).toEqual(['UserLockedOut']);
    expect(polls.eventsOf('UserLockedOut')[0]?.change).toEqual({ until: null });
    expect(await pollAt(60 * 24 * 30)).toEqual([]);
    polls.directory.lockedOut.clear();
    expect(await polls.told(changed(ada, { lockoutTime: ['0'] }))).toEqual(['UserUnlocked']);
  });

  test('WHEN an administrator unlocks it before its time THEN it is told then, and not again at its time', async () => {
    await lockAda(at(30));
    expect(await polls.told(changed(ada, { lockoutTime: ['0'] }))).toEqual(['UserUnlocked']);
    expect(await pollAt(30)).toEqual([]);
  });

  test('WHEN it is still locked at its time, by the clock of the domain controller, THEN the next poll looks again', async () => {
    await lockAda(at(30));
    expect(await pollAt(30)).toEqual([]);
    polls.directory.searches.length = 0;
    polls.directory.lockedOut.clear();
    expect(await pollAt(31)).toEqual(['UserUnlocked']);
    expect(polls.directory.searches).toContain('lockouts dc1.corp.example.com');
  });

  test('WHEN something else of it changes at its time THEN its end is told all the same', async () => {
    await lockAda(at(30));
    polls.directory.lockedOut.clear();
    polls.time = Date.parse(at(30));
    expect((await polls.told(changed(ada, { mail: ['a@example.com'] }))).sort()).toEqual(['UserUnlocked', 'UserUpdated']);
  });

  test('WHEN lockoutTime is set but its time is over THEN the account was not locked out for us', async () => {
    await polls.firstSync();
    expect(await polls.told(changed(ada, locked))).toEqual([]);
    expect((await polls.row(ada)).lockedOut).toBeUndefined();
  });

  test('WHEN nobody is in question THEN the directory is not asked', async () => {
    await polls.firstSync();
    await polls.told(changed(bea, { lockoutTime: ['0'] }));
    expect(polls.directory.searches.filter((search) => search.startsWith('lockouts'))).toEqual([]);
  });

  test('WHEN it expires before the lockout ends THEN both are told in their time', async () => {
    await lockAda(at(30));
    expect(await polls.told(changed(ada, expiring(20)))).toEqual(['UserExpiryChanged']);
    expect(await pollAt(20)).toEqual(['UserExpired']);
    polls.directory.lockedOut.clear();
    expect(await pollAt(30)).toEqual(['UserUnlocked']);
  });
});

describe('what is due', () => {
  const clock = (change: Partial<AccountClock> = {}): AccountClock => ({
    domain,
    detectedAt: start,
    lockouts: new Map(),
    lockoutsAsked: new Set(),
    ...change,
  });
  const row = (attributes: Record<string, string[]>) => objectRow(userObject(1, 'Ada', attributes));
  const asked = (until: string) => clock({ lockouts: new Map([[ada.guid, until]]), lockoutsAsked: new Set([ada.guid]) });

  test.each([
    ['nothing', row({}), clock(), undefined],
    ['an expiry', row(expiring(5)), clock(), at(5)],
    ['an expiry of the past', row(expiring(-5)), clock(), undefined],
    ['the end of a lockout', row(locked), asked(at(7)), at(7)],
    ['the earlier of both', row({ ...expiring(5), ...locked }), asked(at(7)), at(5)],
    ['the other of both', row({ ...expiring(9), ...locked }), asked(at(7)), at(7)],
    ['another look at a lockout that should be over', row(locked), asked(at(-1)), at(1 / 12)],
    ['a lockout that should be over and was not asked about', { ...row(locked), lockedOut: at(-1) }, clock(), at(-1)],
    ['a lockout without end', row(locked), asked('never'), undefined],
  ])('is %s', (_, of, when, dueAt) => {
    expect(accountState(of, when)).toMatchObject({ dueAt, dueUnder: dueAt && dueListing(domain) });
  });

  test('GIVEN a lockout that should be over WHEN a page says nothing new of the account THEN only its end is written', async () => {
    await polls.firstSync();
    polls.directory.lockedOut.set(ada.guid, at(1.5));
    await polls.told(changed(ada, locked));
    polls.directory.lockedOut.clear();
    const before = polls.mirror.writes.rows;
    expect(await polls.told(changed(ada, { mail: [] }))).toEqual(['UserUnlocked']);
    expect(polls.mirror.writes.rows).toBe(before + 1);
  });
});
