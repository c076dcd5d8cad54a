/**
 * What keeping roles takes besides the target itself: the ledger of what was made there, drift reports, and the key of approvals. What the
 * functions may do at a target belongs to its kind, in `handlers/roles/targets/<kind>/permissions.ts`.
 */
import * as identityCenter from '../../handlers/roles/targets/identity-center/permissions.ts';
import type { ActionReason } from '../platform/policy.ts';

/** sync-roles keeps what it made at the target, and the budget of calls. Each call names a partition of its own target. */
export const keepLedgerActions = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'] as const;
/** reconcile looks what sync-roles left undone: no listing of the target shows that. */
export const readLedgerActions = ['dynamodb:GetItem'] as const;
/** reconcile keeps where its run stands, and shares the budget of calls. */
export const keepRunActions = ['dynamodb:PutItem', 'dynamodb:UpdateItem'] as const;
/** reconcile writes drift reports, and what it listed so far, which the next invocation reads. */
export const keepReportsActions = ['s3:GetObject', 's3:PutObject'] as const;
/** What it listed is forgotten when a run has come to its end. */
export const forgetProgressActions = ['s3:DeleteObject'] as const;
/** Of the bucket: without it S3 answers for what is not there as for what is forbidden (Amazon S3 API Reference, GetObject, "Permissions"). */
export const missReportsActions = ['s3:ListBucket'] as const;
/** review-access looks up what was made for each person, a hundred at a time. */
export const reviewLedgerActions = ['dynamodb:BatchGetItem'] as const;
/** It writes reports, and reads when the newest was made. */
export const keepReviewsActions = ['s3:GetObject', 's3:PutObject'] as const;
/** Newest drift report of each target. */
export const readDriftActions = ['s3:GetObject'] as const;
export const readTargetSecretActions = ['secretsmanager:GetSecretValue'] as const;
export const verifyApprovalActions = ['kms:Verify'] as const;

/** What IAM cannot scope. */
export const unscoped: readonly ActionReason[] = [
  ...identityCenter.unscoped,
  { action: 'sts:GetWebIdentityToken', reason: 'a token is for an audience, no resource: a condition names the only audience' },
];

/** What an ordinary run does not call. */
export const rarelyUsed: readonly ActionReason[] = [
  ...identityCenter.rarelyUsed,
  { action: 'kms:Verify', reason: 'checks the signature of an approval, which only a guard that has tripped asks for' },
  { action: 'dynamodb:Query', reason: 'lists what a guard has held back, once it has tripped or expired' },
  ...['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'events:PutEvents'].map(
    (action): ActionReason => ({
      action,
      function: 'settle-guard',
      reason: 'carries out what a person decides on a guard that has tripped',
    }),
  ),
  ...['dynamodb:GetItem', 'dynamodb:PutItem'].map(
    (action): ActionReason => ({ action, function: 'reconcile', reason: 'asks the guard, once a run finds something to take away' }),
  ),
  { action: 'events:PutEvents', function: 'reconcile', reason: 'tells of drift, once there is some' },
  ...['sso:DeleteAccountAssignment', 'sso:DescribeAccountAssignmentDeletionStatus'].map(
    (action): ActionReason => ({ action, reason: 'takes an assignment away that no role mapping gives any longer' }),
  ),
  ...[
    'sso:CreateAccountAssignment',
    'sso:GetInlinePolicyForPermissionSet',
    'sso:PutInlinePolicyToPermissionSet',
    'sso:ProvisionPermissionSet',
  ].map((action): ActionReason => ({ action, reason: "roles may bring each of the target's permission sets in each of its accounts" })),
  { action: 's3:ListBucket', reason: 'makes S3 say that a report, or what a run of reconcile listed so far, is not there' },
  { action: 'dynamodb:BatchGetItem', function: 'review-access', reason: 'looks up what people hold, once somebody was decided on' },
];
