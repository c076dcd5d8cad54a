/** Every event of accounts, each from what happens in a real directory (Samba), seen with the connector's own account. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeAttribute, createUser, newPassword, unicodePassword } from '../../sandbox/domain-controller/population.ts';
import { directoryContents } from './ldapsearch.ts';
import { fileTimeIn, logOnWrongly, passwordSettings, restoreObject, spanOf } from './samba-operations.ts';
import { expectParsed, lines, ofType, type SambaPolls, startSambaPolls, watched } from './samba-polls.ts';

let polls: SambaPolls;
let admin: SambaPolls['population']['admin'];
let people: string;

const replace = (dn: string, type: string, ...values: string[]) => changeAttribute(admin, dn, 'replace', type, values);
const make = (name: string, attributes: Record<string, string> = {}) => createUser(admin, people, name, attributes);

/** A user whom a poll has seen already. */
async function known(name: string, attributes: Record<string, string> = {}): Promise<string> {
  const dn = await make(name, attributes);
  await polls.poll();
  return dn;
}

beforeAll(async () => {
  // `DEPARTMENT` is how somebody may write it: attribute names are the same in any case (RFC 4512 section 2.5).
  polls = await startSambaPolls({ groups: ['Staff', 'Crew'], settings: { attributes: ['DEPARTMENT', 'otherTelephone', 'manager'] } });
  ({ admin, usersDn: people } = polls.population);
  await polls.poll();
});

afterAll(async () => {
  expectParsed(polls?.eventsSince(0) ?? []);
  await polls?.stop();
});

describe('GIVEN the first snapshot', () => {
  test('THEN one event tells its counts, and a poll of a quiet directory is one search that writes nothing', async () => {
    const [completed, ...others] = polls.eventsSince(0);
    expect(others).toEqual([]);
    const count = async (filter: string) =>
      (await admin.search(polls.controller.baseDn, { scope: 'sub', filter, attributes: ['cn'] })).searchEntries.length;
    const { members } = await directoryContents(polls.controller);
    expect(completed).toMatchObject({
      type: 'DirectorySnapshotCompleted',
      subject: { type: 'domain', dn: polls.controller.baseDn },
      change: {
        users: await count('(&(objectClass=user)(!(objectClass=computer)))'),
        computers: 1,
        serviceAccounts: 0,
        groups: await count('(objectClass=group)'),
        memberships: Object.values(members).flatMap(({ direct }) => direct).length,
      },
    });
    const calls: string[] = [];
    polls.between = (source) => watched(source, (name) => calls.push(name));
    const writes = { ...polls.mirror.writes };
    await polls.poll();
    polls.between = (source) => source;
    expect(calls).toEqual(['controller', 'close']);
    expect(polls.mirror.writes).toEqual(writes);
  });
});

