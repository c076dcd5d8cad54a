/** SQS queues and their policies. */
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes } from './resource.ts';

export const sqs: ResourceTypes = {
  aws_sqs_queue: { apply: applyQueue },
  aws_sqs_queue_policy: { apply: (config, context) => setAttribute(config, context, 'Policy', 'policy') },
  aws_sqs_queue_redrive_policy: { apply: (config, context) => setAttribute(config, context, 'RedrivePolicy', 'redrive_policy') },
  aws_sqs_queue_redrive_allow_policy: {
    apply: (config, context) => setAttribute(config, context, 'RedriveAllowPolicy', 'redrive_allow_policy'),
  },
};

/** Terraform's argument for each attribute of CreateQueue. */
const attributeOfArgument = {
  visibility_timeout_seconds: 'VisibilityTimeout',
  message_retention_seconds: 'MessageRetentionPeriod',
  delay_seconds: 'DelaySeconds',
  receive_wait_time_seconds: 'ReceiveMessageWaitTimeSeconds',
  max_message_size: 'MaximumMessageSize',
  redrive_policy: 'RedrivePolicy',
  redrive_allow_policy: 'RedriveAllowPolicy',
  policy: 'Policy',
  sqs_managed_sse_enabled: 'SqsManagedSseEnabled',
  kms_master_key_id: 'KmsMasterKeyId',
  kms_data_key_reuse_period_seconds: 'KmsDataKeyReusePeriodSeconds',
  deduplication_scope: 'DeduplicationScope',
  fifo_throughput_limit: 'FifoThroughputLimit',
} as const;

async function applyQueue(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  config.withoutEffect('tags');
  // The service takes these two only on a FIFO queue, and refuses "false".
  const fifo = config.flag('fifo_queue') ? 'true' : undefined;
  const contentBased = config.flag('content_based_deduplication') ? 'true' : undefined;
  const others = Object.entries(attributeOfArgument).map(([argument, attribute]) => [attribute, config.optionalText(argument)]);
  const attributes = present({ FifoQueue: fifo, ContentBasedDeduplication: contentBased, ...Object.fromEntries(others) });
  const created = await context.operator('sqs', 'CreateQueue', { QueueName: name, Attributes: attributes });
  const url = String(created.QueueUrl);
  return { id: url, url, arn: context.arn('sqs', name) };
}

async function setAttribute(config: Arguments, context: ApplyContext, attribute: string, argument: string): Promise<Attributes> {
  const url = config.text('queue_url');
  await context.operator('sqs', 'SetQueueAttributes', { QueueUrl: url, Attributes: { [attribute]: config.text(argument) } });
  return { id: url };
}
