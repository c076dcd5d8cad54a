/** Secrets that the functions read: a team's own, or one that is created without a value, so that no value is ever in plan or state. */
import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret/index.js';
import { Token } from 'cdktf';
import type { Construct } from 'constructs';
import type { IntegrationEnvironment } from './integration-environment.ts';
import { formats, matching, WrongPropError } from './prop-checks.ts';

/** ARN of a new secret. A person puts the value in after the first apply; `description` says what it has to be. */
export function secretWithoutValue(
  scope: Construct,
  id: string,
  props: { readonly environment: IntegrationEnvironment; readonly name: string; readonly description: string },
): string {
  return new SecretsmanagerSecret(scope, id, {
    name: props.environment.path(props.name),
    description: props.description,
    recoveryWindowInDays: props.environment.deletionProtection ? 30 : 0,
  }).arn;
}

/** ARN of a team's secret. Functions read it in their own region, and without a key of another account. */
export function ownSecret(prop: string, arn: string, environment: IntegrationEnvironment): string {
  matching(prop, arn, formats.secretArn, "give the secret's full ARN, with its six last characters");
  const own = environment.arn('secretsmanager', 'secret:');
  if (!Token.isUnresolved(arn) && !arn.startsWith(own)) {
    throw new WrongPropError(`${prop} is "${arn}": give a secret of the environment's own account and region (${own}…)`);
  }
  return arn;
}
