/** Verification: what the mirror says, held against the directory, object by object. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { CaptureOptions } from '../../handlers/directory/capture-settings.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { memoryMirror } from './memory-mirror.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { changed, delta, fileTimeOf, groupObject, referenceTo, unitObject, userObject } from './rows.ts';

const cleo = userObject(3, 'Cleo', { mail: ['c@example.com'], accountExpires: ['0'] });
const guests = groupObject(11, 'Guests', [cleo]);
const people = unitObject(50, 'People', { gPLink: ['[LDAP://x;0]'] });
const hourMs = 3600_000;

/** GIVEN Ada and Bea in Staff, Cleo in Guests, all verified. */
async function given(options: CaptureOptions, width?: number): Promise<Polls> {
  const polls = new Polls(options, (now) => memoryMirror(now, width));
  await polls.firstSync(cleo, guests, people);
  await polls.settle();
  return polls;
}
const all = [ada, bea, staff, cleo, guests, people];

describe('GIVEN an account without replication rights', () => {
  let polls: Polls;
  beforeEach(async () => {
    polls = await given({ mode: 'object-security', verifyEveryHours: 6 });
  });
  /** What the pass tells that comes when it is due. */
  const verified = () => {
    polls.time += 6 * hourMs;
    return polls.since(polls.poll);
  };

  test('THEN a pass comes when it is due and not before, quiet controllers or not, and each poll says how deletions are found', async () => {
    expect(polls.logged.findLast(({ code }) => code === 'VERIFIED')?.fields).toMatchObject({
      verified: 9,
      gone: { objects: 0, memberships: 0 },
    });
    expect(polls.logged.findLast(({ code }) => code === 'POLL_DONE')?.fields).toMatchObject({ deletionsBy: 'verification' });
    const passes = () => polls.codes.filter((code) => code === 'VERIFIED').length;
    const before = passes();
    polls.time += 5 * hourMs;
    await polls.poll();
    expect(passes()).toBe(before);
    polls.time += hourMs;
    await polls.poll();
    expect(passes()).toBe(before + 1);
  });

  test('WHEN a user was deleted and nobody showed us THEN the pass finds it, and the memberships that it had', async () => {
    polls.directory.vanish(ada.guid);
    expect((await verified()).sort()).toEqual(['GroupMemberRemoved', 'UserDeleted']);
    expect(await polls.row(ada)).toMatchObject({ deleted: true });
    expect(await verified()).toEqual([]);
  });

  test('WHEN what was only hidden is seen again THEN the next pass restores it whole, with its memberships', async () => {
    polls.directory.unreadable.add(ada.guid);
    expect((await verified()).sort()).toEqual(['GroupMemberRemoved', 'UserDeleted']);
    polls.directory.unreadable.delete(ada.guid);
    expect((await verified()).sort()).toEqual(['GroupMemberAdded', 'UserRestored']);
    expect(await polls.row(ada)).toMatchObject({ deleted: false, attributes: { sAMAccountName: ['Ada'] } });
    expect(await verified()).toEqual([]);
  });

  test('WHEN a member left and nobody showed us THEN the membership ends', async () => {
    polls.directory.members.get(staff.guid)?.delete(ada.guid);
    expect(await verified()).toEqual(['GroupMemberRemoved']);
    expect(polls.eventsOf('GroupMemberRemoved')[0]?.change.member.guid).toBe(ada.guid);
  });

  test('WHEN a member left a group that was moved since THEN the group keeps the name it has', async () => {
    const elsewhere = delta(staff, { dn: 'CN=Crew,OU=Roles,DC=corp,DC=example,DC=com', attributes: { name: ['Crew'] } });
    await polls.told(elsewhere);
    polls.directory.members.get(staff.guid)?.delete(ada.guid);
    expect(await verified()).toEqual(['GroupMemberRemoved']);
    expect(await polls.row(staff)).toMatchObject({ dn: elsewhere.dn });
  });

  test('invariant 3: WHEN a group shows no member at all THEN nobody left: the list may be one that we may not read', async () => {
    polls.directory.members.get(guests.guid)?.clear();
    expect(await verified()).toEqual([]);
    polls.directory.unreadableMembers.add(staff.guid);
    expect(await verified()).toEqual([]);
    expect(polls.logged.findLast(({ code }) => code === 'VERIFIED')?.fields).toMatchObject({ unproven: 3, gone: { memberships: 0 } });
  });

  test('invariant 3: WHEN a group became unreadable THEN its memberships are unproven, not gone', async () => {
    polls.directory.beforeSearch = (method) => {
      if (method === 'existence') polls.directory.unreadable.delete(staff.guid);
    };
    polls.directory.unreadable.add(staff.guid);
    polls.directory.unreadableMembers.add(staff.guid);
    expect(await verified()).toEqual([]);
  });

  test('invariant 3: WHEN a search does not show an object, and a look-up by GUID does, THEN it stays', async () => {
    const { lookUp: _, ...source } = polls.source;
    const blind = { ...source, lookUp: async () => [] };
    polls.time += 6 * hourMs;
    expect(await polls.since(() => polls.poll({ connect: async () => blind }))).toEqual([]);
  });

  test('invariant 3: WHEN it comes back between two look-ups THEN it stays', async () => {
    polls.directory.vanish(ada.guid);
    polls.directory.members.get(staff.guid)?.delete(bea.guid);
    let looks = 0;
    polls.directory.beforeSearch = (method) => {
      looks += method === 'existence' ? 1 : 0;
      if (looks < 2) return;
      polls.directory.happen(ada);
      polls.directory.happen(delta(staff, { membersAdded: [referenceTo(ada), referenceTo(bea)] }));
    };
    expect(await verified()).toEqual([]);
    expect(looks).toBe(2);
  });

  test('WHEN values differ THEN they are healed, and told as ordinary changes', async () => {
    polls.directory.happen(changed(ada, { userAccountControl: ['514'], displayName: ['Ada Example'] }));
    polls.directory.happen(delta(bea, { dn: 'CN=Bea,OU=Former,DC=corp,DC=example,DC=com' }));
    expect((await verified()).sort()).toEqual(['UserDisabled', 'UserMoved', 'UserUpdated']);
    expect(await verified()).toEqual([]);
  });

  test('WHEN an attribute has no value any more THEN it is cleared, if that is proven', async () => {
    polls.directory.happen(changed(cleo, { mail: [] }));
    polls.directory.unreadableAttributes.add('mail');
    expect(await verified()).toEqual([]);
    polls.directory.unreadableAttributes.delete('mail');
    expect(await verified()).toEqual(['UserUpdated']);
    expect(polls.eventsOf('UserUpdated')[0]?.change).toEqual({ mail: { before: 'c@example.com', after: null } });
  });

  test.each(['userAccountControl', 'accountExpires', 'sAMAccountName', 'name', 'pwdLastSet', 'primaryGroupID'])(
    'invariant 3: WHEN %s is missing, whatever the directory says of it, THEN the mirror keeps it: its end would give access, or means nothing',
    async (attribute) => {
      await polls.told(changed(cleo, { pwdLastSet: [fileTimeOf('2025-01-01T00:00:00Z')], primaryGroupID: ['513'] }));
      polls.directory.happen(changed(cleo, { [attribute]: [] }));
      expect(await verified()).toEqual([]);
      expect((await polls.row(cleo)).attributes[attribute]).toBeDefined();
    },
  );

  test('WHEN a lockout was lifted and nobody showed us THEN it ends', async () => {
    polls.directory.lockedOut.set(cleo.guid, 'never');
    expect(await polls.told(changed(cleo, { lockoutTime: [fileTimeOf('2025-03-01T09:00:00Z')] }))).toEqual(['UserLockedOut']);
    polls.directory.happen(changed(cleo, { lockoutTime: [] }));
    expect(await verified()).toEqual(['UserUnlocked']);
  });

  test('WHEN the controller fails in the middle of a pass THEN the next poll begins it again, and nothing is half done', async () => {
    polls.directory.vanish(ada.guid);
    polls.directory.beforeSearch = (method) => {
      if (method === 'memberState') throw new Error('cut');
    };
    polls.time += 6 * hourMs;
    await expect(polls.poll()).rejects.toThrow('cut');
    expect(await polls.row(ada)).toMatchObject({ deleted: false });
    polls.directory.beforeSearch = () => {};
    expect((await polls.since(polls.poll)).sort()).toEqual(['GroupMemberRemoved', 'UserDeleted']);
  });
});

