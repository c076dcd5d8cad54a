/** A role at the target, and its members: made when they are first needed, found again after a crash. */
import type { Grant } from '../events/catalogue.ts';
import { RetryableError } from '../platform/errors.ts';
import { type AssignmentEntry, assignmentKey, type Ledger, type RoleEntry, rolePk } from './ledger.ts';
import { type Target, TargetConflictError, TargetMissingError } from './target.ts';

export interface RoleGroupDependencies {
  readonly target: Target;
  readonly ledger: Ledger;
  readonly now: () => Date;
}

export type KnownRole = RoleEntry & { readonly roleId: string };

/** The role as the ledger has it, or as an interrupted run made it and could not note it any more; undefined when there is none of ours. */
export async function knownRole({ target, ledger }: RoleGroupDependencies, role: string): Promise<KnownRole | undefined> {
  const entry = await ledger.readRole(rolePk(target.name, role));
  if (entry?.roleId !== undefined) return { ...entry, roleId: entry.roleId };
  if (entry?.intent === undefined) return undefined;
  const roleId = await target.findRole(role, entry.intent).catch((error: unknown) => {
    // Somebody else's has that name: the interrupted run made none.
    if (error instanceof TargetConflictError) return undefined;
    throw error;
  });
  if (roleId === undefined) return undefined;
  const known = { pk: entry.pk, version: entry.version + 1, roleId };
  await ledger.write(known);
  return known;
}

/** Makes the account a member of the role. @returns the target's id of the membership, and the role as the ledger has it */
export async function join(
  deps: RoleGroupDependencies,
  grant: Grant,
  accountId: string,
): Promise<{ membershipId: string; role: KnownRole }> {
  const role = await roleOf(deps, grant.role);
  try {
    return { membershipId: await deps.target.addMember(role.roleId, accountId), role };
  } catch (error) {
    if (!(error instanceof TargetMissingError) || error.missing !== 'role') throw error;
    // Somebody deleted the role's group: what the directory says holds, so it is made anew.
    await forgetRole(deps, role);
    const renewed = await roleOf(deps, grant.role);
    return { membershipId: await deps.target.addMember(renewed.roleId, accountId), role: renewed };
  }
}

/** The role's group is gone: whoever needs the role next makes it anew. */
export async function forgetRole({ ledger }: RoleGroupDependencies, { pk, roleId }: KnownRole): Promise<void> {
  await changeRole(ledger, pk, (entry) => (entry?.roleId === roleId ? {} : undefined));
}

/** The role; it is made when it is not there. */
export async function roleOf(deps: RoleGroupDependencies, role: string): Promise<KnownRole> {
  const { target, ledger, now } = deps;
  const pk = rolePk(target.name, role);
  let entry = await ledger.readRole(pk);
  if (entry?.roleId !== undefined && !entry.unmarked) return { ...entry, roleId: entry.roleId };
  const found = await target.findRole(role, entry?.intent);
  if (found === undefined) {
    entry = { pk, version: (entry?.version ?? 0) + 1, intent: { at: now().toISOString() } };
    await ledger.write(entry);
  }
  const roleId = found ?? (await target.createRole(role));
  const known = { pk, version: (entry?.version ?? 0) + 1, roleId };
  await ledger.write(known);
  return known;
}

/** Times that other runs may write a role's item first. */
const attempts = 8;

/**
 * Changes a role's item, whatever other runs change of it meanwhile.
 *
 * @param change gives the item's new content, or undefined where nothing is to be written
 * @throws RetryableError when other runs keep writing it first
 */
export async function changeRole(
  ledger: Ledger,
  pk: string,
  change: (entry: RoleEntry | undefined) => Omit<RoleEntry, 'pk' | 'version'> | undefined,
): Promise<RoleEntry | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await ledger.readRole(pk);
    const content = change(before);
    if (content === undefined) return before;
    const next = { ...content, pk, version: (before?.version ?? 0) + 1 };
    try {
      await ledger.write(next);
      return next;
    } catch (error) {
      if (!(error instanceof RetryableError) || attempt === attempts) throw error;
    }
  }
}

/** What a run tells of a role. */
export interface RoleNews {
  readonly role: KnownRole;
  /** RoleProvisioned. */
  readonly made?: true | undefined;
  /** RoleAssigned and RoleUnassigned. */
  readonly settled?: readonly AssignmentEntry[] | undefined;
}

/** Notes that it is on the bus. Until then every run that meets it tells it again, under the same id. */
export async function noteTold({ ledger }: RoleGroupDependencies, news: readonly RoleNews[]): Promise<void> {
  for (const { role, made, settled = [] } of news) {
    try {
      await changeRole(ledger, role.pk, (entry) => {
        if (entry?.roleId !== role.roleId) return undefined;
        const assignments = { ...entry.assignments };
        for (const one of settled) {
          const key = assignmentKey(one.assignment);
          if (assignments[key]?.since !== one.since) continue;
          if (one.state === 'removing') delete assignments[key];
          else assignments[key] = { assignment: one.assignment, state: 'made', since: one.since };
        }
        const told = made ?? entry.told;
        return { ...entry, ...(told && { told }), ...(settled.length > 0 && { assignments }) };
      });
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
    }
  }
}
