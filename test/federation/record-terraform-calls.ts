/**
 * Applies, plans, changes and destroys the example environments with the real AWS provider against moto, and writes down what IAM would be
 * asked for: `node test/federation/record-terraform-calls.ts [dev] [staging]`, after `npm run build`. It takes some ten minutes. Run it when a type of
 * resource or the provider's version is new.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findTerraform, type Terraform } from '../examples/terraform.ts';
import { root, synthesize, temporaryFolder } from '../examples/workspace.ts';
import { caCertificate } from '../modules/integration.ts';
import { missingMoto, startMoto } from './moto.ts';
import { existingNetwork, rewritten } from './moto-network.ts';
import { onceEach, type Recording, recordingPath, recordingText } from './recorded-calls.ts';
import { type RecordingProxy, startRecordingProxy } from './recording-proxy.ts';

const run = promisify(execFile);
const place = { account: '111122223333', region: 'eu-central-2' };

/**
 * moto knows no directory in a CloudFormation stack, no Security log forwarded by one, no rotation of a secret without a value, no saved query of
 * Logs Insights, no data-protection policy of a log group, no composite alarm, and no end of a saved query of Athena. What is left refers to the
 * rest by an id.
 */
const leftOut = {
  dev: [
    'aws_athena_named_query',
    'aws_cloudwatch_composite_alarm',
    'aws_cloudwatch_log_data_protection_policy',
    'aws_cloudwatch_query_definition',
    'aws_secretsmanager_secret_rotation',
  ],
  staging: [
    'aws_athena_named_query',
    'aws_cloudformation_stack',
    'aws_cloudwatch_composite_alarm',
    'aws_cloudwatch_log_data_protection_policy',
    'aws_cloudwatch_query_definition',
    'aws_directory_service_log_subscription',
    'data.aws_directory_service_directory',
  ],
} as const;

type Json = Record<string, Record<string, Record<string, Record<string, unknown>>>>;

async function record(terraform: Terraform, stack: string, environment: keyof typeof leftOut): Promise<Recording> {
  const moto = await startMoto(place.account);
  const proxy = await startRecordingProxy(moto.url, place);
  let back: readonly (readonly [string, string])[] = [];
  try {
    const file = join(stack, 'cdk.tf.json');
    const text = JSON.stringify(applicable(await readFile(file, 'utf8'), leftOut[environment]));
    const given = await existingNetwork(text, moto.url, place.region);
    back = [...given].map(([id, made]) => [made, id]);
    const json = JSON.parse(rewritten(text, given)) as Json;
    await writeFile(file, JSON.stringify(json));
    await writeFile(join(stack, 'override.tf.json'), JSON.stringify(override));
    const { pluginDirectory } = terraform;
    await command(stack, proxy, 'init', '-input=false', ...(pluginDirectory ? [`-plugin-dir=${pluginDirectory}`] : []));
    proxy.begin('apply');
    await command(stack, proxy, 'apply', '-auto-approve', '-input=false');
    proxy.begin('plan');
    await command(stack, proxy, 'plan', '-input=false');
    proxy.begin('update');
    await writeFile(file, JSON.stringify(changed(json)));
    await command(stack, proxy, 'apply', '-auto-approve', '-input=false');
    proxy.begin('destroy');
    await command(stack, proxy, 'destroy', '-auto-approve', '-input=false');
  } finally {
    await proxy.stop();
    await moto.stop();
  }
  if (proxy.notUnderstood.size > 0) throw new Error(`the record has holes:\n${[...proxy.notUnderstood].join('\n')}`);
  // As the stack names them: the policies that are judged by the record are of the stack.
  const calls = JSON.parse(rewritten(JSON.stringify(onceEach(proxy.calls)), back)) as Recording['calls'];
  return { environment, leftOut: leftOut[environment], calls };
}

/** Without the types that moto lacks. It reads bucket policies without their conditions, and would deny everything without TLS. */
function applicable(text: string, types: readonly string[]): Json {
  const json = JSON.parse(text.replaceAll('\\"s3:*\\"', '\\"s3:PutBucketAcl\\"')) as Json;
  for (const type of types) {
    const [kind = '', name = ''] = type.startsWith('data.') ? ['data', type.slice('data.'.length)] : ['resource', type];
    delete json[kind]?.[name];
  }
  delete json.output;
  if (Object.keys(json.data ?? {}).length === 0) delete json.data;
  // What outlives an environment on purpose would stop the destroy, whose calls are wanted, too.
  for (const byName of Object.values(json.resource ?? {})) for (const resource of Object.values(byName)) delete resource.lifecycle;
  return JSON.parse(withoutReferences(JSON.stringify(json), types)) as Json;
}