describe('GIVEN replication rights', () => {
  let polls: Polls;
  beforeEach(async () => {
    polls = await given({});
  });
  /** A full sync that shows these objects, because the controller was rolled back, and its look-ups. */
  async function synced(...shown: readonly ChangedObject[]): Promise<string[]> {
    polls.directory.set('', page(shown, 'c9'));
    polls.directory.dc1.usn = 1n;
    return polls.since(() => polls.settle());
  }

  test('THEN no pass comes but after a full sync: deletions come as tombstones', async () => {
    expect(polls.codes).not.toContain('VERIFIED');
    polls.time += 1000 * hourMs;
    await polls.poll();
    expect(polls.codes).not.toContain('VERIFIED');
    expect(await synced(...all)).toEqual([]);
    expect(polls.codes).toContain('VERIFIED');
  });

  test('invariant 3: WHEN a full sync does not show an object THEN it is gone only if a look-up does not find it either', async () => {
    const others = all.filter(({ guid }) => guid !== cleo.guid && guid !== ada.guid);
    polls.directory.vanish(ada.guid);
    expect((await synced(...others)).sort()).toEqual(['GroupMemberRemoved', 'UserDeleted']);
    expect(await polls.row(cleo)).toMatchObject({ deleted: false });
  });

  test('invariant 3: WHEN the full sync shows an object THEN it is not gone, though a look-up finds none: that may be what we may not see', async () => {
    polls.directory.unreadable.add(ada.guid);
    expect(await synced(...all)).toEqual([]);
    expect(await polls.row(ada)).toMatchObject({ deleted: false });
  });

  test('WHEN a look-up finds its tombstone THEN it is gone, whatever the full sync showed', async () => {
    polls.directory.set('', page(all, 'c9'));
    polls.directory.dc1.usn = 1n;
    polls.directory.happen(changed(ada, { isDeleted: ['TRUE'] }));
    expect((await polls.since(() => polls.settle())).sort()).toEqual(['GroupMemberRemoved', 'UserDeleted']);
  });

  test('WHEN the full sync shows a group without its last member THEN the member left: it reads what we may not look up', async () => {
    polls.directory.members.get(guests.guid)?.clear();
    const empty = { ...guests, membersAdded: [] };
    expect(await synced(...all.map((object) => (object.guid === guests.guid ? empty : object)))).toEqual(['GroupMemberRemoved']);
  });

  test('invariant 3: WHEN the full sync shows a member THEN it stays, though a look-up shows only others', async () => {
    polls.directory.set('', page(all, 'c9'));
    polls.directory.dc1.usn = 1n;
    polls.directory.members.get(staff.guid)?.delete(ada.guid);
    expect(await polls.since(() => polls.settle())).toEqual([]);
  });

  test('WHEN what vanished is seen again with a change of it THEN all of it is fetched, and it is restored', async () => {
    polls.directory.vanish(cleo.guid);
    expect(await synced(...all.filter(({ guid }) => guid !== cleo.guid))).toContain('UserDeleted');
    polls.directory.set('', page(all, 'c99'));
    expect(await polls.told(changed(cleo, { mail: ['cleo@example.com'] }))).toEqual(expect.arrayContaining(['UserRestored']));
    expect(await polls.row(cleo)).toMatchObject({ deleted: false });
  });

  test('WHEN a full sync is read in several polls THEN what any of its pages showed was seen', async () => {
    polls.directory.unreadable.add(ada.guid).add(cleo.guid);
    polls.directory.set('', page([ada, bea, staff], 'p1', true)).set('p1', page([cleo, guests, people], 'p2'));
    polls.directory.dc1.usn = 1n;
    const told = await polls.since(async () => {
      await polls.shortPoll();
      await polls.settle();
    });
    expect(told).toEqual([]);
  });
});

