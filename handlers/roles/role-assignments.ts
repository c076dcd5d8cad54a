/**
 * Assignments of a role's group: asked for, noted, and followed until they are made or removed. That takes the target seconds to minutes, so
 * what is under way near the end of the time is left to the next run, which asks about the noted request.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Assignment } from '../events/catalogue.ts';
import { RetryableError } from '../platform/errors.ts';
import { type AssignmentEntry, assignmentKey, withFormer } from './ledger.ts';
import { changeRole, type KnownRole, type RoleGroupDependencies } from './role-groups.ts';
import { type Assignments, TargetConflictError } from './target.ts';

export interface AssignmentDependencies extends RoleGroupDependencies {
  readonly wait: (milliseconds: number) => Promise<void>;
  /** Until the invocation is ended. */
  readonly millisecondsLeft: () => number;
}

/** To tell what was done and write it down. */
const reserveMs = 20_000;
/** Between two questions about what is under way: short at first, because most are done within seconds. */
const pauses = { first: 500, most: 4_000 };
/** Asked for at a time. The target's budget lets 15 be under way: those who wait for a place must not keep us from seeing ours end. */
const atOnce = 10;

export interface Settled {
  /** Made or removed by now, in this order, and not noted as told; also what interrupted runs did the other way before. */
  readonly settled: readonly AssignmentEntry[];
  /** What kept others from it. */
  readonly failure?: Error | undefined;
}

type Way = 'create' | 'remove';
const states = { create: 'making', remove: 'removing' } as const;
const otherWay = { create: 'remove', remove: 'create' } as const;

/** An assignment on its way. `own` when this run asked for it. */
interface OnItsWay {
  entry: AssignmentEntry;
  own: boolean;
}

/**
 * Makes sure that the role has these assignments, or has them no more. What the ledger knows as made costs no call.
 *
 * Failures are no throw but `failure`, so that the rest is told: TargetConflictError with the target's reason; RetryableError for what is
 * still under way.
 */
