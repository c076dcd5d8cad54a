/** A company in steady state: its directory, the decisions on it, and what they made at the targets. */
import { randomUUID } from 'node:crypto';
import { type AccessConfiguration, parseAccessConfiguration } from '../../handlers/access/access-configuration.ts';
import { decide, type PreparedAccess, prepareAccess } from '../../handlers/access/decide.ts';
import type { PrincipalGrants, Profile } from '../../handlers/access/grants.ts';
import { createAuthorizer } from '../../handlers/access/policies/authorizer.ts';
import { groupsListing, type ObjectRow, type StatusRow, statusKey } from '../../handlers/directory/mirror.ts';
import type { Assignment } from '../../handlers/events/catalogue.ts';
import { eachLimited, toItem } from '../../handlers/platform/dynamodb.ts';
import { type AccountEntry, accountPk, assignmentKey, type Membership, type RoleEntry, rolePk } from '../../handlers/roles/ledger.ts';
import { userAttributes } from '../../handlers/roles/targets/identity-center/attributes.ts';
import { accountMark, roleMark } from '../../handlers/roles/targets/identity-center/marks.ts';
import * as scimMarks from '../../handlers/roles/targets/scim/marks.ts';
import { schemas, userOf } from '../../handlers/roles/targets/scim/profile.ts';
import type { AwsEndpoint } from '../../sandbox/aws/endpoint.ts';
import type { ScimStore } from '../../sandbox/scim-server.ts';
import { policyFiles } from '../access/policy-requests.ts';
import { directoryTable } from '../directory/directory-table.ts';
import { domain, edgeRow, groupObject, objectRow, userObject } from '../directory/rows.ts';

export const surroundings = { region: 'eu-central-2', account: '111122223333', identityStoreId: 'd-1234567890' } as const;
export const tables = { directory: 'directory', grants: 'grants', roles: 'roles' } as const;

const instance = 'ssoins-1234567890abcdef';
/** Identity Center where roles also bring access to an AWS account. */
export const identityCenterSettings = {
  identityStoreId: surroundings.identityStoreId,
  instanceArn: `arn:aws:sso:::instance/${instance}`,
  permissionSets: { ReadOnly: `arn:aws:sso:::permissionSet/${instance}/ps-1234567890abcdef` },
  accounts: [surroundings.account],
} as const;

export const identityCenter = 'identity-center';

/** Far from each other, and from what tests number. */
const [firstPerson, firstTeam] = [100_000, 1_000];
export const personOf = (number: number) =>
  userObject(firstPerson + number, `person${number}`, {
    userPrincipalName: [`person${number}@corp.example.com`],
    displayName: [`Person ${number}`],
    givenName: ['Person'],
    sn: [String(number)],
    mail: [`person${number}@example.com`],
  });
export const teamOf = (number: number) => groupObject(firstTeam + number, `AWS-Team-${number}`);
/** Members of this group hold a role that brings access to the account. */
export const readers = groupObject(firstTeam - 1, `AWS-${surroundings.account}-ReadOnly`);
export const teamRole = (number: number): string => `team-${number}`;
export const readersRole = readers.attributes.sAMAccountName?.[0] ?? '';
export const readersAssignment: Assignment = { account: surroundings.account, permissionSet: 'ReadOnly' };

type Group = ReturnType<typeof teamOf>;
type Person = ReturnType<typeof personOf>;

/** Teams give roles at all the targets; access to accounts there is at Identity Center alone. */
export function accessConfiguration(targets: readonly string[]): AccessConfiguration {
  const assignable = { accounts: [...identityCenterSettings.accounts], permissionSets: Object.keys(identityCenterSettings.permissionSets) };
  return parseAccessConfiguration({
    mappings: [
      { id: 'teams', group: { pattern: '^AWS-Team-(?<team>\\d+)$' }, role: 'team-$<team>', targets },
      {
        id: 'account-access',
        group: { pattern: '^AWS-(?<account>\\d{12})-(?<permissionSet>[\\w-]+)$' },
        role: 'AWS-$<account>-$<permissionSet>',
        targets: [identityCenter],
        assignments: [{ account: '$<account>', permissionSet: '$<permissionSet>' }],
      },
    ],
    targets: Object.fromEntries(targets.map((name) => [name, { attributes: {}, ...(name === identityCenter && { assignable }) }])),
    policies: [{ name: 'mapped-grants.cedar', key: 'mapped-grants.cedar' }],
    policyAttributes: [],
    onViolation: 'revoke',
  });
}

