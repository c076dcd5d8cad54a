/** What on-call sees of a directory's credentials: metrics from the log of rotate-credential, and alarms that say what to do first. */
import { Construct } from 'constructs';
import { Alarm, type AlarmConfig } from '../platform/alarm.ts';
import type { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type LogMetric, LogMetrics } from '../platform/log-metrics.ts';

export interface CredentialMetricsProps {
  readonly environment: IntegrationEnvironment;
  /** Name of the directory. */
  readonly name: string;
  readonly rotateCredential: HandlerFunction;
  /** Plain name of rotate-credential, the first part of the alarms' names. */
  readonly functionName: string;
  /** Minutes between two looks at all credentials. */
  readonly checkEveryMinutes: number;
}

const metrics: readonly LogMetric[] = [
  { name: 'RotationsFailed', messages: ['CREDENTIAL_ROTATION_FAILED'] },
  // Each check gives one value for each credential.
  { name: 'AgeDays', messages: ['CREDENTIAL_CHECKED'], field: '$.ageDays' },
  // Days beyond everyDays; 0 while a credential is young enough.
  { name: 'OverdueDays', messages: ['CREDENTIAL_CHECKED'], field: '$.overdueDays' },
];

/** Of a namespace of their own, `<prefix>/<environment>/credentials/<directory>`: each directory has a function and a log of its own. */
export class CredentialMetrics extends Construct {
  constructor(scope: Construct, id: string, props: CredentialMetricsProps) {
    super(scope, id);
    const { environment, name, functionName } = props;
    const namespace = `${environment.metricNamespace}/credentials/${name}`;
    new LogMetrics(this, 'metrics', { environment, function: props.rotateCredential, metrics, namespace });
    for (const [alarm, config] of Object.entries(alarms(name, functionName, 60 * props.checkEveryMinutes))) {
      new Alarm(this, alarm, {
        runbook: 'rotation-failed',
        threshold: 1,
        comparisonOperator: 'GreaterThanOrEqualToThreshold',
        ...config,
        environment,
        alarmName: `${functionName}-${alarm}`,
        namespace,
      });
    }
  }
}

type Config = Omit<AlarmConfig, 'comparisonOperator' | 'runbook'>;

/** @param period seconds between two checks */
function alarms(directory: string, functionName: string, period: number): Readonly<Record<string, Config>> {
  const log = `/aws/lambda/${functionName}`;
  return {
    'rotation-failed': {
      meaning: `a password of ${directory} could not be rotated: CREDENTIAL_ROTATION_FAILED in ${log} names the credential, the step, the reason and the remedy; what consumers read is as it was, unless the reason says otherwise`,
      metricName: 'RotationsFailed',
      statistic: 'Sum',
      period: 300,
      evaluationPeriods: 1,
      datapointsToAlarm: 1,
      treatMissingData: 'notBreaching',
    },
    // A schedule, role or function that is gone checks nothing and fails nowhere, so silence counts as age. CloudWatch fills in silence only where
    // it finds fewer than three values (CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data").
    overdue: {
      meaning: `a password of ${directory} is older than its everyDays, or nothing checks it: CREDENTIAL_CHECKED in ${log} names the credential and its age; look at its last rotation, and where no line is, at the schedule and the function's errors`,
      metricName: 'OverdueDays',
      statistic: 'Maximum',
      period,
      evaluationPeriods: 3,
      datapointsToAlarm: 1,
      treatMissingData: 'breaching',
    },
  };
}
