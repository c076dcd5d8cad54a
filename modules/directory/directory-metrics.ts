/** What on-call sees of a directory: metrics from the log of its detect-changes, and alarms that say what to do first. */
import { Construct } from 'constructs';
import { Alarm, type AlarmConfig } from '../platform/alarm.ts';
import type { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type LogMetric, LogMetrics } from '../platform/log-metrics.ts';

export interface DirectoryMetricsProps {
  readonly environment: IntegrationEnvironment;
  readonly domain: string;
  readonly detectChanges: HandlerFunction;
  /** Plain name of detect-changes, the first part of the alarms' names. */
  readonly functionName: string;
  /** Minutes between two polls. */
  readonly minutes: number;
}

const metrics: readonly LogMetric[] = [
  // Seconds since the poll before that brought everything up to date; it grows while no domain controller answers.
  { name: 'LagSeconds', messages: ['POLL_DONE'], field: '$.lagSeconds', unit: 'Seconds' },
  { name: 'LagSeconds', messages: ['DIRECTORY_UNREACHABLE'], field: '$.lagSeconds', unit: 'Seconds' },
  { name: 'Objects', messages: ['POLL_DONE'], field: '$.objects' },
  { name: 'Changes', messages: ['POLL_DONE'], field: '$.written' },
  { name: 'Pages', messages: ['POLL_DONE'], field: '$.pages' },
  // Polls that found another one at work.
  { name: 'Skipped', messages: ['LEASE_HELD'] },
  { name: 'Unreachable', messages: ['DIRECTORY_UNREACHABLE'] },
  { name: 'FullSyncs', messages: ['FULL_SYNC', 'CURSOR_REFUSED', 'MIRROR_INCOMPLETE'] },
  { name: 'Unproven', messages: ['VERIFIED'], field: '$.unproven' },
  // Once, and by each poll while something is held back.
  { name: 'GuardTripped', messages: ['GUARD_TRIPPED', 'GUARD_HELD'] },
];

export class DirectoryMetrics extends Construct {
  constructor(scope: Construct, id: string, props: DirectoryMetricsProps) {
    super(scope, id);
    const { environment, domain, functionName } = props;
    new LogMetrics(this, 'metrics', {
      environment,
      function: props.detectChanges,
      metrics,
      dimension: { name: 'Domain', field: '$.domain' },
    });
    for (const [alarm, config] of Object.entries(alarms(domain, functionName, 60 * props.minutes))) {
      new Alarm(this, alarm, {
        ...config,
        environment,
        alarmName: `${functionName}-${alarm}`,
        namespace: environment.metricNamespace,
        dimensions: { Domain: domain },
      });
    }
  }
}

/** @param period seconds between two polls */
function alarms(domain: string, functionName: string, period: number): Readonly<Record<string, AlarmConfig>> {
  const log = `/aws/lambda/${functionName}`;
  return {
    // The first failed poll tells of one period, as a good one does; the third of three, give or take a late start. A schedule, role or
    // function that is gone fails nowhere: there are only no polls any more, so silence counts as lag. CloudWatch fills in silence only where
    // it finds fewer than three values, so a single period without a poll is none (CloudWatch User Guide, "Configuring how CloudWatch alarms
    // treat missing data").
    lag: {
      meaning: `${domain} was not up to date for three polls, or was not polled: read the last lines of ${log}; when there are none, look at its schedule, the schedule's role and its throttles; nothing is lost, the next good poll reads on`,
      runbook: 'directory-unreachable',
      stopsFlow: true,
      metricName: 'LagSeconds',
      statistic: 'Minimum',
      threshold: 2.5 * period,
      comparisonOperator: 'GreaterThanThreshold',
      period,
      evaluationPeriods: 3,
      datapointsToAlarm: 1,
      treatMissingData: 'breaching',
    },
    unreachable: {
      meaning: `no domain controller of ${domain} answered in two of three polls: read the reason of DIRECTORY_UNREACHABLE in ${log}; when it is a refused bind, look at the bind secret, else at port 636 and the certificates`,
      runbook: 'directory-unreachable',
      stopsFlow: true,
      metricName: 'Unreachable',
      statistic: 'Sum',
      threshold: 1,
      comparisonOperator: 'GreaterThanOrEqualToThreshold',
      period,
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
      treatMissingData: 'notBreaching',
    },
    'guard-tripped': {
      meaning: `more of ${domain} is gone than the guard lets through, and is held back: read GUARD_TRIPPED in ${log}, look in the directory whether it is true, and only then invoke ${functionName} with {"approve": "<its approval>"}; it expires after a day`,
      runbook: 'guard-tripped',
      metricName: 'GuardTripped',
      statistic: 'Sum',
      threshold: 1,
      comparisonOperator: 'GreaterThanOrEqualToThreshold',
      // Two of them, so that it stays while polls say GUARD_HELD, however rarely and unevenly they run.
      period: Math.max(300, period),
      evaluationPeriods: 2,
      datapointsToAlarm: 1,
      treatMissingData: 'notBreaching',
    },
  };
}
