import { createHash, randomBytes } from 'node:crypto';
import { AwsError } from '../error.ts';
import { limit, optionalText, optionalTime, page, record, text, textMap } from '../input.ts';
import { checkPolicyText, resourcePolicy } from '../resource-policy.ts';
import type { Authorization, Input, Operation, Output, Service, Surroundings } from '../service.ts';
import { keyUse } from './kms-use.ts';

// S3: versioned buckets with Object Lock, as evidence needs them. Every put makes a version; a locked version cannot be removed.

interface StoredVersion {
  readonly versionId: string;
  /** Absent in a delete marker. */
  readonly body?: Buffer;
  readonly etag: string;
  readonly modified: Date;
  readonly headers: Output;
  readonly retainUntil?: number;
  readonly lockMode?: string;
}

interface Bucket {
  readonly name: string;
  readonly createdAt: Date;
  policy?: string;
  /** Whether its versions may be locked, which is settled when it is created. */
  readonly lockable: boolean;
  defaultLock?: { readonly mode: string; readonly days: number };
  /** Newest first. */
  readonly objects: Map<string, StoredVersion[]>;
}

const missingKey = (key: string): AwsError => new AwsError('NoSuchKey', 'The specified key does not exist.', 404, { Key: key });

function readBody(input: Input): Buffer {
  const body = input.Body ?? '';
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body);
  throw new AwsError('InvalidArgument', 'Body: expected bytes or a string');
}

