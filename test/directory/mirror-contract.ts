/** What every mirror has to hold, the one in memory and the one in DynamoDB. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Cursor, LeaseLostError, type Mirror, type ObjectRow, objectKey } from '../../handlers/directory/mirror.ts';
import { guidOf } from './rows.ts';

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
      query: 'q',
      snapshot: undefined,
      unreachableSince: undefined,
      ...change,
    });
    const lease = async (owner: string, leaseMs = 1_000) => {
      const taken = await mirror.acquireLease(domain, owner, leaseMs);
      if (taken === undefined) throw new Error(`${owner} did not get the lease`);
      return taken;
    };

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
      const saved = cursor('page-1', { snapshot: { users: 1, groups: 2, memberships: 3 }, unreachableSince: '2025-03-01T10:00:00.000Z' });
      await mirror.saveCursor(domain, fence, saved);
      expect(await mirror.acquireLease(domain, 'two', 1_000)).toBeUndefined();
      await mirror.release(domain, fence, undefined);
      const next = await lease('two');
      expect(next.cursor).toEqual(saved);
      expect(Buffer.isBuffer(next.cursor?.cookie)).toBe(true);
      // An empty cookie, and marks that are gone.
      await mirror.release(domain, next.fence, cursor(''));
      const last = (await lease('three')).cursor;
      expect(last).toMatchObject({ cookie: Buffer.alloc(0), query: 'q' });
      expect(last?.snapshot).toBeUndefined();
      expect(last?.unreachableSince).toBeUndefined();
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
  });
}