describe('GIVEN more rows than one poll can look at', () => {
  test('THEN the next polls go on where the last ended, and the end is as if it had been one', async () => {
    const polls = await given({ mode: 'object-security' }, 2);
    polls.directory.vanish(ada.guid);
    polls.directory.members.get(guests.guid)?.add(bea.guid).delete(cleo.guid);
    // A look-up takes longer than a poll gives to verification.
    polls.directory.beforeSearch = (method) => {
      if (method === 'lookUp') polls.time += 16_000;
    };
    polls.time += 24 * hourMs;
    const told: string[][] = [];
    let rounds = 0;
    do {
      told.push(await polls.since(polls.poll));
      rounds += 1;
      // AND changes do not wait behind it
      if (rounds === 1) expect(await polls.told(changed(bea, { userAccountControl: ['514'] }))).toContain('UserDisabled');
    } while (polls.cursor.verification !== undefined && rounds < 20);
    expect(rounds).toBeGreaterThan(2);
    expect(polls.codes.filter((code) => code === 'VERIFICATION_CONTINUES').length).toBeGreaterThan(2);
    // Written at the end of the pass, together.
    expect(told.slice(0, -1).flat()).toEqual([]);
    expect(told.at(-1)?.sort()).toEqual(['GroupMemberRemoved', 'GroupMemberRemoved', 'UserDeleted']);
  });
});
