/** Entries as a domain controller sends them under DirSync with extended names, for the scripted LDAP server. */
import { guidBytes } from '../../handlers/platform/object-identity.ts';
import type { ScriptedEntry } from '../ldap/scripted-server.ts';
import { base, guidOf, sidOf } from './rows.ts';

export function scriptedEntry(number: number, name: string, attributes: ScriptedEntry['attributes'] = {}): ScriptedEntry {
  return {
    dn: `<GUID=${guidOf(number)}>;<SID=${sidOf(number)}>;CN=${name},OU=People,${base}`,
    attributes: { objectGUID: [guidBytes(guidOf(number))], ...attributes },
  };
}
