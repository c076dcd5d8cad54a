/** What time makes of an account: expired, or no longer locked out. Nothing is written in the directory at either moment. */

import { accountExpiry, isoText } from '../platform/file-time.ts';
import type { LockoutEnd } from './directory-source.ts';
import { dueListing, firstValue, type ObjectRow } from './mirror.ts';

export interface AccountClock {
  readonly domain: string;
  /** Now, ISO 8601. */
  readonly detectedAt: string;
  /** The accounts that the directory says are locked out, of all whose lockout is in question; `unasked` were not in question. */
  readonly lockouts: ReadonlyMap<string, LockoutEnd>;
  /** GUIDs of the accounts that were asked about. */
  readonly lockoutsAsked: ReadonlySet<string>;
}

/** Whether a lockout is in question: lockoutTime is set, though it may be over (MS-ADTS section 3.1.1.4.5.17). */
export const mayBeLockedOut = (lockoutTime: readonly string[] | undefined): boolean =>
  lockoutTime !== undefined && lockoutTime[0] !== undefined && lockoutTime[0] !== '0';

/** Longest wait until an account is looked at again that should be free by now and is not, ms. */
const againMs = 5_000;

/** The states that depend on the clock, and when to look again. */
export function accountState(row: ObjectRow, clock: AccountClock): Pick<ObjectRow, 'expired' | 'lockedOut' | 'dueUnder' | 'dueAt'> {
  const expiry = accountExpiry(firstValue(row, 'accountExpires'));
  const expiresAt = expiry && isoText(expiry);
  const expired = expiresAt !== undefined && expiresAt <= clock.detectedAt;
  const lockedOut = lockout(row, clock);
  // A lockout that should be over and is not asked about stays due: a change of something else must not put it off.
  const over = lockedOut !== undefined && lockedOut <= clock.detectedAt && clock.lockoutsAsked.has(row.guid);
  const ends = lockedOut === undefined || lockedOut === 'never' ? undefined : over ? later(clock) : lockedOut;
  const dueAt = [expired ? undefined : expiresAt, ends].filter((time) => time !== undefined).sort()[0];
  return {
    expired: expired ? true : undefined,
    lockedOut,
    dueUnder: dueAt === undefined ? undefined : dueListing(clock.domain),
    dueAt,
  };
}

function lockout(row: ObjectRow, clock: AccountClock): LockoutEnd | undefined {
  if (!mayBeLockedOut(row.attributes.lockoutTime)) return undefined;
  return clock.lockoutsAsked.has(row.guid) ? clock.lockouts.get(row.guid) : row.lockedOut;
}

const later = ({ detectedAt }: AccountClock): string => new Date(Date.parse(detectedAt) + againMs).toISOString();
