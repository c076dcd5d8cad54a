/**
 * Who did it, as far as the Security log tells. Hints come without a promise and in any order: they name the actor of a change that the
 * directory itself has shown, and never say that there was one.
 */
import type { Actor } from '../../events/identity-event.ts';
import type { Action } from './event-ids.ts';
import type { SecurityEvent } from './security-event.ts';

export type { Action } from './event-ids.ts';

/** A hint counts for a change that is detected at most this long after it. */
export const actorWindowMs = 15 * 60_000;
/** A hint is kept for so long, so that a poll that comes late still finds those of its window. */
export const hintLifetimeMs = 60 * 60_000;
/** Clocks in a domain may differ by so much (Kerberos policy, "maximum tolerance for computer clock synchronization"). */
const clockToleranceMs = 5 * 60_000;

export interface ActorHint {
  /** SID or objectGUID of what was changed; for a membership, SID of the group. */
  readonly subject: string;
  /** SID of the member, for a membership only. */
  readonly member?: string;
  readonly action: Action;
  /** ISO 8601 in UTC, milliseconds. */
  readonly at: string;
  readonly actor: Actor;
  /** With `at`, these tell one event from another: a repeat is the same hint. */
  readonly computer: string;
  readonly recordId: string;
}

export interface ActorHints {
  /** Keeps hints; the same hint again changes nothing. */
  keep(hints: readonly ActorHint[]): Promise<void>;
  /** The hints about any of the subjects (SIDs, objectGUIDs) from `since` (ISO 8601) on. One that was kept before the call is found. */
  about(subjects: readonly string[], since: string): Promise<readonly ActorHint[]>;
}

/** A GUID's letters may come in either case; a SID has none but the S. */
export const canonicalSubject = (subject: string): string => (subject.startsWith('S-') ? subject : subject.toLowerCase());

/**
 * The hints that events give. None comes from an event that names no actor or no subject, from a membership without its member, or from
 * an event whose time is no time for a hint: too old for any change, or ahead of the clocks' tolerance.
 *
 * `S-1-5-32-…` is the same SID in every domain and on every server (MS-DTYP section 2.4.2.4): only its memberships give hints, as the
 * member's SID tells whose group it is.
 */
export function hintsOf(events: readonly SecurityEvent[], now: Date): readonly ActorHint[] {
  return events.flatMap(({ action, occurredAt: at, computer, recordId, targetSid, memberSid, objectGuid, actor }) => {
    const age = now.getTime() - Date.parse(at);
    if (actor === undefined || age > hintLifetimeMs || age < -clockToleranceMs) return [];
    const hint = { action, at, actor, computer, recordId };
    if (isMembership(action)) {
      return targetSid === undefined || memberSid === undefined ? [] : [{ ...hint, subject: targetSid, member: memberSid }];
    }
    const subjects = [targetSid?.startsWith('S-1-5-32-') ? undefined : targetSid, objectGuid];
    return subjects.flatMap((subject) => (subject === undefined ? [] : [{ ...hint, subject }]));
  });
}

const isMembership = (action: Action): boolean => action === 'member-added' || action === 'member-removed';

/**
 * The actor of a change, from the hints about its subject. `actions` lists what the log may call it, the best first: a user that was
 * disabled is a `disabled`, and failing that a `changed`. Of several that fit equally the latest counts, as the last writer made the
 * state that we see. `member` is the SID of the member when the change is a membership, and leaves all other hints out.
 */
export function actorOf(
  hints: readonly ActorHint[],
  { actions, member }: { readonly actions: readonly Action[]; readonly member?: string | undefined },
): Actor | undefined {
  for (const action of actions) {
    const fitting = hints.filter((hint) => hint.action === action && hint.member === member);
    const latest = fitting.reduce<ActorHint | undefined>((best, hint) => (best && !isLater(hint, best) ? best : hint), undefined);
    if (latest) return latest.actor;
  }
  return undefined;
}

/** Within a millisecond of one computer the record's number decides; of two computers it only makes the answer the same each time. */
function isLater(one: ActorHint, other: ActorHint): boolean {
  if (one.at !== other.at) return one.at > other.at;
  if (one.computer !== other.computer) return one.computer > other.computer;
  return BigInt(one.recordId) > BigInt(other.recordId);
}
