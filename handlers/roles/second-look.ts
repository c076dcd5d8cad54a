/**
 * A second look at the target for one principal, where reconcile saw something else than the ledger says: a listing is old when it is
 * complete. The ledger's picture is corrected by what is there now, and the plan then makes it what it should be.
 */
import { grantKey } from '../access/grants.ts';
import type { DriftKind } from '../events/catalogue.ts';
import { deletingOf } from './account-deletion.ts';
import { anyProfile } from './apply.ts';
import { type AccountEntry, accountPk, type DriftNote, type ExtraMembership, type Membership } from './ledger.ts';
import { accountEnd, isHeld, isSameProfile, type TargetRules, type Wanted } from './plan.ts';
import { knownRole, type RoleGroupDependencies } from './role-groups.ts';
import { type AccountState, type ListedAccount, type Mark, type Target, TargetConflictError } from './target.ts';

export interface Doubt {
  readonly run: string;
  /** Roles that the account was seen in and that no decision gives it. */
  readonly extraRoles: readonly string[];
}

/**
 * @returns the ledger's item as it is at the target, with what differed noted in it; `corrected` when it is not what was read
 * @throws TargetConflictError when the account that the ledger knows does not carry the mark: nothing of it is to be touched
 */
export async function lookAgain(
  deps: RoleGroupDependencies,
  wanted: Wanted,
  made: AccountEntry | undefined,
  rules: TargetRules,
  doubt: Doubt,
): Promise<{ readonly entry: AccountEntry | undefined; readonly corrected: boolean }> {
  const { domain, subject } = wanted;
  const mark: Mark = { domain, guid: subject.guid };
  const before = made ?? { pk: accountPk(deps.target.name, domain, subject.guid), version: 0, revision: 0, memberships: {} };
  const found: DriftNote['found'][number][] = [];
  const find = (kind: DriftKind, detail: string) => void found.push({ kind, detail });

  const known = before.account ?? (await findByMark(deps.target, mark, wanted));
  const seen = known && (await readOwn(deps.target, known.id, mark));
  if (known === undefined) return { entry: made, corrected: false };
  let entry: AccountEntry = { ...before, account: known };
  if (seen === undefined) {
    if (wanted.grants.length > 0) find('account-missing', `account ${known.id} (${known.profile.userName}) is gone`);
    // Its memberships went with it: they are told as its own, and those that are due as granted anew.
    const { held, memberships } = lost(before, wanted);
    entry = { ...entry, account: undefined, deleting: deletingOf(known, before, held), memberships, extras: undefined };
  } else {
    entry = { ...entry, ...compareAccount(wanted, entry, seen, rules, find) };
    const memberships = await compareMemberships(deps, wanted, entry, seen.id, find);
    const extras = await findExtras(deps, wanted, entry, seen.id, doubt, find);
    entry = { ...entry, memberships, ...(Object.keys(extras).length > 0 && { extras }) };
  }
  if (found.length > 0) {
    const kept = before.drift?.found.filter(({ kind, detail }) => !found.some((one) => one.kind === kind && one.detail === detail)) ?? [];
    entry = { ...entry, drift: { run: doubt.run, found: [...kept, ...found] } };
  }
  const corrected = found.length > 0 || seen === undefined || before.account === undefined;
  return { entry, corrected };
}

/** What ended with the account, or before, and what else the steps look after: what may have been given, and what is to end anyway. */
function lost({ version, memberships }: AccountEntry, { grants }: Wanted) {
  const due = new Set(grants.map(grantKey));
  const [held, left]: [Record<string, Membership>, Record<string, Membership>] = [{}, {}];
  for (const [key, one] of Object.entries(memberships)) {
    if (one.ending !== undefined) held[key] = one;
    else if (isHeld(one) && due.has(key)) held[key] = { ...one, ending: version + 1 };
    else left[key] = one;
  }
  return { held, memberships: left };
}

async function findByMark(target: Target, mark: Mark, { profile }: Wanted): Promise<AccountState | undefined> {
  try {
    return await target.findAccount(mark, profile ?? anyProfile(mark.guid), undefined);
  } catch (error) {
    if (error instanceof TargetConflictError) return undefined; // somebody else's account has the name: the steps meet it where it matters
    throw error;
  }
}

/**
 * The account if it carries our mark. Only here it is read for that: with each grant and update it would double their calls, and an account
 * whose mark somebody took is found by reconcile, which tells a person. Activating and deleting check the mark in any case.
 */
