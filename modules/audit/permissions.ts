/** What writing the audit trail and closing its hours takes. Reading, changing and deleting it takes more than either function has. */
import type { ActionReason } from '../platform/policy.ts';

export const writeTrailActions = ['logs:CreateLogStream', 'logs:PutLogEvents'] as const;
/** Claims are made by transactions of Put, which IAM knows as PutItem (DynamoDB Developer Guide, "Using IAM with DynamoDB transactions"). */
export const keepClaimsActions = ['dynamodb:GetItem', 'dynamodb:PutItem'] as const;
export const readClaimsActions = ['dynamodb:Query'] as const;
/** Of records by record-audit, of digests by close-audit; never of the other's. Object Lock keeps both from what is there. */
export const writeEvidenceActions = ['s3:PutObject'] as const;
export const readEvidenceActions = ['s3:GetObject'] as const;
/** Of the bucket: to list it, and for S3 to say what is not there (Amazon S3 API Reference, GetObject, "Permissions"). */
export const listEvidenceActions = ['s3:ListBucket'] as const;
/** S3 calls KMS in the caller's name (Amazon S3 User Guide, "Using server-side encryption with AWS KMS keys"). */
export const useTrailKeyActions = ['kms:Decrypt', 'kms:GenerateDataKey'] as const;
export const signDigestActions = ['kms:Sign'] as const;

/** What an ordinary run does not call. */
export const rarelyUsed: readonly ActionReason[] = [
  ...['dynamodb:GetItem', 's3:GetObject', 's3:ListBucket'].map(
    (action): ActionReason => ({
      action,
      function: 'record-audit',
      reason: 'looks what became of an event that comes again, which happens when a function or a call was cut off',
    }),
  ),
  ...['dynamodb:Query', 's3:GetObject', 's3:PutObject', 'kms:Sign'].map(
    (action): ActionReason => ({ action, function: 'close-audit', reason: 'closes an hour into a digest, once it is over' }),
  ),
];
