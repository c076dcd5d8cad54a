/** A stack written by hand, as small as a test needs it, applied to a real endpoint and run from zips made on the spot. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { type AwsEndpoint, startEndpoint } from '../../../sandbox/aws/endpoint.ts';
import { createRuntime, type Runtime } from '../../../sandbox/runtime/index.ts';
import type { AppliedStack } from '../../../sandbox/terraform/applied-stack.ts';
import { applyStack } from '../../../sandbox/terraform/apply-stack.ts';

/** Terraform's `resource` section: type, name, arguments. */
export type Blocks = Record<string, Record<string, Record<string, unknown>>>;

export interface SmallStack {
  readonly endpoint: AwsEndpoint;
  readonly stack: AppliedStack;
  readonly runtime: Runtime;
  stop(): Promise<void>;
}

const account = '111122223333';

/** A Terraform expression: `expression('var.a')` is what the JSON spells with a dollar and braces. */
export const expression = (inner: string) => `\${${inner}}`;

/** Resources of a function whose zip holds `source` as index.mjs. `allow` lists statements beyond writing logs. */
export function functionBlocks(name: string, settings: Record<string, unknown> = {}, allow: readonly object[] = []): Blocks {
  const policy = [
    { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: `\${aws_cloudwatch_log_group.${name}.arn}:*` },
    ...allow,
  ];
  const trust = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
  return {
    aws_cloudwatch_log_group: { [name]: { name: `/aws/lambda/${name}` } },
    aws_iam_role: { [name]: { name, assume_role_policy: document([trust]) } },
    aws_iam_role_policy: { [name]: { name: 'own', role: `\${aws_iam_role.${name}.name}`, policy: document(policy) } },
    aws_lambda_function: {
      [name]: {
        function_name: name,
        role: `\${aws_iam_role.${name}.arn}`,
        filename: `${name}.zip`,
        handler: 'index.handler',
        runtime: 'nodejs22.x',
        logging_config: { log_format: 'JSON', log_group: `\${aws_cloudwatch_log_group.${name}.name}` },
        ...settings,
      },
    },
  };
}

export function document(statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

export const consume = (queue: string) => ({
  Effect: 'Allow',
  Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
  Resource: `\${aws_sqs_queue.${queue}.arn}`,
});

export const send = (queue: string) => ({ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: `\${aws_sqs_queue.${queue}.arn}` });

/** Blocks of several sources in one `resource` section. */
export function merge(...parts: readonly Blocks[]): Blocks {
  const merged: Blocks = {};
  for (const part of parts) for (const [type, named] of Object.entries(part)) merged[type] = { ...merged[type], ...named };
  return merged;
}

/** Writes the stack's folder: `cdk.tf.json` and a zip for each source. */
export function writeStack(resource: Blocks, sources: Readonly<Record<string, string>>, more: Record<string, unknown> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'small-stack-'));
  writeFileSync(join(folder, 'cdk.tf.json'), JSON.stringify({ provider: { aws: [{ region: 'eu-central-1' }] }, resource, ...more }));
  for (const [name, source] of Object.entries(sources)) {
    writeFileSync(join(folder, `${name}.zip`), zipSync({ 'index.mjs': strToU8(source) }));
  }
  return folder;
}

export async function startSmallStack(
  resource: Blocks,
  sources: Readonly<Record<string, string>>,
  options: { readonly hosts?: Record<string, string>; readonly internet?: readonly string[]; readonly pollSeconds?: number } = {},
): Promise<SmallStack> {
  const folder = writeStack(resource, sources);
  const endpoint = await startEndpoint({ region: 'eu-central-1', account, identityStoreId: 'd-1234567890' });
  const stack = await applyStack({ stackDirectory: folder, endpoint, variables: {} });
  const { hosts = {}, internet = [], pollSeconds } = options;
  const runtime = createRuntime({ endpoint, stack, hosts, internet, period: () => pollSeconds });
  await runtime.start();
  return {
    endpoint,
    stack,
    runtime,
    async stop() {
      await runtime.stop();
      await endpoint.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Bodies of the messages that are in a queue now. */
export async function bodiesIn(endpoint: AwsEndpoint, url: string): Promise<readonly string[]> {
  const answer = await endpoint.call('operator', 'sqs', 'ReceiveMessage', {
    QueueUrl: url,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ['All'],
  });
  return ((answer.Messages ?? []) as readonly { Body: string }[]).map(({ Body }) => Body);
}

/** Waits for something that other code brings about. @throws Error when it does not come within the time */
export async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined, timeoutMs = 5000): Promise<T> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
