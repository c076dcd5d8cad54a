// Rights on directory objects, written into the local database: some objects accept no change over LDAP, not even from an administrator.

import { fileURLToPath } from 'node:url';
import { reason, runCommand } from './command.ts';

export interface Grant {
  readonly dn: string;
  /** Access control entries in SDDL, `(A;;LCRP;;;S-1-5-…)` (MS-DTYP, section 2.5.1). */
  readonly sddl: string;
}

export interface LocalDatabase {
  readonly configFile: string;
  readonly database: string;
}

const program = fileURLToPath(new URL('access-rights.py', import.meta.url));
/** The set-up of the connector's account, which ships: its way of adding an entry is used here too. */
const setup = fileURLToPath(new URL('../../modules/directory/setup', import.meta.url));

/** The interpreter the distribution's samba modules are installed for; another one may come first on PATH. */
const python = '/usr/bin/python3';

/** DS-Replication-Get-Changes, "Replicating Directory Changes" (MS-ADTS, section 5.1.3.2.1). */
const replicatingDirectoryChanges = '1131f6aa-9c07-11d1-f79f-00c04fc2dcd2';

/** What an account needs to read a naming context through DirSync, deletions included (MS-ADTS, section 3.1.1.3.4.1.3). */
export function dirSyncGrants(baseDn: string, accountSid: string): Grant[] {
  return [
    { dn: baseDn, sddl: `(OA;;CR;${replicatingDirectoryChanges};;${accountSid})` },
    { dn: `CN=Deleted Objects,${baseDn}`, sddl: `(A;CI;LCRP;;;${accountSid})` },
  ];
}

/**
 * Adds the entries, all or none.
 *
 * @throws Error which names the objects when one does not exist or an entry is not valid SDDL
 */
export async function addAccessRights(target: LocalDatabase, grants: readonly Grant[]): Promise<void> {
  try {
    await runCommand(python, ['-B', program], { input: JSON.stringify({ ...target, grants }), variables: { PYTHONPATH: setup } });
  } catch (cause) {
    const wanted = grants.map(({ dn, sddl }) => `${sddl} on ${dn}`).join(', ');
    throw new Error(`could not grant ${wanted}; check that the object exists and the entry is valid SDDL: ${reason(cause)}`, { cause });
  }
}
