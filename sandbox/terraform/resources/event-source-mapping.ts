/** Lambda's event source mappings. Defaults are those of the Lambda API reference, CreateEventSourceMapping. */
import type { EventSourceMapping } from '../applied-stack.ts';
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes } from './resource.ts';

export const eventSourceMapping: ResourceTypes = { aws_lambda_event_source_mapping: { apply: applyMapping } };

/** A function's name from its name, ARN or qualified ARN. */
export function functionNameOf(nameOrArn: string): string {
  return nameOrArn.startsWith('arn:') ? (nameOrArn.split(':')[6] ?? nameOrArn) : nameOrArn;
}

async function applyMapping(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const mapping = readMapping(config);
  config.withoutEffect('tags', 'metrics_config', 'kms_key_arn');
  const enabled = config.flag('enabled', true);
  const created = await context.operator('lambda', 'CreateEventSourceMapping', createInput(mapping, enabled));
  const id = String(created.UUID ?? mapping.id);
  if (enabled) context.stack.eventSources.push({ ...mapping, id });
  return { id, uuid: id, arn: context.arn('lambda', `event-source-mapping:${id}`), function_arn: config.text('function_name') };
}

function createInput(mapping: EventSourceMapping, enabled: boolean): Record<string, unknown> {
  const stream = mapping.kind === 'stream';
  return present({
    FunctionName: mapping.functionName,
    EventSourceArn: mapping.sourceArn,
    BatchSize: mapping.batchSize,
    MaximumBatchingWindowInSeconds: mapping.windowSeconds,
    Enabled: enabled,
    FilterCriteria: mapping.filters.length > 0 ? { Filters: mapping.filters.map((Pattern) => ({ Pattern })) } : undefined,
    FunctionResponseTypes: mapping.reportsItemFailures ? ['ReportBatchItemFailures'] : undefined,
    ScalingConfig: mapping.maximumConcurrency === undefined ? undefined : { MaximumConcurrency: mapping.maximumConcurrency },
    BisectBatchOnFunctionError: stream ? mapping.bisect : undefined,
    MaximumRetryAttempts: stream ? mapping.retries : undefined,
    MaximumRecordAgeInSeconds: stream ? mapping.maximumAgeSeconds : undefined,
    DestinationConfig: mapping.onFailureArn === undefined ? undefined : { OnFailure: { Destination: mapping.onFailureArn } },
    StartingPosition: mapping.startingPosition,
  });
}

function readMapping(config: Arguments): EventSourceMapping {
  const sourceArn = config.text('event_source_arn');
  const kind = kindOf(sourceArn, config.address);
  const maximumConcurrency = config.block('scaling_config')?.number('maximum_concurrency');
  const onFailureArn = config.block('destination_config')?.block('on_failure')?.text('destination_arn');
  const parallel = config.number('parallelization_factor', 1);
  if (parallel !== 1) throw new Error(`${config.address}: parallelization_factor ${parallel} is not followed by the sandbox: use 1`);
  return {
    id: config.address,
    functionName: functionNameOf(config.text('function_name')),
    kind,
    sourceArn,
    batchSize: config.number('batch_size', kind === 'sqs' ? 10 : 100),
    windowSeconds: config.number('maximum_batching_window_in_seconds', 0),
    filters:
      config
        .block('filter_criteria')
        ?.blocks('filter')
        .map((filter) => filter.text('pattern')) ?? [],
    reportsItemFailures: config.texts('function_response_types').includes('ReportBatchItemFailures'),
    ...(maximumConcurrency !== undefined && { maximumConcurrency }),
    bisect: config.flag('bisect_batch_on_function_error'),
    retries: config.number('maximum_retry_attempts', -1),
    maximumAgeSeconds: config.number('maximum_record_age_in_seconds', -1),
    ...(onFailureArn !== undefined && { onFailureArn }),
    ...(kind === 'stream' && { startingPosition: startingPosition(config) }),
  };
}

function kindOf(arn: string, address: string): EventSourceMapping['kind'] {
  if (/^arn:[^:]+:sqs:/.test(arn)) return 'sqs';
  if (/^arn:[^:]+:dynamodb:.+\/stream\//.test(arn)) return 'stream';
  throw new Error(`${address}: event source ${arn} is neither a queue nor a table's stream: the sandbox polls these two`);
}

function startingPosition(config: Arguments): 'TRIM_HORIZON' | 'LATEST' {
  const position = config.text('starting_position');
  if (position === 'TRIM_HORIZON' || position === 'LATEST') return position;
  throw new Error(`${config.address}: starting_position ${position} is unknown for a table's stream: use TRIM_HORIZON or LATEST`);
}
