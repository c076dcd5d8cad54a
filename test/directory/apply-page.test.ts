/** From pages of changes to rows: pure. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyPage, countsOf, endsMemberships, isTombstone, keysOf, MirrorIncompleteError } from '../../handlers/directory/apply-page.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import {
  edgeKey,
  groupsListing,
  isEdgeRow,
  isObjectRow,
  type MirrorRow,
  membersListing,
  objectKey,
} from '../../handlers/directory/mirror.ts';
import { context, delta, detectedAt, domain, edgeRow, groupObject, guidOf, objectRow, referenceTo, tombstone, userObject } from './rows.ts';

const ada = userObject(1, 'Ada', { displayName: ['Ada Example'], mail: ['ada@example.com'] });
const bea = userObject(2, 'Bea');
const staff = groupObject(10, 'Staff');
const guests = groupObject(11, 'Guests');
const later = { ...context, fence: 4, detectedAt: '2025-03-01T11:00:00.000Z' };

/** What the table holds after a write. */
function written(existing: readonly MirrorRow[], rows: readonly MirrorRow[]): MirrorRow[] {
  const table = new Map([...existing, ...rows].map((row) => [`${row.pk} ${row.sk}`, row]));
  return [...table.values()].map((row) => JSON.parse(JSON.stringify(row)) as MirrorRow);
}

describe('an object', () => {
  test('WHEN it is new THEN its row holds its identity, its name and its attributes, and nothing that was not asked for', () => {
    const unasked = { parentGUID: ['x'], instanceType: ['4'], unicodePwd: ['x'], pwdLastSet: ['0'] };
    const rows = applyPage([{ ...ada, attributes: { ...ada.attributes, ...unasked } }], [], context);
    expect(rows).toEqual([
      {
        pk: `corp.example.com#${ada.guid}`,
        sk: 'object',
        domain,
        revision: 1,
        fence: 1,
        detectedAt,
        guid: ada.guid,
        sid: ada.sid,
        type: 'user',
        dn: ada.dn,
        attributes: {
          name: ['Ada'],
          sAMAccountName: ['Ada'],
          userAccountControl: ['512'],
          displayName: ['Ada Example'],
          mail: ['ada@example.com'],
        },
        deleted: false,
      },
    ]);
  });

  test.each([
    [['top', 'group'], 'group'],
    [['top', 'person', 'organizationalPerson', 'user'], 'user'],
    // A computer's classes include user; AD writes class names in schema case, others may not.
    [['top', 'person', 'organizationalPerson', 'user', 'computer'], 'computer'],
    [['TOP', 'USER'], 'user'],
  ])('WHEN its classes are %j THEN it is a %s, and only groups are listed', (objectClass, type) => {
    const [row] = applyPage([{ ...ada, attributes: { ...ada.attributes, objectClass } }], [], context);
    expect(row).toMatchObject({ type });
    expect(row?.listedUnder).toBe(type === 'group' ? groupsListing(domain) : undefined);
  });

  test('WHEN an attribute was cleared THEN it goes, and what is absent is unchanged and stays', () => {
    const [row] = applyPage([delta(ada, { attributes: { mail: [] } })], [objectRow(ada)], later);
    const { mail: _, ...others } = objectRow(ada).attributes;
    expect(row).toMatchObject({ attributes: others, revision: 2, fence: 4, detectedAt: later.detectedAt });
    expect(row && isObjectRow(row) && row.attributes).not.toHaveProperty('mail');
  });

  test('WHEN a change brings what the mirror holds THEN nothing is written', () => {
    expect(
      applyPage([ada, delta(ada, { attributes: { mail: ['ada@example.com'], displayName: ['Ada Example'] } })], [objectRow(ada)], later),
    ).toEqual([]);
    // Clearing what was not there, and attributes that we do not keep.
    expect(applyPage([delta(bea, { attributes: { mail: [], instanceType: ['4'] } })], [objectRow(bea)], later)).toEqual([]);
  });

  test('invariant 4: WHEN it is renamed and moved THEN the same row goes on, whatever its name', () => {
    const dn = 'CN=Ada Married,OU=Former,DC=corp,DC=example,DC=com';
    const rows = applyPage([delta(ada, { dn, attributes: { name: ['Ada Married'] } })], [objectRow(ada)], later);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ ...objectKey(domain, ada.guid), guid: ada.guid, sid: ada.sid, dn, revision: 2 });
  });

  test('invariant 4: WHEN a new object has the name of an old one THEN it is another', () => {
    const namesake = { ...userObject(3, 'Ada'), dn: ada.dn };
    const rows = applyPage([namesake], [objectRow(ada)], later);
    expect(rows.map(({ pk, revision }) => [pk, revision])).toEqual([[objectKey(domain, guidOf(3)).pk, 1]]);
  });

  test('WHEN AD withholds the name THEN the mirror keeps the one it knows', () => {
    expect(applyPage([delta(ada, { dn: '', attributes: { mail: [] } })], [objectRow(ada)], later)).toMatchObject([{ dn: ada.dn }]);
  });

  test('fails for a delta of an object that the mirror does not hold: the rest of it is unknown', () => {
    expect(() => applyPage([delta(ada, { attributes: { mail: ['x@example.com'] } })], [], context)).toThrow(MirrorIncompleteError);
    expect(() => applyPage([delta(staff, { membersAdded: [referenceTo(ada)] })], [objectRow(ada)], context)).toThrow(ada.guid.slice(0, 8));
  });
});

