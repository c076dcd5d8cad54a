/** What every mirror has to hold, the one in memory and the one in DynamoDB. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  type Cursor,
  dueListing,
  type EdgeRow,
  edgeKey,
  LeaseLostError,
  type Mirror,
  type ObjectRow,
  objectKey,
  type RowKey,
  type StatusRow,
  statusKey,
} from '../../handlers/directory/mirror.ts';
import { guidOf } from './rows.ts';

const time0 = '2025-03-01T10:00:00.000Z';
const gone = { objects: 30, memberships: 1 };
const someKey = objectKey('corp.example.com', guidOf(1));

/** A value for every field of a cursor that may be missing; the type makes it complete. */
const everyField: { [Name in Exclude<keyof Cursor, 'cookie' | 'query'>]: NonNullable<Cursor[Name]> } = {
  more: true,
  scopeUnknown: true,
  snapshot: { users: 1, computers: 2, serviceAccounts: 3, groups: 4, memberships: 5 },
  fullSync: { run: time0, learning: ['mail'] },
  unreachableSince: time0,
  polledAt: time0,
  controllers: { 'dc1.corp.example.com': { invocationId: guidOf(1), usn: '18446744073709551615' } },
  tombstoneDays: 180,
  givenBy: { host: 'dc1.corp.example.com', since: time0 },
  verification: {
    ...{ startedAt: time0, run: time0, after: someKey, verified: 1000, gone: [someKey], goneCount: gone, unproven: 2 },
    approved: gone,
  },
  verifiedAt: time0,
  letThrough: { since: time0, count: 7 },
  heldBack: { approval: 'a1b2c3', run: time0, gone, expiresAt: time0 },
};

