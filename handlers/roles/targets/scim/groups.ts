/** Roles at a SCIM server: groups, marked by their externalId. */
import { RetryableError } from '../../../platform/errors.ts';
import { type Target, TargetConflictError, TargetMissingError } from '../../target.ts';
import { isStatus, type ScimClient } from './client.ts';
import { isObject } from './http.ts';
import type { Lists, Resource } from './listing.ts';
import { roleMark, roleMarkOf } from './marks.ts';
import { patchOf, schemas } from './profile.ts';
import { halfMade, isRefusal, resourcesOf } from './resources.ts';
import type { ScimProfile } from './settings.ts';

type Roles = Pick<Target, 'findRole' | 'createRole' | 'renameRole' | 'listRoles'>;

/** Where a group's members do not matter they stay where they are: a list of groups would carry all of them (RFC 7644 section 3.9). */
export const withoutMembers = (profile: ScimProfile): Readonly<Record<string, string>> =>
  profile === 'standard' ? { excludedAttributes: 'members' } : {};

export function groupsOf(client: ScimClient, lists: Lists, profile: ScimProfile): Roles {
  const groups = resourcesOf(client, lists, '/Groups', withoutMembers(profile));

  /** A name is unique at some servers only (RFC 7643 section 4.2): of two that runs made at once, both take the older. */
  const ofMark = async (role: string): Promise<Resource | undefined> => [...(await groups.marked(roleMark(role)))].sort(byAge)[0];

  return {
    async findRole(role, intent) {
      const marked = await ofMark(role);
      if (marked !== undefined) return marked.id;
      const [group] = await groups.called('displayName', role);
      if (group === undefined) return undefined;
      if (!halfMade(group, intent)) {
        throw new TargetConflictError(
          `group "${role}" (${group.id}) exists at the target and does not carry our mark`,
          `map to another role name, or hand the group over: set its externalId to "${roleMark(role)}"`,
        );
      }
      await groups.mark(group.id, roleMark(role));
      return group.id;
    },

    async createRole(role) {
      let id: string;
      try {
        const body = { schemas: [schemas.group], displayName: role, externalId: roleMark(role) };
        ({ id } = await groups.made(await client({ method: 'POST', path: '/Groups', body }), roleMark(role)));
      } catch (cause) {
        if (isStatus(cause, 409))
          throw new RetryableError(`group "${role}" came to be at the target meanwhile: it is looked up again`, { cause });
        if (!isRefusal(cause)) throw cause;
        throw new TargetConflictError(`the target refused to create group "${role}": ${cause.message}`, 'map to another role name', {
          cause,
        });
      }
      // Identity Center refuses a second group of that name.
      if (profile === 'identity-center' || (await ofMark(role))?.id === id) return id;
      await client({ method: 'DELETE', path: groups.pathOf(id) });
      throw new RetryableError(`group "${role}" came to be at the target meanwhile: it is looked up again`);
    },

    async renameRole(roleId, role) {
      const read = await groups.read(roleId);
      if (read === undefined) throw new TargetMissingError('role', `group ${roleId} is gone`);
      if (read.resource.externalId !== roleMark(role)) {
        throw new TargetConflictError(
          `group ${roleId} does not carry the mark of role "${role}": it is not renamed`,
          `rename it by hand, or set its externalId to "${roleMark(role)}"`,
        );
      }
      if (read.resource.displayName === role) return;
      try {
        const operation = { op: 'replace', path: 'displayName', value: role } as const;
        await client({ method: 'PATCH', path: groups.pathOf(roleId), body: patchOf([operation]), version: read.version });
      } catch (cause) {
        if (isStatus(cause, 404)) throw new TargetMissingError('role', `group ${roleId} is gone`, { cause });
        if (isStatus(cause, 412)) throw new RetryableError(`group ${roleId} changed meanwhile: it is read again`, { cause });
        if (!isRefusal(cause)) throw cause;
        throw new TargetConflictError(
          `the target refused to rename group ${roleId} to "${role}": ${cause.message}`,
          `rename the other group called "${role}"`,
          { cause },
        );
      }
    },

    async listRoles(after) {
      const page = await lists.page('/Groups', withoutMembers(profile), after);
      const items = page.resources.map(({ id, displayName, externalId }) => ({
        id,
        name: typeof displayName === 'string' ? displayName : '',
        mark: roleMarkOf(externalId),
      }));
      return { items, after: page.after };
    },
  };
}

const createdAt = ({ meta }: Resource): number => (isObject(meta) ? Date.parse(String(meta.created)) || 0 : 0);
const byAge = (a: Resource, b: Resource): number => createdAt(a) - createdAt(b) || (a.id < b.id ? -1 : 1);
