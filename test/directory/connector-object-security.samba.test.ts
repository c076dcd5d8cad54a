/** An account without the replication right, in OBJECT_SECURITY mode, at a real domain controller (Samba): deletions come from verification. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DirectoryUnreachableError } from '../../handlers/directory/directory-source.ts';
import { changeAttribute, createGroup, createUser } from '../../sandbox/domain-controller/population.ts';
import { directoryContents, mirrorContents } from './ldapsearch.ts';
import { removeAccessRight } from './samba-operations.ts';
import { lines, ofType, type SambaPolls, startSambaPolls } from './samba-polls.ts';

const dayMs = 24 * 3600_000;
const guard = { most: 3, share: 1 };

let polls: SambaPolls;
let admin: SambaPolls['population']['admin'];
let people: string;
let staff: string;
let account: string;

beforeAll(async () => {
  polls = await startSambaPolls({ withoutReplication: true, settings: { mode: 'object-security' } });
  ({ admin, usersDn: people } = polls.population);
  staff = await createGroup(admin, polls.population.groupsDn, 'Staff');
  await polls.poll();
  account = polls.row('svc-directory-watch').sid ?? '';
});

afterEach(() => {
  polls.settings = { mode: 'object-security' };
});

afterAll(async () => {
  await polls?.stop();
});

const sync = () => polls.eventsOf(async () => {});
/** A day later by our clock, so that verification is due. */
const syncTomorrow = () => {
  polls.aheadMs += dayMs + 1;
  return sync();
};
const logged = (code: string) => polls.log.filter((record) => record.code === code);

/** People whom a poll has seen, members of Staff. */
async function known(...names: string[]): Promise<string[]> {
  const dns: string[] = [];
  for (const name of names) dns.push(await createUser(admin, people, name));
  await changeAttribute(admin, staff, 'add', 'member', dns);
  await polls.poll();
  return dns;
}

describe('GIVEN an account that may read what every user may, and CN=Deleted Objects', () => {
  test('THEN the other mode is refused, and this one fills the mirror, follows changes and says where deletions come from', async () => {
    polls.settings = {};
    await expect(polls.poll()).rejects.toThrow(/InsufficientAccess/);
    await expect(polls.poll()).rejects.toThrow(DirectoryUnreachableError);
    polls.settings = { mode: 'object-security' };
    expect(lines(await sync())).toEqual(['DirectoryRecovered corp.example.com']);
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(polls.controller));

    const [ada = ''] = await known('Ada');
    expect(lines(polls.eventsSince(0))).toEqual(expect.arrayContaining(['UserCreated Ada', 'GroupMemberAdded Staff']));
    const changed = await polls.eventsOf(async () => {
      await changeAttribute(admin, ada, 'replace', 'userAccountControl', ['514']);
      await changeAttribute(admin, staff, 'delete', 'member', [ada]);
    });
    expect(lines(changed).sort()).toEqual(['GroupMemberRemoved Staff', 'UserDisabled Ada']);
    expect(logged('POLL_DONE').at(-1)?.fields).toMatchObject({ deletionsBy: 'verification' });
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(polls.controller));
  });

  test('THEN a deletion that it may see is told at once', async () => {
    const [dn = ''] = await known('Seen');
    const events = await polls.eventsOf(() => admin.del(dn));
    expect(lines(events).sort()).toEqual(['GroupMemberRemoved Domain Users', 'GroupMemberRemoved Staff', 'UserDeleted Seen']);
  });
});

