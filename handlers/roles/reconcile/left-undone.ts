/**
 * What the ledger knows and no listing shows: decisions that a message in the dead-letter queue left undone or untold (sessions that were not
 * cut, evidence that is not out), and roles that were made here and that nobody is to hold any more.
 */
import { principalKey } from '../../access/grants.ts';
import type { PrincipalMessage, RoleDriftMessage, RoleMessage } from '../../access/role-message.ts';
import { eachLimited, mapLimited } from '../../platform/dynamodb.ts';
import type { Actual, Desired } from '../drift.ts';
import { accountPk, assignmentKey, type Ledger, rolePk } from '../ledger.ts';
import { isCurrent } from '../plan.ts';
import type { ListedRole } from '../target.ts';
import { runCause } from './healing.ts';

export interface LeftUndoneDependencies {
  readonly settings: { readonly name: string };
  readonly ledger: Pick<Ledger, 'readAccount' | 'readRole'>;
  readonly now: () => Date;
}

/** Items read at once: ten thousand principals take seconds. */
const width = 32;

/**
 * Messages about principals whose decision is not done, and that no other message is about.
 *
 * @param settledBefore later decisions are on their way, ISO 8601
 */
export async function unfinishedOf(
  { settings, ledger, now }: LeftUndoneDependencies,
  run: string,
  { principals }: Desired,
  settledBefore: string,
  sent: readonly RoleMessage[],
): Promise<readonly PrincipalMessage[]> {
  const known = new Set(sent.flatMap((message) => ('guid' in message ? [principalKey(message.domain, message.guid)] : [])));
  const asked = [...principals].filter(([key, { decidedAt }]) => decidedAt < settledBefore && !known.has(key));
  const messages = await mapLimited(asked, width, async ([, { domain, subject, revision }]): Promise<readonly PrincipalMessage[]> => {
    const made = await ledger.readAccount(accountPk(settings.name, domain, subject.guid));
    // Nothing was begun: what should be there a listing shows.
    if (made === undefined || isCurrent(made, revision, now().toISOString())) return [];
    return [{ domain, guid: subject.guid, revision, cause: runCause(settings.name, run) }];
  });
  return messages.flat();
}

/**
 * Messages about roles whose assignments interrupted runs made or removed and have not told, where nothing else brings a run to them: the target
 * is as it should be, or nobody is to hold the role.
 *
 * @param there assignments at the target, by the role's id
 * @param settledBefore what was begun later is on its way, ISO 8601
 */
export async function untoldRoles(
  { settings, ledger }: LeftUndoneDependencies,
  run: string,
  desired: Desired,
  { roles, assignments: there }: Pick<Actual, 'roles' | 'assignments'>,
  settledBefore: string,
  sent: readonly RoleMessage[],
): Promise<readonly RoleDriftMessage[]> {
  const known = new Set(sent.flatMap((message) => ('role' in message ? [message.role.toLowerCase()] : [])));
  const messages = await mapLimited(roles, width, async ({ id, mark }): Promise<readonly RoleDriftMessage[]> => {
    const atTarget = there.get(id);
    // Where no assignments are listed, no run could find out or tell.
    if (mark === undefined || known.has(mark) || atTarget === undefined) return [];
    const made = await ledger.readRole(rolePk(settings.name, mark));
    if (made?.roleId !== id) return [];
    const listed = new Set(atTarget.map(assignmentKey));
    const begun = Object.values(made.assignments ?? {}).filter(({ state, since }) => state !== 'made' && since < settledBefore);
    // What was never made is nothing to tell.
    const madeUntold = begun.filter(({ state, assignment }) => state === 'making' && listed.has(assignmentKey(assignment)));
    const removedUntold = begun.filter(({ state, former }) => state === 'removing' || former !== undefined);
    const wanted = desired.roles.get(mark);
    const assignments = wanted?.assignments ?? madeUntold.map(({ assignment }) => assignment);
    const due = new Set(assignments.map(assignmentKey));
    if (removedUntold.length === 0 && !madeUntold.some(({ assignment }) => due.has(assignmentKey(assignment)))) return [];
    const drift = { run, kinds: ['assignment-missing' as const] };
    return [{ role: wanted?.name ?? mark, extraMembers: [], assignments: [...assignments], cause: runCause(settings.name, run), drift }];
  });
  return messages.flat();
}

/** Ids of listed roles that nobody is to hold, and that the ledger knows. */
export async function formerRoles(
  { settings, ledger }: LeftUndoneDependencies,
  desired: Desired,
  roles: readonly ListedRole[],
): Promise<ReadonlySet<string>> {
  const former = new Set<string>();
  await eachLimited(roles, width, async ({ id, mark }) => {
    if (mark === undefined || desired.roles.has(mark)) return;
    const made = await ledger.readRole(rolePk(settings.name, mark));
    // A run that ended too early has not noted its id.
    if (made !== undefined && (made.roleId ?? id) === id) former.add(id);
  });
  return former;
}
