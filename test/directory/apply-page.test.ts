/** From pages of changes to rows: pure. */
import { describe, expect, test } from 'vitest';
import { applyPage, countsOf, endsMemberships, MirrorIncompleteError, noCounts } from '../../handlers/directory/apply-page.ts';
import {
  edgeKey,
  groupsListing,
  isEdgeRow,
  isObjectRow,
  type MirrorRow,
  membersListing,
  objectKey,
  subjectOf,
} from '../../handlers/directory/mirror.ts';
import {
  base,
  context,
  delta,
  detectedAt,
  domain,
  edgeRow,
  groupObject,
  guidOf,
  objectRow,
  referenceTo,
  tombstone,
  userObject,
} from './rows.ts';

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
    const unasked = { parentGUID: ['x'], instanceType: ['4'], unicodePwd: ['x'], lastLogon: ['0'] };
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
    // A computer's classes include user, a managed service account's both; AD writes class names in schema case, others may not.
    [['top', 'person', 'organizationalPerson', 'user', 'computer'], 'computer'],
    [['top', 'person', 'organizationalPerson', 'user', 'computer', 'msDS-ManagedServiceAccount'], 'serviceAccount'],
    [['top', 'person', 'organizationalPerson', 'user', 'computer', 'msDS-GroupManagedServiceAccount'], 'serviceAccount'],
    [['top', 'foreignSecurityPrincipal'], 'foreignSecurityPrincipal'],
    [['top', 'container', 'groupPolicyContainer'], 'groupPolicy'],
    [['top', 'container'], 'container'],
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

  test('WHEN the member is of another domain or forest THEN its row is found by its SID; one of this domain is found by its object', () => {
    const elsewhere = { guid: guidOf(90), sid: 'S-1-5-21-9-9-9-90', dn: 'CN=Eva,CN=Users,DC=corp2,DC=example,DC=com' };
    const foreign = { guid: guidOf(91), sid: 'S-1-5-21-8-8-8-91', dn: `CN=S-1-5-21-8-8-8-91,CN=ForeignSecurityPrincipals,${base}` };
    const rows = applyPage([delta(staff, { membersAdded: [elsewhere, foreign, referenceTo(ada)] })], [objectRow(staff)], context);
    expect(rows.map(({ sid }) => sid)).toEqual([elsewhere.sid, foreign.sid, undefined]);
  });

  test('WHEN a member is removed THEN its row stays as a tombstone, listed no more, and is not forgotten: it goes on counting', () => {
    const page = [delta(staff, { membersRemoved: [referenceTo(ada)] })];
    const [row] = applyPage(page, [objectRow(staff), edgeRow(staff, ada)], later);
    expect(row).toMatchObject({ ...edgeKey(domain, ada.guid, staff.guid), present: false, revision: 2 });
    expect(row?.listedUnder).toBeUndefined();
    expect(row?.expiresAt).toBeUndefined();
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

  test('WHEN a controller that has not heard of it changes the object THEN it stays deleted, and gets no members', () => {
    const dead = [objectRow(ada, { deleted: true }), objectRow(staff, { deleted: true })];
    const late = [delta(ada, { attributes: { mail: ['x@example.com'] } }), delta(staff, { membersAdded: [referenceTo(bea)] })];
    expect(applyPage(late, dead, later)).toEqual([]);
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

  test.each([
    // All members of the group in the same page, or of one that comes later.
    [[userObject(1, 'Ada'), groupObject(10, 'Staff', [ada])]],
    [[userObject(1, 'Ada')], [groupObject(10, 'Staff', [ada])]],
  ])('THEN who comes into the scope with a group of it keeps the mark: nothing is told of the snapshot', (...pages) => {
    const scope = { include: { groups: [staff.sid ?? ''] } };
    const scoped = { ...context, snapshot: true, scope, scopeGroups: [subjectOf(objectRow(staff))] };
    const history: (readonly MirrorRow[])[] = [[]];
    for (const objects of pages) history.push(written(history.at(-1) ?? [], applyPage(objects, history.at(-1) ?? [], scoped)));
    expect(history.at(-1)?.find((row) => row.pk.endsWith(ada.guid) && isObjectRow(row))).not.toHaveProperty('outOfScope');
    expect(history.at(-1)?.every(({ snapshot }) => snapshot)).toBe(true);
  });

  test('WHEN a row of the snapshot changes THEN it loses the mark', () => {
    for (const snapshot of [true, false]) {
      const [row] = applyPage([delta(ada, { attributes: { mail: [] } })], [objectRow(ada, { snapshot: true })], { ...later, snapshot });
      expect(row?.snapshot).toBeUndefined();
    }
  });

  test('THEN the living are counted', () => {
    expect(
      countsOf([ada, tombstone(bea), groupObject(10, 'Staff', [ada, bea]), delta(guests, { membersAdded: [referenceTo(ada)] })], {
        ...noCounts,
        users: 5,
      }),
    ).toEqual({ users: 6, computers: 0, serviceAccounts: 0, groups: 1, memberships: 3 });
  });
});