describe('an account', () => {
  test('WHEN it is created THEN UserCreated says whether it is enabled', async () => {
    const events = await polls.eventsOf(async () => {
      await make('Born', { userPrincipalName: 'born@corp.example.com' });
      await createUser(admin, people, 'Asleep', {}, false);
    });
    const created = new Map(ofType(events, 'UserCreated').map((event) => [event.subject.name, event]));
    expect(created.get('Born')).toMatchObject({
      change: { enabled: true },
      subject: {
        type: 'user',
        sid: expect.stringMatching(/^S-1-5-21-/),
        dn: `CN=Born,${people}`,
        samAccountName: 'Born',
        userPrincipalName: 'born@corp.example.com',
      },
    });
    expect(created.get('Asleep')).toMatchObject({ change: { enabled: false } });
    expect(created.size).toBe(2);
    // The primary group is a membership from the start.
    expect(lines(events)).toContain('GroupMemberAdded Domain Users');
  });

  test('WHEN it is disabled and enabled THEN each is told', async () => {
    const dn = await known('Switch');
    expect(lines(await polls.eventsOf(() => replace(dn, 'userAccountControl', '514')))).toEqual(['UserDisabled Switch']);
    expect(lines(await polls.eventsOf(() => replace(dn, 'userAccountControl', '512')))).toEqual(['UserEnabled Switch']);
  });

  test('WHEN it is renamed THEN the names before and after are told, under the same GUID (invariant 4)', async () => {
    const dn = await known('Maiden');
    const { guid } = polls.row('Maiden');
    const events = await polls.eventsOf(async () => {
      await admin.modifyDN(dn, `CN=Married,${people}`);
      await replace(`CN=Married,${people}`, 'sAMAccountName', 'married');
      await replace(`CN=Married,${people}`, 'userPrincipalName', 'married@corp.example.com');
    });
    expect(lines(events)).toEqual(['UserRenamed Married']);
    expect(events[0]).toMatchObject({
      subject: { guid, dn: `CN=Married,${people}` },
      change: {
        name: { before: 'Maiden', after: 'Married' },
        sAMAccountName: { before: 'Maiden', after: 'married' },
        userPrincipalName: { before: null, after: 'married@corp.example.com' },
      },
    });
  });

  test('WHEN it is moved THEN both distinguished names are told', async () => {
    const dn = await known('Mover');
    const events = await polls.eventsOf(() => admin.modifyDN(dn, `CN=Mover,${polls.population.groupsDn}`));
    expect(events).toMatchObject([{ type: 'UserMoved', change: { before: dn, after: `CN=Mover,${polls.population.groupsDn}` } }]);
  });

  test('WHEN attributes of the list change THEN UserUpdated tells old and new values; of others nothing is told', async () => {
    const boss = await known('Boss');
    const dn = await known('Pat', { department: 'Accounts', displayName: 'Pat', mail: 'pat@example.com' });
    const set = await polls.eventsOf(async () => {
      await replace(dn, 'department', 'Sales');
      await replace(dn, 'otherTelephone', '22', '11');
      await replace(dn, 'manager', boss);
      await changeAttribute(admin, dn, 'delete', 'mail', []);
    });
    expect(set).toMatchObject([{ type: 'UserUpdated', subject: { name: 'Pat' } }]);
    expect(set[0]?.change).toEqual({
      DEPARTMENT: { before: 'Accounts', after: 'Sales' },
      otherTelephone: { before: null, after: expect.arrayContaining(['11', '22']) },
      manager: { before: null, after: boss },
      mail: { before: 'pat@example.com', after: null },
    });
    expect(await polls.eventsOf(() => replace(dn, 'description', 'not in the list'))).toEqual([]);
    // Not asked for is not cleared: what did not change is still there.
    expect(polls.row('Pat').attributes).toMatchObject({ DEPARTMENT: ['Sales'], displayName: ['Pat'], manager: [boss] });
    expect((await polls.eventsOf(() => changeAttribute(admin, dn, 'delete', 'department', [])))[0]?.change).toEqual({
      DEPARTMENT: { before: 'Sales', after: null },
    });
  });

  test('WHEN it is deleted THEN it and its memberships end; WHEN it is reanimated THEN it is the same object, in no group', async () => {
    const dn = await known('Phoenix', { department: 'Myths' });
    const { guid, sid } = polls.row('Phoenix');
    await polls.eventsOf(() => changeAttribute(admin, `CN=Staff,${polls.population.groupsDn}`, 'add', 'member', [dn]));
    expect(polls.groupsOf('Phoenix')).toEqual(['Domain Users', 'Staff']);

    const deleted = await polls.eventsOf(() => admin.del(dn));
    expect(lines(deleted).sort()).toEqual(['GroupMemberRemoved Domain Users', 'GroupMemberRemoved Staff', 'UserDeleted Phoenix']);
    expect(ofType(deleted, 'UserDeleted')[0]?.subject).toMatchObject({ guid, sid, dn, name: 'Phoenix' });

    const restored = await polls.eventsOf(() => restoreObject(admin, polls.controller, dn, guid));
    expect(ofType(restored, 'UserRestored')).toMatchObject([{ subject: { guid, sid, dn, name: 'Phoenix', samAccountName: 'Phoenix' } }]);
    expect(lines(restored)).not.toContain('UserCreated Phoenix');
    expect(polls.groupsOf('Phoenix')).not.toContain('Staff');
  });

  test('WHEN it is deleted and reanimated between two polls THEN its memberships end all the same', async () => {
    const dn = await known('Blink');
    const { guid } = polls.row('Blink');
    await polls.eventsOf(() => changeAttribute(admin, `CN=Staff,${polls.population.groupsDn}`, 'add', 'member', [dn]));
    const events = await polls.eventsOf(async () => {
      await admin.del(dn);
      await restoreObject(admin, polls.controller, dn, guid);
    });
    expect(lines(events)).toContain('GroupMemberRemoved Staff');
    expect(lines(events)).not.toContain('UserDeleted Blink');
    expect(polls.groupsOf('Blink')).not.toContain('Staff');
  });

  test('WHEN its password is set, and when it must be changed THEN PasswordChanged, and no password anywhere (invariant 10)', async () => {
    const dn = await known('Secretive');
    const password = newPassword();
    const set = await polls.eventsOf(() => changeAttribute(admin, dn, 'replace', 'unicodePwd', [unicodePassword(password)] as never));
    expect(set).toMatchObject([{ type: 'PasswordChanged', change: { before: expect.any(String), after: expect.any(String) } }]);
    const must = await polls.eventsOf(() => replace(dn, 'pwdLastSet', '0'));
    expect(must).toMatchObject([{ type: 'PasswordChanged', subject: { name: 'Secretive' }, change: { after: null } }]);
    const everything = JSON.stringify([polls.mirror.all(), polls.mirror.changes, polls.log]);
    expect(everything).not.toContain(password);
    expect(everything).not.toMatch(/unicodePwd|supplementalCredentials/i);
  });
});

