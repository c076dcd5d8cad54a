/** What a directory asks of a password, and whether one meets it. */

/** The domain's policy or a fine-grained one (MS-SAMR section 3.1.1.7, MS-ADTS section 6.1.1.4.11.1). */
export interface PasswordPolicy {
  readonly minLength: number;
  /** Three of five kinds of characters, and no part of the account's names. */
  readonly complexity: boolean;
  /** How many earlier passwords are refused when an account changes its own. */
  readonly history: number;
  /** Milliseconds that have to pass before an account may change its own password again; 0: none. */
  readonly minAgeMs: number;
  /** Refused binds that lock the account; 0: never. */
  readonly lockoutThreshold: number;
  /** Distinguished name of the fine-grained policy; undefined: the domain's. */
  readonly from?: string | undefined;
}

/** Names that a complex password may not hold: of the account name all, of the display name each part of three characters or more. */
export interface AccountNames {
  readonly samAccountName: string;
  readonly displayName: string | undefined;
}

/** The kinds of characters that AD counts (Windows, "Password must meet complexity requirements"); letters of no case are the fifth. */
const kinds: readonly RegExp[] = [/\p{Lu}/u, /\p{Ll}/u, /[0-9]/, /[^\p{L}\p{N}]/u, /\p{Lo}/u];
const neededKinds = 3;
/** Shorter names are not looked for. */
const leastNameLength = 3;

/** Parts of names that a complex password may not hold, in lower case. */
export function forbiddenParts({ samAccountName, displayName = '' }: AccountNames): readonly string[] {
  // Delimiters of the same document: comma, period, dash, underscore, space, number sign and tab.
  const parts = [samAccountName, ...displayName.split(/[,.\-_ #\t]+/)].map((part) => part.toLowerCase());
  return [...new Set(parts.filter((part) => part.length >= leastNameLength))];
}

/** What a directory with that policy would find wrong with a password; empty: nothing. History only the directory knows. */
export function shortcomings(policy: PasswordPolicy, password: string, names: AccountNames): readonly ('length' | 'kinds' | 'name')[] {
  const found: ('length' | 'kinds' | 'name')[] = [];
  if (password.length < policy.minLength) found.push('length');
  if (!policy.complexity) return found;
  if (kinds.filter((kind) => kind.test(password)).length < neededKinds) found.push('kinds');
  const text = password.toLowerCase();
  if (forbiddenParts(names).some((part) => text.includes(part))) found.push('name');
  return found;
}
