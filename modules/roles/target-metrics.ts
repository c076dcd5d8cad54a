/** What on-call sees of a target: metrics from the logs of its two functions, and alarms that say what to do first. */
import { CloudwatchMetricAlarm, type CloudwatchMetricAlarmConfig } from '@cdktf/provider-aws/lib/cloudwatch-metric-alarm/index.js';
import { Construct } from 'constructs';
import type { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type LogMetric, LogMetrics } from '../platform/log-metrics.ts';
import type { TargetDefinition } from './target-props.ts';

export interface TargetMetricsProps {
  readonly environment: IntegrationEnvironment;
  readonly target: TargetDefinition;
  readonly syncRoles: HandlerFunction;
  readonly reconcile: HandlerFunction;
}

const ofBoth: readonly LogMetric[] = [{ name: 'GuardTripped', messages: ['GUARD_TRIPPED'] }];

const ofSyncRoles: readonly LogMetric[] = [
  ...ofBoth,
  { name: 'RevocationsStaged', messages: ['REVOCATION_STAGED'] },
  { name: 'ChangesFailed', messages: ['ROLE_CHANGE_FAILED'] },
];

const ofReconcile: readonly LogMetric[] = [
  ...ofBoth,
  { name: 'Drift', messages: ['RECONCILED'], field: '$.findings' },
  { name: 'DriftNeedsPerson', messages: ['DRIFT_NEEDS_PERSON'], field: '$.findings' },
  { name: 'ReconcileIncomplete', messages: ['RECONCILE_INCOMPLETE'] },
];

/** Each of its own namespace, `<prefix>/<environment>/<target>`: the functions of one target have logs of their own. */
export class TargetMetrics extends Construct {
  constructor(scope: Construct, id: string, props: TargetMetricsProps) {
    super(scope, id);
    const { environment, target } = props;
    const { name } = target.settings;
    const namespace = `${environment.metricNamespace}/${name}`;
    new LogMetrics(this, 'sync-roles', { environment, function: props.syncRoles, metrics: ofSyncRoles, namespace });
    new LogMetrics(this, 'reconcile', { environment, function: props.reconcile, metrics: ofReconcile, namespace });
    const everySeconds = 60 * target.reconcile.everyMinutes;
    for (const [alarm, config] of Object.entries(alarms(name, environment, everySeconds))) {
      new CloudwatchMetricAlarm(this, alarm, {
        statistic: 'Sum',
        threshold: 1,
        comparisonOperator: 'GreaterThanOrEqualToThreshold',
        period: 300,
        evaluationPeriods: 1,
        treatMissingData: 'notBreaching',
        ...config,
        alarmName: `${environment.prefix}-${environment.name}-target-${name}-${alarm}`,
        namespace,
        alarmActions: [...environment.alarmActions],
      });
    }
  }
}

type Alarm = Pick<CloudwatchMetricAlarmConfig, 'alarmDescription' | 'metricName'> & Partial<CloudwatchMetricAlarmConfig>;

function alarms(
  target: string,
  { name, prefix }: Pick<IntegrationEnvironment, 'name' | 'prefix'>,
  everySeconds: number,
): Readonly<Record<string, Alarm>> {
  const log = (of: string) => `/aws/lambda/${prefix}-${name}-${of}-${target}`;
  return {
    'guard-tripped': {
      alarmDescription: `more would be taken away at ${target} than its guard lets through, and is held back: "npm run guard -- list --environment ${name} --prefix ${prefix}" shows it; approve or reject it before it expires, grants go on meanwhile`,
      metricName: 'GuardTripped',
    },
    'changes-failed': {
      alarmDescription: `a change at ${target} failed, perhaps the end of somebody's access: RoleChangeFailed on the identity bus names whose it is, the reason and the remedy, ROLE_CHANGE_FAILED in ${log('sync-roles')} does too; it is tried again until it ends in the dead-letter queue`,
      metricName: 'ChangesFailed',
    },
    'drift-needs-person': {
      alarmDescription: `${target} differs from the decisions in what nobody but a person may mend: DRIFT_NEEDS_PERSON in ${log('reconcile')} names the report to read`,
      metricName: 'DriftNeedsPerson',
      // It stays until a run finds none.
      period: Math.min(86_400, Math.max(300, everySeconds)),
      evaluationPeriods: 1,
    },
    'reconcile-incomplete': {
      alarmDescription: `${target} could not be compared with the decisions: ${log('reconcile')} says what holds it up; nothing was taken away`,
      metricName: 'ReconcileIncomplete',
    },
  };
}