describe('expiry', () => {
  const expired = (events: ReturnType<SambaPolls['eventsSince']>, name: string) =>
    lines(events).filter((line) => line === `UserExpired ${name}`);

  test('WHEN accountExpires is set, cleared and crossed THEN the change is told at once and UserExpired at the moment, once', async () => {
    const dn = await known('Temp');
    const at = fileTimeIn(600_000);
    const set = await polls.eventsOf(() => replace(dn, 'accountExpires', at));
    expect(set).toMatchObject([{ type: 'UserExpiryChanged', change: { before: null, after: expect.any(String) } }]);
    const moment = ofType(set, 'UserExpiryChanged')[0]?.change.after;
    // 0 and 2^63 - 1 are both never.
    expect(lines(await polls.eventsOf(() => replace(dn, 'accountExpires', '0')))).toEqual(['UserExpiryChanged Temp']);
    expect(await polls.eventsOf(() => replace(dn, 'accountExpires', '9223372036854775807'))).toEqual([]);
    await polls.eventsOf(() => replace(dn, 'accountExpires', at));

    polls.aheadMs = 599_000 - 5_000;
    expect(await polls.eventsOf(async () => {})).toEqual([]);
    polls.aheadMs = 601_000;
    const crossed = await polls.eventsOf(async () => {});
    expect(crossed).toMatchObject([{ type: 'UserExpired', subject: { name: 'Temp' }, change: { at: moment }, occurredAt: moment }]);
    expect(await polls.eventsOf(async () => {})).toEqual([]);
    polls.aheadMs = 0;
  });

  test('WHEN the moment passes while nothing polls THEN the next poll tells it exactly once, among other changes too', async () => {
    const dn = await known('Contractor');
    await polls.eventsOf(() => replace(dn, 'accountExpires', fileTimeIn(60_000)));
    polls.aheadMs = 3 * 24 * 3600_000;
    const mark = polls.mark();
    await polls.eventsOf(() => make('Somebody Else'));
    await polls.poll();
    polls.aheadMs = 0;
    await polls.poll();
    expect(expired(polls.eventsSince(mark), 'Contractor')).toHaveLength(1);
  });

  test('WHEN it is set to the past between two polls THEN both are told; WHEN it is extended THEN the next end is told again', async () => {
    const dn = await known('Interim');
    const past = await polls.eventsOf(() => replace(dn, 'accountExpires', fileTimeIn(-60_000)));
    expect(lines(past).sort()).toEqual(['UserExpired Interim', 'UserExpiryChanged Interim']);
    expect(lines(await polls.eventsOf(() => replace(dn, 'accountExpires', fileTimeIn(60_000))))).toEqual(['UserExpiryChanged Interim']);
    polls.aheadMs = 61_000;
    expect(expired(await polls.eventsOf(async () => {}), 'Interim')).toHaveLength(1);
    polls.aheadMs = 0;
  });

  test('WHEN the account was already expired in the first snapshot THEN nothing is told of it', async () => {
    expect(lines(polls.eventsSince(0)).filter((line) => /^UserExpired (Guest|Administrator|krbtgt)/.test(line))).toEqual([]);
  });
});

