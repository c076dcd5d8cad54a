import { randomUUID } from 'node:crypto';
import type { TargetAccount, TargetChanges } from '../../target-changes.ts';
import { AwsError, notImplemented } from '../error.ts';
import { limit, optionalRecord, optionalText, page, record, records, text, texts } from '../input.ts';
import type { Authorization, Caller, Input, Operation, Output, Service, Surroundings } from '../service.ts';
import { sessionArn } from '../session.ts';
import { checked, externalKey, group, invalid, uniqueKey, updated, user } from './identity-attributes.ts';
import { conflict, Entries, type Entry, idPrefix, notFound } from './identity-directory.ts';

// Identity Store. Behaviour: Identity Store API Reference. Actions and resources: Service Authorization Reference, "AWS Identity Store";
// an operation on several resource types needs permission on each.

interface Membership {
  readonly id: string;
  readonly groupId: string;
  readonly userId: string;
  readonly at: Date;
  readonly by: string;
}

const resourceIdPattern = /^([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}$/;

function id(input: Input, name: string): string {
  const value = text(input, name);
  if (!resourceIdPattern.test(value)) throw invalid(`${name}: '${value}' does not match ${resourceIdPattern.source}`);
  return value;
}

const memberId = (input: Input): string => id(record(input, 'MemberId'), 'UserId');

/** As the functions' events name an account's attributes. */
const accountOf = ({ id, attributes }: Pick<Entry, 'id' | 'attributes'>): TargetAccount => {
  const { UserName, DisplayName, Title, Name, Emails, PhoneNumbers } = attributes as {
    readonly [name: string]: string | undefined;
  } & {
    readonly Name?: { readonly GivenName?: string; readonly FamilyName?: string };
    readonly Emails?: readonly { readonly Value: string }[];
    readonly PhoneNumbers?: readonly { readonly Value: string }[];
  };
  const profile = {
    ...{ userName: UserName, displayName: DisplayName, givenName: Name?.GivenName, familyName: Name?.FamilyName },
    ...{ email: Emails?.[0]?.Value, title: Title, phoneNumber: PhoneNumbers?.[0]?.Value },
  };
  const there = Object.entries(profile).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return { id, profile: Object.fromEntries(there), active: true };
};
const roleOf = ({ id, attributes }: Pick<Entry, 'id' | 'attributes'>) => ({ id, name: String(attributes.DisplayName) });

/**
 * @param changes where it is noted what a caller changes
 * @param callsPerSecond of each operation; Identity Center's quota is 20. Not limited by default.
 */
export function identitystore(
  surroundings: Surroundings,
  identityStoreId: string,
  changes: (caller: Caller) => TargetChanges,
  callsPerSecond?: number,
): Service & { readonly exists: (principalType: string, principalId: string) => boolean } {
  const { region, account } = surroundings;
  const users = new Entries('USER', user, identityStoreId);
  const groups = new Entries('GROUP', group, identityStoreId);
  const memberships = new Map<string, Membership>();
  const recentCalls = new Map<string, number[]>();

  const membership = (membershipId: string): Membership => {
    const found = memberships.get(membershipId);
    if (!found) throw notFound('GROUP_MEMBERSHIP', membershipId);
    return found;
  };
  /** By `groupId userId`: a group may have thousands of members. */
  const byPair = new Map<string, Membership>();
  const membershipOf = (groupId: string, userId: string): Membership | undefined => byPair.get(`${groupId} ${userId}`);
  const dropMembership = (one: Membership): void => {
    memberships.delete(one.id);
    byPair.delete(`${one.groupId} ${one.userId}`);
  };

  /** What GetUserId and GetGroupId look up: an external id, or a unique attribute. */
  function lookUp(entries: Entries, paths: readonly string[], input: Input): Entry | undefined {
    const alternate = record(input, 'AlternateIdentifier');
    const external = optionalRecord(alternate, 'ExternalId');
    if (external) return entries.find(externalKey(text(external, 'Issuer'), text(external, 'Id')));
    const attribute = record(alternate, 'UniqueAttribute');
    const path = text(attribute, 'AttributePath');
    if (!paths.includes(path.toLowerCase()))
      throw invalid(`AttributePath: '${path}' is not unique; the only valid paths are ${paths.join(' and ')}`);
    return entries.find(uniqueKey(path, text(attribute, 'AttributeValue')));
  }
  const lookUpUser = (input: Input): Entry | undefined => lookUp(users, ['username', 'emails.value'], input);
  const lookUpGroup = (input: Input): Entry | undefined => lookUp(groups, ['displayname'], input);

  const by = (caller: Caller): string =>
    caller === 'operator' ? `arn:aws:iam::${account}:root` : 'service' in caller ? caller.service : sessionArn(caller);
  const stamps = (entry: Entry): Output => ({
    CreatedAt: entry.createdAt,
    CreatedBy: entry.createdBy,
    UpdatedAt: entry.updatedAt,
    UpdatedBy: entry.updatedBy,
  });
  const userShown = (entry: Entry): Output => ({
    IdentityStoreId: identityStoreId,
    UserId: entry.id,
    ...entry.attributes,
    UserStatus: 'ENABLED',
    ...stamps(entry),
  });
  const groupShown = (entry: Entry): Output => ({
    IdentityStoreId: identityStoreId,
    GroupId: entry.id,
    ...entry.attributes,
    ...stamps(entry),
  });
  const membershipShown = (one: Membership): Output => ({
    IdentityStoreId: identityStoreId,
    MembershipId: one.id,
    GroupId: one.groupId,
    MemberId: { UserId: one.userId },
    CreatedAt: one.at,
    CreatedBy: one.by,
    UpdatedAt: one.at,
    UpdatedBy: one.by,
  });

  const paged = (input: Input, member: string, all: readonly Output[]): Output => {
    const { items, nextToken } = page(all, optionalText(input, 'NextToken'), limit(input, 'MaxResults', 1, 100, 100));
    return { [member]: items, ...(nextToken ? { NextToken: nextToken } : {}) };
  };

  /** The deprecated Filters: one, exact, on the unique attribute. */
  function filtered(input: Input, entries: Entries, attribute: string): Entry[] {
    const filters = records(input, 'Filters');
    if (filters.length > 1) throw invalid(`Filters: ${filters.length} given, at most one is supported`);
    const [filter] = filters;
    if (!filter) return entries.all();
    if (text(filter, 'AttributePath').toLowerCase() !== attribute.toLowerCase())
      throw invalid(`Filters: the only supported AttributePath is ${attribute}`);
    const found = entries.find(uniqueKey(attribute, text(filter, 'AttributeValue')));
    return found ? [found] : [];
  }

  const without = (input: Input): Input => {
    const { IdentityStoreId: _store, ...attributes } = input;
    return attributes;
  };
  const removeMemberships = (matches: (one: Membership) => boolean): void => {
    for (const one of memberships.values()) if (matches(one)) dropMembership(one);
  };

  // Resource types, as the Service Authorization Reference names them
  const store = `arn:aws:identitystore::${account}:identitystore/${identityStoreId}`;
  const userArn = (one: string): string => `arn:aws:identitystore:::user/${one}`;
  const groupArn = (one: string): string => `arn:aws:identitystore:::group/${one}`;
  const membershipArn = (one: string): string => `arn:aws:identitystore:::membership/${one}`;
  const ofMembership = (input: Input): string[] => {
    const found = memberships.get(id(input, 'MembershipId'));
    return [membershipArn(id(input, 'MembershipId')), ...(found ? [groupArn(found.groupId), userArn(found.userId)] : [])];
  };

  function throttle(operation: string): void {
    if (callsPerSecond === undefined) return;
    const now = Date.now();
    const recent = (recentCalls.get(operation) ?? []).filter((at) => at > now - 1000);
    if (recent.length >= callsPerSecond) throw new AwsError('ThrottlingException', 'Rate exceeded', 400, { RetryAfterSeconds: 1 });
    recentCalls.set(operation, [...recent, now]);
  }

  const operation = (name: string, resources: (input: Input) => readonly string[], run: Operation['run']): Operation => ({
    authorize: (input) =>
      [store, ...resources(input)].map(
        (resource): Authorization => ({ action: `identitystore:${name}`, resource, context: { 'identitystore:PrimaryRegion': region } }),
      ),
    run(input, caller) {
      throttle(name);
      const asked = text(input, 'IdentityStoreId');
      if (asked !== identityStoreId) throw notFound('IDENTITY_STORE', asked);
      if (input.Extensions !== undefined) throw notImplemented('identitystore', `${name} with Extensions`);
      return run(input, caller);
    },
  });

  return {
    name: 'identitystore',
    exists: (principalType, principalId) => (principalType === 'USER' ? users : groups).has(principalId),
    operations: {
      CreateUser: operation(
        'CreateUser',
        () => [],
        (input, caller) => {
          const attributes = without(input);
          if ('ExternalIds' in attributes)
            throw invalid('ExternalIds: CreateUser has no such member; use UpdateUser with the path externalIds');
          const entry = users.add(checked(user, attributes), by(caller));
          changes(caller).account(undefined, accountOf(entry));
          return { IdentityStoreId: identityStoreId, UserId: entry.id };
        },
      ),
      DescribeUser: operation(
        'DescribeUser',
        (input) => [userArn(id(input, 'UserId'))],
        (input) => userShown(users.get(id(input, 'UserId'))),
      ),
      UpdateUser: operation(
        'UpdateUser',
        (input) => [userArn(id(input, 'UserId'))],
        (input, caller) => {
          const entry = users.get(id(input, 'UserId'));
          const before = accountOf(entry);
          users.update(entry, updated(user, entry.attributes, records(input, 'Operations')), by(caller));
          changes(caller).account(before, accountOf(entry));
          return {};
        },
      ),
      DeleteUser: operation(
        'DeleteUser',
        (input) => [userArn(id(input, 'UserId'))],
        (input, caller) => {
          const userId = id(input, 'UserId');
          const before = accountOf(users.get(userId));
          users.remove(userId);
          changes(caller).account(before, undefined);
          removeMemberships((one) => one.userId === userId);
          return {};
        },
      ),
      ListUsers: operation(
        'ListUsers',
        () => [userArn('*')],
        (input) => paged(input, 'Users', filtered(input, users, 'UserName').map(userShown)),
      ),
      GetUserId: operation(
        'GetUserId',
        (input) => [userArn(lookUpUser(input)?.id ?? '*')],
        (input) => {
          const entry = lookUpUser(input);
          if (!entry) throw notFound('USER', 'null');
          return { IdentityStoreId: identityStoreId, UserId: entry.id };
        },
      ),
      CreateGroup: operation(
        'CreateGroup',
        () => [],
        (input, caller) => {
          const attributes = without(input);
          if ('ExternalIds' in attributes)
            throw invalid('ExternalIds: CreateGroup has no such member; use UpdateGroup with the path externalIds');
          const entry = groups.add(checked(group, attributes), by(caller));
          changes(caller).role(undefined, roleOf(entry));
          return { IdentityStoreId: identityStoreId, GroupId: entry.id };
        },
      ),
      DescribeGroup: operation(
        'DescribeGroup',
        (input) => [groupArn(id(input, 'GroupId'))],
        (input) => groupShown(groups.get(id(input, 'GroupId'))),
      ),
      UpdateGroup: operation(
        'UpdateGroup',
        (input) => [groupArn(id(input, 'GroupId'))],
        (input, caller) => {
          const entry = groups.get(id(input, 'GroupId'));
          const before = roleOf(entry);
          groups.update(entry, updated(group, entry.attributes, records(input, 'Operations')), by(caller));
          changes(caller).role(before, roleOf(entry));
          return {};
        },
      ),
      DeleteGroup: operation(
        'DeleteGroup',
        (input) => [groupArn(id(input, 'GroupId'))],
        (input, caller) => {
          const groupId = id(input, 'GroupId');
          const before = roleOf(groups.get(groupId));
          groups.remove(groupId);
          changes(caller).role(before, undefined);
          removeMemberships((one) => one.groupId === groupId);
          return {};
        },
      ),
      ListGroups: operation(
        'ListGroups',
        () => [groupArn('*')],
        (input) => paged(input, 'Groups', filtered(input, groups, 'DisplayName').map(groupShown)),
      ),
      GetGroupId: operation(
        'GetGroupId',
        (input) => [groupArn(lookUpGroup(input)?.id ?? '*')],
        (input) => {
          const entry = lookUpGroup(input);
          if (!entry) throw notFound('GROUP', 'null');
          return { IdentityStoreId: identityStoreId, GroupId: entry.id };
        },
      ),
      CreateGroupMembership: operation(
        'CreateGroupMembership',
        (input) => [groupArn(id(input, 'GroupId')), userArn(memberId(input))],
        (input, caller) => {
          const groupId = groups.get(id(input, 'GroupId')).id;
          const userId = users.get(memberId(input)).id;
          if (membershipOf(groupId, userId)) throw conflict('Member and Group relationship already exists.');
          const one: Membership = { id: `${idPrefix(identityStoreId)}${randomUUID()}`, groupId, userId, at: new Date(), by: by(caller) };
          memberships.set(one.id, one);
          byPair.set(`${groupId} ${userId}`, one);
          changes(caller).member(roleOf(groups.get(groupId)).name, userId, true);
          return { IdentityStoreId: identityStoreId, MembershipId: one.id };
        },
      ),
      DescribeGroupMembership: operation('DescribeGroupMembership', ofMembership, (input) =>
        membershipShown(membership(id(input, 'MembershipId'))),
      ),
      DeleteGroupMembership: operation('DeleteGroupMembership', ofMembership, (input, caller) => {
        const one = membership(id(input, 'MembershipId'));
        dropMembership(one);
        changes(caller).member(roleOf(groups.get(one.groupId)).name, one.userId, false);
        return {};
      }),
      GetGroupMembershipId: operation(
        'GetGroupMembershipId',
        (input) => {
          const [groupId, userId] = [id(input, 'GroupId'), memberId(input)];
          return [groupArn(groupId), userArn(userId), membershipArn(membershipOf(groupId, userId)?.id ?? '*')];
        },
        (input) => {
          const found = membershipOf(groups.get(id(input, 'GroupId')).id, users.get(memberId(input)).id);
          if (!found) throw notFound('GROUP_MEMBERSHIP', 'null');
          return { IdentityStoreId: identityStoreId, MembershipId: found.id };
        },
      ),
      ListGroupMemberships: operation(
        'ListGroupMemberships',
        (input) => [membershipArn('*'), groupArn(id(input, 'GroupId'))],
        (input) => {
          const groupId = groups.get(id(input, 'GroupId')).id;
          return paged(input, 'GroupMemberships', [...memberships.values()].filter((one) => one.groupId === groupId).map(membershipShown));
        },
      ),
      ListGroupMembershipsForMember: operation(
        'ListGroupMembershipsForMember',
        (input) => [membershipArn('*'), userArn(memberId(input))],
        (input) => {
          const userId = users.get(memberId(input)).id;
          return paged(input, 'GroupMemberships', [...memberships.values()].filter((one) => one.userId === userId).map(membershipShown));
        },
      ),
      IsMemberInGroups: operation(
        'IsMemberInGroups',
        (input) => [membershipArn('*'), userArn(memberId(input)), ...texts(input, 'GroupIds').map(groupArn)],
        (input) => {
          const groupIds = texts(input, 'GroupIds');
          if (groupIds.length < 1 || groupIds.length > 100) throw invalid(`GroupIds: ${groupIds.length} is not from 1 to 100`);
          const userId = users.get(memberId(input)).id;
          return {
            Results: groupIds.map((groupId) => ({
              GroupId: groups.get(groupId).id,
              MemberId: { UserId: userId },
              MembershipExists: membershipOf(groupId, userId) !== undefined,
            })),
          };
        },
      ),
    },
  };
}
