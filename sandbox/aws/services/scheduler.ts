import { AwsError } from '../error.ts';
import { limit, optionalText, page, record, text } from '../input.ts';
import type { Input, Output, Service, Surroundings } from '../service.ts';

// EventBridge Scheduler: the schedules are kept here and run by the sandbox's runtime, which may compress their time.

export function scheduler({ region, account }: Surroundings): Service {
  const schedules = new Map<string, Output>();
  const groups = new Set(['default']);
  const arnOf = (group: string, name: string): string => `arn:aws:scheduler:${region}:${account}:schedule/${group}/${name}`;
  const arn = (input: Input): string => arnOf(optionalText(input, 'GroupName') ?? 'default', text(input, 'Name'));

  const groupArn = (input: Input): string => `arn:aws:scheduler:${region}:${account}:schedule-group/${text(input, 'Name')}`;

  function create(input: Input): Output {
    const target = record(input, 'Target');
    for (const name of ['Arn', 'RoleArn']) text(target, name);
    record(input, 'FlexibleTimeWindow');
    if (!/^(rate|cron|at)\(.+\)$/.test(text(input, 'ScheduleExpression')))
      throw new AwsError('ValidationException', `Invalid Schedule Expression ${input.ScheduleExpression}.`);
    const group = optionalText(input, 'GroupName') ?? 'default';
    if (!groups.has(group)) throw new AwsError('ResourceNotFoundException', `Schedule group ${group} does not exist.`, 404);
    if (schedules.has(arn(input))) throw new AwsError('ConflictException', `Schedule ${text(input, 'Name')} already exists.`, 409);
    const now = new Date();
    schedules.set(arn(input), {
      GroupName: 'default',
      State: 'ENABLED',
      ...input,
      Arn: arn(input),
      CreationDate: now,
      LastModificationDate: now,
    });
    return { ScheduleArn: arn(input) };
  }

  function list(input: Input): Output {
    const group = optionalText(input, 'GroupName');
    const prefix = optionalText(input, 'NamePrefix') ?? '';
    const found = [...schedules.values()]
      .filter((schedule) => (group === undefined || schedule.GroupName === group) && String(schedule.Name).startsWith(prefix))
      .map(({ Arn, Name, GroupName, State, CreationDate, LastModificationDate, Target }) => ({
        Arn,
        Name,
        GroupName,
        State,
        CreationDate,
        LastModificationDate,
        Target: { Arn: (Target as { Arn: string }).Arn },
      }));
    const { items, nextToken } = page(found, optionalText(input, 'NextToken'), limit(input, 'MaxResults', 1, 100, 100));
    return { Schedules: items, ...(nextToken ? { NextToken: nextToken } : {}) };
  }

  return {
    name: 'scheduler',
    operations: {
      CreateScheduleGroup: {
        authorize: (input) => [{ action: 'scheduler:CreateScheduleGroup', resource: groupArn(input) }],
        run: (input) => {
          if (groups.has(text(input, 'Name')))
            throw new AwsError('ConflictException', `Schedule group ${text(input, 'Name')} already exists.`, 409);
          groups.add(text(input, 'Name'));
          return { ScheduleGroupArn: groupArn(input) };
        },
      },
      CreateSchedule: { authorize: (input) => [{ action: 'scheduler:CreateSchedule', resource: arn(input) }], run: create },
      GetSchedule: {
        authorize: (input) => [{ action: 'scheduler:GetSchedule', resource: arn(input) }],
        run: (input) => {
          const schedule = schedules.get(arn(input));
          if (!schedule) throw new AwsError('ResourceNotFoundException', `Schedule ${text(input, 'Name')} does not exist.`, 404);
          return schedule;
        },
      },
      ListSchedules: { authorize: () => [{ action: 'scheduler:ListSchedules', resource: arnOf('*', '*') }], run: list },
    },
  };
}
