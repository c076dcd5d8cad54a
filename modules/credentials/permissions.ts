/** What rotate-credential may do at its secrets, its table and its vault, and what readers of a credential may do. */
import type { ActionReason } from '../platform/policy.ts';

/** rotate-credential reads the settings of its credentials, which Terraform alone writes. */
export const readSettingsActions = ['dynamodb:Query'] as const;
/** It notes what it did to each of them, in a partition of its own. */
export const keepRotationActions = ['dynamodb:GetItem', 'dynamodb:PutItem'] as const;

/** The four steps of a rotation (AWS Secrets Manager User Guide, "Lambda rotation function execution role permissions"), and asking for one. */
export const rotateSecretActions = [
  'secretsmanager:DescribeSecret',
  'secretsmanager:GetSecretValue',
  'secretsmanager:PutSecretValue',
  'secretsmanager:UpdateSecretVersionStage',
  'secretsmanager:RotateSecret',
] as const;
/** Whoever asks for a rotation needs it on the rotation function, which here is the one that asks (Secrets Manager API Reference, RotateSecret). */
export const invokeRotationActions = ['lambda:InvokeFunction'] as const;
/** Its labels too: it may be rotated by somebody else meanwhile. */
export const readResetSecretActions = ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'] as const;
/** Of secrets under a customer managed key (AWS Secrets Manager User Guide, "Secret encryption and decryption": reading and writing). */
export const useCredentialKeyActions = ['kms:Decrypt', 'kms:GenerateDataKey'] as const;
/** Proves to a vault who logs in. */
export const proveIdentityActions = ['sts:GetWebIdentityToken'] as const;

/** What a consumer of one credential may do. */
export const readCredentialActions = ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'] as const;
export const decryptCredentialActions = ['kms:Decrypt'] as const;

/** What an ordinary run of rotate-credential does not call. */
export const rarelyUsed: readonly ActionReason[] = [
  ...['secretsmanager:RotateSecret', 'lambda:InvokeFunction'].map(
    (action): ActionReason => ({
      action,
      function: 'rotate-credential',
      reason: 'asks for a rotation when somebody else changed a password, or a credential is told to be compromised',
    }),
  ),
];
