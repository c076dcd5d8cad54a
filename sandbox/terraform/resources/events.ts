/** EventBridge: buses, archives, rules and targets. Terraform calls the service by its former name, CloudWatch Events. */
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes } from './resource.ts';

export const events: ResourceTypes = {
  aws_cloudwatch_event_bus: { apply: applyBus },
  aws_cloudwatch_event_bus_policy: { apply: applyBusPolicy },
  aws_cloudwatch_event_archive: { apply: applyArchive },
  aws_cloudwatch_event_rule: { apply: applyRule },
  aws_cloudwatch_event_target: { apply: applyTarget },
};

async function applyBus(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  config.withoutEffect('tags', 'description', 'kms_key_identifier');
  await context.operator('events', 'CreateEventBus', { Name: name });
  return { id: name, arn: context.arn('events', `event-bus/${name}`) };
}

async function applyBusPolicy(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const bus = config.optionalText('event_bus_name') ?? 'default';
  await context.operator('events', 'PutPermission', { EventBusName: bus, Policy: config.text('policy') });
  return { id: bus };
}

async function applyArchive(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  config.withoutEffect('kms_key_identifier');
  await context.operator(
    'events',
    'CreateArchive',
    present({
      ArchiveName: name,
      EventSourceArn: config.text('event_source_arn'),
      RetentionDays: config.number('retention_days'),
      Description: config.optionalText('description'),
      EventPattern: config.optionalText('event_pattern'),
    }),
  );
  return { id: name, arn: context.arn('events', `archive/${name}`) };
}

async function applyRule(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  const bus = config.optionalText('event_bus_name') ?? 'default';
  config.withoutEffect('tags');
  await context.operator(
    'events',
    'PutRule',
    present({
      Name: name,
      EventBusName: bus,
      EventPattern: config.text('event_pattern'),
      Description: config.optionalText('description'),
      State: config.optionalText('state') ?? 'ENABLED',
    }),
  );
  return { id: `${bus}/${name}`, arn: context.arn('events', bus === 'default' ? `rule/${name}` : `rule/${bus}/${name}`) };
}

async function applyTarget(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const rule = config.text('rule');
  const bus = config.optionalText('event_bus_name') ?? 'default';
  const id = config.optionalText('target_id') ?? config.address;
  const queue = config.block('sqs_target');
  const deadLetter = config.block('dead_letter_config');
  const retry = config.block('retry_policy');
  const target = present({
    Id: id,
    Arn: config.text('arn'),
    SqsParameters: queue && { MessageGroupId: queue.text('message_group_id') },
    DeadLetterConfig: deadLetter && { Arn: deadLetter.text('arn') },
    RetryPolicy:
      retry &&
      present({
        MaximumRetryAttempts: retry.number('maximum_retry_attempts'),
        MaximumEventAgeInSeconds: retry.number('maximum_event_age_in_seconds'),
      }),
  });
  const answer = await context.operator('events', 'PutTargets', { Rule: rule, EventBusName: bus, Targets: [target] });
  if (Number(answer.FailedEntryCount ?? 0) > 0)
    throw new Error(`${config.address}: PutTargets refused ${JSON.stringify(answer.FailedEntries)}`);
  return { id: `${rule}-${id}`, target_id: id };
}
