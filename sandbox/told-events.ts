/** What was told on the identity bus so far, as its archive holds it: there at once, while the audit trail has it within seconds. */
import { eventSources } from '../handlers/events/catalogue.ts';
import { type AnyIdentityEvent, parseEvent } from '../handlers/events/identity-event.ts';
import type { Sandbox } from './sandbox.ts';

/** Oldest first, each once. */
export function toldEvents({ endpoint }: Pick<Sandbox, 'endpoint'>): readonly AnyIdentityEvent[] {
  const events = new Map<string, AnyIdentityEvent>();
  for (const text of endpoint.archivedEvents()) {
    const delivered = JSON.parse(text) as { readonly source: string };
    // Others tell us something on the same bus, too.
    if (!(eventSources as readonly string[]).includes(delivered.source)) continue;
    const event = parseEvent(delivered);
    if (!events.has(event.id)) events.set(event.id, event);
  }
  return [...events.values()];
}
