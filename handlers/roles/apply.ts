/** Carries out a plan at a target and says what was done. Every step may be repeated after a crash at any point. */
import type { Profile } from '../access/grants.ts';
import type { AnyIdentityEvent } from '../events/identity-event.ts';
import { tellGone } from './account-deletion.ts';
import { settleAccount } from './account-steps.ts';
import { beginEnding, endAccess } from './deprovisioning.ts';
import type { AccountEntry } from './ledger.ts';
import { assign, expel, grant, noteRemovals, revoke } from './membership-steps.ts';
import type { Plan, Wanted } from './plan.ts';
import type { AssignmentDependencies } from './role-assignments.ts';
import type { RoleNews } from './role-groups.ts';
import { RoleRun, type RunStart } from './role-run.ts';
import { type Mark, TargetConflictError, TargetMissingError } from './target.ts';

export type ApplyDependencies = AssignmentDependencies;

export interface Applied {
  /** The ledger's item to write once the events are out. */
  readonly entry: AccountEntry;
  /** What was done, also before a failure. */
  readonly events: readonly AnyIdentityEvent[];
  /** What the events tell of roles; to be noted as told once they are out. */
  readonly news: readonly RoleNews[];
  /** What kept a step from being done; the entry's revision then stays behind, and the next run goes on. */
  readonly failure?: unknown;
}

export interface Application extends RunStart {
  readonly steps: Plan;
  /** The guard that holds back what is left out of the steps. */
  readonly heldBack?: string | undefined;
  /** The item is not as it was read: it is noted before anything is done. @default false */
  readonly corrected?: boolean | undefined;
}

/** The ledger's item with the account as it is, where an interrupted run was making or deleting it. */
export async function recover({ target }: ApplyDependencies, { domain, subject, profile }: Wanted, made: AccountEntry | undefined) {
  if (made === undefined || (made.intent === undefined && made.deleting === undefined)) return made;
  const mark: Mark = { domain, guid: subject.guid };
  const known = profile ?? made.account?.profile ?? made.deleting?.profile ?? anyProfile(made.intent?.userName ?? subject.guid);
  try {
    const found = await target.findAccount(mark, known, made.intent);
    // One that is there still is as it was told last: what of it is not told is known from there.
    return { ...made, account: found?.id === made.account?.id ? made.account : found };
  } catch (error) {
    if (error instanceof TargetConflictError) return made; // what is in the way is not ours: the steps below meet it where it matters
    throw error;
  }
}

/** Where a decision gives no profile for the target: the account is found by its mark. */
export const anyProfile = (userName: string): Profile => ({ userName, displayName: userName, givenName: userName, familyName: userName });

/**
 * Applies a plan: what ends, then the account, then grants and what they bring. What is about to change is noted in the ledger first.
 *
 * Errors are no throw but `failure`, so that what was done until then is told and written down: TargetConflictError,
 * TargetMissingError, RetryableError for what is under way, and the target's and the ledger's own.
 */
export async function apply({ steps, heldBack, corrected = false, ...start }: Application): Promise<Applied> {
  const run = new RoleRun(start);
  let failure: unknown;
  try {
    const ends = beginEnding(run, steps);
    await noteRemovals(run, steps, corrected || ends);
    await revoke(run, steps.revoke);
    await tellGone(run);
    await expel(run, steps.expel);
    await endAccess(run, steps);
    await settleAccount(run, steps);
    const conflict = await grant(run, steps.grant);
    failure = (await assign(run, steps.assign)) ?? undefined;
    failure = conflict ?? failure;
    if (failure === undefined) run.healed({ failed: false, heldBack });
  } catch (error) {
    if (error instanceof TargetMissingError && error.missing === 'account') run.forgetAccount();
    failure = error;
  }
  const entry = run.entry({ failed: failure !== undefined, heldBack });
  return { entry, events: run.events, news: run.news, ...(failure === undefined ? {} : { failure }) };
}
