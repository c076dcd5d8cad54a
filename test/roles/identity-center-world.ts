/** IAM Identity Center as the sandbox's endpoint has it, with its operator as the administrator. */
import { IdentitystoreClient } from '@aws-sdk/client-identitystore';
import { SSOAdminClient } from '@aws-sdk/client-sso-admin';
import type { Profile } from '../../handlers/access/grants.ts';
import type { Budget } from '../../handlers/roles/budget.ts';
import type { Target } from '../../handlers/roles/target.ts';
import { identityCenterTarget } from '../../handlers/roles/targets/identity-center/identity-center.ts';
import { retries } from '../../handlers/roles/targets/identity-center/store.ts';
import type { AwsEndpoint, Credentials } from '../../sandbox/aws/endpoint.ts';
import { eventually } from '../sandbox/aws/endpoint-fixture.ts';
import { type MemorySessionLedger, memorySessionLedger } from './memory-session-ledger.ts';
import { type AssignmentWorld, atOnce, type Pace, type SessionWorld, type TargetWorld } from './target-world.ts';

interface StoredUser {
  readonly UserId: string;
  readonly UserName: string;
  readonly DisplayName: string;
  readonly Name: { readonly GivenName: string; readonly FamilyName: string };
  readonly Emails?: readonly { readonly Value: string }[];
  readonly Title?: string;
  readonly PhoneNumbers?: readonly { readonly Value: string }[];
  readonly ExternalIds?: readonly { readonly Issuer: string; readonly Id: string }[];
}
interface StoredGroup {
  readonly GroupId: string;
  readonly DisplayName: string;
  readonly ExternalIds?: readonly { readonly Issuer: string; readonly Id: string }[];
}
interface StoredAssignment {
  readonly AccountId: string;
  readonly PermissionSetArn: string;
}

export const instanceArn = 'arn:aws:sso:::instance/ssoins-1234567890abcdef';
const permissionSetArn = (id: string) => `arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-${id.padEnd(16, '0')}`;
export const permissionSets: Readonly<Record<string, string>> = { ReadOnly: permissionSetArn('a'), Administrator: permissionSetArn('b') };
export const accounts = ['111122223333', '444455556666'];

/** A budget of as many calls as one likes, each run by `pace`. */
const unlimited = (pace: Pace): Budget => ({ call: (_, make) => pace(make), place: async () => async () => undefined });

export interface IdentityCenterWorld extends TargetWorld {
  readonly assignments: AssignmentWorld;
  readonly sessions: SessionWorld;
  readonly sessionLedger: MemorySessionLedger;
  /** The target as one function has it; its clock may stand elsewhere. */
  function(parts?: { readonly budget?: Budget; readonly now?: () => Date; readonly credentials?: Credentials }): Target;
  /** The inline policy of a permission set. */
  policyOf(permissionSet: string): Promise<string>;
  setPolicy(permissionSet: string, policy: string): Promise<void>;
  close(): void;
}