describe('GIVEN an account that may not see deleted objects', () => {
  beforeAll(async () => {
    const container = `CN=Deleted Objects,${polls.controller.baseDn}`;
    await removeAccessRight(polls.controller, container, `(A;CI;LCRP;;;${account})`);
  });

  test('WHEN somebody is deleted THEN nothing shows it, until the verification of the next day proves it by GUID', async () => {
    const [unseen = '', other = ''] = await known('Unseen', 'Other');
    expect(await polls.eventsOf(() => admin.del(unseen))).toEqual([]);
    expect(polls.row('Unseen')).toMatchObject({ deleted: false });
    const found = await syncTomorrow();
    expect(lines(found).sort()).toEqual(['GroupMemberRemoved Domain Users', 'GroupMemberRemoved Staff', 'UserDeleted Unseen']);
    expect(polls.row('Other')).toMatchObject({ deleted: false, dn: other });
    expect(await syncTomorrow()).toEqual([]);
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(polls.controller));
  });

  test('WHEN more are gone than the guard lets through THEN nothing is deleted before somebody approves it', async () => {
    const names = ['One', 'Two', 'Three', 'Four'];
    const dns = await known(...names);
    for (const dn of dns) await admin.del(dn);
    polls.settings = { mode: 'object-security', guard };
    const [tripped, ...others] = await syncTomorrow();
    expect(others).toEqual([]);
    expect(tripped).toMatchObject({
      type: 'DirectoryGuardTripped',
      // Staff shows others: that it does not show them is a proof of its own.
      change: {
        gone: { objects: names.length, memberships: names.length },
        most: 3,
        share: 1,
        approval: expect.stringMatching(/^[0-9a-f]{12}$/),
      },
    });
    expect(names.map((name) => polls.row(name).deleted)).toEqual(names.map(() => false));

    // Another approval is none.
    expect(await polls.eventsOf(async () => {}, { approve: '000000000000' })).toEqual([]);
    // One that expires is told, and what is gone is found again, under another approval.
    const again = await syncTomorrow();
    expect(again.map(({ type }) => type)).toEqual(['DirectoryGuardReleased', 'DirectoryGuardTripped']);
    const approval = ofType(again, 'DirectoryGuardTripped')[0]?.change.approval ?? '';
    expect(approval).not.toBe(
      ofType(
        [tripped].flatMap((event) => event ?? []),
        'DirectoryGuardTripped',
      )[0]?.change.approval,
    );

    const approved = await polls.eventsOf(async () => {}, { approve: approval });
    expect(ofType(approved, 'DirectoryGuardReleased')).toMatchObject([{ change: { approval, outcome: 'approved' } }]);
    expect(
      ofType(approved, 'UserDeleted')
        .map(({ subject }) => subject.name)
        .sort(),
    ).toEqual([...names].sort());
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(polls.controller));
  });

  test('WHEN a unit is hidden from it THEN that looks like a deletion of all that is in it: the guard alone stands before it', async () => {
    const unit = `OU=Hidden,${polls.controller.baseDn}`;
    await admin.add(unit, { objectClass: ['organizationalUnit'] });
    const names = ['Hidden 1', 'Hidden 2', 'Hidden 3', 'Hidden 4'];
    for (const name of names) await createUser(admin, unit, name);
    await polls.poll();

    // An object that may not be seen answers a look-up by GUID with noSuchObject, as one that is gone does (MS-ADTS section 3.1.1.3.1.3).
    const denial = `(D;CI;RPLCLORC;;;${account})`;
    await polls.controller.dsacl(unit, denial);
    polls.settings = { mode: 'object-security', guard };
    const hidden = await syncTomorrow();
    // The unit itself can still be seen in its container.
    expect(hidden).toMatchObject([{ type: 'DirectoryGuardTripped', change: { gone: { objects: names.length } } }]);
    expect(names.map((name) => polls.row(name).deleted)).toEqual(names.map(() => false));

    await removeAccessRight(polls.controller, unit, denial);
    const shown = await syncTomorrow();
    expect(shown).toMatchObject([{ type: 'DirectoryGuardReleased', change: { outcome: 'expired' } }]);
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(polls.controller));
  });

  test("WHEN a group's members and its members' groups are hidden from it THEN nobody leaves the group, and the log counts what is unproven", async () => {
    const [dn = ''] = await known('Veiled');
    // The attributes `member` and `memberOf` (MS-ADA2).
    const denials: [string, string][] = [
      [staff, 'bf9679c0-0de6-11d0-a285-00aa003049e2'],
      [dn, 'bf967991-0de6-11d0-a285-00aa003049e2'],
    ];
    for (const [object, attribute] of denials) await polls.controller.dsacl(object, `(OD;;RP;${attribute};;${account})`);
    expect(await syncTomorrow()).toEqual([]);
    expect(polls.groupsOf('Veiled')).toContain('Staff');
    expect(logged('VERIFIED').at(-1)?.fields).toMatchObject({ unproven: 1, gone: { objects: 0, memberships: 0 } });
  });
});
