/**
 * Drift: how a target differs from what the decisions say it should hold. Pure: from what is desired and what was listed to findings, and to
 * the messages that heal them. Nothing is concluded from what was not listed completely (invariant 3).
 */
import { type PrincipalGrants, type Profile, principalKey, profileChanges } from '../access/grants.ts';
import type { Assignment, DriftKind, Grant, PrincipalState, Subject } from '../events/catalogue.ts';
import type { ListedAccount, ListedMember, ListedRole, Mark } from './target.ts';

/** What a target should hold of one principal. */
export interface DesiredPrincipal {
  readonly domain: string;
  readonly subject: Subject;
  readonly revision: number;
  readonly state: PrincipalState;
  readonly decidedAt: string;
  readonly profile: Profile;
  /** By the role's name in lower case. */
  readonly grants: ReadonlyMap<string, Grant>;
}

export interface Desired {
  /** By `principalKey`. */
  readonly principals: ReadonlyMap<string, DesiredPrincipal>;
  /** By the role's name in lower case: its name, what it brings, and how many should hold it. */
  readonly roles: ReadonlyMap<string, { readonly name: string; readonly assignments: readonly Assignment[]; readonly members: number }>;
}

/** What was listed at the target. */
export interface Actual {
  readonly accounts: readonly ListedAccount[];
  readonly accountsComplete: boolean;
  readonly roles: readonly ListedRole[];
  readonly rolesComplete: boolean;
  /** By role id; of roles of ours whose members were listed completely. */
  readonly members: ReadonlyMap<string, readonly ListedMember[]>;
  /** By role id; where the target has assignments. */
  readonly assignments: ReadonlyMap<string, readonly Assignment[]>;
}

export interface Finding {
  readonly kind: DriftKind;
  /** The principal it is about; undefined: the role or an account that is none of ours. */
  readonly principal?: DesiredPrincipal | undefined;
  readonly role?: string | undefined;
  readonly account?: { readonly id: string; readonly userName: string } | undefined;
  /** For a person. */
  readonly detail: string;
  /** False: a person has to decide. */
  readonly healable: boolean;
  /** How many memberships, assignments or accounts end when it is healed. */
  readonly removes: number;
}

/** Whether we can make an account inactive or active at all, and whether those of inactive principals are to be so. */
export interface DriftRules {
  readonly onInactive: 'deactivate' | 'keep';
  readonly onDeleted: 'delete' | 'deactivate' | 'keep';
  readonly canDeactivate: boolean;
  /** Ids of roles that nobody is to hold, and that were made here: of others the members are somebody else's. */
  readonly formerRoles: ReadonlySet<string>;
  /** Principals decided on since then are on their way: the next run looks at them. ISO 8601. */
  readonly settledBefore: string;
}

/** Adds up what the grants table says of one target. */
export function desiredAt(target: string, items: Iterable<PrincipalGrants>, into: DesiredSoFar = desiredSoFar()): DesiredSoFar {
  for (const { domain, subject, revision, state, decidedAt, profiles, grants } of items) {
    const profile = profiles[target];
    if (profile === undefined) continue;
    const held = new Map<string, Grant>();
    for (const grant of state === 'active' ? Object.values(grants) : []) {
      if (grant.target !== target) continue;
      const key = grant.role.toLowerCase();
      held.set(key, grant);
      const role = into.roles.get(key) ?? { name: grant.role, assignments: [], members: 0 };
      into.roles.set(key, { ...role, assignments: union(role.assignments, grant.assignments ?? []), members: role.members + 1 });
    }
    into.principals.set(principalKey(domain, subject.guid), { domain, subject, revision, state, decidedAt, profile, grants: held });
  }
  return into;
}

export interface DesiredSoFar extends Desired {
  readonly principals: Map<string, DesiredPrincipal>;
  readonly roles: Map<string, { name: string; assignments: readonly Assignment[]; members: number }>;
}
export const desiredSoFar = (): DesiredSoFar => ({ principals: new Map(), roles: new Map() });

const same = (one: Assignment, other: Assignment): boolean => one.account === other.account && one.permissionSet === other.permissionSet;
const without = (all: readonly Assignment[], some: readonly Assignment[]): readonly Assignment[] =>
  all.filter((one) => !some.some((other) => same(one, other)));