describe('lockout', () => {
  const durationMs = 3_000;
  /** Samba's clock for lockouts counts whole seconds. */
  const lateMs = 1_100;

  async function policy(values: Record<string, string>): Promise<void> {
    for (const [type, value] of Object.entries(values)) await replace(polls.controller.baseDn, type, value);
  }

  test('WHEN wrong passwords lock it THEN UserLockedOut says until when; WHEN the time is over THEN UserUnlocked, once', async () => {
    await policy({ lockoutThreshold: '2', lockOutObservationWindow: spanOf(durationMs), lockoutDuration: spanOf(durationMs) });
    const dn = await known('Clumsy');
    const locked = await polls.eventsOf(() => logOnWrongly(polls.controller, dn, 2));
    expect(locked).toMatchObject([{ type: 'UserLockedOut', subject: { name: 'Clumsy' }, change: { until: expect.any(String) } }]);
    const until = Date.parse(ofType(locked, 'UserLockedOut')[0]?.change.until ?? '');
    expect(until - Date.parse(locked[0]?.occurredAt ?? '')).toBe(durationMs);
    await delay(until - Date.now() + lateMs);
    expect(lines(await polls.eventsOf(async () => {}))).toEqual(['UserUnlocked Clumsy']);
    expect(await polls.eventsOf(async () => {})).toEqual([]);
  });

  test('WHEN only an administrator ends it THEN until is null, and lockoutTime 0 is UserUnlocked', async () => {
    await policy({ lockoutThreshold: '2', lockOutObservationWindow: spanOf(60_000), lockoutDuration: '0' });
    const dn = await known('Stuck');
    const locked = await polls.eventsOf(() => logOnWrongly(polls.controller, dn, 2));
    expect(locked).toMatchObject([{ type: 'UserLockedOut', change: { until: null } }]);
    expect(lines(await polls.eventsOf(() => replace(dn, 'lockoutTime', '0')))).toEqual(['UserUnlocked Stuck']);
  });

  test('WHEN a fine-grained policy locks it THEN its duration counts, not the domain policy', async () => {
    await policy({ lockoutThreshold: '0', lockOutObservationWindow: spanOf(60_000), lockoutDuration: spanOf(3600_000) });
    const dn = await known('Strict');
    await admin.add(
      `CN=Strict lockout,CN=Password Settings Container,CN=System,${polls.controller.baseDn}`,
      passwordSettings({
        'msDS-LockoutThreshold': '2',
        'msDS-LockoutObservationWindow': spanOf(durationMs),
        'msDS-LockoutDuration': spanOf(durationMs),
        'msDS-PSOAppliesTo': dn,
      }),
    );
    await polls.poll();
    const locked = await polls.eventsOf(() => logOnWrongly(polls.controller, dn, 2));
    expect(lines(locked)).toEqual(['UserLockedOut Strict']);
    const until = Date.parse(ofType(locked, 'UserLockedOut')[0]?.change.until ?? '');
    expect(until - Date.parse(locked[0]?.occurredAt ?? '')).toBe(durationMs);
    await delay(until - Date.now() + lateMs);
    expect(lines(await polls.eventsOf(async () => {}))).toEqual(['UserUnlocked Strict']);
  });
});

describe('other kinds of accounts have events of their own', () => {
  test('a computer', async () => {
    const dn = `CN=srv1,CN=Computers,${polls.controller.baseDn}`;
    const created = await polls.eventsOf(() =>
      admin.add(dn, { objectClass: ['computer'], sAMAccountName: 'SRV1$', userAccountControl: '4096' }),
    );
    expect(ofType(created, 'ComputerCreated')).toMatchObject([{ subject: { type: 'computer', name: 'srv1' }, change: { enabled: true } }]);
    expect(lines(await polls.eventsOf(() => replace(dn, 'userAccountControl', '4098')))).toEqual(['ComputerDisabled srv1']);
    expect(lines(await polls.eventsOf(() => admin.del(dn)))).toContain('ComputerDeleted srv1');
  });

  test('a group managed service account', async () => {
    const dn = `CN=svc-web,CN=Managed Service Accounts,${polls.controller.baseDn}`;
    const created = await polls.eventsOf(() =>
      admin.add(dn, {
        objectClass: ['msDS-GroupManagedServiceAccount'],
        sAMAccountName: 'svc-web$',
        userAccountControl: '4096',
        'msDS-ManagedPasswordInterval': '30',
      }),
    );
    expect(ofType(created, 'ServiceAccountCreated')).toMatchObject([{ subject: { type: 'serviceAccount', name: 'svc-web' } }]);
    expect(lines(await polls.eventsOf(() => replace(dn, 'displayName', 'Web')))).toEqual(['ServiceAccountUpdated svc-web']);
    expect(lines(await polls.eventsOf(() => admin.del(dn)))).toContain('ServiceAccountDeleted svc-web');
  });
});
