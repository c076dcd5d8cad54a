/**
 * Members of a SCIM server's groups. What comes in together for one group goes out in one PATCH: at a few calls a second that decides how
 * long a reorganisation takes.
 */
import { type ListedMember, type Page, type Target, TargetConflictError, TargetMissingError } from '../../target.ts';
import { isStatus, type ScimClient } from './client.ts';
import { and, eq } from './filters.ts';
import { isObject, type JsonObject } from './http.ts';
import type { Lists } from './listing.ts';
import { type Operation, patchOf } from './profile.ts';
import { isRefusal, resourcesOf } from './resources.ts';
import type { ScimProfile } from './settings.ts';

type Members = Pick<Target, 'addMember' | 'findMember' | 'removeMember' | 'listMembers'>;

/** "IAM Identity Center SCIM Implementation Developer Guide", PatchGroup: at most so many changes of membership in one request. */
const changesAtOnce = 100;

interface Change {
  readonly op: 'add' | 'remove';
  readonly userId: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** SCIM knows no id of a membership. */
const membershipId = (groupId: string, userId: string): string => `${encodeURIComponent(groupId)}/${encodeURIComponent(userId)}`;

export function membersOf(client: ScimClient, lists: Lists, profile: ScimProfile): Members {
  const users = resourcesOf(client, lists, '/Users');
  const groups = resourcesOf(client, lists, '/Groups');
  const waiting = new Map<string, Change[]>();

  /** Ids of those in the group, or undefined when the group is gone. */
  const read = async (groupId: string): Promise<readonly string[] | undefined> => {
    const found = await groups.read(groupId);
    return found && membersIn(found.resource);
  };

  const isMember = async (groupId: string, userId: string): Promise<boolean> =>
    profile === 'identity-center' ? isMemberByFilter(lists, groupId, userId) : ((await read(groupId))?.includes(userId) ?? false);

  const send = async (groupId: string, changes: readonly Change[]): Promise<void> => {
    const { body } = await client({ method: 'PATCH', path: groups.pathOf(groupId), body: patchOf(operationsOf(changes, profile)) });
    // Identity Center answers 204, shows no members, and says 404 of a user that is gone.
    if (profile === 'identity-center') return;
    const added = changes.filter(({ op }) => op === 'add');
    if (added.length === 0) return; // Whether a member is gone, the caller verifies.
    const members = new Set(body?.members === undefined ? await read(groupId) : membersIn(body));
    const ignored = added.filter(({ userId }) => !members.has(userId));
    if (ignored.length > 0) {
      throw new IgnoredMembersError(
        groupId,
        ignored.map(({ userId }) => userId),
      );
    }
  };

  const explain = async (groupId: string, { op, userId }: Change, cause: unknown): Promise<unknown> => {
    const isIgnored = cause instanceof IgnoredMembersError;
    if (!isIgnored && !isStatus(cause, 404) && !isRefusal(cause)) return cause;
    if ((await groups.read(groupId)) === undefined) {
      return op === 'remove' ? undefined : new TargetMissingError('role', `group ${groupId} is gone`, { cause });
    }
    // Some refuse to remove who is no member (RFC 7644 section 3.5.2.2, noTarget).
    if (op === 'remove') return (await isMember(groupId, userId)) ? cause : undefined;
    if ((await users.read(userId)) === undefined) return new TargetMissingError('account', `user ${userId} is gone`, { cause });
    if (!isIgnored) return cause;
    return new TargetConflictError(cause.message, 'let the server take members of groups by PATCH (RFC 7644 section 3.5.2)', { cause });
  };

  const settle = async (groupId: string, changes: readonly Change[]): Promise<void> => {
    try {
      await send(groupId, changes);
      for (const { done } of changes) done();
    } catch (error) {
      const isOfOne = isStatus(error, 404) || isRefusal(error) || error instanceof IgnoredMembersError;
      if (changes.length > 1 && isOfOne) {
        // One that the server does not take must not hold up the others.
        for (const change of changes) await settle(groupId, [change]);
        return;
      }
      for (const change of changes) {
        await explain(groupId, change, error).then(
          (reason) => (reason === undefined ? change.done() : change.failed(reason)),
          change.failed,
        );
      }
    }
  };

  const work = async (groupId: string, changes: Change[]): Promise<void> => {
    // Those who call in the same turn come along.
    await new Promise((resolve) => setImmediate(resolve));
    while (changes.length > 0) await settle(groupId, take(changes));
    waiting.delete(groupId);
  };

  const change = (groupId: string, op: Change['op'], userId: string): Promise<void> =>
    new Promise((done, failed) => {
      const one: Change = { op, userId, done, failed };
      const changes = waiting.get(groupId);
      if (changes !== undefined) {
        changes.push(one);
        return;
      }
      const first = [one];
      waiting.set(groupId, first);
      void work(groupId, first);
    });

  return {
    async addMember(roleId, accountId) {
      await change(roleId, 'add', accountId);
      return membershipId(roleId, accountId);
    },

    async removeMember(id) {
      const [groupId, userId] = id.split('/').map(decodeURIComponent);
      if (!groupId || !userId) throw new TypeError(`membership "${id}" is not written <group>/<user>`);
      await change(groupId, 'remove', userId);
    },

    findMember: async (roleId, accountId) => ((await isMember(roleId, accountId)) ? membershipId(roleId, accountId) : undefined),

    async listMembers(roleId, after): Promise<Page<ListedMember>> {
      const item = (accountId: string): ListedMember => ({ membershipId: membershipId(roleId, accountId), accountId });
      if (profile === 'identity-center') {
        const page = await lists.page('/Users', { filter: eq('groups.value', roleId) }, after);
        return { items: page.resources.map(({ id }) => item(id)), after: page.after };
      }
      const members = await read(roleId);
      if (members === undefined) throw new TargetMissingError('role', `group ${roleId} is gone`);
      return { items: members.map(item), after: undefined };
    },
  };
}

/** Identity Center shows nobody in a group, and lists groups by group and member ("ListGroups": 404 for a member that is gone). */
async function isMemberByFilter(lists: Lists, groupId: string, userId: string): Promise<boolean> {
  try {
    const filter = and(eq('id', groupId), eq('members', userId));
    return (await lists.find('/Groups', { filter }, ({ id }) => id === groupId)).length > 0;
  } catch (error) {
    if (isStatus(error, 404)) return false;
    throw error;
  }
}

/** The next changes that go out together, each user once; who comes and goes does so in two requests, in order. */
function take(changes: Change[]): readonly Change[] {
  const taken: Change[] = [];
  const ops = new Map<string, Change['op']>();
  for (const change of changes) {
    const other = ops.get(change.userId);
    if ((other !== undefined && other !== change.op) || (other === undefined && ops.size === changesAtOnce)) break;
    ops.set(change.userId, change.op);
    taken.push(change);
  }
  changes.splice(0, taken.length);
  return taken;
}

function operationsOf(changes: readonly Change[], profile: ScimProfile): readonly Operation[] {
  const idsOf = (op: Change['op']) => [...new Set(changes.filter((change) => change.op === op).map(({ userId }) => userId))];
  const valuesOf = (ids: readonly string[]) => ids.map((value) => ({ value }));
  const [added, removed] = [idsOf('add'), idsOf('remove')];
  const add: Operation[] = added.length > 0 ? [{ op: 'add', path: 'members', value: valuesOf(added) }] : [];
  if (removed.length === 0) return add;
  // By RFC 7644 section 3.5.2.2 a remove of "members" with values removes all members: only where the guide documents it so.
  const remove: Operation[] =
    profile === 'identity-center'
      ? [{ op: 'remove', path: 'members', value: valuesOf(removed) }]
      : removed.map((id) => ({ op: 'remove', path: `members[${eq('value', id)}]` }));
  return [...add, ...remove];
}

function membersIn({ members }: JsonObject): readonly string[] {
  const listed = Array.isArray(members) ? members : [];
  return listed.flatMap((member) => (isObject(member) && member.value !== undefined ? [String(member.value)] : []));
}

/** The server answered with success, and they are no members. */
class IgnoredMembersError extends Error {
  override readonly name = 'IgnoredMembersError';
  constructor(groupId: string, userIds: readonly string[]) {
    super(`the server did not take ${userIds.join(', ')} into group ${groupId} though it said so`);
  }
}
