/** Events for the tests of the audit trail, as they reach the queue. */
import { type AnyIdentityEvent, eventId, toEntry } from '../../handlers/events/identity-event.ts';
import { base, detectedAt, domain, guidOf } from '../directory/rows.ts';

export const deletion: AnyIdentityEvent = {
  type: 'AccountDeprovisioned',
  version: 1,
  id: eventId(domain, guidOf(1), 4, 'AccountDeprovisioned'),
  domain,
  subject: { guid: guidOf(1), type: 'user', name: 'ada', dn: `CN=ada,OU=People,${base}` },
  change: { account: { target: 'identity-center', id: 'account-1', userName: 'ada@corp.example.com' } },
  revision: 4,
  occurredAt: detectedAt,
  detectedAt,
  cause: { id: 'decision-4', type: 'AccessDecided', occurredAt: detectedAt },
};

/** So many different events. */
export const deletions = (count: number, from = 0): readonly AnyIdentityEvent[] =>
  Array.from({ length: count }, (_, index) => ({ ...deletion, id: `event-${from + index}`, revision: from + index }));

export const revisions = { code: 'c0de', configuration: 'access/1a2b3c.json' };

export function delivered(event: AnyIdentityEvent): string {
  const { Source, DetailType, Detail } = toEntry(event);
  return JSON.stringify({ version: '0', source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
}
