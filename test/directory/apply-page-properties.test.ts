/** What holds for every page: applied once, twice, in part, or with a kill in between. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyPage, endsMemberships, isTombstone, keysOf, primaryEdgesLeft } from '../../handlers/directory/apply-page.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { isEdgeRow, type MirrorRow, subjectOf } from '../../handlers/directory/mirror.ts';
import { substance } from './memory-mirror.ts';
import { base, changed, context, delta, edgeRow, groupObject, objectRow, referenceTo, tombstone, userObject } from './rows.ts';

const people = [1, 2, 3].map((number) => userObject(number, `User ${number}`));
const groups = [10, 11].map((number) => groupObject(number, `Group ${number}`));
const all = [...people, ...groups];
const [first] = groups;
if (first === undefined) throw new Error('no group');

/** The first group gives the scope, so that pages move objects across its border. */
const anyContext = {
  ...context,
  scope: { exclude: { groups: [first.sid ?? ''] } },
  scopeGroups: [subjectOf(objectRow(first))],
  primaryGroups: new Map(groups.map((group) => [group.sid ?? '', subjectOf(objectRow(group))])),
};
const at = (fence: number) => ({ ...anyContext, fence, detectedAt: new Date(Date.UTC(2025, 2, 1, 10, fence)).toISOString() });

const members = fc.subarray(people).map((chosen) => chosen.map(referenceTo));
const change: fc.Arbitrary<ChangedObject> = fc.oneof(
  fc.constantFrom(...all),
  fc.constantFrom(...all).map(tombstone),
  fc
    .record({ of: fc.constantFrom(...people), mail: fc.constantFrom([], ['a@example.com'], ['b@example.com']) })
    .map(({ of, mail }) => changed(of, { mail })),
  fc
    .record({ of: fc.constantFrom(...people), group: fc.constantFrom('10', '11', '513') })
    .map(({ of, group }) => changed(of, { primaryGroupID: [group] })),
  fc
    .record({ of: fc.constantFrom(...all), name: fc.constantFrom('A', 'B'), unit: fc.constantFrom('People', 'Former') })
    .map(({ of, name, unit }) => delta(of, { dn: `CN=${name},OU=${unit},${base}`, attributes: { name: [name] } })),
  fc.constantFrom(...all).map((of) => changed(of, { isDeleted: [] })),
  fc.constantFrom(...people).map((of) => changed(of, { isDeleted: [], primaryGroupID: ['10'] })),
  fc
    .record({ of: fc.constantFrom(...groups), added: members, removed: members })
    .map(({ of, added, removed }) =>
      delta(of, { membersAdded: added, membersRemoved: removed.filter(({ guid }) => !added.some((other) => other.guid === guid)) }),
    ),
);
/**
 * AD sends an object once a page, no value of a group that names a deleted object, and no primary group that is deleted. A group of the
 * scope that was deleted is none any more: a poll looks for it first.
 */
const page = fc.uniqueArray(change, { selector: ({ guid }) => guid, maxLength: 5 }).map((objects) => {
  const dead = new Set(objects.filter(isTombstone).map(({ guid }) => guid));
  return objects
    .filter((object) => object.guid !== first.guid || !endsMemberships(object))
    .filter(({ attributes }) => !groups.some(({ guid }) => dead.has(guid) && guid.endsWith(`0${attributes.primaryGroupID?.[0]}`)))
    .map((object) => ({ ...object, membersAdded: object.membersAdded.filter(({ guid }) => !dead.has(guid)) }));
});
const history = fc.array(page, { maxLength: 8 });

const keyText = ({ pk, sk }: MirrorRow) => `${pk} ${sk}`;
/** What the table holds after a write. */
function written(existing: readonly MirrorRow[], rows: readonly MirrorRow[]): MirrorRow[] {
  const table = new Map([...existing, ...rows].map((row) => [keyText(row), row]));
  return [...table.values()].map((row) => JSON.parse(JSON.stringify(row)) as MirrorRow);
}
const start: readonly MirrorRow[] = all.map((of) => objectRow(of));
function tableOf(pages: readonly (readonly ChangedObject[])[], from: readonly MirrorRow[] = start): MirrorRow[] {
  return pages.reduce<MirrorRow[]>((table, objects, index) => written(table, applyPage(objects, table, at(index + 1))), [...from]);
}
/** The events that lead from one table to the next. */
function told(before: readonly MirrorRow[], rows: readonly MirrorRow[]) {
  const table = new Map(before.map((row) => [keyText(row), row]));
  return rows.flatMap((row) => identityEvents(table.get(keyText(row)), row));
}

