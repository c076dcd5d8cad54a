/** The report of one run: what reconcile compared, what differs, and what becomes of it. */
import type { DriftKind } from '../../events/catalogue.ts';
import type { Finding } from '../drift.ts';
import { membersListed, type Progress } from './listing.ts';
import type { Mode, Run } from './run-store.ts';

/** `healing`: sync-roles has been told; `reported`: the run only reports; `held-back`: a guard waits for an approval; `needs-person`: nobody heals it by itself. */
export type Outcome = 'healing' | 'reported' | 'held-back' | 'needs-person';

export interface ReportedFinding {
  readonly kind: DriftKind;
  readonly principal?: { readonly name: string; readonly dn: string; readonly guid: string; readonly domain: string } | undefined;
  readonly role?: string | undefined;
  readonly account?: { readonly id: string; readonly userName: string } | undefined;
  readonly detail: string;
  readonly outcome: Outcome;
}

export interface DriftReport {
  readonly version: 1;
  readonly target: string;
  readonly run: string;
  readonly mode: Mode;
  readonly completedAt: string;
  /** What was compared. */
  readonly compared: {
    readonly principals: number;
    readonly accounts: number;
    readonly roles: number;
    readonly memberships: number;
    readonly assignments: number;
  };
  /** The guard that holds removals back. */
  readonly guard?: string | undefined;
  readonly findings: readonly ReportedFinding[];
}

export function comparedOf(progress: Progress, principals: number): DriftReport['compared'] {
  const count = (lists: Iterable<readonly unknown[]>) => [...lists].reduce((sum, { length }) => sum + length, 0);
  return {
    principals,
    accounts: progress.accounts.items.length,
    roles: progress.roles.items.length,
    memberships: count(membersListed(progress).values()),
    assignments: count(Object.values(progress.assignments)),
  };
}

export function driftReport(
  { target, run, completedAt, compared, guard }: Pick<DriftReport, 'target' | 'completedAt' | 'guard' | 'compared'> & { readonly run: Run },
  findings: readonly Finding[],
): DriftReport {
  return {
    version: 1,
    target,
    run: run.id,
    mode: run.mode,
    completedAt,
    compared,
    ...(guard === undefined ? {} : { guard }),
    findings: findings.map((finding) => reported(finding, outcomeOf(finding, run.mode, guard !== undefined))),
  };
}

export function outcomeOf({ kind, healable, removes }: Finding, mode: Mode, heldBack: boolean): Outcome {
  // An empty group is no harm, and to be seen all the same: its assignments wait for the next who holds the role.
  if (kind === 'role-unused') return 'reported';
  if (!healable) return 'needs-person';
  if (mode === 'report') return 'reported';
  return heldBack && removes > 0 ? 'held-back' : 'healing';
}

function reported({ kind, principal, role, account, detail }: Finding, outcome: Outcome): ReportedFinding {
  return {
    kind,
    ...(principal === undefined
      ? {}
      : {
          principal: {
            name: principal.subject.name,
            dn: principal.subject.dn,
            guid: principal.subject.guid,
            domain: principal.domain,
          },
        }),
    ...(role === undefined ? {} : { role }),
    ...(account === undefined ? {} : { account }),
    detail,
    outcome,
  };
}
