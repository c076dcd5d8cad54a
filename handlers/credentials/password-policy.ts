/** What a directory asks of a password, and whether one meets it. */

/** The domain's policy or a fine-grained one (MS-ADTS section 3.1.1.5.2.1, MS-SAMR section 3.1.1.7). */
export interface PasswordPolicy {
  readonly minLength: number;
  /** Three of five kinds of characters, and no part of the account's names. */
  readonly complexity: boolean;
  /** How many earlier passwords are refused. */
  readonly history: number;
  /** Milliseconds that have to pass before an account may change its own password again; 0: none. */
  readonly minAgeMs: number;
  /** Refused binds that lock the account; 0: never. */
  readonly lockoutThreshold: number;
  /** Distinguished name of the fine-grained policy; undefined: the domain's. */
  readonly from?: string | undefined;
}
