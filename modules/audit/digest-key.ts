/**
 * The key that digests of the audit trail are signed with. Its private half never leaves KMS. Verifying takes its public half alone: export
 * it once, and keep it where nobody who administers this account can change it.
 */
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import type { Grantee } from '../platform/policy.ts';
import { type SigningKey, signingKey } from '../platform/signing-key.ts';
import { signDigestActions } from './permissions.ts';

export interface DigestKeyProps {
  readonly environment: IntegrationEnvironment;
}

export class DigestKey extends Construct implements SigningKey {
  readonly keyId: string;
  readonly arn: string;
  /** `alias/<prefix>-<environment>-audit`. */
  readonly alias: string;

  constructor(scope: Construct, id: string, { environment }: DigestKeyProps) {
    super(scope, id);
    const { keyId, arn, alias } = signingKey(this, {
      environment,
      name: 'audit',
      description: `digests of the audit trail of ${environment.prefix} ${environment.name}`,
    });
    this.keyId = keyId;
    this.arn = arn;
    this.alias = alias;
  }

  /** Lets the grantee sign digests: close-audit, and nobody else. */
  grantSign(grantee: Grantee): void {
    grantee.allow({ Sid: 'SignDigests', Effect: 'Allow', Action: signDigestActions, Resource: [this.arn] });
  }
}
