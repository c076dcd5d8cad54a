/** Roles and who holds them: groups of the identity store and their memberships. */
import {
  ConflictException,
  CreateGroupCommand,
  CreateGroupMembershipCommand,
  DeleteGroupMembershipCommand,
  DescribeGroupCommand,
  GetGroupIdCommand,
  GetGroupMembershipIdCommand,
  ListGroupMembershipsCommand,
  ListGroupsCommand,
  ResourceNotFoundException,
  UpdateGroupCommand,
} from '@aws-sdk/client-identitystore';
import { RetryableError } from '../../../platform/errors.ts';
import { type ListedMember, type ListedRole, type Page, type Target, TargetConflictError, TargetMissingError } from '../../target.ts';
import { carries, halfMade, roleMark, roleMarkOf } from './marks.ts';
import { absentAsUndefined, type Store } from './store.ts';

type Roles = Pick<Target, 'findRole' | 'createRole' | 'renameRole' | 'listRoles'>;
type Members = Pick<Target, 'addMember' | 'findMember' | 'removeMember' | 'listMembers'>;

/** The most that ListGroups and ListGroupMemberships answer (Identity Store API Reference). */
const pageSize = 100;

export function roles({ client, IdentityStoreId }: Store): Roles {
  const describe = (GroupId: string) => absentAsUndefined(client.send(new DescribeGroupCommand({ IdentityStoreId, GroupId })));
  // The SDK's document type knows no read-only values.
  const update = (GroupId: string, AttributePath: string, AttributeValue: unknown) =>
    client.send(
      new UpdateGroupCommand({ IdentityStoreId, GroupId, Operations: [{ AttributePath, AttributeValue: AttributeValue as never }] }),
    );
  const setMark = (GroupId: string, role: string) => update(GroupId, 'externalIds', [{ ...roleMark(role) }]);
  const idBy = (AlternateIdentifier: ConstructorParameters<typeof GetGroupIdCommand>[0]['AlternateIdentifier']) =>
    absentAsUndefined(client.send(new GetGroupIdCommand({ IdentityStoreId, AlternateIdentifier }))).then((found) => found?.GroupId);

  return {
    async findRole(role, intent): Promise<string | undefined> {
      const marked = await idBy({ ExternalId: roleMark(role) });
      if (marked !== undefined) return marked;
      const id = await idBy({ UniqueAttribute: { AttributePath: 'displayName', AttributeValue: role } });
      if (id === undefined) return undefined;
      const group = await describe(id);
      if (group === undefined) return undefined;
      if (!halfMade(group, intent)) throw nameTaken(role, id);
      await setMark(id, role);
      return id;
    },

    async createRole(role): Promise<string> {
      const Description = 'Members follow Active Directory. Managed by active-directory-lambda.';
      try {
        const { GroupId } = await client.send(new CreateGroupCommand({ IdentityStoreId, DisplayName: role, Description }));
        const id = GroupId ?? '';
        await setMark(id, role);
        return id;
      } catch (cause) {
        if (!(cause instanceof ConflictException)) throw cause;
        throw new RetryableError(`group "${role}" came to be at Identity Center meanwhile: it is looked up again`, { cause });
      }
    },

    async renameRole(GroupId, role) {
      const group = await describe(GroupId);
      if (group === undefined) throw new TargetMissingError('role', `group ${GroupId} is gone`);
      if (!carries(group.ExternalIds, roleMark(role))) {
        throw new TargetConflictError(
          `group ${GroupId} ("${group.DisplayName}") does not carry the mark of role "${role}": it is not renamed`,
          `set its external id to issuer "${roleMark(role).Issuer}", id "${roleMark(role).Id}", or delete it`,
        );
      }
      try {
        await update(GroupId, 'displayName', role);
      } catch (cause) {
        if (cause instanceof ResourceNotFoundException) throw new TargetMissingError('role', `group ${GroupId} is gone`, { cause });
        if (!(cause instanceof ConflictException)) throw cause;
        throw new TargetConflictError(
          `group ${GroupId} cannot have the name "${role}" of its role: another group has it`,
          'rename or delete that other group',
          { cause },
        );
      }
    },

    async listRoles(NextToken): Promise<Page<ListedRole>> {
      const page = await client.send(new ListGroupsCommand({ IdentityStoreId, MaxResults: pageSize, NextToken }));
      if (page.Groups === undefined) throw new Error('ListGroups answered without groups: the page is not complete');
      const items = page.Groups.map(({ GroupId, DisplayName, ExternalIds }) => {
        if (GroupId === undefined) throw new Error('ListGroups showed a group without its id: the page is not complete');
        return { id: GroupId, name: DisplayName ?? '', mark: roleMarkOf(ExternalIds) };
      });
      return { items, after: page.NextToken };
    },
  };
}

export function members({ client, IdentityStoreId }: Store): Members {
  return {
    async addMember(GroupId, UserId): Promise<string> {
      const member = { IdentityStoreId, GroupId, MemberId: { UserId } };
      try {
        const { MembershipId } = await client.send(new CreateGroupMembershipCommand(member));
        return MembershipId ?? '';
      } catch (cause) {
        if (cause instanceof ResourceNotFoundException) {
          const missing = cause.ResourceType === 'GROUP' ? 'role' : 'account';
          throw new TargetMissingError(missing, `${missing} of membership ${GroupId} ${UserId} is gone`, { cause });
        }
        if (!(cause instanceof ConflictException)) throw cause;
        const { MembershipId } = await client.send(new GetGroupMembershipIdCommand(member));
        return MembershipId ?? '';
      }
    },

    async findMember(GroupId, UserId): Promise<string | undefined> {
      const member = { IdentityStoreId, GroupId, MemberId: { UserId } };
      const found = await absentAsUndefined(client.send(new GetGroupMembershipIdCommand(member)));
      return found?.MembershipId;
    },

    async removeMember(MembershipId) {
      await absentAsUndefined(client.send(new DeleteGroupMembershipCommand({ IdentityStoreId, MembershipId })));
    },

    async listMembers(GroupId, NextToken): Promise<Page<ListedMember>> {
      const page = await absentAsUndefined(
        client.send(new ListGroupMembershipsCommand({ IdentityStoreId, GroupId, MaxResults: pageSize, NextToken })),
      );
      if (page === undefined) throw new TargetMissingError('role', `group ${GroupId} is gone`);
      if (page.GroupMemberships === undefined)
        throw new Error('ListGroupMemberships answered without memberships: the page is not complete');
      const items = page.GroupMemberships.map(({ MembershipId, MemberId }) => {
        if (MembershipId === undefined || MemberId?.UserId === undefined)
          throw new Error(`ListGroupMemberships showed a membership of ${GroupId} without its ids: the page is not complete`);
        return { membershipId: MembershipId, accountId: MemberId.UserId };
      });
      return { items, after: page.NextToken };
    },
  };
}

function nameTaken(role: string, id: string): TargetConflictError {
  const { Issuer, Id } = roleMark(role);
  return new TargetConflictError(
    `group "${role}" (${id}) exists at Identity Center and does not carry our mark`,
    `map to another role name, or hand the group over: set its external id to issuer "${Issuer}", id "${Id}"`,
  );
}
