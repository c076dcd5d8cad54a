/** What the trail answers: who, what, why, changes and timelines, of a told story. */
import { beforeEach, describe, expect, test } from 'vitest';
import { changes } from '../../handlers/audit/answers/changes.ts';
import { timelineOfEvent, timelinesOfUser } from '../../handlers/audit/answers/timeline.ts';
import { what, who } from '../../handlers/audit/answers/who.ts';
import { whyEvent, whyGrant } from '../../handlers/audit/answers/why.ts';
import type { AuditRecord } from '../../handlers/audit/audit-record.ts';
import type { Grant, Subject } from '../../handlers/events/catalogue.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { base, guidOf } from '../directory/rows.ts';
import { denialOf, grantOf, Teller } from './told-trail.ts';
import { recordsIn } from './trail-in-memory.ts';

const actor = { sid: 'S-1-5-21-1-2-3-500', name: 'CORP\\admin' };

let teller: Teller;
let ada: Subject;
let grant: Grant;
let joined: AnyIdentityEvent;
let decided: AnyIdentityEvent;
let granted: AnyIdentityEvent;
const records = () => recordsIn(teller);

beforeEach(() => {
  teller = new Teller();
  ada = teller.user('ada');
  joined = teller.member('GroupMemberAdded', ada, 'devs', { actor });
  const since = new Date(Date.parse(joined.detectedAt) + 1000).toISOString();
  grant = grantOf('developers', 'wiki', since, { path: [{ guid: guidOf(901), dn: `CN=staff,${base}`, name: 'staff' }] });
  decided = teller.decided(ada, { granted: [grant], holds: [grant] }, joined);
  granted = teller.given(ada, grant, decided);
});

const leave = () => {
  teller.wait(60);
  const left = teller.event('UserDisabled', ada, {}, { actor });
  return teller.decided(ada, { state: 'disabled', revoked: [grant] }, left);
};

