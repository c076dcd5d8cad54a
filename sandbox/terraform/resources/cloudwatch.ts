/** CloudWatch: log groups, alarms and dashboards. */
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes, withoutEffect } from './resource.ts';

export const cloudwatch: ResourceTypes = {
  aws_cloudwatch_log_group: { apply: applyLogGroup },
  aws_cloudwatch_log_data_protection_policy: withoutEffect(
    'masking changes what a reader without logs:Unmask sees, and nothing that is kept',
  ),
  aws_cloudwatch_metric_alarm: { apply: applyAlarm },
  aws_cloudwatch_composite_alarm: { apply: applyCompositeAlarm },
  aws_cloudwatch_dashboard: { apply: applyDashboard },
  aws_cloudwatch_query_definition: withoutEffect('a saved query waits for somebody in the console, which the sandbox has none of'),
};

async function applyLogGroup(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  const retention = config.number('retention_in_days', 0);
  config.withoutEffect('tags', 'skip_destroy', 'log_group_class');
  await context.operator('logs', 'CreateLogGroup', present({ logGroupName: name, kmsKeyId: config.optionalText('kms_key_id') }));
  if (retention > 0) await context.operator('logs', 'PutRetentionPolicy', { logGroupName: name, retentionInDays: retention });
  return { id: name, arn: context.arn('logs', `log-group:${name}`) };
}

async function applyAlarm(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('alarm_name');
  config.withoutEffect('tags');
  await context.operator(
    'cloudwatch',
    'PutMetricAlarm',
    present({
      AlarmName: name,
      AlarmDescription: config.optionalText('alarm_description'),
      ActionsEnabled: config.flag('actions_enabled', true),
      AlarmActions: config.texts('alarm_actions'),
      OKActions: config.texts('ok_actions'),
      InsufficientDataActions: config.texts('insufficient_data_actions'),
      Namespace: config.text('namespace'),
      MetricName: config.text('metric_name'),
      Dimensions: Object.entries(config.textMap('dimensions')).map(([Name, Value]) => ({ Name, Value })),
      Statistic: config.optionalText('statistic'),
      ExtendedStatistic: config.optionalText('extended_statistic'),
      Period: config.number('period'),
      EvaluationPeriods: config.number('evaluation_periods'),
      DatapointsToAlarm: config.number('datapoints_to_alarm'),
      Threshold: config.number('threshold'),
      ComparisonOperator: config.text('comparison_operator'),
      TreatMissingData: config.optionalText('treat_missing_data'),
    }),
  );
  return { id: name, arn: context.arn('cloudwatch', `alarm:${name}`) };
}

async function applyCompositeAlarm(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('alarm_name');
  config.withoutEffect('tags');
  await context.operator(
    'cloudwatch',
    'PutCompositeAlarm',
    present({
      AlarmName: name,
      AlarmRule: config.text('alarm_rule'),
      AlarmDescription: config.optionalText('alarm_description'),
      ActionsEnabled: config.flag('actions_enabled', true),
      AlarmActions: config.texts('alarm_actions'),
    }),
  );
  return { id: name, arn: context.arn('cloudwatch', `alarm:${name}`) };
}

async function applyDashboard(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('dashboard_name');
  await context.operator('cloudwatch', 'PutDashboard', { DashboardName: name, DashboardBody: config.text('dashboard_body') });
  return { id: name, dashboard_arn: `arn:${context.partition}:cloudwatch::${context.account}:dashboard/${name}` };
}
