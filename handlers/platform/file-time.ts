/** Moments and spans as AD writes them: decimal text of 64-bit counts of 100 ns (MS-DTYP section 2.3.3, LargeInteger of MS-ADTS). */

const ticksPerMillisecond = 10_000n;
/** 1601-01-01T00:00:00Z, where FILETIME begins, in ms of Unix time. */
const epoch = BigInt(Date.UTC(1601, 0, 1));
const largest = 2n ** 63n - 1n;
const smallest = -(2n ** 63n);

/** The 64-bit integer of a LargeInteger's text; undefined for what is none. */
function largeInteger(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^-?\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value < smallest || value > largest ? undefined : value;
}

/**
 * The moment of a FILETIME, cut to whole milliseconds; `toISOString()` makes it text. 0 is 1601-01-01: what an attribute means by it
 * (pwdLastSet: must change; lockoutTime: not locked) is for the caller to know.
 *
 * @returns undefined for absent text and for what is no FILETIME
 */
export function fileTime(text: string | undefined): Date | undefined {
  const ticks = largeInteger(text);
  if (ticks === undefined || ticks < 0n) return undefined;
  return new Date(Number(ticks / ticksPerMillisecond + epoch));
}

const lastMoment = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * ISO 8601 of four-digit years. Later moments, which a FILETIME has (30828), are cut to the last of these: their own text begins with "+",
 * sorts before every other, and is no timestamp to the readers of an event.
 */
export const isoText = (moment: Date): string => new Date(Math.min(moment.getTime(), lastMoment)).toISOString();

/** When an account expires, from `accountExpires`. 0 and 0x7FFFFFFFFFFFFFFF mean never (MS-ADA1 section 2.1): undefined, as for absent. */
export function accountExpiry(text: string | undefined): Date | undefined {
  const ticks = largeInteger(text);
  return ticks === 0n || ticks === largest ? undefined : fileTime(text);
}

/**
 * A span in milliseconds, from the negative counts that AD keeps spans as: `-18000000000` is 30 minutes.
 *
 * -2^63 is `never` for every such attribute (MS-ADTS section 3.1.1.4.5.33). What 0 is depends on the attribute, so the caller says:
 * - `never` (default): lockoutDuration and msDS-LockoutDuration, where only an administrator ends a lockout (MS-ADTS section 3.1.1.4.5.17
 *   has a count that is not negative lock for good), maxPwdAge and msDS-MaximumPasswordAge, where no password expires.
 * - `0`: minPwdAge, lockOutObservationWindow and their msDS- twins, where it is a span of no length.
 *
 * @returns undefined for absent text and for what is no span, a positive count among it
 */
export function interval(text: string | undefined, zero: 'never' | 0 = 'never'): number | 'never' | undefined {
  const ticks = largeInteger(text);
  if (ticks === undefined || ticks > 0n) return undefined;
  if (ticks === 0n) return zero;
  return ticks === smallest ? 'never' : Number(-ticks / ticksPerMillisecond);
}