describe('who', () => {
  test('GIVEN a user WHEN it is asked about THEN each grant has its way, its policies, and who changed the directory', async () => {
    const revoked = leave();
    teller.taken(ada, grant, revoked);
    const { grants, principal } = await who(records(), 'ADA', {});
    expect(principal.subject).toEqual(ada);
    expect(grants).toMatchObject([
      {
        id: 'ada/developers@wiki',
        ...{ state: 'ended', since: grant.since, until: revoked.detectedAt, mapping: 'developers-mapping', path: ['staff', 'devs'] },
        ...{ policies: ['mapped-grants'], givenAt: granted.detectedAt },
        given: { event: joined.id, type: 'GroupMemberAdded', by: 'CORP\\admin (S-1-5-21-1-2-3-500)', at: joined.occurredAt },
        ended: { type: 'UserDisabled', by: 'CORP\\admin (S-1-5-21-1-2-3-500)' },
      },
    ]);
  });

  test('GIVEN an account that was gone before its roles were taken WHEN its end is told THEN they have ended', async () => {
    const revoked = leave();
    const account = { target: 'wiki', id: 'account-1', userName: 'ada' };
    const ended = teller.event('AccessEnded', ada, { account, state: 'disabled', ended: [grant], steps: [] }, { cause: revoked });
    const row = { id: 'ada/developers@wiki', state: 'ended', takenAt: ended.detectedAt };
    expect((await who(records(), 'ada', {})).grants).toMatchObject([row]);
    expect(await what(records(), 'developers', {})).toMatchObject([row]);
    expect((await timelineOfEvent(records(), revoked.id)).missing).toEqual([]);
  });

  test('GIVEN a time WHEN it is asked about THEN only what was held then is told, as it was', async () => {
    const revoked = leave();
    const at = (time: string) => who(records(), 'ada', { at: new Date(time) });
    expect((await at(decided.detectedAt)).grants).toMatchObject([{ state: 'decided' }]);
    expect((await at(granted.detectedAt)).grants).toMatchObject([{ state: 'held' }]);
    expect((await at(granted.detectedAt)).grants[0]).not.toHaveProperty('until');
    expect((await at(joined.detectedAt)).grants).toEqual([]);
    expect((await at(revoked.detectedAt)).grants).toEqual([]);
  });

  test('GIVEN a renamed user WHEN it is asked about by its old name, its new one or its GUID THEN it is the same, with all its names', async () => {
    const renamed = { ...ada, name: 'ada example', samAccountName: 'ada.example' };
    teller.event('UserRenamed', renamed, { sAMAccountName: { before: 'ada', after: 'ada.example' } });
    for (const name of ['ada', 'ada.example', ada.guid, `{${ada.guid.toUpperCase()}}`]) {
      const { principal, names, grants } = await who(records(), name, {});
      expect(principal.subject).toEqual(renamed);
      expect(names.map((one) => one.name)).toEqual(['ada', 'ada.example, ada example']);
      expect(grants).toHaveLength(1);
    }
  });

  test.each(['ada.sample', 'Ada.Sample', 'ADA.SAMPLE'])('fails for %j, which two had in other letter case', async (name) => {
    for (const samAccountName of ['Ada.Sample', 'ada.sample']) teller.decided(teller.user('x', { samAccountName }), {});
    await expect(who(records(), name, {})).rejects.toMatchObject({ kind: 'ambiguous' });
  });

  test('GIVEN a name in lower case WHEN it is asked about THEN it is found as people write names', async () => {
    const [sample, marie] = ['Bo Sample', 'Ana-Marie.Sample@corp.example.com'].map((name) =>
      teller.user('y', { name, userPrincipalName: name }),
    );
    for (const one of [sample, marie]) teller.decided(one as Subject, {});
    expect((await who(records(), 'bo sample', {})).principal.subject).toEqual(sample);
    expect((await who(records(), 'ana-marie.sample@corp.example.com', {})).principal.subject).toEqual(marie);
  });

  test('GIVEN a DN or a SID, as "who", "decide" and Windows events show them, WHEN it is asked about THEN it is found', async () => {
    const bob = teller.user('bob', { sid: 'S-1-5-21-1-2-3-1105', dn: `CN=Sample\\, Bob,OU=People,${base}` });
    teller.decided(bob, {});
    for (const name of [bob.dn, bob.sid ?? '']) expect((await who(records(), name, {})).principal.subject).toEqual(bob);
  });

  test('fails for a name that two had, and names both; each is found by its GUID', async () => {
    const other = teller.user('ada');
    const second = grantOf('admins', 'wiki', teller.now);
    teller.decided(other, { granted: [second], holds: [second] });
    await expect(who(records(), 'ada', {})).rejects.toMatchObject({ kind: 'ambiguous', message: expect.stringContaining(other.guid) });
    expect((await who(records(), other.guid, {})).grants.map(({ id }) => id)).toEqual(['ada/admins@wiki']);
    expect((await what(records(), 'admins', {})).map(({ id }) => id)).toEqual(['ada/admins@wiki']);
    teller.decided(other, { granted: [grant], holds: [second, grant] });
    expect((await what(records(), 'Developers', {})).map(({ id }) => id).sort()).toEqual(
      [ada.guid, other.guid].map((guid) => `${guid}/developers@wiki`).sort(),
    );
  });

  test('GIVEN a holder who was renamed and another who has the name by now WHEN the role is asked about THEN each has the name it has', async () => {
    const other = teller.user('bob');
    const second = grantOf('developers', 'wiki', teller.now);
    teller.decided(other, { granted: [second], holds: [second] });
    teller.event('UserRenamed', { ...ada, name: 'ada example', samAccountName: 'ada.example' }, {});
    teller.event('UserRenamed', { ...other, name: 'ada', samAccountName: 'ada' }, {});
    const found = await what(records(), 'developers', {});
    expect(found.map(({ id, user }) => [id, user.guid])).toEqual([
      ['ada.example/developers@wiki', ada.guid],
      ['ada/developers@wiki', other.guid],
    ]);
  });

  test('GIVEN a change at a target that tells the name from before WHEN the user is asked about THEN it has the newest one', async () => {
    const renamed = { ...ada, name: 'ada example', samAccountName: 'ada.example' };
    teller.event('UserRenamed', renamed, {});
    const { principal, grants } = await who(records(), 'ada', {});
    expect(principal.subject).toEqual(renamed);
    expect(grants.map(({ id }) => id)).toEqual(['ada.example/developers@wiki']);
  });

  test.each(['nobody', guidOf(77), 'devs', ''])('fails for %j, who is no user of the trail', async (name) => {
    await expect(who(records(), name, {})).rejects.toMatchObject({
      kind: 'unknown',
      message: expect.stringContaining('no record names a user'),
    });
  });

  test('fails for a role that nobody had', async () => {
    await expect(what(records(), 'admins', {})).rejects.toMatchObject({ kind: 'unknown' });
    await expect(what(records(), 'developers', { target: 'another' })).rejects.toMatchObject({ kind: 'unknown' });
  });
});

