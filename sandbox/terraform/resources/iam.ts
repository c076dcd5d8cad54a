/**
 * IAM roles and their policies. They are gathered here and handed to the endpoint once the whole stack is read, because a role's policies
 * are blocks of their own.
 */
import type { PolicyDocument } from '../../aws/iam/index.ts';
import type { Arguments } from '../arguments.ts';
import { asObject } from '../template.ts';
import type { ApplyContext, Attributes, ResourceTypes, RoleInProgress } from './resource.ts';

export const iam: ResourceTypes = {
  aws_iam_role: { apply: applyRole },
  aws_iam_role_policy: { apply: applyInlinePolicy },
  aws_iam_policy: { apply: applyManagedPolicy },
  aws_iam_role_policy_attachment: { apply: applyAttachment },
  aws_iam_openid_connect_provider: { apply: applyIdentityProvider },
};

function applyRole(config: Arguments, context: ApplyContext): Attributes {
  const name = config.text('name');
  const arn = `arn:${context.partition}:iam::${context.account}:role${config.optionalText('path') ?? '/'}${name}`;
  const boundaryArn = config.optionalText('permissions_boundary');
  config.withoutEffect('description', 'force_detach_policies');
  const trustPolicy = document(config, 'assume_role_policy');
  const maxSessionSeconds = config.number('max_session_duration', 3600);
  if (maxSessionSeconds < 3600 || maxSessionSeconds > 43_200)
    throw new Error(`${config.address}: max_session_duration is ${maxSessionSeconds}: IAM takes 3600 to 43200`);
  const role = { name, arn, trustPolicy, maxSessionSeconds, tags: config.textMap('tags'), policies: new Map<string, PolicyDocument>() };
  context.stack.roles.set(name, boundaryArn === undefined ? role : { ...role, boundaryArn });
  return { id: name, arn, unique_id: name };
}

function applyInlinePolicy(config: Arguments, context: ApplyContext): Attributes {
  const name = config.optionalText('name') ?? config.address;
  const role = roleOf(config, context);
  role.policies.set(name, document(config, 'policy'));
  return { id: `${role.name}:${name}` };
}

function applyManagedPolicy(config: Arguments, context: ApplyContext): Attributes {
  const name = config.text('name');
  const arn = `arn:${context.partition}:iam::${context.account}:policy${config.optionalText('path') ?? '/'}${name}`;
  config.withoutEffect('description', 'tags');
  context.stack.managedPolicies.set(arn, document(config, 'policy'));
  return { id: arn, arn };
}

/** @throws Error for a policy from outside the stack: what it allows cannot be known here */
function applyAttachment(config: Arguments, context: ApplyContext): Attributes {
  const arn = config.text('policy_arn');
  const role = roleOf(config, context);
  const policy = context.stack.managedPolicies.get(arn);
  if (policy === undefined) {
    throw new Error(`${config.address}: policy ${arn} is not in the stack: write its statements in the stack, where a review sees them`);
  }
  role.policies.set(arn, policy);
  return { id: `${role.name}-${arn}` };
}

function roleOf(config: Arguments, context: ApplyContext): RoleInProgress {
  const name = config.text('role');
  const role = context.stack.roles.get(name);
  if (role === undefined) throw new Error(`${config.address}: no role "${name}" in the stack`);
  return role;
}

async function applyIdentityProvider(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const url = config.text('url');
  const tags = Object.entries(config.textMap('tags')).map(([Key, Value]) => ({ Key, Value }));
  const created = await context.operator('iam', 'CreateOpenIDConnectProvider', {
    Url: url,
    ClientIDList: config.texts('client_id_list'),
    ThumbprintList: config.texts('thumbprint_list'),
    Tags: tags,
  });
  const arn = String(created.OpenIDConnectProviderArn);
  return { id: arn, arn, url: arn.split(':oidc-provider/')[1] ?? '' };
}

/** Its grammar is checked where it is evaluated. */
function document(config: Arguments, argument: string): PolicyDocument {
  return asObject(config.json(argument), `${config.address}: ${argument}`) as unknown as PolicyDocument;
}
