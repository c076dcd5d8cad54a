/**
 * Reconcile: compares all that a target holds with what the decisions say, tells of every difference, and has sync-roles heal it. It only
 * reads the target: what it saw is looked at again before anything changes there.
 */
import * as v from 'valibot';
import type { Grants } from '../../access/grants.ts';
import type { RoleMessage } from '../../access/role-message.ts';
import type { DriftKind } from '../../events/catalogue.ts';
import { type AnyIdentityEvent, eventId, makeEvent } from '../../events/identity-event.ts';
import { inChain } from '../../platform/chain.ts';
import { InvalidEventError } from '../../platform/errors.ts';
import type { Publish } from '../../platform/event-bus.ts';
import type { Log } from '../../platform/log.ts';
import { type Desired, type DriftRules, desiredAt, desiredSoFar, driftOf, type Finding } from '../drift.ts';
import type { Admission, Guard, Removal } from '../guard.ts';
import { guardEvents } from '../guard-events.ts';
import type { Ledger } from '../ledger.ts';
import type { Target } from '../target.ts';
import type { TargetSettings } from '../target-settings.ts';
import { aboutTarget } from '../target-subject.ts';
import { comparedOf, type DriftReport, driftReport, outcomeOf } from './drift-report.ts';
import { grantsKeyOf, healingOf, removalsOf, runCause } from './healing.ts';
import { formerRoles, unfinishedOf, untoldRoles } from './left-undone.ts';
import { actualOf, listMore, membersListed, nothingListed, type Progress } from './listing.ts';
import type { Mode, Run, RunState, RunStore } from './run-store.ts';

export interface ReconcileDependencies {
  readonly target: Target;
  readonly settings: Pick<TargetSettings, 'name' | 'onInactive' | 'onDeleted'>;
  readonly mode: Mode;
  readonly everyMinutes: number;
  readonly grants: Pick<Grants, 'scan'>;
  readonly guard: Pick<Guard, 'admitRun' | 'held'>;
  /** What sync-roles made: what it left undone shows at no target. */
  readonly ledger: Pick<Ledger, 'readAccount' | 'readRole'>;
  readonly runs: RunStore;
  /** Sends to the target's sync-roles; messages of one principal or role keep their order. */
  readonly send: (messages: readonly RoleMessage[]) => Promise<void>;
  readonly publish: Publish;
  readonly log: Log;
  readonly now: () => Date;
  /** Until the invocation is ended. */
  readonly millisecondsLeft: () => number;
}

/** The schedule sends nothing; a person may ask for a run at once, and for one that only reports. */
const requestSchema = v.object({ now: v.optional(v.boolean(), false), mode: v.optional(v.picklist(['heal', 'report'])) });

export interface Outcome {
  /** `continues`: the next invocation goes on. */
  readonly state: 'not-due' | 'continues' | 'completed';
  readonly run?: string;
  readonly findings?: number;
  readonly report?: readonly string[];
}

/** To compare, tell and write the report. */
const reserveMs = 60_000;
/** A run that has not come to its end by then is given up: what it listed first is too old. */
const longestRunMs = 6 * 3_600_000;
/** Decisions are made so within seconds as a rule; what was decided later than this before a run's begin may be on its way. */
const settlingMs = 120_000;

/**
 * Handles one invocation: begins a run when one is due, or goes on with the one that is under way.
 *
 * @throws InvalidEventError for a request it cannot read
 * @throws what kept it from listing the target: the next invocation goes on where it stood
 */
