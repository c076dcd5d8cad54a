// Changes in a domain controller's own database, as the system itself: no LDAP, no access check.

import type { LocalDatabase } from './access-rights.ts';
import { runCommand } from './command.ts';

/** One LDIF change record (RFC 2849): a DN and what its attributes become. A value of bytes is written in base64. */
export interface Replacement {
  readonly dn: string;
  readonly values: Readonly<Record<string, string | Buffer>>;
}

/** Replaces attributes. The change goes through standard input, so that no process list shows a value. */
export async function replaceInDatabase({ configFile, database }: LocalDatabase, replacements: readonly Replacement[]): Promise<void> {
  const ldif = replacements.map(({ dn, values }) =>
    [
      `dn: ${dn}`,
      'changetype: modify',
      ...Object.entries(values).flatMap(([name, value]) => [
        `replace: ${name}`,
        typeof value === 'string' ? `${name}: ${value}` : `${name}:: ${value.toString('base64')}`,
        '-',
      ]),
      '',
    ].join('\n'),
  );
  await runCommand('ldbmodify', [`--configfile=${configFile}`, '-H', database], { input: ldif.join('\n') });
}
