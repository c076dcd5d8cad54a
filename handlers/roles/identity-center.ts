/**
 * IAM Identity Center as a target: accounts are users, roles are groups, through the Identity Store API.
 *
 * The mark is the ExternalId: issuer `active-directory:<domain>` with the objectGUID for users, issuer `active-directory-lambda` with
 * `role/<name>` for groups (spaces escaped as in a URL). CreateUser and CreateGroup cannot set it, so it follows by UpdateUser and UpdateGroup at once; the intent in
 * our ledger covers a crash in between.
 */
import {
  ConflictException,
  CreateGroupCommand,
  CreateGroupMembershipCommand,
  CreateUserCommand,
  DeleteGroupMembershipCommand,
  DeleteUserCommand,
  DescribeGroupCommand,
  DescribeUserCommand,
  type DescribeUserCommandOutput,
  type ExternalId,
  GetGroupIdCommand,
  GetGroupMembershipIdCommand,
  GetUserIdCommand,
  type IdentitystoreClient,
  ResourceNotFoundException,
  UpdateGroupCommand,
  UpdateUserCommand,
  ValidationException,
} from '@aws-sdk/client-identitystore';
import type { Profile } from '../access/grants.ts';
import { RetryableError } from '../platform/errors.ts';
import { type AccountState, type Intent, type Mark, type Target, TargetConflictError, TargetMissingError } from './target.ts';

const markIssuer = 'active-directory:';
const accountMark = ({ domain, guid }: Mark): ExternalId => ({ Issuer: `${markIssuer}${domain}`, Id: guid });
/** An external id takes no space, a group's name does (Identity Store API Reference, "ExternalId" and "Group"). */
const roleMark = (role: string): ExternalId => ({
  Issuer: 'active-directory-lambda',
  Id: `role/${role.toLowerCase().replace(/[% ]/g, encodeURIComponent)}`,
});

/** A thing we made carries a creation time of the store's clock: this much may lie between it and ours. */
const clockSkewMs = 60_000;
/** And it is made at most this long after the intent: longer no run lasts. */
const runMs = 60_000;

