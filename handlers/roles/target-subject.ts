/** What an event is about that concerns a target as a whole, and none of its principals. */
import type { Subject } from '../events/catalogue.ts';
import { eventId } from '../events/identity-event.ts';

/** The target as an event's subject; the event's `domain` is the target's name then. Its GUID follows from the name alone. */
export const targetSubject = (name: string): Subject => ({
  guid: eventId(name, 'target', 0, 'DriftFound'),
  type: 'target',
  name,
  dn: `target=${name}`,
});

/** What such an event starts with: a target has no revisions. */
export const aboutTarget = (name: string) => ({ domain: name, subject: targetSubject(name), revision: 0 }) as const;
