/** What a stack names and does not own: others have made it before, so the sandbox does. */
import type { PolicyDocument } from './aws/iam/index.ts';
import type { Template } from './terraform/template.ts';

/** Permission boundaries that the stack names and the account's owners hold: the sandbox's own stands in, which leaves IAM to them. */
export function outsidePolicies(template: Template): Record<string, PolicyDocument> {
  const boundary: PolicyDocument = {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'Work', Effect: 'Allow', Action: '*', Resource: '*' },
      { Sid: 'NoIdentities', Effect: 'Deny', Action: ['iam:*', 'organizations:*'], Resource: '*' },
    ],
  };
  const arns = [...template.blocks.values()].flatMap(({ config }) =>
    config.permissions_boundary ? [String(config.permissions_boundary)] : [],
  );
  return Object.fromEntries(arns.map((arn) => [arn, boundary]));
}

/** Log groups that the stack subscribes to and does not create: a team has them already. */
export function outsideLogGroups(template: Template): readonly string[] {
  const blocks = [...template.blocks.values()];
  const named = blocks.flatMap(({ type, config }) =>
    type === 'aws_cloudwatch_log_subscription_filter' ? [String(config.log_group_name)] : [],
  );
  // A reference is to a group of the stack.
  return named.filter((name) => !name.includes('${'));
}

/** Ids of the team's own keys that secrets are encrypted with. Their policies leave access to IAM, as KMS's default one does. */
export function outsideKeys(template: Template): readonly string[] {
  const arns = [...template.blocks.values()].flatMap(({ type, config }) =>
    type === 'aws_secretsmanager_secret' && config.kms_key_id ? [String(config.kms_key_id)] : [],
  );
  // A reference is to a key of the stack.
  return [...new Set(arns.filter((arn) => !arn.includes('${')).map((arn) => arn.slice(arn.lastIndexOf('/') + 1)))];
}

/** Makes a secret that the stack names by its ARN and does not create, unless it is there, as its owner would have. @throws Error when it is no full ARN */
export async function makeOutsideSecret(
  operator: (service: string, operation: string, input: Record<string, unknown>) => Promise<Record<string, unknown>>,
  secretArn: string,
): Promise<void> {
  // Listed, because asking for one that is not there is a failed call, and a stack that is applied makes none.
  let NextToken: unknown;
  do {
    const page = await operator('secretsmanager', 'ListSecrets', NextToken === undefined ? {} : { NextToken });
    if ((page.SecretList as readonly { readonly ARN: string }[]).some(({ ARN }) => ARN === secretArn)) return;
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  const [, Name, ArnSuffix] = /:secret:(.+)-(\w{6})$/.exec(secretArn) ?? [];
  if (Name === undefined) throw new Error(`secret_id "${secretArn}" is no secret of the stack and no full ARN`);
  await operator('secretsmanager', 'CreateSecret', { Name, ArnSuffix });
}
