/**
 * What rotate-credential notes of each credential: which change of a password is its own, and which one may or may not have reached the
 * directory. It holds ids, names and times, never a value.
 */
import type { RotationReason, Subject } from '../events/catalogue.ts';
import { type AnyIdentityEvent, type Cause, eventId } from '../events/identity-event.ts';
import type { CredentialSettings } from './credential-settings.ts';

/** What was found before a version becomes current. */
export interface Proof {
  /** Domain controllers that took the password, and those that did not answer. */
  readonly tested: readonly string[];
  readonly unreachable: readonly string[];
  readonly differences: readonly string[];
}

/** A change that was about to be made: the directory may have taken the version's password. */
export interface Attempt {
  readonly version: string;
  readonly subject: Subject;
  /** ISO 8601. */
  readonly since: string;
  /** The directory's own time of the change, once it is known to be made, as far as it may be read. */
  readonly passwordLastSet?: string | undefined;
  readonly proof?: Proof | undefined;
}

/** A rotation that somebody or something asked for, apart from the schedule. */
export interface RotationRequest {
  readonly version: string;
  readonly reason: RotationReason;
  readonly cause?: Cause | undefined;
}

export interface RotationEntry {
  readonly name: string;
  /** Counts writes, from 1. */
  readonly version: number;
  /** When the credential was seen first, ISO 8601. */
  readonly since?: string | undefined;
  /** The last rotation that ended: the store's id of what is current since, when it ended, when the directory was about to be changed, and why. */
  readonly rotated?:
    | { readonly version: string; readonly at: string; readonly since?: string | undefined; readonly reason?: RotationReason | undefined }
    | undefined;
  readonly request?: RotationRequest | undefined;
  readonly attempt?: Attempt | undefined;
  /** pwdLastSet that belongs to the stored password, by the account's objectGUID; ISO 8601. */
  readonly known: Readonly<Record<string, string>>;
  /** The current version that the directory refused when it was checked, and when: it is not tried again every hour, which would lock the account. */
  readonly refused?: { readonly version: string; readonly at: string } | undefined;
  /** Versions of which the directory took none when a rotation began, when and why: they are not tried again for a day. */
  readonly untaken?:
    | { readonly versions: readonly string[]; readonly at: string; readonly reason: string; readonly remedy: string }
    | undefined;
  /** Id of the failure that was told last: a check finds the same one every hour. */
  readonly failure?: string | undefined;
  /** What happened and is not on the bus yet. */
  readonly untold?: readonly AnyIdentityEvent[] | undefined;
}

/** An attempt in its first minutes is somebody's who is at it. */
export const isUnderWay = ({ since }: Attempt, now: Date): boolean => now.getTime() - Date.parse(since) < 15 * 60_000;

export interface RotationLedger {
  /** All credentials of the function. @throws ConfigurationError when an item is none */
  settings(): Promise<readonly CredentialSettings[]>;
  /** Of a credential that nothing was noted of: version 0. */
  read(name: string): Promise<RotationEntry>;
  /** Replaces an entry if its version is the one before. @throws RetryableError when another run wrote it meanwhile */
  write(entry: RotationEntry): Promise<void>;
}

export const newEntry = (name: string): RotationEntry => ({ name, version: 0, known: {} });

/** Id of the version of a rotation that has a reason of its own: asked for again, it is the same one. */
export const requestedVersion = (name: string, reason: string): string => eventId(name, 'rotation', 0, 'CredentialRotated', reason);
