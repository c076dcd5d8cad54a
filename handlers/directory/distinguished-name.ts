/** Distinguished names as RFC 4514 writes them, and as AD returns them. */

/** One attribute of a relative distinguished name. `value` is unescaped text; a `#hex` value is decoded from its BER string. */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

/** A relative distinguished name: one attribute, or several joined with `+`. */
export type RelativeName = readonly NameAttribute[];

/**
 * Parses a distinguished name.
 *
 * @returns the relative names, the entry's own first; an empty list for the empty name (the root)
 * @throws SyntaxError naming the position, when the text is no distinguished name (RFC 4514 section 3)
 */
export function parseDistinguishedName(text: string): readonly RelativeName[] {
  if (text.trim() === '') return [];
  const names: NameAttribute[][] = [[]];
  let position = 0;
  for (;;) {
    const attribute = parseAttribute(text, position);
    names.at(-1)?.push({ type: attribute.type, value: attribute.value });
    position = attribute.end;
    if (position >= text.length) return names;
    const separator = text[position];
    // RFC 2253 section 4 has readers take ";" too, and old directories still write it; RFC 4514 section 3 leaves that open.
    if (separator === ',' || separator === ';') names.push([]);
    else if (separator !== '+') throw malformed(text, position);
    position += 1;
  }
}

/** Whether the text is a distinguished name with at least one relative name. */
export function isDistinguishedName(text: string): boolean {
  try {
    return parseDistinguishedName(text).length > 0;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/**
 * A key under which two spellings of one name are equal: types and values in lower case, space runs folded, multi-valued names sorted.
 * AD compares names case-insensitively (MS-ADTS section 3.1.1.3.1.2.4).
 */
export function distinguishedNameKey(text: string): string {
  return JSON.stringify(
    parseDistinguishedName(text).map((name) =>
      name.map(({ type, value }) => [type.toLowerCase(), value.trim().replace(/ +/g, ' ').toLowerCase()]).sort(),
    ),
  );
}

/** The value of the entry's own relative name: `Ada Example` for `CN=Ada Example,CN=Users,DC=example,DC=com`. */
export function leafName(text: string): string {
  return parseDistinguishedName(text)[0]?.[0]?.value ?? text;
}

/** The parent's name as written; the name itself when it has none. */
export const parentName = (text: string): string => /^(?:[^,\\]|\\.)*,(.*)$/s.exec(text)?.[1] ?? text;

/** The key of the parent's name, to see a move. */
export function parentKey(text: string): string {
  return JSON.stringify(JSON.parse(distinguishedNameKey(text)).slice(1));
}

/** The naming context of a DNS domain name: `DC=corp,DC=example,DC=com`. */
export function namingContextOf(domain: string): string {
  return domain
    .split('.')
    .map((label) => `DC=${label}`)
    .join(',');
}

const attributeType = /\s*(?:OID\.)?([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*/iy;
const hexString = /#((?:[0-9a-f]{2})+)\s*(?=$|[,;+])/iy;

function parseAttribute(text: string, start: number): NameAttribute & { end: number } {
  attributeType.lastIndex = start;
  const type = attributeType.exec(text)?.[1];
  if (type === undefined) throw malformed(text, start);
  const valueStart = attributeType.lastIndex;
  hexString.lastIndex = valueStart;
  const hex = hexString.exec(text)?.[1];
  if (hex !== undefined) return { type, value: berText(Buffer.from(hex, 'hex'), text, valueStart), end: hexString.lastIndex };
  if (text[valueStart] === '#') throw malformed(text, valueStart);
  return { type, ...(text[valueStart] === '"' ? parseQuoted(text, valueStart + 1) : parseString(text, valueStart)) };
}

/** An unquoted value: bytes, because `\C4\8D` escapes single UTF-8 bytes; unescaped trailing spaces do not count. */
function parseString(text: string, start: number): { value: string; end: number } {
  const bytes: Buffer[] = [];
  let kept = 0;
  let end = start;
  while (end < text.length && !',;+'.includes(text[end] ?? '')) {
    const character = text[end] ?? '';
    if (character === '\\') {
      const escaped = parseEscape(text, end);
      bytes.push(escaped.bytes);
      kept = bytes.length;
      end = escaped.end;
      continue;
    }
    if ('"<>\0'.includes(character)) throw malformed(text, end);
    const codePoint = String.fromCodePoint(text.codePointAt(end) ?? 0);
    bytes.push(Buffer.from(codePoint));
    if (codePoint !== ' ') kept = bytes.length;
    end += codePoint.length;
  }
  return { value: utf8(Buffer.concat(bytes.slice(0, kept)), text, start), end };
}

function parseQuoted(text: string, start: number): { value: string; end: number } {
  const bytes: Buffer[] = [];
  let end = start;
  while (text[end] !== '"') {
    if (end >= text.length) throw malformed(text, start - 1);
    const escaped = text[end] === '\\' ? parseEscape(text, end) : undefined;
    const codePoint = String.fromCodePoint(text.codePointAt(end) ?? 0);
    bytes.push(escaped?.bytes ?? Buffer.from(codePoint));
    end = escaped?.end ?? end + codePoint.length;
  }
  end += 1;
  while (text[end] === ' ') end += 1;
  return { value: utf8(Buffer.concat(bytes), text, start), end };
}

function parseEscape(text: string, start: number): { bytes: Buffer; end: number } {
  const hex = /^[0-9a-f]{2}/i.exec(text.slice(start + 1, start + 3))?.[0];
  if (hex !== undefined) return { bytes: Buffer.from(hex, 'hex'), end: start + 3 };
  const character = text[start + 1] ?? '';
  // "?" is Samba's own (ldb_dn_escape_value): RFC 4514 section 2.4 has no need of it.
  if (character === '' || !' "#+,;<=>?\\'.includes(character)) throw malformed(text, start);
  return { bytes: Buffer.from(character), end: start + 2 };
}

/** The text of a BER string in a `#` value: tag, length, contents (X.690 section 8.1). */
function berText(ber: Buffer, text: string, position: number): string {
  const first = ber[1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const length = lengthBytes === 0 ? first : lengthBytes <= 4 ? Number.parseInt(ber.toString('hex', 2, 2 + lengthBytes) || '0', 16) : -1;
  const contents = ber.subarray(2 + lengthBytes);
  if (ber.length < 2 || contents.length !== length) throw malformed(text, position);
  return contents.toString('utf8');
}

function utf8(bytes: Buffer, text: string, position: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError(`not a distinguished name: ${JSON.stringify(text)}: the value at ${position} is no UTF-8`, { cause });
  }
}

function malformed(text: string, position: number): SyntaxError {
  return new SyntaxError(
    `not a distinguished name: ${JSON.stringify(text)}: unexpected ${JSON.stringify(text[position] ?? 'end')} at ${position}`,
  );
}
