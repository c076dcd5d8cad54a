import {
  CreateGroupCommand,
  CreateGroupMembershipCommand,
  CreateUserCommand,
  type CreateUserCommandInput,
  DeleteGroupCommand,
  DeleteGroupMembershipCommand,
  DeleteUserCommand,
  DescribeGroupCommand,
  DescribeGroupMembershipCommand,
  DescribeUserCommand,
  GetGroupIdCommand,
  GetGroupMembershipIdCommand,
  GetUserIdCommand,
  IdentitystoreClient,
  IsMemberInGroupsCommand,
  ListGroupMembershipsCommand,
  ListGroupMembershipsForMemberCommand,
  ListGroupsCommand,
  ListUsersCommand,
  UpdateGroupCommand,
  UpdateUserCommand,
} from '@aws-sdk/client-identitystore';
import { describe, expect, test } from 'vitest';
import { account, allow, clientOf, endpointForTests, failure, identityStoreId, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new IdentitystoreClient(clientOf(endpoint));
const IdentityStoreId = identityStoreId;
const anId = /^1234567890-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const absent = '1234567890-00000000-0000-4000-8000-000000000000';

const person = (UserName: string, more: Partial<CreateUserCommandInput> = {}): CreateUserCommandInput => ({
  IdentityStoreId,
  UserName,
  DisplayName: UserName,
  Name: { GivenName: 'Ada', FamilyName: 'Example' },
  ...more,
});
const newUser = async (name: string, more: Partial<CreateUserCommandInput> = {}) =>
  (await client.send(new CreateUserCommand(person(name, more)))).UserId ?? '';
const newGroup = async (DisplayName: string) => (await client.send(new CreateGroupCommand({ IdentityStoreId, DisplayName }))).GroupId ?? '';
const update = (UserId: string, AttributePath: string, AttributeValue?: unknown) =>
  client.send(
    new UpdateUserCommand({
      IdentityStoreId,
      UserId,
      Operations: [{ AttributePath, ...(AttributeValue === undefined ? {} : { AttributeValue: AttributeValue as never }) }],
    }),
  );
const describeUser = (UserId: string) => client.send(new DescribeUserCommand({ IdentityStoreId, UserId }));
const join = async (GroupId: string, UserId: string) =>
  (await client.send(new CreateGroupMembershipCommand({ IdentityStoreId, GroupId, MemberId: { UserId } }))).MembershipId ?? '';

const conflict = { name: 'ConflictException', Reason: 'UNIQUENESS_CONSTRAINT_VIOLATION' };

describe('users', () => {
  test('GIVEN a user WHEN created and described THEN it is as given, with an id in AWS’s form', async () => {
    const id = await newUser('ada', { Emails: [{ Value: 'ada@corp.example.com', Type: 'work', Primary: true }], Title: 'Engineer' });
    expect(id).toMatch(anId);
    const found = await describeUser(id);
    expect(found).toMatchObject({
      IdentityStoreId,
      UserId: id,
      UserName: 'ada',
      Title: 'Engineer',
      Emails: [{ Value: 'ada@corp.example.com', Primary: true }],
    });
    expect(found.CreatedAt).toBeInstanceOf(Date);
  });

  test('GIVEN paths WHEN updated THEN just those change, no value removes, and the id stays', async () => {
    const id = await newUser('bob', { NickName: 'bobby' });
    await client.send(
      new UpdateUserCommand({
        IdentityStoreId,
        UserId: id,
        Operations: [
          { AttributePath: 'userName', AttributeValue: 'robert' },
          { AttributePath: 'name.givenName', AttributeValue: 'Robert' },
          { AttributePath: 'emails', AttributeValue: [{ value: 'robert@corp.example.com', primary: true }] },
          { AttributePath: 'nickName' },
        ],
      }),
    );
    const found = await describeUser(id);
    expect(found).toMatchObject({
      UserName: 'robert',
      Name: { GivenName: 'Robert', FamilyName: 'Example' },
      Emails: [{ Value: 'robert@corp.example.com', Primary: true }],
    });
    expect(found).not.toHaveProperty('NickName');
    await newUser('bob'); // the old name is free again
  });

  test('GIVEN an external id WHEN set by an update THEN the user is found by it, by name and by e-mail', async () => {
    const id = await newUser('carol', { Emails: [{ Value: 'carol@corp.example.com' }] });
    await update(id, 'externalIds', [{ Issuer: 'active-directory', Id: 'guid-1' }]);
    expect((await describeUser(id)).ExternalIds).toEqual([{ Issuer: 'active-directory', Id: 'guid-1' }]);
    const by = async (AlternateIdentifier: object) =>
      (await client.send(new GetUserIdCommand({ IdentityStoreId, AlternateIdentifier: AlternateIdentifier as never }))).UserId;
    expect(await by({ ExternalId: { Issuer: 'active-directory', Id: 'guid-1' } })).toBe(id);
    expect(await by({ UniqueAttribute: { AttributePath: 'userName', AttributeValue: 'carol' } })).toBe(id);
    expect(await by({ UniqueAttribute: { AttributePath: 'emails.value', AttributeValue: 'carol@corp.example.com' } })).toBe(id);
    expect((await failure(by({ UniqueAttribute: { AttributePath: 'title', AttributeValue: 'x' } }))).name).toBe('ValidationException');
  });

  test.each<[string, () => Promise<unknown>]>([
    ['user name', () => newUser('DAVE')],
    ['e-mail address', () => newUser('dave2', { Emails: [{ Value: 'dave@corp.example.com' }] })],
    ['external id', async () => update(await newUser('dave3'), 'externalIds', [{ Issuer: 'active-directory', Id: 'dave' }])],
    ['user name, by renaming', async () => update(await newUser('dave4'), 'userName', 'dave')],
  ])('fails GIVEN a user WHEN another takes its %s', async (_what, call) => {
    const taken = await client.send(
      new ListUsersCommand({ IdentityStoreId, Filters: [{ AttributePath: 'UserName', AttributeValue: 'dave' }] }),
    );
    if (taken.Users?.length === 0) {
      const id = await newUser('dave', { Emails: [{ Value: 'dave@corp.example.com' }] });
      await update(id, 'externalIds', [{ Issuer: 'active-directory', Id: 'dave' }]);
    }
    expect(await failure(call())).toMatchObject(conflict);
  });

  test.each<[string, CreateUserCommandInput]>([
    ['no display name', { ...person('e1'), DisplayName: undefined }],
    ['no family name', person('e2', { Name: { GivenName: 'Eve' } })],
    ['a user name with a space', person('e 3')],
    ['a user name of 129 characters', person('e'.repeat(129))],
    ['a reserved name', person('Administrator')],
    ['a title of 1025 characters', person('e4', { Title: 't'.repeat(1025) })],
    ['two e-mail addresses', person('e5', { Emails: [{ Value: 'a@example.com' }, { Value: 'b@example.com' }] })],
    ['an empty title', person('e6', { Title: '' })],
  ])('fails GIVEN %s', async (_what, input) => {
    expect((await failure(client.send(new CreateUserCommand(input)))).name).toBe('ValidationException');
  });

  test('fails GIVEN an update that would remove what is required, or a path that is none', async () => {
    const id = await newUser('frank');
    for (const [path, value] of [['userName'], ['name.familyName'], ['name.given name', 'x'], ['shoeSize', '44']] as const)
      expect((await failure(update(id, path, value))).name).toBe('ValidationException');
    expect((await describeUser(id)).UserName).toBe('frank');
  });

  test('fails GIVEN a user or a store that is not there THEN with type and id', async () => {
    expect(await failure(describeUser(absent))).toMatchObject({
      name: 'ResourceNotFoundException',
      ResourceType: 'USER',
      ResourceId: absent,
    });
    expect((await failure(describeUser('not-an-id'))).name).toBe('ValidationException');
    const elsewhere = new DescribeUserCommand({ IdentityStoreId: 'd-0000000000', UserId: absent });
    expect(await failure(client.send(elsewhere))).toMatchObject({ ResourceType: 'IDENTITY_STORE' });
  });

  test('GIVEN many users WHEN listed in pages THEN each comes once', async () => {
    for (let index = 0; index < 7; index += 1) await newUser(`page-${index}`);
    const names: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client.send(new ListUsersCommand({ IdentityStoreId, MaxResults: 3, NextToken }));
      expect(page.Users?.length).toBeLessThanOrEqual(3);
      names.push(...(page.Users ?? []).map((user) => user.UserName));
      NextToken = page.NextToken;
    } while (NextToken);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name?.startsWith('page-'))).toHaveLength(7);
    expect((await failure(client.send(new ListUsersCommand({ IdentityStoreId, MaxResults: 101 })))).name).toBe('ValidationException');
  });
});

