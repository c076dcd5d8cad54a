/** A request of Terraform's AWS provider as it comes over the wire: which operation of which service, with what. */

/** Members of the operation's input, as the API reference names them; lists and structures as they came. */
export type Input = Readonly<Record<string, unknown>>;

export interface TerraformRequest {
  /** As in the signature: `monitoring` is CloudWatch. */
  readonly service: string;
  /** For S3 the permission's name, which is not always the operation's (Amazon S3 User Guide, "Required permissions for Amazon S3 API operations"). */
  readonly operation: string;
  readonly input: Input;
}

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** @throws Error for a request that is of no kind known here: add it, or the record has a hole */
export function terraformRequest({ method, path, headers, body }: HttpRequest): TerraformRequest {
  const service = /Credential=[^/]+\/[^/]+\/[^/]+\/([^/]+)\//.exec(String(headers.authorization))?.[1];
  if (service === undefined) throw new Error(`${method} ${path} is not signed: a call of AWS's API is`);
  const url = new URL(path, 'http://aws');
  if (service === 's3') return { service, ...s3Request(method, url, headers) };
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return { service, operation: target.slice(target.indexOf('.') + 1), input: JSON.parse(body) as Input };
  if (service === 'lambda' || service === 'scheduler') return { service, ...restRequest(method, url, body) };
  const form = new URLSearchParams(body);
  return { service, operation: form.get('Action') ?? '', input: Object.fromEntries(form) };
}

/** [method, path, operation, members in the path]. */
const restOperations: readonly (readonly [string, RegExp, string])[] = [
  ['POST', /^\/2015-03-31\/functions$/, 'CreateFunction'],
  ['GET', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)$/, 'GetFunction'],
  ['DELETE', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)$/, 'DeleteFunction'],
  ['GET', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/configuration$/, 'GetFunctionConfiguration'],
  ['PUT', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/configuration$/, 'UpdateFunctionConfiguration'],
  ['PUT', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/code$/, 'UpdateFunctionCode'],
  ['GET', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/versions$/, 'ListVersionsByFunction'],
  ['GET', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/policy$/, 'GetPolicy'],
  ['POST', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/policy$/, 'AddPermission'],
  ['DELETE', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/policy\/[^/]+$/, 'RemovePermission'],
  ['PUT', /^\/2017-10-31\/functions\/(?<FunctionName>[^/]+)\/concurrency$/, 'PutFunctionConcurrency'],
  ['DELETE', /^\/2017-10-31\/functions\/(?<FunctionName>[^/]+)\/concurrency$/, 'DeleteFunctionConcurrency'],
  ['GET', /^\/2020-06-30\/functions\/(?<FunctionName>[^/]+)\/code-signing-config$/, 'GetFunctionCodeSigningConfig'],
  ['GET', /^\/2019-09-25\/functions\/(?<FunctionName>[^/]+)\/event-invoke-config$/, 'GetFunctionEventInvokeConfig'],
  ['PUT', /^\/2019-09-25\/functions\/(?<FunctionName>[^/]+)\/event-invoke-config$/, 'PutFunctionEventInvokeConfig'],
  ['DELETE', /^\/2019-09-25\/functions\/(?<FunctionName>[^/]+)\/event-invoke-config$/, 'DeleteFunctionEventInvokeConfig'],
  ['POST', /^\/2015-03-31\/event-source-mappings$/, 'CreateEventSourceMapping'],
  ['GET', /^\/2015-03-31\/event-source-mappings\/(?<UUID>[^/]+)$/, 'GetEventSourceMapping'],
  ['PUT', /^\/2015-03-31\/event-source-mappings\/(?<UUID>[^/]+)$/, 'UpdateEventSourceMapping'],
  ['DELETE', /^\/2015-03-31\/event-source-mappings\/(?<UUID>[^/]+)$/, 'DeleteEventSourceMapping'],
  ['GET', /^\/2017-03-31\/tags\/(?<Resource>.+)$/, 'ListTags'],
  ['POST', /^\/2017-03-31\/tags\/(?<Resource>.+)$/, 'TagResource'],
  ['DELETE', /^\/2017-03-31\/tags\/(?<Resource>.+)$/, 'UntagResource'],
  ['POST', /^\/schedules\/(?<Name>[^/]+)$/, 'CreateSchedule'],
  ['GET', /^\/schedules\/(?<Name>[^/]+)$/, 'GetSchedule'],
  ['PUT', /^\/schedules\/(?<Name>[^/]+)$/, 'UpdateSchedule'],
  ['DELETE', /^\/schedules\/(?<Name>[^/]+)$/, 'DeleteSchedule'],
  ['POST', /^\/schedule-groups\/(?<Name>[^/]+)$/, 'CreateScheduleGroup'],
  ['GET', /^\/schedule-groups\/(?<Name>[^/]+)$/, 'GetScheduleGroup'],
  ['DELETE', /^\/schedule-groups\/(?<Name>[^/]+)$/, 'DeleteScheduleGroup'],
  ['GET', /^\/tags\/(?<Resource>.+)$/, 'ListTagsForResource'],
  ['POST', /^\/tags\/(?<Resource>.+)$/, 'TagResource'],
  ['DELETE', /^\/tags\/(?<Resource>.+)$/, 'UntagResource'],
];

