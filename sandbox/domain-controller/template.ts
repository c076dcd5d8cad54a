// A provisioned domain, kept in a cache: provisioning takes seconds, a copy of the result a tenth of one.

import { createHash } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createOwnedFolder, notWritable, removeAbandonedFolders, removeWithOwner } from '../owned-folder.ts';
import { reason, runCommand } from './command.ts';
import type { Domain } from './domain.ts';

/** Raise it when the template's content changes. */
const format = 1;

export interface TemplateOptions {
  readonly domain: Domain;
  readonly sambaVersion: string;
  readonly cacheDirectory?: string | undefined;
  readonly progress: (step: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** `$XDG_CACHE_HOME/active-directory-lambda`, or the same in `~/.cache` (XDG Base Directory Specification). */
export function defaultCacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'active-directory-lambda');
}

/**
 * The folder of a provisioned domain, made when the cache lacks it. It appears by a rename, so it is complete or absent, and of two
 * processes that build it at once either may win. It holds keys of this sandbox domain alone (mode 0700); the administrator's
 * password in it is one that nobody knows.
 *
 * @throws Error with the end of samba-tool's output when provisioning fails, or naming the cache when it cannot be written to
 */
export async function ensureTemplate(options: TemplateOptions): Promise<string> {
  const { domain, progress, signal } = options;
  const cache = options.cacheDirectory ?? defaultCacheDirectory();
  const key = createHash('sha256')
    .update(JSON.stringify([format, options.sambaVersion, domain]))
    .digest('hex')
    .slice(0, 12);
  const name = `domain-controller-${domain.host}-${key}`;
  const template = join(cache, name);
  const variable = 'XDG_CACHE_HOME';
  await mkdir(cache, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw notWritable(cache, variable, cause);
  });
  const building = 'building';
  await removeAbandonedFolders(cache, building);
  if (await isFolder(template)) return template;

  progress(`provisioning the domain ${domain.name} (once; kept in ${cache})`);
  const folder = await createOwnedFolder(cache, building, variable);
  const remove = removeWithOwner(folder);
  try {
    await provision(folder, domain, signal);
    await rename(folder, template).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return template;
  } finally {
    await remove();
  }
}

async function provision(folder: string, domain: Domain, signal: AbortSignal | undefined): Promise<void> {
  // Without a configuration of our own samba-tool reads the machine's.
  const configFile = join(folder, 'provision.conf');
  await writeFile(configFile, '[global]\n');
  try {
    await runCommand(
      'samba-tool',
      [
        ...['domain', 'provision', '-s', configFile, `--targetdir=${folder}`],
        ...[`--realm=${domain.realm}`, `--domain=${domain.netbiosDomain}`, `--host-name=${domain.hostName}`, '--host-ip=127.0.0.1'],
        // No password is given: samba-tool makes one up, and each copy gets its own.
        ...['--server-role=dc', '--dns-backend=NONE', '--function-level=2008_R2'],
      ],
      { signal },
    );
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Error(`could not provision the domain ${domain.name}: ${reason(cause)}`, { cause });
  }
  // Written for this folder's path; a copy gets its own.
  await Promise.all(['provision.conf', 'etc', 'gencache.tdb'].map((name) => rm(join(folder, name), { recursive: true, force: true })));
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
