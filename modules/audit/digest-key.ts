/**
 * The key that digests of the audit trail are signed with. Its private half never leaves KMS. Verifying takes its public half alone: export
 * it once, and keep it where nobody who administers this account can change it.
 */
import { KmsAlias } from '@cdktf/provider-aws/lib/kms-alias/index.js';
import { KmsKey } from '@cdktf/provider-aws/lib/kms-key/index.js';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type Grantee, policyDocument } from '../platform/policy.ts';
import { signDigestActions } from './permissions.ts';

export interface DigestKeyProps {
  readonly environment: IntegrationEnvironment;
}

export class DigestKey extends Construct {
  readonly keyId: string;
  readonly arn: string;
  /** `alias/<prefix>-<environment>-audit`. */
  readonly alias: string;

  constructor(scope: Construct, id: string, { environment }: DigestKeyProps) {
    super(scope, id);
    const key = new KmsKey(this, 'key', {
      description: `digests of the audit trail of ${environment.prefix} ${environment.name}`,
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
    this.keyId = key.keyId;
    this.arn = key.arn;
    this.alias = `alias/${environment.prefix}-${environment.name}-audit`;
    new KmsAlias(this, 'alias', { name: this.alias, targetKeyId: key.keyId });
  }

  /** Lets the grantee sign digests: close-audit, and nobody else. */
  grantSign(grantee: Grantee): void {
    grantee.allow({ Sid: 'SignDigests', Effect: 'Allow', Action: signDigestActions, Resource: [this.arn] });
  }
}
