/** What is added and costs a fixed price a month, and what is added and costs by use. */

import type { PlannedChange } from './plan.ts';
import { isRecord, jsonIn, textAt, type Values, valueAt } from './plan-values.ts';

/**
 * List prices in us-east-1, USD, of AWS's pricing pages ("AWS Key Management Service Pricing", "AWS Secrets Manager Pricing", "AWS PrivateLink
 * pricing", "AWS Directory Service pricing", "Amazon CloudWatch Pricing"). Prices change and other regions cost more, most by 5 to 30 %: an
 * estimate to see a wrong order of magnitude by.
 */
export const prices = {
  /** When they were noted here. */
  asOf: '2026-09',
  region: 'us-east-1',
  hoursPerMonth: 730,
  /** A month; each rotated key material adds as much, for the first two rotations. */
  key: 1,
  /** A month; a replica is a secret of its own. */
  secret: 0.4,
  /** An hour and availability zone, data aside. */
  interfaceEndpoint: 0.01,
  /** An hour, both domain controllers together. */
  directory: { Standard: 0.12, Enterprise: 0.4 },
  /** A month and metric, standard resolution; the first ten of an account are free. */
  alarm: 0.1,
  compositeAlarm: 0.5,
  /** A month; the first three of an account are free. */
  dashboard: 3,
} as const;

export interface CostLine {
  readonly what: string;
  readonly count: number;
  /** USD a month, all of them; what is replaced costs what it did. */
  readonly monthly: number;
}

export interface Cost {
  readonly lines: readonly CostLine[];
  readonly monthly: number;
  /** Types that are added and cost by use, with how many. */
  readonly byUse: readonly { readonly what: string; readonly count: number }[];
}

type Priced = readonly [what: string, count: number, monthly: number];

const listLength = (values: Values | undefined, path: string): number => {
  const found = valueAt(values, path);
  return Array.isArray(found) ? found.length : 0;
};

function pricesOf({ type, after }: PlannedChange): readonly Priced[] {
  switch (type) {
    case 'aws_kms_key':
    case 'aws_kms_replica_key':
      return [['KMS key', 1, prices.key]];
    case 'aws_secretsmanager_secret': {
      const count = 1 + listLength(after, 'replica');
      return [['secret, or a replica of one', count, count * prices.secret]];
    }
    case 'aws_vpc_endpoint': {
      if (textAt(after, 'vpc_endpoint_type') !== 'Interface') return [];
      // One network interface a subnet. Where the subnets are known at apply only, one at least.
      const zones = Math.max(1, listLength(after, 'subnet_ids'));
      return [['interface endpoint, by availability zone', zones, zones * prices.interfaceEndpoint * prices.hoursPerMonth]];
    }
    case 'aws_cloudwatch_metric_alarm':
      return [['metric alarm', 1, prices.alarm]];
    case 'aws_cloudwatch_composite_alarm':
      return [['composite alarm', 1, prices.compositeAlarm]];
    case 'aws_cloudwatch_dashboard':
      return [['dashboard', 1, prices.dashboard]];
    case 'aws_directory_service_directory':
      return textAt(after, 'type') === 'MicrosoftAD' ? directory(textAt(after, 'edition')) : [];
    case 'aws_cloudformation_stack':
      return inTemplate(textAt(after, 'template_body'));
    default:
      return [];
  }
}

function directory(edition: string | undefined): readonly Priced[] {
  const known = edition === 'Standard' ? edition : 'Enterprise';
  return [[`Managed Microsoft AD, ${known}`, 1, prices.directory[known] * prices.hoursPerMonth]];
}

/** The managed directory and its secret are in a stack of CloudFormation. */
function inTemplate(text: string | undefined): readonly Priced[] {
  const template = jsonIn(text);
  const resources = isRecord(template) && isRecord(template.Resources) ? Object.values(template.Resources) : [];
  return resources.filter(isRecord).flatMap((resource) => {
    if (resource.Type === 'AWS::SecretsManager::Secret') return [['secret, or a replica of one', 1, prices.secret] as const];
    if (resource.Type !== 'AWS::DirectoryService::MicrosoftAD') return [];
    return directory(textAt(resource as Values, 'Properties.Edition'));
  });
}

const billedByUse: Readonly<Record<string, string>> = {
  aws_lambda_function: 'Lambda functions: requests and time',
  aws_dynamodb_table: 'DynamoDB tables: reads, writes, storage, point-in-time recovery',
  aws_sqs_queue: 'SQS queues: requests',
  aws_s3_bucket: 'S3 buckets: storage and requests',
  aws_cloudwatch_log_group: 'CloudWatch log groups: ingestion and storage',
  aws_cloudwatch_log_metric_filter: 'custom metrics, while they have values',
  aws_cloudwatch_event_bus: 'EventBridge buses: events',
  aws_cloudwatch_event_archive: 'EventBridge archives: storage',
  aws_scheduler_schedule: 'EventBridge schedules: calls',
};

export function costOf(changes: readonly PlannedChange[]): Cost {
  const added = changes.filter(({ action }) => action === 'create');
  const lines = new Map<string, CostLine>();
  for (const [what, count, monthly] of added.flatMap(pricesOf)) {
    const line = lines.get(what) ?? { what, count: 0, monthly: 0 };
    lines.set(what, { what, count: line.count + count, monthly: line.monthly + monthly });
  }
  const byUse = Object.entries(billedByUse)
    .map(([type, what]) => ({ what, count: added.filter((change) => change.type === type).length }))
    .filter(({ count }) => count > 0);
  return { lines: [...lines.values()], monthly: [...lines.values()].reduce((sum, { monthly }) => sum + monthly, 0), byUse };
}
