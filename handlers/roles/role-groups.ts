/** A role at the target, and its members: made when they are first needed, found again after a crash. */
import type { Grant } from '../events/catalogue.ts';
import { RetryableError } from '../platform/errors.ts';
import { type Ledger, type RoleEntry, rolePk } from './ledger.ts';
import { type Target, TargetMissingError } from './target.ts';

export interface RoleGroupDependencies {
  readonly target: Target;
  readonly ledger: Ledger;
  readonly now: () => Date;
}

/** The membership that an interrupted run may have made. A role that the ledger does not know has no members of ours. */
export async function joinedMeanwhile(
  { target, ledger }: RoleGroupDependencies,
  { role }: Grant,
  accountId: string,
): Promise<{ membershipId: string | undefined; role: KnownRole } | undefined> {
  const entry = await ledger.readRole(rolePk(target.name, role));
  if (entry?.roleId === undefined) return undefined;
  return { membershipId: await target.findMember(entry.roleId, accountId), role: { ...entry, roleId: entry.roleId } };
}

/** Makes the account a member of the role. @returns the target's id of the membership, and the role as the ledger has it */
export async function join(
  deps: RoleGroupDependencies,
  grant: Grant,
  accountId: string,
): Promise<{ membershipId: string; role: KnownRole }> {
  const role = await roleOf(deps, grant);
  try {
    return { membershipId: await deps.target.addMember(role.roleId, accountId), role };
  } catch (error) {
    if (!(error instanceof TargetMissingError) || error.missing !== 'role') throw error;
    // Somebody deleted the role's group: what the directory says holds, so it is made anew.
    const entry = await deps.ledger.readRole(role.pk);
    if (entry?.roleId === role.roleId) await deps.ledger.write({ pk: entry.pk, version: entry.version + 1 });
    const renewed = await roleOf(deps, grant);
    return { membershipId: await deps.target.addMember(renewed.roleId, accountId), role: renewed };
  }
}

export type KnownRole = RoleEntry & { readonly roleId: string };

/** The role; it is made when it is not there. */
async function roleOf({ target, ledger, now }: RoleGroupDependencies, { role }: Grant): Promise<KnownRole> {
  const pk = rolePk(target.name, role);
  let entry = await ledger.readRole(pk);
  if (entry?.roleId !== undefined) return { ...entry, roleId: entry.roleId };
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

/** Notes that roles are told. Another run may have noted it before. */
export async function noteTold({ ledger }: RoleGroupDependencies, roles: readonly KnownRole[]): Promise<void> {
  for (const role of roles) {
    try {
      await ledger.write({ ...role, version: role.version + 1, told: true });
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
    }
  }
}
