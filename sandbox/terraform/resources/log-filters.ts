/** CloudWatch Logs: who is told of log events, what is counted in them, and who else may write them. */
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes } from './resource.ts';

export const logFilters: ResourceTypes = {
  aws_cloudwatch_log_subscription_filter: { apply: applySubscriptionFilter },
  aws_cloudwatch_log_metric_filter: { apply: applyMetricFilter },
  aws_cloudwatch_log_resource_policy: { apply: applyResourcePolicy },
};

async function applySubscriptionFilter(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const group = config.text('log_group_name');
  // Of streams of Kinesis: a function gets each log stream's events apart.
  config.withoutEffect('distribution');
  await context.operator('logs', 'PutSubscriptionFilter', {
    logGroupName: group,
    filterName: config.text('name'),
    filterPattern: config.text('filter_pattern'),
    destinationArn: config.text('destination_arn'),
  });
  return { id: `cwlsf-${group}` };
}

async function applyMetricFilter(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  const transformation = config.block('metric_transformation');
  if (transformation === undefined) throw new Error(`${config.address}: metric_transformation is missing`);
  const dimensions = transformation.textMap('dimensions');
  await context.operator('logs', 'PutMetricFilter', {
    logGroupName: config.text('log_group_name'),
    filterName: name,
    filterPattern: config.text('pattern'),
    metricTransformations: [
      present({
        metricName: transformation.text('name'),
        metricNamespace: transformation.text('namespace'),
        metricValue: transformation.text('value'),
        defaultValue: transformation.number('default_value'),
        unit: transformation.optionalText('unit'),
        dimensions: Object.keys(dimensions).length > 0 ? dimensions : undefined,
      }),
    ],
  });
  return { id: name };
}

async function applyResourcePolicy(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('policy_name');
  await context.operator('logs', 'PutResourcePolicy', { policyName: name, policyDocument: config.text('policy_document') });
  return { id: name };
}
