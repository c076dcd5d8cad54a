/**
 * The key that approvals of a guard are signed with. Its private half never leaves KMS: whoever may sign with it is an approver, and IAM
 * says who that is.
 */
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import type { Grantee } from '../platform/policy.ts';
import { type SigningKey, signingKey } from '../platform/signing-key.ts';
import { verifyApprovalActions } from './permissions.ts';

export interface ApprovalKeyProps {
  readonly environment: IntegrationEnvironment;
}

export class ApprovalKey extends Construct implements SigningKey {
  readonly keyId: string;
  readonly arn: string;
  /** `alias/<prefix>-<environment>-approvals`. */
  readonly alias: string;

  constructor(scope: Construct, id: string, { environment }: ApprovalKeyProps) {
    super(scope, id);
    const { keyId, arn, alias } = signingKey(this, {
      environment,
      name: 'approvals',
      description: `approvals of ${environment.prefix} ${environment.name}: whoever may sign with it may approve what a guard holds back`,
    });
    this.keyId = keyId;
    this.arn = arn;
    this.alias = alias;
  }

  /** Lets the grantee check a signature; nobody but a person signs. */
  grantVerify(grantee: Grantee): void {
    grantee.allow({ Sid: 'VerifyApprovals', Effect: 'Allow', Action: verifyApprovalActions, Resource: [this.arn] });
  }
}