function restRequest(method: string, url: URL, body: string): Omit<TerraformRequest, 'service'> {
  const path = decodeURIComponent(url.pathname).replace(/\/$/, '');
  for (const [on, form, operation] of restOperations) {
    const match = on === method ? form.exec(path) : null;
    if (match === null) continue;
    const given = body === '' ? {} : (JSON.parse(body) as Input);
    return { operation, input: { ...given, ...Object.fromEntries(url.searchParams), ...match.groups } };
  }
  throw new Error(`${method} ${url.pathname} is no operation known here: add it to restOperations`);
}

/** Permission of each sub-resource of a bucket, by reading and writing. */
const bucketPermissions: Readonly<Record<string, readonly [read: string, write: string]>> = {
  accelerate: ['GetAccelerateConfiguration', 'PutAccelerateConfiguration'],
  acl: ['GetBucketAcl', 'PutBucketAcl'],
  cors: ['GetBucketCORS', 'PutBucketCORS'],
  encryption: ['GetEncryptionConfiguration', 'PutEncryptionConfiguration'],
  lifecycle: ['GetLifecycleConfiguration', 'PutLifecycleConfiguration'],
  logging: ['GetBucketLogging', 'PutBucketLogging'],
  'object-lock': ['GetBucketObjectLockConfiguration', 'PutBucketObjectLockConfiguration'],
  policy: ['GetBucketPolicy', 'PutBucketPolicy'],
  publicAccessBlock: ['GetBucketPublicAccessBlock', 'PutBucketPublicAccessBlock'],
  replication: ['GetReplicationConfiguration', 'PutReplicationConfiguration'],
  requestPayment: ['GetBucketRequestPayment', 'PutBucketRequestPayment'],
  tagging: ['GetBucketTagging', 'PutBucketTagging'],
  versioning: ['GetBucketVersioning', 'PutBucketVersioning'],
  versions: ['ListBucketVersions', ''],
  website: ['GetBucketWebsite', 'PutBucketWebsite'],
};

function s3Request(method: string, url: URL, headers: HttpRequest['headers']): Omit<TerraformRequest, 'service'> {
  const [, bucket = '', ...rest] = url.pathname.split('/');
  const key = rest.join('/');
  const tagging = headers['x-amz-tagging'];
  const input = { Bucket: bucket, ...(key === '' ? {} : { Key: key }), ...(tagging === undefined ? {} : { Tagging: tagging }) };
  const { searchParams: query } = url;
  if (key !== '') {
    const ofTags = { GET: 'GetObjectTagging', PUT: 'PutObjectTagging', DELETE: 'DeleteObjectTagging' };
    const ofObject = {
      GET: 'GetObject',
      HEAD: 'GetObject',
      PUT: 'PutObject',
      DELETE: query.has('versionId') ? 'DeleteObjectVersion' : 'DeleteObject',
    };
    const table: Readonly<Record<string, string>> = query.has('tagging') ? ofTags : ofObject;
    return { operation: table[method] ?? unknownS3(method, url), input };
  }
  // DeleteObjects names versions in its body; the provider empties buckets with it.
  if (method === 'POST' && query.has('delete')) return { operation: 'DeleteObjectVersion', input: { ...input, Key: 'any' } };
  const part = Object.keys(bucketPermissions).find((name) => query.has(name));
  if (part !== undefined) {
    const [read = '', write = ''] = bucketPermissions[part] ?? [];
    // There is a permission of its own for the removal of a policy alone.
    if (method === 'DELETE' && part === 'policy') return { operation: 'DeleteBucketPolicy', input };
    return { operation: method === 'GET' ? read : write, input };
  }
  const operations: Readonly<Record<string, string>> = {
    HEAD: 'ListBucket',
    GET: 'ListBucket',
    PUT: 'CreateBucket',
    DELETE: 'DeleteBucket',
  };
  return { operation: operations[method] ?? unknownS3(method, url), input };
}

function unknownS3(method: string, url: URL): never {
  throw new Error(`${method} ${url.pathname}${url.search} is no operation of S3 known here: add it`);
}