const union = (one: readonly Assignment[], other: readonly Assignment[]): readonly Assignment[] =>
  other.length === 0 ? one : [...one, ...without(other, one)];

const keyOfMark = ({ domain, guid }: Mark): string => principalKey(domain, guid);

/** All findings, accounts first. */
export function driftOf(desired: Desired, actual: Actual, rules: DriftRules): readonly Finding[] {
  const byMark = new Map<string, ListedAccount[]>();
  for (const account of actual.accounts) {
    if (account.mark === undefined) continue;
    const key = keyOfMark(account.mark);
    const listed = byMark.get(key);
    if (listed) listed.push(account);
    else byMark.set(key, [account]);
  }
  return [
    ...driftOfAccounts(desired, actual, byMark, rules),
    ...(actual.rolesComplete ? driftOfRoles(desired, actual) : []),
    ...driftOfMembers(desired, actual, byMark, rules),
  ].filter(({ principal }) => principal === undefined || principal.decidedAt < rules.settledBefore);
}

const unknownPrincipal = 'carries our mark, and no decision knows its principal';
const named = ({ id, profile }: ListedAccount) => ({ id, userName: profile.userName });
const finding = (kind: DriftKind, detail: string, more: Partial<Finding> = {}): Finding => ({
  kind,
  detail,
  healable: true,
  removes: 0,
  ...more,
});

function* driftOfAccounts(
  desired: Desired,
  { accounts, accountsComplete }: Actual,
  byMark: ReadonlyMap<string, readonly ListedAccount[]>,
  rules: DriftRules,
): Iterable<Finding> {
  for (const [key, [account, ...more]] of byMark) {
    if (account === undefined) continue;
    const principal = desired.principals.get(key);
    if (more.length > 0) {
      const ids = [account, ...more].map(({ id }) => id).join(', ');
      yield finding('account-duplicated', `accounts ${ids} carry one mark`, { principal, account: named(account), healable: false });
    } else if (principal === undefined) {
      // Perhaps another environment's, or the grants table was restored from an older copy: nobody loses anything by such a mistake.
      yield finding('account-orphaned', unknownPrincipal, { account: named(account), healable: false });
    } else yield* driftOfAccount(principal, account, rules);
  }
  if (!accountsComplete) return;
  const byName = new Map(accounts.filter(({ mark }) => mark === undefined).map((one) => [one.profile.userName.toLowerCase(), one]));
  for (const [key, principal] of desired.principals) {
    if (principal.grants.size === 0 || byMark.has(key)) continue;
    const namesake = byName.get(principal.profile.userName.toLowerCase());
    if (namesake === undefined) yield finding('account-missing', 'has roles and no account', { principal });
    else {
      const detail = `account ${namesake.id} has the user name and not our mark`;
      yield finding('account-unmarked', detail, { principal, account: named(namesake), healable: false });
    }
  }
}

function* driftOfAccount(principal: DesiredPrincipal, account: ListedAccount, rules: DriftRules): Iterable<Finding> {
  const about = { principal, account: named(account) };
  const active = account.active ?? true;
  if (principal.state === 'deleted' && rules.onDeleted === 'delete') {
    yield finding('account-orphaned', 'its principal is deleted', { ...about, removes: 1 });
    return;
  }
  const changed = Object.keys(profileChanges(account.profile, principal.profile));
  if (principal.state !== 'deleted' && changed.length > 0) yield finding('account-changed', `${changed.join(', ')} differ`, about);
  // Also without roles: sync-roles lets in whoever the directory lets in.
  if (principal.state === 'active' && !active)
    yield finding('account-inactive', 'is active and cannot log on', { ...about, healable: rules.canDeactivate });
  const inactive =
    principal.state === 'deleted' ? rules.onDeleted === 'deactivate' : principal.state !== 'active' && rules.onInactive === 'deactivate';
  if (rules.canDeactivate && inactive && active)
    yield finding('account-active', `is ${principal.state} and can log on`, { ...about, removes: 1 });
}

