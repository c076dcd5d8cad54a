/** New passwords: from the system's random source, as long as asked or as the directory's policy says, and complex in any case. */
import { randomInt } from 'node:crypto';
import { type AccountNames, forbiddenParts, type PasswordPolicy } from './password-policy.ts';

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const lower = 'abcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';

/** `safe` needs no escaping in a URL (RFC 3986 section 2.3, "unreserved"). No alphabet has quotes, backslash, backtick, dollar or space. */
const marks = { printable: '!#%&()*+,-./:;<=>?@[]^_{|}~', safe: '-._~' } as const;

export type Alphabet = keyof typeof marks;

export interface PasswordWish {
  /** Characters; a policy that asks for more is followed. */
  readonly length: number;
  readonly alphabet: Alphabet;
}

/** What AD takes at most (Windows, "Minimum password length": 256 characters of unicodePwd). */
const most = 256;

/**
 * A password that meets the policy, each of them equally likely: of 32 characters some 200 bits.
 *
 * @param random a whole number from 0 below `bound`, all equally likely
 * @throws RangeError when the policy asks for more than AD can take
 */
export function newPassword(
  policy: PasswordPolicy,
  { length, alphabet }: PasswordWish,
  names: AccountNames,
  random: (bound: number) => number = randomInt,
): string {
  const count = Math.max(length, policy.minLength);
  if (count > most) throw new RangeError(`the policy asks for ${count} characters, a password has ${most} at most`);
  const characters = upper + lower + digits + marks[alphabet];
  const forbidden = forbiddenParts(names);
  for (;;) {
    // Drawn anew where it does not fit, rather than mended: a mended one would be less random than it looks.
    const password = Array.from({ length: count }, () => characters[random(characters.length)]).join('');
    const isComplex = [upper, lower, digits, marks[alphabet]].every((kind) => [...kind].some((one) => password.includes(one)));
    const text = password.toLowerCase();
    if (isComplex && !forbidden.some((part) => text.includes(part))) return password;
  }
}
