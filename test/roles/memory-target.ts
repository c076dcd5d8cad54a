/** A target in memory, for tests of the core. It is held to the same contract as the real ones. */
import { randomUUID } from 'node:crypto';
import type { Profile } from '../../handlers/access/grants.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import {
  type AccountState,
  type Intent,
  type ListedAccount,
  type Mark,
  type Page,
  type Target,
  TargetConflictError,
  TargetMissingError,
} from '../../handlers/roles/target.ts';
import { type MemoryAssignments, memoryAssignments } from './memory-assignments.ts';
import { atOnce, type Offer, type Pace, type TargetWorld } from './target-world.ts';

interface Made {
  readonly id: string;
  readonly createdAt: number;
  mark: string | undefined;
}
type Account = Made & { profile: Profile; active: boolean };
type Role = Made & { name: string };

export type MemoryTargetWorld = TargetWorld & {
  readonly assignments: MemoryAssignments['world'];
  readonly setActive: (accountId: string, active: boolean) => Promise<void>;
  readonly duplicate: (accountId: string, profile: Profile) => Promise<string>;
};

/** @param offers what its port does not leave out */
export function memoryTargetWorld({
  name = 'identity-center',
  offers = ['setActive', 'assignments', 'sessions'],
  pageSize = 3,
}: {
  readonly name?: string;
  readonly offers?: readonly Offer[];
  readonly pageSize?: number;
} = {}): MemoryTargetWorld {
  const accounts = new Map<string, Account>();
  const roles = new Map<string, Role>();
  const members = new Map<string, { readonly roleId: string; readonly accountId: string }>();
  const assigned = memoryAssignments();
  const markText = ({ domain, guid }: Mark) => `${domain}/${guid}`;
  const markOf = (text: string | undefined): Mark | undefined => {
    const [domain, guid] = text?.split('/') ?? [];
    return domain && guid ? { domain, guid } : undefined;
  };
  const made = (): Made => ({ id: randomUUID(), createdAt: Date.now(), mark: undefined });
  const lower = (text: string | undefined) => text?.toLowerCase();
  const calledAccount = (userName: string | undefined) =>
    [...accounts.values()].find(({ profile }) => lower(profile.userName) === lower(userName));
  const calledRole = (role: string) => [...roles.values()].find((other) => lower(other.name) === lower(role));
  const refuse = (profile: Profile, id?: string) => {
    const taken = [...accounts.values()].some(
      (other) =>
        other.id !== id &&
        (lower(other.profile.userName) === lower(profile.userName) ||
          (profile.email && lower(other.profile.email) === lower(profile.email))),
    );
    if (taken || / /.test(profile.userName)) throw new TargetConflictError(`refused "${profile.userName}"`, 'choose another');
  };
  const add = (profile: Profile): Account => {
    refuse(profile);
    const account = { ...made(), profile, active: true };
    accounts.set(account.id, account);
    return account;
  };
  const addRole = (role: string): Role => {
    if (calledRole(role)) throw new RetryableError(`role "${role}" came to be meanwhile`);
    const one = { ...made(), name: role };
    roles.set(one.id, one);
    return one;
  };
  const drop = (gone: (member: { roleId: string; accountId: string }) => boolean) => {
    for (const [id, member] of members) if (gone(member)) members.delete(id);
  };
  const isOurs = (found: Made, intent: Intent | undefined) =>
    intent !== undefined && Math.abs(found.createdAt - Date.parse(intent.at)) <= 60_000 && found.mark === undefined;
  const adopt = (found: Made, mark: string, intent: Intent | undefined) => {
    if (!isOurs(found, intent)) throw new TargetConflictError(`${found.id} does not carry our mark`, 'rename it, or hand it over');
    found.mark = mark;
  };
  const memberId = (roleId: string, accountId: string) =>
    [...members].find(([, member]) => member.roleId === roleId && member.accountId === accountId)?.[0];
  const join = (roleId: string, accountId: string) => {
    const id = memberId(roleId, accountId) ?? randomUUID();
    members.set(id, { roleId, accountId });
    return id;
  };
  const stateOf = ({ id, profile, active }: Account): AccountState => ({ id, profile, active });
  const listed = (account: Account): ListedAccount => ({ ...stateOf(account), mark: markOf(account.mark) });
  const known = (id: string): Account => {
    const account = accounts.get(id);
    if (account === undefined) throw new TargetMissingError('account', `account ${id} is gone`);
    return account;
  };
  const own = (account: Account, mark: Mark) => {
    if (account.mark !== markText(mark))
      throw new TargetConflictError(`account ${account.id} does not carry the mark`, 'look after it by hand');
  };
  const page = <T, Item>(all: Iterable<T>, after: string | undefined, show: (one: T) => Item): Page<Item> => {
    const start = Number(after ?? 0);
    const rest = [...all].slice(start);
    return { items: rest.slice(0, pageSize).map(show), after: rest.length > pageSize ? String(start + pageSize) : undefined };
  };

  const target = (pace: Pace = atOnce): Target => ({
    name,
    findAccount: (mark, profile, intent) =>
      pace(async () => {
        const [marked, ...others] = [...accounts.values()].filter((account) => account.mark === markText(mark));
        if (others.length > 0)
          throw new TargetConflictError(`${others.length + 1} accounts carry the mark of ${mark.guid}`, 'delete all but one');
        if (marked !== undefined) return stateOf(marked);
        const earlier = calledAccount(intent?.userName);
        const found = earlier && isOurs(earlier, intent) ? earlier : calledAccount(profile.userName);
        if (found === undefined) return undefined;
        adopt(found, markText(mark), intent);
        return stateOf(found);
      }),
    async createAccount(mark, profile) {
      const account = await pace(async () => add(profile));
      await pace(async () => {
        account.mark = markText(mark);
      });
      return stateOf(account);
    },
    updateAccount: (id, _before, after) =>
      pace(async () => {
        const account = known(id);
        const holder = calledAccount(after.userName);
        // The holder is another of ours, which may be waiting for this one's name: it is given up, and found free by the next attempt.
        if (holder && holder !== account && holder.mark !== undefined) account.profile = { ...account.profile, userName: id };
        refuse(after, id);
        account.profile = after;
      }),
    deleteAccount: (id, mark) =>
      pace(async () => {
        const account = accounts.get(id);
        if (account === undefined) return;
        own(account, mark);
        accounts.delete(id);
        drop(({ accountId }) => accountId === id);
      }),
    readAccount: (id) =>
      pace(async () => {
        const account = accounts.get(id);
        return account && listed(account);
      }),
    ...(offers.includes('setActive') && {
      setActive: (id: string, mark: Mark, active: boolean) =>
        pace(async () => {
          const account = known(id);
          own(account, mark);
          account.active = active;
        }),
    }),
    findRole: (role, intent) =>
      pace(async () => {
        const found = [...roles.values()].find(({ mark }) => mark === lower(role)) ?? calledRole(role);
        if (found !== undefined && found.mark !== lower(role)) adopt(found, role.toLowerCase(), intent);
        return found?.id;
      }),
    async createRole(role) {
      const one = await pace(async () => addRole(role));
      await pace(async () => {
        one.mark = role.toLowerCase();
      });
      return one.id;
    },
    renameRole: (id, role) =>
      pace(async () => {
        const one = roles.get(id);
        if (one === undefined) throw new TargetMissingError('role', `role ${id} is gone`);
        const holder = calledRole(role);
        if (one.mark !== lower(role)) throw new TargetConflictError(`role ${id} does not carry our mark`, 'rename it by hand');
        if (holder && holder !== one) throw new TargetConflictError(`another role is called "${role}"`, 'rename that one');
        one.name = role;
      }),
    addMember: (roleId, accountId) =>
      pace(async () => {
        if (!roles.has(roleId)) throw new TargetMissingError('role', `role ${roleId} is gone`);
        known(accountId);
        return join(roleId, accountId);
      }),
    findMember: (roleId, accountId) => pace(async () => memberId(roleId, accountId)),
    removeMember: (id) =>
      pace(async () => {
        members.delete(id);
      }),
    listAccounts: (after) => pace(async () => page(accounts.values(), after, listed)),
    listRoles: (after) => pace(async () => page(roles.values(), after, (role) => ({ id: role.id, name: role.name, mark: role.mark }))),
    listMembers: (roleId, after) =>
      pace(async () =>
        page(
          [...members].filter(([, member]) => member.roleId === roleId),
          after,
          ([membershipId, { accountId }]) => ({ membershipId, accountId }),
        ),
      ),
    ...(offers.includes('assignments') && { assignments: assigned.assignments(pace) }),
    ...(offers.includes('sessions') && { sessions: assigned.sessions(pace) }),
  });

  return {
    target,
    offers,
    pageSize,
    assignments: assigned.world,
    sessions: assigned.sessionWorld,
    unmarkedAccount: async (profile) => add(profile).id,
    unmarkedRole: async (role) => addRole(role).id,
    async removeMarkOf(id) {
      known(id).mark = undefined;
    },
    async removeMarkOfRole(id) {
      const role = roles.get(id);
      if (role) role.mark = undefined;
    },
    async removeAccount(id) {
      accounts.delete(id);
      drop(({ accountId }) => accountId === id);
    },
    async removeRole(id) {
      roles.delete(id);
      assigned.dropRole(id);
      drop(({ roleId }) => roleId === id);
    },
    async renameRole(id, role) {
      const one = roles.get(id);
      if (one) one.name = role;
    },
    async addMember(roleId, accountId) {
      join(roleId, accountId);
    },
    removeMember: async (roleId, accountId) => drop((member) => member.roleId === roleId && member.accountId === accountId),
    async setActive(id, active) {
      known(id).active = active;
    },
    async duplicate(id, profile) {
      const copy = add(profile);
      copy.mark = known(id).mark;
      return copy.id;
    },
    async look() {
      const rolesOf = (id: string) =>
        [...members.values()].filter(({ accountId }) => accountId === id).map(({ roleId }) => roles.get(roleId)?.name ?? roleId);
      return {
        accounts: [...accounts.values()].map(({ id, profile, mark, active }) => ({
          id,
          profile,
          mark: markOf(mark)?.guid,
          roles: rolesOf(id).sort(),
          ...(active ? {} : { active: false as const }),
        })),
        roles: [...roles.values()].map(({ id, name, mark }) => ({ id, name, marked: mark !== undefined })),
      };
    },
    async clear() {
      for (const all of [accounts, roles, members]) all.clear();
      assigned.clear();
    },
  };
}
