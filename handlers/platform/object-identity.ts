/** The binary identities of AD objects in their text forms, and the extended names that carry them. */

/** objectGUID in canonical text: the first three fields are little-endian (MS-DTYP section 2.3.4.2). @throws RangeError unless 16 bytes */
export function guidText(bytes: Buffer): string {
  if (bytes.length !== 16) throw new RangeError(`an objectGUID has 16 bytes, got ${bytes.length}`);
  const hex = Buffer.concat([
    Buffer.from(bytes.subarray(0, 4)).reverse(),
    Buffer.from(bytes.subarray(4, 6)).reverse(),
    Buffer.from(bytes.subarray(6, 8)).reverse(),
    bytes.subarray(8),
  ]).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The bytes of a GUID in text, as objectGUID and search filters have them. @throws RangeError unless it is one */
export function guidBytes(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16) throw new RangeError(`not a GUID: ${JSON.stringify(guid)}`);
  const [first, second, third] = [bytes.subarray(0, 4), bytes.subarray(4, 6), bytes.subarray(6, 8)];
  return Buffer.concat([...[first, second, third].map((part) => Buffer.from(part).reverse()), bytes.subarray(8)]);
}

/** objectSid as `S-1-…` (MS-DTYP section 2.4.2.1 and 2.4.2.2). @throws RangeError when the length does not fit the sub-authority count */
export function sidText(bytes: Buffer): string {
  const count = bytes[1] ?? 0;
  if (bytes.length !== 8 + 4 * count)
    throw new RangeError(`an objectSid with ${count} sub-authorities has ${8 + 4 * count} bytes, got ${bytes.length}`);
  const subAuthorities = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(8 + 4 * index));
  return ['S', bytes[0], bytes.readUIntBE(2, 6), ...subAuthorities].join('-');
}

/** An object as an extended name names it. */
export interface ObjectReference {
  readonly guid: string;
  readonly sid?: string | undefined;
  readonly dn: string;
}

/**
 * Reads an extended name, `<GUID=…>;<SID=…>;CN=…` (LDAP_SERVER_EXTENDED_DN_OID with flag 1, MS-ADTS section 3.1.1.3.4.1.5).
 * The name part may be empty: AD sends a deleted object so to a reader without replication rights.
 *
 * @throws SyntaxError when there is no GUID
 */
export function parseExtendedName(text: string): ObjectReference {
  const [, guid, sid, dn] = /^<GUID=([0-9a-f-]{36})>(?:;<SID=(S-[0-9-]+)>)?(?:;(.*))?$/is.exec(text) ?? [];
  if (guid === undefined) throw new SyntaxError(`not an extended name: ${JSON.stringify(text)}: expected <GUID=…>;<SID=…>;name`);
  return { guid: guid.toLowerCase(), ...(sid === undefined ? {} : { sid }), dn: dn ?? '' };
}
