/** A role at the target, and its members: made when they are first needed, found again after a crash. */
import type { Grant } from '../events/catalogue.ts';
import { type Ledger, rolePk } from './ledger.ts';
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
): Promise<string | undefined> {
  const roleId = (await ledger.readRole(rolePk(target.name, role)))?.roleId;
  return roleId === undefined ? undefined : await target.findMember(roleId, accountId);
}

/** Makes the account a member of the role. @returns the target's id of the membership */
export async function join(deps: RoleGroupDependencies, grant: Grant, accountId: string): Promise<string> {
  const roleId = await roleIdOf(deps, grant);
  try {
    return await deps.target.addMember(roleId, accountId);
  } catch (error) {
    if (!(error instanceof TargetMissingError) || error.missing !== 'role') throw error;
    // Somebody deleted the role's group: what the directory says holds, so it is made anew.
    const entry = await deps.ledger.readRole(rolePk(deps.target.name, grant.role));
    if (entry?.roleId === roleId) await deps.ledger.write({ pk: entry.pk, version: entry.version + 1 });
    return await deps.target.addMember(await roleIdOf(deps, grant), accountId);
  }
}

/** The target's id of a role; the role is made when it is not there. */
async function roleIdOf({ target, ledger, now }: RoleGroupDependencies, { role }: Grant): Promise<string> {
  const pk = rolePk(target.name, role);
  let entry = await ledger.readRole(pk);
  if (entry?.roleId !== undefined) return entry.roleId;
  const found = await target.findRole(role, entry?.intent);
  if (found === undefined) {
    entry = { pk, version: (entry?.version ?? 0) + 1, intent: { at: now().toISOString() } };
    await ledger.write(entry);
  }
  const roleId = found ?? (await target.createRole(role));
  await ledger.write({ pk, version: (entry?.version ?? 0) + 1, roleId });
  return roleId;
}
