/** An S3 bucket of the integration: private, versioned, encrypted, TLS only. */
import { S3Bucket } from '@cdktf/provider-aws/lib/s3-bucket/index.js';
import { S3BucketLifecycleConfiguration } from '@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration/index.js';
import { S3BucketObjectLockConfigurationA } from '@cdktf/provider-aws/lib/s3-bucket-object-lock-configuration/index.js';
import { S3BucketPolicy } from '@cdktf/provider-aws/lib/s3-bucket-policy/index.js';
import { S3BucketPublicAccessBlock } from '@cdktf/provider-aws/lib/s3-bucket-public-access-block/index.js';
import { S3BucketServerSideEncryptionConfigurationA } from '@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration/index.js';
import { S3BucketVersioningA } from '@cdktf/provider-aws/lib/s3-bucket-versioning/index.js';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from './integration-environment.ts';
import { policyDocument } from './policy.ts';

export interface PrivateBucketProps {
  readonly environment: IntegrationEnvironment;
  /** What it holds, a part of its name. @default none: the bucket of the environment's configuration */
  readonly name?: string;
  /** Days an object is kept. @default for good */
  readonly expireAfterDays?: number;
  /** KMS key that encrypts each object, unless its writer names another. @default S3's own key */
  readonly keyArn?: string;
  /**
   * Each version of an object can neither be overwritten nor deleted for so many days (Amazon S3 User Guide, "Locking objects with Object
   * Lock"). @default none
   */
  readonly lock?: ObjectLock;
}

/**
 * `governance`: whoever has s3:BypassGovernanceRetention may shorten it; `compliance`: nobody, not even the account's root user, and neither
 * can the bucket be emptied before.
 */
export interface ObjectLock {
  readonly mode: 'governance' | 'compliance';
  readonly days: number;
}

/** Days a version stays that was overwritten or has expired. */
const supersededDays = 7;

export class PrivateBucket extends Construct {
  readonly name: string;
  readonly arn: string;

  constructor(scope: Construct, id: string, props: PrivateBucketProps) {
    super(scope, id);
    const { environment } = props;
    // Bucket names are unique over all accounts: the account and the region make them ours.
    const place = `${environment.account}-${environment.region}`;
    const bucket = new S3Bucket(this, 'bucket', {
      bucket: environment.resourceName('bucket', props.name === undefined ? place : `${props.name}-${place}`),
      forceDestroy: !environment.deletionProtection,
      ...(props.lock ? { objectLockEnabled: true, lifecycle: { preventDestroy: environment.deletionProtection } } : {}),
    });
    this.name = bucket.bucket;
    this.arn = bucket.arn;
    new S3BucketPublicAccessBlock(this, 'public-access', {
      bucket: bucket.bucket,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    const versioning = new S3BucketVersioningA(this, 'versioning', {
      bucket: bucket.bucket,
      versioningConfiguration: { status: 'Enabled' },
    });
    new S3BucketServerSideEncryptionConfigurationA(this, 'encryption', {
      bucket: bucket.bucket,
      rule: [
        props.keyArn === undefined
          ? { applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }
          : { applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: props.keyArn }, bucketKeyEnabled: true },
      ],
    });
    if (props.lock) {
      new S3BucketObjectLockConfigurationA(this, 'lock', {
        bucket: bucket.bucket,
        rule: { defaultRetention: { mode: props.lock.mode.toUpperCase(), days: props.lock.days } },
        dependsOn: [versioning],
      });
    }
    new S3BucketPolicy(this, 'policy', {
      bucket: bucket.bucket,
      policy: policyDocument([
        {
          Sid: 'DenyWithoutTls',
          Effect: 'Deny',
          Principal: '*',
          Action: ['s3:*'],
          Resource: [bucket.arn, `${bucket.arn}/*`],
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ]),
    });
    if (props.expireAfterDays !== undefined) this.#expire(props.expireAfterDays, versioning);
  }

  #expire(days: number, versioning: S3BucketVersioningA): void {
    new S3BucketLifecycleConfiguration(this, 'lifecycle', {
      bucket: this.name,
      rule: [
        {
          id: 'expire',
          status: 'Enabled',
          // Of every object (Amazon S3 API Reference, "LifecycleRuleFilter": an empty prefix).
          filter: [{ prefix: '' }],
          expiration: [{ days }],
          noncurrentVersionExpiration: [{ noncurrentDays: supersededDays }],
        },
      ],
      // A rule on superseded versions needs a bucket that keeps them.
      dependsOn: [versioning],
    });
  }
}
