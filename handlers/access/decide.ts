/** Who should have what: pure. It has no clock and sees the mirror only as the rows it is given. */
import { isDeepStrictEqual } from 'node:util';
import { accountExpiry } from '../directory/file-time.ts';
import { firstValue, isEnabled, type ObjectRow, subjectOf } from '../directory/mirror.ts';
import type { Grant, PrincipalState } from '../events/catalogue.ts';
import { type Cause, makeEvent } from '../events/identity-event.ts';
import { grantKey, type PrincipalGrants, type Profile, principalKey, profileChanges } from './grants.ts';
import { matchRole, type RoleMapping } from './role-mapping.ts';

/** The target that a role mapping means where it names none. */
export const identityCenter = 'identity-center';

export interface DecisionContext {
  readonly mappings: readonly RoleMapping[];
  readonly decidedAt: string;
  readonly cause: Cause;
}

/**
 * Decides for one principal.
 *
 * @param principal its row of the mirror
 * @param groups rows of the groups it is a direct member of
 * @param current what the grants table holds for it
 * @returns the next item of the grants table, or undefined when nothing changes
 */
export function decide(
  principal: ObjectRow,
  groups: readonly ObjectRow[],
  current: PrincipalGrants | undefined,
  context: DecisionContext,
): PrincipalGrants | undefined {
  const state = stateOf(principal, context.decidedAt);
  const grants = state === 'active' ? grantsOf(groups, context.mappings) : {};
  // A principal who never held a role is none of a target's business.
  if (current === undefined && Object.keys(grants).length === 0) return undefined;
  const profile = profileOf(principal);
  if (current && current.state === state && isDeepStrictEqual(current.grants, grants) && isDeepStrictEqual(current.profile, profile))
    return undefined;

  const subject = subjectOf(principal);
  const revision = (current?.revision ?? 0) + 1;
  const before = current?.grants ?? {};
  const decided = makeEvent({
    type: 'AccessDecided',
    domain: principal.domain,
    subject,
    change: {
      state,
      granted: Object.entries(grants).flatMap(([key, grant]) => (Object.hasOwn(before, key) ? [] : [grant])),
      revoked: Object.entries(before).flatMap(([key, grant]) => (Object.hasOwn(grants, key) ? [] : [grant])),
      holds: Object.values(grants),
      profile: profileChanges(current?.profile, profile),
    },
    revision,
    at: context.decidedAt,
    cause: context.cause,
  });
  return {
    pk: principalKey(principal.domain, principal.guid),
    domain: principal.domain,
    subject,
    revision,
    state,
    profile,
    grants,
    decidedAt: context.decidedAt,
    cause: context.cause,
    unannounced: [...(current?.unannounced ?? []), decided],
  };
}

/** The strongest word first: only what is none of these is active. */
function stateOf(principal: ObjectRow, now: string): PrincipalState {
  if (principal.deleted) return 'deleted';
  if (principal.outOfScope) return 'outOfScope';
  if (!isEnabled(principal)) return 'disabled';
  // The poll marks it; until it comes, or while it cannot, nothing is granted to an account whose time is over (invariant 7).
  const expiry = accountExpiry(firstValue(principal, 'accountExpires'));
  return principal.expired || (expiry !== undefined && expiry.getTime() <= Date.parse(now)) ? 'expired' : 'active';
}

/** The grants that mappings give for these groups. Where several give one role, the mapping listed first is the reason. */
function grantsOf(groups: readonly ObjectRow[], mappings: readonly RoleMapping[]): Record<string, Grant> {
  const grants: Record<string, Grant> = {};
  const byGuid = [...groups]
    .filter((group) => group.type === 'group' && !group.deleted && !group.outOfScope)
    .sort((a, b) => (a.guid < b.guid ? -1 : 1));
  for (const mapping of mappings) {
    for (const group of byGuid) {
      const role = matchRole(mapping, groupNames(group));
      if (role === undefined) continue;
      const { guid, dn, name } = subjectOf(group);
      const grant: Grant = { role, target: identityCenter, mapping: mapping.id, group: { guid, dn, name } };
      grants[grantKey(grant)] ??= grant;
    }
  }
  return grants;
}

/** How role mappings may name a group. */
export const groupNames = (group: ObjectRow) => ({ dn: group.dn, sid: group.sid, name: firstValue(group, 'sAMAccountName') });

/** Identity Center needs a user name, a display name and both names of a person; AD needs none but the account name. */
export function profileOf(principal: ObjectRow): Profile {
  const account = firstValue(principal, 'sAMAccountName') ?? principal.guid;
  const name = firstValue(principal, 'displayName') ?? firstValue(principal, 'name') ?? account;
  const email = firstValue(principal, 'mail');
  return {
    userName: firstValue(principal, 'userPrincipalName') ?? `${account}@${principal.domain}`,
    displayName: name,
    givenName: firstValue(principal, 'givenName') ?? name,
    familyName: firstValue(principal, 'sn') ?? name,
    ...(email === undefined ? {} : { email }),
  };
}
