// smb.conf of one working copy.

import { join } from 'node:path';
import type { CertificateFiles } from './certificates.ts';
import type { Domain } from './domain.ts';

/** What listens: LDAP alone, or also the calls with which other domain controllers find this one and pull its changes. */
export const services = { ldap: 'ldap', replication: 'ldap, rpc, cldap' } as const;

export interface SambaSettings {
  readonly folder: string;
  readonly domain: Domain;
  readonly address: string;
  readonly services: (typeof services)[keyof typeof services];
  readonly certificate: CertificateFiles;
}

export function sambaConfiguration({ folder, domain, address, services, certificate }: SambaSettings): string {
  const settings: Record<string, string> = {
    'netbios name': domain.hostName.toUpperCase(),
    realm: domain.realm,
    workgroup: domain.netbiosDomain,
    'server role': 'active directory domain controller',
    'server services': services,
    // Samba opens no port for a bare address or a /32: it wants an interface's mask.
    interfaces: `${address}/8`,
    'bind interfaces only': 'yes',
    'private directory': join(folder, 'private'),
    'lock directory': folder,
    'state directory': join(folder, 'state'),
    'cache directory': join(folder, 'cache'),
    'pid directory': join(folder, 'run'),
    'binddns directory': join(folder, 'bind-dns'),
    'ncalrpc dir': join(folder, 'run', 'ncalrpc'),
    'winbindd socket directory': join(folder, 'run', 'winbindd'),
    'ntp signd socket directory': join(folder, 'run', 'ntp-signd'),
    // As Samba's own tests have it: a copy that ends with its process need not outlive the machine.
    'ldb:nosync': 'yes',
    'tls enabled': 'yes',
    'tls keyfile': certificate.keyFile,
    'tls certfile': certificate.certificateFile,
    'tls cafile': certificate.caFile,
    // The samba tools' simple binds over plain LDAP, on loopback alone.
    'ldap server require strong auth': 'no',
  };
  return configurationFile(settings);
}

/** @returns smb.conf with these global settings alone */
export function configurationFile(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([name, value]) => `\t${name} = ${value}`);
  return ['[global]', ...lines, ''].join('\n');
}
