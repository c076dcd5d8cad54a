/** Objects and rows for the tests of change capture. Names are example.com's. */
import type { PageContext } from '../../handlers/directory/apply-page.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { type EdgeRow, edgeKey, membersListing, type ObjectRow, objectKey, subjectOf } from '../../handlers/directory/mirror.ts';

export const domain = 'corp.example.com';
export const base = 'DC=corp,DC=example,DC=com';
export const detectedAt = '2025-03-01T10:00:00.000Z';
export const context: PageContext = { domain, fence: 1, detectedAt, snapshot: false };

/** `guidOf(7)`: 00000000-0000-4000-8000-000000000007 */
export const guidOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export const sidOf = (number: number): string => `S-1-5-21-1-2-3-${number}`;

/** What a full read, or the first page after its creation, brings of a user. */
export function userObject(number: number, name: string, attributes: Record<string, readonly string[]> = {}): ChangedObject {
  return {
    guid: guidOf(number),
    sid: sidOf(number),
    dn: `CN=${name},OU=People,${base}`,
    attributes: {
      objectClass: ['top', 'person', 'organizationalPerson', 'user'],
      name: [name],
      sAMAccountName: [name],
      userAccountControl: ['512'],
      ...attributes,
    },
    membersAdded: [],
    membersRemoved: [],
  };
}

export function groupObject(number: number, name: string, members: readonly ChangedObject[] = []): ChangedObject {
  return {
    guid: guidOf(number),
    sid: sidOf(number),
    dn: `CN=${name},OU=Groups,${base}`,
    attributes: { objectClass: ['top', 'group'], name: [name], sAMAccountName: [name], groupType: ['-2147483646'] },
    membersAdded: members.map(referenceTo),
    membersRemoved: [],
  };
}

/** What an incremental page brings: only what changed. */
export function delta(of: ChangedObject, change: Partial<ChangedObject> = {}): ChangedObject {
  return { guid: of.guid, sid: of.sid, dn: of.dn, attributes: {}, membersAdded: [], membersRemoved: [], ...change };
}

/** What AD sends of a deleted object to a reader of CN=Deleted Objects. */
export function tombstone(of: ChangedObject): ChangedObject {
  const name = of.attributes.name?.[0] ?? 'x';
  const mangled = `${name}\nDEL:${of.guid}`;
  return delta(of, {
    dn: `CN=${name}\\0ADEL:${of.guid},CN=Deleted Objects,${base}`,
    attributes: { isDeleted: ['TRUE'], name: [mangled], displayName: [], objectClass: of.attributes.objectClass ?? [] },
  });
}

export const referenceTo = ({ guid, sid, dn }: ChangedObject) => ({ guid, sid, dn });

export function objectRow(of: ChangedObject, change: Partial<ObjectRow> = {}): ObjectRow {
  const group = of.attributes.objectClass?.includes('group') ?? false;
  const { objectClass: _, ...attributes } = of.attributes;
  return {
    ...objectKey(domain, of.guid),
    domain,
    revision: 1,
    fence: 1,
    detectedAt,
    guid: of.guid,
    sid: of.sid,
    type: group ? 'group' : 'user',
    dn: of.dn,
    attributes,
    deleted: false,
    ...change,
  };
}

export function edgeRow(group: ChangedObject, member: ChangedObject, change: Partial<EdgeRow> = {}): EdgeRow {
  return {
    ...edgeKey(domain, member.guid, group.guid),
    domain,
    revision: 1,
    fence: 1,
    detectedAt,
    group: subjectOf(objectRow(group)),
    member: referenceTo(member),
    present: true,
    listedUnder: membersListing(domain, group.guid),
    ...change,
  };
}
