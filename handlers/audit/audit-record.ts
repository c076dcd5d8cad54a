/** From an identity event to its audit record: pure. */
import { catalogue } from '../events/catalogue.ts';
import type { AnyIdentityEvent } from '../events/identity-event.ts';

/** One line of the audit trail. `eventId` is the event's: a repeated delivery is recognisable by it. Times are ISO 8601. */
export interface AuditRecord {
  readonly eventId: string;
  readonly type: AnyIdentityEvent['type'];
  readonly source: string;
  readonly domain: string;
  readonly subject: AnyIdentityEvent['subject'];
  readonly change: AnyIdentityEvent['change'];
  readonly revision: number;
  /** Who did it, where the Security log told; else the function that acted. */
  readonly actor: string;
  readonly cause?: AnyIdentityEvent['cause'];
  readonly occurredAt: string;
  readonly detectedAt: string;
  readonly recordedAt: string;
}

export function auditRecord(event: AnyIdentityEvent, recordedAt: string): AuditRecord {
  const { id, type, domain, subject, change, revision, actor, cause, occurredAt, detectedAt } = event;
  return {
    eventId: id,
    type,
    source: catalogue[type].source,
    domain,
    subject,
    change,
    revision,
    actor: actor === undefined ? catalogue[type].source : `${actor.name} (${actor.sid})`,
    ...(cause === undefined ? {} : { cause }),
    occurredAt,
    detectedAt,
    recordedAt,
  };
}
