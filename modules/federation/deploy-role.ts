/**
 * The role that deploys an environment from a pipeline: generated from the environment's own resources, so that it may call what Terraform
 * calls for them, on what is the environment's, and nothing that would make it more than that.
 */
import { IamPolicy } from '@cdktf/provider-aws/lib/iam-policy/index.js';
import { IamRolePolicyAttachment } from '@cdktf/provider-aws/lib/iam-role-policy-attachment/index.js';
import type { TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { WrongPropError } from '../platform/prop-checks.ts';
import { deployBoundary } from './deploy-boundary.ts';
import { deployStatements, splitPolicies } from './deploy-statements.ts';
import { deployPath, deployTarget, synthesizedResources } from './deploy-target.ts';
import type { FederatedRole } from './federated-role.ts';
import type { OidcFederation } from './oidc-federation.ts';
import { type StateProps, stateStatements } from './state-access.ts';
import type { Subject } from './subjects.ts';

export interface DeployRoleProps {
  /** What it deploys. It has a `permissionsBoundaryArn`, which every role then has to have. */
  readonly environment: IntegrationEnvironment;
  /** The stack that the environment is in, complete: what is added to it later is refused at synth. */
  readonly stack: TerraformStack;
  /** Whose tokens open it. */
  readonly federation: OidcFederation;
  /** The pipeline: `subjects.gitHub({ organization, repository, environment })`. */
  readonly subject: Subject;
  /** Where Terraform keeps the state. @default in no bucket of this account: HCP Terraform, or a backend with credentials of its own */
  readonly state?: StateProps;
  /** Types of resources that the stack has no more and the deployed environment still has: `aws_vpc_endpoint`. @default none */
  readonly formerTypes?: readonly string[];
  /** Longest deployment, 1 to 12 hours. @default 1 */
  readonly sessionHours?: number;
}

/**
 * @example
 * new DeployRole(stack, 'dev', {
 *   environment: dev.integration.environment,
 *   stack: dev,
 *   federation: new OidcFederation(stack, 'github', { issuer: issuers.gitHubActions() }),
 *   subject: subjects.gitHub({ organization: 'example', repository: 'identity', environment: 'dev' }),
 *   state: { bucket: 'example-terraform-state', key: 'ad-lambda/dev.tfstate' },
 * });
 */
export class DeployRole extends Construct {
  readonly role: FederatedRole;
  readonly arn: string;

  constructor(scope: Construct, id: string, props: DeployRoleProps) {
    super(scope, id);
    const { environment, stack } = props;
    const { resources, data } = synthesizedResources(stack);
    const target = deployTarget(environment, resources);
    const statements = [
      ...deployStatements(target, resources, data, props.formerTypes ?? []),
      ...(props.state === undefined ? [] : stateStatements(props.state, target, environment.name)),
    ];
    const name = environment.resourceName('role', 'deploy');
    const boundary = new IamPolicy(this, 'boundary', {
      name: `${name}-boundary`,
      path: deployPath,
      description: `most that the role that deploys ${target.own} can do`,
      policy: deployBoundary(target, statements),
    });
    this.role = props.federation.addRole(`deploy-${environment.name}`, {
      name,
      description: `deploys ${target.own}`,
      path: deployPath,
      subject: props.subject,
      permissionsBoundaryArn: boundary.arn,
      ...(props.sessionHours === undefined ? {} : { sessionHours: props.sessionHours }),
    });
    this.arn = this.role.arn;
    splitPolicies(statements).forEach((policy, index) => {
      const managed = new IamPolicy(this, `policy-${index + 1}`, {
        name: `${name}-${index + 1}`,
        path: deployPath,
        description: `what Terraform calls for ${target.own}`,
        policy,
      });
      new IamRolePolicyAttachment(this, `attachment-${index + 1}`, { role: this.role.roleName, policyArn: managed.arn });
    });
    const types = typesOf(resources);
    this.node.addValidation({
      validate: () => {
        const later = typesOf(synthesizedResources(stack).resources).filter((type) => !types.includes(type));
        return later.length === 0
          ? []
          : [new WrongPropError(`the stack got ${later.join(', ')} after its deploy role was made: make the role last`).message];
      },
    });
  }
}

const typesOf = (resources: readonly { readonly type: string }[]): readonly string[] => [...new Set(resources.map(({ type }) => type))];
