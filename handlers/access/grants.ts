/**
 * The grants table: who should have what, and why. One item a principal, because one conditional write then replaces the whole decision.
 *
 * decide-access writes it; sync-roles reads it and keeps what it made at the target in a table of its own.
 */
import type { AttributeChanges, Grant, PrincipalState, Subject } from '../events/catalogue.ts';
import type { AnyIdentityEvent, Cause } from '../events/identity-event.ts';

/** What a target needs to know of a person. */
export interface Profile {
  readonly userName: string;
  readonly displayName: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly email?: string | undefined;
}

/** What differs between two profiles; all of `after` where there was none before. */
export function profileChanges(before: Profile | undefined, after: Profile): AttributeChanges {
  const changes: AttributeChanges = {};
  for (const key of ['userName', 'displayName', 'givenName', 'familyName', 'email'] as const) {
    const [old, now] = [before?.[key] ?? null, after[key] ?? null];
    if (old !== now) changes[key] = { before: old, after: now };
  }
  return changes;
}

export interface PrincipalGrants {
  readonly pk: string;
  readonly domain: string;
  readonly subject: Subject;
  /** Counts the decisions that changed something, from 1. */
  readonly revision: number;
  readonly state: PrincipalState;
  readonly profile: Profile;
  /** Desired grants by `grantKey`. */
  readonly grants: Readonly<Record<string, Grant>>;
  readonly decidedAt: string;
  readonly cause: Cause;
  /** AccessDecided events that may not have reached the bus yet: an outbox, emptied once they have. */
  readonly unannounced: readonly AnyIdentityEvent[];
}

/** One grant's name within a principal. Names of groups differ by more than case at AD and at Identity Center, so do roles. */
export const grantKey = ({ target, role }: Pick<Grant, 'target' | 'role'>): string => `${target}/${role.toLowerCase()}`;

export const principalKey = (domain: string, guid: string): string => `${domain}#${guid}`;

export interface Grants {
  /** The principal's item, consistent. */
  read(pk: string): Promise<PrincipalGrants | undefined>;
  /**
   * Replaces the item if it is still of the revision before.
   *
   * @returns false when another decision came first: read the mirror again and decide anew
   */
  replace(next: PrincipalGrants): Promise<boolean>;
  /** Empties the outbox of that revision; a later revision keeps its own. */
  announced(pk: string, revision: number): Promise<void>;
}
