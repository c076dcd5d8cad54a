/**
 * The key that approvals of a guard are signed with. Its private half never leaves KMS: whoever may sign with it is an approver, and IAM
 * says who that is.
 */
import { KmsAlias } from '@cdktf/provider-aws/lib/kms-alias/index.js';
import { KmsKey } from '@cdktf/provider-aws/lib/kms-key/index.js';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type Grantee, policyDocument } from '../platform/policy.ts';
import { verifyApprovalActions } from './permissions.ts';

export interface ApprovalKeyProps {
  readonly environment: IntegrationEnvironment;
}

export class ApprovalKey extends Construct {
  readonly keyId: string;
  readonly arn: string;
  /** `alias/<prefix>-<environment>-approvals`. */
  readonly alias: string;

  constructor(scope: Construct, id: string, { environment }: ApprovalKeyProps) {
    super(scope, id);
    const key = new KmsKey(this, 'key', {
      description: `approvals of ${environment.prefix} ${environment.name}: whoever may sign with it may approve what a guard holds back`,
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
    this.alias = `alias/${environment.prefix}-${environment.name}-approvals`;
    new KmsAlias(this, 'alias', { name: this.alias, targetKeyId: key.keyId });
  }

  /** Lets the grantee check a signature; nobody but a person signs. */
  grantVerify(grantee: Grantee): void {
    grantee.allow({ Sid: 'VerifyApprovals', Effect: 'Allow', Action: verifyApprovalActions, Resource: [this.arn] });
  }
}
