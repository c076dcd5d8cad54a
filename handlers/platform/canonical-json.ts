/**
 * JSON in its one canonical form (RFC 8785, JSON Canonicalization Scheme): members sorted by their UTF-16 code units, no spaces, numbers as
 * ECMAScript writes them. The same value always has the same bytes, and so the same hash.
 */
import { createHash } from 'node:crypto';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue | undefined };

/** Members that are undefined are left out, as JSON.stringify does. @throws TypeError for what JSON cannot hold */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} has no JSON form: give a finite number`);
  // A lone surrogate has no UTF-8 form (RFC 8785 section 3.2.2.2), and a name of the directory may hold one.
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed());
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
  // `<` compares UTF-16 code units, which is the order of section 3.2.3.
  members.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
  return `{${members.map(([name, member]) => `${JSON.stringify(name.toWellFormed())}:${canonicalJson(member)}`).join(',')}}`;
}

const isList = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);

/** SHA-256 in lower-case hex. */
export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
