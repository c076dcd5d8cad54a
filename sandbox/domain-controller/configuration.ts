// smb.conf of one working copy.

import { join } from 'node:path';
import type { CertificateFiles } from './certificates.ts';
import type { Domain } from './domain.ts';

export function sambaConfiguration(folder: string, domain: Domain, address: string, certificate: CertificateFiles): string {
  const settings: Record<string, string> = {
    'netbios name': domain.hostName.toUpperCase(),
    realm: domain.realm,
    workgroup: domain.netbiosDomain,
    'server role': 'active directory domain controller',
    'server services': 'ldap',
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
    'tls enabled': 'yes',
    'tls keyfile': certificate.keyFile,
    'tls certfile': certificate.certificateFile,
    'tls cafile': certificate.caFile,
    // The samba tools' simple binds over plain LDAP, on loopback alone.
    'ldap server require strong auth': 'no',
  };
  const lines = Object.entries(settings).map(([name, value]) => `\t${name} = ${value}`);
  return ['[global]', ...lines, ''].join('\n');
}
