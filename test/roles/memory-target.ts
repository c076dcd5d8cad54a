/** A target in memory, for tests of the core. It is held to the same contract as IAM Identity Center. */
import { randomUUID } from 'node:crypto';
import type { Profile } from '../../handlers/access/grants.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { type Intent, type Mark, type Target, TargetConflictError, TargetMissingError } from '../../handlers/roles/target.ts';
import { atOnce, type Pace, type TargetWorld } from './target-world.ts';

interface Made {
  readonly id: string;
  readonly createdAt: number;
  mark: string | undefined;
}

export function memoryTargetWorld(): TargetWorld {
  const accounts = new Map<string, Made & { profile: Profile }>();
  const roles = new Map<string, Made & { readonly name: string }>();
  const members = new Map<string, { readonly roleId: string; readonly accountId: string }>();
  const markText = ({ domain, guid }: Mark) => `${domain}/${guid}`;
  const made = (): Made => ({ id: randomUUID(), createdAt: Date.now(), mark: undefined });
  const lower = (text: string | undefined) => text?.toLowerCase();
  const taken = (profile: Profile, id?: string) =>
    [...accounts.values()].some(
      (other) =>
        other.id !== id &&
        (lower(other.profile.userName) === lower(profile.userName) ||
          (profile.email && lower(other.profile.email) === lower(profile.email))),
    );
  const refuse = (profile: Profile, id?: string) => {
    if (taken(profile, id) || / /.test(profile.userName)) throw new TargetConflictError(`refused "${profile.userName}"`, 'choose another');
  };
  const add = (profile: Profile) => {
    refuse(profile);
    const account = { ...made(), profile };
    accounts.set(account.id, account);
    return account;
  };
  const addRole = (name: string) => {
    if ([...roles.values()].some((role) => lower(role.name) === lower(name)))
      throw new RetryableError(`role "${name}" came to be meanwhile`);
    const role = { ...made(), name };
    roles.set(role.id, role);
    return role;
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

  const target = (pace: Pace = atOnce): Target => ({
    name: 'identity-center',
    findAccount: (mark, profile, intent) =>
      pace(async () => {
        const marked = [...accounts.values()].find((account) => account.mark === markText(mark));
        if (marked !== undefined) return { id: marked.id, profile: marked.profile };
        const called = (name: string | undefined) =>
          [...accounts.values()].find((account) => lower(account.profile.userName) === lower(name));
        const earlier = called(intent?.userName);
        const found = earlier && isOurs(earlier, intent) ? earlier : called(profile.userName);
        if (found === undefined) return undefined;
        adopt(found, markText(mark), intent);
        return { id: found.id, profile: found.profile };
      }),
    async createAccount(mark, profile) {
      const account = await pace(async () => add(profile));
      await pace(async () => {
        account.mark = markText(mark);
      });
      return { id: account.id, profile };
    },
    updateAccount: (id, _before, after) =>
      pace(async () => {
        const account = accounts.get(id);
        if (account === undefined) throw new TargetMissingError('account', `account ${id} is gone`);
        refuse(after, id);
        account.profile = after;
      }),
    deleteAccount: (id, mark) =>
      pace(async () => {
        const account = accounts.get(id);
        if (account === undefined) return;
        if (account.mark !== markText(mark)) throw new TargetConflictError(`account ${id} does not carry the mark`, 'delete it by hand');
        accounts.delete(id);
        drop(({ accountId }) => accountId === id);
      }),
    findRole: (role, intent) =>
      pace(async () => {
        const found = [...roles.values()].find(({ name }) => lower(name) === lower(role));
        if (found !== undefined && found.mark !== role) adopt(found, role, intent);
        return found?.id;
      }),
    async createRole(name) {
      const role = await pace(async () => addRole(name));
      await pace(async () => {
        role.mark = name;
      });
      return role.id;
    },
    addMember: (roleId, accountId) =>
      pace(async () => {
        if (!roles.has(roleId)) throw new TargetMissingError('role', `role ${roleId} is gone`);
        if (!accounts.has(accountId)) throw new TargetMissingError('account', `account ${accountId} is gone`);
        const id = memberId(roleId, accountId) ?? randomUUID();
        members.set(id, { roleId, accountId });
        return id;
      }),
    findMember: (roleId, accountId) => pace(async () => memberId(roleId, accountId)),
    removeMember: (id) =>
      pace(async () => {
        members.delete(id);
      }),
  });

  return {
    target,
    unmarkedAccount: async (profile) => add(profile).id,
    unmarkedRole: async (role) => addRole(role).id,
    async removeMarkOf(id) {
      const account = accounts.get(id);
      if (account !== undefined) account.mark = undefined;
    },
    async removeAccount(id) {
      accounts.delete(id);
      drop(({ accountId }) => accountId === id);
    },
    async removeRole(id) {
      roles.delete(id);
      drop(({ roleId }) => roleId === id);
    },
    async look() {
      const rolesOf = (id: string) =>
        [...members.values()].filter(({ accountId }) => accountId === id).map(({ roleId }) => roles.get(roleId)?.name ?? roleId);
      return {
        accounts: [...accounts.values()].map(({ id, profile, mark }) => ({
          id,
          profile,
          mark: mark?.split('/')[1],
          roles: rolesOf(id).sort(),
        })),
        roles: [...roles.values()].map(({ id, name, mark }) => ({ id, name, marked: mark === name })),
      };
    },
    async clear() {
      for (const all of [accounts, roles, members]) all.clear();
    },
  };
}