describe('a membership', () => {
  test('WHEN a member is added THEN its row lies with the member, names the group and is listed', () => {
    const rows = applyPage([delta(staff, { membersAdded: [referenceTo(ada)] })], [objectRow(staff)], context);
    expect(rows).toMatchObject([
      {
        ...edgeKey(domain, ada.guid, staff.guid),
        present: true,
        revision: 1,
        member: referenceTo(ada),
        group: { guid: staff.guid, name: 'Staff' },
        listedUnder: membersListing(domain, staff.guid),
      },
    ]);
  });

  test('WHEN a member is removed THEN its row stays as a tombstone, listed no more, to be forgotten later', () => {
    const page = [delta(staff, { membersRemoved: [referenceTo(ada)] })];
    const [row] = applyPage(page, [objectRow(staff), edgeRow(staff, ada)], later);
    expect(row).toMatchObject({ ...edgeKey(domain, ada.guid, staff.guid), present: false, revision: 2 });
    expect(row?.listedUnder).toBeUndefined();
    expect(row?.expiresAt).toBe(Date.parse(later.detectedAt) / 1000 + 180 * 24 * 3600);
  });

  test('WHEN a member comes back THEN its row is present again, and nothing forgets it', () => {
    const ended = edgeRow(staff, ada, { present: false, revision: 2, listedUnder: undefined, expiresAt: 1 });
    const [row] = applyPage([delta(staff, { membersAdded: [referenceTo(ada)] })], [objectRow(staff), ended], later);
    expect(row).toMatchObject({ present: true, revision: 3, listedUnder: membersListing(domain, staff.guid) });
    expect(row?.expiresAt).toBeUndefined();
  });

  test('WHEN a full sync lists removals of long ago THEN they write nothing', () => {
    const removed = { ...staff, membersRemoved: [referenceTo(ada), referenceTo(bea)] };
    const ended = edgeRow(staff, bea, { present: false });
    expect(applyPage([removed], [objectRow(staff), ended], later)).toEqual([]);
  });

  test('invariant 3: absence never deletes: WHEN a whole group comes without a member THEN the member stays', () => {
    expect(applyPage([groupObject(10, 'Staff', [bea])], [objectRow(staff), edgeRow(staff, ada), edgeRow(staff, bea)], later)).toEqual([]);
  });
});

