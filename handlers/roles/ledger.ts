/**
 * The roles table: what sync-roles made at a target. Only sync-roles writes it, and only what stands here is ever revoked.
 *
 * A principal's item lies under `pk = target#domain#guid`, a role's under `pk = target#role#name`.
 */
import type { Profile } from '../access/grants.ts';
import type { Grant } from '../events/catalogue.ts';
import type { AccountState, Intent } from './target.ts';

/**
 * A membership, noted before it is made and before it is ended: what an interrupted run did at the target is then never forgotten, even
 * where the next decision wants the opposite.
 */
export interface Membership {
  readonly grant: Grant;
  /** Undefined while it may or may not have been made. */
  readonly membershipId?: string | undefined;
  /** Set while it may or may not have been ended. */
  readonly ending?: true | undefined;
  /** Its id before it was perhaps ended, while it is given anew: another id afterwards says that it had ended. */
  readonly former?: string | undefined;
}

export interface AccountEntry {
  readonly pk: string;
  /** Counts the writes of this item, from 1. */
  readonly version: number;
  /** Revision of the grants table's item that is done at the target; 0 before the first. */
  readonly revision: number;
  readonly account?: AccountState | undefined;
  /** Set while the account may or may not have been made. */
  readonly intent?: Intent | undefined;
  /** Profiles that the account may or may not have got; `account` holds the one that was told last. */
  readonly updating?: readonly Profile[] | undefined;
  /** The account, while it may or may not have been deleted. */
  readonly deleting?: AccountState | undefined;
  /** By grant key. */
  readonly memberships: Readonly<Record<string, Membership>>;
}

export interface RoleEntry {
  readonly pk: string;
  readonly version: number;
  readonly roleId?: string | undefined;
  readonly intent?: Intent | undefined;
  /** Set once RoleProvisioned is on the bus. */
  readonly told?: true | undefined;
}

export interface Ledger {
  readAccount(pk: string): Promise<AccountEntry | undefined>;
  readRole(pk: string): Promise<RoleEntry | undefined>;
  /** Replaces an item if its version is the one before. @throws RetryableError when another run wrote it meanwhile */
  write(entry: AccountEntry | RoleEntry): Promise<void>;
}

export const accountPk = (target: string, domain: string, guid: string): string => `${target}#${domain}#${guid}`;
export const rolePk = (target: string, role: string): string => `${target}#role#${role.toLowerCase()}`;
