/** What every grants table has to hold, the one in memory and the one in DynamoDB. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { decide } from '../../handlers/access/decide.ts';
import { type Grants, type PrincipalGrants, principalKey } from '../../handlers/access/grants.ts';
import { context, group, member, user } from './decisions.ts';

export function grantsContract(name: string, grantsTable: () => Grants): void {
  describe(name, () => {
    let grants: Grants;
    let first: PrincipalGrants;
    let second: PrincipalGrants;

    beforeEach(() => {
      // GIVEN a principal of its own for each test, and two decisions in a row
      grants = grantsTable();
      const domain = `${randomUUID()}.example.com`;
      const row = { ...user(), domain, pk: principalKey(domain, user().guid) };
      const one = decide(row, member(group(10, 'AWS-Developers')), undefined, context);
      if (one === undefined) throw new Error('nothing was decided');
      first = one;
      second = { ...one, revision: one.revision + 1, state: 'disabled', grants: {}, unannounced: [] };
    });

    test('WHEN nothing was decided THEN there is no item', async () => {
      expect(await grants.read(first.pk)).toBeUndefined();
    });

    test('WHEN a decision is written THEN it is read back as it was, its events included', async () => {
      expect(await grants.replace(first, undefined)).toBe(true);
      expect(await grants.read(first.pk)).toEqual(first);
    });

    test('WHEN the next decision is written THEN it replaces the whole item', async () => {
      await grants.replace(first, undefined);
      expect(await grants.replace(second, first)).toBe(true);
      expect(await grants.read(first.pk)).toEqual(second);
    });

    test('WHEN another decision came first THEN the write is refused and the item stays', async () => {
      await grants.replace(first, undefined);
      expect(await grants.replace({ ...first, state: 'deleted' }, undefined)).toBe(false);
      expect(await grants.replace({ ...second, revision: second.revision + 1 }, second)).toBe(false);
      expect(await grants.read(first.pk)).toEqual(first);
    });

    test('WHEN a decision is written for a principal that has none THEN only a first one is taken', async () => {
      expect(await grants.replace(second, first)).toBe(false);
      expect(await grants.read(first.pk)).toBeUndefined();
    });

    test('WHEN two first decisions come at once THEN one is taken', async () => {
      const taken = await Promise.all([grants.replace(first, undefined), grants.replace(first, undefined)]);
      expect(taken.sort()).toEqual([false, true]);
    });

    test('WHEN a revision is announced THEN its outbox is empty and the rest stays', async () => {
      await grants.replace(first, undefined);
      await grants.announced(first.pk, first.revision);
      expect(await grants.read(first.pk)).toEqual({ ...first, unannounced: [] });
    });

    test('WHEN an older revision is announced THEN the later one keeps its outbox', async () => {
      await grants.replace(first, undefined);
      await grants.replace({ ...second, unannounced: first.unannounced }, first);
      await grants.announced(first.pk, first.revision);
      expect((await grants.read(first.pk))?.unannounced).toEqual(first.unannounced);
    });

    test('WHEN the outbox of nobody is emptied THEN no item appears', async () => {
      await grants.announced(first.pk, first.revision);
      expect(await grants.read(first.pk)).toBeUndefined();
    });

    test('WHEN the table is scanned THEN every principal comes once, whatever the stretches', async () => {
      const items = Array.from({ length: 5 }, (_, index) => ({ ...first, pk: `${first.pk}-${index}` }));
      for (const item of items) await grants.replace(item, undefined);
      const seen: PrincipalGrants[] = [];
      let after: string | undefined;
      do {
        const stretch = await grants.scan(after);
        seen.push(...stretch.items);
        after = stretch.after;
      } while (after !== undefined);
      const found = seen.filter(({ pk }) => pk.startsWith(first.pk)).sort((one, other) => (one.pk < other.pk ? -1 : 1));
      expect(found).toEqual(items);
    });
  });
}
