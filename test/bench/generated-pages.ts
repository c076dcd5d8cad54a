/** A large directory in DirSync pages, made as it is asked for. */

import { guidBytes } from '../../handlers/platform/object-identity.ts';
import type { DirSyncAnswer, ScriptedEntry } from '../ldap/scripted-server.ts';

/** Objects of a page, about what AD sends of its 1 MB. */
export const pageObjects = 1000;
/** Every so many objects a group, with that many members. */
const groupEvery = 50;

const baseDn = 'DC=corp,DC=example,DC=com';
const guidOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const nameOf = (number: number): string =>
  `<GUID=${guidOf(number)}>;<SID=S-1-5-21-1-2-3-${number + 1000}>;CN=Object ${number},OU=People,${baseDn}`;

function entry(number: number): ScriptedEntry {
  const group = number % groupEvery === 0;
  const common = { objectGUID: [guidBytes(guidOf(number))], name: [`Object ${number}`], sAMAccountName: [`object${number}`] };
  return {
    dn: nameOf(number),
    attributes: group
      ? {
          ...common,
          objectClass: ['top', 'group'],
          groupType: ['-2147483646'],
          'member;range=1-1': Array.from({ length: groupEvery - 1 }, (_, index) => nameOf(number + index + 1)),
        }
      : {
          ...common,
          objectClass: ['top', 'person', 'organizationalPerson', 'user'],
          userPrincipalName: [`object${number}@corp.example.com`],
          displayName: [`Object ${number}`],
          givenName: ['Object'],
          sn: [String(number)],
          mail: [`object${number}@example.com`],
          userAccountControl: ['512'],
          accountExpires: ['9223372036854775807'],
          pwdLastSet: ['134398706568613970'],
        },
  };
}

/** Answers one DirSync search after the other; behind the last page nothing has changed. */
export function generatedPages(objects: number): () => DirSyncAnswer {
  let start = 0;
  return () => {
    const end = Math.min(start + pageObjects, objects);
    const entries = Array.from({ length: end - start }, (_, index) => entry(start + index));
    start = end;
    return { entries, moreResults: end < objects ? 1 : 0, cookie: Buffer.from(`page-${end}`) };
  };
}
