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
