/** A schedule that calls a function or sends a message to a queue, in a role of its own that may do nothing else. */
import { IamRole } from '@cdktf/provider-aws/lib/iam-role/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import { LambdaFunctionEventInvokeConfig } from '@cdktf/provider-aws/lib/lambda-function-event-invoke-config/index.js';
import { SchedulerSchedule } from '@cdktf/provider-aws/lib/scheduler-schedule/index.js';
import { SchedulerScheduleGroup } from '@cdktf/provider-aws/lib/scheduler-schedule-group/index.js';
import { Construct } from 'constructs';
import type { HandlerFunction } from './handler-function.ts';
import type { IntegrationEnvironment } from './integration-environment.ts';
import type { MessageQueue } from './message-queue.ts';
import { invokeActions, sendMessageActions } from './permissions.ts';
import { policyDocument, trustPolicy } from './policy.ts';

interface AnyScheduledCallProps {
  readonly environment: IntegrationEnvironment;
  /** Last part of the names of schedule, group and role. */
  readonly name: string;
  /** What it is for, for people: `polls corp.example.com`. */
  readonly description: string;
  /** Minutes between two calls. EventBridge Scheduler knows no rate below one. */
  readonly minutes: number;
  /** What the function or the queue is sent. @default EventBridge Scheduler's own event */
  readonly input?: object;
}

export type ScheduledCallProps = AnyScheduledCallProps &
  (
    | {
        /** Called asynchronously, never repeated: the next call carries on. */
        readonly function: HandlerFunction;
        readonly queue?: never;
      }
    | { readonly queue: MessageQueue; readonly function?: never }
  );

export class ScheduledCall extends Construct {
  constructor(scope: Construct, id: string, props: ScheduledCallProps) {
    super(scope, id);
    const { environment, name, minutes, input } = props;
    if (props.function) {
      new LambdaFunctionEventInvokeConfig(this, 'invocation', {
        functionName: props.function.functionName,
        maximumRetryAttempts: 0,
        // Longer than two long runs: an event that waits for its turn is no failure.
        maximumEventAgeInSeconds: 900,
      });
    }
    const group = new SchedulerScheduleGroup(this, 'group', { name: environment.resourceName('schedule', name) });
    const role = new IamRole(this, 'role', {
      name: environment.resourceName('role', name),
      description: `${props.description} on schedule`,
      // EventBridge Scheduler User Guide, "Confused deputy prevention": the source is the schedule's group.
      assumeRolePolicy: trustPolicy('scheduler.amazonaws.com', {
        StringEquals: { 'aws:SourceAccount': environment.account },
        ArnEquals: { 'aws:SourceArn': group.arn },
      }),
      ...(environment.permissionsBoundaryArn ? { permissionsBoundary: environment.permissionsBoundaryArn } : {}),
    });
    const { arn } = props.function ?? props.queue;
    const policy = new IamRolePolicy(this, 'policy', {
      name: 'scheduled-call',
      role: role.name,
      policy: policyDocument([
        props.function
          ? { Sid: 'InvokeFunction', Effect: 'Allow', Action: invokeActions, Resource: [arn] }
          : { Sid: 'SendMessage', Effect: 'Allow', Action: sendMessageActions, Resource: [arn] },
      ]),
    });
    new SchedulerSchedule(this, 'schedule', {
      name: environment.resourceName('schedule', name),
      groupName: group.name,
      description: props.description,
      scheduleExpression: minutes === 1 ? 'rate(1 minute)' : `rate(${minutes} minutes)`,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn,
        roleArn: role.arn,
        ...(input === undefined ? {} : { input: JSON.stringify(input) }),
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
      dependsOn: [policy],
    });
  }
}
