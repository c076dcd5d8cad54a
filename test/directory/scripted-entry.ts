/** Entries as a domain controller sends them under DirSync with extended names, for the scripted LDAP server. */
import type { ScriptedEntry } from '../ldap/scripted-server.ts';
import { base, guidOf, sidOf } from './rows.ts';

export function scriptedEntry(number: number, name: string, attributes: ScriptedEntry['attributes'] = {}): ScriptedEntry {
  return {
    dn: `<GUID=${guidOf(number)}>;<SID=${sidOf(number)}>;CN=${name},OU=People,${base}`,
    attributes: { objectGUID: [guidBytes(guidOf(number))], ...attributes },
  };
}

/** The first three fields are little-endian (MS-DTYP section 2.3.4.2). */
function guidBytes(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex');
  return Buffer.concat([bytes.subarray(0, 4).reverse(), bytes.subarray(4, 6).reverse(), bytes.subarray(6, 8).reverse(), bytes.subarray(8)]);
}
