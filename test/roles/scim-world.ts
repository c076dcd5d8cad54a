/** A SCIM server as a target, with its store as the hands of its administrator. */
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import type { Profile } from '../../handlers/access/grants.ts';
import type { Log } from '../../handlers/platform/log.ts';
import type { Budget } from '../../handlers/roles/budget.ts';
import { accountMarkOf, roleMarkOf } from '../../handlers/roles/targets/scim/marks.ts';
import { isActive, profileOf, userOf } from '../../handlers/roles/targets/scim/profile.ts';
import { type ScimOptions, scimTarget } from '../../handlers/roles/targets/scim/scim-target.ts';
import { settingsSchema } from '../../handlers/roles/targets/scim/settings.ts';
import type { ScimServer, StoredResource } from '../../sandbox/scim-server.ts';
import { atOnce, type Pace, type TargetWorld } from './target-world.ts';

export const noLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
export const paceBudget = (pace: Pace = atOnce): Budget => ({
  call: (_api, make) => pace(make),
  place: async () => async () => undefined,
});
/** Soon enough for tests. */
export const hurry: Required<Pick<ScimOptions, 'patience' | 'limits'>> = {
  patience: { retries: 3, firstWaitMs: 2, longestWaitMs: 2_000 },
  limits: { timeoutMs: 2_000, maxBytes: 4_000_000 },
};

export function scimTargetOf(
  url: string,
  settings: object = {},
  pace: Pace = atOnce,
  options: ScimOptions = {},
  secret = async () => 'token',
) {
  return scimTarget(
    v.parse(settingsSchema, { endpoint: url, authentication: { bearer: true }, ...settings }),
    { name: 'scim', budget: paceBudget(pace), secret, log: noLog, now: () => new Date() },
    { ...hurry, ...options },
  );
}

export function scimWorld(server: ScimServer, profile: 'standard' | 'identity-center' = 'standard'): TargetWorld {
  const pageSize = 3;
  const { users, groups } = server;
  const metaOf = () => {
    const now = new Date().toISOString();
    return { created: now, lastModified: now, version: 'W/"1"' };
  };
  const add = (resources: Map<string, StoredResource>, attributes: object): string => {
    const id = randomUUID();
    resources.set(id, { ...attributes, id, meta: metaOf() });
    return id;
  };
  const edit = (resources: Map<string, StoredResource>, id: string, attributes: object): void => {
    const before = resources.get(id);
    if (before === undefined) throw new Error(`no resource ${id}`);
    resources.set(id, { ...before, ...attributes, id, meta: metaOf() });
  };
  const membersOf = (group: StoredResource | undefined) => (group?.members ?? []) as { readonly value: string }[];
  const without = ({ members }: StoredResource, id: string) => ((members ?? []) as { value: string }[]).filter(({ value }) => value !== id);

  return {
    target: (pace = atOnce) => scimTargetOf(server.url, { profile, pageSize }, pace),
    offers: ['setActive'],
    pageSize,
    async unmarkedAccount(account: Profile) {
      const { externalId: _, ...attributes } = userOf('', account);
      return add(users, attributes);
    },
    unmarkedRole: async (role) => add(groups, { displayName: role, members: [] }),
    removeMarkOf: async (id) => edit(users, id, { externalId: undefined }),
    removeMarkOfRole: async (id) => edit(groups, id, { externalId: undefined }),
    async removeAccount(id) {
      users.delete(id);
      for (const group of groups.values()) edit(groups, group.id, { members: without(group, id) });
    },
    async removeRole(id) {
      groups.delete(id);
    },
    renameRole: async (id, name) => edit(groups, id, { displayName: name }),
    addMember: async (id, member) => edit(groups, id, { members: [...membersOf(groups.get(id)), { value: member, type: 'User' }] }),
    async removeMember(id, member) {
      const group = groups.get(id);
      if (group) edit(groups, id, { members: without(group, member) });
    },
    setActive: async (id, active) => edit(users, id, { active }),
    duplicate: async (id, account) => add(users, userOf(String(users.get(id)?.externalId), account)),
    async look() {
      const rolesOf = (id: string) =>
        [...groups.values()]
          .filter((group) => membersOf(group).some(({ value }) => value === id))
          .map(({ displayName }) => String(displayName));
      return {
        accounts: [...users.values()].map((user) => ({
          id: user.id,
          profile: profileOf(user),
          mark: accountMarkOf(user.externalId)?.guid,
          roles: rolesOf(user.id).sort(),
          ...(isActive(user) ? {} : { active: false as const }),
        })),
        roles: [...groups.values()].map(({ id, displayName, externalId }) => ({
          id,
          name: String(displayName),
          marked: roleMarkOf(externalId) !== undefined,
        })),
      };
    },
    async clear() {
      users.clear();
      groups.clear();
    },
  };
}
