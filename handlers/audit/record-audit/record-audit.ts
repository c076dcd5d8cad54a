/** One audit record for every identity event. A message is done only when its record is written. */
import { type AnyIdentityEvent, parseEvent } from '../../events/identity-event.ts';
import { canonicalJson, type JsonValue } from '../../platform/canonical-json.ts';
import { InvalidEventError } from '../../platform/errors.ts';
import { auditRecord } from '../audit-record.ts';
import type { AuditWriter, Outcome } from '../audit-writer.ts';
import { mostClaimed } from '../event-claims.ts';

/** @returns why a message is not done, in the order of the bodies: an InvalidEventError for what is no identity event, so that a reviewer finds it in the dead-letter queue */
export async function recordAudit(writer: Pick<AuditWriter, 'record'>, bodies: readonly string[]): Promise<readonly Outcome[]> {
  const parsed = bodies.map(parse);
  // The same event twice in one batch is one record.
  const events = new Map(
    parsed.filter((one): one is AnyIdentityEvent => !(one instanceof InvalidEventError)).map((event) => [event.id, event]),
  );
  const outcomes = new Map<string, Outcome>();
  for (let from = 0; from < events.size; from += mostClaimed) {
    const batch = [...events.values()].slice(from, from + mostClaimed);
    try {
      for (const [id, outcome] of await writer.record(batch)) outcomes.set(id, outcome);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      for (const { id } of batch) outcomes.set(id, failure);
    }
  }
  return parsed.map((one) => (one instanceof InvalidEventError ? one : outcomes.get(one.id)));
}

function parse(body: string): AnyIdentityEvent | InvalidEventError {
  try {
    const event = parseEvent(JSON.parse(body));
    // One that makes no record would hold up all others of its batch, each time anew.
    canonicalJson(auditRecord(event, event.detectedAt, { code: '', configuration: '' }) as unknown as JsonValue);
    return event;
  } catch (cause) {
    if (cause instanceof TypeError) return new InvalidEventError(`event makes no record: ${cause.message}`, { cause });
    if (cause instanceof SyntaxError) return new InvalidEventError('message is no JSON: send an identity event', { cause });
    if (cause instanceof InvalidEventError) return cause;
    throw cause;
  }
}