describe('a deletion', () => {
  const around = [objectRow(ada), objectRow(staff), objectRow(guests), edgeRow(staff, ada), edgeRow(guests, ada), edgeRow(staff, bea)];

  test('WHEN a tombstone comes THEN the row says deleted under the name it had, and is forgotten after the tombstone lifetime', () => {
    const [row] = applyPage([tombstone(ada)], [objectRow(ada)], later);
    expect(row).toMatchObject({ deleted: true, dn: ada.dn, attributes: objectRow(ada).attributes, revision: 2 });
    expect(row?.expiresAt).toBe(Date.parse(later.detectedAt) / 1000 + 180 * 24 * 3600);
  });

  test('WHEN a user is deleted THEN the memberships it had end, and no other', () => {
    const rows = applyPage([tombstone(ada)], around, later).filter(isEdgeRow);
    expect(rows.map(({ pk, sk, present }) => ({ pk, sk, present }))).toEqual([
      { ...edgeKey(domain, ada.guid, staff.guid), present: false },
      { ...edgeKey(domain, ada.guid, guests.guid), present: false },
    ]);
  });

  test('WHEN a group is deleted THEN all of its members leave it', () => {
    const rows = applyPage([tombstone(staff)], around, later);
    expect(rows.filter(isEdgeRow).map(({ pk, present }) => [pk, present])).toEqual([
      [objectKey(domain, ada.guid).pk, false],
      [objectKey(domain, bea.guid).pk, false],
    ]);
    expect(rows.find(isObjectRow)?.listedUnder).toBeUndefined();
  });

  test('invariant 2: WHEN the poll ended between the object and its memberships THEN the repeat ends them', () => {
    const [object] = applyPage([tombstone(ada)], around, later);
    const rows = applyPage([tombstone(ada)], written(around, object ? [object] : []), later);
    expect(rows.map(({ sk }) => sk)).toEqual([edgeKey(domain, ada.guid, staff.guid).sk, edgeKey(domain, ada.guid, guests.guid).sk]);
  });

  test('WHEN the tombstone is of what the mirror never held, or comes again, THEN nothing is written', () => {
    expect(applyPage([tombstone(ada)], [], context)).toEqual([]);
    expect(applyPage([tombstone(ada)], [objectRow(ada, { deleted: true })], later)).toEqual([]);
  });

  test.each([['TRUE'], ['true']])('WHEN isDeleted is %s THEN it is a tombstone', (value) => {
    expect(applyPage([delta(ada, { dn: '', attributes: { isDeleted: [value] } })], [objectRow(ada)], later)).toMatchObject([
      { deleted: true },
    ]);
  });
});

describe('a restoration', () => {
  const restored = delta(ada, { attributes: { isDeleted: [], name: ['Ada'], mail: [] } });

  test('WHEN a deleted object comes back THEN it is the same row with what AD does not send again, and without memberships', () => {
    const dead = objectRow(ada, { deleted: true, expiresAt: 1, revision: 2 });
    const rows = applyPage([restored], [dead, edgeRow(staff, ada, { present: false })], later);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      deleted: false,
      revision: 3,
      sid: ada.sid,
      attributes: { sAMAccountName: ['Ada'], userAccountControl: ['512'] },
    });
    expect(rows[0]?.expiresAt).toBeUndefined();
  });

  test('WHEN it was deleted and restored between two polls THEN its memberships ended with the deletion, but for those it was given since', () => {
    const existing = [objectRow(ada), objectRow(staff), objectRow(guests), edgeRow(staff, ada), edgeRow(guests, ada)];
    const again = delta(guests, { membersAdded: [referenceTo(ada)] });
    for (const page of [
      [restored, again],
      [again, restored],
    ]) {
      const edges = applyPage(page, existing, later).filter(isEdgeRow);
      expect(edges.map(({ sk, present }) => [sk, present])).toEqual([[edgeKey(domain, ada.guid, staff.guid).sk, false]]);
    }
    expect(endsMemberships(restored)).toBe(true);
  });

  test('invariant 3: absence never deletes: WHEN a full sync brings an object that was once restored THEN its memberships stay', () => {
    const whole = { ...ada, attributes: { ...ada.attributes, isDeleted: [] } };
    expect(applyPage([whole], [objectRow(ada), edgeRow(staff, ada)], later)).toEqual([]);
  });
});

describe('a snapshot', () => {
  test('THEN what is new is marked, and what was there is not', () => {
    const snapshot = { ...later, snapshot: true };
    const rows = applyPage(
      [ada, delta(bea, { attributes: { mail: ['b@example.com'] } }), groupObject(10, 'Staff', [ada])],
      [objectRow(bea)],
      snapshot,
    );
    expect(rows.map(({ pk, sk, snapshot: mark }) => [pk.endsWith(bea.guid), sk.slice(0, 8), mark])).toEqual([
      [false, 'object', true],
      [true, 'object', undefined],
      [false, 'object', true],
      [false, 'memberOf', true],
    ]);
  });

  test('WHEN a row of the snapshot changes THEN it loses the mark', () => {
    for (const snapshot of [true, false]) {
      const [row] = applyPage([delta(ada, { attributes: { mail: [] } })], [objectRow(ada, { snapshot: true })], { ...later, snapshot });
      expect(row?.snapshot).toBeUndefined();
    }
  });

  test('THEN the living are counted', () => {
    expect(
      countsOf([ada, tombstone(bea), groupObject(10, 'Staff', [ada, bea]), delta(guests, { membersAdded: [referenceTo(ada)] })]),
    ).toEqual({
      users: 1,
      groups: 1,
      memberships: 3,
    });
  });
});