export function preparedAccess(targets: readonly string[]): PreparedAccess {
  const policies = policyFiles('modules/access/policies').filter(({ name }) => name === 'mapped-grants.cedar');
  return prepareAccess(accessConfiguration(targets), createAuthorizer({ policies, attributes: [] }));
}

/** Long ago enough for reconcile to judge by it. */
export const decidedAt = '2025-03-01T10:00:00.000Z';

/** The decisions on people who are in these groups, told and done. Who is in none has none. */
export async function decided(
  access: PreparedAccess,
  people: readonly (readonly [person: Person, groups: readonly Group[]])[],
): Promise<readonly PrincipalGrants[]> {
  const items: PrincipalGrants[] = [];
  for (const [index, [person, groups]] of people.entries()) {
    if (groups.length > 0) items.push(decideOn(access, person, groups));
    // The endpoint lives in this process.
    if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return items;
}

function decideOn(access: PreparedAccess, person: Person, groups: readonly Group[]): PrincipalGrants {
  const effective = groups.map((group) => ({ row: objectRow(group), path: [] }));
  const cause = { id: 'cause-1', type: 'GroupMemberAdded' } as const;
  const item = decide(objectRow(person), effective, undefined, { access, decidedAt, cause });
  if (item === undefined) throw new Error(`nothing was decided for ${person.dn}: put it into a group that a mapping selects`);
  return { ...item, unannounced: [] };
}

export const groupRow = (group: Group): ObjectRow => objectRow(group, { listedUnder: groupsListing(domain) });
/** The first read of the directory is complete. */
export const completelyRead: StatusRow = {
  ...statusKey(domain),
  ...{ domain, revision: 1, fence: 1, detectedAt: decidedAt, reachable: true, since: decidedAt },
  snapshotCompleted: { users: 0, computers: 0, serviceAccounts: 0, groups: 0, memberships: 0 },
};
export const membershipRow = (group: Group, person: Person) => edgeRow(group, person);

export async function createTables({ call }: AwsEndpoint): Promise<void> {
  const keys = (...names: readonly string[]) => ({
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: names.map((AttributeName, index) => ({ AttributeName, KeyType: index === 0 ? 'HASH' : 'RANGE' })),
  });
  const { StreamSpecification: _, ...directory } = directoryTable(tables.directory);
  await call('operator', 'dynamodb', 'CreateTable', directory);
  await call('operator', 'dynamodb', 'CreateTable', { TableName: tables.grants, ...keys('pk', 'sk') });
  await call('operator', 'dynamodb', 'CreateTable', { TableName: tables.roles, ...keys('pk') });
}

/** Puts items into a table as they are. */
export async function fillTable({ call }: AwsEndpoint, table: string, items: readonly object[]): Promise<void> {
  const starts = Array.from({ length: Math.ceil(items.length / 25) }, (_, index) => 25 * index);
  await eachLimited(starts, 8, async (start) => {
    const requests = items.slice(start, start + 25).map((item) => ({ PutRequest: { Item: toItem(item) } }));
    await call('operator', 'dynamodb', 'BatchWriteItem', { RequestItems: { [table]: requests } });
  });
}

export const grantsRow = (item: PrincipalGrants): object => ({ ...item, sk: 'grants' });

/** Whoever fills a target: each makes one thing and gives its id. */
export interface Filling {
  account(item: PrincipalGrants, profile: Profile): Promise<string>;
  role(name: string): Promise<string>;
  member(roleId: string, accountId: string): Promise<string>;
}

export function identityCenterFilling({ call, identityStoreId: IdentityStoreId }: AwsEndpoint): Filling {
  const make = (operation: string, input: object) => call('operator', 'identitystore', operation, { IdentityStoreId, ...input });
  const marked = (mark: object) => ({ Operations: [{ AttributePath: 'externalIds', AttributeValue: [mark] }] });
  return {
    async account({ domain, subject: { guid } }, profile) {
      const UserId = String((await make('CreateUser', userAttributes(profile))).UserId);
      await make('UpdateUser', { UserId, ...marked(accountMark({ domain, guid })) });
      return UserId;
    },
    async role(DisplayName) {
      const GroupId = String((await make('CreateGroup', { DisplayName })).GroupId);
      await make('UpdateGroup', { GroupId, ...marked(roleMark(DisplayName)) });
      return GroupId;
    },
    member: async (GroupId, UserId) => String((await make('CreateGroupMembership', { GroupId, MemberId: { UserId } })).MembershipId),
  };
}

export function scimFilling({ users, groups }: ScimStore): Filling {
  const now = new Date().toISOString();
  const stored = () => ({ id: randomUUID(), meta: { created: now, lastModified: now, version: 'W/"1"' } });
  return {
    async account({ domain, subject: { guid } }, profile) {
      const user = { ...userOf(scimMarks.accountMark({ domain, guid }), profile), ...stored() };
      users.set(user.id, user);
      return user.id;
    },
    async role(displayName) {
      const group = { schemas: [schemas.group], displayName, externalId: scimMarks.roleMark(displayName), members: [], ...stored() };
      groups.set(group.id, group);
      return group.id;
    },
    async member(roleId, accountId) {
      const members = groups.get(roleId)?.members as { value: string; type: string }[];
      members.push({ value: accountId, type: 'User' });
      return `${roleId}/${accountId}`;
    },
  };
}

/**
 * Makes at a target what the decisions say, as sync-roles would have.
 *
 * @param granted false: accounts and roles alone, nobody is a member yet
 * @returns the ledger's items
 */
export async function fillTarget(
  target: string,
  filling: Filling,
  decisions: readonly PrincipalGrants[],
  granted = true,
): Promise<readonly (AccountEntry | RoleEntry)[]> {
  const roles = new Map<string, RoleEntry & { readonly roleId: string }>();
  const entries: AccountEntry[] = [];
  for (const item of decisions) {
    const profile = item.profiles[target];
    if (profile === undefined) continue;
    const id = await filling.account(item, profile);
    const memberships: Record<string, Membership> = {};
    for (const [key, grant] of Object.entries(item.grants)) {
      if (grant.target !== target) continue;
      let role = roles.get(grant.role);
      if (role === undefined) {
        const assignments = (grant.assignments ?? []).map(
          (assignment) => [assignmentKey(assignment), { assignment, state: 'made', since: decidedAt }] as const,
        );
        const roleId = await filling.role(grant.role);
        role = { pk: rolePk(target, grant.role), version: 1, roleId, told: true, assignments: Object.fromEntries(assignments) };
        roles.set(grant.role, role);
      }
      if (granted) memberships[key] = { grant, membershipId: await filling.member(role.roleId, id) };
    }
    const { domain, subject, revision } = item;
    entries.push({ pk: accountPk(target, domain, subject.guid), version: 1, revision, account: { id, profile }, memberships });
  }
  return [...roles.values(), ...entries];
}

/** The permission sets and what of them the roles of these decisions bring, at Identity Center. */
export async function assignAccess({ call }: AwsEndpoint, roleIds: readonly string[]): Promise<void> {
  const { instanceArn: InstanceArn, permissionSets } = identityCenterSettings;
  const PermissionSetArn = permissionSets.ReadOnly;
  await call('operator', 'sso', 'CreatePermissionSet', { InstanceArn, Name: 'ReadOnly', PermissionSetArn });
  const target = { TargetId: surroundings.account, TargetType: 'AWS_ACCOUNT' };
  for (const PrincipalId of roleIds) {
    const input = { InstanceArn, PermissionSetArn, ...target, PrincipalId, PrincipalType: 'GROUP' };
    await call('operator', 'sso', 'CreateAccountAssignment', input);
  }
}
