/**
 * The trust policy of a federated role. Three things are always pinned: the issuer as the principal, the audience, and who asks: by the
 * token's subject, or by a role of the role mappings that the issuer states in the token. One statement holds all of it, so nothing is
 * allowed by a part.
 */
import { type NonEmpty, WrongPropError } from '../platform/prop-checks.ts';
import { knownBytes } from '../platform/terraform-text.ts';

/** Session tags in a token: nested, or flat with the key behind it (IAM User Guide, "Passing session tags using AssumeRoleWithWebIdentity"). */
export const tagClaim = 'https://aws.amazon.com/tags/principal_tags/';

/** Characters of a trust policy (IAM User Guide, "IAM and AWS STS quotas"; an account can have it raised). */
const mostTrustCharacters = 2048;

/** Who may come. */
export type Admission =
  | { readonly by: 'subject'; readonly operator: 'StringEquals' | 'StringLike'; readonly text: string }
  /** The token says the role's name under a key of the role's own. `known`: keys that it may carry for other roles besides. */
  | { readonly by: 'session-tag'; readonly key: string; readonly role: string; readonly known: readonly string[] }
  /** The token's `amr` names one of the groups. */
  | { readonly by: 'group-claim'; readonly groups: NonEmpty<string> };

export interface RoleTrust {
  /** ARN of the issuer's provider in the account. */
  readonly providerArn: string;
  /** Host and path of the issuer, with which its condition keys begin. */
  readonly issuer: string;
  readonly audiences: NonEmpty<string>;
  readonly admissions: NonEmpty<Admission>;
}

/**
 * Keys that IAM has of any issuer's token: `aud`, which is the token's `azp` where it has one, `sub` and `amr` (IAM User Guide, "Available
 * keys for AWS OIDC federation"). Other claims are no keys; what they say has to come as a session tag.
 */
export function roleTrust({ providerArn, issuer, audiences, admissions }: RoleTrust): string {
  const [only, ...others] = audiences;
  const conditions: Record<string, Record<string, string | readonly string[]>> = {
    StringEquals: { [`${issuer}:aud`]: others.length === 0 ? only : audiences },
  };
  const add = (operator: string, key: string, value: string | readonly string[]) => {
    conditions[operator] = { ...conditions[operator], [key]: value };
  };
  for (const admission of admissions) {
    if (admission.by === 'subject') add(admission.operator, `${issuer}:sub`, admission.text);
    if (admission.by === 'group-claim') add('ForAnyValue:StringEquals', `${issuer}:amr`, admission.groups);
    if (admission.by === 'session-tag') {
      add('StringEquals', `aws:RequestTag/${admission.key}`, admission.role);
      // ForAllValues alone also holds for a token without tags, but the line above asks for one.
      add('ForAllValues:StringEquals', 'aws:TagKeys', admission.known);
      // One that outlives the session would state the role to every account that it goes on to.
      add('Null', 'sts:TransitiveTagKeys', 'true');
    }
  }
  // Without sts:TagSession a token that carries any tag is refused (IAM User Guide, "Pass session tags in AWS STS").
  const tagged = admissions.some(({ by }) => by === 'session-tag');
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'AssumedByWebIdentity',
        Effect: 'Allow',
        Principal: { Federated: providerArn },
        Action: ['sts:AssumeRoleWithWebIdentity', ...(tagged ? ['sts:TagSession'] : [])],
        Condition: conditions,
      },
    ],
  });
  const characters = knownBytes(policy);
  if (characters > mostTrustCharacters) {
    throw new WrongPropError(
      `a trust policy for ${issuer} has ${characters} characters, IAM allows ${mostTrustCharacters}: federate fewer roles or audiences with one issuer`,
    );
  }
  return policy;
}
