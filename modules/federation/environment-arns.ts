/**
 * How policies hold to an environment: ARNs by what its names begin with (`IntegrationEnvironment.resourceName` and `path`), and conditions on
 * its tags for what has no name of ours.
 */
import type { Condition } from '../platform/policy.ts';
import type { DeployTarget, ResourceArguments } from './deploy-target.ts';

/** What the action knows no resource for. */
export const anything = () => ['*'];
export const alarms = ({ arn, own }: DeployTarget) => [arn('cloudwatch', `alarm:${own}-*`)];
export const functions = ({ arn, own }: DeployTarget) => [arn('lambda', `function:${own}-*`)];
export const eventSources = ({ arn }: DeployTarget) => [arn('lambda', 'event-source-mapping:*')];
export const logGroups = ({ arn, own, path }: DeployTarget, { log_group_name: name }: ResourceArguments = {}) => [
  arn('logs', `log-group:/aws/lambda/${own}-*`),
  arn('logs', `log-group:/aws/directoryservice/${own}-*`),
  arn('logs', `log-group:${path}/*`),
  // A team's own log group, to which a subscription is added.
  ...known(name).map((group) => arn('logs', `log-group:${group}:*`)),
];
export const tables = ({ arn, own }: DeployTarget) => [arn('dynamodb', `table/${own}-*`)];
export const queues = ({ arn, own }: DeployTarget) => [arn('sqs', `${own}-*`)];
export const roles = ({ iam, own }: DeployTarget) => [iam(`role/${own}-*`)];
export const buckets = ({ partition, own }: DeployTarget) => [`arn:${partition}:s3:::${own}-*`];
export const objects = ({ partition, own }: DeployTarget) => [`arn:${partition}:s3:::${own}-*/*`];
export const secrets = ({ arn, path }: DeployTarget) => [arn('secretsmanager', `secret:${path}/*`)];
export const keys = ({ arn }: DeployTarget) => [arn('kms', 'key/*')];
/** The catalogue itself is asked for with whatever is in it (Service Authorization Reference, "… for AWS Glue"); names of Glue hold no dash. */
export const glueTables = ({ arn, own }: DeployTarget) => {
  const name = own.replaceAll('-', '_');
  // Whoever deletes a database is asked for the functions in it, too, although there are none.
  return ['catalog', `database/${name}_*`, `table/${name}_*/*`, `userDefinedFunction/${name}_*/*`].map((resource) => arn('glue', resource));
};
export const workgroups = ({ arn, own }: DeployTarget) => [arn('athena', `workgroup/${own}-*`)];
export const rules = ({ arn, own }: DeployTarget) => [arn('events', `rule/${own}-*/${own}-*`)];
export const scheduleGroups = ({ arn, own }: DeployTarget) => [arn('scheduler', `schedule-group/${own}-*`)];
export const ec2 =
  (...kinds: readonly string[]) =>
  ({ arn }: DeployTarget) =>
    kinds.map((kind) => arn('ec2', `${kind}/*`));

/** Texts of an argument that are known at synth. */
export function known(argument: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(argument) ? argument : [argument];
  return values.filter((value): value is string => typeof value === 'string' && !value.includes('${'));
}

/** What an argument names in EC2, where synth knows it, and else anything of its kind. */
export const named = (kind: string, argument: string) => (target: DeployTarget, resource: ResourceArguments) => {
  const ids = known(resource[argument]);
  return (ids.length > 0 ? ids : resource[argument] === undefined ? [] : ['*']).map((id) => target.arn('ec2', `${kind}/${id}`));
};

/** ARNs that a reference to a resource of the type can stand for. */
export const arnsOfType: Readonly<Record<string, (target: DeployTarget) => readonly string[]>> = {
  aws_cloudwatch_event_bus: ({ arn, own }) => [arn('events', `event-bus/${own}-*`)],
  aws_cloudwatch_log_group: (target) => logGroups(target),
  aws_dynamodb_table: tables,
  aws_kms_key: keys,
  aws_lambda_function: functions,
  aws_s3_bucket: (target) => [...buckets(target), ...objects(target)],
  aws_secretsmanager_secret: secrets,
  aws_sqs_queue: queues,
};

/** The resource carries the environment's tags. */
export const tagged = ({ tags }: DeployTarget): Condition => ({ StringEquals: prefixed('aws:ResourceTag/', tags) });
/** It is created with them. */
export const tagging = ({ tags }: DeployTarget): Condition => ({ StringEquals: prefixed('aws:RequestTag/', tags) });
/** It gets them, and has none of another environment. */
export const adopting = ({ tags }: DeployTarget): Condition => ({
  StringEquals: prefixed('aws:RequestTag/', tags),
  StringEqualsIfExists: prefixed('aws:ResourceTag/', tags),
});
/** Either it carries the environment's tags, or it has none: another environment's own it is not. */
export const notOfOthers = ({ tags }: DeployTarget): Condition => ({ StringEqualsIfExists: prefixed('aws:ResourceTag/', tags) });
export const bounded = ({ boundaryArn }: DeployTarget): Condition => ({ StringEquals: { 'iam:PermissionsBoundary': boundaryArn } });

export function prefixed(prefix: string, tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`${prefix}${key}`, value]));
}
