/** Reading Identity Center as an operator does. */
import type { Sandbox } from './sandbox.ts';

export interface StoredUser {
  readonly UserId: string;
  readonly UserName: string;
  readonly DisplayName: string;
  readonly ExternalIds?: readonly { readonly Issuer: string; readonly Id: string }[];
}

export interface IdentityStoreView {
  users(): Promise<readonly StoredUser[]>;
  userOf(guid: string): Promise<StoredUser | undefined>;
  /** Display names of the groups that a user is in, sorted. */
  rolesOf(userId: string): Promise<readonly string[]>;
}

export function identityStoreOf({ endpoint }: Pick<Sandbox, 'endpoint'>): IdentityStoreView {
  const IdentityStoreId = endpoint.identityStoreId;
  const all = async <T>(operation: string, member: string, input: Record<string, unknown> = {}): Promise<readonly T[]> => {
    const found: T[] = [];
    let NextToken: string | undefined;
    do {
      const page = await endpoint.call('operator', 'identitystore', operation, {
        IdentityStoreId,
        ...input,
        ...(NextToken ? { NextToken } : {}),
      });
      found.push(...(page[member] as T[]));
      NextToken = page.NextToken as string | undefined;
    } while (NextToken);
    return found;
  };
  const users = () => all<StoredUser>('ListUsers', 'Users');
  return {
    users,
    userOf: async (guid) => (await users()).find(({ ExternalIds }) => ExternalIds?.some(({ Id }) => Id === guid)),
    rolesOf: async (UserId) => {
      const memberships = await all<{ GroupId: string }>('ListGroupMembershipsForMember', 'GroupMemberships', { MemberId: { UserId } });
      const groups = await all<{ GroupId: string; DisplayName: string }>('ListGroups', 'Groups');
      return memberships
        .flatMap(({ GroupId }) => groups.filter((group) => group.GroupId === GroupId).map((group) => group.DisplayName))
        .sort();
    },
  };
}
