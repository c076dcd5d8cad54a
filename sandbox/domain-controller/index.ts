// A real Active Directory domain controller on a loopback address: Samba, from a cached template, gone when its owner is.

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOwnedFolder, removeAbandonedFolders, removeWithOwner } from '../owned-folder.ts';
import { addAccessRights, dirSyncGrants, type LocalDatabase } from './access-rights.ts';
import { claimLoopbackAddress } from './address.ts';
import { certificateFiles, issueServerCertificate } from './certificates.ts';
import { runCommand } from './command.ts';
import { sambaConfiguration } from './configuration.ts';
import { describeDomain } from './domain.ts';
import { ensurePackages, type SambaInstallation } from './packages.ts';
import { startSamba } from './process.ts';
import { ensureTemplate } from './template.ts';

export interface DomainControllerOptions {
  /** @default CORP.EXAMPLE.COM */
  readonly realm?: string;
  /** @default dc1 */
  readonly hostName?: string;
  readonly progress?: (step: string) => void;
  /** @default $XDG_CACHE_HOME/active-directory-lambda, or ~/.cache/active-directory-lambda */
  readonly cacheDirectory?: string;
  /** Ends the start; a domain controller that runs is ended by `stop`. */
  readonly signal?: AbortSignal;
}

export interface DomainController {
  /** `corp.example.com` */
  readonly domain: string;
  /** `dc1.corp.example.com`; the certificate is good for this name, the domain's name, `localhost` and the address. */
  readonly host: string;
  /** `127.0.0.N` */
  readonly address: string;
  /** `ldaps://127.0.0.N:636` */
  readonly ldapsUrl: string;
  readonly caFile: string;
  /** PEM */
  readonly ca: string;
  /** `DC=corp,DC=example,DC=com` */
  readonly baseDn: string;
  readonly administratorDn: string;
  /** Another one for each domain controller. */
  readonly administratorPassword: string;
  /** Working directory, removed by `stop` and when this process ends. */
  readonly directory: string;
  /** Adds access control entries (SDDL) to an object, in the local database and as the system itself, as `samba-tool dsacl set` does. */
  dsacl(objectDn: string, sddl: string): Promise<void>;
  /** "Replicating Directory Changes" on the domain, and the right to read CN=Deleted Objects. */
  grantDirSync(accountSid: string): Promise<void>;
  /** Ends samba and removes the working directory; a second call waits for the first. */
  stop(): Promise<void>;
}

const workingCopy = 'active-directory-lambda-dc';

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
  const { progress = () => undefined, signal } = options;
  const domain = describeDomain(options.realm ?? 'CORP.EXAMPLE.COM', options.hostName ?? 'dc1');
  const { version } = await checkMachine(progress);
  signal?.throwIfAborted();
  await removeAbandonedFolders(tmpdir(), workingCopy);
  const template = await ensureTemplate({ domain, sambaVersion: version, cacheDirectory: options.cacheDirectory, progress, signal });

  const claim = await claimLoopbackAddress();
  const { address } = claim;
  const directory = await createOwnedFolder(tmpdir(), workingCopy, 'TMPDIR').catch(async (error) => {
    await claim.release();
    throw error;
  });
  const remove = removeWithOwner(directory);
  try {
    progress(`starting the domain controller ${domain.host} on ${address}`);
    const tlsFolder = join(directory, 'tls');
    const certificate = certificateFiles(tlsFolder);
    const local: LocalDatabase = { configFile: join(directory, 'smb.conf'), database: join(directory, 'private', 'sam.ldb') };
    const administratorPassword = `Aa1-${randomBytes(18).toString('base64url')}`;
    for (const folder of [tlsFolder, join(directory, 'run'), join(directory, 'cache')]) await mkdir(folder);
    await writeFile(local.configFile, sambaConfiguration(directory, domain, address, certificate));
    const [ca] = await Promise.all([
      issueServerCertificate(tlsFolder, { dnsNames: [domain.host, domain.name, 'localhost'], addresses: [address] }),
      copyTemplate(template, directory, signal).then(() => setPassword(local, domain.administratorDn, administratorPassword)),
    ]);

    const samba = await startSamba({
      folder: directory,
      configFile: local.configFile,
      address,
      host: domain.host,
      ca,
      signal,
    });
    let stopped: Promise<void> | undefined;
    return {
      domain: domain.name,
      host: domain.host,
      address,
      ldapsUrl: `ldaps://${address}:636`,
      caFile: certificate.caFile,
      ca,
      baseDn: domain.baseDn,
      administratorDn: domain.administratorDn,
      administratorPassword,
      directory,
      dsacl: (dn, sddl) => addAccessRights(local, [{ dn, sddl }]),
      grantDirSync: (accountSid) => addAccessRights(local, dirSyncGrants(domain.baseDn, accountSid)),
      stop: () => {
        stopped ??= samba.stop().finally(remove).finally(claim.release);
        return stopped;
      },
    };
  } catch (error) {
    await remove();
    await claim.release();
    throw error;
  }
}

function copyTemplate(template: string, directory: string, signal: AbortSignal | undefined): Promise<string> {
  return runCommand('cp', ['-a', `${template}/.`, directory], { signal });
}

/** Through standard input, so that no process list shows it; `unicodePwd` takes UTF-16LE in quotes (MS-ADTS, section 3.1.1.3.1.5). */
async function setPassword({ configFile, database }: LocalDatabase, dn: string, password: string): Promise<void> {
  const value = Buffer.from(`"${password}"`, 'utf16le').toString('base64');
  const ldif = [`dn: ${dn}`, 'changetype: modify', 'replace: unicodePwd', `unicodePwd:: ${value}`, ''].join('\n');
  await runCommand('ldbmodify', [`--configfile=${configFile}`, '-H', database], { input: ldif });
}
