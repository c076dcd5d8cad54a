/** From what a principal should have and what we made, to the steps in between: pure, and empty when nothing is left to do. */
import { isDeepStrictEqual } from 'node:util';
import { grantKey, type PrincipalGrants, type Profile } from '../access/grants.ts';
import type { Grant } from '../events/catalogue.ts';
import type { AccountEntry, Membership } from './ledger.ts';

export interface Plan {
  /** First, so that access ends before anything else happens. */
  readonly revoke: readonly Membership[];
  readonly account: 'create' | 'update' | 'delete' | 'keep' | 'none';
  /** The profile to create or update with. */
  readonly profile: Profile;
  /** Last, when the account is there. */
  readonly grant: readonly Grant[];
}

/**
 * @param desired the principal's item of the grants table
 * @param made what our ledger says we made for it
 * @param onDeleted what becomes of the account when the directory's is deleted
 */
export function plan(desired: PrincipalGrants, made: AccountEntry | undefined, target: string, onDeleted: 'delete' | 'keep'): Plan {
  const grants = desired.state === 'active' ? Object.values(desired.grants).filter((grant) => grant.target === target) : [];
  const wanted = new Set(grants.map(grantKey));
  const memberships = made?.memberships ?? {};
  return {
    revoke: Object.entries(memberships).flatMap(([key, membership]) => (wanted.has(key) ? [] : [membership])),
    account: accountStep(desired, made, grants.length > 0, onDeleted),
    profile: desired.profile,
    grant: grants.filter((grant) => !isHeld(memberships[grantKey(grant)])),
  };
}

/** Surely there: neither half made nor half ended. */
const isHeld = (membership: Membership | undefined): boolean => membership?.membershipId !== undefined && !membership.ending;

function accountStep(
  desired: PrincipalGrants,
  made: AccountEntry | undefined,
  needed: boolean,
  onDeleted: 'delete' | 'keep',
): Plan['account'] {
  if (made?.account === undefined) return needed ? 'create' : 'none';
  if (desired.state === 'deleted') return onDeleted === 'delete' ? 'delete' : 'keep';
  return made.updating === undefined && isDeepStrictEqual(made.account.profile, desired.profile) ? 'keep' : 'update';
}
