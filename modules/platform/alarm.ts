/** An alarm of the integration: what it means, the runbook with what to do, and whom it tells. */
import { CloudwatchMetricAlarm, type CloudwatchMetricAlarmConfig } from '@cdktf/provider-aws/lib/cloudwatch-metric-alarm/index.js';
import type { Construct } from 'constructs';
import type { IntegrationEnvironment } from './integration-environment.ts';
import { WrongPropError } from './prop-checks.ts';
import { type Runbook, runbookLink } from './runbooks.ts';

/** Characters of a description (Amazon CloudWatch API Reference, PutMetricAlarm and PutCompositeAlarm). */
const mostDescription = 1024;

export interface AlarmProps extends Omit<CloudwatchMetricAlarmConfig, 'alarmDescription' | 'alarmActions' | 'lifecycle'> {
  readonly environment: IntegrationEnvironment;
  /** What is the matter, and where to look first. */
  readonly meaning: string;
  readonly runbook: Runbook;
  /** While it rings, changes of the directory do not become roles. @default false */
  readonly stopsFlow?: boolean;
}

/** What tells one alarm of several from the others. */
export type AlarmConfig = Omit<AlarmProps, 'environment' | 'alarmName' | 'namespace' | 'dimensions'>;

export class Alarm extends CloudwatchMetricAlarm {
  /** Its name, which synth knows. */
  readonly plainName: string;
  readonly stopsFlow: boolean;

  constructor(scope: Construct, id: string, { environment, meaning, runbook, stopsFlow = false, ...config }: AlarmProps) {
    super(scope, id, {
      ...config,
      alarmDescription: alarmDescription(environment, config.alarmName, meaning, runbook),
      alarmActions: [...environment.alarmActions],
      // An alarm that a composite alarm still names cannot be deleted: the rule has to change first.
      lifecycle: { createBeforeDestroy: true },
    });
    this.plainName = config.alarmName;
    this.stopsFlow = stopsFlow;
  }
}

/** What every notification and every EventBridge event of the alarm carries. @throws WrongPropError when it is longer than CloudWatch allows */
export function alarmDescription(environment: IntegrationEnvironment, name: string, meaning: string, runbook: Runbook): string {
  const description = `${meaning}. Runbook: ${runbookLink(environment, runbook)}`;
  if (description.length > mostDescription) {
    throw new WrongPropError(
      `description of the alarm ${name} has ${description.length} characters, ${mostDescription} are allowed: shorten runbookBaseUrl`,
    );
  }
  return description;
}
