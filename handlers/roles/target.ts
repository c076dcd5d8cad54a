/**
 * The port to a target: a place that holds accounts and roles derived from the directory. One adapter a kind of target, all held to one
 * contract suite.
 *
 * Every account and role that we make carries our mark, and nothing without it is touched. An account's mark is the principal's objectGUID
 * under the directory's domain, a role's mark is its name.
 *
 * Every call is made within the target's budget and tried again while the target is busy: callers see neither. What is thrown besides the
 * errors named here is the target's own: try the whole again.
 */
import type { Profile } from '../access/grants.ts';
import type { Assignment } from '../events/catalogue.ts';

/** What identifies a principal at every target. */
export interface Mark {
  readonly domain: string;
  readonly guid: string;
}

export interface AccountState {
  readonly id: string;
  readonly profile: Profile;
  /** False: it may not log on. A target whose accounts are always active leaves it out. @default true */
  readonly active?: boolean | undefined;
}

/** What we are about to create, noted in our ledger beforehand: it lets a repeat recognise its own half-made thing after a crash. */
export interface Intent {
  /** ISO 8601. */
  readonly at: string;
  /** Of an account: the user name it was to have, which may be another by the time of the repeat. */
  readonly userName?: string | undefined;
}

/** A page of a listing. `after` undefined: it was the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly after: string | undefined;
}

export interface ListedAccount extends AccountState {
  /** Undefined: not ours. */
  readonly mark: Mark | undefined;
}

export interface ListedRole {
  readonly id: string;
  readonly name: string;
  /** Name that our mark gives it, lower case; undefined: not ours. */
  readonly mark: string | undefined;
}

export interface ListedMember {
  readonly membershipId: string;
  readonly accountId: string;
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
  /** The account as it is, whoever made it; undefined when it is gone. */
  readAccount(id: string): Promise<ListedAccount | undefined>;
  /**
   * Lets an account log on or not. Left out where accounts are always active.
   * @throws TargetMissingError when the account is gone @throws TargetConflictError when the mark is another's
   */
  readonly setActive?: (id: string, mark: Mark, active: boolean) => Promise<void>;
  /** @throws TargetConflictError when a role of that name exists without our mark */
  findRole(role: string, intent: Intent | undefined): Promise<string | undefined>;
  /** @throws RetryableError when another run makes it at this moment */
  createRole(role: string): Promise<string>;
  /** Gives a role of ours its name back. @throws TargetMissingError when it is gone @throws TargetConflictError when the name is taken or the mark another's */
  renameRole(roleId: string, role: string): Promise<void>;
  /** Idempotent. @returns the target's id of the membership @throws TargetMissingError when account or role are gone */
  addMember(roleId: string, accountId: string): Promise<string>;
  /** The target's id of the membership, or undefined when there is none. */
  findMember(roleId: string, accountId: string): Promise<string | undefined>;
  /** Idempotent: a membership that is gone is fine. */
  removeMember(membershipId: string): Promise<void>;

  /** Everything that is there, page by page, ours or not. A page that the target does not answer completely throws. */
  listAccounts(after: string | undefined): Promise<Page<ListedAccount>>;
  listRoles(after: string | undefined): Promise<Page<ListedRole>>;
  listMembers(roleId: string, after: string | undefined): Promise<Page<ListedMember>>;

  /** Where roles bring access to AWS accounts. */
  readonly assignments?: Assignments;
  /** Where sessions outlive the access they were given for. */
  readonly sessions?: Sessions;
}

/** Assignments of permission sets in accounts to a role's group. */
export interface Assignments {
  /** Starts it; idempotent. @returns id of the request to ask about, or undefined when it is so already @throws TargetConflictError for an account or permission set that is not ours */
  create(roleId: string, assignment: Assignment): Promise<string | undefined>;
  /** Starts it; idempotent. */
  remove(roleId: string, assignment: Assignment): Promise<string | undefined>;
  /** The state of a request: `failed` with the reason. */
  state(
    request: string,
    kind: 'create' | 'remove',
  ): Promise<{ readonly state: 'done' | 'under-way' | 'failed'; readonly reason?: string | undefined }>;
  /** All assignments of the role in our accounts with our permission sets. */
  list(roleId: string): Promise<readonly Assignment[]>;
}

/** Ends what an account is logged on to, until `restore`. Both are idempotent, and done when they return. */
export interface Sessions {
  /** @param permissionSets names of those whose sessions the account may have @returns when the last such session would have ended by itself, ISO 8601 */
  cut(accountId: string, permissionSets: readonly string[]): Promise<string>;
  /** Lets the account in again. */
  restore(accountId: string, permissionSets: readonly string[]): Promise<void>;
  /** Takes away what was cut and has ended by itself, and cuts again what somebody let in behind our back. */
  sweep(): Promise<void>;
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
