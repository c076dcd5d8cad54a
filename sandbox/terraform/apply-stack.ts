/** Applies a synthesized stack to the sandbox's endpoint, as `terraform apply` would to AWS. */
import { resolve as absolutePath } from 'node:path';
import type { AwsEndpoint } from '../aws/endpoint.ts';
import type { PolicyDocument, PolicySource } from '../aws/iam/index.ts';
import type { AppliedResource, AppliedStack, WithoutEffect } from './applied-stack.ts';
import { Arguments } from './arguments.ts';
import { dependencyOrder } from './dependency-order.ts';
import { type Reference, resolve } from './expressions.ts';
import { accountData } from './resources/account.ts';
import { cloudwatch } from './resources/cloudwatch.ts';
import { directory, directoryData } from './resources/directory.ts';
import { dynamodb } from './resources/dynamodb.ts';
import { eventSourceMapping } from './resources/event-source-mapping.ts';
import { events } from './resources/events.ts';
import { glue } from './resources/glue.ts';
import { iam } from './resources/iam.ts';
import { kms } from './resources/kms.ts';
import { lambda } from './resources/lambda.ts';
import { logFilters } from './resources/log-filters.ts';
import { network } from './resources/network.ts';
import type { ApplyContext, ResourceTypes, SandboxDirectory, StackInProgress } from './resources/resource.ts';
import { s3 } from './resources/s3.ts';
import { scheduler } from './resources/scheduler.ts';
import { secretsmanager } from './resources/secretsmanager.ts';
import { sqs } from './resources/sqs.ts';
import { asObject, type Block, type Json, type JsonObject, loadTemplate, type Template } from './template.ts';

export type { AppliedStack } from './applied-stack.ts';
export type { SandboxDirectory } from './resources/resource.ts';

const resourceTypes: ResourceTypes = {
  ...cloudwatch,
  ...directory,
  ...dynamodb,
  ...eventSourceMapping,
  ...glue,
  ...events,
  ...iam,
  ...kms,
  ...lambda,
  ...logFilters,
  ...network,
  ...s3,
  ...scheduler,
  ...secretsmanager,
  ...sqs,
};
const dataTypes: ResourceTypes = { ...accountData, ...directoryData };

/**
 * @param options.stackDirectory the folder with `cdk.tf.json`
 * @param options.variables a value for each Terraform variable that has no default
 * @param options.policies managed policies that exist outside the stack, by ARN
 * @param options.directory stands in for a managed directory that the stack creates
 * @param options.account where the stack belongs, if not to the endpoint's account: it may hold IAM roles and their policies alone
 * @throws Error for a resource type, argument or expression that the sandbox does not follow
 */
export async function applyStack(options: {
  readonly stackDirectory: string;
  readonly endpoint: AwsEndpoint;
  readonly variables: Readonly<Record<string, string>>;
  readonly policies?: Readonly<Record<string, PolicyDocument>>;
  readonly directory?: SandboxDirectory;
  readonly account?: string;
}): Promise<AppliedStack> {
  const stackDirectory = absolutePath(options.stackDirectory);
  const template = loadTemplate(stackDirectory);
  const { endpoint, account = endpoint.account } = options;
  const played = { region: endpoint.region, account };
  for (const where of ['region', 'account'] as const) {
    const wanted = template[where] ?? played[where];
    if (wanted !== played[where]) {
      throw new Error(`the stack is for ${where} ${wanted}, the endpoint plays ${played[where]}: start it with ${wanted}`);
    }
  }
  if (account !== endpoint.account) refuseAllButRoles(template, account);
  const stack: StackInProgress = {
    functions: new Map(),
    eventSources: [],
    schedules: [],
    roles: new Map(),
    managedPolicies: new Map(Object.entries(options.policies ?? {})),
    egressPorts: new Map(),
  };
  const context: ApplyContext = {
    endpoint,
    region: endpoint.region,
    account,
    partition: 'aws',
    stackDirectory,
    ...(options.directory && { directory: options.directory }),
    stack,
    operator: (service, operation, input) => endpoint.call('operator', service, operation, input),
    arn: (service, resource) => `arn:aws:${service}:${endpoint.region}:${account}:${resource}`,
  };

  const values = valuesOf(template, options.variables);
  const resources: AppliedResource[] = [];
  const withoutEffect: WithoutEffect[] = [];
  for (const block of dependencyOrder(template)) {
    const type = typeOf(block);
    const config = asObject(resolveAt(block.address, block.config, values.lookup), block.address);
    const attributes = await applyBlock(block, config, context);
    values.blocks.set(block.address, { ...config, ...attributes });
    resources.push({ type: block.type, name: block.name, address: block.address, config, attributes });
    if (type.withoutEffect !== undefined) withoutEffect.push({ type: block.type, name: block.name, reason: type.withoutEffect });
  }
  withoutEffect.push(...defineRoles(context));
  openPorts(stack);

  return {
    region: endpoint.region,
    account,
    functions: stack.functions,
    eventSources: stack.eventSources,
    schedules: stack.schedules,
    roles: [...stack.roles.values()].map(({ name, arn, policies }) => ({ name, arn, policies: sources(policies) })),
    outputs: asObject(resolveAt('output', template.outputs, values.lookup), 'outputs'),
    withoutEffect,
    resources,
    resource: (type, name) => find(resources, type, name),
  };
}

