// A domain controller that runs: what its user sees, and how one comes into being from a filled database.

import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOwnedFolder, removeAbandonedFolders, removeWithOwner } from '../owned-folder.ts';
import { addAccessRights, dirSyncGrants, type LocalDatabase } from './access-rights.ts';
import { claimLoopbackAddress } from './address.ts';
import { certificateFiles, issueServerCertificate } from './certificates.ts';
import { sambaConfiguration, services } from './configuration.ts';
import { checkOwn, copyDatabase, type DirectoryCopy, markRestored, putBack } from './directory-copy.ts';
import type { Domain } from './domain.ts';
import { type SambaProcess, startSamba } from './process.ts';

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
  /** Another one for each domain; domain controllers that joined it share it. */
  readonly administratorPassword: string;
  /** Working directory, removed by `stop` and when this process ends. */
  readonly directory: string;
  /** Whether others can join its domain and replicate with it. */
  readonly replication: boolean;
  /** Adds access control entries (SDDL) to an object, in the local database and as the system itself, as `samba-tool dsacl set` does. */
  dsacl(objectDn: string, sddl: string): Promise<void>;
  /** "Replicating Directory Changes" on the domain, and the right to read CN=Deleted Objects. */
  grantDirSync(accountSid: string): Promise<void>;
  /** A consistent copy of the directory, taken while it runs (about 0.3 s); open connections stay. */
  copy(): Promise<DirectoryCopy>;
  /**
   * What reverting its virtual machine to a snapshot does: the directory is as it was when the copy was taken, with the same invocationId,
   * so USNs are given out a second time. Same address, certificate and password; open connections are cut.
   *
   * @throws Error for a copy of another domain controller
   */
  rollBack(copy: DirectoryCopy): Promise<void>;
  /**
   * What a restore from backup does: as `rollBack`, but with a new invocationId and a new pool of RIDs.
   *
   * @throws Error for a copy of another domain controller
   */
  restore(copy: DirectoryCopy): Promise<void>;
  /** An outage: connections are cut and refused until `resume`. Nothing when it is halted already. */
  halt(): Promise<void>;
  /** Ends an outage: the same directory at the same address. Nothing when it runs. */
  resume(): Promise<void>;
  /** Ends samba and removes the working directory; a second call waits for the first. */
  stop(): Promise<void>;
}

/** Where a domain controller's files are, before samba runs. */
export interface WorkingCopy {
  readonly directory: string;
  readonly address: string;
  readonly local: LocalDatabase;
}

export interface ControllerSettings {
  readonly domain: Domain;
  readonly administratorPassword: string;
  readonly replication: boolean;
  /** Further names in its certificate. @default none */
  readonly aliases?: readonly string[];
  readonly progress: (step: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** Puts the directory's databases into the working copy. */
  readonly fill: (copy: WorkingCopy) => Promise<void>;
}

const workingCopy = 'active-directory-lambda-dc';

/** @throws Error when no address is free, the database cannot be filled, or samba does not start */
export async function runController(settings: ControllerSettings): Promise<DomainController> {
  const { domain, progress, signal, replication } = settings;
  await removeAbandonedFolders(tmpdir(), workingCopy);
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
    for (const folder of [tlsFolder, join(directory, 'run'), join(directory, 'cache')]) await mkdir(folder);
    await writeFile(
      local.configFile,
      sambaConfiguration({ folder: directory, domain, address, certificate, services: replication ? services.replication : services.ldap }),
    );
    const [ca] = await Promise.all([
      issueServerCertificate(tlsFolder, {
        dnsNames: [domain.host, domain.name, 'localhost', ...(settings.aliases ?? [])],
        addresses: [address],
      }),
      settings.fill({ directory, address, local }),
    ]);
    const start = (until?: AbortSignal) =>
      startSamba({ folder: directory, configFile: local.configFile, address, host: domain.host, ca, signal: until });

    let samba: SambaProcess | undefined = await start(signal);
    let stopped: Promise<void> | undefined;
    let last: Promise<unknown> = Promise.resolve();
    /** One after the other: none of these may meet a database that another one is about to replace. */
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      if (stopped !== undefined) return Promise.reject(new Error(`the domain controller ${domain.host} on ${address} was stopped`));
      const done = last.then(work, work);
      last = done;
      return done;
    };
    const halt = async (): Promise<void> => {
      await samba?.halt();
      samba = undefined;
    };
    const resume = async (): Promise<void> => {
      samba ??= await start();
    };
    const replaceBy = (copy: DirectoryCopy, mark?: () => Promise<void>): Promise<void> =>
      inTurn(async () => {
        checkOwn(directory, copy);
        await halt();
        await putBack(directory, copy);
        await mark?.();
        await resume();
      });

    return {
      domain: domain.name,
      host: domain.host,
      address,
      ldapsUrl: `ldaps://${address}:636`,
      caFile: certificate.caFile,
      ca,
      baseDn: domain.baseDn,
      administratorDn: domain.administratorDn,
      administratorPassword: settings.administratorPassword,
      directory,
      replication,
      dsacl: (dn, sddl) => addAccessRights(local, [{ dn, sddl }]),
      grantDirSync: (accountSid) => addAccessRights(local, dirSyncGrants(domain.baseDn, accountSid)),
      copy: () => inTurn(() => copyDatabase(directory, local)),
      rollBack: (copy) => replaceBy(copy),
      restore: (copy) => replaceBy(copy, () => markRestored(local, domain)),
      halt: () => inTurn(halt),
      resume: () => inTurn(resume),
      stop: () => {
        stopped ??= last
          .catch(() => undefined) // its caller was told
          .then(() => samba?.stop())
          .finally(remove)
          .finally(claim.release);
        return stopped;
      },
    };
  } catch (error) {
    await remove();
    await claim.release();
    throw error;
  }
}
