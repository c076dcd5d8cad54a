/** Roles that an account loses and gets. Each step may be repeated after a crash at any point. */
import { grantKey } from '../access/grants.ts';
import type { Grant } from '../events/catalogue.ts';
import type { ExtraMembership, Membership, MembershipNews } from './ledger.ts';
import { isHeld, type Plan } from './plan.ts';
import { settleAssignments } from './role-assignments.ts';
import { forgetRole, join, knownRole, roleOf } from './role-groups.ts';
import type { RoleRun } from './role-run.ts';
import { TargetConflictError, TargetMissingError } from './target.ts';

/** Notes all that the run takes away, and that it does. */
export async function noteRemovals(run: RoleRun, { revoke, expel }: Pick<Plan, 'revoke' | 'expel'>, more: boolean): Promise<void> {
  for (const membership of revoke) {
    const { grant, membershipId, ending } = membership;
    run.memberships.set(grantKey(grant), { ...membership, ending: membershipId === undefined ? ending : (ending ?? run.number) });
  }
  for (const extra of expel) run.extras.set(extraKey(run, extra), { ...extra, ending: true });
  const isNew = revoke.some(({ membershipId, ending }) => membershipId !== undefined && !ending) || expel.some(({ ending }) => !ending);
  if (isNew || more) await run.note();
}

/**
 * Ends memberships, also those that an interrupted run may or may not have made or ended, and looks whether they have ended.
 *
 * @throws TargetConflictError when one is still there
 */
export async function revoke(run: RoleRun, memberships: readonly Membership[]): Promise<void> {
  const { deps } = run;
  const { holder } = run;
  for (const { grant } of memberships) {
    const key = grantKey(grant);
    const { membershipId, giving, ending } = run.memberships.get(key) ?? {};
    let number = ending;
    const role = await knownRole(deps, grant.role);
    // A role that the ledger does not know has no members of ours.
    const id = membershipId ?? (role && run.account ? await deps.target.findMember(role.roleId, run.account.id) : undefined);
    // Whoever made it may have been interrupted before it could tell.
    if (role) run.roleProvisioned(grant.role, role);
    // An interrupted run gave it, and perhaps nobody has told.
    if (holder && role && giving !== undefined && (id !== undefined || ending)) run.tellMembership('RoleGranted', holder, grant, giving);
    if (id !== undefined) {
      if (number === undefined) {
        // It was there: a run that dies after the removal would otherwise leave nothing that says so.
        number = run.number;
        change(run, key, { ending: number });
        await run.note();
      }
      change(run, key, { membershipId: id, ending: number });
      await deps.target.removeMember(id);
      const left = role && holder ? await deps.target.findMember(role.roleId, holder.id) : undefined;
      if (left !== undefined) {
        change(run, key, { membershipId: left });
        throw stillMember(grant.role, holder?.id);
      }
    }
    run.ended.add(key);
    if (holder && (id !== undefined || ending)) {
      run.revoked.push(grant);
      if (run.noted.ending === undefined && deps.target.sessions && grant.assignments?.length)
        run.set({ lapsed: [...(run.noted.lapsed ?? []), { grant, at: deps.now().toISOString() }] });
      run.tellMembership('RoleRevoked', holder, grant, number ?? run.number);
    }
  }
}

/** Ends memberships that nobody granted. DriftHealed tells of them. @throws TargetConflictError when one is still there */
export async function expel(run: RoleRun, extras: readonly ExtraMembership[]): Promise<void> {
  const { target } = run.deps;
  for (const extra of extras) {
    await target.removeMember(extra.membershipId);
    const left = run.account && (await target.findMember(extra.roleId, run.account.id));
    if (left !== undefined) {
      run.extras.set(extraKey(run, extra), { ...extra, membershipId: left, ending: true });
      throw stillMember(extra.role, run.account?.id);
    }
    run.ended.add(extraKey(run, extra));
  }
}

/**
 * Notes that a role is to be given. One that an interrupted run was ending is looked for: if it is still there it never ended, and if it is
 * gone it is given anew, after its end is told.
 */
