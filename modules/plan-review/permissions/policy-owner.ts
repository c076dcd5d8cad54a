/** Whose policy it is: a policy that is a resource of its own belongs to a role, a queue, a bucket or the like. */
import type { PlannedChange } from '../plan.ts';
import { unknownText, type Values, valueAt } from '../plan-values.ts';

/** Attributes that name the owner, by type. Of other types the policy is the resource's own. */
const owners: Readonly<Record<string, string>> = {
  aws_iam_role_policy: 'role',
  aws_iam_user_policy: 'user',
  aws_iam_group_policy: 'group',
  aws_ssoadmin_permission_set_inline_policy: 'permission_set_arn',
  aws_sqs_queue_policy: 'queue_url',
  aws_sns_topic_policy: 'arn',
  aws_kms_key_policy: 'key_id',
  aws_s3_bucket_policy: 'bucket',
  aws_secretsmanager_secret_policy: 'secret_arn',
  aws_cloudwatch_event_bus_policy: 'event_bus_name',
  aws_dynamodb_resource_policy: 'resource_arn',
  aws_vpc_endpoint_policy: 'vpc_endpoint_id',
  aws_lambda_permission: 'function_name',
};

/** What other resources name a resource by. */
const names = ['id', 'arn', 'name', 'bucket', 'function_name', 'url', 'key_id'];

const isNamed = (values: Values | undefined, owner: unknown): boolean => names.some((name) => values?.[name] === owner);

/** Whether a new policy belongs to something new: before, nobody could do anything with or by it. */
export function isOfSomethingNew({ type, action, after }: PlannedChange, changes: readonly PlannedChange[]): boolean {
  if (action !== 'create') return false;
  const attribute = owners[type];
  if (attribute === undefined) return true;
  const owner = valueAt(after, attribute);
  if (typeof owner !== 'string') return false;
  // A reference that only the apply resolves leads to something that is made by it.
  if (owner === unknownText || owner.includes('‹')) return true;
  return changes.some((change) => change.action === 'create' && change.type !== type && isNamed(change.after, owner));
}

/** Whether a policy goes together with what it belongs to: nothing is left that it could have held back. */
export function isOfSomethingGone({ type, action, before }: PlannedChange, changes: readonly PlannedChange[]): boolean {
  if (action !== 'delete') return false;
  const attribute = owners[type];
  if (attribute === undefined) return true;
  const owner = valueAt(before, attribute);
  return (
    typeof owner === 'string' &&
    changes.some((change) => change.action === 'delete' && change.type !== type && isNamed(change.before, owner))
  );
}
