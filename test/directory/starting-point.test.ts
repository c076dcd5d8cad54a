/** Where a poll starts: what a cookie would not bring asks for a full sync, which tells differences as ordinary changes. */
import { beforeEach, describe, expect, test } from 'vitest';
import { captureSettings } from '../../handlers/directory/capture-settings.ts';
import {
  databaseChange,
  emptyCursor,
  isQuiet,
  queryOf,
  remember,
  staleness,
} from '../../handlers/directory/detect-changes/starting-point.ts';
import { DirectoryUnreachableError, mirroredAttributes } from '../../handlers/directory/directory-source.ts';
import type { Cursor, Query } from '../../handlers/directory/mirror.ts';
import { dyingMirror } from './memory-mirror.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { changed, delta, objectRow, referenceTo, tombstone, userObject } from './rows.ts';

const dayMs = 24 * 3600 * 1000;
const newcomer = userObject(3, 'Cleo');
/** The directory went on: Ada left the group, Cleo came. */
const whole = page([ada, bea, { ...staff, membersAdded: [referenceTo(bea)], membersRemoved: [referenceTo(ada)] }, newcomer], 'c9');
const ordinary = ['UserCreated', 'GroupMemberRemoved'];

let polls: Polls;
beforeEach(async () => {
  polls = new Polls();
  await polls.firstSync();
  polls.directory.set('', whole);
  polls.directory.asked.length = 0;
});
const reasons = () => polls.logged.filter(({ code }) => code === 'FULL_SYNC').map(({ fields }) => fields.reason);

describe('a poll that reads everything again', () => {
  test('WHEN the domain controller was rolled back to a snapshot, and would answer with silence, THEN its lower USN tells so', async () => {
    polls.directory.dc1.usn = 500n;
    expect(await polls.since(polls.poll)).toEqual(ordinary);
    expect(reasons()).toEqual(['controller-rolled-back']);
    expect(polls.directory.asked).toEqual(['']);
    // AND from its new place it is as good as any
    expect(await polls.told(changed(ada, { userAccountControl: ['514'] }))).toEqual(['UserDisabled']);
  });

  test('WHEN it was restored from a backup, and would not send what that reverted, THEN its new invocationId tells so', async () => {
    // GIVEN a value that the restoration reverted: it comes with a full read only
    await polls.told(changed(ada, { userAccountControl: ['514'] }));
    polls.directory.dc1.invocationId = 'restored';
    polls.directory.set('', page([...whole.objects.filter(({ guid }) => guid !== ada.guid), ada], 'c9'));
    expect(await polls.since(polls.poll)).toEqual([...ordinary, 'UserEnabled']);
    expect(reasons()).toEqual(['controller-restored']);
  });

  test('WHEN the cookie is older than the tombstone lifetime THEN deletions may be forgotten', async () => {
    polls.time += 178 * dayMs;
    polls.directory.dc1.usn += 1n;
    expect(await polls.since(polls.poll)).toEqual([]);
    polls.time += 180 * dayMs;
    expect(await polls.since(polls.poll)).toEqual(ordinary);
    expect(reasons()).toEqual(['cookie-too-old']);
  });

  test('GIVEN a forest with a shorter tombstone lifetime THEN it counts', async () => {
    await polls.changeCursor({ tombstoneDays: 60 });
    polls.time += 60 * dayMs;
    expect(await polls.since(polls.poll)).toEqual(ordinary);
  });

  test('WHEN the cursor is of another query THEN its cookie is not used', async () => {
    await polls.changeCursor({ query: { digest: 'another filter', attributes: [] } });
    expect(await polls.since(polls.poll)).toEqual(ordinary);
    expect(polls.directory.asked).toEqual(['']);
    expect(polls.cursor.query).toEqual(queryOf(polls.settings));
    expect(reasons()).toEqual(['query-changed']);
  });

  test('WHEN more attributes are asked for THEN what they hold is learned, not told; from then on it is', async () => {
    polls.directory.set(
      '',
      page([{ ...ada, attributes: { ...ada.attributes, title: ['Engineer'], mail: ['a@example.com'] } }, bea, staff], 'c9'),
    );
    polls.settings = captureSettings({ attributes: ['title'] });
    expect(await polls.since(polls.poll)).toEqual(['UserUpdated']);
    expect(polls.eventsOf('UserUpdated')[0]?.change).toEqual({ mail: { before: null, after: 'a@example.com' } });
    expect(await polls.told(changed(ada, { title: ['Lead'] }))).toEqual(['UserUpdated']);
    expect(polls.eventsOf('UserUpdated')[1]?.change).toEqual({ title: { before: 'Engineer', after: 'Lead' } });
    // AND of somebody whom the list found without one
    expect(await polls.told(changed(bea, { title: ['Engineer'] }))).toEqual(['UserUpdated']);
  });

  test('WHEN the cursor was lost and the mirror was not THEN there is no second snapshot, and what is new is told', async () => {
    const { mirror } = polls;
    polls.mirror = {
      ...mirror,
      acquireLease: async (...parameters) => (await mirror.acquireLease(...parameters)) && { fence: 9, first: false, cursor: undefined },
    };
    const lost = { ...polls.mirror, saveCursor: async () => {}, release: async () => {} };
    expect(await polls.since(() => polls.poll({ mirror: lost }))).toEqual(ordinary);
  });

  test('WHEN one controller restarted and another is asked THEN the reason of the first is none for it', async () => {
    polls.directory.dc1.down = true;
    polls.directory.dc1.usn = 1n;
    polls.directory.addController('dc2');
    expect(await polls.since(polls.poll)).toEqual([]);
    expect(polls.directory.asked).toEqual(['c1']);
  });
});