describe('groups', () => {
  test('GIVEN a group WHEN created, renamed, found and deleted THEN each is seen', async () => {
    const GroupId = await newGroup('Engineers of Corp');
    expect(GroupId).toMatch(anId);
    await client.send(
      new UpdateGroupCommand({
        IdentityStoreId,
        GroupId,
        Operations: [
          { AttributePath: 'displayName', AttributeValue: 'Developers' },
          { AttributePath: 'externalIds', AttributeValue: [{ Issuer: 'active-directory', Id: 'group-guid' }] },
        ],
      }),
    );
    const byName = new GetGroupIdCommand({
      IdentityStoreId,
      AlternateIdentifier: { UniqueAttribute: { AttributePath: 'displayName', AttributeValue: 'Developers' } },
    });
    expect((await client.send(byName)).GroupId).toBe(GroupId);
    const byExternalId = new GetGroupIdCommand({
      IdentityStoreId,
      AlternateIdentifier: { ExternalId: { Issuer: 'active-directory', Id: 'group-guid' } },
    });
    expect((await client.send(byExternalId)).GroupId).toBe(GroupId);
    expect(
      (
        await client.send(
          new ListGroupsCommand({ IdentityStoreId, Filters: [{ AttributePath: 'DisplayName', AttributeValue: 'Developers' }] }),
        )
      ).Groups,
    ).toHaveLength(1);
    await client.send(new DeleteGroupCommand({ IdentityStoreId, GroupId }));
    expect(await failure(client.send(byName))).toMatchObject({ name: 'ResourceNotFoundException', ResourceType: 'GROUP' });
  });

  test('fails GIVEN a name that is taken, reserved or absent', async () => {
    await newGroup('Taken');
    expect(await failure(newGroup('Taken'))).toMatchObject(conflict);
    expect((await failure(newGroup('AWSAdministrators'))).name).toBe('ValidationException');
    expect((await failure(client.send(new CreateGroupCommand({ IdentityStoreId })))).name).toBe('ValidationException');
  });
});