export async function reconcile(deps: ReconcileDependencies, request: unknown): Promise<Outcome> {
  const asked = v.safeParse(requestSchema, request ?? {});
  if (!asked.success) throw new InvalidEventError('not a request to reconcile: send {} or {"now": true, "mode": "report"}');
  const before = await deps.runs.read();
  const run = runUnderWay(deps, before) ?? nextRun(deps, before, asked.output);
  if (run === undefined) return { state: 'not-due' };
  let state = before;
  if (before?.run?.id !== run.id) {
    state = { version: (before?.version ?? 0) + 1, run, completed: before?.completed };
    await deps.runs.write(state);
    deps.log.info('RECONCILE_BEGAN', { target: deps.settings.name, run: run.id, mode: run.mode });
  }
  return await inChain(runCause(deps.settings.name, run.id).id, () => goOn(deps, run, state));
}

async function goOn(deps: ReconcileDependencies, run: Run, state: RunState | undefined): Promise<Outcome> {
  const progress = (await deps.runs.loadProgress(run)) ?? nothingListed();
  if (!(await list(deps, run, progress))) return { state: 'continues', run: run.id };
  const { findings, keys } = await conclude(deps, run, progress);
  await deps.runs.write({ version: (state?.version ?? 0) + 1, run: undefined, completed: run.id });
  return { state: 'completed', run: run.id, findings: findings.length, report: keys };
}

function runUnderWay({ now, log, settings }: ReconcileDependencies, state: RunState | undefined): Run | undefined {
  if (state?.run === undefined) return undefined;
  if (now().getTime() - Date.parse(state.run.id) <= longestRunMs) return state.run;
  log.error('RECONCILE_INCOMPLETE', {
    target: settings.name,
    run: state.run.id,
    reason: 'the target could not be listed within six hours',
  });
  return undefined;
}

function nextRun(
  { now, everyMinutes, mode }: ReconcileDependencies,
  state: RunState | undefined,
  asked: v.InferOutput<typeof requestSchema>,
): Run | undefined {
  const last = state?.completed ?? state?.run?.id;
  const due = last === undefined || state?.run !== undefined || now().getTime() - Date.parse(last) >= everyMinutes * 60_000;
  // A run that only reports is always possible; nobody makes one heal that the team set to report.
  return due || asked.now ? { id: now().toISOString(), mode: mode === 'report' ? 'report' : (asked.mode ?? mode) } : undefined;
}

async function list(deps: ReconcileDependencies, run: Run, progress: Progress): Promise<boolean> {
  let done = false;
  try {
    done = await listMore(deps.target, progress, () => deps.millisecondsLeft() > reserveMs);
    return done;
  } finally {
    if (!done) {
      await deps.runs.saveProgress(run, progress);
      const { accounts, roles } = progress;
      deps.log.info('RECONCILE_PAUSED', {
        target: deps.settings.name,
        run: run.id,
        accounts: accounts.items.length,
        roles: roles.items.length,
        rolesListed: membersListed(progress).size,
      });
    }
  }
}

async function conclude(deps: ReconcileDependencies, run: Run, progress: Progress) {
  const { settings, target, log } = deps;
  const desired = await readDesired(deps);
  const rules: DriftRules = {
    onInactive: settings.onInactive,
    onDeleted: settings.onDeleted,
    canDeactivate: target.setActive !== undefined,
    formerRoles: await formerRoles(deps, desired, progress.roles.items),
    settledBefore: new Date(Date.parse(run.id) - settlingMs).toISOString(),
  };
  const findings = driftOf(desired, actualOf(progress), rules);
  const listed = comparedOf(progress, desired.principals.size);
  // Shares are of what is ours: at a server with thousands of other users nothing would ever be a large part.
  const accounts = progress.accounts.items.filter(({ mark }) => mark !== undefined).length;
  await deps.guard.held({ memberships: listed.memberships, accounts, exactly: true });
  const removals = run.mode === 'heal' ? removalsOf(findings) : [];
  const admission: Admission = removals.length === 0 ? { admitted: true } : await deps.guard.admitRun(removals);
  const heldBack = admission.admitted ? undefined : admission.guard;
  const completedAt = deps.now().toISOString();
  const report = driftReport({ target: settings.name, run, completedAt, compared: listed, guard: heldBack }, findings);
  const keys = await deps.runs.saveReport(report);
  // Told before it is healed: the cause comes before its effect in every log.
  await deps.publish([
    ...findings.map((finding) => driftFound(deps, run, finding, heldBack !== undefined)),
    ...heldBackEvents(deps, run, findings, removals, admission),
  ]);
  await admission.told?.();
  if (run.mode === 'heal') {
    const sweep = target.sessions ? [{ sweep: 'sessions', run: run.id } as const] : [];
    const healing = healingOf(settings.name, run.id, desired, findings, heldBack === undefined);
    const unfinished = await unfinishedOf(deps, run.id, desired, rules.settledBefore, healing);
    if (unfinished.length > 0) log.warn('DECISIONS_UNFINISHED', { target: settings.name, run: run.id, principals: unfinished.length });
    const untold = await untoldRoles(deps, run.id, desired, actualOf(progress), rules.settledBefore, healing);
    await deps.send([...healing, ...unfinished, ...untold, ...sweep]);
  }
  logReport(log, report, keys);
  return { findings, keys };
}