describe('a full sync that takes several polls', () => {
  beforeEach(() => {
    polls.directory.set('', page([ada, bea], 'p1', true)).set('p1', page([staff, newcomer], 'p2'));
  });

  test.each<[string, { days?: number; usn?: bigint; invocationId?: string; query?: Query }]>([
    ['an old cookie', { days: 200 }],
    ['a controller that was rolled back', { usn: 500n }],
    ['a controller that was restored', { invocationId: 'restored' }],
    ['another query', { query: { digest: 'another', attributes: [] } }],
  ])('BECAUSE of %s THEN the second poll goes on where the first ended', async (_, { days = 0, query, ...database }) => {
    polls.time += days * dayMs;
    Object.assign(polls.directory.dc1, database);
    if (query !== undefined) await polls.changeCursor({ query });
    expect(await polls.shortPoll()).toMatchObject({ outcome: 'continues' });
    polls.time += 60_000;
    expect(await polls.poll()).toMatchObject({ outcome: 'done' });
    expect(polls.directory.asked).toEqual(['', 'p1']);
    expect(reasons()).toHaveLength(1);
    expect(polls.cursor.fullSync).toBeUndefined();
  });

  test('WHEN its query changes meanwhile THEN what either learned is told by neither', async () => {
    const titled = { ...ada, attributes: { ...ada.attributes, title: ['Engineer'], department: ['Research'] } };
    polls.settings = captureSettings({ attributes: ['title'] });
    await polls.shortPoll();
    polls.settings = captureSettings({ attributes: ['title', 'department'] });
    polls.directory.set('', page([titled, bea, staff, newcomer], 'p9'));
    expect(await polls.since(polls.poll)).toEqual(['UserCreated']);
    expect((await polls.row(ada)).attributes).toMatchObject({ title: ['Engineer'], department: ['Research'] });
  });
});

describe('a first snapshot', () => {
  test('WHEN the poll dies after it has told it THEN what came since is told as new', async () => {
    for (let calls = 0; calls < 12; calls += 1) {
      polls = new Polls();
      polls.directory.set('', page([ada], 'p1', true)).set('p1', page([bea, staff], 'c1'));
      await polls.poll({ mirror: dyingMirror(polls.mirror, calls) }).catch(() => undefined);
      const wasTold = polls.types().includes('DirectorySnapshotCompleted');
      polls.directory.set('p1', page([bea, staff, newcomer], 'c2')).set('c1', page([newcomer], 'c2'));
      polls.time += 300_001;
      await polls.poll();
      expect(polls.types(), `killed after ${calls} writes`).toEqual(
        wasTold ? ['DirectorySnapshotCompleted', 'UserCreated'] : ['DirectorySnapshotCompleted'],
      );
    }
  });

  test('WHEN the controller fails after it was told THEN what the next one has besides is told as new', async () => {
    polls = new Polls();
    polls.directory.addController('dc2');
    polls.directory.set('', page([ada, bea, staff], 'c1'));
    polls.directory.beforeSearch = (method, { host }) => {
      if (method !== 'adminSdHolder' || host !== polls.directory.dc1.host) return;
      polls.directory.set('', page([ada, bea, staff, newcomer], 'c2'));
      throw new DirectoryUnreachableError('ECONNRESET');
    };
    await polls.poll();
    expect(polls.types()).toEqual(['DirectorySnapshotCompleted', 'UserCreated']);
  });
});

