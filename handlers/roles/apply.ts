/** Carries out a plan at a target and says what was done. Every step may be repeated after a crash at any point. */
import type { PrincipalGrants } from '../access/grants.ts';
import type { AnyIdentityEvent, Cause } from '../events/identity-event.ts';
import type { AccountEntry } from './ledger.ts';
import type { Plan } from './plan.ts';
import type { KnownRole, RoleGroupDependencies } from './role-groups.ts';
import { RoleRun } from './role-run.ts';
import { type Mark, TargetConflictError, TargetMissingError } from './target.ts';

export type ApplyDependencies = RoleGroupDependencies;

export interface Applied {
  /** The ledger's item to write once the events are out. */
  readonly entry: AccountEntry;
  /** What was done, also before a failure. */
  readonly events: readonly AnyIdentityEvent[];
  /** Roles that the events tell of for the first time; to be noted as told once they are out. */
  readonly untoldRoles: readonly KnownRole[];
  /** What kept a step from being done; the entry's revision then stays behind, and the next run goes on. */
  readonly failure?: unknown;
}

/** The ledger's item with the account as it is, where an interrupted run was making or deleting it. */
export async function recover({ target }: ApplyDependencies, desired: PrincipalGrants, made: AccountEntry | undefined) {
  if (made === undefined || (made.intent === undefined && made.deleting === undefined)) return made;
  const mark: Mark = { domain: desired.domain, guid: desired.subject.guid };
  try {
    return { ...made, account: await target.findAccount(mark, desired.profile, made.intent) };
  } catch (error) {
    if (error instanceof TargetConflictError) return made; // what is in the way is not ours: the steps below meet it where it matters
    throw error;
  }
}

/**
 * Applies a plan: revocations, then the account, then grants. What is about to change is noted in the ledger first.
 *
 * Errors are no throw but `failure`, so that what was done until then is told and written down: TargetConflictError,
 * TargetMissingError, and the target's and the ledger's own.
 */
export async function apply(
  deps: ApplyDependencies,
  desired: PrincipalGrants,
  made: AccountEntry | undefined,
  steps: Plan,
  cause: Cause,
): Promise<Applied> {
  const run = new RoleRun(deps, desired, made, cause);
  try {
    await run.revoke(steps.revoke);
    await run.settleAccount(steps);
    const conflict = await run.grant(steps.grant);
    return { ...outcome(run, conflict !== undefined), ...(conflict ? { failure: conflict } : {}) };
  } catch (failure) {
    if (failure instanceof TargetMissingError && failure.missing === 'account') run.forgetAccount();
    return { ...outcome(run, true), failure };
  }
}

const outcome = (run: RoleRun, failed: boolean) => ({ entry: run.entry(failed), events: run.events, untoldRoles: run.untoldRoles });
