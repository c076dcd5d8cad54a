/** Carries out a plan at a target and says what was done. Every step may be repeated after a crash at any point. */
import { grantKey, type PrincipalGrants, type Profile } from '../access/grants.ts';
import {
  type AttributeChanges,
  type ChangeOf,
  type Grant,
  type IdentityEventType,
  schemaVersion,
  type TargetAccount,
} from '../events/catalogue.ts';
import { type AnyIdentityEvent, type Cause, eventId } from '../events/identity-event.ts';
import { type AccountEntry, accountPk, type Ledger, type Membership, rolePk } from './ledger.ts';
import type { Plan } from './plan.ts';
import { type AccountState, type Mark, type Target, TargetMissingError } from './target.ts';

export interface ApplyDependencies {
  readonly target: Target;
  readonly ledger: Ledger;
  readonly now: () => Date;
}

export interface Applied {
  /** The ledger's item to write once the events are out. */
  readonly entry: AccountEntry;
  readonly events: readonly AnyIdentityEvent[];
}

/**
 * Applies a plan: revocations, then the account, then grants.
 *
 * @throws TargetConflictError, TargetMissingError and the target's own errors; what was done until then is found again by the next run
 */
export async function apply(
  deps: ApplyDependencies,
  desired: PrincipalGrants,
  made: AccountEntry | undefined,
  steps: Plan,
  cause: Cause,
): Promise<Applied> {
  const { target } = deps;
  const mark: Mark = { domain: desired.domain, guid: desired.subject.guid };
  const events: AnyIdentityEvent[] = [];
  const raise = <T extends IdentityEventType>(type: T, change: ChangeOf<T>, part = '') => {
    const at = deps.now().toISOString();
    const id = eventId(desired.domain, mark.guid, desired.revision, type, part);
    const { domain, subject, revision } = desired;
    events.push({
      type,
      version: schemaVersion,
      id,
      domain,
      subject,
      change,
      revision,
      occurredAt: at,
      detectedAt: at,
      cause,
    } as AnyIdentityEvent);
  };
  const named = (account: AccountState): TargetAccount => ({ target: target.name, id: account.id, userName: account.profile.userName });
  const memberships: Record<string, Membership> = { ...made?.memberships };
  let entry = made ?? { pk: accountPk(target.name, mark.domain, mark.guid), version: 0, revision: 0, memberships: {} };
  let account = made?.account;

  for (const membership of steps.revoke) {
    await target.removeMember(membership.membershipId);
    delete memberships[grantKey(membership.grant)];
    if (account) raise('RoleRevoked', { grant: membership.grant, account: named(account) }, grantKey(membership.grant));
  }
  if (steps.account === 'create') {
    const found = await target.findAccount(mark, steps.profile, entry.intent);
    if (found === undefined && entry.intent === undefined) {
      entry = { ...entry, version: entry.version + 1, intent: { at: deps.now().toISOString() } };
      await deps.ledger.write(entry);
    }
    account = found ?? (await target.createAccount(mark, steps.profile));
    raise('AccountProvisioned', { account: named(account), attributes: { ...withoutUndefined(account.profile) } });
  }
  if ((steps.account === 'update' || steps.account === 'create') && account) {
    const changes = profileChanges(account.profile, steps.profile);
    if (Object.keys(changes).length > 0) {
      await target.updateAccount(account.id, account.profile, steps.profile);
      account = { ...account, profile: steps.profile };
      raise('AccountUpdated', { account: named(account), attributes: changes });
    }
  }
  if (steps.account === 'delete' && account) {
    await target.deleteAccount(account.id, mark);
    raise('AccountDeprovisioned', { account: named(account) });
    account = undefined;
  }
  for (const grant of steps.grant) {
    if (account === undefined) throw new TargetMissingError('account', `no account at ${target.name} for ${mark.domain} ${mark.guid}`);
    memberships[grantKey(grant)] = await join(deps, grant, account.id);
    raise('RoleGranted', { grant, account: named(account) }, grantKey(grant));
  }
  return {
    entry: { pk: entry.pk, version: entry.version + 1, revision: desired.revision, account, intent: undefined, memberships },
    events,
  };
}

async function join(deps: ApplyDependencies, grant: Grant, accountId: string): Promise<Membership> {
  const roleId = await roleIdOf(deps, grant);
  try {
    return { grant, roleId, membershipId: await deps.target.addMember(roleId, accountId) };
  } catch (error) {
    if (!(error instanceof TargetMissingError) || error.missing !== 'role') throw error;
    // Somebody deleted the role's group: what the directory says holds, so it is made anew.
    const entry = await deps.ledger.readRole(rolePk(deps.target.name, grant.role));
    if (entry?.roleId === roleId) await deps.ledger.write({ pk: entry.pk, version: entry.version + 1 });
    const renewed = await roleIdOf(deps, grant);
    return { grant, roleId: renewed, membershipId: await deps.target.addMember(renewed, accountId) };
  }
}

/** The target's id of a role; the role is made when it is not there. */
async function roleIdOf({ target, ledger, now }: ApplyDependencies, { role }: Grant): Promise<string> {
  const pk = rolePk(target.name, role);
  let entry = await ledger.readRole(pk);
  if (entry?.roleId !== undefined) return entry.roleId;
  const found = await target.findRole(role, entry?.intent);
  if (found === undefined && entry?.intent === undefined) {
    entry = { pk, version: (entry?.version ?? 0) + 1, intent: { at: now().toISOString() } };
    await ledger.write(entry);
  }
  const roleId = found ?? (await target.createRole(role));
  await ledger.write({ pk, version: (entry?.version ?? 0) + 1, roleId });
  return roleId;
}

export function profileChanges(before: Profile, after: Profile): AttributeChanges {
  const changes: AttributeChanges = {};
  for (const key of ['userName', 'displayName', 'givenName', 'familyName', 'email'] as const) {
    const [old, now] = [before[key] ?? null, after[key] ?? null];
    if (old !== now) changes[key] = { before: old, after: now };
  }
  return changes;
}

const withoutUndefined = (profile: Profile): Record<string, string> =>
  Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== undefined));
