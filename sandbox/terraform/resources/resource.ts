/** What a resource type of Terraform's AWS provider means to the sandbox. */
import type { AwsEndpoint } from '../../aws/endpoint.ts';
import type { PolicyDocument } from '../../aws/iam/index.ts';
import type { AppliedFunction, EventSourceMapping, Schedule } from '../applied-stack.ts';
import type { Arguments } from '../arguments.ts';
import type { JsonObject } from '../template.ts';

/** A directory that already runs, in place of the AWS Managed Microsoft AD that a stack would create. */
export interface SandboxDirectory {
  readonly id: string;
  readonly domain: string;
  readonly dnsIpAddresses: readonly string[];
  readonly securityGroupId: string;
}

export interface RoleInProgress {
  readonly name: string;
  readonly arn: string;
  readonly trustPolicy: PolicyDocument;
  readonly boundaryArn?: string;
  readonly maxSessionSeconds: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly policies: Map<string, PolicyDocument>;
}

/** A function's settings may come from several resources, so they stay open until all are applied. */
export type FunctionInProgress = { -readonly [Key in keyof AppliedFunction]: AppliedFunction[Key] };

/** What the resources applied so far add up to. */
export interface StackInProgress {
  readonly functions: Map<string, FunctionInProgress>;
  readonly eventSources: EventSourceMapping[];
  readonly schedules: Schedule[];
  readonly roles: Map<string, RoleInProgress>;
  /** Customer managed policies by ARN. */
  readonly managedPolicies: Map<string, PolicyDocument>;
  /** TCP ports let out, by security group id. */
  readonly egressPorts: Map<string, readonly number[]>;
}

export interface ApplyContext {
  readonly endpoint: AwsEndpoint;
  readonly region: string;
  readonly account: string;
  readonly partition: string;
  readonly stackDirectory: string;
  readonly directory?: SandboxDirectory;
  readonly stack: StackInProgress;
  /** A call with the rights of whoever runs `terraform apply`. */
  operator(service: string, operation: string, input: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** An ARN of this region and account: `arn('sqs', name)`. */
  arn(service: string, resource: string): string;
}

/** Attributes as the provider exports them. The arguments themselves can be referred to without being repeated here. */
export type Attributes = JsonObject;

export interface ResourceType {
  apply(config: Arguments, context: ApplyContext): Promise<Attributes> | Attributes;
  /** Set where applying changes nothing on one machine: why. The block's arguments are then not accounted for. */
  readonly withoutEffect?: string;
}

export type ResourceTypes = Readonly<Record<string, ResourceType>>;

/** A type that the sandbox accepts whole, for a stated reason; `attributes` are those that others refer to. */
export function withoutEffect(
  reason: string,
  attributes: (config: Arguments, context: ApplyContext) => Attributes = () => ({}),
): ResourceType {
  return { withoutEffect: reason, apply: attributes };
}

/** A request's members, without those that are undefined. */
export function present(input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}
