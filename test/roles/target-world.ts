/** A target with the hands of an administrator beside it: what tests set up and look at without going through the port. */
import type { Profile } from '../../handlers/access/grants.ts';
import type { Assignment } from '../../handlers/events/catalogue.ts';
import type { Target } from '../../handlers/roles/target.ts';

/** Runs one call to the target's API. */
export type Pace = <T>(call: () => Promise<T>) => Promise<T>;
export const atOnce: Pace = (call) => call();

/** Parts of the port that a target may leave out. */
export type Offer = 'setActive' | 'assignments' | 'sessions';

export interface TargetWorld {
  target(pace?: Pace): Target;
  readonly offers: readonly Offer[];
  /** How many accounts or roles a page of its listings holds at most. */
  readonly pageSize: number;
  /** An account as a person, or a run that died before it could set the mark, leaves it. @returns its id */
  unmarkedAccount(profile: Profile): Promise<string>;
  unmarkedRole(role: string): Promise<string>;
  removeMarkOf(accountId: string): Promise<void>;
  removeMarkOfRole(roleId: string): Promise<void>;
  removeAccount(id: string): Promise<void>;
  removeRole(id: string): Promise<void>;
  renameRole(id: string, name: string): Promise<void>;
  addMember(roleId: string, accountId: string): Promise<void>;
  removeMember(roleId: string, accountId: string): Promise<void>;
  /** Where the target offers it. */
  readonly setActive?: (accountId: string, active: boolean) => Promise<void>;
  /** One more account with the mark of that one; left out where the target refuses it. @returns its id */
  readonly duplicate?: (accountId: string, profile: Profile) => Promise<string>;
  readonly assignments?: AssignmentWorld;
  readonly sessions?: SessionWorld;
  /** What is there, sorted. Roles of an account are names. */
  look(): Promise<{ readonly accounts: readonly SeenAccount[]; readonly roles: readonly { id: string; name: string; marked: boolean }[] }>;
  /** Empties it. */
  clear(): Promise<void>;
}

export interface AssignmentWorld {
  /** What of it is ours: at least two accounts and two permission sets, by name. */
  readonly accounts: readonly string[];
  readonly permissionSets: readonly string[];
  look(roleId: string): Promise<readonly Assignment[]>;
  add(roleId: string, assignment: Assignment): Promise<void>;
  remove(roleId: string, assignment: Assignment): Promise<void>;
}

export interface SessionWorld {
  /** Whose sessions are cut, in which permission set. */
  look(): Promise<readonly { readonly accountId: string; readonly permissionSet: string }[]>;
}

export interface SeenAccount {
  readonly id: string;
  readonly profile: Profile;
  /** objectGUID of its mark. */
  readonly mark: string | undefined;
  readonly roles: readonly string[];
  /** Left out of an account that may log on. */
  readonly active?: false | undefined;
}
