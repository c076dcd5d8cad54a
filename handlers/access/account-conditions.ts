/** What the mirror says of a principal's account: whether it may hold roles at all, and the states that a role mapping can exclude. */

import { firstValue, isEnabled, type ObjectRow } from '../directory/mirror.ts';
import type { PrincipalState } from '../events/catalogue.ts';
import { accountExpiry } from '../platform/file-time.ts';

/** The strongest word first: only what is none of these is active. */
export function stateOf(principal: ObjectRow, now: string): PrincipalState {
  if (principal.deleted) return 'deleted';
  if (principal.outOfScope) return 'outOfScope';
  if (!isEnabled(principal)) return 'disabled';
  // The poll marks it; until it comes, or while it cannot, nothing is granted to an account whose time is over (invariant 7).
  const expiry = accountExpiry(firstValue(principal, 'accountExpires'));
  return principal.expired || (expiry !== undefined && expiry.getTime() <= Date.parse(now)) ? 'expired' : 'active';
}

/**
 * States of an account that may keep a role mapping from giving its role.
 *
 * That a password has expired is none of them: the directory computes it when it is asked (msDS-User-Account-Control-Computed, MS-ADTS
 * section 3.1.1.4.5.17), so nothing of it is replicated and no mirror knows. What is known is when the password was set: a policy may ask.
 */
export const accountStates = ['lockedOut', 'passwordMustChange', 'passwordNeverExpires'] as const;
export type AccountState = (typeof accountStates)[number];

/** ADS_UF_DONT_EXPIRE_PASSWD of userAccountControl (MS-ADTS section 2.2.16). */
const passwordNeverExpires = 0x10000;

/** The states that an account is in; of one that is not known the worse is taken (invariant 7). */
export function accountStatesOf(principal: ObjectRow): ReadonlySet<AccountState> {
  const passwordSet = firstValue(principal, 'pwdLastSet');
  const flags = firstValue(principal, 'userAccountControl') ?? '';
  const is: Readonly<Record<AccountState, boolean>> = {
    // The end of a lockout counts once the directory said so: until then the row has it, even when its time is over.
    lockedOut: principal.lockedOut !== undefined,
    // Absent and 0 mean the same (MS-ADTS section 3.1.1.4.5.17).
    passwordMustChange: passwordSet === undefined || passwordSet === '0',
    passwordNeverExpires: !/^-?\d+$/.test(flags) || (Number(flags) & passwordNeverExpires) !== 0,
  };
  return new Set(accountStates.filter((state) => is[state]));
}
