/** Where a target's guard keeps its state, and each removal that it was asked for. The port; `dynamodb-guard.ts` is the grants table. */
import { createHash } from 'node:crypto';
import type { TargetAccount } from '../events/catalogue.ts';
import type { Removal } from './guard.ts';
import { dayMs, type GuardState } from './guard-limits.ts';

export interface GuardStore {
  /**
   * The state, consistent. `version` 0: none was written yet.
   *
   * @throws RetryableError when a later release of this project wrote it
   */
  read(): Promise<KeptState>;
  /** Replaces the state if it is still of that version. @returns false when another run came first */
  replace(version: number, state: GuardState): Promise<boolean>;
  /** Adds to what the target holds, or sets it. */
  hold(change: { readonly memberships: number; readonly accounts: number; readonly exactly?: true }): Promise<void>;
  readRemoval(key: string): Promise<KeptRemoval | undefined>;
  /** Writes the removal if it is still of the version before. @returns false when another run came first */
  writeRemoval(removal: KeptRemoval): Promise<boolean>;
  /** Removals that this guard held back, whatever became of them, consistent; those staged first come first. */
  removalsOf(guard: string): Promise<readonly KeptRemoval[]>;
  /** What a decision covers: fingerprints of removals. It never changes once written. */
  writeSeen(decision: string, seen: readonly string[]): Promise<void>;
  readSeen(decision: string): Promise<ReadonlySet<string>>;
}

export interface KeptState {
  readonly version: number;
  readonly state: GuardState;
  readonly held: { readonly memberships: number; readonly accounts: number };
}

/** A removal that a guard was asked for. */
export interface KeptRemoval {
  readonly key: string;
  /** Counts the writes, from 1. */
  readonly version: number;
  readonly outcome: 'admitted' | 'staged' | 'approved' | 'rejected';
  readonly revision: number;
  readonly name: string;
  readonly roles: readonly { readonly role: string; readonly mapping: string }[];
  readonly revocations: number;
  readonly accounts: 0 | 1;
  readonly account?: TargetAccount | undefined;
  /** When it was admitted or staged, ISO 8601. */
  readonly at: string;
  /** Until when a person's word on it holds, ISO 8601. */
  readonly until?: string | undefined;
  /** The guard that held it back. */
  readonly guard?: string | undefined;
  /** RevocationStaged is on the bus. */
  readonly told?: boolean | undefined;
}

export const stagedFirst = (one: KeptRemoval, other: KeptRemoval): number =>
  one.at === other.at ? compare(one.key, other.key) : compare(one.at, other.at);

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** The removal as it is kept, the first time or in place of what was kept under its key. */
export const keptRemoval = (
  { key, revision, name, revoke, revocations, accounts, account }: Removal,
  before: KeptRemoval | undefined,
  outcome: KeptRemoval['outcome'],
  at: string,
  guard?: string,
): KeptRemoval => ({
  key,
  version: (before?.version ?? 0) + 1,
  outcome,
  revision,
  name,
  roles: revoke.map(({ role, mapping }) => ({ role, mapping })),
  revocations,
  accounts,
  ...(account === undefined ? {} : { account }),
  at,
  ...(guard === undefined ? {} : { guard }),
});

/** What a removal is that a person decides on: its outcome changes, this does not. */
export const fingerprint = ({ key, revision, name, roles, revocations, accounts, at }: KeptRemoval): string =>
  createHash('sha256')
    .update(JSON.stringify([key, revision, name, roles.map(({ role, mapping }) => [role, mapping]).sort(), revocations, accounts, at]))
    .digest('base64url')
    .slice(0, 22);

/** What was decided before about a removal that is asked for. */
export type Standing = 'admitted' | 'approved' | 'staged' | 'rejected' | undefined;

/**
 * What is kept under its key says nothing about a removal that takes more, or comes from a later decision than the one refused.
 *
 * @param waits whether what was staged, as it is kept, still waits for a person
 */
export function standing(kept: KeptRemoval | undefined, removal: Removal, waits: (kept: KeptRemoval) => boolean, now: Date): Standing {
  if (kept === undefined) return undefined;
  const { outcome, revision } = kept;
  const holds = kept.until === undefined || now.getTime() < Date.parse(kept.until);
  if (outcome === 'rejected') return holds && removal.revision <= revision ? 'rejected' : undefined;
  if (!covers(kept, removal)) return undefined;
  if (outcome === 'admitted') return revision === removal.revision && now.getTime() < Date.parse(kept.at) + dayMs ? 'admitted' : undefined;
  if (outcome === 'approved') return holds ? 'approved' : undefined;
  return waits(kept) ? 'staged' : undefined;
}

/** No role that was not named, and no more than was counted. Where a run named no roles, its count is good for its own revision. */
function covers(kept: KeptRemoval, { revision, revoke, revocations, accounts }: Removal): boolean {
  const named = new Set(kept.roles.map(({ role }) => role.toLowerCase()));
  const roles = kept.roles.length === 0 ? kept.revision === revision : revoke.every(({ role }) => named.has(role.toLowerCase()));
  return roles && kept.revision <= revision && revocations <= kept.revocations && accounts <= kept.accounts;
}
