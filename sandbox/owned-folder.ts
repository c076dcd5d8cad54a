// Folders that belong to a running process, and are recognised as left behind once it is gone: the owner is part of the name.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const foreignFolderLifetimeMs = 24 * 60 * 60 * 1000;

/**
 * Creates `<parent>/<prefix>-<owner>-XXXXXX`, mode 0700.
 *
 * @param variable the environment variable that names another parent
 * @throws Error naming the parent and the variable, when nothing can be made there
 */
export async function createOwnedFolder(parent: string, prefix: string, variable: string): Promise<string> {
  const [namespace, startTime] = await Promise.all([pidNamespace(), processStartTime(process.pid)]);
  const owner = [namespace, process.pid.toString(36), startTime].join('-');
  return mkdtemp(join(parent, `${prefix}-${owner}-`)).catch((cause) => {
    throw notWritable(parent, variable, cause);
  });
}

export function notWritable(folder: string, variable: string, cause: NodeJS.ErrnoException): Error {
  return new Error(`cannot make a folder in ${folder} (${cause.code}): set ${variable} to a folder that can be written to`, { cause });
}

/** Removes the folders with this prefix whose owner is gone; never one whose owner may be alive. */
export async function removeAbandonedFolders(parent: string, prefix: string): Promise<void> {
  const namespace = await pidNamespace();
  for (const name of await readdir(parent)) {
    if (!name.startsWith(`${prefix}-`)) continue;
    const [ownerNamespace, pid, startTime] = name.slice(prefix.length + 1).split('-');
    if (ownerNamespace === undefined || pid === undefined || startTime === undefined) continue;
    const folder = join(parent, name);
    // Another container's processes cannot be seen from here, though it may share the folder: only age tells.
    const abandoned =
      ownerNamespace === namespace ? (await processStartTime(Number.parseInt(pid, 36))) !== startTime : await isOlderThanADay(folder);
    if (abandoned) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function isOlderThanADay(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > foreignFolderLifetimeMs;
}

async function pidNamespace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid');
  return Number(/\d+/.exec(link)?.[0] ?? 0).toString(36);
}

/** A process id is used again, a pair of id and start time is not: proc_pid_stat(5), field 22, in clock ticks since boot. */
async function processStartTime(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // Field 2 is the program's name in parentheses, and may itself hold spaces and parentheses.
  const fromField3 = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fromField3?.[22 - 3];
  return ticks === undefined ? undefined : Number(ticks).toString(36);
}

/**
 * Has a folder removed when this process ends, however it ends: a shell waits on a pipe that only we hold open.
 *
 * @returns what removes it now
 */
export function removeWithOwner(folder: string): () => Promise<void> {
  const watch = spawn('sh', ['-c', 'cat >/dev/null; rm -rf -- "$1"', 'sh', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watch.stdin.on('error', () => undefined);
  const ended = once(watch, 'close');
  return async () => {
    watch.stdin.end();
    await ended;
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
}
