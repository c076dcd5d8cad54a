/** From what a principal should have and what we made, to the steps in between: pure, and empty when nothing is left to do. */
import { isDeepStrictEqual } from 'node:util';
import { grantKey, type PrincipalGrants, type Profile, profileChanges } from '../access/grants.ts';
import type { Grant, PrincipalState, Subject } from '../events/catalogue.ts';
import { InvalidEventError } from '../platform/errors.ts';
import { type AccountEntry, type ExtraMembership, type Membership, mayLast } from './ledger.ts';

/** What one target should hold of a principal. */
export interface Wanted {
  readonly domain: string;
  readonly subject: Subject;
  readonly revision: number;
  readonly state: PrincipalState;
  /** Undefined: the principal was never to have anything here. */
  readonly profile: Profile | undefined;
  readonly grants: readonly Grant[];
}

/** How a team wants accounts at the target to end, and what the target can do. */
export interface TargetRules {
  readonly onInactive: 'deactivate' | 'keep';
  readonly onDeleted: 'delete' | 'deactivate' | 'keep';
  readonly canDeactivate: boolean;
  readonly cutsSessions: boolean;
}

export type AccountEnd = 'delete' | 'deactivate' | 'keep';

export interface Plan {
  /** First, so that access ends before anything else happens. */
  readonly revoke: readonly Membership[];
  /** Memberships that nobody granted. */
  readonly expel: readonly ExtraMembership[];
  /** All access ends, with evidence: what becomes of the account after its roles. */
  readonly end?: { readonly state: PrincipalState; readonly account: AccountEnd } | undefined;
  /** Sessions that were cut are let in again, or no longer need to be held off. */
  readonly restore: boolean;
  /** `tell`: nothing is changed of it any more, and what interrupted runs changed is found out. */
  readonly account: 'create' | 'update' | 'tell' | 'keep' | 'none';
  /** The account may log on again. */
  readonly activate: boolean;
  /** The profile to create or update with. */
  readonly profile: Profile | undefined;
  /** When the account is there. */
  readonly grant: readonly Grant[];
  /** Last: roles that bring access to AWS accounts, which is to be made sure of. */
  readonly assign: readonly Grant[];
}

/** @throws InvalidEventError when the item grants a role at the target and has no profile for it */
export function wantedAt({ domain, subject, revision, state, profiles, grants }: PrincipalGrants, target: string): Wanted {
  const wanted = state === 'active' ? Object.values(grants).filter((grant) => grant.target === target) : [];
  const profile = profiles[target];
  if (profile === undefined && wanted.length > 0)
    throw new InvalidEventError(`the decision on ${domain} ${subject.guid} grants roles at ${target} without a profile: decide it anew`);
  return { domain, subject, revision, state, profile, grants: wanted };
}

/** @param made what our ledger says we made for it @param now ISO 8601 */
export function plan({ state, profile, grants }: Wanted, made: AccountEntry | undefined, rules: TargetRules, now: string): Plan {
  const wanted = new Set(grants.map(grantKey));
  const memberships = made?.memberships ?? {};
  const unwanted = <T>(all: Readonly<Record<string, T>>): T[] =>
    Object.entries(all).flatMap(([key, one]) => (wanted.has(key) ? [] : [one]));
  const revoke = unwanted(memberships);
  const account = accountEnd(state, rules);
  // Whoever loses roles first, and is disabled a moment later, may still be logged on; of an account that somebody deleted there is nothing to cut.
  const lapsed = rules.cutsSessions && made?.account !== undefined && mayLast(made.lapsed, now) !== undefined;
  const ends = state !== 'active' && (made?.ending !== undefined || revoke.length > 0 || isDue(account, made) || lapsed);
  return {
    revoke,
    expel: unwanted(made?.extras ?? {}),
    end: ends ? { state, account } : undefined,
    restore: rules.cutsSessions && !ends && isOver(made, state, now),
    account: accountStep(state, profile, made, grants.length > 0),
    activate: state === 'active' && rules.canDeactivate && isOrMayBe(made, false),
    profile,
    grant: grants.filter((grant) => !isHeld(memberships[grantKey(grant)])),
    assign: grants.filter((grant) => (grant.assignments?.length ?? 0) > 0 && !hasAssignments(memberships[grantKey(grant)], grant)),
  };
}

export const isEmpty = ({ revoke, expel, end, restore, account, activate, grant, assign }: Plan): boolean =>
  [revoke, expel, grant, assign].every((steps) => steps.length === 0) &&
  end === undefined &&
  !restore &&
  !activate &&
  (account === 'keep' || account === 'none');

/** What a guard holds back, and sessions that need not be held off any longer, are left to do. @param now ISO 8601 */
export const isCurrent = (made: AccountEntry | undefined, revision: number, now: string): boolean =>
  made !== undefined && made.revision >= revision && made.staged === undefined && !(made.cut?.until !== undefined && made.cut.until <= now);

/** What becomes of an account in this state once it holds nothing. */
export function accountEnd(state: PrincipalState, { onInactive, onDeleted, canDeactivate }: TargetRules): AccountEnd {
  if (state === 'active') return 'keep';
  const end = state === 'deleted' ? onDeleted : onInactive;
  return end === 'deactivate' && !canDeactivate ? 'keep' : end;
}

const isDue = (end: AccountEnd, made: AccountEntry | undefined): boolean =>
  end === 'delete' ? made?.account !== undefined : end === 'deactivate' && isOrMayBe(made, true);

/** The account may log on, or may not: as was told last, or as an interrupted run may have made it. */
const isOrMayBe = (made: AccountEntry | undefined, active: boolean): boolean =>
  made?.account !== undefined && (made.activating !== undefined || (made.account.active ?? true) === active);

/** Sessions are held off until the person is back, or until the last of them would have ended by itself. */
const isOver = (made: AccountEntry | undefined, state: PrincipalState, now: string): boolean =>
  made?.cut !== undefined && (state === 'active' || (made.cut.until !== undefined && made.cut.until <= now));

/** Surely there: neither half made nor half ended. */
export const isHeld = (membership: Membership | undefined): membership is Membership & { readonly membershipId: string } =>
  membership?.membershipId !== undefined && !membership.ending;

const hasAssignments = (membership: Membership | undefined, { assignments }: Grant): boolean =>
  isHeld(membership) && !membership.assigning && isDeepStrictEqual(membership.grant.assignments ?? [], assignments ?? []);

function accountStep(
  state: PrincipalState,
  profile: Profile | undefined,
  made: AccountEntry | undefined,
  needed: boolean,
): Plan['account'] {
  if (made?.account === undefined) return needed ? 'create' : 'none';
  if (state === 'deleted' || profile === undefined) return made.updating === undefined && made.activating === undefined ? 'keep' : 'tell';
  return made.updating === undefined && isSameProfile(made.account.profile, profile) ? 'keep' : 'update';
}

export const isSameProfile = (one: Profile, other: Profile): boolean => Object.keys(profileChanges(one, other)).length === 0;
