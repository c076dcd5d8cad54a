/** record-audit as a whole: every event becomes a record, and a message is done only when its record is written. */
import { describe, expect, test } from 'vitest';
import { AuditWriter, type Outcome } from '../../handlers/audit/audit-writer.ts';
import { recordAudit } from '../../handlers/audit/record-audit/record-audit.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { InvalidEventError, RetryableError } from '../../handlers/platform/errors.ts';
import { accessReviewed } from '../../handlers/roles/sign-off.ts';
import { detectedAt } from '../directory/rows.ts';
import { deletion, deletions, delivered, revisions } from './audited.ts';
import { memoryClaims, memoryTrail } from './memory-trail.ts';

/** Writes all of it, and keeps what it was asked for. */
function writing(outcome: (id: string) => Outcome = () => undefined) {
  const batches: (readonly AnyIdentityEvent[])[] = [];
  const record = async (events: readonly AnyIdentityEvent[]) => {
    batches.push(events);
    return new Map(events.map(({ id }) => [id, outcome(id)]));
  };
  return { batches, record };
}

test('WHEN events come THEN they are recorded together, and none is done before', async () => {
  let finish = () => {};
  const record = (events: readonly AnyIdentityEvent[]) =>
    new Promise<ReadonlyMap<string, Outcome>>((resolve) => {
      finish = () => resolve(new Map(events.map(({ id }) => [id, undefined])));
    });
  let done = false;
  const recording = recordAudit({ record }, deletions(2).map(delivered)).then((outcomes) => {
    done = true;
    return outcomes;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toBe(false);
  finish();
  expect(await recording).toEqual([undefined, undefined]);
});

test('GIVEN one event twice in a batch THEN it is recorded once, and both messages are done', async () => {
  const writer = writing();
  expect(await recordAudit(writer, [delivered(deletion), delivered(deletion)])).toEqual([undefined, undefined]);
  expect(writer.batches).toEqual([[deletion]]);
});

test('GIVEN more events than one claim takes THEN they are recorded in several', async () => {
  const writer = writing();
  await recordAudit(writer, deletions(250).map(delivered));
  expect(writer.batches.map(({ length }) => length)).toEqual([100, 100, 50]);
});

test('invariant 11: fails for the messages whose records could not be written, and for no others', async () => {
  const failure = new RetryableError('busy');
  const writer = writing((id) => (id === 'event-1' ? failure : undefined));
  expect(await recordAudit(writer, deletions(3).map(delivered))).toEqual([undefined, failure, undefined]);
  const record = () => Promise.reject(failure);
  expect(await recordAudit({ record }, deletions(2).map(delivered))).toEqual([failure, failure]);
});

describe('fails, so that the message ends in the dead-letter queue,', () => {
  const event = JSON.parse(delivered(deletion)) as { detail: object };
  const reviewed = { deployment: 'ad-lambda-dev', report: 'access-review/1', sha256: 'a'.repeat(64), counts: { grants: 1 } };

  test.each([
    ['a time that no clock can read', JSON.stringify({ ...event, detail: { ...event.detail, occurredAt: '2025-03-01T10:00:00+00' } })],
    ['a number that JSON cannot hold', delivered(accessReviewed(reviewed, detectedAt)).replace('"grants":1', '"grants":1e999')],
    ['an id that no table takes', JSON.stringify({ ...event, detail: { ...event.detail, id: 'x'.repeat(2048) } })],
  ])('and holds up no other of its batch, for %s', async (_, body) => {
    const now = () => new Date(detectedAt);
    const writer = new AuditWriter({ claims: memoryClaims(), segments: memoryTrail(), log: async () => undefined, revisions, now });
    const [bad, ...others] = await recordAudit(writer, [body, ...deletions(2, 5).map(delivered)]);
    expect(bad).toBeInstanceOf(InvalidEventError);
    expect(others).toEqual([undefined, undefined]);
  });

  test.each([
    ['no JSON', 'not json', /no JSON/],
    ['an empty message', '', /no JSON/],
    ['no event', '[]', /not an EventBridge event/],
    ['another version', JSON.stringify({ ...event, detail: { ...event.detail, version: 2 } }), /schema version 2/],
    ['a missing field', JSON.stringify({ ...event, detail: { ...event.detail, domain: undefined } }), /malformed: domain/],
    ['a field too many', JSON.stringify({ ...event, detail: { ...event.detail, password: 'x' } }), /malformed: password/],
  ])('for %s, while the others are recorded', async (_, body, message) => {
    const writer = writing();
    const [good, bad] = await recordAudit(writer, [delivered(deletion), body]);
    expect(good).toBeUndefined();
    expect(bad).toBeInstanceOf(InvalidEventError);
    expect(bad?.message).toMatch(message);
    expect(writer.batches).toEqual([[deletion]]);
  });
});
