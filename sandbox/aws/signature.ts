import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';

// Signature Version 4 as "AWS API request signing" documents it: every HTTP request is verified, so that a handler with wrong or
// foreign credentials fails here as it would fail at AWS.

export interface HttpRequest {
  readonly method: string;
  /** Path as sent, still percent-encoded. */
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface SignatureScope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  /** Signing name of the service, e.g. `monitoring` for CloudWatch. */
  readonly service: string;
}

export type Refusal = 'missing' | 'incomplete' | 'unknown-key' | 'mismatch' | 'skewed' | 'payload' | 'streaming';

export class SignatureRefused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal, message: string) {
    super(message);
    this.refusal = refusal;
  }
}

const algorithm = 'AWS4-HMAC-SHA256';
const allowedSkewMs = 15 * 60_000; // five minutes at some services, fifteen at S3: the larger one, as the SDKs correct themselves only then

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

const escaped = (value: string): string =>
  encodeURIComponent(value).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** The scope named in the Authorization header, readable before the signature is verified: it tells the service. */
export function readScope(headers: IncomingHttpHeaders): SignatureScope & { readonly signedHeaders: string[]; readonly signature: string } {
  const header = headers.authorization;
  if (!header) throw new SignatureRefused('missing', 'Missing Authentication Token');
  const [scheme, ...rest] = header.split(' ');
  const parts = new Map(
    rest
      .join(' ')
      .split(',')
      .map((part) => [part.slice(0, part.indexOf('=')).trim(), part.slice(part.indexOf('=') + 1).trim()] as const),
  );
  const credential = parts.get('Credential')?.split('/') ?? [];
  const [accessKeyId, date, region, service, terminator] = credential;
  const signedHeaders = parts.get('SignedHeaders')?.split(';');
  const signature = parts.get('Signature');
  if (scheme !== algorithm || !accessKeyId || !date || !region || !service || terminator !== 'aws4_request' || !signedHeaders || !signature)
    throw new SignatureRefused(
      'incomplete',
      `Authorization header must be ${algorithm} with Credential, SignedHeaders and Signature; got scheme '${scheme}'`,
    );
  return { accessKeyId, date, region, service, signedHeaders, signature };
}

/** S3 signs its path once encoded and as it is; every other service encodes the sent path again. */
function canonicalPath(path: string, service: string): string {
  if (service === 's3') return path || '/';
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment && segment !== '.') segments.push(segment);
  }
  return `/${segments.map(escaped).join('/')}${segments.length > 0 && path.endsWith('/') ? '/' : ''}`;
}

const decoded = (value: string): string => {
  try {
    return decodeURIComponent(value.replaceAll('+', '%20'));
  } catch {
    return value;
  }
};

const byCode = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

const canonicalQuery = (query: string): string =>
  query
    .split('&')
    .filter(Boolean)
    .map((pair) => {
      const at = pair.indexOf('=');
      const name = at < 0 ? pair : pair.slice(0, at);
      return { name: escaped(decoded(name)), value: at < 0 ? '' : escaped(decoded(pair.slice(at + 1))) };
    })
    .sort((one, other) => byCode(one.name, other.name) || byCode(one.value, other.value))
    .map(({ name, value }) => `${name}=${value}`)
    .join('&');

const headerValue = (headers: IncomingHttpHeaders, name: string): string => {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(',') : (value ?? '')).trim().replace(/ +/g, ' ');
};

function parseAmzDate(value: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(value);
  if (!match) throw new SignatureRefused('incomplete', `X-Amz-Date must be of the form 20250101T000000Z; got '${value}'`);
  const [, year, month, day, hour, minute, second] = match.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}

/** aws-chunked without chunk signatures: `hex-size CRLF data CRLF … 0 CRLF trailers CRLF` (S3 "Signature calculations: trailing headers"). */
function unchunk(body: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new SignatureRefused('payload', 'the aws-chunked body is malformed');
    at = lineEnd + 2;
    if (size === 0) break;
    chunks.push(body.subarray(at, at + size));
    at += size + 2;
  }
  const content = Buffer.concat(chunks);
  const trailer = /x-amz-checksum-crc32:\s*([A-Za-z0-9+/=]+)/i.exec(body.toString('latin1', at));
  const expected = Buffer.alloc(4);
  expected.writeUInt32BE(crc32(content));
  if (trailer?.[1] && trailer[1] !== expected.toString('base64'))
    throw new SignatureRefused('payload', `the trailing checksum crc32 ${trailer[1]} does not match the body`);
  return content;
}

/** The payload hash that was signed, and the body without its transfer coding. */
function payload(request: HttpRequest): { hash: string; body: Buffer } {
  const declared = headerValue(request.headers, 'x-amz-content-sha256');
  if (declared === 'UNSIGNED-PAYLOAD') return { hash: declared, body: request.body };
  if (declared === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') return { hash: declared, body: unchunk(request.body) };
  if (declared.startsWith('STREAMING-'))
    throw new SignatureRefused('streaming', `the sandbox does not verify signed chunks (${declared}); send the payload in one piece`);
  const hash = sha256(request.body);
  if (declared && declared !== hash)
    throw new SignatureRefused('payload', `The provided x-amz-content-sha256 header ${declared} does not match what was computed: ${hash}`);
  return { hash, body: request.body };
}

/**
 * Verifies the request's signature. Returns the body without its aws-chunked coding.
 * @throws SignatureRefused
 */
export function verifySignature(request: HttpRequest, secret: string, now: number): Buffer {
  const scope = readScope(request.headers);
  const amzDate = headerValue(request.headers, 'x-amz-date');
  if (!scope.signedHeaders.includes('host')) throw new SignatureRefused('incomplete', "'Host' must be a signed header");
  const at = parseAmzDate(amzDate);
  if (!amzDate.startsWith(scope.date)) throw new SignatureRefused('mismatch', 'Date in Credential scope does not match X-Amz-Date');
  if (Math.abs(now - at) > allowedSkewMs)
    throw new SignatureRefused('skewed', `Signature expired: ${amzDate} is not within 15 min. of ${new Date(now).toISOString()}`);
  const { hash, body } = payload(request);
  const canonical = [
    request.method,
    canonicalPath(request.path, scope.service),
    canonicalQuery(request.query),
    ...scope.signedHeaders.map((name) => `${name}:${headerValue(request.headers, name)}`),
    '',
    scope.signedHeaders.join(';'),
    hash,
  ].join('\n');
  const scopeText = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, scope.date), scope.region), scope.service), 'aws4_request');
  const expected = createHmac('sha256', key)
    .update(`${algorithm}\n${amzDate}\n${scopeText}\n${sha256(canonical)}`)
    .digest();
  const given = Buffer.from(scope.signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new SignatureRefused(
      'mismatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
  return body;
}
