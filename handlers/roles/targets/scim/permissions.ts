/** What a function needs of AWS to reach a SCIM target, besides reading the target's secret. */
import { identityTokenSeconds, identityTokenSigning } from '../../../platform/identity-token.ts';
import type { TargetStatement } from '../kind.ts';
import type { ScimSettings } from './settings.ts';

interface ConditionedStatement extends TargetStatement {
  readonly Condition: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** An identity token for the target's audience and nobody else (IAM User Guide, "Controlling access with IAM policies" of outbound federation). */
export function permissionsOf({ authentication }: ScimSettings): readonly ConditionedStatement[] {
  if (!('webIdentity' in authentication)) return [];
  return [
    {
      Sid: 'ProveIdentityToTarget',
      Effect: 'Allow',
      Action: ['sts:GetWebIdentityToken'],
      // The action knows no resource: a token is for an audience.
      Resource: ['*'],
      Condition: {
        'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': [authentication.webIdentity.audience] },
        // ForAllValues holds of no audience at all.
        Null: { 'sts:IdentityTokenAudience': 'false' },
        NumericLessThanEquals: { 'sts:DurationSeconds': String(identityTokenSeconds) },
        StringEquals: { 'sts:SigningAlgorithm': identityTokenSigning },
      },
    },
  ];
}
