/** Carries out a plan at a target and says what was done. Every step may be repeated after a crash at any point. */
import { isDeepStrictEqual } from 'node:util';
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
import { type AccountState, type Mark, type Target, TargetConflictError, TargetMissingError } from './target.ts';

export interface ApplyDependencies {
  readonly target: Target;
  readonly ledger: Ledger;
  readonly now: () => Date;
}

export interface Applied {
  /** The ledger's item to write once the events are out. */
  readonly entry: AccountEntry;
  /** What was done, also before a failure. */
  readonly events: readonly AnyIdentityEvent[];
  /** What kept a step from being done; the entry's revision then stays behind, and the next run goes on. */
  readonly failure?: unknown;
}

/** The ledger's item with the account as it is, where an interrupted run was making or deleting it. */
export async function recover({ target }: ApplyDependencies, desired: PrincipalGrants, made: AccountEntry | undefined) {
  if (made === undefined || (made.intent === undefined && made.deleting === undefined)) return made;
  const mark: Mark = { domain: desired.domain, guid: desired.subject.guid };
  try {
    return { ...made, account: await target.findAccount(mark, desired.profile, made.intent) };
  } catch (error) {
    if (error instanceof TargetConflictError) return made; // what is in the way is not ours: the steps below meet it where it matters
    throw error;
  }
}

/**
 * Applies a plan: revocations, then the account, then grants. What is about to change is noted in the ledger first.
 *
 * A role that is in conflict does not keep the principal from its others. Errors are no throw but `failure`, so that what was done until
 * then is told and written down: TargetConflictError, TargetMissingError, and the target's and the ledger's own.
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
  let memberships: Record<string, Membership> = { ...made?.memberships };
  let entry: AccountEntry = made ?? { pk: accountPk(target.name, mark.domain, mark.guid), version: 0, revision: 0, memberships: {} };
  let account = made?.account;
  let updating = entry.updating;
  /** Notes what is about to change. An account that is being made stays out of it, so that the next run finds it and tells of it. */
  const note = async (change: Partial<AccountEntry> = {}) => {
    const next = { ...entry, ...change, version: entry.version + 1, memberships: { ...memberships } };
    await deps.ledger.write(next.intent ? { ...next, account: undefined } : next);
    entry = next;
  };
  const result = (failure?: unknown): Applied => ({
    entry: {
      pk: entry.pk,
      version: entry.version + 1,
      revision: failure === undefined ? desired.revision : entry.revision,
      account,
      intent: account === undefined && failure !== undefined ? entry.intent : undefined,
      updating: account && updating,
      deleting: account && failure !== undefined ? entry.deleting : undefined,
      memberships,
    },
    events,
    ...(failure === undefined ? {} : { failure }),
  });
  const provisioned = (it: AccountState) =>
    raise('AccountProvisioned', { account: named(it), attributes: { ...withoutUndefined(it.profile) } });

  try {
    const deleted = entry.deleting?.id === account?.id ? undefined : entry.deleting;
    const holder = account ?? deleted;
    if (entry.intent && account) provisioned(account);
    for (const membership of steps.revoke) {
      const { grant, membershipId, ending } = membership;
      memberships[grantKey(grant)] = { ...membership, ending: membershipId === undefined ? ending : true };
    }
    if (steps.revoke.some(({ membershipId, ending }) => membershipId !== undefined && !ending)) await note();
    for (const { grant, membershipId, ending } of steps.revoke) {
      const id = membershipId ?? (account && (await joinedMeanwhile(deps, grant, account.id)));
      if (id !== undefined) await target.removeMember(id);
      delete memberships[grantKey(grant)];
      if (holder && (id !== undefined || ending)) raise('RoleRevoked', { grant, account: named(holder) }, grantKey(grant));
    }
    if (deleted) raise('AccountDeprovisioned', { account: named(deleted) });

    for (const grant of steps.grant) memberships[grantKey(grant)] = { grant, ending: memberships[grantKey(grant)]?.ending };
    if (steps.account === 'create') {
      account = await target.findAccount(mark, steps.profile, entry.intent);
      await note({ intent: { at: deps.now().toISOString(), userName: steps.profile.userName } });
      account ??= await target.createAccount(mark, steps.profile);
      provisioned(account);
    } else if (steps.account === 'update') {
      updating = [...(updating ?? []).filter((profile) => !isDeepStrictEqual(profile, steps.profile)), steps.profile];
      await note({ updating });
    } else if (steps.account === 'delete') {
      await note({ deleting: account });
    } else if (steps.grant.length > 0) {
      await note();
    }
    if (steps.account === 'delete' && account) {
      await target.deleteAccount(account.id, mark);
      raise('AccountDeprovisioned', { account: named(account) });
      account = undefined;
    } else if (steps.account !== 'keep' && account) {
      const possible = [account.profile, ...(updating ?? [])];
      for (const before of possible) await target.updateAccount(account.id, before, steps.profile);
      account = { ...account, profile: steps.profile };
      updating = undefined;
      const attributes = possible.map((before) => profileChanges(before, steps.profile)).find((changes) => Object.keys(changes).length > 0);
      if (attributes) raise('AccountUpdated', { account: named(account), attributes });
    }
    let conflict: TargetConflictError | undefined;
    for (const grant of steps.grant) {
      if (account === undefined) throw new TargetMissingError('account', `no account at ${target.name} for ${mark.domain} ${mark.guid}`);
      try {
        memberships[grantKey(grant)] = { grant, membershipId: await join(deps, grant, account.id) };
        raise('RoleGranted', { grant, account: named(account) }, grantKey(grant));
      } catch (error) {
        if (!(error instanceof TargetConflictError)) throw error;
        conflict ??= error;
      }
    }
    return result(conflict);
  } catch (failure) {
    if (failure instanceof TargetMissingError && failure.missing === 'account') {
      // Somebody deleted the account, and its memberships with it: the next run makes what is needed anew.
      account = undefined;
      memberships = {};
    }
    return result(failure);
  }
}

/** The membership that an interrupted run may have made. A role that the ledger does not know has no members of ours. */
async function joinedMeanwhile({ target, ledger }: ApplyDependencies, { role }: Grant, accountId: string): Promise<string | undefined> {
  const roleId = (await ledger.readRole(rolePk(target.name, role)))?.roleId;
  return roleId === undefined ? undefined : await target.findMember(roleId, accountId);
}

/** @returns the target's id of the membership */
async function join(deps: ApplyDependencies, grant: Grant, accountId: string): Promise<string> {
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
async function roleIdOf({ target, ledger, now }: ApplyDependencies, { role }: Grant): Promise<string> {
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
