/** S3 buckets, their policies and the objects Terraform uploads. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes, withoutEffect } from './resource.ts';

const bucketId = (config: Arguments): Attributes => ({ id: config.text('bucket') });

export const s3: ResourceTypes = {
  aws_s3_bucket: { apply: applyBucket },
  aws_s3_bucket_object_lock_configuration: { apply: applyLock },
  aws_s3_bucket_policy: { apply: applyPolicy },
  aws_s3_object: { apply: applyObject },
  aws_s3_bucket_versioning: withoutEffect('nothing overwrites an object in the sandbox: keys hold a hash of the content', bucketId),
  aws_s3_bucket_server_side_encryption_configuration: withoutEffect('nothing is written to a disk', bucketId),
  aws_s3_bucket_public_access_block: withoutEffect('the endpoint listens on loopback and knows no anonymous caller', bucketId),
  aws_s3_bucket_ownership_controls: withoutEffect('there is one account, and no ACL is evaluated', bucketId),
  aws_s3_bucket_lifecycle_configuration: withoutEffect('a sandbox does not live long enough for an object to expire', bucketId),
};

async function applyBucket(config: Arguments, context: ApplyContext): Promise<Attributes> {
  // Terraform ends a name it makes itself with the time; here it is the same on every run.
  const generated = `${config.optionalText('bucket_prefix') ?? 'terraform-'}${createHash('sha256').update(config.address).digest('hex').slice(0, 26)}`;
  const name = config.optionalText('bucket') ?? generated;
  config.withoutEffect('force_destroy', 'tags');
  await context.operator('s3', 'CreateBucket', { Bucket: name, ObjectLockEnabledForBucket: config.flag('object_lock_enabled') });
  return {
    id: name,
    bucket: name,
    arn: `arn:${context.partition}:s3:::${name}`,
    region: context.region,
    bucket_domain_name: `${name}.s3.amazonaws.com`,
    bucket_regional_domain_name: `${name}.s3.${context.region}.amazonaws.com`,
  };
}

async function applyLock(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const bucket = config.text('bucket');
  const retention = config.block('rule')?.block('default_retention');
  if (retention === undefined) throw new Error(`${config.address}: rule.default_retention is missing`);
  const DefaultRetention = { Mode: retention.text('mode'), Days: retention.number('days') };
  await context.operator('s3', 'PutObjectLockConfiguration', {
    Bucket: bucket,
    ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention } },
  });
  return { id: bucket };
}

async function applyPolicy(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const bucket = config.text('bucket');
  await context.operator('s3', 'PutBucketPolicy', { Bucket: bucket, Policy: config.text('policy') });
  return { id: bucket };
}

async function applyObject(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const bucket = config.text('bucket');
  const key = config.text('key');
  config.withoutEffect('etag', 'source_hash', 'tags', 'force_destroy', 'server_side_encryption', 'kms_key_id', 'bucket_key_enabled');
  const content = config.optionalText('content');
  const body = content === undefined ? readFileSync(resolve(context.stackDirectory, config.text('source'))) : Buffer.from(content);
  const answer = await context.operator(
    's3',
    'PutObject',
    present({ Bucket: bucket, Key: key, Body: body, ContentType: config.optionalText('content_type') }),
  );
  return {
    id: key,
    arn: `arn:${context.partition}:s3:::${bucket}/${key}`,
    etag: String(answer.ETag ?? '').replaceAll('"', ''),
    version_id: String(answer.VersionId ?? ''),
  };
}
