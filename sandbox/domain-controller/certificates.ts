// A certificate authority and one server certificate signed by it, for one run.

import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';

export interface CertificateSubject {
  readonly dnsNames: readonly [string, ...string[]];
  readonly addresses: readonly string[];
}

export interface CertificateFiles {
  readonly caFile: string;
  readonly certificateFile: string;
  /** Mode 0600: Samba refuses any other. */
  readonly keyFile: string;
}

export function certificateFiles(folder: string): CertificateFiles {
  return { caFile: join(folder, 'ca.pem'), certificateFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
}

const validDays = '365';

/**
 * Samba's own certificate carries the host name alone; this one is also good for the addresses, so that strict clients accept it
 * by name and by IP (RFC 6125, section 6.4; RFC 5280, section 4.2.1.6). The authority's key is deleted at once: whoever comes to
 * trust this authority trusts one certificate.
 *
 * @returns the authority's certificate, PEM; see certificateFiles for the rest
 */
export async function issueServerCertificate(folder: string, subject: CertificateSubject): Promise<string> {
  const file = (name: string): string => join(folder, name);
  const { caFile, certificateFile, keyFile } = certificateFiles(folder);
  const [commonName] = subject.dnsNames;
  const names = [...subject.dnsNames.map((name) => `DNS:${name}`), ...subject.addresses.map((address) => `IP:${address}`)].join(',');
  await writeFile(
    file('openssl.cnf'),
    [
      '[req]',
      'distinguished_name = subject',
      'prompt = no',
      '[subject]',
      `CN = ${commonName}`,
      '[authority]',
      'basicConstraints = critical, CA:TRUE',
      'keyUsage = critical, keyCertSign, cRLSign',
      'subjectKeyIdentifier = hash',
      '[server]',
      'basicConstraints = critical, CA:FALSE',
      'keyUsage = critical, digitalSignature',
      'extendedKeyUsage = serverAuth',
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = keyid',
      `subjectAltName = ${names}`,
      '',
    ].join('\n'),
  );

  const openssl = (...args: string[]): Promise<string> => runCommand('openssl', args);
  const newKey = (path: string): string[] => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path];
  const config = ['-config', file('openssl.cnf')];
  await Promise.all([
    openssl(
      ...['req', '-x509', ...newKey(file('ca-key.pem')), ...config, '-extensions', 'authority', '-days', validDays],
      ...['-subj', `/CN=Sandbox authority of ${commonName}`, '-out', caFile],
    ),
    openssl('req', '-new', ...newKey(keyFile), ...config, '-out', file('request.pem')),
  ]);
  await chmod(keyFile, 0o600);
  await openssl(
    ...['x509', '-req', '-in', file('request.pem'), '-CA', caFile, '-CAkey', file('ca-key.pem'), '-CAcreateserial'],
    ...['-days', validDays, '-extfile', file('openssl.cnf'), '-extensions', 'server', '-out', certificateFile],
  );
  await Promise.all(['ca-key.pem', 'request.pem', 'openssl.cnf', 'ca.srl'].map((name) => rm(file(name), { force: true })));
  return readFile(caFile, 'utf8');
}
