/**
 * A state as an apply of a first plan would leave it, with made-up ids: a plan against it, without a refresh, is a plan of a change, made by Terraform and the provider
 * without an account.
 */
import { readPlan } from '../../modules/plan-review/plan.ts';
import { isRecord } from '../../modules/plan-review/plan-values.ts';
import type { Plan } from '../examples/terraform.ts';

/** Versions of the provider's schemas that are not 0 (AWS provider 5.100.0, `terraform providers schema -json`). */
const upgraded = [
  ...['aws_cloudwatch_event_rule', 'aws_cloudwatch_event_target', 'aws_cloudwatch_metric_alarm', 'aws_dynamodb_table'],
  ...['aws_s3_bucket_lifecycle_configuration', 'aws_secretsmanager_secret_rotation', 'aws_security_group', 'aws_sqs_queue_policy'],
];

/** What AWS gives a resource when it is made. */
const given = ['id', 'arn', 'url', 'key_id', 'stream_arn', 'invoke_arn', 'qualified_arn'];

type Values = Readonly<Record<string, unknown>>;

/** @returns the text of `terraform.tfstate` */
export function appliedState(first: Plan): string {
  const changes = first.resource_changes.filter(({ mode }) => mode === 'managed') as unknown as readonly {
    readonly address: string;
    readonly type: string;
    readonly name: string;
    readonly change: { readonly after: Values; readonly after_unknown: Values };
  }[];
  const named = changes.map((one) => {
    const {
      name = one.name,
      function_name: call = name,
      bucket = call,
    } = one.change.after as { name?: string; function_name?: string; bucket?: string };
    const open = given.filter((attribute) => one.change.after_unknown[attribute] === true);
    const values = open.map((attribute) => [
      attribute,
      attribute.endsWith('arn') ? `arn:aws:${one.type}:eu-central-2:111122223333:${bucket}` : bucket,
    ]);
    return {
      ...one,
      change: {
        ...one.change,
        after: { ...one.change.after, ...Object.fromEntries(values) },
        after_unknown: without(one.change.after_unknown, open),
      },
    };
  });
  // The review's own reader fills references in; what stays open has no value in the state.
  const { changes: filled } = readPlan(JSON.stringify({ ...first, resource_changes: named.map((one) => ({ ...one, mode: 'managed' })) }));
  const resources = named.map(({ type, name, address }) => {
    const { after = {} } = filled.find((one) => one.address === address) ?? {};
    return {
      ...{ mode: 'managed', type, name, provider: 'provider["registry.terraform.io/hashicorp/aws"]' },
      instances: [{ schema_version: upgraded.includes(type) ? 1 : 0, attributes: closed(after), sensitive_attributes: [] }],
    };
  });
  return JSON.stringify({
    version: 4,
    terraform_version: first.terraform_version,
    serial: 1,
    lineage: 'a-first-apply',
    outputs: {},
    resources,
  });
}

const without = (values: Values, names: readonly string[]): Values =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));

function closed(value: unknown): unknown {
  if (value === '(known after apply)') return null;
  if (Array.isArray(value)) return value.map(closed);
  return isRecord(value) ? Object.fromEntries(Object.entries(value as Values).map(([name, inner]) => [name, closed(inner)])) : value;
}
