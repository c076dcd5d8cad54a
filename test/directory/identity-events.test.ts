/** From two images of a row to events: pure. */
import { describe, expect, test } from 'vitest';
import { applyPage } from '../../handlers/directory/apply-page.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { domainSubject, identityEvents } from '../../handlers/directory/identity-events.ts';
import { type MirrorRow, type ObjectRow, type StatusRow, statusKey, subjectOf } from '../../handlers/directory/mirror.ts';
import { secretAttributes } from '../../handlers/events/catalogue.ts';
import { parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import {
  accountObject,
  base,
  changed,
  context,
  delta,
  detectedAt,
  domain,
  edgeRow,
  fileTimeOf,
  groupObject,
  objectOf,
  objectRow,
  referenceTo,
  tombstone,
  unitObject,
  userObject,
} from './rows.ts';

const ada = userObject(1, 'Ada', { displayName: ['Ada Example'] });
const staff = groupObject(10, 'Staff');
const raised = (before: MirrorRow | undefined, after: MirrorRow | undefined) => identityEvents(before, after);
const types = (before: MirrorRow | undefined, after: MirrorRow | undefined) => raised(before, after).map(({ type }) => type);
/** The row after a change, by change capture itself. */
const afterChange = (before: MirrorRow, change: ChangedObject): MirrorRow =>
  applyPage([change], [before], { ...context, fence: 2 })[0] ?? before;

describe('an object', () => {
  const user = objectRow(ada);
  const disabled = objectRow({ ...ada, attributes: { ...ada.attributes, userAccountControl: ['514'] } });
  const group = objectRow(staff);
  const moved = `CN=Ada,OU=Former,${base}`;
  const renamedDn = `CN=Ada Married,OU=People,${base}`;
  const must = objectRow({ ...ada, attributes: { ...ada.attributes, pwdLastSet: ['0'] } });
  const withTitle = { ...ada, attributes: { ...ada.attributes, title: ['Engineer'] } };

  test.each<[string, MirrorRow | undefined, MirrorRow | undefined, readonly string[]]>([
    ['a user appears', undefined, user, ['UserCreated']],
    ['a group appears', undefined, group, ['GroupCreated']],
    ['a user is renamed', user, afterChange(user, delta(ada, { dn: renamedDn, attributes: { name: ['Ada Married'] } })), ['UserRenamed']],
    [
      'a user gets another logon name',
      user,
      afterChange(user, delta(ada, { attributes: { sAMAccountName: ['am'], userPrincipalName: ['am@x'] } })),
      ['UserRenamed'],
    ],
    ['a user is moved', user, afterChange(user, delta(ada, { dn: moved })), ['UserMoved']],
    [
      'a user is renamed and moved',
      user,
      afterChange(user, delta(ada, { dn: `CN=B,OU=Former,${base}`, attributes: { name: ['B'] } })),
      ['UserRenamed', 'UserMoved'],
    ],
    ['a user is disabled', user, disabled, ['UserDisabled']],
    ['a user is enabled', disabled, user, ['UserEnabled']],
    [
      'another flag of a user changes',
      user,
      afterChange(user, delta(ada, { attributes: { userAccountControl: ['66048'] } })),
      ['UserUpdated'],
    ],
    ['a user gets another mail address', user, afterChange(user, delta(ada, { attributes: { mail: ['a@example.com'] } })), ['UserUpdated']],
    ['an attribute of a user is cleared', user, afterChange(user, delta(ada, { attributes: { displayName: [] } })), ['UserUpdated']],
    [
      'everything of a user changes at once',
      user,
      afterChange(
        user,
        delta(ada, { dn: `CN=B,OU=Former,${base}`, attributes: { name: ['B'], userAccountControl: ['514'], mail: ['b@example.com'] } }),
      ),
      ['UserRenamed', 'UserMoved', 'UserDisabled', 'UserUpdated'],
    ],
    ['a user is deleted', user, afterChange(user, tombstone(ada)), ['UserDeleted']],
    ['a user is restored', objectRow(ada, { deleted: true }), user, ['UserRestored']],
    [
      'a user is restored elsewhere, disabled',
      objectRow(ada, { deleted: true }),
      objectRow({ ...userObject(1, 'Ada', { userAccountControl: ['514'], displayName: ['Ada Example'] }), dn: moved }),
      ['UserRestored', 'UserDisabled'],
    ],
    [
      'a group is renamed',
      group,
      afterChange(group, delta(staff, { dn: `CN=Crew,OU=Groups,${base}`, attributes: { name: ['Crew'] } })),
      ['GroupRenamed'],
    ],
    ['a group is moved', group, afterChange(group, delta(staff, { dn: `CN=Staff,OU=Former,${base}` })), ['GroupMoved']],
    ['a group gets another type', group, afterChange(group, delta(staff, { attributes: { groupType: ['2'] } })), ['GroupUpdated']],
    ['a group is deleted', group, afterChange(group, tombstone(staff)), ['GroupDeleted']],
    ['a group is restored', objectRow(staff, { deleted: true }), group, ['GroupRestored']],
    ['a name is written in another case', user, afterChange(user, delta(ada, { dn: ada.dn.toLowerCase() })), []],
    ['nothing but the stamps changes', user, { ...user, revision: 2, fence: 9, detectedAt: '2026-01-01T00:00:00.000Z' }, []],
    ['a deleted row is written again', objectRow(ada, { deleted: true }), objectRow(ada, { deleted: true, revision: 2 }), []],
    ['a row appears that is already deleted', undefined, objectRow(ada, { deleted: true }), []],
    ['a member from another forest appears', undefined, objectRow(objectOf('foreignSecurityPrincipal', 40, `CN=S-1-5-21-9,${base}`)), []],
    ['a unit appears', undefined, objectRow(unitObject(41, 'People')), []],
    [
      'a password is set',
      user,
      afterChange(user, changed(ada, { pwdLastSet: [fileTimeOf('2025-03-01T09:59:00.000Z')] })),
      ['PasswordChanged'],
    ],
    ['a password stays to be changed at the next log-on', must, afterChange(must, changed(ada, { pwdLastSet: ['0'], mail: [] })), []],
    ['an attribute was only not asked for before', user, objectRow(withTitle, { revision: 2, learned: ['title'] }), []],
    [
      'one attribute was not asked for before, and another changed',
      user,
      objectRow({ ...withTitle, attributes: { ...withTitle.attributes, mail: ['a@example.com'] } }, { revision: 2, learned: ['title'] }),
      ['UserUpdated'],
    ],
    ['what was learned changes', objectRow(withTitle, { learned: ['title'] }), objectRow(ada, { revision: 2 }), ['UserUpdated']],
    ['a user enters the scope', objectRow(ada, { outOfScope: true }), disabled, ['UserEnteredScope']],
    ['a user leaves the scope', user, { ...disabled, outOfScope: true }, ['UserLeftScope']],
    ['a user changes out of scope', objectRow(ada, { outOfScope: true }), { ...disabled, outOfScope: true }, []],
    ['a user is created out of scope', undefined, objectRow(ada, { outOfScope: true }), []],
    ['a user is deleted out of scope', objectRow(ada, { outOfScope: true }), objectRow(ada, { outOfScope: true, deleted: true }), []],
    ['a user is restored out of scope', objectRow(ada, { deleted: true }), objectRow(ada, { outOfScope: true }), []],
    ['a group enters the scope', objectRow(staff, { outOfScope: true }), group, ['GroupEnteredScope']],
    ['a group leaves the scope', group, objectRow(staff, { outOfScope: true }), ['GroupLeftScope']],
    ['the first snapshot brings a user', undefined, objectRow(ada, { snapshot: true }), []],
    ['a user of the first snapshot changes', objectRow(ada, { snapshot: true }), disabled, ['UserDisabled']],
    ['DynamoDB forgets a tombstone (TTL)', objectRow(ada, { deleted: true }), undefined, []],
    ['a living row is removed by hand', user, undefined, []],
  ])('WHEN %s', (_, before, now, expected) => {
    expect(types(before, now)).toEqual(expected);
  });

  test.each([
    ['computer', 'Computer'],
    ['serviceAccount', 'ServiceAccount'],
  ] as const)('THEN what happens to a %s has events of its own: a rule for people never fires for it', (type, kind) => {
    const account = accountObject(type, 5, 'PC5$');
    const row = objectRow(account);
    const history: [MirrorRow | undefined, MirrorRow][] = [
      [undefined, row],
      [row, afterChange(row, changed(account, { userAccountControl: ['514'], mail: ['pc@example.com'] }))],
      [row, afterChange(row, delta(account, { dn: `CN=PC5$,OU=Former,${base}` }))],
      [row, afterChange(row, tombstone(account))],
      [objectRow(account, { deleted: true }), row],
      [row, { ...row, outOfScope: true }],
    ];
    expect(history.flatMap(([before, now]) => types(before, now))).toEqual(
      ['Created', 'Disabled', 'Updated', 'Moved', 'Deleted', 'Restored', 'LeftScope'].map((name) => `${kind}${name}`),
    );
  });

  test('THEN a password change says when the old and the new were set, and occurred then', () => {
    const [before, now] = ['2025-01-01T08:00:00.000Z', '2025-03-01T09:59:00.000Z'];
    const old = objectRow({ ...ada, attributes: { ...ada.attributes, pwdLastSet: [fileTimeOf(before)] } });
    const [event] = raised(old, afterChange(old, changed(ada, { pwdLastSet: [fileTimeOf(now)] })));
    expect(event).toMatchObject({ type: 'PasswordChanged', change: { before, after: now }, occurredAt: now });
    // A clock ahead of ours dates nothing after its detection.
    const [ahead] = raised(old, afterChange(old, changed(ada, { pwdLastSet: [fileTimeOf('2025-03-01T10:04:00.000Z')] })));
    expect(ahead?.occurredAt).toBe(ahead?.detectedAt);
  });

  test('THEN an attribute of the configured list is told with its old and new values, a long list within an event’s bounds', () => {
    const row = (values: readonly string[]) => objectRow({ ...ada, attributes: { ...ada.attributes, proxyAddresses: values } });
    expect(raised(row(['a', 'b']), row(['b']))[0]?.change).toEqual({ proxyAddresses: { before: ['a', 'b'], after: 'b' } });
    const long = Array.from({ length: 20_000 }, (_, index) => `smtp:${index}@example.com`);
    const [event] = raised(row(long), row([...long, 'one more']));
    expect(Buffer.byteLength(event ? toEntry(event).Detail : '')).toBeLessThan(256 * 1024);
    expect(event).toMatchObject({ type: 'UserUpdated' });
  });

  test('THEN a change says what was and what is, null where there is nothing', () => {
    const [event] = raised(user, afterChange(user, delta(ada, { attributes: { displayName: [], mail: ['a@example.com'] } })));
    expect(event?.change).toEqual({ displayName: { before: 'Ada Example', after: null }, mail: { before: null, after: 'a@example.com' } });
  });

  test('THEN a move says from where to where, and a creation whether the account is enabled', () => {
    expect(raised(user, afterChange(user, delta(ada, { dn: moved })))[0]?.change).toEqual({ before: ada.dn, after: moved });
    expect(raised(undefined, user)[0]?.change).toEqual({ enabled: true });
    expect(raised(undefined, disabled)[0]?.change).toEqual({ enabled: false });
  });

  test('invariant 4: THEN a rename is about the same subject under its new name', () => {
    const [event] = raised(user, afterChange(user, delta(ada, { dn: renamedDn, attributes: { name: ['Ada Married'] } })));
    expect(event?.subject).toMatchObject({ guid: ada.guid, sid: ada.sid, name: 'Ada Married', dn: renamedDn });
  });
});

describe('a membership', () => {
  const edge = edgeRow(staff, ada);
  const ended = edgeRow(staff, ada, { present: false, revision: 2 });

  test.each<[string, MirrorRow | undefined, MirrorRow | undefined, readonly string[]]>([
    ['it begins', undefined, edge, ['GroupMemberAdded']],
    ['it begins again', ended, { ...edge, revision: 3 }, ['GroupMemberAdded']],
    ['it ends', edge, ended, ['GroupMemberRemoved']],
    ['its row is written again', edge, { ...edge, revision: 2 }, []],
    ['it appears as ended', undefined, ended, []],
    ['the first snapshot brings it', undefined, { ...edge, snapshot: true }, []],
    ['one of the first snapshot ends', { ...edge, snapshot: true }, ended, ['GroupMemberRemoved']],
    ['its group is out of scope', undefined, { ...edge, untold: true }, []],
    ['it changes its way, from member to primary group', edge, { ...edge, direct: false, primary: true, revision: 2 }, []],
    ['DynamoDB forgets it (TTL)', ended, undefined, []],
  ])('WHEN %s', (_, before, now, expected) => {
    expect(types(before, now)).toEqual(expected);
  });

  test('THEN the group is the subject, and the change names the member', () => {
    const [event] = raised(undefined, edge);
    expect(event).toMatchObject({ subject: subjectOf(objectRow(staff)), change: { member: { ...referenceTo(ada), name: 'Ada' } } });
  });

  test('THEN a member whose name AD withholds is named by its GUID', () => {
    const [event] = raised(undefined, { ...edge, member: { guid: ada.guid, dn: '' } });
    expect(event?.change).toEqual({ member: { guid: ada.guid, dn: ada.guid, name: ada.guid } });
  });

  test('THEN two members of one group have events with two ids', () => {
    const bea = userObject(2, 'Bea');
    expect(raised(undefined, edge)[0]?.id).not.toBe(raised(undefined, edgeRow(staff, bea))[0]?.id);
  });
});

describe('the directory itself', () => {
  const status = (change: Partial<StatusRow> = {}): StatusRow => ({
    ...statusKey(domain),
    domain,
    revision: 1,
    fence: 1,
    detectedAt,
    reachable: true,
    since: detectedAt,
    ...change,
  });
  const snapshotCompleted = { users: 1, computers: 0, serviceAccounts: 0, groups: 2, memberships: 3 };
  const guard = {
    approval: 'a1b2',
    from: [{ container: 'OU=People,DC=corp,DC=example,DC=com', count: 9 }],
    state: 'tripped',
    gone: { objects: 9, memberships: 3 },
    verified: 20,
    most: 5,
    share: 0.1,
    expiresAt: '2025-03-02T10:00:00.000Z',
  } as const;
  const down = status({ reachable: false, reason: 'no domain controller answers' });

  test.each<[string, StatusRow | undefined, StatusRow, readonly string[]]>([
    ['the first snapshot is complete', undefined, status({ snapshotCompleted }), ['DirectorySnapshotCompleted']],
    ['it is down from the start', undefined, down, ['DirectoryUnreachable']],
    ['it goes down', status({ snapshotCompleted }), { ...down, snapshotCompleted, revision: 2 }, ['DirectoryUnreachable']],
    ['it stays down', down, { ...down, revision: 2 }, []],
    ['it comes back', down, status({ revision: 2 }), ['DirectoryRecovered']],
    [
      'it comes back with its first snapshot',
      down,
      status({ snapshotCompleted, revision: 2 }),
      ['DirectorySnapshotCompleted', 'DirectoryRecovered'],
    ],
    ['the guard trips', status(), status({ guard, revision: 2 }), ['DirectoryGuardTripped']],
    ['the guard has tripped', status({ guard }), status({ guard, revision: 2, reason: 'x' }), []],
    ['the guard trips again', status({ guard }), status({ guard: { ...guard, approval: 'b2' }, revision: 2 }), ['DirectoryGuardTripped']],
    ['it is approved', status({ guard }), status({ guard: { ...guard, state: 'approved' }, revision: 2 }), ['DirectoryGuardReleased']],
    ['it expires', status({ guard }), status({ guard: { ...guard, state: 'expired' }, revision: 2 }), ['DirectoryGuardReleased']],
    ['it stays up', status({ snapshotCompleted }), status({ snapshotCompleted, revision: 2 }), []],
  ])('WHEN %s', (_, before, now, expected) => {
    expect(types(before, now)).toEqual(expected);
  });

  test('THEN the domain is the subject, the same in every event', () => {
    const [event] = raised(undefined, down);
    expect(event?.subject).toEqual({ guid: domainSubject(domain).guid, type: 'domain', name: domain, dn: base });
    expect(event?.change).toEqual({ reason: 'no domain controller answers', since: detectedAt });
    expect(domainSubject('other.example.com').guid).not.toBe(domainSubject(domain).guid);
  });
});

describe('any two images', () => {
  const user = objectRow(ada);
  const everything = afterChange(
    user,
    delta(ada, { dn: `CN=B,OU=Former,${base}`, attributes: { name: ['B'], userAccountControl: ['514'], mail: ['b@example.com'] } }),
  );
  const images: [MirrorRow | undefined, MirrorRow][] = [
    [undefined, user],
    [user, everything],
    [undefined, edgeRow(staff, ada)],
    [edgeRow(staff, ada), edgeRow(staff, ada, { present: false, revision: 2 })],
  ];

  test('invariant 2: THEN the same two raise the same events under the same ids, so a repeat is recognisable', () => {
    for (const [before, now] of images) expect(raised(before, now)).toEqual(raised(structuredClone(before), structuredClone(now)));
  });

  test('THEN no two events of a row’s life share an id', () => {
    const life = [
      undefined,
      user,
      everything,
      { ...user, revision: 3 },
      objectRow(ada, { deleted: true, revision: 4 }),
      { ...user, revision: 5 },
    ];
    const events = life.slice(1).flatMap((now, index) => raised(life[index], now));
    expect(events.length).toBeGreaterThan(8);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });

  test('THEN each event keeps the contract: a consumer reads it as it was raised', () => {
    for (const event of images.flatMap(([before, now]) => raised(before, now))) {
      const { Source, DetailType, Detail } = toEntry(event);
      expect(parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) })).toEqual(event);
    }
  });

  test('invariant 10: THEN no attribute that holds a secret gets into an event, though a row had one', () => {
    const secrets = Object.fromEntries(secretAttributes.map((name) => [name, ['Hunter2-Hunter2']]));
    const secret = (row: ObjectRow) => objectRow({ ...ada, attributes: { ...row.attributes, ...secrets, name: ['x'] } });
    const told = [raised(undefined, secret(user)), raised(user, secret(user)), raised(secret(user), { ...user, revision: 3 })];
    expect(told.flat().map(({ type }) => type)).toEqual(['UserCreated', 'UserRenamed', 'UserRenamed']);
    expect(JSON.stringify(told)).not.toMatch(/Hunter2|unicodePwd/);
  });
});
