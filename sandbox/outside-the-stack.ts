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
