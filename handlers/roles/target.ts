/**
 * The port to a target: a place that holds accounts and roles derived from the directory. One adapter a target, all held to one contract suite.
 *
 * Every account and role that we make carries our mark, and nothing without it is touched. An account's mark is the principal's objectGUID
 * under the directory's domain, a role's mark is its name.
 */
import type { Profile } from '../access/grants.ts';

/** What identifies a principal at every target. */
export interface Mark {
  readonly domain: string;
  readonly guid: string;
}

export interface AccountState {
  readonly id: string;
  readonly profile: Profile;
}

/** What we are about to create, noted in our ledger beforehand: it lets a repeat recognise its own half-made thing after a crash. */
export interface Intent {
  /** ISO 8601. */
  readonly at: string;
  /** Of an account: the user name it was to have, which may be another by the time of the repeat. */
  readonly userName?: string | undefined;
}

export interface Target {
  readonly name: string;
  /**
   * The account with this mark, or undefined.
   *
   * @throws TargetConflictError when an account without our mark has the profile's user name
   */
  findAccount(mark: Mark, profile: Profile, intent: Intent | undefined): Promise<AccountState | undefined>;
  /** @throws TargetConflictError when the target refuses the profile */
  createAccount(mark: Mark, profile: Profile): Promise<AccountState>;
  /** @throws TargetMissingError when the account is gone @throws TargetConflictError when the target refuses the profile */
  updateAccount(id: string, before: Profile, after: Profile): Promise<void>;
  /** Deletes the account if it still carries the mark; an account that is gone already is fine. @throws TargetConflictError when the mark is another's */
  deleteAccount(id: string, mark: Mark): Promise<void>;
  /** @throws TargetConflictError when a role of that name exists without our mark */
  findRole(role: string, intent: Intent | undefined): Promise<string | undefined>;
  /** @throws RetryableError when another run makes it at this moment */
  createRole(role: string): Promise<string>;
  /** Idempotent. @returns the target's id of the membership @throws TargetMissingError when account or role are gone */
  addMember(roleId: string, accountId: string): Promise<string>;
  /** The target's id of the membership, or undefined when there is none. */
  findMember(roleId: string, accountId: string): Promise<string | undefined>;
  /** Idempotent: a membership that is gone is fine. */
  removeMember(membershipId: string): Promise<void>;
}

/** The target refuses, or something there is in the way and is not ours: a person has to decide. `remedy` says how. */
export class TargetConflictError extends Error {
  override readonly name = 'TargetConflictError';
  readonly remedy: string;
  /** The target refused the first and only attempt: nothing of ours can have come to be. */
  readonly nothingMade: boolean;
  constructor(message: string, remedy: string, options?: ErrorOptions & { readonly nothingMade?: boolean }) {
    super(message, options);
    this.remedy = remedy;
    this.nothingMade = options?.nothingMade ?? false;
  }
}

/** An account or role that our ledger knows is not at the target any more. */
export class TargetMissingError extends Error {
  override readonly name = 'TargetMissingError';
  readonly missing: 'account' | 'role';
  constructor(missing: 'account' | 'role', message: string, options?: ErrorOptions) {
    super(message, options);
    this.missing = missing;
  }
}