export function identityCenterWorld(endpoint: AwsEndpoint): IdentityCenterWorld {
  const { identityStoreId: IdentityStoreId, url, region } = endpoint;
  const clients: { destroy(): void }[] = [];
  const sessionLedger = memorySessionLedger();
  const call = (operation: string, input: object = {}) =>
    endpoint.call('operator', 'identitystore', operation, { IdentityStoreId, ...input });
  const sso = (operation: string, input: object = {}) =>
    endpoint.call('operator', 'sso', operation, { InstanceArn: instanceArn, ...input });
  const all = async <T>(ask: typeof call, operation: string, member: string, input: object = {}): Promise<T[]> => {
    const found: T[] = [];
    let NextToken: unknown;
    do {
      const page = await ask(operation, { ...input, ...(NextToken ? { NextToken } : {}) });
      found.push(...(page[member] as T[]));
      NextToken = page.NextToken;
    } while (NextToken);
    return found;
  };
  const users = () => all<StoredUser>(call, 'ListUsers', 'Users');
  const groups = () => all<StoredGroup>(call, 'ListGroups', 'Groups');
  const setArn = (name: string) => ({ PermissionSetArn: permissionSets[name] });
  const made = Promise.all(Object.keys(permissionSets).map((Name) => sso('CreatePermissionSet', { Name, ...setArn(Name) })));
  const policyOf = async (name: string) => String((await sso('GetInlinePolicyForPermissionSet', setArn(name))).InlinePolicy);

  const open: IdentityCenterWorld['function'] = ({
    budget = unlimited(atOnce),
    now = () => new Date(),
    credentials = endpoint.operator,
  } = {}) => {
    const options = { endpoint: url, region, credentials: { ...credentials }, ...retries };
    const [store, client] = [new IdentitystoreClient(options), new SSOAdminClient(options)];
    clients.push(store, client);
    const singleSignOn = { client, access: { instanceArn, permissionSets, accounts }, sessionLedger, sessionHours: 12, now };
    return identityCenterTarget({ name: 'identity-center', store, identityStoreId: IdentityStoreId, budget, singleSignOn });
  };

  const assignments: AssignmentWorld = {
    accounts,
    permissionSets: Object.keys(permissionSets),
    async look(PrincipalId) {
      const found = await all<StoredAssignment>(sso, 'ListAccountAssignmentsForPrincipal', 'AccountAssignments', {
        PrincipalId,
        PrincipalType: 'GROUP',
      });
      return found.map(({ AccountId, PermissionSetArn }) => ({
        account: AccountId,
        permissionSet: Object.keys(permissionSets).find((name) => permissionSets[name] === PermissionSetArn) ?? PermissionSetArn,
      }));
    },
    add: (roleId, assignment) => change('CreateAccountAssignment', roleId, assignment, true),
    remove: (roleId, assignment) => change('DeleteAccountAssignment', roleId, assignment, false),
  };
  async function change(operation: string, PrincipalId: string, assignment: { account: string; permissionSet: string }, there: boolean) {
    await sso(operation, {
      PrincipalId,
      PrincipalType: 'GROUP',
      TargetId: assignment.account,
      TargetType: 'AWS_ACCOUNT',
      ...setArn(assignment.permissionSet),
    });
    await eventually(async () => {
      const found = (await assignments.look(PrincipalId)).some(
        ({ account, permissionSet }) => account === assignment.account && permissionSet === assignment.permissionSet,
      );
      return found === there ? true : undefined;
    });
  }

  return {
    target: (pace = atOnce) => open({ budget: unlimited(pace) }),
    function: open,
    offers: ['assignments', 'sessions'],
    pageSize: 100,
    sessionLedger,
    policyOf,
    async setPolicy(name, InlinePolicy) {
      await sso('PutInlinePolicyToPermissionSet', { InlinePolicy, ...setArn(name) });
    },
    async unmarkedAccount({ userName, displayName, givenName, familyName, email }: Profile) {
      const attributes = { UserName: userName, DisplayName: displayName, Name: { GivenName: givenName, FamilyName: familyName } };
      const { UserId } = await call('CreateUser', { ...attributes, ...(email ? { Emails: [{ Value: email }] } : {}) });
      return String(UserId);
    },
    unmarkedRole: async (role) => String((await call('CreateGroup', { DisplayName: role })).GroupId),
    async removeMarkOf(UserId) {
      await call('UpdateUser', { UserId, Operations: [{ AttributePath: 'externalIds' }] });
    },
    async removeMarkOfRole(GroupId) {
      await call('UpdateGroup', { GroupId, Operations: [{ AttributePath: 'externalIds' }] });
    },
    async removeAccount(UserId) {
      await call('DeleteUser', { UserId });
    },
    async removeRole(GroupId) {
      await call('DeleteGroup', { GroupId });
    },
    async renameRole(GroupId, name) {
      await call('UpdateGroup', { GroupId, Operations: [{ AttributePath: 'displayName', AttributeValue: name }] });
    },
    async addMember(GroupId, UserId) {
      await call('CreateGroupMembership', { GroupId, MemberId: { UserId } });
    },
    async removeMember(GroupId, UserId) {
      const { MembershipId } = await call('GetGroupMembershipId', { GroupId, MemberId: { UserId } });
      await call('DeleteGroupMembership', { MembershipId });
    },
    assignments,
    sessions: {
      async look() {
        const cut = await Promise.all(
          Object.keys(permissionSets).map(async (permissionSet) =>
            deniedIn(await policyOf(permissionSet)).map((accountId) => ({ accountId, permissionSet })),
          ),
        );
        return cut.flat();
      },
    },
    async look() {
      const [found, named] = [await users(), await groups()];
      const names = new Map(named.map(({ GroupId, DisplayName }) => [GroupId, DisplayName]));
      const seen = await Promise.all(
        found.map(async ({ UserId, UserName, DisplayName, Name, Emails, Title, PhoneNumbers, ExternalIds }) => {
          const memberships = await all<{ GroupId: string }>(call, 'ListGroupMembershipsForMember', 'GroupMemberships', {
            MemberId: { UserId },
          });
          const [email, phoneNumber] = [Emails?.[0]?.Value, PhoneNumbers?.[0]?.Value];
          return {
            id: UserId,
            profile: {
              userName: UserName,
              displayName: DisplayName,
              givenName: Name.GivenName,
              familyName: Name.FamilyName,
              ...(email ? { email } : {}),
              ...(Title ? { title: Title } : {}),
              ...(phoneNumber ? { phoneNumber } : {}),
            },
            mark: ExternalIds?.[0]?.Id,
            roles: memberships.map(({ GroupId }) => names.get(GroupId) ?? GroupId).sort(),
          };
        }),
      );
      const marked = ({ ExternalIds }: StoredGroup) => ExternalIds?.[0]?.Issuer === 'active-directory-lambda';
      return { accounts: seen, roles: named.map((group) => ({ id: group.GroupId, name: group.DisplayName, marked: marked(group) })) };
    },
    async clear() {
      await made;
      for (const { UserId } of await users()) await call('DeleteUser', { UserId });
      for (const { GroupId } of await groups()) await call('DeleteGroup', { GroupId });
      for (const name of Object.keys(permissionSets)) await sso('DeleteInlinePolicyFromPermissionSet', setArn(name));
      sessionLedger.entries.clear();
    },
    close: () => {
      for (const client of clients) client.destroy();
    },
  };
}

/** Users that an inline policy denies everything, by the condition that AWS documents for it. */
export function deniedIn(policy: string): readonly string[] {
  if (policy === '') return [];
  const { Statement } = JSON.parse(policy) as { Statement: { Effect: string; Condition?: { StringEquals?: Record<string, string[]> } }[] };
  return Statement.flatMap(({ Effect, Condition }) => (Effect === 'Deny' ? (Condition?.StringEquals?.['identitystore:userId'] ?? []) : []));
}
