/** The bucket with what teams configure. Each object's key holds its content's hash. */
import { createHash } from 'node:crypto';
import { S3Object } from '@cdktf/provider-aws/lib/s3-object/index.js';
import type { ITerraformDependable } from 'cdktf';
import { PrivateBucket } from './private-bucket.ts';
import { literal } from './terraform-text.ts';

/** An object of the bucket, as a function needs to know it. */
export interface ConfigurationObject {
  readonly bucket: string;
  readonly key: string;
  readonly arn: string;
  /** What a function comes after that is told the key: the object is there before, and the one before it stays until then. */
  readonly resource: ITerraformDependable;
}

export interface ConfigurationText {
  /** First part of the key. */
  readonly folder: string;
  /** Last part of the key, after the dot: `cedar`. */
  readonly extension: string;
  readonly contentType: string;
  readonly text: string;
}

export class ConfigurationBucket extends PrivateBucket {
  /** Puts JSON under `<folder>/<hash>.json`, see `addText`. */
  addJson(id: string, folder: string, value: unknown): ConfigurationObject {
    const text = `${JSON.stringify(value, null, 2)}\n`;
    return this.addText(id, { folder, extension: 'json', contentType: 'application/json', text });
  }

  /**
   * Puts a text under `<folder>/<first 16 hex digits of its SHA-256>.<extension>`. Other content is another object, so a function that
   * holds the key may keep what it read, and the plan shows the content before and after.
   */
  addText(id: string, { folder, extension, contentType, text }: ConfigurationText): ConfigurationObject {
    const key = `${folder}/${createHash('sha256').update(text).digest('hex').slice(0, 16)}.${extension}`;
    const resource = new S3Object(this, id, {
      bucket: this.name,
      key,
      content: literal(text),
      contentType,
      lifecycle: { createBeforeDestroy: true },
    });
    return { bucket: this.name, key, arn: `${this.arn}/${key}`, resource };
  }
}
