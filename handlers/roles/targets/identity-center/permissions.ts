/**
 * What the functions may do at IAM Identity Center, by the resources that each action needs (Service Authorization Reference, "AWS Identity
 * Store" and "AWS IAM Identity Center").
 */
import type { Place, TargetStatement } from '../kind.ts';
import { accountAccess, type IdentityCenterSettings } from './settings.ts';

/** Need the identity store alone: the user or group has no id yet. */
export const createIdentityActions = ['identitystore:CreateUser', 'identitystore:CreateGroup'] as const;
/** Need the identity store and the user. */
export const keepUserActions = ['identitystore:DescribeUser', 'identitystore:GetUserId', 'identitystore:UpdateUser'] as const;
/** In a statement of its own, `DeleteUsers`: to be left out where no account is ever deleted. */
export const deleteUserActions = ['identitystore:DeleteUser'] as const;
/** Need the identity store and the group. */
export const keepGroupActions = ['identitystore:DescribeGroup', 'identitystore:GetGroupId', 'identitystore:UpdateGroup'] as const;
/** Needs the identity store, the group and the user: the membership has no id yet. */
export const createMembershipActions = ['identitystore:CreateGroupMembership'] as const;
/** Need the identity store, the group, the user and the membership. */
export const keepMembershipActions = ['identitystore:DeleteGroupMembership', 'identitystore:GetGroupMembershipId'] as const;

/** Needs the identity store and all users. */
export const listUserActions = ['identitystore:ListUsers'] as const;
/** Needs the identity store and all groups. */
export const listGroupActions = ['identitystore:ListGroups'] as const;
/** Needs the identity store, the group and all memberships. */
export const listMembershipActions = ['identitystore:ListGroupMemberships'] as const;

/** Need the instance, the permission set and the account. */
export const keepAssignmentActions = ['sso:CreateAccountAssignment', 'sso:DeleteAccountAssignment'] as const;
/** Needs the instance alone. */
export const listAssignmentActions = ['sso:ListAccountAssignmentsForPrincipal'] as const;
/** Need the instance alone: a request is known by its id. */
export const followRequestActions = [
  'sso:DescribeAccountAssignmentCreationStatus',
  'sso:DescribeAccountAssignmentDeletionStatus',
  'sso:DescribePermissionSetProvisioningStatus',
] as const;
/** Need the instance and the permission set. */
export const keepInlinePolicyActions = [
  'sso:GetInlinePolicyForPermissionSet',
  'sso:PutInlinePolicyToPermissionSet',
  'sso:DeleteInlinePolicyFromPermissionSet',
] as const;
/** Needs the instance, the permission set and every account in which the set is provisioned: also accounts that are not ours. */
export const provisionActions = ['sso:ProvisionPermissionSet'] as const;

/** Need the role in the other account. Each session carries tags. */
export const assumeTargetRoleActions = ['sts:AssumeRole', 'sts:TagSession'] as const;

const storeIds =
  'the identity store makes the ids of users, groups and memberships: the store is named, its objects are user/*, group/* and membership/*';
const anyAccount =
  'a permission set is provisioned where others use it, too: instance and permission sets are named, the account is account/*';

/** What IAM cannot scope, and why. */
export const unscoped: readonly { readonly action: string; readonly reason: string }[] = [
  ...[
    ...keepUserActions,
    ...deleteUserActions,
    ...keepGroupActions,
    ...createMembershipActions,
    ...keepMembershipActions,
    ...listUserActions,
    ...listGroupActions,
    ...listMembershipActions,
  ].map((action) => ({ action, reason: storeIds })),
  ...provisionActions.map((action) => ({ action, reason: anyAccount })),
];

/** What an ordinary run does not call. */
export const rarelyUsed: readonly { readonly action: string; readonly reason: string }[] = [
  {
    action: 'identitystore:DescribeUser',
    reason: 'reads an account that an interrupted run has made, or that drifted, and looks for our mark before a deletion',
  },
  {
    action: 'identitystore:DescribeGroup',
    reason: 'tells a group of ours that an interrupted run left without its mark, or that was renamed, from a group that is not ours',
  },
  {
    action: 'identitystore:GetGroupMembershipId',
    reason: 'finds the membership that an interrupted run has made already, and sees that one is gone',
  },
  { action: 'sso:ListAccountAssignmentsForPrincipal', reason: 'looks at the assignments of a role that drifted' },
  { action: 'sso:DeleteInlinePolicyFromPermissionSet', reason: 'takes away an inline policy that held nothing but our denial' },
];

const allow = (Sid: string, Action: readonly string[], ...Resource: readonly string[]): TargetStatement => ({
  Sid,
  Effect: 'Allow',
  Action,
  Resource,
});

/** Of the functions' own roles: to assume the other account's role and nothing else, where there is one. */
export function identityCenterPermissions(
  settings: IdentityCenterSettings,
  place: Place,
  use: 'keep' | 'read',
): readonly TargetStatement[] {
  return settings.assumeRole === undefined
    ? permissionsInAccount(settings, place, use)
    : [allow('AssumeTargetRole', assumeTargetRoleActions, settings.assumeRole.roleArn)];
}

/** Of whoever calls IAM Identity Center: the functions' own roles, or the role that they assume. `place` is where it is. */
export function permissionsInAccount(
  settings: Omit<IdentityCenterSettings, 'assumeRole'>,
  { partition, account }: Pick<Place, 'partition' | 'account'>,
  use: 'keep' | 'read',
): readonly TargetStatement[] {
  // The store's ARN has no region, its objects' ARNs neither region nor account.
  const store = `arn:${partition}:identitystore::${account}:identitystore/${settings.identityStoreId}`;
  const every = (kind: 'user' | 'group' | 'membership') => `arn:${partition}:identitystore:::${kind}/*`;
  const access = accountAccess(settings);
  if (use === 'read') {
    return [
      allow('ListUsers', listUserActions, store, every('user')),
      allow('ListGroups', listGroupActions, store, every('group')),
      allow('ListMemberships', listMembershipActions, store, every('group'), every('membership')),
      ...(access ? [allow('ListAssignments', listAssignmentActions, access.instanceArn)] : []),
    ];
  }
  const identities = [
    allow('CreateIdentities', createIdentityActions, store),
    allow('KeepUsers', keepUserActions, store, every('user')),
    allow('DeleteUsers', deleteUserActions, store, every('user')),
    allow('KeepGroups', keepGroupActions, store, every('group')),
    allow('CreateMemberships', createMembershipActions, store, every('group'), every('user')),
    allow('KeepMemberships', keepMembershipActions, store, every('group'), every('user'), every('membership')),
  ];
  if (access === undefined) return identities;
  const { instanceArn } = access;
  const sets = Object.values(access.permissionSets);
  const accountArn = (id: string) => `arn:${partition}:sso:::account/${id}`;
  return [
    ...identities,
    allow('KeepAssignments', keepAssignmentActions, instanceArn, ...sets, ...access.accounts.map(accountArn)),
    allow('FollowAssignments', [...listAssignmentActions, ...followRequestActions], instanceArn),
    allow('CutSessions', keepInlinePolicyActions, instanceArn, ...sets),
    allow('ProvisionPermissionSets', provisionActions, instanceArn, ...sets, accountArn('*')),
  ];
}
