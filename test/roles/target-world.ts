/** A target with the hands of an administrator beside it: what tests set up and look at without going through the port. */
import type { Profile } from '../../handlers/access/grants.ts';
import type { Target } from '../../handlers/roles/target.ts';

/** Runs one call to the target's API. */
export type Pace = <T>(call: () => Promise<T>) => Promise<T>;
export const atOnce: Pace = (call) => call();

export interface TargetWorld {
  target(pace?: Pace): Target;
  /** An account as a person, or a run that died before it could set the mark, leaves it. @returns its id */
  unmarkedAccount(profile: Profile): Promise<string>;
  unmarkedRole(role: string): Promise<string>;
  removeMarkOf(accountId: string): Promise<void>;
  removeAccount(id: string): Promise<void>;
  removeRole(id: string): Promise<void>;
  /** What is there, sorted. Roles of an account are names. */
  look(): Promise<{ readonly accounts: readonly SeenAccount[]; readonly roles: readonly { id: string; name: string; marked: boolean }[] }>;
  /** Empties it. */
  clear(): Promise<void>;
}

export interface SeenAccount {
  readonly id: string;
  readonly profile: Profile;
  /** objectGUID of its mark. */
  readonly mark: string | undefined;
  readonly roles: readonly string[];
}
