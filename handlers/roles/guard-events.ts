/** What is told of a guard that holds something back, or did. The guard asks for it until it has been told. */
import { type AnyIdentityEvent, type Cause, makeEvent } from '../events/identity-event.ts';
import type { Admission, Removal } from './guard.ts';
import { aboutTarget } from './target-subject.ts';

type Told = Pick<AnyIdentityEvent, 'domain' | 'subject' | 'revision'>;

/** @param about whom the removal is about */
export function guardEvents(
  target: string,
  about: Told,
  removal: Removal,
  admission: Admission,
  cause: Cause,
  at: string,
): AnyIdentityEvent[] {
  const events: AnyIdentityEvent[] = [];
  const ofTarget = { ...aboutTarget(target), cause, at };
  if (admission.released) {
    const change = { target, ...admission.released, outcome: 'expired' as const };
    events.push(makeEvent({ ...ofTarget, type: 'GuardReleased', change, part: admission.released.guard }));
  }
  if (admission.admitted) return events;
  const { guard, staged, tripped } = admission;
  if (tripped) events.push(makeEvent({ ...ofTarget, type: 'GuardTripped', change: { target, ...tripped }, part: tripped.guard }));
  if (staged) {
    const { revoke, account, accounts, key } = removal;
    const change = { target, guard, revoke: [...revoke], ...(account && { account }), end: accounts === 1 };
    const { domain, subject, revision } = about;
    events.push(makeEvent({ type: 'RevocationStaged', domain, subject, revision, change, cause, at, part: `${guard}/${key}` }));
  }
  return events;
}
