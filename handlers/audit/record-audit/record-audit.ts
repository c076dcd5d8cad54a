/** One audit record for every identity event. A message is done only when its record is written. */
import { type AnyIdentityEvent, parseEvent } from '../../events/identity-event.ts';
import { InvalidEventError } from '../../platform/errors.ts';
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
    return parseEvent(JSON.parse(body));
  } catch (cause) {
    if (cause instanceof SyntaxError) return new InvalidEventError('message is no JSON: send an identity event', { cause });
    if (cause instanceof InvalidEventError) return cause;
    throw cause;
  }
}
