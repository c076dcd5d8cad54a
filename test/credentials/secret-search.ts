/**
 * Looks for passwords wherever a sandbox leaves anything: logs, tables, queues, the synthesized stack, what Terraform would keep as state, files
 * on its disk, command lines and environments of its processes. Its Secrets Manager holds values in memory alone.
 */
import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AwsEndpoint } from '../../sandbox/aws/endpoint.ts';
import type { AppliedStack } from '../../sandbox/terraform/applied-stack.ts';

export interface SearchedPlaces {
  readonly endpoint: AwsEndpoint;
  readonly stack: AppliedStack;
  /** Further folders: where the stack was synthesized, caches. */
  readonly folders?: readonly string[];
}

export interface SearchResult {
  /** Where which of the passwords (by their index) was found. */
  readonly hits: readonly string[];
  /** What was searched: bytes by kind of place. */
  readonly searched: Readonly<Record<string, number>>;
}

/** Forms that a password may lie in: as text, as LDAP sends it, in base64 (with whatever stands before it), in JSON and in a URL. */
function formsOf(password: string): readonly Buffer[] {
  const inBase64 = [0, 1, 2].map((before) => {
    const text = Buffer.from(`${' '.repeat(before)}${password}`)
      .toString('base64')
      .replace(/=+$/, '');
    // The first and the last characters mix with what stands beside.
    return text.slice(before === 0 ? 0 : before + 1, -1);
  });
  const texts = [password, JSON.stringify(password).slice(1, -1), encodeURIComponent(password), ...inBase64];
  return [...new Set(texts)].map((text) => Buffer.from(text)).concat(Buffer.from(password, 'utf16le'));
}

export async function searchForSecrets(
  passwords: readonly string[],
  { endpoint, stack, folders = [] }: SearchedPlaces,
): Promise<SearchResult> {
  const forms = passwords.map(formsOf);
  const hits: string[] = [];
  const searched: Record<string, number> = {};
  const look = (kind: string, place: string, bytes: Buffer): void => {
    searched[kind] = (searched[kind] ?? 0) + bytes.length;
    for (const [index, some] of forms.entries()) if (some.some((form) => bytes.includes(form))) hits.push(`password ${index} in ${place}`);
  };
  for (const [name, text] of await logsOf(endpoint)) look('logs', `log group ${name}`, Buffer.from(text));
  for (const [name, text] of await tablesOf(endpoint)) look('tables', `table ${name}`, Buffer.from(text));
  // The applied stack is what Terraform keeps as state: every resource with its attributes.
  look('state', 'the state', Buffer.from(stateText(stack)));
  const owned = readdirSync(tmpdir())
    .filter((name) => name.startsWith('active-directory-lambda'))
    .map((name) => join(tmpdir(), name));
  for (const folder of [...owned, ...folders]) for (const file of filesBelow(folder)) look('files', file.path, file.bytes);
  for (const [name, bytes] of processes()) look('processes', name, bytes);
  return { hits, searched };
}

async function logsOf(endpoint: AwsEndpoint): Promise<readonly (readonly [string, string])[]> {
  const { logGroups } = await endpoint.call('operator', 'logs', 'DescribeLogGroups', {});
  const all: [string, string][] = [];
  for (const { logGroupName } of logGroups as readonly { logGroupName: string }[]) {
    let nextToken: unknown;
    const lines: string[] = [];
    do {
      const page = await endpoint.call('operator', 'logs', 'FilterLogEvents', { logGroupName, ...(nextToken ? { nextToken } : {}) });
      for (const { message } of page.events as readonly { message: string }[]) lines.push(message);
      nextToken = page.nextToken;
    } while (nextToken);
    all.push([logGroupName, lines.join('\n')]);
  }
  return all;
}

async function tablesOf(endpoint: AwsEndpoint): Promise<readonly (readonly [string, string])[]> {
  const { TableNames } = await endpoint.call('operator', 'dynamodb', 'ListTables', {});
  const all: [string, string][] = [];
  for (const TableName of TableNames as readonly string[]) {
    let ExclusiveStartKey: unknown;
    do {
      const page = await endpoint.call('operator', 'dynamodb', 'Scan', { TableName, ...(ExclusiveStartKey ? { ExclusiveStartKey } : {}) });
      all.push([TableName, JSON.stringify(page.Items)]);
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
  }
  return all;
}

const stateText = (stack: AppliedStack): string =>
  JSON.stringify(stack, (_, value: unknown) => (value instanceof Map ? [...value] : value instanceof Set ? [...value] : value));

/** None of a folder that is gone by now: other sandboxes end while this one is searched. */
function entriesBelow(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (existsSync(folder)) throw error;
    return [];
  }
}

/** Sockets and what vanished meanwhile are no files. */
function* filesBelow(folder: string): Iterable<{ readonly path: string; readonly bytes: Buffer }> {
  for (const entry of entriesBelow(folder)) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    try {
      if (statSync(path).size > 0) yield { path, bytes: readFileSync(path) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Command lines and environments, which any process of the user can read. */
function* processes(): Iterable<readonly [string, Buffer]> {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const file of ['cmdline', 'environ']) {
      try {
        yield [`/proc/${pid}/${file}`, readFileSync(`/proc/${pid}/${file}`)];
      } catch (error) {
        if (!['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    }
  }
}
