/** The environment that a role deploys, as policies name it: every ARN begins with the environment's own name, or carries its tags. */
import type { TerraformStack } from 'cdktf';
import { defaultPrefix, IntegrationEnvironment } from '../platform/integration-environment.ts';
import { WrongPropError } from '../platform/prop-checks.ts';

/** Arguments of a resource in the synthesized JSON; references are `${…}`. */
export type ResourceArguments = Readonly<Record<string, unknown>>;

export interface SynthesizedResource {
  readonly type: string;
  readonly arguments: ResourceArguments;
}

export interface DeployTarget {
  readonly partition: string;
  readonly account: string;
  /** What its names begin with: `ad-lambda-dev`. */
  readonly own: string;
  /** What its paths begin with: `/ad-lambda/dev`. */
  readonly path: string;
  /** Tags that all its resources carry. */
  readonly tags: Readonly<Record<'Project' | 'Environment', string>>;
  /** Permissions boundary that its roles have to have. */
  readonly boundaryArn: string;
  /** Services that its roles trust: to nobody else they are passed. */
  readonly passedTo: readonly string[];
  /** ARN of something of the account and region. */
  arn(service: string, resource: string): string;
  /** ARN of something of IAM, which knows no region. */
  iam(resource: string): string;
}

/** ARN of the boundary that `EnvironmentBoundary` makes for the environment of this name, for the environment's `permissionsBoundaryArn`. */
export function environmentBoundaryArn(environment: {
  readonly name: string;
  readonly account: string;
  readonly prefix?: string;
  readonly partition?: string;
}): string {
  const { name, account, prefix = defaultPrefix, partition = 'aws' } = environment;
  return `arn:${partition}:iam::${account}:policy${deployPath}${prefix}-${name}-boundary`;
}

/** Path of all that a deployment must not touch: its role, its policies, the boundaries. No name of an environment's role begins so. */
export const deployPath = '/deploy/';

/** @throws WrongPropError for an environment whose roles have no boundary, or whose name another one's begins with */
export function deployTarget(environment: IntegrationEnvironment, resources: readonly SynthesizedResource[]): DeployTarget {
  const { partition, account, region, prefix, name, permissionsBoundaryArn } = environment;
  if (permissionsBoundaryArn === undefined) {
    throw new WrongPropError(
      `permissionsBoundaryArn of environment "${name}" is left out: a deploy role could make itself any right, give environmentBoundaryArn(…) or a boundary of your own`,
    );
  }
  refuseOverlap(environment);
  const iam = (resource: string) => `arn:${partition}:iam::${account}:${resource}`;
  return {
    partition,
    account,
    own: `${prefix}-${name}`,
    path: `/${prefix}/${name}`,
    tags: { Project: prefix, Environment: name },
    boundaryArn: permissionsBoundaryArn,
    passedTo: servicesOf(resources),
    arn: (service, resource) => `arn:${partition}:${service}:${region}:${account}:${resource}`,
    iam,
  };
}

/** Every resource and data source of a stack, as it would be deployed. */
export function synthesizedResources(stack: TerraformStack): {
  readonly resources: readonly SynthesizedResource[];
  readonly data: readonly SynthesizedResource[];
} {
  const { resource = {}, data = {} } = stack.toTerraform() as Readonly<
    Record<'resource' | 'data', Readonly<Record<string, Readonly<Record<string, ResourceArguments>>>>>
  >;
  const listed = (byType: typeof resource) =>
    Object.entries(byType).flatMap(([type, byName]) => Object.values(byName).map((one) => ({ type, arguments: one })));
  return { resources: listed(resource), data: listed(data) };
}

/** Services that the roles' trust policies name. */
function servicesOf(resources: readonly SynthesizedResource[]): readonly string[] {
  const services = resources
    .filter(({ type }) => type === 'aws_iam_role')
    .flatMap(({ arguments: { assume_role_policy: policy } }) => trustedServices(String(policy)));
  return [...new Set(services)].sort();
}

interface TrustStatement {
  readonly Principal?: Readonly<Record<string, string | readonly string[]>>;
}

function trustedServices(policy: string): readonly string[] {
  const { Statement: statements } = JSON.parse(policy) as { readonly Statement: readonly TrustStatement[] };
  return statements.flatMap(({ Principal: { Service: services = [] } = {} }) => services);
}

/** `ad-lambda-dev-*` would be `ad-lambda-dev-eu-…` as well. */
function refuseOverlap(environment: IntegrationEnvironment): void {
  const { account, prefix, name } = environment;
  const others = environment.node.root.node
    .findAll()
    .filter((node): node is IntegrationEnvironment => node instanceof IntegrationEnvironment && node !== environment);
  const same = others.find((other) => other.account === account && `${other.prefix}-${other.name}` === `${prefix}-${name}`);
  if (same !== undefined && same.prefix !== prefix) {
    throw new WrongPropError(
      `environment "${same.name}" has the names of "${name}" in the same account, ${prefix}-${name}-…: who deploys one could touch the other, rename one`,
    );
  }
  const inside = others.find((other) => other.account === account && `${other.prefix}-${other.name}`.startsWith(`${prefix}-${name}-`));
  if (inside !== undefined) {
    throw new WrongPropError(
      `environment "${inside.name}" has a name that begins with "${name}-" in the same account: who deploys "${name}" could touch it, rename one`,
    );
  }
}