async function readDesired({ settings, grants }: ReconcileDependencies): Promise<Desired> {
  const desired = desiredSoFar();
  let after: string | undefined;
  do {
    const page = await grants.scan(after);
    desiredAt(settings.name, page.items, desired);
    after = page.after;
  } while (after !== undefined);
  return desired;
}

function driftFound({ settings, now }: ReconcileDependencies, run: Run, finding: Finding, heldBack: boolean): AnyIdentityEvent {
  const { kind, principal, role, account, detail } = finding;
  const { domain, subject, revision } = principal ?? aboutTarget(settings.name);
  const about = [role && `role ${role}`, account && `account ${account.userName} (${account.id})`, detail].filter(Boolean).join(': ');
  return makeEvent({
    type: 'DriftFound',
    domain,
    subject,
    change: { target: settings.name, run: run.id, kind, detail: about, heal: outcomeOf(finding, run.mode, heldBack) === 'healing' },
    revision,
    at: now().toISOString(),
    id: eventId(settings.name, run.id, 0, 'DriftFound', [principal && grantsKeyOf(principal), kind, role, account?.id].join('/')),
  });
}

function heldBackEvents(
  { settings, now, log }: ReconcileDependencies,
  run: Run,
  findings: readonly Finding[],
  asked: readonly Removal[],
  admission: Admission,
): readonly AnyIdentityEvent[] {
  if (!admission.admitted && admission.tripped) {
    const { guard, limit, expiresAt } = admission.tripped;
    log.error('GUARD_TRIPPED', { target: settings.name, guard, limit, expiresAt });
  }
  const principals = new Map(findings.flatMap(({ principal }) => (principal ? [[grantsKeyOf(principal), principal] as const] : [])));
  const cause = runCause(settings.name, run.id);
  const refused = admission.admitted ? [] : (admission.refused ?? []);
  const [at, removals] = [now().toISOString(), asked.filter(({ key }) => !refused.includes(key))];
  return removals.flatMap((removal, index) => {
    const about = principals.get(removal.key) ?? aboutTarget(settings.name);
    // What is told of the guard itself is told once.
    const told = index === 0 ? admission : { ...admission, tripped: undefined, released: undefined };
    return guardEvents(settings.name, about, removal, told, cause, at);
  });
}

function logReport(log: Log, report: DriftReport, keys: readonly string[]): void {
  const { target, run, mode, compared, findings, guard } = report;
  const kinds: Partial<Record<DriftKind, number>> = {};
  for (const { kind } of findings) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const needPerson = findings.filter(({ outcome }) => outcome === 'needs-person').length;
  log.info('RECONCILED', { target, run, mode, ...compared, findings: findings.length, kinds, guard, report: keys[0] });
  if (needPerson > 0) log.warn('DRIFT_NEEDS_PERSON', { target, run, findings: needPerson, report: keys[0] });
}
