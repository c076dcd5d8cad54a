/** EventBridge Scheduler. */
import type { Schedule } from '../applied-stack.ts';
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes } from './resource.ts';

export const scheduler: ResourceTypes = {
  aws_scheduler_schedule: { apply: applySchedule },
  aws_scheduler_schedule_group: { apply: applyGroup },
};

async function applyGroup(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  config.withoutEffect('tags');
  await context.operator('scheduler', 'CreateScheduleGroup', { Name: name });
  return { id: name, arn: context.arn('scheduler', `schedule-group/${name}`) };
}

async function applySchedule(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  const group = config.optionalText('group_name') ?? 'default';
  const arn = context.arn('scheduler', `schedule/${group}/${name}`);
  config.withoutEffect('description', 'kms_key_arn', 'schedule_expression_timezone');
  const window = config.block('flexible_time_window')?.text('mode') ?? 'OFF';
  if (window !== 'OFF') throw new Error(`${config.address}: flexible_time_window ${window} is not followed by the sandbox: use OFF`);
  const target = config.block('target');
  if (target === undefined) throw new Error(`${config.address}: target is missing`);
  const schedule = readSchedule(config, target, name, arn);
  const state = config.optionalText('state') ?? 'ENABLED';
  await context.operator(
    'scheduler',
    'CreateSchedule',
    present({
      Name: name,
      GroupName: group,
      ScheduleExpression: schedule.expression,
      FlexibleTimeWindow: { Mode: window },
      State: state,
      Target: {
        Arn: schedule.targetArn,
        RoleArn: schedule.roleArn,
        Input: schedule.input,
        RetryPolicy: { MaximumRetryAttempts: schedule.retries, MaximumEventAgeInSeconds: schedule.maximumAgeSeconds },
      },
    }),
  );
  if (state === 'ENABLED') context.stack.schedules.push(schedule);
  return { id: `${group}/${name}`, arn };
}

/** Retries 185 times within a day is the service's default (Scheduler API reference, RetryPolicy). */
function readSchedule(config: Arguments, target: Arguments, name: string, arn: string): Schedule {
  const retry = target.block('retry_policy');
  return {
    name,
    arn,
    expression: config.text('schedule_expression'),
    targetArn: target.text('arn'),
    roleArn: target.text('role_arn'),
    input: target.optionalText('input') ?? '{}',
    retries: retry?.number('maximum_retry_attempts') ?? 185,
    maximumAgeSeconds: retry?.number('maximum_event_age_in_seconds') ?? 86_400,
  };
}
