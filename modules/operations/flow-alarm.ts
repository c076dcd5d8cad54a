/** One alarm for what matters most: while any of the alarms in its rule rings, changes of the directory do not become roles. */
import { CloudwatchCompositeAlarm } from '@cdktf/provider-aws/lib/cloudwatch-composite-alarm/index.js';
import { Construct } from 'constructs';
import { type Alarm, alarmDescription } from '../platform/alarm.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { WrongPropError } from '../platform/prop-checks.ts';

export interface FlowAlarmProps {
  readonly environment: IntegrationEnvironment;
  /** Those that stop the flow. */
  readonly alarms: readonly Alarm[];
}

/** Amazon CloudWatch API Reference, PutCompositeAlarm: underlying alarms of a rule, and its characters. */
const mostAlarms = 100;
const mostCharacters = 10_240;

export class FlowAlarm extends Construct {
  /** Its name, which synth knows. */
  readonly plainName: string;

  constructor(scope: Construct, id: string, { environment, alarms }: FlowAlarmProps) {
    super(scope, id);
    this.plainName = environment.resourceName('alarm', 'identity-not-flowing');
    const characters = rule(alarms.map(({ plainName }) => plainName)).length;
    if (alarms.length > mostAlarms || characters > mostCharacters) {
      throw new WrongPropError(
        `rule of the alarm ${this.plainName} names ${alarms.length} alarms in ${characters} characters, ${mostAlarms} and ${mostCharacters} are allowed: give some of the directories or targets an environment of their own`,
      );
    }
    new CloudwatchCompositeAlarm(this, 'alarm', {
      alarmName: this.plainName,
      alarmDescription: alarmDescription(
        environment,
        this.plainName,
        'changes of the directory do not become roles: look which of the alarms in its rule ring, and open the runbook of the one that comes first on the way: directory, publish-changes, undeliverable, decide-access, sync-roles',
        'directory-unreachable',
      ),
      // References, so that the alarms are there before.
      alarmRule: rule(alarms.map(({ alarmName }) => alarmName)),
      alarmActions: [...environment.alarmActions],
    });
  }
}

const rule = (names: readonly string[]): string => names.map((name) => `ALARM("${name}")`).join(' OR ');
