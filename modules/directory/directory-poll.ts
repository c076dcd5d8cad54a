/** The schedule on which detect-changes polls a directory. A poll that fails is not repeated: the next one carries on from the same cursor. */
import { IamRole } from '@cdktf/provider-aws/lib/iam-role/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import { LambdaFunctionEventInvokeConfig } from '@cdktf/provider-aws/lib/lambda-function-event-invoke-config/index.js';
import { SchedulerSchedule } from '@cdktf/provider-aws/lib/scheduler-schedule/index.js';
import { SchedulerScheduleGroup } from '@cdktf/provider-aws/lib/scheduler-schedule-group/index.js';
import { Construct } from 'constructs';
import type { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { policyDocument, trustPolicy } from '../platform/policy.ts';
import { WrongPropError } from '../platform/prop-checks.ts';
import { invokeActions } from './permissions.ts';

/** How often the directory is polled. EventBridge Scheduler knows no rate below a minute. */
export type PollSchedule = `rate(${number} minute${'' | 's'})`;

export interface DirectoryPollProps {
  readonly environment: IntegrationEnvironment;
  /** Name of the directory, the last part of the resources' names. */
  readonly name: string;
  readonly domain: string;
  readonly detectChanges: HandlerFunction;
  readonly minutes: number;
}

export class DirectoryPoll extends Construct {
  constructor(scope: Construct, id: string, props: DirectoryPollProps) {
    super(scope, id);
    const { environment, name, minutes } = props;
    const { functionName, arn } = props.detectChanges;
    new LambdaFunctionEventInvokeConfig(this, 'invocation', {
      functionName,
      maximumRetryAttempts: 0,
      // Longer than two polls of a large directory: an event that waits for its turn is no failure.
      maximumEventAgeInSeconds: 900,
    });
    const group = new SchedulerScheduleGroup(this, 'group', { name: environment.resourceName('schedule', `directory-${name}`) });
    const role = new IamRole(this, 'role', {
      name: environment.resourceName('role', `poll-directory-${name}`),
      description: `invokes detect-changes of ${props.domain} on schedule`,
      // EventBridge Scheduler User Guide, "Confused deputy prevention": the source is the schedule's group.
      assumeRolePolicy: trustPolicy('scheduler.amazonaws.com', {
        StringEquals: { 'aws:SourceAccount': environment.account },
        ArnEquals: { 'aws:SourceArn': group.arn },
      }),
      ...(environment.permissionsBoundaryArn ? { permissionsBoundary: environment.permissionsBoundaryArn } : {}),
    });
    const policy = new IamRolePolicy(this, 'policy', {
      name: 'poll-directory',
      role: role.name,
      policy: policyDocument([{ Sid: 'InvokeDetectChanges', Effect: 'Allow', Action: invokeActions, Resource: [arn] }]),
    });
    new SchedulerSchedule(this, 'schedule', {
      name: environment.resourceName('schedule', `poll-directory-${name}`),
      groupName: group.name,
      description: `polls ${props.domain}`,
      scheduleExpression: minutes === 1 ? 'rate(1 minute)' : `rate(${minutes} minutes)`,
      flexibleTimeWindow: { mode: 'OFF' },
      target: { arn, roleArn: role.arn, retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 } },
      dependsOn: [policy],
    });
  }
}

/** @throws WrongPropError for what is no whole number of minutes up to 60 */
export function pollMinutes(schedule: string): number {
  const minutes = Number(/^rate\((\d+) minutes?\)$/.exec(schedule)?.[1] ?? Number.NaN);
  if (minutes >= 1 && minutes <= 60) return minutes;
  throw new WrongPropError(
    `schedule is "${schedule}": give rate(1 minute) up to rate(60 minutes), EventBridge Scheduler knows nothing shorter`,
  );
}
