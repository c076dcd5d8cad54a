/** Who is meant by a member, and which groups they are in, where several domains are watched. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { isObjectRow, objectKey } from '../../handlers/directory/mirror.ts';
import { principalsOf, readPrincipal } from '../../handlers/directory/principals.ts';
import { type MemoryMirror, memoryMirror } from './memory-mirror.ts';
import { delta, referenceTo, tombstone } from './rows.ts';
import { WatchedDomain } from './watched-domains.ts';

let mirror: MemoryMirror;
/** One forest: a domain and its child. */
let corp: WatchedDomain;
let sales: WatchedDomain;
/** Another forest. */
let partner: WatchedDomain;
let object: Record<'ada' | 'cy' | 'bea' | 'standIn' | 'staff' | 'guests' | 'sellers', ChangedObject>;

beforeEach(async () => {
  // GIVEN Ada of corp, Cy of its child domain and Bea of another forest, all three in groups of corp, and the latter two in their own
  mirror = memoryMirror();
  corp = new WatchedDomain(mirror, 'corp.example.com', 1);
  sales = new WatchedDomain(mirror, 'sales.corp.example.com', 2);
  partner = new WatchedDomain(mirror, 'partner.example.com', 3);
  const [ada, cy, bea] = [corp.user(1, 'Ada'), sales.user(2, 'Cy'), partner.user(3, 'Bea')];
  const standIn = corp.foreignSecurityPrincipal(40, bea.sid);
  const [staff, guests] = [corp.group(10, 'Staff', [ada, cy, standIn]), corp.group(11, 'Guests', [standIn])];
  const sellers = sales.group(20, 'Sellers', [cy]);
  await corp.page(standIn, ada, staff, guests);
  await sales.page(cy, sellers);
  await partner.page(bea, partner.group(30, 'Partners', [bea]));
  object = { ada, cy, bea, standIn, staff, guests, sellers };
});

const seenAt = (domain: WatchedDomain, { guid }: ChangedObject): string => objectKey(domain.name, guid).pk;
const meant = (domain: WatchedDomain, { guid }: ChangedObject) => principalsOf(mirror, domain.name, guid);

/** An object of AD's class default lets authenticated users read little of it, so that it may never come: its memberships do. */
async function unreadable() {
  const user = partner.user(5, 'Eve');
  const standIn = corp.foreignSecurityPrincipal(42, user.sid);
  await partner.page(user);
  await corp.page(delta(object.staff, { membersAdded: [referenceTo(standIn)] }));
  return { standIn, user };
}

/** An index that shows none of these partitions yet. */
const lagging = (...hidden: readonly string[]) => ({
  ...mirror,
  listBySid: async (sid: string) => (await mirror.listBySid(sid)).filter(({ pk }) => !hidden.includes(pk)),
});

describe('who is meant', () => {
  test('by a user THEN the user, met at home', async () => {
    expect(await meant(corp, object.ada)).toEqual([
      { domain: corp.name, guid: object.ada.guid, type: 'user', seenAt: seenAt(corp, object.ada) },
    ]);
  });

  test('by a foreign security principal THEN the user of the other forest, met here', async () => {
    expect(await meant(corp, object.standIn)).toEqual([
      { domain: partner.name, guid: object.bea.guid, type: 'user', seenAt: seenAt(corp, object.standIn) },
    ]);
  });

  test('by a member from another domain of the forest, which has no object here, THEN its user there, met here', async () => {
    expect(await mirror.read([objectKey(corp.name, object.cy.guid)])).toEqual([]);
    expect(await meant(corp, object.cy)).toEqual([
      { domain: sales.name, guid: object.cy.guid, type: 'user', seenAt: seenAt(corp, object.cy) },
    ]);
  });

  test('by a membership that came before the object of its foreign security principal THEN the user all the same', async () => {
    // Its row raises no event of its own: nobody would look at the membership again.
    const dan = partner.user(4, 'Dan');
    const late = corp.foreignSecurityPrincipal(41, dan.sid);
    await partner.page(dan);
    await corp.page(delta(object.staff, { membersAdded: [late] }));
    expect(await meant(corp, late)).toMatchObject([{ domain: partner.name, guid: dan.guid }]);
  });

  test('by a foreign security principal that the account may not read THEN the user, by the membership alone', async () => {
    const { standIn: unread, user } = await unreadable();
    expect(await meant(corp, unread)).toEqual([{ domain: partner.name, guid: user.guid, type: 'user', seenAt: seenAt(corp, unread) }]);
  });

  test('by a membership that has ended, its stand-in deleted, THEN still the user: the loss has to be decided on', async () => {
    await corp.page(tombstone(object.standIn));
    expect(await meant(corp, object.standIn)).toMatchObject([{ domain: partner.name, guid: object.bea.guid }]);
    await corp.leave(object.staff, object.cy);
    expect(await meant(corp, object.cy)).toMatchObject([{ domain: sales.name, guid: object.cy.guid }]);
  });

  test('by a group THEN the group, and by its stand-in in another forest too, met there', async () => {
    expect(await meant(corp, object.staff)).toMatchObject([{ guid: object.staff.guid, type: 'group', seenAt: seenAt(corp, object.staff) }]);
    const inPartner = partner.foreignSecurityPrincipal(45, object.staff.sid);
    await partner.page(inPartner);
    expect(await meant(partner, inPartner)).toEqual([
      { domain: corp.name, guid: object.staff.guid, type: 'group', seenAt: seenAt(partner, inPartner) },
    ]);
  });

  test('by a group that conveys nothing THEN nobody', async () => {
    await corp.page(delta(object.guests, { attributes: { groupType: ['2'] } }));
    expect(await meant(corp, object.guests)).toEqual([]);
    await corp.page(tombstone(object.staff));
    expect(await meant(corp, object.staff)).toEqual([]);
  });

  test('by a computer, a managed account or nothing at all THEN nobody', async () => {
    const computer = corp.user(50, 'PC$', { objectClass: ['top', 'person', 'organizationalPerson', 'user', 'computer'] });
    const managed = corp.user(51, 'gmsa$', { objectClass: ['top', 'user', 'computer', 'msDS-GroupManagedServiceAccount'] });
    await corp.page(computer, managed);
    for (const one of [computer, managed, corp.user(99, 'Unknown')]) expect(await meant(corp, one)).toEqual([]);
  });

  test('by a stand-in for a computer, or for one of a domain that is not watched THEN nobody', async () => {
    const computer = partner.user(50, 'PC$', { objectClass: ['top', 'user', 'computer'] });
    await partner.page(computer);
    for (const [rid, sid] of [computer.sid, 'S-1-5-21-7-7-7-1000'].entries()) {
      const unknown = corp.foreignSecurityPrincipal(60 + rid, sid);
      await corp.page(unknown);
      expect(await meant(corp, unknown)).toEqual([]);
    }
  });

  test('by Authenticated Users (S-1-5-11), which stands in every domain, THEN nobody', async () => {
    const wellKnown = [corp, partner].map((domain) => domain.foreignSecurityPrincipal(70, 'S-1-5-11'));
    await corp.page(...wellKnown.slice(0, 1));
    await partner.page(...wellKnown.slice(1));
    expect(await mirror.listBySid('S-1-5-11')).toHaveLength(2);
    for (const one of wellKnown.slice(0, 1)) expect(await meant(corp, one)).toEqual([]);
  });
});