/** What the endpoint plays of other accounts. */
const rolesAlone = ['aws_iam_role', 'aws_iam_role_policy', 'aws_iam_policy', 'aws_iam_role_policy_attachment'];

function refuseAllButRoles({ blocks }: Template, account: string): void {
  const other = [...blocks.values()].find(({ mode, type }) => mode === 'resource' && !rolesAlone.includes(type));
  if (other === undefined) return;
  throw new Error(`${other.address}: the sandbox plays roles of account ${account} and nothing else there: keep ${other.type} out`);
}

function typeOf(block: Block) {
  const type = (block.mode === 'data' ? dataTypes : resourceTypes)[block.type];
  if (type === undefined)
    throw new Error(`${block.address}: the sandbox does not know ${block.mode} ${block.type}: add it to sandbox/terraform/resources`);
  return type;
}

async function applyBlock(block: Block, config: JsonObject, context: ApplyContext): Promise<JsonObject> {
  const type = typeOf(block);
  const read = new Arguments(block.address, config);
  try {
    const attributes = await type.apply(read, context);
    if (type.withoutEffect === undefined) read.finish();
    return attributes;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw message.startsWith(block.address) ? cause : new Error(`${block.address}: ${message}`, { cause });
  }
}

function valuesOf(template: Template, variables: Readonly<Record<string, string>>) {
  const blocks = new Map<string, JsonObject>();
  const lookup = (reference: Reference): Json => {
    const { address } = reference;
    if (address.startsWith('var.')) return variable(template, variables, address.slice('var.'.length));
    if (!address.startsWith('local.')) return blocks.get(address) ?? missing(reference);
    const local = template.locals[address.slice('local.'.length)];
    return local === undefined ? missing(reference) : resolve(local, lookup);
  };
  return { blocks, lookup };
}

function variable(template: Template, given: Readonly<Record<string, string>>, name: string): Json {
  const declared = template.variables.get(name);
  if (declared === undefined) throw new Error(`\${var.${name}} is not declared in the stack`);
  const value = given[name] ?? declared.default;
  if (value === undefined) throw new Error(`variable "${name}" has no value: give one, as TF_VAR_${name} would`);
  return value;
}

function missing({ expression }: Reference): never {
  throw new Error(`\${${expression}} refers to nothing in the stack`);
}

function resolveAt(address: string, value: Json, lookup: (reference: Reference) => Json): Json {
  try {
    return resolve(value, lookup);
  } catch (cause) {
    throw new Error(`${address}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** @returns the boundaries that are the account's own: their statements are not in the stack, so the sandbox applies none */
function defineRoles({ endpoint, stack }: ApplyContext): readonly WithoutEffect[] {
  const unknown: WithoutEffect[] = [];
  for (const { name, arn, trustPolicy, policies, boundaryArn, tags, maxSessionSeconds } of stack.roles.values()) {
    const boundary = boundaryArn === undefined ? undefined : stack.managedPolicies.get(boundaryArn);
    if (boundaryArn !== undefined && boundary === undefined) {
      const reason = `permissions boundary ${boundaryArn} is not in the stack: what it takes away shows at AWS alone`;
      unknown.push({ type: 'aws_iam_role', name, reason });
    }
    endpoint.defineRole({
      arn,
      trustPolicy,
      policies: sources(policies),
      tags,
      maxSessionSeconds,
      ...(boundary && { boundary: { name: boundaryArn ?? '', document: boundary } }),
    });
  }
  return unknown;
}

function sources(policies: ReadonlyMap<string, PolicyDocument>): readonly PolicySource[] {
  return [...policies].map(([name, document]) => ({ name, document }));
}

function openPorts(stack: StackInProgress): void {
  for (const settings of stack.functions.values()) {
    settings.egressPorts = [...new Set(settings.securityGroupIds.flatMap((group) => stack.egressPorts.get(group) ?? []))];
  }
}

function find(resources: readonly AppliedResource[], type: string, name?: string): AppliedResource {
  const ofType = resources.filter((resource) => resource.type === type);
  const exact = ofType.filter((resource) => resource.name === name);
  const found = name === undefined ? ofType : exact.length > 0 ? exact : ofType.filter((resource) => resource.name.endsWith(name));
  const [first, ...more] = found;
  if (first === undefined || more.length > 0) {
    const known = ofType.map((resource) => resource.name).join(', ');
    throw new Error(`${found.length} resources ${type} ${name ?? ''}, expected one: name one of ${known || 'none'}`);
  }
  return first;
}
