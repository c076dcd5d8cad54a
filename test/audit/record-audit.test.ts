/** record-audit as a whole: every event becomes a record, and a message is done only when its record is written. */
import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../handlers/audit/audit-record.ts';
import { recordAudit } from '../../handlers/audit/record-audit/record-audit.ts';
import { InvalidEventError, RetryableError } from '../../handlers/platform/errors.ts';
import { deletion, delivered } from './audited.ts';

const now = () => new Date('2025-03-01T10:00:02Z');

test('WHEN an event comes THEN its record is written before the message is done', async () => {
  const written: AuditRecord[] = [];
  let finish = () => {};
  const write = (record: AuditRecord) =>
    new Promise<void>((resolve) => {
      finish = () => {
        written.push(record);
        resolve();
      };
    });
  let done = false;
  const recording = recordAudit({ write, now }, delivered(deletion)).then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toBe(false);
  finish();
  await recording;
  expect(written).toMatchObject([{ eventId: deletion.id, recordedAt: '2025-03-01T10:00:02.000Z' }]);
});

test('invariant 11: fails when the record cannot be written: the message is not acknowledged', async () => {
  const write = () => Promise.reject(new RetryableError('the audit log rejected the record'));
  await expect(recordAudit({ write, now }, delivered(deletion))).rejects.toThrow('rejected the record');
});

describe('fails, so that the message ends in the dead-letter queue,', () => {
  const event = JSON.parse(delivered(deletion)) as { detail: object };
  test.each([
    ['no JSON', 'not json', /no JSON/],
    ['an empty message', '', /no JSON/],
    ['no event', '[]', /not an EventBridge event/],
    ['another version', JSON.stringify({ ...event, detail: { ...event.detail, version: 2 } }), /schema version 2/],
    ['a missing field', JSON.stringify({ ...event, detail: { ...event.detail, domain: undefined } }), /malformed: domain/],
    ['a field too many', JSON.stringify({ ...event, detail: { ...event.detail, password: 'x' } }), /malformed: password/],
  ])('for %s', async (_, body, message) => {
    let wrote = false;
    const write = async () => {
      wrote = true;
    };
    const recording = recordAudit({ write, now }, body);
    await expect(recording).rejects.toThrow(InvalidEventError);
    await expect(recording).rejects.toThrow(message);
    expect(wrote).toBe(false);
  });
});