describe('their groups', () => {
  const groupsOf = async (domain: WatchedDomain, of: ChangedObject, reader: Parameters<typeof readPrincipal>[0] = mirror, at?: string) => {
    const { principal, groups } = await readPrincipal(reader, domain.name, of.guid, at ?? seenAt(domain, of));
    return { guid: principal?.guid, groups: groups.map(({ row }) => row.attributes.name?.[0]).sort() };
  };

  test('THEN are those at home and those of every other watched domain, each once', async () => {
    expect(await groupsOf(corp, object.ada)).toEqual({ guid: object.ada.guid, groups: ['Staff'] });
    expect(await groupsOf(partner, object.bea)).toEqual({ guid: object.bea.guid, groups: ['Guests', 'Partners', 'Staff'] });
    expect(await groupsOf(sales, object.cy)).toEqual({ guid: object.cy.guid, groups: ['Sellers', 'Staff'] });
    expect(await groupsOf(partner, object.bea, mirror, seenAt(corp, object.standIn))).toMatchObject({
      groups: ['Guests', 'Partners', 'Staff'],
    });
  });

  test('WHEN the index does not show the stand-in yet THEN where it was met is read all the same', async () => {
    const reader = lagging(seenAt(corp, object.standIn), seenAt(corp, object.cy));
    expect(await groupsOf(partner, object.bea, reader, seenAt(corp, object.standIn))).toMatchObject({
      groups: ['Guests', 'Partners', 'Staff'],
    });
    expect(await groupsOf(sales, object.cy, reader, seenAt(corp, object.cy))).toMatchObject({ groups: ['Sellers', 'Staff'] });
  });

  test('WHEN the account may not read the stand-in THEN its groups are theirs all the same', async () => {
    const { user, standIn } = await unreadable();
    expect((await groupsOf(partner, user)).groups).toEqual(['Staff']);
    await corp.leave(object.staff, standIn);
    expect((await groupsOf(partner, user)).groups).toEqual([]);
  });

  test('WHEN a membership elsewhere ends THEN that group is gone, and the others stay', async () => {
    await corp.leave(object.staff, object.standIn);
    await corp.leave(object.staff, object.cy);
    expect((await groupsOf(partner, object.bea)).groups).toEqual(['Guests', 'Partners']);
    expect((await groupsOf(sales, object.cy)).groups).toEqual(['Sellers']);
  });

  test('invariant 4: two domains may hold the same GUID: nobody gets the groups of another domain without the SID', async () => {
    // A copy of the user in a domain of its own, as a restored forest has it.
    const copy = new WatchedDomain(mirror, 'copy.example.com', 3);
    const twin = { ...copy.user(3, 'Bea'), sid: 'S-1-5-21-8-8-8-3' };
    await copy.page(twin);
    expect(twin.guid).toBe(object.bea.guid);
    expect(await groupsOf(copy, twin)).toEqual({ guid: twin.guid, groups: [] });
  });

  test('invariant 3: a group that the mirror does not hold gives nothing, and who is not in the mirror is nobody', async () => {
    const dan = corp.user(5, 'Dan');
    const unread = corp.group(12, 'Unread', [dan]);
    const rows = await corp.rowsOf(dan, unread);
    await mirror.write(rows.filter((row) => !(isObjectRow(row) && row.guid === unread.guid)));
    expect(await groupsOf(corp, dan)).toEqual({ guid: dan.guid, groups: [] });
    expect(await groupsOf(corp, corp.user(99, 'Unknown'))).toEqual({ guid: undefined, groups: [] });
  });
});