export async function noteGrant(run: RoleRun, grant: Grant): Promise<void> {
  const { deps, account } = run;
  const key = grantKey(grant);
  const { membershipId, giving, ending, former, untold = [] } = run.memberships.get(key) ?? {};
  if (ending === undefined) {
    run.memberships.set(key, { grant, former: membershipId ?? former, giving: giving ?? run.number, untold });
    return;
  }
  const role = await knownRole(deps, grant.role);
  const there = role && account && (await deps.target.findMember(role.roleId, account.id));
  if (there !== undefined) {
    // While its beginning may not have been told it is given once more: what is noted as there, nobody comes back to.
    run.memberships.set(key, giving === undefined ? { grant, membershipId: there, untold } : { grant, former, giving, untold });
    return;
  }
  const ended = endedNews(giving, ending);
  run.memberships.set(key, { grant, giving: run.number, untold: [...untold, ...ended] });
  run.tellUntold(grant, ended);
}

/**
 * Gives roles. A role that is in conflict does not keep the principal from the others.
 *
 * @returns the first conflict
 */
export async function grant(run: RoleRun, grants: readonly Grant[]): Promise<TargetConflictError | undefined> {
  let conflict: TargetConflictError | undefined;
  for (const grant of grants) {
    const { account } = run;
    if (account === undefined) throw new TargetMissingError('account', `no account at ${run.deps.target.name} for ${run.mark.guid}`);
    const key = grantKey(grant);
    try {
      const { membershipId, role } = await join(run.deps, grant, account.id);
      run.roleProvisioned(grant.role, role);
      const { former, giving } = run.memberships.get(key) ?? {};
      if (former !== undefined && former !== membershipId) run.tellMembership('RoleRevoked', account, grant, giving ?? run.number);
      change(run, key, { grant, membershipId, former: undefined, assigning: grant.assignments?.length ? true : undefined });
      // What was there and nobody had granted is granted now.
      run.extras.delete(key);
      if (giving !== undefined) run.tellMembership('RoleGranted', account, grant, giving);
    } catch (error) {
      if (!(error instanceof TargetConflictError)) throw error;
      conflict ??= error;
    }
  }
  return conflict;
}

/** What is told of a membership that has ended, and whose beginning may not have been told. */
export const endedNews = (giving: number | undefined, ending: number): readonly MembershipNews[] => [
  ...(giving === undefined ? [] : [{ type: 'RoleGranted' as const, number: giving }]),
  { type: 'RoleRevoked', number: ending },
];

/** Changes what is known of a membership. */
function change(run: RoleRun, key: string, change: Partial<Membership>): void {
  const before = run.memberships.get(key);
  if (before !== undefined) run.memberships.set(key, { ...before, ...change });
}

/** Makes sure of what roles bring. @returns the first failure */
export async function assign(run: RoleRun, grants: readonly Grant[]): Promise<Error | undefined> {
  let failure: Error | undefined;
  for (const grant of grants) {
    const key = grantKey(grant);
    const membership = run.memberships.get(key);
    if (!isHeld(membership)) continue; // its role is in conflict
    const role = await roleOf(run.deps, grant.role);
    const { settled, failure: one } = await settleAssignments(run.deps, role, grant.assignments ?? [], 'create');
    run.assignmentsSettled(grant.role, role, settled);
    if (one === undefined) change(run, key, { grant, assigning: undefined });
    else if (one instanceof TargetMissingError && one.missing === 'role') {
      // Somebody deleted the role's group, and its members with it: the next attempt makes it anew.
      await forgetRole(run.deps, role);
      change(run, key, { grant, membershipId: undefined, former: membership.membershipId, assigning: undefined });
    }
    failure ??= one;
  }
  return failure;
}

/** As a grant's key: both are told apart by target and role. */
const extraKey = (run: RoleRun, { role }: ExtraMembership): string => grantKey({ target: run.deps.target.name, role });

/** The target shows it late, or does not do what it says: the next attempts tell. */
export const stillMember = (role: string, accountId: string | undefined): TargetConflictError =>
  new TargetConflictError(
    `account ${accountId} is still a member of "${role}" after its membership was ended`,
    'take it out by hand: until the target shows it so, nothing is called ended',
  );
