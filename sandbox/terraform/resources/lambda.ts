/** Lambda functions: code, settings and who may invoke them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { functionNameOf } from './event-source-mapping.ts';
import { type ApplyContext, type Attributes, type FunctionInProgress, present, type ResourceTypes } from './resource.ts';

export const lambda: ResourceTypes = {
  aws_lambda_function: { apply: applyFunction },
  aws_lambda_function_event_invoke_config: { apply: applyInvokeConfig },
  aws_lambda_permission: { apply: applyPermission },
};

async function applyFunction(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const settings = readFunction(config, context);
  await context.operator(
    'lambda',
    'CreateFunction',
    present({
      FunctionName: settings.name,
      Role: settings.roleArn,
      Handler: settings.handler,
      Runtime: config.text('runtime'),
      Architectures: config.texts('architectures'),
      Description: config.optionalText('description'),
      Timeout: settings.timeoutSeconds,
      MemorySize: settings.memoryMb,
      Environment: { Variables: settings.environment },
      VpcConfig: settings.inVpc ? { SubnetIds: settings.subnetIds, SecurityGroupIds: settings.securityGroupIds } : undefined,
      DeadLetterConfig: settings.deadLetterArn === undefined ? undefined : { TargetArn: settings.deadLetterArn },
      TracingConfig: { Mode: settings.tracing ? 'Active' : 'PassThrough' },
      LoggingConfig: { LogFormat: settings.logFormat, LogGroup: settings.logGroup },
      Code: { ZipFile: readFileSync(settings.zipPath) },
    }),
  );
  const { reservedConcurrency } = settings;
  if (reservedConcurrency !== undefined) {
    const reserved = { FunctionName: settings.name, ReservedConcurrentExecutions: reservedConcurrency };
    await context.operator('lambda', 'PutFunctionConcurrency', reserved);
  }
  context.stack.functions.set(settings.name, settings);
  const { name, arn } = settings;
  const invoke = `arn:${context.partition}:apigateway:${context.region}:lambda:path/2015-03-31/functions/${arn}/invocations`;
  return { id: name, arn, qualified_arn: `${arn}:$LATEST`, version: '$LATEST', invoke_arn: invoke };
}

function readFunction(config: Arguments, context: ApplyContext): FunctionInProgress {
  const name = config.text('function_name');
  const logging = config.block('logging_config');
  const network = config.block('vpc_config');
  const groups = network?.texts('security_group_ids') ?? [];
  const reserved = config.number('reserved_concurrent_executions', -1);
  const deadLetterArn = config.block('dead_letter_config')?.text('target_arn');
  const zipPath = resolve(context.stackDirectory, config.text('filename'));
  config.withoutEffect('tags', 'publish', 'kms_key_arn', 'skip_destroy', 'package_type', 'ephemeral_storage');
  checkHash(config, zipPath);
  return {
    name,
    arn: context.arn('lambda', `function:${name}`),
    roleArn: config.text('role'),
    zipPath,
    handler: config.text('handler'),
    environment: config.block('environment')?.textMap('variables') ?? {},
    timeoutSeconds: config.number('timeout', 3),
    memoryMb: config.number('memory_size', 128),
    ...(reserved >= 0 && { reservedConcurrency: reserved }),
    inVpc: network !== undefined,
    // Rules are blocks of their own, which may be applied after the function: the host reads the ports when all is applied.
    egressPorts: [],
    subnetIds: network?.texts('subnet_ids') ?? [],
    securityGroupIds: groups,
    logGroup: logging?.optionalText('log_group') ?? `/aws/lambda/${name}`,
    logFormat: logging?.text('log_format') === 'JSON' ? 'JSON' : 'Text',
    applicationLogLevel: logging?.optionalText('application_log_level') ?? 'INFO',
    systemLogLevel: logging?.optionalText('system_log_level') ?? 'INFO',
    tracing: config.block('tracing_config')?.text('mode') === 'Active',
    ...(deadLetterArn !== undefined && { deadLetterArn }),
    asyncRetries: 2,
    asyncMaximumAgeSeconds: 21_600,
  };
}

/** Terraform compares this hash to tell whether to upload: one that is not the file's own would deploy other code than was reviewed. */
function checkHash(config: Arguments, zipPath: string): void {
  const declared = config.optionalText('source_code_hash');
  if (declared === undefined) return;
  const actual = createHash('sha256').update(readFileSync(zipPath)).digest('base64');
  if (actual !== declared) throw new Error(`${config.address}: source_code_hash ${declared} is not that of ${zipPath}: synthesize again`);
}

function applyInvokeConfig(config: Arguments, context: ApplyContext): Attributes {
  const name = functionNameOf(config.text('function_name'));
  const settings = context.stack.functions.get(name);
  if (settings === undefined) throw new Error(`${config.address}: no function "${name}" in the stack`);
  config.withoutEffect('qualifier');
  settings.asyncRetries = config.number('maximum_retry_attempts', 2);
  settings.asyncMaximumAgeSeconds = config.number('maximum_event_age_in_seconds', 21_600);
  return { id: name };
}

async function applyPermission(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const id = config.optionalText('statement_id') ?? config.address.replaceAll('.', '-');
  await context.operator(
    'lambda',
    'AddPermission',
    present({
      StatementId: id,
      FunctionName: config.text('function_name'),
      Action: config.text('action'),
      Principal: config.text('principal'),
      SourceArn: config.optionalText('source_arn'),
      SourceAccount: config.optionalText('source_account'),
    }),
  );
  return { id };
}
