/** The example's deployment stack as an account has it: deploy roles and boundaries, and what IAM decides on their calls. */
import { App, type TerraformStack } from 'cdktf';
import { DeploymentStack } from '../../examples/deployment.ts';
import { EnvironmentStack } from '../../examples/environment-stack.ts';
import { environments } from '../../examples/environments.ts';
import { authorize, type Decision, type PolicySource, type Principal } from '../../sandbox/aws/iam/index.ts';
import { type Arguments, Template } from '../modules/template.ts';
import type { Asked } from './authorization.ts';

export const account = '111122223333';
export type EnvironmentName = keyof typeof environments;

export interface Deployment {
  readonly template: Template;
  readonly stacks: Readonly<Record<EnvironmentName, TerraformStack>>;
  /** A session of the environment's deploy role. */
  session(environment: EnvironmentName): Extract<Principal, { kind: 'role' }>;
  /** What IAM says to a session of the environment's deploy role. */
  decide(environment: EnvironmentName, asked: Asked): Decision;
}

export function deployment(): Deployment {
  const app = new App();
  const stacks = {
    dev: new EnvironmentStack(app, 'dev', environments.dev),
    staging: new EnvironmentStack(app, 'staging', environments.staging),
    prod: new EnvironmentStack(app, 'prod', environments.prod),
  };
  const stack = new DeploymentStack(app, 'deployment', [stacks.dev, stacks.staging, stacks.prod]);
  const template = new Template(stack.toTerraform() as Template['json']);
  const session = (environment: EnvironmentName) => sessionOf(template, environment);
  return {
    template,
    stacks,
    session,
    decide: (environment, { action, resource, context }) =>
      authorize({ principal: session(environment), action, resource, context, resourceAccount: account }),
  };
}

function sessionOf(template: Template, environment: EnvironmentName): Extract<Principal, { kind: 'role' }> {
  const name = `ad-lambda-${environment}-deploy`;
  const attached = template
    .all('aws_iam_role_policy_attachment')
    .filter(({ role }) => role === template.reference('aws_iam_role', { name }, 'name'))
    .map(({ policy_arn: arn }) => arn);
  const policies = template
    .all('aws_iam_policy')
    .filter((policy) => attached.includes(template.reference('aws_iam_policy', { name: policy.name }, 'arn')));
  return {
    kind: 'role',
    arn: `arn:aws:iam::${account}:role/deploy/${name}`,
    sessionArn: `arn:aws:sts::${account}:assumed-role/${name}/github`,
    account,
    identityPolicies: policies.map(source),
    boundary: source(template.one('aws_iam_policy', { name: `${name}-boundary` })),
  };
}

const source = ({ name, policy }: Arguments): PolicySource => ({ name, document: JSON.parse(policy) });
