/** From two images of a row to events: pure. */
import { describe, expect, test } from 'vitest';
import { applyPage } from '../../handlers/directory/apply-page.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { domainSubject, identityEvents } from '../../handlers/directory/identity-events.ts';
import { type MirrorRow, type StatusRow, statusKey, subjectOf } from '../../handlers/directory/mirror.ts';
import { parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { base, context, delta, detectedAt, domain, edgeRow, groupObject, objectRow, referenceTo, tombstone, userObject } from './rows.ts';

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
    ['another flag of a user changes', user, afterChange(user, delta(ada, { attributes: { userAccountControl: ['66048'] } })), []],
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
    ['a computer appears', undefined, objectRow(ada, { type: 'computer' }), []],
    ['the first snapshot brings a user', undefined, objectRow(ada, { snapshot: true }), []],
    ['a user of the first snapshot changes', objectRow(ada, { snapshot: true }), disabled, ['UserDisabled']],
    ['DynamoDB forgets a tombstone (TTL)', objectRow(ada, { deleted: true }), undefined, []],
    ['a living row is removed by hand', user, undefined, []],
  ])('WHEN %s', (_, before, now, expected) => {
    expect(types(before, now)).toEqual(expected);
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
  const snapshotCompleted = { users: 1, groups: 2, memberships: 3 };
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

  test('invariant 10: THEN nothing but the attributes of the contract gets into an event', () => {
    const secret = (row: MirrorRow) =>
      ({ ...row, attributes: { ...user.attributes, unicodePwd: ['Hunter2-Hunter2'], name: ['x'] } }) as MirrorRow;
    expect(JSON.stringify([raised(undefined, secret(user)), raised(user, secret(user))])).not.toMatch(/Hunter2|unicodePwd/);
  });
});
