/** What on-call sees of a target: metrics from the logs of its two functions, and alarms that say what to do first. */
import { Construct } from 'constructs';
import { Alarm, type AlarmConfig } from '../platform/alarm.ts';
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

const ofBoth: readonly LogMetric[] = [
  { name: 'GuardTripped', messages: ['GUARD_TRIPPED'] },
  // Calls that the target's own limit, or a bad moment of it, refused first.
  { name: 'CallsRetried', messages: ['SCIM_RETRIED'] },
];

const ofSyncRoles: readonly LogMetric[] = [
  ...ofBoth,
  { name: 'RevocationsStaged', messages: ['REVOCATION_STAGED'] },
  { name: 'ChangesFailed', messages: ['ROLE_CHANGE_FAILED'] },
  // Seconds from when a change of the directory was seen to when it is so here.
  { name: 'RoleLagSeconds', messages: ['ROLES_SYNCED'], field: '$.lagSeconds', unit: 'Seconds' },
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
      new Alarm(this, alarm, {
        statistic: 'Sum',
        threshold: 1,
        comparisonOperator: 'GreaterThanOrEqualToThreshold',
        period: 300,
        evaluationPeriods: 1,
        treatMissingData: 'notBreaching',
        ...config,
        environment,
        alarmName: `${environment.prefix}-${environment.name}-target-${name}-${alarm}`,
        namespace,
      });
    }
  }
}

type Config = Pick<AlarmConfig, 'meaning' | 'runbook' | 'metricName'> & Partial<AlarmConfig>;

function alarms(
  target: string,
  { name, prefix }: Pick<IntegrationEnvironment, 'name' | 'prefix'>,
  everySeconds: number,
): Readonly<Record<string, Config>> {
  const log = (of: string) => `/aws/lambda/${prefix}-${name}-${of}-${target}`;
  return {
    'guard-tripped': {
      meaning: `more would be taken away at ${target} than its guard lets through, and is held back: "npm run guard -- list --environment ${name} --prefix ${prefix}" shows it; approve or reject it before it expires, grants go on meanwhile`,
      runbook: 'guard-tripped',
      metricName: 'GuardTripped',
    },
    'changes-failed': {
      meaning: `a change at ${target} failed, perhaps the end of somebody's access: RoleChangeFailed on the identity bus names whose it is, the reason and the remedy, ROLE_CHANGE_FAILED in ${log('sync-roles')} does too; it is tried again until it ends in the dead-letter queue`,
      runbook: 'target-down',
      metricName: 'ChangesFailed',
    },
    late: {
      meaning: `changes of the directory are late at ${target}: for a quarter of an hour none arrived within 15 minutes; after a first read of a large directory, or a new mapping for many, it works them off, else compare the age of the queue's messages with CallsRetried and the throttles of ${prefix}-${name}-sync-roles-${target}`,
      runbook: 'target-down',
      metricName: 'RoleLagSeconds',
      // One person whose change fails for long makes nobody else late.
      statistic: 'Minimum',
      threshold: 900,
      evaluationPeriods: 3,
    },
    'drift-needs-person': {
      meaning: `${target} differs from the decisions in what nobody but a person may mend: DRIFT_NEEDS_PERSON in ${log('reconcile')} names the report to read`,
      runbook: 'target-down',
      metricName: 'DriftNeedsPerson',
      // It stays until a run finds none.
      period: Math.min(86_400, Math.max(300, everySeconds)),
      evaluationPeriods: 1,
    },
    'reconcile-incomplete': {
      meaning: `${target} could not be compared with the decisions: ${log('reconcile')} says what holds it up; nothing was taken away`,
      runbook: 'target-down',
      metricName: 'ReconcileIncomplete',
    },
  };
}