async function readOwn(target: Target, id: string, mark: Mark): Promise<ListedAccount | undefined> {
  const seen = await target.readAccount(id);
  if (seen === undefined || (seen.mark?.domain === mark.domain && seen.mark.guid === mark.guid)) return seen;
  const whose = seen.mark ? `carries the mark of ${seen.mark.guid}` : 'lost our mark';
  throw new TargetConflictError(
    `account ${id} (${seen.profile.userName}) at ${target.name} ${whose}: it is left alone`,
    `give it back the external id ${mark.guid}, or delete it: the next run then makes a new one`,
  );
}

/** The account's part of the item, as it is. */
function compareAccount(
  wanted: Wanted,
  entry: AccountEntry,
  seen: ListedAccount,
  rules: TargetRules,
  find: (kind: DriftKind, detail: string) => void,
): Partial<AccountEntry> {
  const { state, profile } = wanted;
  const end = accountEnd(state, rules);
  const active = seen.active ?? true;
  const name = `account ${seen.id} (${seen.profile.userName})`;
  // What a later decision asks for, and no run has made so yet, is no drift.
  const isDone = entry.revision >= wanted.revision;
  const isOther = active !== (entry.account?.active ?? true);
  if (end === 'delete' && isDone) find('account-orphaned', `${name} is there, and its principal is deleted`);
  else if (end === 'deactivate' && active && (isDone || isOther))
    find('account-active', `${name} may log on, and its principal is ${state}`);
  else if (state === 'active' && rules.canDeactivate && !active && (isDone || isOther)) find('account-inactive', `${name} may not log on`);
  const isWrong = profile !== undefined && state !== 'deleted' && !isSameProfile(seen.profile, profile);
  const changed = isWrong && (isDone || !isSameProfile(seen.profile, entry.account?.profile ?? seen.profile));
  // What is under way is found out by the steps.
  if (entry.updating !== undefined) return withActive(entry, active);
  if (changed) find('account-changed', `${name} has another profile than the directory says`);
  const { account } = withActive(entry, active);
  return { account: account && { ...account, profile: seen.profile } };
}

/** What an interrupted run was doing about it stays as it is noted. */
const withActive = ({ account, activating }: AccountEntry, active: boolean): { account: AccountState | undefined } => ({
  account: account && (activating === undefined ? { ...account, active } : account),
});

async function compareMemberships(
  deps: RoleGroupDependencies,
  wanted: Wanted,
  { memberships }: AccountEntry,
  accountId: string,
  find: (kind: DriftKind, detail: string) => void,
): Promise<Readonly<Record<string, Membership>>> {
  const due = new Set(wanted.grants.map(grantKey));
  const compared: Record<string, Membership> = {};
  for (const [key, membership] of Object.entries(memberships)) {
    compared[key] = membership;
    // What is half done, or to end, the steps make sure of anyway.
    if (!isHeld(membership) || !due.has(key)) continue;
    const role = await knownRole(deps, membership.grant.role);
    const membershipId = role && (await deps.target.findMember(role.roleId, accountId));
    if (membershipId !== undefined) compared[key] = { ...membership, membershipId };
    else {
      compared[key] = { grant: membership.grant, former: membership.membershipId };
      find('membership-missing', `is no member of "${membership.grant.role}"`);
    }
  }
  return compared;
}

async function findExtras(
  deps: RoleGroupDependencies,
  wanted: Wanted,
  { memberships, extras = {} }: AccountEntry,
  accountId: string,
  { extraRoles }: Doubt,
  find: (kind: DriftKind, detail: string) => void,
): Promise<Readonly<Record<string, ExtraMembership>>> {
  const due = new Set(wanted.grants.map(grantKey));
  const all = { ...extras };
  for (const name of extraRoles) {
    const key = grantKey({ target: deps.target.name, role: name });
    if (due.has(key) || memberships[key] !== undefined || all[key] !== undefined) continue;
    const roleId = (await knownRole(deps, name))?.roleId ?? (await ownRole(deps.target, name));
    const membershipId = roleId && (await deps.target.findMember(roleId, accountId));
    if (!roleId || !membershipId) continue;
    all[key] = { role: name, roleId, membershipId };
    find('membership-extra', `is a member of "${name}", which no decision gives it`);
  }
  return all;
}

async function ownRole(target: Target, role: string): Promise<string | undefined> {
  try {
    return await target.findRole(role, undefined);
  } catch (error) {
    if (error instanceof TargetConflictError) return undefined; // not ours: nothing of it is touched
    throw error;
  }
}