export async function settleAssignments(
  deps: AssignmentDependencies,
  role: KnownRole,
  wanted: readonly Assignment[],
  way: Way,
): Promise<Settled> {
  const due = wanted.filter((assignment) => way === 'remove' || role.assignments?.[assignmentKey(assignment)]?.state !== 'made');
  if (due.length === 0) return { settled: [] };
  const { assignments } = deps.target;
  if (assignments === undefined) return { settled: [], failure: noAssignments(deps.target.name, due) };
  const settled: AssignmentEntry[] = [];
  let failure: Error | undefined;
  let onTheirWay: readonly OnItsWay[] = [];
  try {
    onTheirWay = await note(deps, assignments, role, due, way);
    for (let pause = pauses.first; onTheirWay.length > 0; pause = Math.min(2 * pause, pauses.most)) {
      const left: OnItsWay[] = [];
      for (const one of onTheirWay) {
        const isNext = one.entry.request !== undefined || left.length < atOnce;
        try {
          if (isNext && (await goOn(deps, assignments, role, one, way))) settled.push(...withFormer(one.entry));
          else left.push(one);
        } catch (error) {
          if (!(error instanceof TargetConflictError)) throw error;
          failure ??= error;
          // What was done before is so again.
          settled.push(...withFormer(one.entry.former));
        }
      }
      onTheirWay = left;
      if (left.length === 0) break;
      if (deps.millisecondsLeft() < reserveMs) throw underWay(role, left, way);
      await deps.wait(pause);
    }
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  return { settled, failure };
}

/** Notes what is about to be asked for; what another run noted before stays as it is. */
async function note(
  deps: AssignmentDependencies,
  assignments: Assignments,
  role: KnownRole,
  due: readonly Assignment[],
  way: Way,
): Promise<readonly OnItsWay[]> {
  const done = new Map<string, { readonly entry: AssignmentEntry; readonly wasDone: boolean }>();
  for (const { key, entry } of opposite(role, due, way))
    done.set(key, { entry, wasDone: await wasDone(deps, assignments, role, entry, otherWay[way]) });
  const since = deps.now().toISOString();
  const noted = await changeRole(deps.ledger, role.pk, (entry) => {
    if (entry?.roleId !== role.roleId) return undefined;
    const next = { ...entry.assignments };
    let changed = false;
    for (const assignment of due) {
      const key = assignmentKey(assignment);
      const before = next[key];
      const known = done.get(key);
      const isKnown = known !== undefined && isDeepStrictEqual(known.entry, before);
      const after = begun({ assignment, state: states[way], since }, before, way, isKnown ? known.wasDone : undefined);
      if (after === before) continue;
      if (after === undefined) delete next[key];
      else next[key] = after;
      changed = true;
    }
    return changed ? { ...entry, assignments: next } : undefined;
  });
  if (noted?.roleId !== role.roleId)
    throw new RetryableError(`role ${role.pk} was made anew by another run meanwhile: its assignments follow`);
  return due.flatMap((assignment) => {
    const entry = noted.assignments?.[assignmentKey(assignment)];
    return entry?.state === states[way] ? [{ entry, own: false }] : [];
  });
}

/** The entry that asks for it. @param wasDone what the entry before asks for, the other way; undefined when it is not the one of a moment ago */
function begun(
  fresh: AssignmentEntry,
  before: AssignmentEntry | undefined,
  way: Way,
  wasDone: boolean | undefined,
): AssignmentEntry | undefined {
  if (before === undefined) return fresh;
  if (before.state === 'made') return way === 'create' ? before : fresh;
  if (before.state === states[way]) return before;
  if (wasDone === undefined) throw changedMeanwhile(fresh.assignment);
  return wasDone ? { ...fresh, former: before } : undone(before);
}

/** What it was before, where it was not done. What could not be removed is there as before. */
const undone = ({ assignment, state, since, former }: AssignmentEntry): AssignmentEntry | undefined =>
  former ?? (state === 'removing' ? { assignment, state: 'made', since } : undefined);

const opposite = (role: KnownRole, due: readonly Assignment[], way: Way) =>
  due.flatMap((assignment) => {
    const key = assignmentKey(assignment);
    const entry = role.assignments?.[key];
    return entry?.state === states[otherWay[way]] ? [{ key, entry }] : [];
  });

/** What is under way the other way has to end first: the target refuses both at once. Where its end is not known any more, the target is looked at. */
async function wasDone(
  deps: AssignmentDependencies,
  assignments: Assignments,
  role: KnownRole,
  { assignment, request }: AssignmentEntry,
  way: Way,
): Promise<boolean> {
  if (request !== undefined && (await outlast(deps, assignments, request, way)) === 'done') return true;
  const listed = await assignments.list(role.roleId);
  const isThere = listed.some((one) => assignmentKey(one) === assignmentKey(assignment));
  if (way === 'create') return isThere;
  if (!isThere) return true;
  if (request !== undefined) return false;
  // It may be on its way all the same, and would take away what is called made: it is ended, and made anew.
  const asked = await assignments.remove(role.roleId, assignment);
  return asked === undefined || (await outlast(deps, assignments, asked, way)) === 'done';
}

async function outlast(deps: AssignmentDependencies, assignments: Assignments, request: string, way: Way): Promise<'done' | 'failed'> {
  for (let pause = pauses.first; ; pause = Math.min(2 * pause, pauses.most)) {
    const { state } = await assignments.state(request, way);
    if (state !== 'under-way') return state;
    if (deps.millisecondsLeft() < reserveMs) throw new RetryableError(`request ${request} is still under way: the next run asks again`);
    await deps.wait(pause);
  }
}

/** Asks for the assignment, or about it. @returns whether it has come to its end @throws TargetConflictError when that is a failure */
async function goOn(deps: AssignmentDependencies, assignments: Assignments, role: KnownRole, one: OnItsWay, way: Way): Promise<boolean> {
  const { assignment, request } = one.entry;
  if (request !== undefined) {
    const { state, reason } = await assignments.state(request, way);
    if (state === 'under-way') return false;
    if (state === 'done') return true;
    if (one.own) {
      await forget(deps, role, one);
      throw failed(assignment, way, reason);
    }
    // What an earlier run asked for may have failed long ago, or be forgotten there: it is asked for once more.
    await noteRequest(deps, role, one, undefined);
    return false;
  }
  await stillNoted(deps, role, one);
  try {
    const started = await assignments[way](role.roleId, assignment);
    if (started === undefined) return true;
    one.own = true;
    await noteRequest(deps, role, one, started);
    return false;
  } catch (error) {
    if (error instanceof TargetConflictError) await forget(deps, role, one);
    throw error;
  }
}

/** While it waited for its turn another run may have done the opposite. @throws RetryableError */
async function stillNoted({ ledger }: AssignmentDependencies, role: KnownRole, { entry }: OnItsWay): Promise<void> {
  const noted = (await ledger.readRole(role.pk))?.assignments?.[assignmentKey(entry.assignment)];
  if (noted?.state !== entry.state || noted.since !== entry.since) throw changedMeanwhile(entry.assignment);
}

async function noteRequest(deps: AssignmentDependencies, role: KnownRole, one: OnItsWay, request: string | undefined): Promise<void> {
  one.entry = { ...one.entry, request };
  await changeAssignment(deps, role, one, one.entry);
}

/** Nothing is on its way any more. */
const forget = (deps: AssignmentDependencies, role: KnownRole, one: OnItsWay): Promise<void> =>
  changeAssignment(deps, role, one, undone(one.entry));

async function changeAssignment(
  { ledger }: AssignmentDependencies,
  role: KnownRole,
  { entry: { assignment, since } }: OnItsWay,
  next: AssignmentEntry | undefined,
): Promise<void> {
  const key = assignmentKey(assignment);
  await changeRole(ledger, role.pk, (entry) => {
    if (entry?.roleId !== role.roleId || entry.assignments?.[key]?.since !== since) return undefined;
    const { [key]: _, ...others } = entry.assignments;
    return { ...entry, assignments: next === undefined ? others : { ...others, [key]: next } };
  });
}

const changedMeanwhile = (assignment: Assignment): RetryableError =>
  new RetryableError(`${called(assignment)} was changed by another run meanwhile: it is looked at again`);

const called = ({ account, permissionSet }: Assignment) => `${permissionSet} in account ${account}`;

function failed(assignment: Assignment, way: Way, reason: string | undefined): TargetConflictError {
  return new TargetConflictError(
    `the assignment of ${called(assignment)} could not be ${way === 'create' ? 'made' : 'removed'}: ${reason ?? 'no reason is given'}`,
    'mend what the reason names; it is tried again',
  );
}

const noAssignments = (target: string, [first]: readonly Assignment[]): TargetConflictError =>
  new TargetConflictError(
    `roles at ${target} bring no access to AWS accounts, and one is to bring ${first ? called(first) : 'some'}`,
    "name the instance, accounts and permission sets in the target's settings, or map to a role without assignments",
  );

function underWay(role: KnownRole, left: readonly OnItsWay[], way: Way): RetryableError {
  const names = left.map(({ entry }) => called(entry.assignment)).join(', ');
  return new RetryableError(
    `assignments of ${role.pk} are not ${way === 'create' ? 'made' : 'removed'} yet: ${names}; the next run asks again`,
  );
}
