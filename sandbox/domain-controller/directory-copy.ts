// Copies of a domain controller's database: what a snapshot of its machine, or a backup, would hold.

import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalDatabase } from './access-rights.ts';
import { python, runCommand } from './command.ts';
import type { Domain } from './domain.ts';
import { replaceInDatabase } from './local-database.ts';

/** A state of one domain controller's database. It lives in that controller's working directory, and goes with it. */
export interface DirectoryCopy {
  readonly folder: string;
}

const copyProgram = fileURLToPath(new URL('directory-copy.py', import.meta.url));

/** The directory and its partitions; secrets beside them do not change while a domain controller runs. */
const databases = ['sam.ldb', 'sam.ldb.d'];

/** Copies the database while it is in use: writers wait for the fraction of a second this takes. */
export async function copyDatabase(directory: string, { configFile, database }: LocalDatabase): Promise<DirectoryCopy> {
  const folder = await mkdtemp(join(directory, 'copy-'));
  const files = databases.map((name) => join(directory, 'private', name));
  await runCommand(python, [copyProgram], { input: JSON.stringify({ configFile, database, files, folder }) });
  return { folder };
}

/**
 * Puts a copy in the database's place. Samba must not run.
 *
 * @throws Error for a copy of another domain controller
 */
export async function putBack(directory: string, copy: DirectoryCopy): Promise<void> {
  checkOwn(directory, copy);
  for (const name of databases) {
    const place = join(directory, 'private', name);
    await rm(place, { recursive: true, force: true });
    await cp(join(copy.folder, name), place, { recursive: true, preserveTimestamps: true });
  }
}

export function checkOwn(directory: string, { folder }: DirectoryCopy): void {
  if (!folder.startsWith(join(directory, 'copy-')))
    throw new Error(`the copy ${folder} is not of the domain controller in ${directory}: use one that this domain controller made`);
}

/**
 * What makes a database that was put back a *restored* one: another invocationId, so that partners take its next changes for new ones,
 * and another pool of RIDs, so that SIDs handed out after the copy are not handed out again ("Virtualized Domain Controller Architecture",
 * Windows Server documentation: what Active Directory does in a restore).
 */
export async function markRestored(local: LocalDatabase, { baseDn, hostName }: Domain): Promise<void> {
  const server = `CN=${hostName.toUpperCase()}`;
  await replaceInDatabase(local, [
    {
      dn: `CN=NTDS Settings,${server},CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,${baseDn}`,
      values: { invocationId: randomUUID() },
    },
    { dn: `CN=RID Set,${server},OU=Domain Controllers,${baseDn}`, values: { rIDAllocationPool: '0', rIDPreviousAllocationPool: '0' } },
  ]);
}