/** @param pace runs each call within the share of Identity Center's 20 calls per second that is ours */
export function identityCenterTarget(
  client: IdentitystoreClient,
  IdentityStoreId: string,
  pace: <T>(call: () => Promise<T>) => Promise<T>,
): Target {
  const describeUser = (UserId: string) => pace(() => client.send(new DescribeUserCommand({ IdentityStoreId, UserId })));
  // The SDK's document type knows no read-only values.
  const updateUser = (UserId: string, operations: readonly AttributeOperation[]) =>
    pace(() => client.send(new UpdateUserCommand({ IdentityStoreId, UserId, Operations: operations as never })));
  const markUser = (UserId: string, mark: Mark) =>
    updateUser(UserId, [{ AttributePath: 'externalIds', AttributeValue: [accountMark(mark)] }]);
  const markGroup = (GroupId: string, role: string) =>
    pace(() =>
      client.send(
        new UpdateGroupCommand({
          IdentityStoreId,
          GroupId,
          Operations: [{ AttributePath: 'externalIds', AttributeValue: [{ ...roleMark(role) }] as never }],
        }),
      ),
    );
  const userIdBy = (AlternateIdentifier: ConstructorParameters<typeof GetUserIdCommand>[0]['AlternateIdentifier']) =>
    absentAsUndefined(pace(() => client.send(new GetUserIdCommand({ IdentityStoreId, AlternateIdentifier })))).then(
      (found) => found?.UserId,
    );
  const groupIdBy = (AlternateIdentifier: ConstructorParameters<typeof GetGroupIdCommand>[0]['AlternateIdentifier']) =>
    absentAsUndefined(pace(() => client.send(new GetGroupIdCommand({ IdentityStoreId, AlternateIdentifier })))).then(
      (found) => found?.GroupId,
    );

  /**
   * Where the name is held by another account of ours, that one may be waiting for ours: two people who swap their names would stay crossed
   * for ever. So we give ours up for a name that nobody has; the next attempts find both free.
   */
  const makeWay = async (UserId: string, userName: string) => {
    const holder = await userIdBy({ UniqueAttribute: { AttributePath: 'userName', AttributeValue: userName } });
    if (holder === undefined || holder === UserId) return;
    const user = await absentAsUndefined(describeUser(holder));
    if (ownMarkOf(user?.ExternalIds) === undefined) return;
    await updateUser(UserId, [{ AttributePath: 'userName', AttributeValue: UserId }]);
  };

  return {
    name: 'identity-center',

    async findAccount(mark, profile, intent): Promise<AccountState | undefined> {
      const marked = await userIdBy({ ExternalId: accountMark(mark) });
      const known = marked && (await absentAsUndefined(describeUser(marked)));
      if (marked && known) return { id: marked, profile: profileOf(known) };
      for (const userName of new Set([intent?.userName ?? profile.userName, profile.userName])) {
        const id = await userIdBy({ UniqueAttribute: { AttributePath: 'userName', AttributeValue: userName } });
        if (id === undefined) continue;
        const user = await absentAsUndefined(describeUser(id));
        if (user === undefined) continue; // deleted between the two calls: the name is free
        if (halfMade(user, intent)) {
          await markUser(id, mark);
          return { id, profile: profileOf(user) };
        }
        if (userName === profile.userName) throw userNameTaken(userName, id, mark, ownMarkOf(user.ExternalIds));
      }
      return undefined;
    },

    async createAccount(mark, profile): Promise<AccountState> {
      let made = false;
      try {
        const { UserId } = await pace(() => client.send(new CreateUserCommand({ IdentityStoreId, ...userAttributes(profile) })));
        const id = UserId ?? '';
        made = true;
        await markUser(id, mark);
        return { id, profile };
      } catch (cause) {
        if (!isRefusal(cause)) throw cause;
        throw new TargetConflictError(`Identity Center refused to create user "${profile.userName}": ${cause.message}`, refusedRemedy, {
          cause,
          nothingMade: !made && cause.$metadata.attempts === 1,
        });
      }
    },

    async updateAccount(UserId, before, after) {
      const operations = attributeOperations(before, after);
      if (operations.length === 0) return;
      try {
        await updateUser(UserId, operations);
      } catch (cause) {
        if (cause instanceof ResourceNotFoundException) throw new TargetMissingError('account', `user ${UserId} is gone`, { cause });
        if (!isRefusal(cause)) throw cause;
        if (before.userName !== after.userName) await makeWay(UserId, after.userName);
        throw new TargetConflictError(
          `Identity Center refused to update user ${UserId} to "${after.userName}": ${cause.message}`,
          refusedRemedy,
          { cause },
        );
      }
    },

    async deleteAccount(UserId, mark) {
      const user = await absentAsUndefined(describeUser(UserId));
      if (user === undefined) return;
      if (!carries(user.ExternalIds, accountMark(mark))) {
        throw new TargetConflictError(
          `user ${UserId} does not carry the mark of ${mark.guid}: it is not deleted`,
          `delete it by hand, or set its external id to issuer "${accountMark(mark).Issuer}", id "${mark.guid}"`,
        );
      }
      await absentAsUndefined(pace(() => client.send(new DeleteUserCommand({ IdentityStoreId, UserId }))));
    },

    async findRole(role, intent): Promise<string | undefined> {
      const marked = await groupIdBy({ ExternalId: roleMark(role) });
      if (marked !== undefined) return marked;
      const id = await groupIdBy({ UniqueAttribute: { AttributePath: 'displayName', AttributeValue: role } });
      if (id === undefined) return undefined;
      const group = await absentAsUndefined(pace(() => client.send(new DescribeGroupCommand({ IdentityStoreId, GroupId: id }))));
      if (group === undefined) return undefined;
      if (!halfMade(group, intent)) {
        const { Issuer, Id } = roleMark(role);
        throw new TargetConflictError(
          `group "${role}" (${id}) exists at Identity Center and does not carry our mark`,
          `map to another role name, or hand the group over: set its external id to issuer "${Issuer}", id "${Id}"`,
        );
      }
      await markGroup(id, role);
      return id;
    },

    async createRole(role): Promise<string> {
      const Description = 'Members follow Active Directory. Managed by active-directory-lambda.';
      try {
        const { GroupId } = await pace(() => client.send(new CreateGroupCommand({ IdentityStoreId, DisplayName: role, Description })));
        const id = GroupId ?? '';
        await markGroup(id, role);
        return id;
      } catch (cause) {
        if (!(cause instanceof ConflictException)) throw cause;
        throw new RetryableError(`group "${role}" came to be at Identity Center meanwhile: it is looked up again`, { cause });
      }
    },

    async addMember(GroupId, UserId): Promise<string> {
      const member = { IdentityStoreId, GroupId, MemberId: { UserId } };
      try {
        const { MembershipId } = await pace(() => client.send(new CreateGroupMembershipCommand(member)));
        return MembershipId ?? '';
      } catch (cause) {
        if (cause instanceof ResourceNotFoundException) {
          const missing = cause.ResourceType === 'GROUP' ? 'role' : 'account';
          throw new TargetMissingError(missing, `${missing} of membership ${GroupId} ${UserId} is gone`, { cause });
        }
        if (!(cause instanceof ConflictException)) throw cause;
        const { MembershipId } = await pace(() => client.send(new GetGroupMembershipIdCommand(member)));
        return MembershipId ?? '';
      }
    },

    async findMember(GroupId, UserId): Promise<string | undefined> {
      const member = { IdentityStoreId, GroupId, MemberId: { UserId } };
      const found = await absentAsUndefined(pace(() => client.send(new GetGroupMembershipIdCommand(member))));
      return found?.MembershipId;
    },

    async removeMember(MembershipId) {
      await absentAsUndefined(pace(() => client.send(new DeleteGroupMembershipCommand({ IdentityStoreId, MembershipId }))));
    },
  };
}