describe('why', () => {
  const id = 'ada/developers@wiki';

  test('GIVEN a grant WHEN it is asked about THEN its chain leads up to the change of the directory and who made it', async () => {
    const why = await whyGrant(records(), id, undefined);
    expect(why).toMatchObject({ state: 'held', grant: { path: ['staff', 'devs'] }, endedBecause: [], revisions: { code: 'c0de' } });
    expect(why.because.map(({ event }) => event)).toEqual([joined.id, decided.id]);
    expect(why.because[0]).toMatchObject({ by: 'CORP\\admin (S-1-5-21-1-2-3-500)', at: joined.occurredAt });
  });

  test('GIVEN a grant that ended and came again WHEN it is asked about THEN it is the last, and the one before is told', async () => {
    const revoked = leave();
    expect(await whyGrant(records(), id, undefined)).toMatchObject({ state: 'ending', endedBecause: [{}, { event: revoked.id }] });
    const again = { ...grant, since: teller.wait(5) };
    teller.decided(ada, { granted: [again], holds: [again] });
    const why = await whyGrant(records(), id, undefined);
    expect(why).toMatchObject({ state: 'decided', earlier: [{ since: grant.since, until: revoked.detectedAt }] });
    expect(await whyGrant(records(), id, new Date(granted.detectedAt))).toMatchObject({ state: 'held', earlier: [] });
  });

  test('GIVEN what was denied WHEN it is asked about THEN the policy that forbids it is named, with its annotations', async () => {
    const denied = teller.denied(ada, { role: 'admins', target: 'wiki' }, joined);
    const why = await whyGrant(records(), 'ada/admins@wiki', undefined);
    expect(why).toMatchObject({
      state: 'denied',
      denied: {
        denial: { reason: 'forbidden', policies: [{ id: 'no-admins', annotations: { reason: 'administrators are named by hand' } }] },
      },
    });
    expect(why.because.map(({ event }) => event)).toEqual([joined.id, denied.id]);
    expect(await whyEvent(records(), denied.id)).toMatchObject({ refused: true, denial: { role: 'admins' } });
  });

  test('GIVEN a grant that a policy is against by now WHEN it is asked about THEN it says so', async () => {
    const violates = { ...grant, violates: ['no-admins'] };
    teller.event('AccessViolationFound', ada, { grant: violates, denial: denialOf('developers', 'wiki'), outcome: 'reported' });
    expect(await whyGrant(records(), id, undefined)).toMatchObject({ state: 'violates', grant: { violates: ['no-admins'] } });
  });

  test('GIVEN a cause that is no event WHEN it is asked about THEN the chain ends with it, and says that there is no record of it', async () => {
    const tick = { ...joined, id: 'revalidation-1', type: 'Revalidation' } as unknown as AnyIdentityEvent;
    const other = grantOf('admins', 'wiki', teller.now);
    teller.decided(ada, { granted: [other], holds: [grant, other] }, tick);
    expect((await whyGrant(records(), 'ada/admins@wiki', undefined)).because[0]).toMatchObject({ what: 'Revalidation', recorded: false });
  });

  test('GIVEN an event by how its id begins WHEN it is asked about THEN it is found', async () => {
    expect(await whyEvent(records(), granted.id.slice(0, 13))).toMatchObject({
      event: granted.id,
      refused: false,
      gives: [{ role: 'developers' }],
    });
    expect((await whyEvent(records(), granted.id)).because.map(({ event }) => event)).toEqual([joined.id, decided.id, granted.id]);
  });

  test.each([
    ['ada/admins@wiki', /it has or had developers@wiki/],
    ['nobody/developers@wiki', /no record names a user "nobody"/],
    ['developers', /is no grant: give <user>\/<role>@<target>/],
  ])('fails for %s', async (wrong, message) => {
    await expect(whyGrant(records(), wrong, undefined)).rejects.toMatchObject({ kind: 'unknown', message: expect.stringMatching(message) });
  });

  test('fails for an event that is not there, and for one of many', async () => {
    await expect(whyEvent(records(), guidOf(5))).rejects.toMatchObject({ kind: 'unknown' });
    await expect(whyEvent(records(), '')).rejects.toMatchObject({ kind: 'ambiguous' });
  });
});

