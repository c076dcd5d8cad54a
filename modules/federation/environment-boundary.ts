/**
 * The permissions boundary of an environment's roles: all that any of its functions may do, on what is the environment's own. Whoever can
 * deploy can write a role's policy; with the boundary no policy of theirs reaches further than the policies that a review has seen.
 */
import { IamPolicy } from '@cdktf/provider-aws/lib/iam-policy/index.js';
import type { TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { policyDocument, type Statement } from '../platform/policy.ts';
import { WrongPropError } from '../platform/prop-checks.ts';
import { mostManagedCharacters } from './deploy-statements.ts';
import {
  type DeployTarget,
  deployPath,
  deployTarget,
  environmentBoundaryArn,
  type SynthesizedResource,
  synthesizedResources,
} from './deploy-target.ts';
import { arnsOfType, tagged } from './environment-arns.ts';

export interface EnvironmentBoundaryProps {
  /** Has `environmentBoundaryArn(…)` as its `permissionsBoundaryArn`. */
  readonly environment: IntegrationEnvironment;
  /** The stack that the environment is in, complete. */
  readonly stack: TerraformStack;
}

export class EnvironmentBoundary extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, props: EnvironmentBoundaryProps) {
    super(scope, id);
    const { environment } = props;
    const { resources } = synthesizedResources(props.stack);
    const target = deployTarget(environment, resources);
    this.arn = environmentBoundaryArn(environment);
    if (target.boundaryArn !== this.arn) {
      throw new WrongPropError(
        `permissionsBoundaryArn of environment "${environment.name}" is "${target.boundaryArn}": give ${this.arn}, which this makes`,
      );
    }
    const policy = policyDocument(boundaryStatements(target, resources));
    if (policy.length > mostManagedCharacters) {
      throw new WrongPropError(
        `boundary of environment "${environment.name}" has ${policy.length} characters, IAM allows ${mostManagedCharacters}: name fewer accounts and permission sets, or give a boundary of your own`,
      );
    }
    new IamPolicy(this, 'policy', {
      name: this.arn.slice(this.arn.lastIndexOf('/') + 1),
      path: deployPath,
      description: `most that a role of ${target.own} can do`,
      policy,
    });
  }
}

/** What the roles' own policies allow, each reference widened to all of its kind that are the environment's; without their conditions. */
export function boundaryStatements(target: DeployTarget, resources: readonly SynthesizedResource[]): readonly Statement[] {
  const allowed = resources
    .filter(({ type }) => type === 'aws_iam_role_policy')
    .flatMap(({ arguments: { policy } }) => allowedBy(String(policy)));
  // By action, and keys apart: those have no name of the environment's, but its tags.
  const reaches = new Map<string, { readonly action: string; readonly isKey: boolean; readonly arns: Set<string> }>();
  for (const [action, resource] of allowed) {
    const { isKey, arns } = widened(resource, target);
    const known = reaches.get(`${action} ${isKey}`) ?? { action, isKey, arns: new Set<string>() };
    for (const arn of arns) known.arns.add(arn);
    reaches.set(`${action} ${isKey}`, known);
  }
  const groups = Map.groupBy(reaches.values(), ({ isKey, arns }) => JSON.stringify([isKey, [...arns].sort()]));
  return [...groups.values()].map((group, index) => ({
    Sid: `Most${index + 1}`,
    Effect: 'Allow',
    Action: group.map(({ action }) => action).sort(),
    Resource: [...(group[0]?.arns ?? [])].sort(),
    ...(group[0]?.isKey ? { Condition: tagged(target) } : {}),
  }));
}

/** Action and resource of each Allow. */
function allowedBy(policy: string): readonly (readonly [action: string, resource: string])[] {
  const { Statement: statements } = JSON.parse(policy) as { readonly Statement: readonly Statement[] };
  return statements
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action: actions, Resource: on }) => actions.flatMap((action) => on.map((resource) => [action, resource] as const)));
}

function widened(resource: string, target: DeployTarget): { readonly isKey: boolean; readonly arns: readonly string[] } {
  const [, type] = /^\$\{(?:data\.)?(\w+)\.[^}]*\}/.exec(resource) ?? [];
  if (type === undefined && resource.includes('${')) {
    throw new WrongPropError(`a role may use "${resource}", which no boundary can name: begin it with one reference, or write it out`);
  }
  if (type === undefined) return { isKey: false, arns: [resource] };
  const arns = arnsOfType[type];
  if (arns === undefined) {
    throw new WrongPropError(`a role may use "${resource}", and ${type} has no ARN here: add it to modules/federation/environment-arns.ts`);
  }
  return { isKey: type === 'aws_kms_key', arns: arns(target) };
}
