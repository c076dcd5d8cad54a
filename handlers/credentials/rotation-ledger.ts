/**
 * What rotate-credential notes of each credential: which change of a password is its own, and which one may or may not have reached the
 * directory. It holds ids and times, never a value.
 */
import type { AnyIdentityEvent } from '../events/identity-event.ts';
import type { CredentialSettings } from './credential-settings.ts';

/** A change that was about to be made: the directory may have taken the version's password. */
export interface Attempt {
  readonly version: string;
  /** objectGUID of the account. */
  readonly guid: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface RotationEntry {
  readonly name: string;
  /** Counts writes, from 1. */
  readonly version: number;
  /** The last rotation that ended: the store's id of what is current since, and when. */
  readonly rotated?: { readonly version: string; readonly at: string } | undefined;
  readonly attempt?: Attempt | undefined;
  /** pwdLastSet that belongs to the stored password, by the account's objectGUID; ISO 8601. */
  readonly known: Readonly<Record<string, string>>;
  /** The current version that the directory refused when it was checked, and when: it is not tried again every hour, which would lock the account. */
  readonly refused?: { readonly version: string; readonly at: string } | undefined;
  /** What happened and is not on the bus yet. */
  readonly untold?: readonly AnyIdentityEvent[] | undefined;
}

export interface RotationLedger {
  /** All credentials of the function. @throws ConfigurationError when an item is none */
  settings(): Promise<readonly CredentialSettings[]>;
  read(name: string): Promise<RotationEntry>;
  /** Replaces an entry if its version is the one before. @throws RetryableError when another run wrote it meanwhile */
  write(entry: RotationEntry): Promise<void>;
}

export const newEntry = (name: string): RotationEntry => ({ name, version: 0, known: {} });
