/** From an LDAP entry, as ldapts reads one, to what change capture knows of an object. */
import { createHash } from 'node:crypto';
import type { Entry } from 'ldapts';
import { guidText, type ObjectReference, parseExtendedName } from '../platform/object-identity.ts';
import type { ChangedObject } from './directory-source.ts';

/** Attributes whose values are objects, of which a delta sends those that came and those that went. */
const linkedAttributes: ReadonlySet<string> = new Set(['member', 'msDS-PSOAppliesTo']);
const none: readonly ObjectReference[] = [];

/** @throws SyntaxError or RangeError when the domain controller sends what is no AD object: nothing of the page is used then */
export function toChangedObject(entry: Entry, named: (attribute: string) => string = (attribute) => attribute): ChangedObject {
  const attributes: Record<string, readonly string[]> = {};
  const links: Record<string, ObjectReference[]> = {};
  for (const description in entry) {
    if (description === 'dn' || description === 'objectGUID') continue;
    const value = entry[description];
    const values = (Array.isArray(value) ? value : [value]) as readonly (string | Buffer)[];
    const semicolon = description.indexOf(';');
    const name = named(semicolon < 0 ? description : description.slice(0, semicolon));
    if (linkedAttributes.has(name)) {
      // LDAP_DIRSYNC_INCREMENTAL_VALUES: range=1-1 are values that are there, range=0-0 values that are gone (MS-ADTS 3.1.1.3.4.1.3).
      links[description.endsWith(';range=0-0') ? `-${name}` : name] = values.map((text) => parseExtendedName(text.toString()));
    } else
      attributes[name] = withinRow(
        inOrder(
          name,
          // As text, all bytes that are no UTF-8 would be one character, and a change of them none.
          values.map((item) => (Buffer.isBuffer(item) ? `base64:${item.toString('base64')}` : plainName(item))),
        ),
      );
  }
  return {
    ...reference(entry),
    attributes,
    membersAdded: links.member ?? none,
    membersRemoved: links['-member'] ?? none,
    ...(links['msDS-PSOAppliesTo']?.length ? { appliesToAdded: links['msDS-PSOAppliesTo'] } : {}),
    ...(links['-msDS-PSOAppliesTo']?.length ? { appliesToRemoved: links['-msDS-PSOAppliesTo'] } : {}),
  };
}

/** Of an attribute that names another object (`manager`) the name alone: the extended form would never equal what a scope's filter says. */
const plainName = (text: string): string =>
  text.startsWith('<GUID=') ? text.replace(/^<GUID=[0-9a-f-]{36}>;(?:<SID=S-[0-9-]+>;)?(?=.)/i, '') : text;

/** An entry's GUID, and with extended names its SID. */
export function reference(entry: Entry): ObjectReference {
  if (!Buffer.isBuffer(entry.objectGUID)) throw new SyntaxError(`an entry without objectGUID: ${JSON.stringify(entry.dn)}`);
  const guid = guidText(entry.objectGUID);
  if (!entry.dn.startsWith('<')) return { guid, dn: entry.dn };
  return { ...parseExtendedName(entry.dn), guid };
}

/** Values have no order (RFC 4511 section 4.1.7): two controllers may send the same ones in different orders, which is no change. Classes have one. */
const inOrder = (name: string, values: string[]): readonly string[] =>
  values.length > 1 && name !== 'objectClass' ? values.sort() : values;

/** Attribute descriptions are the same in any case (RFC 4512 section 2.5): a row names them as we asked for them. */
export function canonicalNames(requested: readonly string[]): (attribute: string) => string {
  const names = new Map([
    ...requested.map((name) => [name.toLowerCase(), name] as const),
    ...requested.map((name) => [name, name] as const),
  ]);
  return (attribute) => names.get(attribute) ?? names.get(attribute.toLowerCase()) ?? attribute;
}

/** Bytes of one attribute's values that a row holds: DynamoDB ends an item at 400 KB. */
const mostBytes = 4096;

/** Longer values are held by their beginning and a digest of all, so that each change of them still shows. */
function withinRow(values: readonly string[]): readonly string[] {
  // A character takes three bytes at most in UTF-8 for each of its UTF-16 units.
  if (3 * values.reduce((sum, value) => sum + value.length, 0) <= mostBytes) return values;
  const bytes = values.reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  if (bytes <= mostBytes) return values;
  const digest = createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 16);
  const beginning = Buffer.from(values.join('\n'))
    .subarray(0, mostBytes - 100)
    .toString('utf8');
  return [`${beginning}… (${values.length} values, ${bytes} bytes, sha256 ${digest})`];
}
