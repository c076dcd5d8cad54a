/**
 * Heals one role at the target: its name, its members that are none of ours, and what it brings. Everything is looked at again, because what
 * reconcile saw is old; what was made since then is not judged by it.
 */
import type { RoleDriftMessage } from '../access/role-message.ts';
import type { Assignment, DriftKind } from '../events/catalogue.ts';
import { RetryableError } from '../platform/errors.ts';
import type { Guard, Removal } from './guard.ts';
import { type AssignmentEntry, assignmentKey, type DriftNote, type RoleEntry, rolePk } from './ledger.ts';
import { stillMember } from './membership-steps.ts';
import { type AssignmentDependencies, type Settled, settleAssignments } from './role-assignments.ts';
import { changeRole, forgetRole, type KnownRole } from './role-groups.ts';
import { type Target, TargetConflictError } from './target.ts';

export interface RoleHealingDependencies extends AssignmentDependencies {
  readonly guard: Pick<Guard, 'admit'>;
}

type Finding = DriftNote['found'][number];

/** How the role differs, and what it takes to heal it. */
export interface RoleDrift {
  readonly role: KnownRole;
  readonly found: readonly Finding[];
  readonly renamed: boolean;
  /** Membership ids of accounts that are none of ours. */
  readonly strangers: Readonly<Record<string, string>>;
  readonly missing: readonly Assignment[];
  readonly extra: readonly Assignment[];
}

/**
 * Looks at the role again.
 *
 * @returns undefined when the role is gone: it is forgotten, so that the next grant makes it anew
 * @throws TargetConflictError when a role of that name is not ours
 */
export async function lookAtRole(deps: RoleHealingDependencies, message: RoleDriftMessage): Promise<RoleDrift | undefined> {
  const { target, ledger } = deps;
  const pk = rolePk(target.name, message.role);
  const entry = await ledger.readRole(pk);
  const roleId = await findOwn(deps, message.role, entry);
  if (roleId === undefined) {
    if (entry?.roleId !== undefined) await forgetRole(deps, { ...entry, roleId: entry.roleId });
    return undefined;
  }
  const known = isOwn(entry, roleId)
    ? entry
    : await changeRole(ledger, pk, (before) =>
        before?.roleId === roleId ? { ...before, unmarked: undefined } : { roleId, drift: before?.drift },
      );
  const role = { ...(known ?? { pk, version: 0 }), roleId };
  const found: Finding[] = [];
  const find = (kind: DriftKind, detail: string) => void found.push({ kind, detail });

  const renamed = message.drift.kinds.includes('role-renamed');
  if (renamed) find('role-renamed', `"${message.role}" had another name`);
  const strangers: Record<string, string> = { ...role.expelling };
  for (const accountId of message.extraMembers) {
    if (strangers[accountId] !== undefined) continue;
    const membershipId = await target.findMember(roleId, accountId);
    if (membershipId === undefined || (await carriesMark(target, accountId))) continue;
    strangers[accountId] = membershipId;
    find('membership-extra', `account ${accountId} was a member of "${message.role}"`);
  }
  const { missing, extra } = await compareAssignments(deps, role, message);
  for (const one of missing)
    if (!isHalfDone(role.assignments?.[assignmentKey(one)])) find('assignment-missing', `${message.role}: ${assignmentKey(one)}`);
  for (const one of extra)
    if (!isHalfDone(role.assignments?.[assignmentKey(one)])) find('assignment-extra', `${message.role}: ${assignmentKey(one)}`);
  return { role, found, renamed, strangers, missing, extra };
}

/** Nothing differs, and no interrupted run left anything to do or to tell. */
export const isHealed = ({ role, found, strangers, missing, extra }: RoleDrift): boolean =>
  role.drift === undefined && [found, Object.keys(strangers), missing, extra].every((all) => all.length === 0);

const isOwn = (entry: RoleEntry | undefined, roleId: string): entry is RoleEntry => entry?.roleId === roleId && !entry.unmarked;

/** @throws TargetConflictError when a group of that name is not ours, any more or at all: nobody is put into it from then on */
async function findOwn({ target, ledger }: RoleHealingDependencies, role: string, entry: RoleEntry | undefined) {
  try {
    return await target.findRole(role, entry?.intent);
  } catch (error) {
    if (error instanceof TargetConflictError && entry?.roleId !== undefined && !entry.unmarked)
      await changeRole(ledger, entry.pk, (before) => (before?.roleId === entry.roleId ? { ...before, unmarked: true } : undefined));
    throw error;
  }
}

/** What a principal of ours holds is for its own message to heal; whose mark no decision knows, perhaps another environment's. */
const carriesMark = async (target: Target, accountId: string): Promise<boolean> =>
  (await target.readAccount(accountId))?.mark !== undefined;

