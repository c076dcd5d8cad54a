import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { crc32 } from 'node:zlib';
import { AwsError } from '../error.ts';
import type { Input, Output } from '../service.ts';
import type { HttpRequest } from '../signature.ts';
import { type HttpResponse, type Protocol, toXml } from './wire.ts';

// S3's restXml: the sub-resource in the query tells operations on the same path apart.

const objectHeaders: Readonly<Record<string, string>> = {
  'content-type': 'ContentType',
  'if-none-match': 'IfNoneMatch',
  'if-match': 'IfMatch',
  'x-amz-bucket-object-lock-enabled': 'ObjectLockEnabledForBucket',
  'x-amz-object-lock-mode': 'ObjectLockMode',
  'x-amz-object-lock-retain-until-date': 'ObjectLockRetainUntilDate',
  'x-amz-server-side-encryption': 'ServerSideEncryption',
  'x-amz-server-side-encryption-aws-kms-key-id': 'SSEKMSKeyId',
  'x-amz-bypass-governance-retention': 'BypassGovernanceRetention',
};

const queryMembers: Readonly<Record<string, string>> = {
  prefix: 'Prefix',
  delimiter: 'Delimiter',
  'max-keys': 'MaxKeys',
  'continuation-token': 'ContinuationToken',
  'start-after': 'StartAfter',
  versionId: 'VersionId',
  'encoding-type': 'EncodingType',
};

/** `GET bucket ?policy` and the like; a sub-resource that is not here is an operation the sandbox does not have. */
const operations: Readonly<Record<string, string>> = {
  'GET service': 'ListBuckets',
  'PUT bucket': 'CreateBucket',
  'HEAD bucket': 'HeadBucket',
  'GET bucket ?list-type': 'ListObjectsV2',
  'GET bucket ?versions': 'ListObjectVersions',
  'GET bucket ?policy': 'GetBucketPolicy',
  'PUT bucket ?policy': 'PutBucketPolicy',
  'GET bucket ?location': 'GetBucketLocation',
  'PUT object': 'PutObject',
  'GET object': 'GetObject',
  'HEAD object': 'HeadObject',
  'DELETE object': 'DeleteObject',
};

/** Path style, or the bucket in front of the host name where the endpoint has a name. */
function place(request: HttpRequest): { bucket?: string; key?: string } {
  const host = String(request.headers.host ?? '').replace(/:\d+$/, '');
  const virtual = isIP(host) === 0 && host.endsWith('.localhost') ? host.slice(0, -'.localhost'.length) : undefined;
  const path = request.path.slice(1);
  const slash = path.indexOf('/');
  const bucket = virtual ?? (slash < 0 ? path : path.slice(0, slash));
  const key = virtual === undefined ? (slash < 0 ? '' : path.slice(slash + 1)) : path;
  return { ...(bucket ? { bucket: decodeURIComponent(bucket) } : {}), ...(key ? { key: decodeURIComponent(key) } : {}) };
}

function verifyIntegrity(request: HttpRequest): void {
  const wantedCrc = request.headers['x-amz-checksum-crc32'];
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(request.body));
  if (wantedCrc !== undefined && wantedCrc !== crc.toString('base64'))
    throw new AwsError('BadDigest', 'The CRC32 you specified did not match the calculated checksum.');
  const wantedMd5 = request.headers['content-md5'];
  if (wantedMd5 !== undefined && wantedMd5 !== createHash('md5').update(request.body).digest('base64'))
    throw new AwsError('BadDigest', 'The Content-MD5 you specified did not match what we received.');
}

function decode(request: HttpRequest): { operation: string; input: Input } {
  const { bucket, key } = place(request);
  const query = new URLSearchParams(request.query);
  const subresource = [...query.keys()].find((name) => name !== 'x-id' && name !== 'versionId' && !(name in queryMembers));
  const name = `${request.method} ${key ? 'object' : bucket ? 'bucket' : 'service'}${subresource ? ` ?${subresource}` : ''}`;
  const input: Record<string, unknown> = {};
  for (const [parameter, member] of Object.entries(queryMembers)) if (query.has(parameter)) input[member] = query.get(parameter);
  for (const [header, member] of Object.entries(objectHeaders))
    if (request.headers[header] !== undefined) input[member] = request.headers[header];
  const metadata = Object.entries(request.headers).flatMap(([header, value]) =>
    header.startsWith('x-amz-meta-') ? [[header.slice(11), String(value)]] : [],
  );
  if (metadata.length > 0) input.Metadata = Object.fromEntries(metadata);
  if (bucket) input.Bucket = bucket;
  if (key) input.Key = key;
  const operation = operations[name] ?? name;
  if (request.method === 'PUT') verifyIntegrity(request);
  if (operation === 'PutObject') input.Body = request.body;
  if (operation === 'PutBucketPolicy') input.Policy = request.body.toString('utf8');
  return { operation, input };
}

const xml = (root: string, members: Output): HttpResponse => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?><${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${toXml(members, true)}</${root}>`,
});

const headerNames: Readonly<Record<string, string>> = {
  ETag: 'etag',
  VersionId: 'x-amz-version-id',
  ObjectLockMode: 'x-amz-object-lock-mode',
  ObjectLockRetainUntilDate: 'x-amz-object-lock-retain-until-date',
  ServerSideEncryption: 'x-amz-server-side-encryption',
  SSEKMSKeyId: 'x-amz-server-side-encryption-aws-kms-key-id',
  Location: 'location',
  BucketRegion: 'x-amz-bucket-region',
  ContentType: 'content-type',
  ContentLength: 'content-length',
  DeleteMarker: 'x-amz-delete-marker',
};

function inHeaders(output: Output): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [member, header] of Object.entries(headerNames)) {
    const value = output[member];
    if (value !== undefined) headers[header] = value instanceof Date ? value.toISOString() : String(value);
  }
  if (output.LastModified instanceof Date) headers['last-modified'] = output.LastModified.toUTCString();
  for (const [name, value] of Object.entries((output.Metadata as Record<string, string> | undefined) ?? {}))
    headers[`x-amz-meta-${name}`] = value;
  return headers;
}

export const s3Xml: Protocol = {
  decode,
  encode(operation, output) {
    switch (operation) {
      case 'ListBuckets':
        return xml('ListAllMyBucketsResult', { Buckets: { Bucket: output.Buckets } });
      case 'ListObjectsV2':
        return xml('ListBucketResult', output);
      case 'ListObjectVersions': {
        const { Versions: Version, DeleteMarkers: DeleteMarker, ...rest } = output;
        return xml('ListVersionsResult', { ...rest, Version, DeleteMarker });
      }
      case 'GetBucketLocation':
        return xml('LocationConstraint', {});
      case 'GetBucketPolicy':
        return { status: 200, headers: { 'content-type': 'application/json' }, body: String(output.Policy) };
      case 'PutBucketPolicy':
      case 'DeleteObject':
        return { status: 204, headers: inHeaders(output), body: '' };
      default:
        return { status: 200, headers: inHeaders(output), body: output.Body instanceof Uint8Array ? output.Body : '' };
    }
  },
  encodeError: (error, requestId) => ({
    status: error.status,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?><Error>${toXml({ Code: error.code, Message: error.message, ...error.fields, RequestId: requestId })}</Error>`,
  }),
};
