/**
 * Reading a stack's `cdk.tf.json`: Terraform's JSON configuration syntax, as far as cdktf writes it.
 * Source: Terraform documentation, "JSON Configuration Syntax".
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** A `resource` or `data` block. `address` is what expressions call it: `aws_sqs_queue.decisions`, `data.aws_region.here`. */
export interface Block {
  readonly mode: 'resource' | 'data';
  readonly type: string;
  readonly name: string;
  readonly address: string;
  readonly config: JsonObject;
  readonly dependsOn: readonly string[];
}

export interface Template {
  readonly blocks: ReadonlyMap<string, Block>;
  /** Variables by name, with the default where there is one. */
  readonly variables: ReadonlyMap<string, { readonly default?: Json }>;
  readonly locals: JsonObject;
  readonly outputs: JsonObject;
  readonly region: string;
  /** The only account that the provider allows (`allowed_account_ids`); undefined where it allows any. */
  readonly account: string | undefined;
}

const knownSections = new Set(['//', 'terraform', 'provider', 'variable', 'locals', 'resource', 'data', 'output']);
/** Meta-arguments that multiply or alter a block in ways the sandbox does not follow; lifecycle rules change no first apply. */
const refusedMetaArguments = ['count', 'for_each', 'provider', 'provisioner', 'connection', 'dynamic'];

/** @throws Error when the stack is not synthesized or uses a part of Terraform that the sandbox does not follow */
export function loadTemplate(stackDirectory: string): Template {
  const file = join(stackDirectory, 'cdk.tf.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`no synthesized stack at ${file}: run npm run synth`, { cause });
  }
  return readTemplate(JSON.parse(text) as Json);
}

/** Reads the parsed JSON of a stack. */
export function readTemplate(json: Json): Template {
  const root = asObject(json, 'cdk.tf.json');
  for (const section of Object.keys(root)) {
    if (!knownSections.has(section))
      throw new Error(`section "${section}" of cdk.tf.json is not known to the sandbox: express it as resources`);
  }
  const blocks = new Map<string, Block>();
  for (const mode of ['resource', 'data'] as const) {
    for (const [type, named] of Object.entries(asObject(root[mode] ?? {}, mode))) {
      for (const [name, body] of Object.entries(asObject(named, type))) {
        const block = readBlock(mode, type, name, asObject(body, `${type}.${name}`));
        blocks.set(block.address, block);
      }
    }
  }
  const variables = Object.entries(asObject(root.variable ?? {}, 'variable')).map(([name, body]) => {
    const { default: value } = asObject(body, `variable ${name}`);
    return [name, value === undefined ? {} : { default: value }] as const;
  });
  const outputs = Object.entries(asObject(root.output ?? {}, 'output')).map(
    ([name, body]) => [name, asObject(body, `output ${name}`).value ?? null] as const,
  );
  return {
    blocks,
    variables: new Map(variables),
    locals: asObject(root.locals ?? {}, 'locals'),
    outputs: Object.fromEntries(outputs),
    ...readProvider(root.provider),
  };
}

function readBlock(mode: Block['mode'], type: string, name: string, body: JsonObject): Block {
  const address = mode === 'data' ? `data.${type}.${name}` : `${type}.${name}`;
  for (const refused of refusedMetaArguments) {
    if (refused in body)
      throw new Error(`${address} uses "${refused}", which the sandbox does not follow: write the blocks out one by one`);
  }
  const { '//': _metadata, depends_on: dependsOn, lifecycle: _lifecycle, ...config } = body;
  return { mode, type, name, address, config, dependsOn: (dependsOn ?? []) as readonly string[] };
}

function readProvider(provider: Json | undefined): Pick<Template, 'region' | 'account'> {
  const configured = asObject(provider ?? {}, 'provider').aws;
  const list = Array.isArray(configured) ? configured : [configured];
  const only = list.length === 1 ? asObject(list[0] ?? {}, 'provider aws') : {};
  const { region, allowed_account_ids: accounts } = only;
  if (typeof region !== 'string')
    throw new Error('cdk.tf.json needs exactly one aws provider with a literal region: the sandbox plays one region');
  return { region, account: Array.isArray(accounts) && accounts.length === 1 ? String(accounts[0]) : undefined };
}

export function asObject(value: Json | undefined, what: string): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new Error(`${what} is no JSON object: ${JSON.stringify(value)}`);
  return value as JsonObject;
}
