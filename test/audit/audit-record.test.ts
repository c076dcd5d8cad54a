/** One record tells who, what, when, before, after and why. */
import { expect, test } from 'vitest';
import { auditRecord } from '../../handlers/audit/audit-record.ts';
import { deletion } from './audited.ts';

const recordedAt = '2025-03-01T10:00:02.000Z';

test('invariant 11: GIVEN a change at a target WHEN it is recorded THEN the record has its cause, its change and its subject', () => {
  const { type, id, version: _, ...rest } = deletion;
  expect(auditRecord(deletion, recordedAt)).toEqual({
    eventId: id,
    type,
    source: 'active-directory.roles',
    actor: 'active-directory.roles',
    recordedAt,
    ...rest,
  });
});

test('GIVEN an event that knows who did it WHEN it is recorded THEN that is the actor', () => {
  const actor = { sid: 'S-1-5-21-1-2-3-500', name: 'CORP\\administrator' };
  expect(auditRecord({ ...deletion, actor }, recordedAt).actor).toBe('CORP\\administrator (S-1-5-21-1-2-3-500)');
});

test('GIVEN an event without a cause WHEN it is recorded THEN the record has none either', () => {
  const { cause: _, ...first } = deletion;
  expect(auditRecord(first as typeof deletion, recordedAt)).not.toHaveProperty('cause');
});

test('WHEN an event is delivered twice THEN both records have its id and differ only in when they were written', () => {
  const [one, two] = [auditRecord(deletion, recordedAt), auditRecord(deletion, '2025-03-01T10:05:00.000Z')];
  expect({ ...two, recordedAt }).toEqual(one);
});