/** Made by a run of ours that died before it could set the mark: no mark of anybody, and of the time of our intent to make it. */
function halfMade(
  made: { readonly ExternalIds?: ExternalId[] | undefined; readonly CreatedAt?: Date | undefined },
  intent: Intent | undefined,
): boolean {
  if (intent === undefined || made.CreatedAt === undefined || (made.ExternalIds?.length ?? 0) > 0) return false;
  const sinceIntent = made.CreatedAt.getTime() - Date.parse(intent.at);
  return sinceIntent >= -clockSkewMs && sinceIntent <= runMs + clockSkewMs;
}

/** The store does not take these attributes: another user has one of them, or one is malformed. Trying again does not help. */
const isRefusal = (error: unknown): error is ConflictException | ValidationException =>
  error instanceof ConflictException || error instanceof ValidationException;

const refusedRemedy =
  'give the directory account a user principal name without spaces, of at most 128 characters, and a mail address, both of which no other user has';

const carries = (externalIds: readonly ExternalId[] | undefined, mark: ExternalId): boolean =>
  (externalIds ?? []).some(({ Issuer, Id }) => Issuer === mark.Issuer && Id === mark.Id);

/** The mark of any directory account that the ids hold. */
const ownMarkOf = (externalIds: readonly ExternalId[] | undefined): ExternalId | undefined =>
  externalIds?.find(({ Issuer }) => Issuer?.startsWith(markIssuer));

function userNameTaken(userName: string, id: string, mark: Mark, holder: ExternalId | undefined): TargetConflictError {
  const { Issuer, Id } = accountMark(mark);
  // Never a hand-over here: it would give one person's account to another.
  if (holder) {
    return new TargetConflictError(
      `user "${userName}" (${id}) is the account of another person of the directory (${holder.Issuer}, ${holder.Id})`,
      'give each directory account a user principal name of its own',
    );
  }
  return new TargetConflictError(
    `user "${userName}" (${id}) exists at Identity Center and does not carry our mark`,
    `rename or delete that user, or hand it over: set its external id to issuer "${Issuer}", id "${Id}"`,
  );
}

const emailsOf = (email: string) => [{ Value: email, Type: 'work', Primary: true }];

function userAttributes({ userName, displayName, givenName, familyName, email }: Profile) {
  return {
    UserName: userName,
    DisplayName: displayName,
    Name: { GivenName: givenName, FamilyName: familyName },
    ...(email === undefined ? {} : { Emails: emailsOf(email) }),
  };
}

interface AttributeOperation {
  readonly AttributePath: string;
  readonly AttributeValue?: unknown;
}

/** One operation a changed attribute; an operation without a value removes the attribute. */
function attributeOperations(before: Profile, after: Profile): readonly AttributeOperation[] {
  const paths = { userName: 'userName', displayName: 'displayName', givenName: 'name.givenName', familyName: 'name.familyName' } as const;
  const operations: AttributeOperation[] = [];
  for (const [key, AttributePath] of Object.entries(paths) as [keyof typeof paths, string][]) {
    if (before[key] !== after[key]) operations.push({ AttributePath, AttributeValue: after[key] });
  }
  if (before.email !== after.email) {
    operations.push({ AttributePath: 'emails', ...(after.email === undefined ? {} : { AttributeValue: emailsOf(after.email) }) });
  }
  return operations;
}

function profileOf(user: DescribeUserCommandOutput): Profile {
  const email = user.Emails?.[0]?.Value;
  return {
    userName: user.UserName ?? '',
    displayName: user.DisplayName ?? '',
    givenName: user.Name?.GivenName ?? '',
    familyName: user.Name?.FamilyName ?? '',
    ...(email === undefined ? {} : { email }),
  };
}

async function absentAsUndefined<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}
