// The programs a domain controller needs, installed with apt where they are missing.

import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailedError, programFolders, reason, runCommand } from './command.ts';

/** Debian 12 or later, Ubuntu 24.04 or later. Without recommended packages: 14 MB, about 10 s. */
export const packages = [
  'samba-ad-dc',
  'samba-ad-provision',
  'samba-dsdb-modules',
  'samba-common-bin',
  'winbind',
  'ldb-tools',
  'ldap-utils',
  'openssl',
] as const;

const programs = ['samba', 'samba-tool', 'ldbmodify', 'ldapsearch', 'openssl'] as const;

export interface SambaInstallation {
  readonly version: string;
}

/**
 * Finds Samba's domain controller and openssl; installs them with apt when something is missing.
 *
 * @throws Error which names what is missing and the packages to install, when this process is not root or the machine has no apt
 */
export async function ensurePackages(progress: (step: string) => void = () => undefined): Promise<SambaInstallation> {
  const before = await inspect();
  if ('version' in before) return before;
  const missing = before.missing.join(', ');
  const remedy = `install ${packages.join(' ')}`;
  if (!(await isProgram('apt-get'))) {
    throw new Error(`missing for the domain controller: ${missing}; ${remedy}, or what your distribution calls them`);
  }
  if (process.getuid?.() !== 0) throw new Error(`missing for the domain controller: ${missing}; ${remedy} with apt-get, or run as root`);

  progress(`installing ${packages.join(', ')} with apt`);
  try {
    await install(packages);
  } catch (cause) {
    throw new Error(`could not install ${missing}; ${remedy} by hand: ${reason(cause)}`, { cause });
  }
  const after = await inspect();
  if ('version' in after) return after;
  throw new Error(`still missing for the domain controller after apt-get install: ${after.missing.join(', ')}; ${remedy} by hand`);
}

/** Installs Debian packages without what they recommend. @throws CommandFailedError with apt's words */
export async function install(names: readonly string[]): Promise<void> {
  // Another apt may be at work: wait for its lock.
  const apt = (...args: string[]): Promise<string> =>
    runCommand('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=120', ...args], {
      variables: { DEBIAN_FRONTEND: 'noninteractive' },
    });
  const installPackages = (): Promise<string> => apt('install', '--no-install-recommends', ...names);
  try {
    await installPackages();
  } catch (error) {
    // No package lists yet (a fresh container), or lists of versions that are gone.
    if (!(error instanceof CommandFailedError)) throw error;
    await apt('update');
    await installPackages();
  }
}

async function inspect(): Promise<SambaInstallation | { missing: string[] }> {
  const missing: string[] = [];
  for (const program of programs) if (!(await isProgram(program))) missing.push(program);
  if (missing.includes('samba')) return { missing };

  // `samba -b` prints the version and the folders it was built with.
  const build = await runCommand('samba', ['-b']);
  const version = /^Samba version: (\S+)/m.exec(build)?.[1];
  if (version === undefined) throw new Error(`samba -b names no version: ${build.slice(0, 80)}`);
  const folder = (name: string): string => new RegExp(`^\\s*${name}: (.+)$`, 'm').exec(build)?.[1] ?? '';
  const files = [join(folder('SETUPDIR'), 'provision.ldif'), join(folder('MODULESDIR'), 'ldb', 'dirsync.so')];
  for (const file of files) if (!(await exists(file))) missing.push(file);
  return missing.length > 0 ? { missing } : { version };
}

/** Whether a program is where programs are. */
export async function isProgram(name: string): Promise<boolean> {
  for (const folder of programFolders) {
    try {
      await access(join(folder, name), constants.X_OK);
      return true;
    } catch {
      // Not in this folder.
    }
  }
  return false;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