describe('any page', () => {
  const people = [1, 2, 3].map((number) => userObject(number, `User ${number}`));
  const groups = [10, 11].map((number) => groupObject(number, `Group ${number}`));
  const members = fc.subarray(people).map((chosen) => chosen.map(referenceTo));
  const change: fc.Arbitrary<ChangedObject> = fc.oneof(
    fc.constantFrom(...people, ...groups),
    fc.constantFrom(...people, ...groups).map(tombstone),
    fc
      .record({ of: fc.constantFrom(...people), mail: fc.constantFrom([], ['a@example.com'], ['b@example.com']) })
      .map(({ of, mail }) => delta(of, { attributes: { mail } })),
    fc.constantFrom(...people, ...groups).map((of) => delta(of, { attributes: { isDeleted: [] } })),
    fc
      .record({ of: fc.constantFrom(...groups), added: members, removed: members })
      .map(({ of, added, removed }) =>
        delta(of, { membersAdded: added, membersRemoved: removed.filter(({ guid }) => !added.some((other) => other.guid === guid)) }),
      ),
  );
  /** AD sends an object once a page, and no value of a group that names a deleted object. */
  const page = fc
    .uniqueArray(change, { selector: ({ guid }) => guid, maxLength: 5 })
    .map((objects) => objects.map((object) => ({ ...object, membersAdded: living(object.membersAdded, objects) })));
  const living = (added: ChangedObject['membersAdded'], objects: readonly ChangedObject[]) =>
    added.filter(({ guid }) => !objects.some((object) => object.guid === guid && isTombstone(object)));
  const start: readonly MirrorRow[] = [...people, ...groups].map((of) => objectRow(of));
  const contexts = Array.from({ length: 20 }, (_, index) => ({ ...context, fence: index + 1 }));

  test('invariant 2: THEN a page applied twice writes nothing the second time', () => {
    fc.assert(
      fc.property(fc.array(page, { maxLength: 8 }), page, (history, last) => {
        let table = written([], start);
        history.forEach((objects, index) => {
          table = written(table, applyPage(objects, table, contexts[index] ?? context));
        });
        table = written(table, applyPage(last, table, later));
        expect(applyPage(last, table, { ...later, fence: 99, detectedAt: '2026-01-01T00:00:00.000Z' })).toEqual([]);
      }),
    );
  });

  test('THEN each row takes one step of revision, and no row is written twice', () => {
    // Also where an object comes twice: AD splits a large group.
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (objects) => {
        const rows = applyPage(objects, start, later);
        const before = new Map(start.map((row) => [`${row.pk} ${row.sk}`, row.revision]));
        expect(new Set(rows.map((row) => `${row.pk} ${row.sk}`)).size).toBe(rows.length);
        for (const row of rows) expect(row.revision).toBe((before.get(`${row.pk} ${row.sk}`) ?? 0) + 1);
      }),
    );
  });

  test('THEN it reads only the rows under its keys, and those of what it deletes', () => {
    fc.assert(
      fc.property(page, (objects) => {
        const keys = new Set(keysOf(objects, domain).map(({ pk, sk }) => `${pk} ${sk}`));
        const edges = people.flatMap((member) => groups.map((group) => edgeRow(group, member)));
        const ending = new Set(objects.filter(endsMemberships).map(({ guid }) => guid));
        const all = [...start, ...edges];
        const needed = all.filter(
          (row) => keys.has(`${row.pk} ${row.sk}`) || (isEdgeRow(row) && (ending.has(row.member.guid) || ending.has(row.group.guid))),
        );
        expect(applyPage(objects, needed, later)).toEqual(applyPage(objects, all, later));
      }),
    );
  });

  test('THEN what it is given stays as it was', () => {
    fc.assert(
      fc.property(page, (objects) => {
        const before = JSON.stringify([objects, start]);
        applyPage(objects, start, later);
        expect(JSON.stringify([objects, start])).toBe(before);
      }),
    );
  });
});
