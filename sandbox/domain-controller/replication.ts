// More domain controllers of one domain: they join over the network and pull each other's changes on demand.

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reason, runCommand } from './command.ts';
import { configurationFile } from './configuration.ts';
import { type DomainController, runController } from './controller.ts';
import { describeDomain } from './domain.ts';

export interface JoinOptions {
  /** `dc2` */
  readonly hostName: string;
  readonly progress?: (step: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Starts another domain controller of the same domain, about 4 s. It has a host name, an address, an invocationId and a certificate of its
 * own, and the directory as it was when it joined: later changes come with `replicate` alone.
 *
 * @throws Error when the other one was not started with `replication` or has this host name, or samba-tool cannot join
 */
export async function joinDomainController(controller: DomainController, options: JoinOptions): Promise<DomainController> {
  checkReplicates(controller);
  const domain = describeDomain(controller.domain, options.hostName);
  // samba-tool would take the machine account of the first away from it.
  if (domain.host === controller.host) throw new Error(`host name "${options.hostName}" is that of ${controller.host}; use one like dc2`);
  const { progress = () => undefined, signal } = options;
  return runController({
    domain,
    administratorPassword: controller.administratorPassword,
    replication: true,
    progress,
    signal,
    async fill({ directory, address }) {
      // Written anew by samba-tool for this folder, with defaults that are not ours.
      const configFile = join(directory, 'join.conf');
      await writeFile(
        configFile,
        configurationFile({ 'netbios name': domain.hostName.toUpperCase(), interfaces: `${address}/8`, 'bind interfaces only': 'yes' }),
      );
      progress(`joining ${domain.host} to ${controller.domain}`);
      await asAdministrator(
        controller,
        ['domain', 'join', controller.domain, 'DC', `--configfile=${configFile}`, `--server=${controller.address}`],
        ['--dns-backend=NONE', '--no-dns-updates', `--targetdir=${directory}`, `--realm=${domain.realm}`],
        [`--option=workgroup=${domain.netbiosDomain}`],
      ).catch((cause) => {
        throw new Error(`could not join ${domain.host} to ${controller.host}: ${reason(cause)}`, { cause });
      });
      await Promise.all(['join.conf', 'etc'].map((name) => rm(join(directory, name), { recursive: true, force: true })));
    },
  });
}

/**
 * Has one domain controller pull from another what it lacks of the domain's naming context, about 0.4 s.
 *
 * @throws Error when one was not started with `replication`, they are of different domains, or either is halted
 */
export async function replicate(from: DomainController, to: DomainController): Promise<void> {
  for (const controller of [from, to]) checkReplicates(controller);
  await asAdministrator(from, [
    'drs',
    'replicate',
    to.address,
    from.address,
    to.baseDn,
    '--local',
    `--configfile=${join(to.directory, 'smb.conf')}`,
  ]).catch((cause) => {
    throw new Error(`could not replicate from ${from.host} to ${to.host}: ${reason(cause)}`, { cause });
  });
}

function checkReplicates({ host, replication }: DomainController): void {
  if (!replication) throw new Error(`the domain controller ${host} answers LDAP alone: start it with { replication: true }`);
}

/** NTLM, since addresses have no Kerberos principal. The password goes through standard input, so that no process list shows it. */
function asAdministrator(controller: DomainController, ...args: readonly string[][]): Promise<string> {
  const [netbiosDomain = ''] = controller.domain.toUpperCase().split('.');
  return runCommand('samba-tool', [...args.flat(), '-U', `${netbiosDomain}\\Administrator`, '--use-kerberos=off'], {
    input: controller.administratorPassword,
    variables: { PASSWD_FD: '0' },
  });
}
