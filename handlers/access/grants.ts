/**
 * The grants table: who should have what, and why. One item a principal, because one conditional write then replaces the whole decision.
 *
 * decide-access writes it; sync-roles reads it and keeps what it made at the target in a table of its own.
 */
import type { AttributeChanges, Denial, Grant, PrincipalState, Subject } from '../events/catalogue.ts';
import type { AnyIdentityEvent, Cause } from '../events/identity-event.ts';

/** What a target may be told of a person. Which attribute of the directory gives each is the target's own setting. */
export const profileAttributes = [
  'userName',
  'displayName',
  'givenName',
  'familyName',
  'email',
  'title',
  'phoneNumber',
  'department',
  'employeeNumber',
] as const;
export type ProfileAttribute = (typeof profileAttributes)[number];

/** What a target is told of a person. */
export type Profile = { readonly [Name in 'userName' | 'displayName' | 'givenName' | 'familyName']: string } & {
  readonly [Name in Exclude<ProfileAttribute, 'userName' | 'displayName' | 'givenName' | 'familyName'>]?: string | undefined;
};

/** What differs between two profiles; all of `after` where there was none before. */
export function profileChanges(before: Profile | undefined, after: Profile): AttributeChanges {
  const changes: AttributeChanges = {};
  for (const key of profileAttributes) {
    const [old, now] = [before?.[key] ?? null, after[key] ?? null];
    if (old !== now) changes[key] = { before: old, after: now };
  }
  return changes;
}

export interface PrincipalGrants {
  readonly pk: string;
  readonly domain: string;
  readonly subject: Subject;
  /**
   * Grows with each decision that changed something, and is at least its time, ms since 1970: in a table that was lost, replaced or restored
   * nobody begins below what targets have done already, which they would take for done.
   */
  readonly revision: number;
  readonly state: PrincipalState;
  /** By target: every target at which the principal was ever to hold a role, and so all that have to hear of it. */
  readonly profiles: Readonly<Record<string, Profile>>;
  /** Desired grants by `grantKey`. */
  readonly grants: Readonly<Record<string, Grant>>;
  /** Roles that mappings would give and that are denied, by `grantKey`. */
  readonly denied: Readonly<Record<string, Denial>>;
  readonly decidedAt: string;
  readonly cause: Cause;
  /** Events of decisions that may not have reached the bus yet: an outbox, emptied once they have. */
  readonly unannounced: readonly AnyIdentityEvent[];
}

/** One grant's name within a principal. Names of groups differ by more than case at AD and at Identity Center, so do roles. */
export const grantKey = ({ target, role }: Pick<Grant, 'target' | 'role'>): string => `${target}/${role.toLowerCase()}`;

export const principalKey = (domain: string, guid: string): string => `${domain}#${guid}`;

export interface Grants {
  /** The principal's item, consistent. */
  read(pk: string): Promise<PrincipalGrants | undefined>;
  /**
   * Replaces the item if it is still the one before; without one, if there is none.
   *
   * @returns false when another decision came first: read the mirror again and decide anew
   */
  replace(next: PrincipalGrants, before: Pick<PrincipalGrants, 'revision'> | undefined): Promise<boolean>;
  /** Empties the outbox of that revision; a later revision keeps its own. */
  announced(pk: string, revision: number): Promise<void>;
  /** A stretch of all principals' items, consistent, in an order of the table's own; `after` is undefined at the end. */
  scan(after: string | undefined): Promise<{ readonly items: readonly PrincipalGrants[]; readonly after: string | undefined }>;
}