async function compareAssignments(
  { target }: RoleHealingDependencies,
  { roleId, assignments: noted = {} }: KnownRole,
  { assignments: wanted, cause, drift: { kinds } }: RoleDriftMessage,
): Promise<Pick<RoleDrift, 'missing' | 'extra'>> {
  if (target.assignments === undefined) return { missing: [], extra: [] };
  const actual = await target.assignments.list(roleId);
  const [there, due] = [keysOf(actual), keysOf(wanted)];
  const isNew = (one: Assignment) => {
    const entry = noted[assignmentKey(one)];
    return entry !== undefined && entry.state !== 'removing' && cause.detectedAt !== undefined && entry.since >= cause.detectedAt;
  };
  // What interrupted runs removed may be gone by now, and is not told yet.
  const left = Object.values(noted).flatMap((entry) => (tookAway(entry) ? [entry.assignment] : []));
  const extra = [...actual, ...left.filter((one) => !there.has(assignmentKey(one)))];
  const [missingFound, extraFound] = [kinds.includes('assignment-missing'), kinds.includes('assignment-extra')];
  return {
    missing: wanted.filter((one) => (missingFound && !there.has(assignmentKey(one))) || isHalfDone(noted[assignmentKey(one)])),
    // Only what was found, and what was begun: the guard was asked for no more.
    extra: extra.filter((one) => !due.has(assignmentKey(one)) && !isNew(one) && (extraFound || tookAway(noted[assignmentKey(one)]))),
  };
}

/** A removal is begun, or was done before it was made again, and is not told. */
const tookAway = (entry: AssignmentEntry | undefined): boolean => entry?.state === 'removing' || entry?.former?.state === 'removing';
const isHalfDone = (entry: AssignmentEntry | undefined): boolean => entry !== undefined && entry.state !== 'made';
const keysOf = (assignments: readonly Assignment[]): ReadonlySet<string> => new Set(assignments.map(assignmentKey));

/** @returns undefined when nothing is taken away that was not admitted before */
export function roleRemovalOf(message: RoleDriftMessage, { role, strangers, extra }: RoleDrift): Removal | undefined {
  const members = Object.keys(strangers).filter((accountId) => role.expelling?.[accountId] === undefined);
  const assignments = extra.filter((one) => role.assignments?.[assignmentKey(one)]?.state !== 'removing');
  const revocations = members.length + assignments.length;
  if (revocations === 0) return undefined;
  // Roles have no decisions, and so no revisions.
  return { key: `role#${message.role.toLowerCase()}`, revision: 0, name: message.role, revoke: [], revocations, accounts: 0 };
}

/** Does what was found, after noting it. @param removing false: the guard holds back what would be taken away */
export async function healRole(
  deps: RoleHealingDependencies,
  { role: name, drift: { run } }: RoleDriftMessage,
  drift: RoleDrift,
  removing: boolean,
): Promise<Settled> {
  const { target, ledger } = deps;
  const strangers = removing ? drift.strangers : (drift.role.expelling ?? {});
  const role = await noteDrift(deps, drift, strangers, run, removing);
  if (drift.renamed) await target.renameRole(role.roleId, name);
  for (const [accountId, membershipId] of Object.entries(strangers)) {
    await target.removeMember(membershipId);
    const left = await target.findMember(role.roleId, accountId);
    if (left === undefined) continue;
    await changeRole(ledger, role.pk, (entry) => entry && { ...entry, expelling: { ...entry.expelling, [accountId]: left } });
    throw stillMember(name, accountId);
  }
  const made = await settleAssignments(deps, role, drift.missing, 'create');
  const extra = removing ? drift.extra : drift.extra.filter((one) => role.assignments?.[assignmentKey(one)]?.state === 'removing');
  const removed = await settleAssignments(deps, role, extra, 'remove');
  return { settled: [...made.settled, ...removed.settled], failure: made.failure ?? removed.failure };
}

/** Assignments that the ledger knows as made and that are gone are forgotten, so that they are made anew. */
async function noteDrift(
  { ledger }: RoleHealingDependencies,
  { role, found, missing }: RoleDrift,
  expelling: Readonly<Record<string, string>>,
  run: string,
  removing: boolean,
): Promise<KnownRole> {
  const noted = await changeRole(ledger, role.pk, (entry) => {
    if (entry?.roleId !== role.roleId) return undefined;
    const assignments = { ...entry.assignments };
    for (const one of missing) if (assignments[assignmentKey(one)]?.state === 'made') delete assignments[assignmentKey(one)];
    const now = found.filter(({ kind }) => removing || !takesAway(kind));
    const earlier = entry.drift?.found.filter(({ kind, detail }) => !now.some((one) => one.kind === kind && one.detail === detail)) ?? [];
    const drift = { run: entry.drift?.run ?? run, found: [...earlier, ...now] };
    return { ...entry, assignments, expelling, drift };
  });
  if (noted?.roleId !== role.roleId)
    throw new RetryableError(`role ${role.pk} was made anew by another run meanwhile: it is looked at again`);
  return { ...noted, roleId: role.roleId };
}

const takesAway = (kind: DriftKind): boolean => kind === 'membership-extra' || kind === 'assignment-extra';

/** The item once all that was found is told. */
export const withoutDrift = ({ pk: _, version: __, drift: ___, expelling: ____, ...entry }: RoleEntry): Omit<RoleEntry, 'pk' | 'version'> =>
  entry;
