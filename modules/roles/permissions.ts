/**
 * What keeping roles takes at the Identity Store, by the resources each action needs (Service Authorization Reference, "Actions,
 * resources, and condition keys for AWS Identity Store"), and at sync-roles' own ledger.
 */
import type { ActionReason } from '../platform/policy.ts';

/** Need the identity store alone: the user or group has no id yet. */
export const createIdentityActions = ['identitystore:CreateUser', 'identitystore:CreateGroup'] as const;
/** Need the identity store and the user. */
export const keepUserActions = ['identitystore:DescribeUser', 'identitystore:GetUserId', 'identitystore:UpdateUser'] as const;
/** Allowed only where a deleted account's user is deleted too. */
export const deleteUserActions = ['identitystore:DeleteUser'] as const;
/** Need the identity store and the group. */
export const keepGroupActions = ['identitystore:DescribeGroup', 'identitystore:GetGroupId', 'identitystore:UpdateGroup'] as const;
/** Needs the identity store, the group and the user: the membership has no id yet. */
export const createMembershipActions = ['identitystore:CreateGroupMembership'] as const;
/** Need the identity store, the group, the user and the membership. */
export const keepMembershipActions = ['identitystore:DeleteGroupMembership', 'identitystore:GetGroupMembershipId'] as const;

/** The ledger of what was made at the target. */
export const keepLedgerActions = ['dynamodb:GetItem', 'dynamodb:PutItem'] as const;

/** What IAM cannot scope: ids of users, groups and memberships are the store's own and not known before they exist. */
export const unscoped: readonly ActionReason[] = [
  ...keepUserActions,
  ...deleteUserActions,
  ...keepGroupActions,
  ...createMembershipActions,
  ...keepMembershipActions,
].map((action) => ({
  action,
  reason:
    'the identity store makes the ids of users, groups and memberships: the store is named, its objects are user/*, group/* and membership/*',
}));

/** What only the run after an interrupted one calls. */
export const rarelyUsed: readonly ActionReason[] = [
  {
    action: 'identitystore:DescribeUser',
    reason: 'reads an account that an interrupted run has made, and looks for our mark before a deletion',
  },
  {
    action: 'identitystore:DescribeGroup',
    reason: 'tells a group of ours that an interrupted run left without its mark from a group that is not ours',
  },
  { action: 'identitystore:GetGroupMembershipId', reason: 'finds the membership that an interrupted run has made already' },
];
