import type { AwsError } from '../error.ts';
import type { Input, Output } from '../service.ts';
import type { HttpRequest } from '../signature.ts';

/** What one of AWS's protocols does: read an operation and its input out of a request, write its output or its error. */
export interface Protocol {
  decode(request: HttpRequest): { operation: string; input: Input };
  encode(operation: string, output: Output): HttpResponse;
  encodeError(error: AwsError, requestId: string): HttpResponse;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** JSON of the AWS protocols: times are seconds since the epoch, blobs are base64. */
export function toJson(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toJson(member)]));
  return value;
}

export const escapeXml = (value: string): string => value.replace(/[&<>"\r]/g, (character) => `&#${character.charCodeAt(0)};`);

/** XML of members; a list repeats `<member>` inside its own element (query) or its own name (`flat`, S3). */
export function toXml(members: Readonly<Record<string, unknown>>, flat = false): string {
  const element = (name: string, value: unknown): string => {
    if (value === undefined || value === null) return '';
    if (Array.isArray(value))
      return flat
        ? value.map((one) => element(name, one)).join('')
        : `<${name}>${value.map((one) => element('member', one)).join('')}</${name}>`;
    if (value instanceof Date) return `<${name}>${value.toISOString()}</${name}>`;
    if (typeof value === 'object') return `<${name}>${toXml(value as Record<string, unknown>, flat)}</${name}>`;
    return `<${name}>${escapeXml(String(value))}</${name}>`;
  };
  return Object.entries(members)
    .map(([name, value]) => element(name, value))
    .join('');
}
