/** A runbook as an operator uses it: its marked commands are taken out of the page, and run by bash against a sandbox. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { AwsEndpoint, Credentials } from '../../sandbox/aws/endpoint.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'docs', 'runbooks');

export const pages = readdirSync(folder).map((name) => name.replace(/\.md$/, ''));
export const pageText = (page: string): string => readFileSync(join(folder, `${page}.md`), 'utf8');

/** The page's commands by the names that their blocks are marked with: `sh sandbox=<name>`. */
export const commandsOf = (page: string): ReadonlyMap<string, string> =>
  new Map([...pageText(page).matchAll(/^```sh sandbox=(\S+)\n(.*?)^```/gms)].map(([, name = '', commands = '']) => [name, commands]));

const pathOf = (tool: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, tool))
    .find((path) => existsSync(path));

/** Tools that the pages ask for, and this machine does not have. */
export const missingTools = ['bash', 'aws', 'jq'].filter((tool) => pathOf(tool) === undefined);

/** With the AWS CLI itself in front: a shim of pyenv takes as long as the whole command. */
const path = (): string => {
  const aws = pathOf('aws') ?? '';
  const real = /\/shims\/aws$/.test(aws) ? execFileSync('pyenv', ['which', 'aws'], { encoding: 'utf8' }).trim() : aws;
  return [dirname(real), process.env.PATH].join(delimiter);
};

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Operator {
  /** Runs a block, or several in one shell, with the variables that the pages use, and what the operator types or pastes. */
  run(page: string, blocks: string | readonly string[], variables?: Readonly<Record<string, string>>, input?: string): Promise<Ran>;
  /** `page block` of all that ran. */
  readonly ran: ReadonlySet<string>;
}

/** @param change what a test does otherwise than an operator at a terminal */
export function operatorOf(
  endpoint: AwsEndpoint,
  variables: Readonly<Record<string, string>>,
  change: (commands: string) => string = (commands) => commands,
): Operator {
  const ran = new Set<string>();
  const shell = { ...asOperator(endpoint, endpoint.operator), ...variables, PATH: path() };
  return {
    ran,
    async run(page, blocks, more = {}, input = '') {
      const commands = [blocks].flat().map((block) => {
        const found = commandsOf(page).get(block);
        if (found === undefined) throw new Error(`docs/runbooks/${page}.md has no block "sh sandbox=${block}"`);
        ran.add(`${page} ${block}`);
        return change(found);
      });
      return await bash(commands.join(''), { ...shell, ...more }, input);
    },
  };
}

/** What the AWS CLI and the SDK go by. */
export const asOperator = (endpoint: AwsEndpoint, { accessKeyId, secretAccessKey, sessionToken }: Credentials) => ({
  AWS_ENDPOINT_URL: endpoint.url,
  AWS_REGION: endpoint.region,
  AWS_DEFAULT_REGION: endpoint.region,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  ...(sessionToken && { AWS_SESSION_TOKEN: sessionToken }),
  AWS_PAGER: '',
  AWS_EC2_METADATA_DISABLED: 'true',
});

/** Pipes at both ends, as in a shell: a child of Node has sockets, which nothing can open by the names /dev/stdin and /dev/stdout. */
const piped = 'cat | bash -euo pipefail -c "$1" | cat';

/** Runs commands as a person's shell would, ending at the first that fails. */
async function bash(commands: string, variables: Readonly<Record<string, string>>, input = ''): Promise<Ran> {
  const child = spawn('bash', ['--norc', '-o', 'pipefail', '-c', piped, 'bash', commands], {
    cwd: root,
    env: { ...process.env, ...variables },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}