describe('changes', () => {
  const types = async (asked: Partial<Parameters<typeof changes>[1]>) =>
    (await changes(records(), { types: [], ...asked })).map(({ type }) => type);

  test('GIVEN criteria WHEN changes are asked for THEN they are those of all criteria, oldest first', async () => {
    const revoked = leave();
    const deleted = teller.event('UserDeleted', ada, {});
    expect(await types({})).toEqual(['GroupMemberAdded', 'AccessDecided', 'RoleGranted', 'UserDisabled', 'AccessDecided', 'UserDeleted']);
    expect(await types({ since: new Date(revoked.occurredAt) })).toEqual(['AccessDecided', 'UserDeleted']);
    expect(await types({ since: new Date(revoked.occurredAt), until: new Date(deleted.occurredAt) })).toEqual(['AccessDecided']);
    expect(await types({ severity: 'High' })).toEqual(['UserDeleted']);
    expect(await types({ types: ['RoleGranted', 'UserDeleted'] })).toEqual(['RoleGranted', 'UserDeleted']);
    expect(await types({ role: 'Developers' })).toEqual(['AccessDecided', 'RoleGranted', 'AccessDecided']);
    expect(await types({ target: 'wiki', types: ['RoleGranted'] })).toEqual(['RoleGranted']);
    expect(await types({ target: 'identity-center' })).toEqual([]);
    expect(await types({ user: 'ada', severity: 'Medium' })).toEqual(['UserDisabled', 'UserDeleted']);
    expect((await changes(records(), { types: [] })).filter(({ deletion }) => deletion).map(({ event }) => event)).toEqual([deleted.id]);
  });

  test("GIVEN a person's word on a guard or a review WHEN changes are asked for THEN they say whose it is", async () => {
    const by = 'arn:aws:sts::111122223333:assumed-role/reviewer/grace';
    const signed = { by, digest: '0'.repeat(64), signature: 'AAAAAAAAAAA=' };
    const guard = { target: 'wiki', guard: '3f9c0a17be42', staged: 2 };
    const wiki: Subject = { guid: guidOf(950), type: 'target', name: 'wiki', dn: 'target=wiki' };
    teller.event('GuardDecided', wiki, { ...guard, outcome: 'approved', ...signed });
    teller.event('GuardReleased', wiki, { ...guard, outcome: 'approved', by });
    teller.event('GuardReleased', wiki, { ...guard, outcome: 'expired' });
    const report: Subject = { guid: guidOf(951), type: 'report', name: 'access-review/2025-03-01/a', dn: 'report=a' };
    const word = { report: report.name, sha256: '0'.repeat(64), counts: {}, by: 'Grace Sample', signer: by, signature: 'AAAAAAAAAAA=' };
    teller.event('AccessReviewSignedOff', report, word);
    const told = await changes(records(), { types: ['GuardDecided', 'GuardReleased', 'AccessReviewSignedOff'] });
    expect(told.map((one) => one.by)).toEqual([by, by, 'active-directory.roles', `Grace Sample (${by})`]);
  });
});