function* driftOfRoles(desired: Desired, { roles, assignments }: Actual): Iterable<Finding> {
  const byMark = new Map<string, ListedRole[]>();
  for (const role of roles) if (role.mark !== undefined) byMark.set(role.mark, [...(byMark.get(role.mark) ?? []), role]);
  for (const [mark, [role, ...more]] of byMark) {
    if (role === undefined) continue;
    const wanted = desired.roles.get(mark);
    if (more.length > 0) {
      const ids = [role, ...more].map(({ id }) => id).join(', ');
      yield finding('role-duplicated', `groups ${ids} carry one mark`, { role: wanted?.name ?? mark, healable: false });
    } else if (wanted === undefined) {
      yield finding('role-unused', 'nobody is to hold it', { role: role.name, healable: false });
    } else {
      // Captures may give one role in another case: that is no other name.
      if (role.name.toLowerCase() !== mark) yield finding('role-renamed', `is called "${role.name}"`, { role: wanted.name });
      yield* driftOfAssignments(wanted, assignments.get(role.id));
    }
  }
  for (const [mark, { name, members }] of desired.roles) {
    if (!byMark.has(mark)) yield finding('role-missing', `${members} are to hold it, and it is not there`, { role: name });
  }
}

function* driftOfAssignments(
  wanted: { readonly name: string; readonly assignments: readonly Assignment[] },
  found: readonly Assignment[] | undefined,
): Iterable<Finding> {
  if (found === undefined) return;
  const told = (some: readonly Assignment[]) => some.map(({ account, permissionSet }) => `${permissionSet} in ${account}`).join(', ');
  const [missing, extra] = [without(wanted.assignments, found), without(found, wanted.assignments)];
  if (missing.length > 0) yield finding('assignment-missing', told(missing), { role: wanted.name });
  if (extra.length > 0) yield finding('assignment-extra', told(extra), { role: wanted.name, removes: extra.length });
}

function detailOf({ who, isOurs, unknown, isGroup }: { who: string; isOurs: boolean; unknown: boolean; isGroup: boolean }): string {
  if (isOurs) return 'no decision gives it';
  if (unknown) return unknownPrincipal;
  return isGroup ? `${who} is a group, whose members hold the role with it` : `${who} is no principal of ours`;
}

function* driftOfMembers(
  desired: Desired,
  actual: Actual,
  byMark: ReadonlyMap<string, readonly ListedAccount[]>,
  rules: DriftRules,
): Iterable<Finding> {
  // Without every account nobody can tell whose a member is.
  if (!actual.accountsComplete) return;
  const byId = new Map(actual.accounts.map((account) => [account.id, account]));
  const principalOf = ({ mark }: ListedAccount) => (mark === undefined ? undefined : desired.principals.get(keyOfMark(mark)));
  const roleIds = new Map<string, string>();
  for (const { id, mark } of actual.roles) if (mark !== undefined) roleIds.set(mark, id);

  const holders = new Map<string, Set<string>>();
  for (const [mark, id] of roleIds) {
    const listed = actual.members.get(id);
    if (listed === undefined) continue;
    holders.set(mark, new Set(listed.map(({ accountId }) => accountId)));
    const name = desired.roles.get(mark)?.name ?? mark;
    for (const { accountId } of listed) {
      const account = byId.get(accountId);
      const principal = account && principalOf(account);
      if (principal?.grants.has(mark)) continue;
      const group = account ? undefined : actual.roles.find((role) => role.id === accountId);
      // It came after the accounts were listed: the next run knows whose it is.
      if (account === undefined && group === undefined) continue;
      const who = account ? named(account) : { id: accountId, userName: group?.name ?? accountId };
      // The role carries our mark, so its members are ours to say, whoever they are; whose mark no decision knows loses nothing by it.
      const unknown = account?.mark !== undefined && principal === undefined;
      const healable = !unknown && (desired.roles.has(mark) || rules.formerRoles.has(id));
      const detail = detailOf({ who: who.userName, isOurs: principal !== undefined, unknown, isGroup: group !== undefined });
      yield finding('membership-extra', detail, { principal, role: name, account: who, removes: 1, healable });
    }
  }
  for (const [key, principal] of desired.principals) {
    const [account, ...more] = byMark.get(key) ?? [];
    if (account === undefined || more.length > 0) continue;
    for (const [mark, { role }] of principal.grants) {
      const members = holders.get(mark);
      if (members?.has(account.id)) continue;
      if (members === undefined && (!actual.rolesComplete || roleIds.has(mark))) continue;
      yield finding('membership-missing', members === undefined ? 'the role itself is gone' : 'is no member', {
        principal,
        role,
        account: named(account),
      });
    }
  }
}
