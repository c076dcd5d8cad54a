/** Which metrics there will be: of services, for resources of the stack, and of metric filters, with the dimensions that they give. */
import { catalogue, type IdentityEventType } from '../../handlers/events/catalogue.ts';
import type { Arguments, Template } from './template.ts';

export interface AskedMetric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** What services report of one resource, as far as it is used here (their own guides: "… CloudWatch metrics"). */
const ofServices: Readonly<
  Record<string, { readonly dimension: string; readonly type: string; readonly argument: string; readonly metrics: readonly string[] }>
> = {
  'AWS/Lambda': {
    dimension: 'FunctionName',
    type: 'aws_lambda_function',
    argument: 'function_name',
    metrics: ['Duration', 'Errors', 'Invocations', 'IteratorAge', 'Throttles'],
  },
  'AWS/SQS': {
    dimension: 'QueueName',
    type: 'aws_sqs_queue',
    argument: 'name',
    metrics: ['ApproximateAgeOfOldestMessage', 'ApproximateNumberOfMessagesVisible', 'NumberOfMessagesSent'],
  },
  'AWS/DynamoDB': {
    dimension: 'TableName',
    type: 'aws_dynamodb_table',
    argument: 'name',
    metrics: ['ConsumedReadCapacityUnits', 'ConsumedWriteCapacityUnits', 'ReadThrottleEvents', 'WriteThrottleEvents'],
  },
  'AWS/Logs': { dimension: 'LogGroupName', type: 'aws_cloudwatch_log_group', argument: 'name', metrics: ['IncomingBytes'] },
};

/** @returns each metric that nothing in the stack emits */
export function notEmitted(template: Template, asked: readonly AskedMetric[]): readonly AskedMetric[] {
  const filters = template.all('aws_cloudwatch_log_metric_filter');
  return asked.filter(({ namespace, name, dimensions }) => {
    const service = ofServices[namespace];
    const keys = Object.keys(dimensions);
    if (service !== undefined) {
      const { dimension, type, argument, metrics } = service;
      const exists = template.all(type).some((resource) => resource[argument] === dimensions[dimension]);
      return !(metrics.includes(name) && keys.length === 1 && exists);
    }
    return !filters.some(
      (filter) =>
        filter.metric_transformation.namespace === namespace &&
        filter.metric_transformation.name === name &&
        sameKeys(filter.metric_transformation.dimensions ?? {}, dimensions) &&
        Object.entries(dimensions).every(([key, value]) => isValue(template, filter, key, value, dimensions)),
    );
  });
}

const sameKeys = (one: object, other: object): boolean =>
  JSON.stringify(Object.keys(one).sort()) === JSON.stringify(Object.keys(other).sort());

/** Whether lines of the filter's log group can have that value. */
function isValue(template: Template, filter: Arguments, key: string, value: string, all: Readonly<Record<string, string>>): boolean {
  switch (key) {
    case 'Domain':
      return functionsOf(template, filter).some((lambda) => lambda.environment.variables.DIRECTORY_DOMAIN === value);
    case 'Source':
      return Object.values(catalogue).some(({ source }) => source === value);
    case 'Type':
      return catalogue[value as IdentityEventType]?.source === all.Source;
    default:
      return false;
  }
}

const functionsOf = (template: Template, filter: Arguments): readonly Arguments[] =>
  template.all('aws_lambda_function').filter(({ logging_config: { log_group: group } }) => group === filter.log_group_name);

/** An alarm's own metric. */
export const metricOf = ({ namespace, metric_name: name, dimensions = {} }: Arguments): AskedMetric => ({ namespace, name, dimensions });

/** Metrics of a dashboard's widget: `[namespace, name, dimension, value, …, options]`, or a search for those of one set of dimensions. */
export function metricsOf(widget: Arguments): readonly AskedMetric[] {
  const listed = (widget.properties.metrics ?? []) as readonly (readonly unknown[])[];
  return listed.map((metric) => {
    const [first] = metric;
    if (typeof first === 'object') return searched((first as { readonly expression: string }).expression);
    const [namespace = '', name = '', ...rest] = metric.filter((part): part is string => typeof part === 'string');
    const pairs = Array.from({ length: rest.length / 2 }, (_, index) => rest.slice(2 * index, 2 * index + 2) as [string, string]);
    return { namespace, name, dimensions: Object.fromEntries(pairs) };
  });
}

/** A search finds metrics of exactly these dimensions; one that says no value of a dimension stands for any, here the first of the catalogue. */
function searched(expression: string): AskedMetric {
  const { schema = '', terms = '' } =
    /^SEARCH\('\{(?<schema>[^}]+)\} (?<terms>[^']+)', '(?:Sum|Average|Maximum)', \d+\)$/.exec(expression)?.groups ?? {};
  const [namespace = '', ...keys] = schema.split(',');
  const values = Object.fromEntries([...terms.matchAll(/(\w+)="([^"]+)"/g)].map(([, key = '', value = '']) => [key, value]));
  const { MetricName: name = '', ...said } = values;
  const anyType = Object.entries(catalogue).find(([, { source }]) => source === said.Source)?.[0] ?? '';
  return { namespace, name, dimensions: Object.fromEntries(keys.map((key) => [key, said[key] ?? (key === 'Type' ? anyType : '')])) };
}
