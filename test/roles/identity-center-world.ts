/** IAM Identity Center as the sandbox's endpoint has it, with its operator as the administrator. */
import { IdentitystoreClient } from '@aws-sdk/client-identitystore';
import type { Profile } from '../../handlers/access/grants.ts';
import { identityCenterTarget } from '../../handlers/roles/identity-center.ts';
import type { AwsEndpoint } from '../../sandbox/aws/endpoint.ts';
import { atOnce, type TargetWorld } from './target-world.ts';

interface StoredUser {
  readonly UserId: string;
  readonly UserName: string;
  readonly DisplayName: string;
  readonly Name: { readonly GivenName: string; readonly FamilyName: string };
  readonly Emails?: readonly { readonly Value: string }[];
  readonly ExternalIds?: readonly { readonly Issuer: string; readonly Id: string }[];
}
interface StoredGroup {
  readonly GroupId: string;
  readonly DisplayName: string;
  readonly ExternalIds?: readonly { readonly Issuer: string; readonly Id: string }[];
}

export function identityCenterWorld(endpoint: AwsEndpoint): TargetWorld & { close(): void } {
  const { identityStoreId: IdentityStoreId, url, region } = endpoint;
  const client = new IdentitystoreClient({ endpoint: url, region, credentials: endpoint.operator });
  const call = (operation: string, input: object = {}) =>
    endpoint.call('operator', 'identitystore', operation, { IdentityStoreId, ...input });
  const all = async <T>(operation: string, member: string, input: object = {}): Promise<T[]> => {
    const found: T[] = [];
    let NextToken: unknown;
    do {
      const page = await call(operation, { ...input, ...(NextToken ? { NextToken } : {}) });
      found.push(...(page[member] as T[]));
      NextToken = page.NextToken;
    } while (NextToken);
    return found;
  };
  const users = () => all<StoredUser>('ListUsers', 'Users');
  const groups = () => all<StoredGroup>('ListGroups', 'Groups');

  return {
    target: (pace = atOnce) => identityCenterTarget(client, IdentityStoreId, pace),
    async unmarkedAccount({ userName, displayName, givenName, familyName, email }: Profile) {
      const attributes = { UserName: userName, DisplayName: displayName, Name: { GivenName: givenName, FamilyName: familyName } };
      const { UserId } = await call('CreateUser', { ...attributes, ...(email ? { Emails: [{ Value: email }] } : {}) });
      return String(UserId);
    },
    unmarkedRole: async (role) => String((await call('CreateGroup', { DisplayName: role })).GroupId),
    async removeMarkOf(UserId) {
      await call('UpdateUser', { UserId, Operations: [{ AttributePath: 'externalIds' }] });
    },
    async removeAccount(UserId) {
      await call('DeleteUser', { UserId });
    },
    async removeRole(GroupId) {
      await call('DeleteGroup', { GroupId });
    },
    async look() {
      const [found, named] = [await users(), await groups()];
      const names = new Map(named.map(({ GroupId, DisplayName }) => [GroupId, DisplayName]));
      const accounts = await Promise.all(
        found.map(async ({ UserId, UserName, DisplayName, Name, Emails, ExternalIds }) => {
          const memberships = await all<{ GroupId: string }>('ListGroupMembershipsForMember', 'GroupMemberships', { MemberId: { UserId } });
          const email = Emails?.[0]?.Value;
          return {
            id: UserId,
            profile: {
              userName: UserName,
              displayName: DisplayName,
              givenName: Name.GivenName,
              familyName: Name.FamilyName,
              ...(email ? { email } : {}),
            },
            mark: ExternalIds?.[0]?.Id,
            roles: memberships.map(({ GroupId }) => names.get(GroupId) ?? GroupId).sort(),
          };
        }),
      );
      const marked = ({ ExternalIds }: StoredGroup) => ExternalIds?.[0]?.Issuer === 'active-directory-lambda';
      return { accounts, roles: named.map((group) => ({ id: group.GroupId, name: group.DisplayName, marked: marked(group) })) };
    },
    async clear() {
      for (const { UserId } of await users()) await call('DeleteUser', { UserId });
      for (const { GroupId } of await groups()) await call('DeleteGroup', { GroupId });
    },
    close: () => client.destroy(),
  };
}
