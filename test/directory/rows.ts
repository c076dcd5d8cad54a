/** Objects and rows for the tests of change capture. Names are example.com's. */
import type { PageContext } from '../../handlers/directory/apply-page.ts';
import { type ChangedObject, mirroredAttributes } from '../../handlers/directory/directory-source.ts';
import { type EdgeRow, edgeKey, membersListing, type ObjectRow, objectKey, subjectOf } from '../../handlers/directory/mirror.ts';
import type { ObjectType } from '../../handlers/events/catalogue.ts';

export const domain = 'corp.example.com';
export const base = 'DC=corp,DC=example,DC=com';
export const detectedAt = '2025-03-01T10:00:00.000Z';
export const context: PageContext = {
  domain,
  fence: 1,
  detectedAt,
  snapshot: false,
  mirrored: new Set(mirroredAttributes([])),
  scope: {},
  scopeGroups: [],
  primaryGroups: new Map(),
  lockouts: new Map(),
  lockoutsAsked: new Set(),
};

/** `guidOf(7)`: 00000000-0000-4000-8000-000000000007 */
export const guidOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export const sidOf = (number: number): string => `S-1-5-21-1-2-3-${number}`;

/** FILETIME of a moment, as AD writes it. */
export const fileTimeOf = (iso: string): string => ((BigInt(Date.parse(iso)) + 11_644_473_600_000n) * 10_000n).toString();

type Attributes = Readonly<Record<string, readonly string[]>>;

type DirectoryType = Exclude<ObjectType, 'target' | 'credential' | 'configuration' | 'report'>;

/** Classes of each type, the most special last, as AD sends them. */
const classes: Readonly<Record<DirectoryType, readonly string[]>> = {
  user: ['top', 'person', 'organizationalPerson', 'user'],
  computer: ['top', 'person', 'organizationalPerson', 'user', 'computer'],
  serviceAccount: ['top', 'person', 'organizationalPerson', 'user', 'computer', 'msDS-GroupManagedServiceAccount'],
  group: ['top', 'group'],
  foreignSecurityPrincipal: ['top', 'foreignSecurityPrincipal'],
  organizationalUnit: ['top', 'organizationalUnit'],
  container: ['top', 'container'],
  domain: ['top', 'domain', 'domainDNS'],
  passwordSettings: ['top', 'msDS-PasswordSettings'],
  groupPolicy: ['top', 'container', 'groupPolicyContainer'],
  adminSDHolder: ['adminSDHolder'],
};

/** What a full read, or the first page after its creation, brings of an object. Without SID: of what holds no rights. */
export function objectOf(type: DirectoryType, number: number, dn: string, attributes: Attributes = {}): ChangedObject {
  const name = /^[A-Z]+=([^,]*)/i.exec(dn)?.[1] ?? '';
  return {
    guid: guidOf(number),
    dn,
    attributes: { objectClass: classes[type], name: [name], ...attributes },
    membersAdded: [],
    membersRemoved: [],
  };
}

export function accountObject(
  type: 'user' | 'computer' | 'serviceAccount',
  number: number,
  name: string,
  attributes: Attributes = {},
): ChangedObject {
  const account = { sAMAccountName: [name], userAccountControl: ['512'], ...attributes };
  return { ...objectOf(type, number, `CN=${name},OU=People,${base}`, account), sid: sidOf(number) };
}

export const userObject = (number: number, name: string, attributes: Attributes = {}): ChangedObject =>
  accountObject('user', number, name, attributes);

export function groupObject(number: number, name: string, members: readonly ChangedObject[] = []): ChangedObject {
  return {
    ...objectOf('group', number, `CN=${name},OU=Groups,${base}`, { sAMAccountName: [name], groupType: ['-2147483646'] }),
    sid: sidOf(number),
    membersAdded: members.map(referenceTo),
  };
}

export const unitObject = (number: number, name: string, attributes: Attributes = {}): ChangedObject =>
  objectOf('organizationalUnit', number, `OU=${name},${base}`, attributes);

/** What an incremental page brings: only what changed. */
export function delta(of: ChangedObject, change: Partial<ChangedObject> = {}): ChangedObject {
  return { guid: of.guid, sid: of.sid, dn: of.dn, attributes: {}, membersAdded: [], membersRemoved: [], ...change };
}

/** An incremental page's object with changed attributes. */
export const changed = (of: ChangedObject, attributes: Attributes): ChangedObject => delta(of, { attributes });

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
  const { objectClass, ...attributes } = of.attributes;
  const type = (Object.keys(classes) as DirectoryType[]).find((name) => classes[name].at(-1) === objectClass?.at(-1)) ?? 'user';
  return {
    ...objectKey(domain, of.guid),
    domain,
    revision: 1,
    fence: 1,
    detectedAt,
    guid: of.guid,
    sid: of.sid,
    type,
    dn: of.dn,
    attributes,
    deleted: false,
    ...change,
  };
}

/** A membership by a value of `member`, unless `change` says how. */
export function edgeRow(group: ChangedObject, member: ChangedObject, change: Partial<EdgeRow> = {}): EdgeRow {
  return {
    ...edgeKey(domain, member.guid, group.guid),
    domain,
    revision: 1,
    fence: 1,
    detectedAt,
    group: subjectOf(objectRow(group)),
    member: referenceTo(member),
    direct: change.present ?? true,
    primary: false,
    present: true,
    listedUnder: membersListing(domain, group.guid),
    ...change,
  };
}