describe('timeline', () => {
  const isThrough = ({ missing }: { missing: readonly { expected: boolean }[] }) => missing.every(({ expected }) => !expected);

  test('GIVEN any event on the way WHEN its timeline is asked for THEN every hop is there, with what it took', async () => {
    for (const { id } of [joined, decided, granted]) {
      const timeline = await timelineOfEvent(records(), id);
      expect(timeline.missing).toEqual([]);
      expect(timeline.hops.map(({ hop, tookMs }) => [hop, tookMs])).toEqual([
        ['directory', undefined],
        ['event', 0],
        ['decision', 1000],
        ['target', 1000],
        ['audit', 1000],
      ]);
      expect(timeline.totalMs).toBe(2000);
    }
  });

  test('GIVEN a user WHEN its timeline is asked for THEN it is of the last change, or of all since a time', async () => {
    const left = leave();
    teller.taken(ada, grant, left);
    const [last, ...none] = await timelinesOfUser(records(), 'ada', undefined);
    expect(none).toEqual([]);
    expect(last?.hops.map(({ what: text }) => text.split(' ')[0])).toEqual(['UserDisabled', 'seen:', 'AccessDecided', 'RoleRevoked', '3']);
    expect(await timelinesOfUser(records(), 'ada', new Date(joined.occurredAt))).toHaveLength(2);
    await expect(timelinesOfUser(records(), 'ada', new Date('2026-01-01'))).rejects.toMatchObject({ kind: 'unknown' });
  });

  test('GIVEN a violation WHEN its timeline is asked for THEN it is done where it was ended, and not where it was reported', async () => {
    for (const outcome of ['revoked', 'reported'] as const) {
      const changed = teller.event('PasswordChanged', ada, { before: teller.now, after: null });
      teller.event('AccessViolationFound', ada, { grant, denial: denialOf('developers', 'wiki'), outcome }, { cause: changed });
      const { hops } = await timelineOfEvent(records(), changed.id);
      expect(hops.map(({ hop, failed }) => [hop, failed])).toContainEqual(['decision', outcome === 'reported']);
    }
  });

  test('GIVEN several events of one poll WHEN only the first led to a decision THEN the others follow that one', async () => {
    const at = teller.now;
    const removed = { ...teller.member('GroupMemberRemoved', ada, 'devs'), detectedAt: at };
    const deleted = teller.event('UserDeleted', ada, {});
    const decision = teller.decided(ada, { state: 'deleted', revoked: [grant] }, removed);
    teller.taken(ada, grant, decision);
    const timeline = await timelineOfEvent(records(), deleted.id);
    expect(timeline.hops.map(({ hop }) => hop)).toEqual(['directory', 'event', 'decision', 'target', 'audit']);
    expect(timeline.missing).toEqual([]);
  });

  test('GIVEN a change that was recorded days after what it led to WHEN its timeline is asked for THEN every hop is there', async () => {
    const [first, ...rest] = teller.records as [AuditRecord, ...AuditRecord[]];
    const recordedAt = '2025-03-06T10:00:00.000Z';
    const metadata = { ...first.metadata, logged_time: Date.parse(recordedAt) };
    const unmapped = { ...first.unmapped, times: { ...first.unmapped.times, recordedAt } };
    teller.records.splice(0, teller.records.length, ...rest, { ...first, metadata, unmapped });
    const { hops, missing } = await timelineOfEvent(records(), joined.id);
    expect(hops.map(({ hop }) => hop)).toEqual(['directory', 'event', 'decision', 'target', 'audit']);
    expect(missing).toEqual([]);
  });

  test('GIVEN an event without a decision WHEN its timeline is asked for THEN it says so, and where to look', async () => {
    const created = teller.event('UserCreated', teller.user('alan'), { enabled: true });
    expect((await timelineOfEvent(records(), created.id)).missing).toMatchObject([
      { hop: 'decision', expected: false, look: { function: 'decide-access' } },
    ]);
  });

  test.each([
    ['is on its way, or in the dead-letter queue', () => undefined, 'on its way', { function: 'sync-roles-wiki' }],
    [
      'failed',
      (left: AnyIdentityEvent) => teller.failed(ada, 'wiki', 'it is down', left),
      'it failed, it is down',
      { text: 'wait for it' },
    ],
    [
      'is held back by a guard',
      (left: AnyIdentityEvent) =>
        teller.event(
          'RevocationStaged',
          ada,
          { target: 'wiki', guard: 'g-1', revoke: [grant], end: false },
          { cause: left, revision: left.revision },
        ),
      'a guard holds it back',
      { guard: 'g-1' },
    ],
  ])('GIVEN a revocation that %s WHEN its timeline is asked for THEN the missing hop says so', async (_, then, text, look) => {
    const left = leave();
    then(left);
    const timeline = await timelineOfEvent(records(), left.id);
    expect(isThrough(timeline)).toBe(false);
    expect(timeline.missing).toMatchObject([{ hop: 'target', target: 'wiki', what: expect.stringContaining(text), look }]);
  });

  test('GIVEN a revocation that a later run carried out WHEN its timeline is asked for THEN nothing is missing', async () => {
    const left = leave();
    teller.failed(ada, 'wiki', 'it is down', left);
    const drift = teller.event('DriftFound', ada, { target: 'wiki', run: teller.now, kind: 'membership-extra', detail: 'x', heal: true });
    teller.event(
      'RoleRevoked',
      ada,
      { grant, account: { target: 'wiki', id: '1', userName: 'ada' } },
      { cause: drift, revision: left.revision },
    );
    expect(isThrough(await timelineOfEvent(records(), left.id))).toBe(true);
  });

  test('GIVEN a decision that a later one reverses before it is carried out WHEN its timeline is asked for THEN it is not called missing', async () => {
    const left = leave();
    const again = { ...grant, since: new Date(Date.parse(teller.now) + 1000).toISOString() };
    const next = teller.decided(ada, { granted: [again], holds: [again] });
    const timeline = await timelineOfEvent(records(), left.id);
    expect(timeline.missing).toMatchObject([{ expected: false, look: { text: `event ${next.id}` } }]);
  });
});