/** @param mirrorAt a mirror whose clock is `now`; every call sees the same rows */
export function mirrorContract(name: string, mirrorAt: (now: () => Date) => Mirror): void {
  describe(name, () => {
    let domain: string;
    let time: number;
    let mirror: Mirror;

    beforeEach(() => {
      // GIVEN a domain of its own for each test
      domain = `${randomUUID()}.example.com`;
      time = Date.parse('2025-03-01T10:00:00Z');
      mirror = mirrorAt(() => new Date(time));
    });

    const row = (number: number, change: Partial<ObjectRow> = {}): ObjectRow => ({
      ...objectKey(domain, guidOf(number)),
      domain,
      revision: 1,
      fence: 1,
      detectedAt: '2025-03-01T10:00:00.000Z',
      guid: guidOf(number),
      type: 'user',
      dn: `CN=${number},DC=example,DC=com`,
      attributes: { name: [String(number)] },
      deleted: false,
      ...change,
    });
    const cursor = (text: string, change: Partial<Cursor> = {}): Cursor => ({
      cookie: Buffer.from(text),
      query: { digest: 'q', attributes: ['name'] },
      more: false,
      snapshot: undefined,
      fullSync: undefined,
      unreachableSince: undefined,
      polledAt: undefined,
      controllers: {},
      tombstoneDays: undefined,
      verification: undefined,
      verifiedAt: undefined,
      heldBack: undefined,
      ...change,
    });
    const lease = async (owner: string, leaseMs = 1_000) => {
      const taken = await mirror.acquireLease(domain, owner, leaseMs);
      if (taken === undefined) throw new Error(`${owner} did not get the lease`);
      return taken;
    };

    const sorted = (keys: readonly RowKey[]) => [...keys].sort((a, b) => (`${a.pk} ${a.sk}` < `${b.pk} ${b.sk}` ? -1 : 1));

    test('WHEN one holder has the lease THEN another gets none, until it is given back', async () => {
      const first = await lease('one');
      expect(await mirror.acquireLease(domain, 'two', 1_000)).toBeUndefined();
      await mirror.release(domain, first.fence, undefined);
      expect((await lease('two')).fence).toBe(first.fence + 1);
    });

    test('WHEN many ask for the lease at once THEN exactly one gets it', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => mirror.acquireLease(domain, `owner-${index}`, 1_000)));
      expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
    });

    test('WHEN a holder is gone THEN its lease runs out, and the fencing token grows', async () => {
      const first = await lease('one', 1_000);
      time += 1_001;
      const second = await lease('two');
      expect(second.fence).toBeGreaterThan(first.fence);
    });

    test('WHEN the answer to taking the lease was lost THEN the same owner takes it again', async () => {
      const first = await lease('one');
      expect((await lease('one')).fence).toBeGreaterThan(first.fence);
    });

    test('GIVEN leases of two domains THEN neither holds the other back', async () => {
      await lease('one');
      expect(await mirror.acquireLease(`other.${domain}`, 'two', 1_000)).toBeDefined();
    });

    test('WHEN a cursor is saved THEN the next holder reads all of it', async () => {
      const { fence, cursor: none } = await lease('one');
      expect(none).toBeUndefined();
      const saved = cursor('page-1', everyField);
      await mirror.saveCursor(domain, fence, saved);
      expect(await mirror.acquireLease(domain, 'two', 1_000)).toBeUndefined();
      await mirror.release(domain, fence, undefined);
      const next = await lease('two');
      expect(next.cursor).toEqual(saved);
      expect(Buffer.isBuffer(next.cursor?.cookie)).toBe(true);
      // An empty cookie, and marks that are gone.
      await mirror.release(domain, next.fence, cursor(''));
      expect((await lease('three')).cursor).toEqual(cursor(''));
    });

    test('GIVEN a cookie of 200 KB, near the most that a domain controller takes, THEN the cursor holds it', async () => {
      const { fence } = await lease('one');
      const cookie = Buffer.alloc(200 * 1024, 7);
      await mirror.release(domain, fence, cursor('', { cookie }));
      expect((await lease('two')).cursor?.cookie.equals(cookie)).toBe(true);
    });

    test('invariant 1: fails to move the cursor with the fencing token of a lease that passed on', async () => {
      const stale = await lease('one', 10);
      time += 11;
      const holder = await lease('two');
      await mirror.saveCursor(domain, holder.fence, cursor('page-2'));
      await expect(mirror.saveCursor(domain, stale.fence, cursor('page-1'))).rejects.toBeInstanceOf(LeaseLostError);
      await expect(mirror.release(domain, stale.fence, cursor('page-1'))).rejects.toBeInstanceOf(LeaseLostError);
      await expect(mirror.release(domain, stale.fence, undefined)).rejects.toBeInstanceOf(LeaseLostError);
      // AND the holder still has its lease and its place
      expect(await mirror.acquireLease(domain, 'three', 1_000)).toBeUndefined();
      await mirror.release(domain, holder.fence, undefined);
      expect((await lease('three')).cursor?.cookie.toString()).toBe('page-2');
    });

    test('invariant 1: fails to overwrite a row that a later holder wrote', async () => {
      await mirror.write([row(1)]);
      await mirror.write([row(1, { revision: 2, fence: 2, dn: 'CN=new,DC=example,DC=com' })]);
      // Both read revision 1; or the stale holder read what the later one wrote.
      for (const revision of [2, 3]) {
        await expect(mirror.write([row(1, { revision, fence: 1, dn: 'CN=stale,DC=example,DC=com' })])).rejects.toBeInstanceOf(
          LeaseLostError,
        );
      }
      await expect(mirror.write([row(1, { fence: 1 })])).rejects.toBeInstanceOf(LeaseLostError);
      expect(await mirror.read([row(1)])).toMatchObject([{ revision: 2, fence: 2, dn: 'CN=new,DC=example,DC=com' }]);
    });

    test('fails to write a revision that leaves one out, or that follows on no row', async () => {
      await mirror.write([row(1)]);
      await expect(mirror.write([row(1, { revision: 3, fence: 3 })])).rejects.toBeInstanceOf(LeaseLostError);
      await expect(mirror.write([row(2, { revision: 2 })])).rejects.toBeInstanceOf(LeaseLostError);
    });

    test('WHEN the answer to a write was lost THEN the same holder writes the same row again', async () => {
      await mirror.write([row(1)]);
      await mirror.write([row(1)]);
      await mirror.write([row(1, { revision: 2, deleted: true })]);
      await mirror.write([row(1, { revision: 2, deleted: true })]);
      expect(await mirror.read([row(1)])).toMatchObject([{ revision: 2, deleted: true }]);
    });

    test('WHEN more than 100 keys are read, some twice and some without a row, THEN each row comes once', async () => {
      const rows = Array.from({ length: 230 }, (_, index) => row(index));
      await mirror.write(rows);
      const read = await mirror.read([...rows, ...rows.slice(0, 20), row(9_999)]);
      expect(read.map(({ pk }) => pk).sort()).toEqual(rows.map(({ pk }) => pk).sort());
      expect(await mirror.read([])).toEqual([]);
    });

    test('WHEN a partition is larger than one answer (1 MB) THEN all of it is read, and nothing of another', async () => {
      const text = 'x'.repeat(4_000);
      const rows = Array.from({ length: 300 }, (_, index) => ({
        ...row(1, { dn: text }),
        sk: `memberOf#${guidOf(index)}` as 'object',
        listedUnder: `members#${domain}`,
      }));
      await mirror.write([...rows, row(2)]);
      expect(await mirror.readPartition(row(1).pk)).toHaveLength(300);
      // The index holds keys alone, and only of the rows that are listed.
      const listed = await mirror.list(`members#${domain}`);
      expect(listed).toHaveLength(300);
      expect(Object.keys(listed[0] ?? {}).sort()).toEqual(['pk', 'sk']);
      expect(await mirror.list(`groups#${domain}`)).toEqual([]);
    });

    test('WHEN a row stops being listed THEN the index forgets it', async () => {
      await mirror.write([row(1, { listedUnder: `groups#${domain}` })]);
      expect(await mirror.list(`groups#${domain}`)).toEqual([objectKey(domain, guidOf(1))]);
      await mirror.write([row(1, { revision: 2, listedUnder: undefined })]);
      expect(await mirror.list(`groups#${domain}`)).toEqual([]);
    });

    describe('the index of security identifiers', () => {
      const sid = () => `S-1-5-21-7-7-7-${domain}`;

      test('THEN it gives the keys of all rows of a SID, of every domain, and of no other', async () => {
        const [here, elsewhere] = [row(1, { sid: sid() }), { ...row(2, { sid: sid() }), pk: `other.${domain}#${guidOf(2)}` }];
        const edge = { ...row(3, { sid: sid() }), sk: `memberOf#${guidOf(9)}` as 'object' };
        await mirror.write([here, elsewhere, edge, row(4, { sid: `${sid()}0` }), row(5)]);
        expect(sorted(await mirror.listBySid(sid()))).toEqual(sorted([here, elsewhere, edge].map(({ pk, sk }) => ({ pk, sk }))));
        expect(await mirror.listBySid('S-1-0-0')).toEqual([]);
      });

      test('WHEN a row is another principal’s now THEN the index forgets it', async () => {
        await mirror.write([row(1, { sid: sid() })]);
        await mirror.write([row(1, { revision: 2 })]);
        expect(await mirror.listBySid(sid())).toEqual([]);
      });
    });

    describe('the index of what is due', () => {
      const at = (minute: number) => `2025-03-01T10:${String(minute).padStart(2, '0')}:00.000Z`;
      const dueAt = (number: number, minute: number, change: Partial<ObjectRow> = {}) =>
        row(number, { dueUnder: dueListing(domain), dueAt: at(minute), ...change });

      test('THEN it gives what is due up to a time, that moment included, the earliest first', async () => {
        await mirror.write([dueAt(1, 30), dueAt(2, 10), dueAt(3, 20), dueAt(4, 31), row(5)]);
        expect(await mirror.due(domain, at(30))).toEqual([2, 3, 1].map((number) => objectKey(domain, guidOf(number))));
        expect(await mirror.due(domain, at(9))).toEqual([]);
        expect(await mirror.due(`other.${domain}`, at(59))).toEqual([]);
      });

      test('WHEN a row is no longer due, or later, THEN it is not given any more', async () => {
        await mirror.write([dueAt(1, 10), dueAt(2, 10)]);
        await mirror.write([row(1, { revision: 2 }), dueAt(2, 40, { revision: 2 })]);
        expect(await mirror.due(domain, at(30))).toEqual([]);
        expect(await mirror.due(domain, at(40))).toEqual([objectKey(domain, guidOf(2))]);
      });
    });

    describe('a scan', () => {
      /** All stretches, each key as often as it came. */
      async function scanned(): Promise<{ keys: string[]; stretches: number }> {
        const keys: string[] = [];
        let after: RowKey | undefined;
        for (let stretches = 1; ; stretches += 1) {
          const stretch = await mirror.scan(domain, after);
          keys.push(...stretch.rows.map(({ pk, sk }) => `${pk} ${sk}`));
          after = stretch.after;
          if (after === undefined) return { keys: keys.sort(), stretches };
        }
      }
      const edge = (number: number, change: Partial<EdgeRow> = {}): EdgeRow => ({
        ...edgeKey(domain, guidOf(number), guidOf(900)),
        ...{ domain, revision: 1, fence: 1, detectedAt: time0, direct: true, primary: false, present: true },
        group: { guid: guidOf(900), type: 'group', name: 'Staff', dn: 'CN=Staff,DC=example,DC=com' },
        member: { guid: guidOf(number), dn: `CN=${number},DC=example,DC=com` },
        ...change,
      });
      const status = (): StatusRow => ({
        ...{ ...statusKey(domain), domain, revision: 1, fence: 1, detectedAt: time0, reachable: true, since: time0 },
      });

      test('THEN it brings every living object and membership of the domain once, and nothing else', async () => {
        const living = [row(1), row(2), edge(1), edge(2, { direct: false, primary: true })];
        const ended = [row(3, { deleted: true }), edge(3, { direct: false, present: false })];
        const elsewhere = { ...row(1), domain: `other.${domain}`, ...objectKey(`other.${domain}`, guidOf(1)) };
        await mirror.write([...living, ...ended, elsewhere, status()]);
        await mirror.noteSeen(domain, 'run', [guidOf(1)]);
        const { fence } = await lease('one');
        await mirror.saveCursor(domain, fence, cursor('page-1'));
        expect((await scanned()).keys).toEqual(living.map(({ pk, sk }) => `${pk} ${sk}`).sort());
      });

      test('WHEN there is more than one answer holds (1 MB) THEN it goes on after the last key, and leaves none out', async () => {
        const rows = Array.from({ length: 400 }, (_, index) => row(index, { dn: 'x'.repeat(4_000), deleted: index % 4 === 0 }));
        await mirror.write(rows);
        const { keys, stretches } = await scanned();
        expect(keys).toEqual(rows.flatMap(({ pk, sk, deleted }) => (deleted ? [] : [`${pk} ${sk}`])).sort());
        expect(stretches).toBeGreaterThan(1);
      });

      test('GIVEN the last row that was read WHEN it is gone by the next stretch THEN the scan goes on after it', async () => {
        const rows = Array.from({ length: 400 }, (_, index) => row(index, { dn: 'x'.repeat(4_000) }));
        await mirror.write(rows);
        const read: string[] = [];
        let buried = false;
        for (let after: RowKey | undefined, more = true; more; ) {
          const stretch = await mirror.scan(domain, after);
          read.push(...stretch.rows.map(({ pk }) => pk));
          [after, more] = [stretch.after, stretch.after !== undefined];
          const last = rows.find(({ pk }) => pk === stretch.rows.at(-1)?.pk);
          if (last === undefined || buried) continue;
          await mirror.write([{ ...last, revision: 2, deleted: true }]);
          [after, more, buried] = [{ pk: last.pk, sk: last.sk }, true, true];
        }
        expect(read.sort()).toEqual(rows.map(({ pk }) => pk).sort());
      });

      test('GIVEN a domain without rows THEN it ends', async () => {
        expect((await scanned()).keys).toEqual([]);
      });
    });

    describe('the notes of what a full sync saw', () => {
      const guids = (from: number, count: number) => Array.from({ length: count }, (_, index) => guidOf(from + index));

      test('WHEN 20,001 objects are noted at once THEN each is there', async () => {
        await mirror.noteSeen(domain, 'run', guids(0, 20_001));
        expect(await mirror.seen(domain, 'run')).toEqual(new Set(guids(0, 20_001)));
      });

      test('WHEN pages are noted one by one, one of them twice, THEN all of them are there', async () => {
        for (const page of [guids(0, 50), guids(50, 50), guids(50, 50), []]) await mirror.noteSeen(domain, 'run', page);
        expect(await mirror.seen(domain, 'run')).toEqual(new Set(guids(0, 100)));
      });

      test('WHEN an object comes first on two pages, as one that changes meanwhile does, THEN neither page is forgotten', async () => {
        for (const page of [guids(0, 50), [guidOf(0)], [guidOf(0), guidOf(70)]]) await mirror.noteSeen(domain, 'run', page);
        expect(await mirror.seen(domain, 'run')).toEqual(new Set([...guids(0, 50), guidOf(70)]));
      });

      test('THEN runs and domains are apart', async () => {
        await mirror.noteSeen(domain, 'one', guids(0, 3));
        await mirror.noteSeen(domain, 'two', guids(2, 3));
        await mirror.noteSeen(`other.${domain}`, 'one', guids(7, 3));
        expect(await mirror.seen(domain, 'one')).toEqual(new Set(guids(0, 3)));
        expect(await mirror.seen(domain, 'two')).toEqual(new Set(guids(2, 3)));
        expect(await mirror.seen(domain, 'three')).toEqual(new Set());
      });
    });
  });
}
