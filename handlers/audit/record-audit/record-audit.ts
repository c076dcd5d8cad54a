/** One audit record for every identity event. A message is done only when its record is written. */
import { type AnyIdentityEvent, parseEvent } from '../../events/identity-event.ts';
import { InvalidEventError } from '../../platform/errors.ts';
import type { WriteRecord } from '../audit-log.ts';
import { auditRecord } from '../audit-record.ts';

export interface RecordAuditDependencies {
  readonly write: WriteRecord;
  readonly now: () => Date;
}

/** @throws InvalidEventError for what is no identity event: it ends in the dead-letter queue, where a reviewer finds it */
export async function recordAudit(deps: RecordAuditDependencies, body: string): Promise<void> {
  await deps.write(auditRecord(parse(body), deps.now().toISOString()));
}

function parse(body: string): AnyIdentityEvent {
  try {
    return parseEvent(JSON.parse(body));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new InvalidEventError('message is no JSON: send an identity event', { cause });
    throw cause;
  }
}