export function s3(surroundings: Surroundings): Service {
  const { region } = surroundings;
  const buckets = new Map<string, Bucket>();

  const bucketOf = (input: Input): Bucket => {
    const bucket = buckets.get(text(input, 'Bucket'));
    if (!bucket) throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404, { BucketName: text(input, 'Bucket') });
    return bucket;
  };
  const bucketArn = (input: Input): string => `arn:aws:s3:::${text(input, 'Bucket')}`;
  const policyOf = (input: Input): Pick<Authorization, 'resourcePolicy'> =>
    resourcePolicy(`bucket ${text(input, 'Bucket')}`, buckets.get(text(input, 'Bucket'))?.policy);

  const onBucket = (
    action: string,
    run: Operation['run'],
    context: (input: Input) => Authorization['context'] = () => ({}),
  ): Operation => ({
    authorize: (input) => [{ action: `s3:${action}`, resource: bucketArn(input), context: context(input) ?? {}, ...policyOf(input) }],
    run,
  });
  const onObject = (
    action: string,
    run: Operation['run'],
    more: (input: Input, resource: string) => readonly Authorization[] = () => [],
  ): Operation => ({
    authorize(input) {
      const resource = `${bucketArn(input)}/${text(input, 'Key')}`;
      return [{ action: `s3:${action}`, resource, context: requestContext(input), ...policyOf(input) }, ...more(input, resource)];
    },
    run,
  });
  /** `GetObject` of a named version is an action of its own. */
  const onVersion = (
    action: string,
    run: Operation['run'],
    more?: (input: Input, resource: string) => readonly Authorization[],
  ): Operation => ({
    authorize: (input, caller) => onObject(input.VersionId === undefined ? action : `${action}Version`, run, more).authorize(input, caller),
    run,
  });
  const requestContext = (input: Input): Record<string, string> => {
    const names: Record<string, string> = {
      's3:x-amz-server-side-encryption': 'ServerSideEncryption',
      's3:x-amz-server-side-encryption-aws-kms-key-id': 'SSEKMSKeyId',
      's3:object-lock-mode': 'ObjectLockMode',
      's3:if-none-match': 'IfNoneMatch',
    };
    return Object.fromEntries(
      Object.entries(names).flatMap(([key, member]) => (typeof input[member] === 'string' ? [[key, input[member]]] : [])),
    );
  };

  /** The version asked for, or the latest. */
  function find(input: Input): StoredVersion {
    const key = text(input, 'Key');
    const versions = bucketOf(input).objects.get(key) ?? [];
    const versionId = optionalText(input, 'VersionId');
    const version = versionId === undefined ? versions[0] : versions.find((one) => one.versionId === versionId);
    if (versionId !== undefined && !version)
      throw new AwsError('NoSuchVersion', 'The specified version does not exist.', 404, { Key: key, VersionId: versionId });
    if (!version?.body) throw missingKey(key);
    return version;
  }

  function put(input: Input): Output {
    const bucket = bucketOf(input);
    const key = text(input, 'Key');
    if (Buffer.byteLength(key) > 1024) throw new AwsError('KeyTooLongError', 'Your key is too long');
    const versions = bucket.objects.get(key) ?? [];
    const latest = versions[0];
    if (input.IfNoneMatch === '*' && latest?.body)
      throw new AwsError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', 412, {
        Condition: 'If-None-Match',
      });
    const match = optionalText(input, 'IfMatch');
    if (match !== undefined && !latest?.body) throw missingKey(key);
    if (match !== undefined && latest?.etag !== match)
      throw new AwsError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', 412, {
        Condition: 'If-Match',
      });
    const [lockMode, retainUntil] = [optionalText(input, 'ObjectLockMode'), optionalTime(input, 'ObjectLockRetainUntilDate')];
    if ((lockMode === undefined) !== (retainUntil === undefined))
      throw new AwsError('InvalidArgument', 'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied');
    if (retainUntil !== undefined && retainUntil <= Date.now())
      throw new AwsError('InvalidArgument', 'The retain until date must be in the future!');
    if (lockMode !== undefined && !bucket.lockable)
      throw new AwsError('InvalidRequest', 'Bucket is missing Object Lock Configuration', 400);
    const lock =
      lockMode !== undefined && retainUntil !== undefined
        ? { lockMode, retainUntil }
        : bucket.defaultLock && { lockMode: bucket.defaultLock.mode, retainUntil: Date.now() + bucket.defaultLock.days * 86_400_000 };
    const body = readBody(input);
    const metadata = textMap(input, 'Metadata');
    const encryption = {
      ServerSideEncryption: optionalText(input, 'ServerSideEncryption') ?? 'AES256',
      ...(input.SSEKMSKeyId ? { SSEKMSKeyId: input.SSEKMSKeyId } : {}),
    };
    const version: StoredVersion = {
      versionId: randomBytes(24).toString('base64url'),
      body,
      etag: `"${createHash('md5').update(body).digest('hex')}"`,
      modified: new Date(Math.floor(Date.now() / 1000) * 1000),
      headers: {
        ContentType: optionalText(input, 'ContentType') ?? 'application/octet-stream',
        ...encryption,
        ...(Object.keys(metadata).length > 0 ? { Metadata: metadata } : {}),
      },
      ...lock,
    };
    bucket.objects.set(key, [version, ...versions]);
    return { ETag: version.etag, VersionId: version.versionId, ...encryption };
  }

  const head = (version: StoredVersion): Output => ({
    ...version.headers,
    ETag: version.etag,
    VersionId: version.versionId,
    LastModified: version.modified,
    ContentLength: version.body?.length ?? 0,
    ...(version.retainUntil === undefined
      ? {}
      : { ObjectLockMode: version.lockMode, ObjectLockRetainUntilDate: new Date(version.retainUntil) }),
  });

  function remove(input: Input): Output {
    const bucket = bucketOf(input);
    const key = text(input, 'Key');
    const versions = bucket.objects.get(key) ?? [];
    const versionId = optionalText(input, 'VersionId');
    if (versionId === undefined) {
      const marker: StoredVersion = { versionId: randomBytes(24).toString('base64url'), etag: '', modified: new Date(), headers: {} };
      bucket.objects.set(key, [marker, ...versions]);
      return { DeleteMarker: true, VersionId: marker.versionId };
    }
    const version = versions.find((one) => one.versionId === versionId);
    const bypassed =
      version?.lockMode === 'GOVERNANCE' && (input.BypassGovernanceRetention === true || input.BypassGovernanceRetention === 'true');
    if ((version?.retainUntil ?? 0) > Date.now() && !bypassed)
      throw new AwsError('AccessDenied', 'Access Denied because object protected by object lock.', 403);
    bucket.objects.set(
      key,
      versions.filter((one) => one !== version),
    );
    return { VersionId: versionId };
  }

  function list(input: Input): Output {
    const bucket = bucketOf(input);
    const prefix = optionalText(input, 'Prefix') ?? '';
    const after = optionalText(input, 'StartAfter') ?? '';
    const delimiter = optionalText(input, 'Delimiter');
    const maximum = limit(input, 'MaxKeys', 0, 1000, 1000);
    const keys = [...bucket.objects].filter(([key, versions]) => versions[0]?.body && key.startsWith(prefix) && key > after);
    const rows = new Map<string, Output>();
    for (const [key, [version]] of keys.sort(([one], [other]) => (one < other ? -1 : 1))) {
      const cut = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
      const common = cut < 0 ? undefined : key.slice(0, cut + (delimiter?.length ?? 0));
      rows.set(
        common ?? key,
        common
          ? { Prefix: common }
          : { Key: key, LastModified: version?.modified, ETag: version?.etag, Size: version?.body?.length, StorageClass: 'STANDARD' },
      );
    }
    const { items, nextToken } = page([...rows.values()], optionalText(input, 'ContinuationToken'), maximum);
    const [contents, prefixes] = [items.filter((row) => row.Key !== undefined), items.filter((row) => row.Key === undefined)];
    return {
      Name: bucket.name,
      Prefix: prefix,
      ...(delimiter ? { Delimiter: delimiter } : {}),
      KeyCount: items.length,
      MaxKeys: maximum,
      IsTruncated: nextToken !== undefined,
      ...(contents.length > 0 ? { Contents: contents } : {}),
      ...(prefixes.length > 0 ? { CommonPrefixes: prefixes } : {}),
      ...(nextToken ? { NextContinuationToken: nextToken } : {}),
    };
  }

  /** Every version below a prefix, newest first of each key; a marker has no body. A page is all. */
  function listVersions(input: Input): Output {
    const bucket = bucketOf(input);
    const prefix = optionalText(input, 'Prefix') ?? '';
    const shown = [...bucket.objects]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([Key, versions]) =>
        versions.map(({ versionId: VersionId, modified: LastModified, etag: ETag, body }, index) => ({
          isMarker: body === undefined,
          entry: {
            Key,
            VersionId,
            IsLatest: index === 0,
            LastModified,
            ...(body && { ETag, Size: body.length, StorageClass: 'STANDARD' }),
          },
        })),
      );
    const entries = (markers: boolean) => shown.filter(({ isMarker }) => isMarker === markers).map(({ entry }) => entry);
    return { Name: bucket.name, Prefix: prefix, IsTruncated: false, Versions: entries(false), DeleteMarkers: entries(true) };
  }

  function createBucket(input: Input): Output {
    const name = text(input, 'Bucket');
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name))
      throw new AwsError('InvalidBucketName', `The specified bucket is not valid: ${name}`, 400);
    if (buckets.has(name))
      throw new AwsError(
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
        409,
      );
    const lockable = [true, 'true'].includes(input.ObjectLockEnabledForBucket as string);
    buckets.set(name, { name, createdAt: new Date(), lockable, objects: new Map() });
    return { Location: `/${name}` };
  }

  const listContext = (input: Input): Authorization['context'] => {
    const prefix = optionalText(input, 'Prefix');
    return prefix === undefined ? {} : { 's3:prefix': prefix };
  };
  /** Reading an object that a customer managed key encrypts takes that key. */
  const storedKey = (input: Input, resource: string): readonly Authorization[] => {
    const version = buckets.get(text(input, 'Bucket'))?.objects.get(text(input, 'Key'))?.[0];
    return keyUse(surroundings, version?.headers.SSEKMSKeyId as string | undefined, 's3', ['kms:Decrypt'], {
      'kms:EncryptionContext:aws:s3:arn': resource,
    });
  };
  /** Whoever may not list a bucket is told nothing of what is not there (Amazon S3 API Reference, GetObject, "Permissions"). */
  const missing = (input: Input): readonly Authorization[] => {
    const bucket = buckets.get(text(input, 'Bucket'));
    const isThere = input.VersionId !== undefined || bucket?.objects.get(text(input, 'Key'))?.[0]?.body !== undefined;
    return bucket === undefined || isThere ? [] : [{ action: 's3:ListBucket', resource: bucketArn(input), ...policyOf(input) }];
  };
  const readNeeds = (input: Input, resource: string): readonly Authorization[] => [...missing(input), ...storedKey(input, resource)];
  const putNeeds = (input: Input, resource: string): readonly Authorization[] => [
    ...(input.ObjectLockMode === undefined
      ? []
      : [{ action: 's3:PutObjectRetention', resource, context: requestContext(input), ...policyOf(input) }]),
    ...keyUse(surroundings, optionalText(input, 'SSEKMSKeyId'), 's3', ['kms:GenerateDataKey'], {
      'kms:EncryptionContext:aws:s3:arn': resource,
    }),
  ];

  return {
    name: 's3',
    operations: {
      ListBuckets: {
        authorize: () => [{ action: 's3:ListAllMyBuckets', resource: '*' }],
        run: () => ({ Buckets: [...buckets.values()].map((bucket) => ({ Name: bucket.name, CreationDate: bucket.createdAt })) }),
      },
      CreateBucket: onBucket('CreateBucket', createBucket),
      HeadBucket: onBucket('ListBucket', (input) => {
        bucketOf(input);
        return { BucketRegion: region };
      }),
      GetBucketLocation: onBucket('GetBucketLocation', (input) => {
        bucketOf(input);
        return { LocationConstraint: region };
      }),
      GetBucketPolicy: onBucket('GetBucketPolicy', (input) => {
        const { policy } = bucketOf(input);
        if (!policy) throw new AwsError('NoSuchBucketPolicy', 'The bucket policy does not exist', 404);
        return { Policy: policy };
      }),
      PutBucketPolicy: onBucket('PutBucketPolicy', (input) => {
        bucketOf(input).policy = checkPolicyText(text(input, 'Policy'), 'MalformedPolicy');
        return {};
      }),
      PutObjectLockConfiguration: onBucket('PutBucketObjectLockConfiguration', (input) => {
        const bucket = bucketOf(input);
        if (!bucket.lockable)
          throw new AwsError('InvalidBucketState', 'Object Lock configuration cannot be enabled on existing buckets', 409);
        const retention = record(record(record(input, 'ObjectLockConfiguration'), 'Rule'), 'DefaultRetention');
        const mode = text(retention, 'Mode');
        if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') throw new AwsError('MalformedXML', `Mode: ${mode}`);
        bucket.defaultLock = { mode, days: limit(retention, 'Days', 1, 36_500, 0) };
        return {};
      }),
      ListObjectsV2: onBucket('ListBucket', list, listContext),
      ListObjectVersions: onBucket('ListBucketVersions', listVersions, listContext),
      PutObject: onObject('PutObject', put, putNeeds),
      GetObject: onVersion('GetObject', (input) => ({ ...head(find(input)), Body: find(input).body }), readNeeds),
      HeadObject: onVersion('GetObject', (input) => head(find(input)), readNeeds),
      DeleteObject: onVersion('DeleteObject', remove),
    },
  };
}
