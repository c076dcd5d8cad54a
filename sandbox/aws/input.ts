import { AwsError } from './error.ts';
import type { Input } from './service.ts';

// Reads members of a request. What is missing or of another type is a ValidationException that names the member.

const invalid = (name: string, wanted: string): AwsError => new AwsError('ValidationException', `${name}: expected ${wanted}`);

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Uint8Array);

export function text(input: Input, name: string): string {
  const value = input[name];
  if (typeof value !== 'string' || value === '') throw invalid(name, 'a string that is not empty');
  return value;
}

export function optionalText(input: Input, name: string): string | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalid(name, 'a string');
  return value;
}

export function optionalNumber(input: Input, name: string): number | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) throw invalid(name, 'a number');
  return number;
}

/** A number within the documented limits, or its default. */
export function limit(input: Input, name: string, minimum: number, maximum: number, otherwise: number): number {
  const value = optionalNumber(input, name) ?? otherwise;
  if (!Number.isInteger(value) || value < minimum || value > maximum) throw invalid(name, `an integer from ${minimum} to ${maximum}`);
  return value;
}

/** Seconds since the epoch on the wire, a Date in process; milliseconds here. */
export function optionalTime(input: Input, name: string): number | undefined {
  const value = input[name];
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'string' && Number.isNaN(Number(value))) {
    const time = Date.parse(value);
    if (Number.isNaN(time)) throw invalid(name, 'a time');
    return time;
  }
  const seconds = optionalNumber(input, name);
  return seconds === undefined ? undefined : seconds * 1000;
}

export function optionalRecord(input: Input, name: string): Record<string, unknown> | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw invalid(name, 'an object');
  return value;
}

export function record(input: Input, name: string): Record<string, unknown> {
  const value = optionalRecord(input, name);
  if (!value) throw invalid(name, 'an object');
  return value;
}

export function records(input: Input, name: string): Record<string, unknown>[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value) || !value.every(isRecord)) throw invalid(name, 'a list of objects');
  return value;
}

export function texts(input: Input, name: string): string[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) throw invalid(name, 'a list of strings');
  return value;
}

export function textMap(input: Input, name: string): Record<string, string> {
  const value = optionalRecord(input, name) ?? {};
  const wrong = Object.keys(value).find((key) => typeof value[key] !== 'string');
  if (wrong !== undefined) throw invalid(`${name}.${wrong}`, 'a string');
  return value as Record<string, string>;
}

/** A blob: bytes in process, base64 in JSON. */
export function optionalBytes(input: Input, name: string): Buffer | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value === 'string') return Buffer.from(value, 'base64');
  throw invalid(name, 'bytes');
}

/** One page of a list; the token is the place where the next page starts. */
export function page<T>(all: readonly T[], token: string | undefined, size: number): { items: T[]; nextToken?: string } {
  const start = token === undefined ? 0 : Number(Buffer.from(token, 'base64url').toString());
  if (!Number.isInteger(start) || start < 0) throw invalid('NextToken', 'a token of an earlier answer');
  const items = all.slice(start, start + size);
  return start + size < all.length ? { items, nextToken: Buffer.from(String(start + size)).toString('base64url') } : { items };
}