describe('any page', () => {
  test('invariant 2: THEN applied twice it writes nothing the second time', () => {
    fc.assert(
      fc.property(history, page, (pages, last) => {
        const table = tableOf([...pages, last]);
        expect(applyPage(last, table, at(59))).toEqual([]);
      }),
    );
  });

  test('invariant 2: THEN killed after some of its rows and repeated it ends in the same rows, and nothing else is told', () => {
    fc.assert(
      fc.property(
        history,
        page,
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
        fc.boolean(),
        (pages, last, kept, objectsToo) => {
          const before = tableOf(pages);
          const atOnce = applyPage(last, before, at(20));
          // Memberships are written first, then objects, either side by side: any row of the two may be missing.
          const [edges, objects] = [atOnce.filter(isEdgeRow), atOnce.filter((row) => !isEdgeRow(row))];
          const some = objectsToo ? [...edges, ...objects.filter((_, index) => kept[index])] : edges.filter((_, index) => kept[index]);
          const between = written(before, some);
          const repeated = applyPage(last, between, at(21));
          expect(substance(written(between, repeated))).toEqual(substance(written(before, atOnce)));
          const [expected, events] = [told(before, atOnce), [...told(before, some), ...told(between, repeated)]];
          expect(events.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort());
        },
      ),
    );
  });

  test('THEN no two events of a history share an id, and a repeat of a row’s change has the same', () => {
    fc.assert(
      fc.property(history, (pages) => {
        const events = pages.flatMap((objects, index) => {
          const before = tableOf(pages.slice(0, index));
          const rows = applyPage(objects, before, at(index + 1));
          expect(told(before, structuredClone(rows))).toEqual(told(before, rows));
          return told(before, rows);
        });
        expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
      }),
    );
  });

  test('THEN each row takes one step of revision, and no row is written twice', () => {
    // Also where an object comes twice: AD splits a large group.
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (objects) => {
        const rows = applyPage(objects, start, at(1));
        const before = new Map(start.map((row) => [keyText(row), row.revision]));
        expect(new Set(rows.map(keyText)).size).toBe(rows.length);
        for (const row of rows) expect(row.revision).toBe((before.get(keyText(row)) ?? 0) + 1);
      }),
    );
  });

  test('THEN it reads only the rows under its keys, those of what it deletes, and of primary groups that accounts leave', () => {
    fc.assert(
      fc.property(history, page, (pages, objects) => {
        const table = tableOf(pages);
        const keyed = new Set(keysOf(objects, anyContext).map(({ pk, sk }) => `${pk} ${sk}`));
        const existing = table.filter((row) => keyed.has(keyText(row)));
        for (const { pk, sk } of primaryEdgesLeft(objects, existing, context.domain)) keyed.add(`${pk} ${sk}`);
        const ending = new Set(objects.filter(endsMemberships).map(({ guid }) => guid));
        const ends = (row: MirrorRow) => isEdgeRow(row) && (ending.has(row.member.guid) || ending.has(row.group.guid));
        const needed = table.filter((row) => keyed.has(keyText(row)) || ends(row));
        expect(substance(applyPage(objects, needed, at(20)))).toEqual(substance(applyPage(objects, table, at(20))));
      }),
    );
  });

  test('THEN what it is given stays as it was', () => {
    fc.assert(
      fc.property(page, (objects) => {
        const edges = people.flatMap((member) => groups.map((group) => edgeRow(group, member)));
        const before = JSON.stringify([objects, start, edges]);
        applyPage(objects, [...start, ...edges], at(1));
        expect(JSON.stringify([objects, start, edges])).toBe(before);
      }),
    );
  });
});
