/** What administrators, people and time do to a directory, beyond creating and changing: for tests at a real domain controller. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Attribute, Change, Client, Control } from 'ldapts';
import { python, runCommand } from '../../sandbox/domain-controller/command.ts';
import type { DomainController } from '../../sandbox/domain-controller/index.ts';

/** A FILETIME so many ms from now, as decimal text (MS-DTYP section 2.3.3). */
export const fileTimeIn = (ms: number): string => String((BigInt(Date.now() + ms) + 11_644_473_600_000n) * 10_000n);

/** A span, as AD writes it: a negative count of 100 ns. */
export const spanOf = (ms: number): string => String(BigInt(ms) * -10_000n);

/** Brings a deleted object back under `dn` (MS-ADTS section 3.1.1.5.3.7.3). @param was its distinguished name before the deletion */
export async function restoreObject(admin: Client, controller: DomainController, was: string, guid: string, dn = was): Promise<void> {
  const leaf = was.slice(0, was.indexOf(','));
  const restoration = [
    new Change({ operation: 'delete', modification: new Attribute({ type: 'isDeleted', values: [] }) }),
    new Change({ operation: 'replace', modification: new Attribute({ type: 'distinguishedName', values: [dn] }) }),
  ];
  // LDAP_SERVER_SHOW_DELETED_OID (MS-ADTS section 3.1.1.3.4.1.14)
  const showDeleted = new Control('1.2.840.113556.1.4.417', { critical: true });
  await admin.modify(`${leaf}\\0ADEL:${guid},CN=Deleted Objects,${controller.baseDn}`, restoration, [showDeleted]);
}

/** Tries a wrong password so many times. */
export async function logOnWrongly(controller: DomainController, dn: string, times: number): Promise<void> {
  for (let attempt = 0; attempt < times; attempt += 1) {
    const client = new Client({ url: controller.ldapsUrl, tlsOptions: { ca: [controller.ca] } });
    const outcome = await client.bind(dn, 'wrong').then(
      () => 'it was right',
      (error: { code?: number }) => error.code,
    );
    await client.unbind();
    // InvalidCredentials
    if (outcome !== 49) throw new Error(`a wrong password of ${dn} was not refused: ${outcome}`);
  }
}

/** The attributes that msDS-PasswordSettings must have (MS-ADTS section 2.423 ff.), and others. */
export const passwordSettings = (attributes: Readonly<Record<string, string | string[]>> = {}) => ({
  objectClass: ['top', 'msDS-PasswordSettings'],
  'msDS-PasswordSettingsPrecedence': '10',
  'msDS-PasswordReversibleEncryptionEnabled': 'FALSE',
  'msDS-PasswordHistoryLength': '1',
  'msDS-PasswordComplexityEnabled': 'FALSE',
  'msDS-MinimumPasswordLength': '3',
  'msDS-MinimumPasswordAge': '0',
  'msDS-MaximumPasswordAge': '-9223372036854775808',
  'msDS-LockoutThreshold': '0',
  'msDS-LockoutObservationWindow': spanOf(60_000),
  'msDS-LockoutDuration': spanOf(60_000),
  ...attributes,
});

/** A strict one, other than the default in every value. */
export const strictPasswordSettings = {
  objectClass: ['top', 'msDS-PasswordSettings'],
  'msDS-PasswordSettingsPrecedence': '10',
  'msDS-PasswordReversibleEncryptionEnabled': 'FALSE',
  'msDS-PasswordHistoryLength': '24',
  'msDS-PasswordComplexityEnabled': 'TRUE',
  'msDS-MinimumPasswordLength': '16',
  'msDS-MinimumPasswordAge': '0',
  'msDS-MaximumPasswordAge': '-864000000000',
  'msDS-LockoutThreshold': '5',
  'msDS-LockoutObservationWindow': '-6000000000',
  'msDS-LockoutDuration': '-6000000000',
};

const setup = fileURLToPath(new URL('../../modules/directory/setup', import.meta.url));
const removal = `
import json, sys
from access_rights import remove_entry
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
job = json.load(sys.stdin)
database = SamDB(url=job["database"], session_info=system_session(), lp=LoadParm(filename_for_non_global_lp=job["configFile"]))
if not remove_entry(database, job["dn"], job["sddl"]):
    sys.exit("no such entry")
`;

/** Takes an access control entry (SDDL) from an object again. @throws CommandFailedError when it is not there */
export async function removeAccessRight({ directory }: DomainController, dn: string, sddl: string): Promise<void> {
  const local = { configFile: join(directory, 'smb.conf'), database: join(directory, 'private', 'sam.ldb') };
  await runCommand(python, ['-B', '-c', removal], { input: JSON.stringify({ ...local, dn, sddl }), variables: { PYTHONPATH: setup } });
}
