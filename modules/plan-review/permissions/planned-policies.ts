/** Every policy of a plan, wherever it stands, before and after. */
import type { PlannedChange } from '../plan.ts';
import { isRecord, jsonIn, textAt, unknownText, type Values, valueAt } from '../plan-values.ts';
import { compareStatements, type Effect, effectOfAll, type StatementChange } from './policy-comparison.ts';
import { readStatements, type Statement } from './statement.ts';

/** `identity`: what its owner may do; `trust`: who may take a role; `resource`: who may use a resource; `network`: what an endpoint lets pass. */
export type PolicyKind = 'identity' | 'trust' | 'resource' | 'network';

export interface PolicyChange {
  readonly change: PlannedChange;
  readonly kind: PolicyKind;
  /** Undefined where one of both cannot be read: `problem` says why. */
  readonly effect: Effect | undefined;
  readonly statements: readonly StatementChange[];
  readonly problem: string | undefined;
  /** The text holds references that only the apply resolves, shown as `‹type.name.attribute›`. */
  readonly hasOpenReferences: boolean;
}

/** Attributes of the AWS provider that hold a policy document. */
const attributes: Readonly<Record<string, readonly [attribute: string, kind: PolicyKind]>> = {
  aws_iam_role_policy: ['policy', 'identity'],
  aws_iam_policy: ['policy', 'identity'],
  aws_iam_user_policy: ['policy', 'identity'],
  aws_iam_group_policy: ['policy', 'identity'],
  aws_ssoadmin_permission_set_inline_policy: ['inline_policy', 'identity'],
  aws_iam_role: ['assume_role_policy', 'trust'],
  aws_sqs_queue: ['policy', 'resource'],
  aws_sqs_queue_policy: ['policy', 'resource'],
  aws_sns_topic: ['policy', 'resource'],
  aws_sns_topic_policy: ['policy', 'resource'],
  aws_kms_key: ['policy', 'resource'],
  aws_kms_replica_key: ['policy', 'resource'],
  aws_kms_key_policy: ['policy', 'resource'],
  aws_s3_bucket_policy: ['policy', 'resource'],
  aws_secretsmanager_secret: ['policy', 'resource'],
  aws_secretsmanager_secret_policy: ['policy', 'resource'],
  aws_cloudwatch_event_bus_policy: ['policy', 'resource'],
  aws_cloudwatch_log_resource_policy: ['policy_document', 'resource'],
  aws_dynamodb_resource_policy: ['policy', 'resource'],
  aws_vpc_endpoint: ['policy', 'network'],
  aws_vpc_endpoint_policy: ['policy', 'network'],
};

/** Policies that a plan changes, with their statements; those that stay as they are, are left out. */
export function plannedPolicies(changes: readonly PlannedChange[]): readonly PolicyChange[] {
  return changes
    .filter(({ action }) => action !== 'none')
    .flatMap((change) => {
      const policy = change.type === 'aws_lambda_permission' ? lambdaPermission(change) : documentChange(change);
      return policy === undefined || policy.effect === 'unchanged' ? [] : [policy];
    });
}

function documentChange(change: PlannedChange): PolicyChange | undefined {
  const [attribute, kind] = attributes[change.type] ?? [];
  if (attribute === undefined || kind === undefined) return undefined;
  const [before, after] = [change.before, change.after].map((values) => valueAt(values, attribute) ?? undefined);
  if (before === after) return undefined;
  // A queue's own attribute is read back from the queue: it says nothing of a policy that is a resource of its own.
  if (after === unknownText && attribute === 'policy' && isComputed(change.type)) return undefined;
  const [old, next] = [statementsOf(before), statementsOf(after)];
  const problem = next.problem ?? (old.problem === undefined ? undefined : `before: ${old.problem}`);
  const hasOpenReferences = typeof after === 'string' && after.includes('‹');
  if (problem !== undefined) return { change, kind, effect: undefined, statements: [], problem, hasOpenReferences };
  const statements = compareStatements(old.statements, next.statements);
  return { change, kind, effect: effectOfAll(statements), statements, problem, hasOpenReferences };
}

/** Types whose policy may be a resource of its own, so that Terraform reads the attribute from AWS. */
const isComputed = (type: string): boolean =>
  ['aws_sqs_queue', 'aws_sns_topic', 'aws_kms_key', 'aws_kms_replica_key', 'aws_secretsmanager_secret', 'aws_vpc_endpoint'].includes(type);

function statementsOf(text: unknown): { readonly statements: readonly Statement[]; readonly problem?: string } {
  if (text === undefined || text === null || text === '') return { statements: [] };
  if (text === unknownText) return { statements: [], problem: 'the policy is known after apply only' };
  const document = typeof text === 'string' ? jsonIn(text) : undefined;
  const statements = readStatements(document);
  if (statements !== undefined) return { statements };
  return { statements: [], problem: isRecord(document) ? 'the policy has elements that are not known here' : 'the policy is no JSON' };
}

/** A permission of a function is one statement of its resource policy (AWS Lambda API Reference, "AddPermission"). */
function lambdaPermission(change: PlannedChange): PolicyChange {
  const statements = compareStatements(...([permissionStatements(change.before), permissionStatements(change.after)] as const));
  const hasOpenReferences = JSON.stringify(change.after ?? {}).includes('‹');
  return { change, kind: 'resource', effect: effectOfAll(statements), statements, problem: undefined, hasOpenReferences };
}

function permissionStatements(values: Values | undefined): readonly Statement[] {
  if (values === undefined) return [];
  const principal = textAt(values, 'principal') ?? '*';
  const source = textAt(values, 'source_arn');
  const account = textAt(values, 'source_account');
  const organization = textAt(values, 'principal_org_id');
  const Condition = {
    ...(source === undefined ? {} : { ArnLike: { 'aws:SourceArn': source } }),
    ...(account === undefined && organization === undefined
      ? {}
      : {
          StringEquals: {
            ...(account === undefined ? {} : { 'aws:SourceAccount': account }),
            ...(organization === undefined ? {} : { 'aws:PrincipalOrgID': organization }),
          },
        }),
  };
  const json = {
    Sid: textAt(values, 'statement_id') ?? '',
    Effect: 'Allow',
    Principal: principal === '*' ? '*' : { [/^\w[\w.-]*\.amazonaws\.com$/.test(principal) ? 'Service' : 'AWS']: principal },
    Action: [textAt(values, 'action') ?? '*'],
    Resource: [textAt(values, 'function_name') ?? unknownText],
    ...(Object.keys(Condition).length === 0 ? {} : { Condition }),
  };
  return readStatements({ Statement: [json] }) ?? [];
}
