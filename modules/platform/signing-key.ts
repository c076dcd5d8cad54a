/** An asymmetric KMS key that signs, with its alias. Its private half never leaves KMS; IAM says who may sign with it. */
import { KmsAlias } from '@cdktf/provider-aws/lib/kms-alias/index.js';
import { KmsKey } from '@cdktf/provider-aws/lib/kms-key/index.js';
import type { Construct } from 'constructs';
import type { IntegrationEnvironment } from './integration-environment.ts';
import { policyDocument } from './policy.ts';

export interface SigningKeyProps {
  readonly environment: IntegrationEnvironment;
  /** Last part of the alias. */
  readonly name: string;
  readonly description: string;
}

export interface SigningKey {
  readonly keyId: string;
  readonly arn: string;
  /** `alias/<prefix>-<environment>-<name>`. */
  readonly alias: string;
}

/** ECC_NIST_P256, in the scope itself as `key` and `alias`. */
export function signingKey(scope: Construct, { environment, name, description }: SigningKeyProps): SigningKey {
  const key = new KmsKey(scope, 'key', {
    description,
    keyUsage: 'SIGN_VERIFY',
    customerMasterKeySpec: 'ECC_NIST_P256',
    deletionWindowInDays: environment.deletionProtection ? 30 : 7,
    lifecycle: { preventDestroy: environment.deletionProtection },
    policy: policyDocument([
      {
        // IAM policies of the account say who may sign (AWS KMS Developer Guide, "Default key policy").
        Sid: 'AccountAdministersByIam',
        Effect: 'Allow',
        Principal: { AWS: `arn:${environment.partition}:iam::${environment.account}:root` },
        Action: ['kms:*'],
        Resource: ['*'],
      },
    ]),
  });
  const alias = `alias/${environment.prefix}-${environment.name}-${name}`;
  new KmsAlias(scope, 'alias', { name: alias, targetKeyId: key.keyId });
  return { keyId: key.keyId, arn: key.arn, alias };
}