describe('a quiet controller', () => {
  const host = 'dc1.corp.example.com';
  const cursor = (change: Partial<Cursor> = {}): Cursor => ({
    ...remember(emptyCursor(queryOf(polls.settings)), { host, usn: 10n }, 'one'),
    ...{ cookie: Buffer.from('c'), more: false },
    ...change,
  });

  test.each<[string, Partial<Cursor>, bigint, boolean]>([
    ['nothing was written since', {}, 10n, true],
    ['something was written', {}, 11n, false],
    ['it went back', {}, 9n, false],
    ['pages wait', { more: true }, 10n, false],
    ['a full sync is due', { cookie: Buffer.alloc(0) }, 10n, false],
    ['it was never asked', { controllers: {} }, 10n, false],
  ])('WHEN %s', (_, change, usn, quiet) => {
    expect(isQuiet(cursor(change), { host, usn })).toBe(quiet);
  });

  test('THEN of many controllers the last asked are remembered, this one among them', () => {
    let many = cursor();
    for (let number = 0; number < 100; number += 1) many = remember(many, { host: `dc${number}`, usn: 1n }, 'x');
    many = remember(many, { host: 'dc99', usn: 2n }, 'x');
    expect(Object.keys(many.controllers)).toHaveLength(32);
    expect(many.controllers.dc99).toEqual({ invocationId: 'x', usn: '2' });
    expect(databaseChange(many, { host: 'dc98', usn: 0n }, 'x')).toBe('controller-rolled-back');
    expect(databaseChange(many, { host: 'dc1', usn: 0n }, 'y')).toBeUndefined();
  });

  test('GIVEN a tombstone lifetime that is not known yet THEN the shortest default counts', () => {
    const polledAt = '2025-01-01T00:00:00.000Z';
    const daysLater = (days: number) => new Date(Date.parse(polledAt) + days * dayMs);
    const query = queryOf(polls.settings);
    expect(staleness(cursor({ polledAt }), query, daysLater(58))).toBeUndefined();
    expect(staleness(cursor({ polledAt }), query, daysLater(60))).toBe('cookie-too-old');
    expect(staleness(cursor({ polledAt, tombstoneDays: 180 }), query, daysLater(60))).toBeUndefined();
  });

  test('invariant 3: GIVEN the look-ups after a full sync WHEN its notes are about to be forgotten THEN all is read again', () => {
    const run = '2025-01-01T00:00:00.000Z';
    const verification = {
      startedAt: run,
      run,
      after: undefined,
      verified: 0,
      gone: [],
      goneCount: { objects: 0, memberships: 0 },
      unproven: 0,
      approved: undefined,
    };
    const daysLater = (days: number) => new Date(Date.parse(run) + days * dayMs);
    const query = queryOf(polls.settings);
    const looking = (days: number) => cursor({ polledAt: daysLater(days).toISOString(), verification });
    expect(staleness(looking(5), query, daysLater(5))).toBeUndefined();
    expect(staleness(looking(7), query, daysLater(7))).toBe('cookie-too-old');
    expect(staleness({ ...looking(7), verification: { ...verification, run: undefined } }, query, daysLater(7))).toBeUndefined();
  });

  test('THEN a query is the same for the same settings, and another for each that changes what is asked or told', () => {
    const digest = (options: Parameters<typeof captureSettings>[0]) => queryOf(captureSettings(options)).digest;
    const different = [{}, { mode: 'object-security' }, { attributes: ['title'] }, { scope: { exclude: { filter: '(title=x)' } } }];
    expect(new Set(different.map(digest)).size).toBe(different.length);
    expect(digest({ guard: { most: 5 }, verifyEveryHours: 5 })).toBe(digest({}));
    // An attribute that is asked for anyway, in another case.
    expect(mirroredAttributes(['MAIL'])).toEqual(mirroredAttributes([]));
    expect(objectRow(tombstone(ada)).guid).toBe(ada.guid);
  });
});

test('WHEN the look-ups after a full sync find nothing gone THEN nothing more is asked at the next poll', async () => {
  polls.directory.dc1.usn = 500n;
  await polls.poll();
  expect(polls.codes).toContain('VERIFIED');
  polls.directory.searches.length = 0;
  expect(await polls.since(polls.poll)).toEqual([]);
  expect(polls.directory.searches).toEqual(['controller dc1.corp.example.com']);
  expect(await polls.told(delta(staff, { membersAdded: [referenceTo(ada)] }))).toEqual(['GroupMemberAdded']);
});

describe('a change of an object that the mirror never held', () => {
  const stranger = userObject(77, 'Stranger');
  const stripped = delta(stranger, { attributes: { displayName: [], mail: [] } });

  test('WHEN the recycle bin strips what was deleted long ago THEN nothing is told, and nothing read again', async () => {
    polls.directory.set('c1', page([stripped, changed(ada, { userAccountControl: ['514'] })], 'c2'));
    polls.directory.living.delete(stranger.guid);
    polls.directory.deleted.add(stranger.guid);
    expect(await polls.since(polls.poll)).toEqual(['UserDisabled']);
    expect(polls.directory.asked).toEqual(['c1']);
    expect(polls.codes).not.toContain('MIRROR_INCOMPLETE');
  });

  test('WHEN it lives THEN the mirror lacks it, and all is read again', async () => {
    polls.directory.set('c1', page([stripped], 'c2'));
    await polls.poll();
    expect(polls.codes).toContain('MIRROR_INCOMPLETE');
    expect(polls.directory.asked).toContain('');
  });
});