/** References to what is left out, as an id that stands for it. */
function withoutReferences(text: string, types: readonly string[]): string {
  return types.reduce(
    (so, type) =>
      so.replace(new RegExp(`\\$\\{${type}\\.[^}]*\\}`, 'g'), (reference) =>
        reference.endsWith('.security_group_id}') ? 'sg-00000000000000001' : 'd-9067f0a1b2',
      ),
    text,
  );
}

/** Another value for each argument that Terraform changes in place, as far as moto does, too. */
function changed(json: Json): Json {
  const next = structuredClone(json);
  const change = (type: string, values: object) => {
    for (const resource of Object.values(next.resource?.[type] ?? {})) Object.assign(resource, values);
  };
  for (const byName of Object.values(next.resource ?? {})) {
    for (const resource of Object.values(byName)) if ('tags' in resource) resource.tags = { ...(resource.tags as object), More: 'yes' };
  }
  change('aws_cloudwatch_log_group', { retention_in_days: 30 });
  change('aws_cloudwatch_log_metric_filter', { pattern: '{ $.message = "ANOTHER" }' });
  change('aws_cloudwatch_metric_alarm', { threshold: 7 });
  change('aws_cloudwatch_event_rule', { description: 'another' });
  change('aws_iam_role', { description: 'another', max_session_duration: 7200 });
  change('aws_kms_key', { description: 'another' });
  change('aws_lambda_function', { memory_size: 640 });
  change('aws_lambda_event_source_mapping', { batch_size: 3 });
  change('aws_lambda_function_event_invoke_config', { maximum_event_age_in_seconds: 600 });
  change('aws_scheduler_schedule', { description: 'another' });
  change('aws_secretsmanager_secret', { description: 'another' });
  change('aws_sqs_queue', { visibility_timeout_seconds: 601 });
  change('aws_dynamodb_table', { deletion_protection_enabled: false });
  change('aws_s3_bucket', { force_destroy: true });
  return next;
}

const override = {
  terraform: { backend: { local: { path: 'terraform.tfstate' } } },
  provider: { aws: [{ access_key: 'none', secret_key: 'none', skip_metadata_api_check: 'true', s3_use_path_style: true }] },
};

async function command(cwd: string, proxy: RecordingProxy, ...args: readonly string[]): Promise<void> {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:TF_|AWS_)/.test(name));
  const env = {
    ...Object.fromEntries(own),
    AWS_ENDPOINT_URL: proxy.url,
    // What moto does not know answers 500: the provider would try it for half an hour.
    AWS_MAX_ATTEMPTS: '3',
    TF_VAR_directory_ca: caCertificate,
    TF_VAR_scim_endpoint: 'https://wiki.example.com/scim/v2',
    TF_IN_AUTOMATION: '1',
    CHECKPOINT_DISABLE: '1',
  };
  try {
    await run('terraform', [...args, '-no-color'], { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`terraform ${args[0]} failed in ${cwd}:\n${stderr.slice(0, 3000)}`);
  }
}

const missing = await missingMoto();
const terraform = await findTerraform();
const why = missing ?? ('missing' in terraform ? terraform.missing : undefined);
if (why !== undefined || 'missing' in terraform) throw new Error(`nothing is recorded, because ${why}`);
const folder = await temporaryFolder();
try {
  const { code, output } = await synthesize(root, join(folder.path, 'out'));
  if (code !== 0) throw new Error(output);
  const wanted = process.argv.slice(2);
  for (const environment of ['dev', 'staging'] as const) {
    if (wanted.length > 0 && !wanted.includes(environment)) continue;
    const recording = await record(terraform, join(folder.path, 'out', 'stacks', environment), environment);
    await writeFile(recordingPath(environment), recordingText(recording));
    console.log(`${environment}: ${recording.calls.length} calls`);
  }
} finally {
  await folder.remove();
}
