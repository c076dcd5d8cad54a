/** The bucket with what teams configure: private, versioned, encrypted, TLS only. Each object's key holds its content's hash. */
import { createHash } from 'node:crypto';
import { S3Bucket } from '@cdktf/provider-aws/lib/s3-bucket/index.js';
import { S3BucketPolicy } from '@cdktf/provider-aws/lib/s3-bucket-policy/index.js';
import { S3BucketPublicAccessBlock } from '@cdktf/provider-aws/lib/s3-bucket-public-access-block/index.js';
import { S3BucketServerSideEncryptionConfigurationA } from '@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration/index.js';
import { S3BucketVersioningA } from '@cdktf/provider-aws/lib/s3-bucket-versioning/index.js';
import { S3Object } from '@cdktf/provider-aws/lib/s3-object/index.js';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from './integration-environment.ts';
import { policyDocument } from './policy.ts';

export interface ConfigurationBucketProps {
  readonly environment: IntegrationEnvironment;
}

/** An object of the bucket, as a function needs to know it. */
export interface ConfigurationObject {
  readonly bucket: string;
  readonly key: string;
  readonly arn: string;
}

export class ConfigurationBucket extends Construct {
  readonly name: string;
  readonly arn: string;

  constructor(scope: Construct, id: string, props: ConfigurationBucketProps) {
    super(scope, id);
    const { environment } = props;
    // Bucket names are unique over all accounts: the account and the region make them ours.
    const bucket = new S3Bucket(this, 'bucket', {
      bucket: environment.resourceName('bucket', `${environment.account}-${environment.region}`),
      forceDestroy: !environment.deletionProtection,
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
    new S3BucketVersioningA(this, 'versioning', { bucket: bucket.bucket, versioningConfiguration: { status: 'Enabled' } });
    new S3BucketServerSideEncryptionConfigurationA(this, 'encryption', {
      bucket: bucket.bucket,
      rule: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }],
    });
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
  }

  /**
   * Puts JSON under `<folder>/<first 16 hex digits of its SHA-256>.json`. Other content is another object, so a function that holds the
   * key may keep what it read, and the plan shows the content before and after.
   */
  addJson(id: string, folder: string, value: unknown): ConfigurationObject {
    const content = `${JSON.stringify(value, null, 2)}\n`;
    const key = `${folder}/${createHash('sha256').update(content).digest('hex').slice(0, 16)}.json`;
    new S3Object(this, id, {
      bucket: this.name,
      key,
      // Terraform reads "${" and "%{" in any string as a template: doubled, they stand for themselves.
      content: content.replace(/[$%](?=\{)/g, '$&$&'),
      contentType: 'application/json',
      lifecycle: { createBeforeDestroy: true },
    });
    return { bucket: this.name, key, arn: `${this.arn}/${key}` };
  }
}
