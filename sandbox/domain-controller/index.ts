// A real Active Directory domain controller on a loopback address: Samba, from a cached template, gone when its owner is.

import { randomBytes } from 'node:crypto';
import { runCommand } from './command.ts';
import { type DomainController, runController } from './controller.ts';
import { describeDomain } from './domain.ts';
import { replaceInDatabase } from './local-database.ts';
import { ensurePackages, type SambaInstallation } from './packages.ts';
import { ensureTemplate } from './template.ts';

export type { DomainController } from './controller.ts';
export type { DirectoryCopy } from './directory-copy.ts';
export { type JoinOptions, joinDomainController, replicate } from './replication.ts';

export interface DomainControllerOptions {
  /** Another realm is another forest. @default CORP.EXAMPLE.COM */
  readonly realm?: string;
  /** @default dc1 */
  readonly hostName?: string;
  /** Whether others can join its domain and replicate with it, by RPC on port 135 and those it names. @default false */
  readonly replication?: boolean;
  /** Further names that its certificate is good for: where one stands for several. @default none */
  readonly aliases?: readonly string[];
  readonly progress?: (step: string) => void;
  /** @default $XDG_CACHE_HOME/active-directory-lambda, or ~/.cache/active-directory-lambda */
  readonly cacheDirectory?: string;
  /** Ends the start; a domain controller that runs is ended by `stop`. */
  readonly signal?: AbortSignal;
}

/**
 * Whether a domain controller can run here; installs Samba when it is missing.
 *
 * @throws Error when Samba is missing and cannot be installed, or this process is not root
 */
export async function checkMachine(progress?: (step: string) => void): Promise<SambaInstallation> {
  const installation = await ensurePackages(progress);
  if (process.getuid?.() === 0) return installation;
  throw new Error('the domain controller needs root: it listens on the ports 389 and 636; run as root, or in a container');
}

/**
 * Starts a domain controller: about 5 s the first time, under a second from then on.
 *
 * @throws Error when Samba is missing and cannot be installed, this process is not root, no address is free, or samba does not start
 */
export async function startDomainController(options: DomainControllerOptions = {}): Promise<DomainController> {
  const { progress = () => undefined, signal, replication = false, aliases = [] } = options;
  const domain = describeDomain(options.realm ?? 'CORP.EXAMPLE.COM', options.hostName ?? 'dc1');
  const { version } = await checkMachine(progress);
  signal?.throwIfAborted();
  const template = await ensureTemplate({ domain, sambaVersion: version, cacheDirectory: options.cacheDirectory, progress, signal });
  const administratorPassword = `Aa1-${randomBytes(18).toString('base64url')}`;
  return runController({
    domain,
    administratorPassword,
    replication,
    aliases,
    progress,
    signal,
    async fill({ directory, local }) {
      await runCommand('cp', ['-a', `${template}/.`, directory], { signal });
      // UTF-16LE in quotes (MS-ADTS, section 3.1.1.3.1.5).
      const unicodePwd = Buffer.from(`"${administratorPassword}"`, 'utf16le');
      await replaceInDatabase(local, [{ dn: domain.administratorDn, values: { unicodePwd } }]);
    },
  });
}