describe('memberships', () => {
  test('GIVEN a member WHEN looked up each way THEN the membership is found; removed THEN it is not', async () => {
    const [GroupId, UserId, other] = [await newGroup('members'), await newUser('member'), await newUser('outsider')];
    const MembershipId = await join(GroupId, UserId);
    const membership = { MembershipId, GroupId, MemberId: { UserId } };
    expect(await client.send(new DescribeGroupMembershipCommand({ IdentityStoreId, MembershipId }))).toMatchObject(membership);
    const lookUp = new GetGroupMembershipIdCommand({ IdentityStoreId, GroupId, MemberId: { UserId } });
    expect((await client.send(lookUp)).MembershipId).toBe(MembershipId);
    expect((await client.send(new ListGroupMembershipsCommand({ IdentityStoreId, GroupId }))).GroupMemberships).toMatchObject([membership]);
    expect(
      (await client.send(new ListGroupMembershipsForMemberCommand({ IdentityStoreId, MemberId: { UserId } }))).GroupMemberships,
    ).toMatchObject([membership]);
    const isMember = async (user: string) =>
      (await client.send(new IsMemberInGroupsCommand({ IdentityStoreId, MemberId: { UserId: user }, GroupIds: [GroupId] }))).Results?.[0]
        ?.MembershipExists;
    expect([await isMember(UserId), await isMember(other)]).toEqual([true, false]);
    expect(await failure(join(GroupId, UserId))).toMatchObject(conflict);
    await client.send(new DeleteGroupMembershipCommand({ IdentityStoreId, MembershipId }));
    expect(await failure(client.send(lookUp))).toMatchObject({ name: 'ResourceNotFoundException', ResourceType: 'GROUP_MEMBERSHIP' });
  });

  test('GIVEN a member WHEN the user is deleted THEN its memberships are gone', async () => {
    const [GroupId, UserId] = [await newGroup('emptied'), await newUser('leaver')];
    await join(GroupId, UserId);
    await client.send(new DeleteUserCommand({ IdentityStoreId, UserId }));
    expect((await client.send(new ListGroupMembershipsCommand({ IdentityStoreId, GroupId }))).GroupMemberships).toEqual([]);
    expect((await failure(describeUser(UserId))).name).toBe('ResourceNotFoundException');
  });

  test('fails GIVEN a group or user that is not there', async () => {
    const [GroupId, UserId] = [await newGroup('alone'), await newUser('lonely')];
    expect(await failure(join(absent, UserId))).toMatchObject({ ResourceType: 'GROUP' });
    expect(await failure(join(GroupId, absent))).toMatchObject({ ResourceType: 'USER' });
    expect((await client.send(new DescribeGroupCommand({ IdentityStoreId, GroupId }))).DisplayName).toBe('alone');
  });
});

describe('permissions', () => {
  test('GIVEN several resource types WHEN one is missing from the policy THEN the call is denied', async () => {
    const [GroupId, UserId] = [await newGroup('guarded'), await newUser('guarded')];
    const types = {
      store: `arn:aws:identitystore::${account}:identitystore/${identityStoreId}`,
      group: `arn:aws:identitystore:::group/${GroupId}`,
      user: 'arn:aws:identitystore:::user/*',
    };
    const attempt = (resources: string[]) => {
      const role = roleAllowed(endpoint, 'joiner', [allow('identitystore:CreateGroupMembership', resources)]);
      const joiner = new IdentitystoreClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
      return joiner.send(new CreateGroupMembershipCommand({ IdentityStoreId, GroupId, MemberId: { UserId } }));
    };
    for (const left of Object.keys(types)) {
      const rest = Object.entries(types).flatMap(([name, arn]) => (name === left ? [] : [arn]));
      expect((await failure(attempt(rest))).name).toBe('AccessDeniedException');
    }
    expect((await attempt(Object.values(types))).MembershipId).toMatch(anId);
  });
});

describe('the quota', async () => {
  const limited = await endpointForTests({ identityStoreCallsPerSecond: 20 });

  test('GIVEN 20 calls a second are allowed WHEN 25 come at once THEN five are throttled, and other operations are not', async () => {
    const call = (operation: string) => limited.call('operator', 'identitystore', operation, { IdentityStoreId });
    const results = await Promise.allSettled(Array.from({ length: 25 }, () => call('ListUsers')));
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.map((result) => (result.reason as Error).name)).toEqual(Array.from({ length: 5 }, () => 'ThrottlingException'));
    await call('ListGroups');
  });
});
