/** Terraform and the AWS provider on this machine, and the examples as Terraform sees them. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The provider's package, as directories of plugins hold it (Terraform CLI, "Provider installation": packed and unpacked layout). */
const provider = join('registry.terraform.io', 'hashicorp', 'aws');

export interface Terraform {
  /** Directory for `-plugin-dir`, or undefined when the registry is the source. */
  readonly pluginDirectory: string | undefined;
}

/** Terraform, or why there is none to test with. */
export async function findTerraform(): Promise<Terraform | { readonly missing: string }> {
  const onPath = (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, 'terraform')));
  if (!onPath) return { missing: 'terraform is not on PATH: install Terraform 1.11 or newer' };
  const pluginDirectory = [process.env.TF_PLUGIN_DIR, ...impliedDirectories(), ...mirrorsNearTheTop()].find(
    (directory) => directory && existsSync(join(directory, provider)),
  );
  if (pluginDirectory === undefined && !(await registryAnswers())) {
    return {
      missing:
        'the AWS provider is in no mirror and the registry is out of reach: set TF_PLUGIN_DIR to a directory that holds registry.terraform.io',
    };
  }
  return { pluginDirectory };
}

/** Where Terraform itself looks (Terraform CLI, "Implied local mirror directories", on Unix). */
function impliedDirectories(): readonly string[] {
  const data = [
    process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'),
    ...(process.env.XDG_DATA_DIRS ?? '/usr/local/share:/usr/share').split(':'),
  ];
  return [join(homedir(), '.terraform.d/plugins'), ...data.map((directory) => join(directory, 'terraform/plugins'))];
}

/** Directories named `registry.terraform.io`, at most three levels below the file system's top folders. */
function mirrorsNearTheTop(): readonly string[] {
  const found: string[] = [];
  const look = (directory: string, levels: number): void => {
    for (const entry of directories(directory)) {
      if (entry === 'registry.terraform.io') found.push(directory);
      else if (levels > 0 && entry !== 'node_modules') look(join(directory, entry), levels - 1);
    }
  };
  for (const top of directories('/')) if (!['proc', 'sys', 'dev', 'run'].includes(top)) look(join('/', top), 2);
  return found;
}

function directories(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    // Not ours to read: no mirror of ours either.
    return [];
  }
}

async function registryAnswers(): Promise<boolean> {
  return fetch('https://registry.terraform.io/.well-known/terraform.json', { signal: AbortSignal.timeout(5000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** A resource change of a plan, as `terraform show -json` gives it. */
export interface ResourceChange {
  readonly address: string;
  readonly type: string;
  readonly mode: 'managed' | 'data';
  readonly change: { readonly actions: readonly string[]; readonly after: Record<string, unknown> };
}

export interface Plan {
  readonly resource_changes: readonly ResourceChange[];
  readonly [other: string]: unknown;
}

/**
 * Prepares the stacks of an app: one `terraform init` for all of them. The provider is told by an override file not to ask for an
 * account, and the state stays in the stack's own folder.
 */
export async function initialize({ pluginDirectory }: Terraform, stackDirectories: readonly string[]): Promise<void> {
  const [first = '', ...others] = stackDirectories;
  for (const directory of stackDirectories) await writeFile(join(directory, 'override.tf.json'), JSON.stringify(override));
  await terraform(first, {}, 'init', '-input=false', '-no-color', ...(pluginDirectory ? [`-plugin-dir=${pluginDirectory}`] : []));
  for (const directory of others) await cp(join(first, '.terraform.lock.hcl'), join(directory, '.terraform.lock.hcl'));
}

/**
 * Plans, which validates too (Terraform CLI, "Command: validate": a plan includes an implied validation check).
 *
 * @param options of `terraform plan` besides
 * @throws when the stack is not valid or the plan fails, with Terraform's own output
 */
export async function planned(
  directory: string,
  variables: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Promise<Plan> {
  await terraform(directory, variables, 'plan', '-input=false', '-no-color', '-out=plan', ...options);
  return JSON.parse(await terraform(directory, variables, 'show', '-json', 'plan')) as Plan;
}

async function terraform(directory: string, variables: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
  try {
    return (await run('terraform', args, { cwd: directory, env: environment(directory, variables), maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`terraform ${args[0]} failed in ${directory}:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

const override = {
  terraform: { backend: { local: { path: 'terraform.tfstate' } } },
  provider: {
    aws: [
      {
        access_key: 'none',
        secret_key: 'none',
        skip_credentials_validation: true,
        skip_requesting_account_id: true,
        skip_metadata_api_check: 'true',
        // Without an account there is none to compare with.
        allowed_account_ids: [],
      },
    ],
  },
};

/** The caller's environment without what would lead Terraform to its own configuration or account. All stacks share one data directory. */
function environment(directory: string, variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:TF_|AWS_)/.test(name));
  const given = Object.entries(variables).map(([name, value]) => [`TF_VAR_${name}`, value] as const);
  return {
    ...Object.fromEntries([...own, ...given]),
    TF_DATA_DIR: join(dirname(directory), '.terraform'),
    TF_IN_AUTOMATION: '1',
    CHECKPOINT_DISABLE: '1',
  };
}
