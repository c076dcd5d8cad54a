/** One record tells who, what, when, before, after and why, in OCSF's words. */
import { describe, expect, test } from 'vitest';
import { auditEntry, auditRecord } from '../../handlers/audit/audit-record.ts';
import { classifications, ocsfClasses } from '../../handlers/audit/ocsf-classes.ts';
import { catalogue, type Grant, type IdentityEventType } from '../../handlers/events/catalogue.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { base, guidOf } from '../directory/rows.ts';
import { deletion, revisions } from './audited.ts';

const recordedAt = '2025-03-01T10:00:02.000Z';
const record = (event: AnyIdentityEvent) => auditRecord(event, recordedAt, revisions);
const grant: Grant = {
  role: 'developers',
  target: 'wiki',
  mapping: 'devs',
  group: { guid: guidOf(9), dn: `CN=devs,${base}`, name: 'devs' },
  policies: ['mapped-grants.cedar#0'],
  since: '2025-03-01T09:00:00.000Z',
};
const granted = {
  ...deletion,
  type: 'RoleGranted',
  change: { grant, account: { target: 'wiki', id: '1', userName: 'ada' } },
} as AnyIdentityEvent;

test('invariant 11: GIVEN a change at a target WHEN it is recorded THEN the record has its cause, its change, its subject, its target and its decision', () => {
  const { unmapped, metadata, user, actor } = record(deletion);
  expect(unmapped).toMatchObject({
    type: 'AccountDeprovisioned',
    source: 'active-directory.roles',
    subject: deletion.subject,
    change: deletion.change,
    cause: deletion.cause,
    target: 'identity-center',
    before: (deletion.change as { account: object }).account,
    after: null,
    decision: { id: 'decision-4', policies: [], mappings: [] },
    revisions,
  });
  expect(metadata).toMatchObject({ uid: deletion.id, correlation_uid: 'decision-4', version: '1.6.0', event_code: 'AccountDeprovisioned' });
  expect(user).toMatchObject({ uid: guidOf(1), name: 'ada' });
  expect(actor).toEqual({ app_name: 'active-directory.roles' });
});

test('GIVEN a grant WHEN it is recorded THEN the policies and the mapping that gave it are named', () => {
  const { unmapped, privileges, type_uid } = record(granted);
  expect(unmapped.decision).toEqual({ id: 'decision-4', policies: ['mapped-grants.cedar#0'], mappings: ['devs'] });
  expect(unmapped).toMatchObject({ before: null, after: grant, target: 'wiki' });
  expect(privileges).toEqual(['developers at wiki']);
  expect(type_uid).toBe(300501);
});

test('GIVEN an attribute change WHEN it is recorded THEN both sides are there', () => {
  const change = { sn: { before: 'Sample', after: 'Example' }, mail: { before: null, after: 'ada@example.com' } };
  expect(record({ ...deletion, type: 'UserRenamed', change } as AnyIdentityEvent).unmapped).toMatchObject({
    before: { sn: 'Sample', mail: null },
    after: { sn: 'Example', mail: 'ada@example.com' },
  });
});

test('GIVEN a decision WHEN it is recorded THEN what was held before is what is held, without what came, with what went', () => {
  const lost = { ...grant, role: 'testers' };
  const change = { state: 'active', granted: [grant], revoked: [lost], holds: [grant], profile: {} };
  expect(record({ ...deletion, type: 'AccessDecided', change } as unknown as AnyIdentityEvent).unmapped).toMatchObject({
    before: [{ role: 'testers', target: 'wiki' }],
    after: [{ role: 'developers', target: 'wiki' }],
    decision: { id: deletion.id },
  });
});

test('GIVEN an event that knows who did it WHEN it is recorded THEN that is the actor', () => {
  const actor = { sid: 'S-1-5-21-1-2-3-500', name: 'CORP\\administrator' };
  expect(record({ ...deletion, actor }).actor).toEqual({ user: { name: actor.name, uid: actor.sid, type_id: 1 } });
  expect(auditEntry(record({ ...deletion, actor })).actor).toBe('CORP\\administrator (S-1-5-21-1-2-3-500)');
});

test('GIVEN an event without a cause WHEN it is recorded THEN it is the first of its chain', () => {
  const { cause: _, ...first } = deletion;
  const made = record(first as typeof deletion);
  expect(made.unmapped).not.toHaveProperty('cause');
  expect(made.metadata.correlation_uid).toBe(deletion.id);
});

test('GIVEN a record WHEN it is read THEN the event is there whole', () => {
  const { version: _, id, ...rest } = deletion;
  expect(auditEntry(record(deletion))).toEqual({
    eventId: id,
    source: 'active-directory.roles',
    actor: 'active-directory.roles',
    recordedAt,
    ...rest,
  });
});

describe('the table of classes', () => {
  const types = Object.keys(catalogue) as IdentityEventType[];

  test('has every type of the catalogue, and no other', () => {
    expect(Object.keys(classifications).sort()).toEqual([...types].sort());
  });

  /** What the objects of a record are read from. */
  const ofAny = { member: { guid: guidOf(2), dn: 'CN=x', name: 'x' }, granted: [], revoked: [], holds: [] };

  // Activities of OCSF 1.6.0, from its schema (events/iam/*.json); 0 and 99 are those of every class.
  const known: Readonly<Record<number, readonly number[]>> = {
    3001: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99],
    3004: [1, 2, 3, 4, 99],
    3005: [1, 2, 99],
    3006: [1, 2, 3, 4, 5, 6, 7, 8, 99],
  };

  test.each(types)('%s has an activity that its class knows, and the object that its class requires', (type) => {
    const { class: name, activityId } = classifications[type];
    expect(known[ocsfClasses[name]]).toContain(activityId);
    const made = record({
      ...deletion,
      type,
      change: ofAny,
    } as unknown as AnyIdentityEvent);
    expect(made.type_uid).toBe(made.class_uid * 100 + made.activity_id);
    expect(made.category_uid).toBe(Math.floor(made.class_uid / 1000));
    expect(made[{ 3001: 'user', 3004: 'entity', 3005: 'user', 3006: 'group' }[made.class_uid] as 'user']).toMatchObject({ uid: guidOf(1) });
  });

  test('puts deletions first: none is below High, and what takes something away none below Medium', () => {
    const severity = (type: IdentityEventType) => record({ ...deletion, type, change: ofAny } as unknown as AnyIdentityEvent).severity_id;
    for (const type of types.filter((one) => /(?:Deleted|Deprovisioned|AccessEnded)$/.test(one)))
      expect(severity(type), type).toBeGreaterThanOrEqual(4);
    const taking = /(?:Disabled|Removed|Revoked|Unassigned|Deactivated|LeftScope|Expired)$/;
    for (const type of types.filter((one) => taking.test(one))) expect(severity(type), type).toBeGreaterThanOrEqual(3);
  });

  test('calls what failed a failure', () => {
    for (const type of types) {
      expect(classifications[type].status, type).toBe(/(?:Failed|Denied|Unreachable)$/.test(type) ? 'Failure' : 'Success');
    }
  });
});
