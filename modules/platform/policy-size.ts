/** How long a policy may be (IAM User Guide, "IAM and AWS STS quotas"): white space does not count. */
import { WrongPropError } from './prop-checks.ts';
import { knownBytes } from './terraform-text.ts';

/** All inline policies of a role together. */
const mostPolicyCharacters = 10_240;
/** The quota that an account has to begin with. */
const mostTrustPolicyCharacters = 2048;

/** References become ARNs at apply only, so this finds what lists of accounts or files make too long, and no less. @throws WrongPropError */
export function checkPolicySize(name: string, policy: string): void {
  const characters = knownCharacters(policy);
  if (characters <= mostPolicyCharacters) return;
  throw new WrongPropError(
    `policy of ${name} has ${characters} characters, IAM allows ${mostPolicyCharacters}: name fewer accounts, permission sets or files of policies`,
  );
}

/** @param shorten what the message says to shorten @throws WrongPropError */
export function checkTrustPolicySize(name: string, policy: string, shorten: string): void {
  const characters = knownCharacters(policy);
  if (characters <= mostTrustPolicyCharacters) return;
  throw new WrongPropError(
    `trust policy of ${name} has ${characters} characters, IAM allows ${mostTrustPolicyCharacters}: shorten ${shorten}`,
  );
}

const knownCharacters = (policy: string): number => knownBytes(policy.replace(/\s/g, ''));
