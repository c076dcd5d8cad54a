/** Whether a role's trust policy lets a party assume it ("IAM JSON policy elements: Principal"; "Roles terms and concepts"). */

import { type PolicySource, parsePolicy } from './policy-document.ts';
import { type Asker, denies, reachOf } from './principal-element.ts';
import { type ContextRecord, requestContext } from './request-context.ts';
import { matchesActions, meetsConditions } from './statement-match.ts';

/** A service by its principal name, a role, role session or account root by ARN, or whoever an identity provider of that ARN vouches for. */
export type TrustedParty = { readonly service: string } | { readonly principalArn: string } | { readonly federated: string };

/** @throws MalformedPolicyError @throws UnknownPolicyElementError as AWS refuses a role with such a trust policy */
export function checkTrustPolicy(trustPolicy: PolicySource): void {
  parsePolicy(trustPolicy, 'trust');
}

/**
 * @param action such as sts:AssumeRole
 * @returns true when a statement allows it and none denies it; a party named only by its account still needs an identity policy of its own
 * @throws MalformedPolicyError @throws UnknownPolicyElementError
 */
export function trusts(trustPolicy: PolicySource, party: TrustedParty, action: string, context: ContextRecord): boolean {
  const asker = 'principalArn' in party ? partyOf(party.principalArn) : party;
  const request = requestContext(context);
  const applying = parsePolicy(trustPolicy, 'trust').filter(
    (statement) => matchesActions(statement, action, request) && meetsConditions(statement, request),
  );
  if (applying.some(({ effect, principal }) => effect === 'Deny' && principal && denies(principal, asker))) return false;
  return applying.some(({ effect, principal }) => effect === 'Allow' && principal && reachOf(principal, asker) !== undefined);
}

/** A session's ARN holds its role's name but not the role's path: a role with a path is named by its own ARN. */
function partyOf(arn: string): Asker {
  const [, partition, account, kind, name] = /^arn:([\w-]+):(?:iam|sts)::(\d{12}):(root|role|assumed-role)(?:\/(.+))?$/.exec(arn) ?? [];
  if (account === undefined) throw new TypeError(`"${arn}" is no account root, role or role session: pass such an ARN`);
  if (kind === 'role') return { account, roleArn: arn, bounded: false };
  if (kind !== 'assumed-role') return { account, bounded: false };
  const roleArn = `arn:${partition}:iam::${account}:role/${name?.split('/')[0]}`;
  return { account, roleArn, sessionArn: arn, bounded: false };
}
