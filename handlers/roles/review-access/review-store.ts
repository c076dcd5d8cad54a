/** Where reports are kept: a port, and the reports bucket under `access-review/`. */
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { readText } from '../../platform/s3-object.ts';

/** What is known of the newest report. */
export interface NewestReview {
  readonly report: string;
  readonly generatedAt: string;
  readonly sha256: string;
  /** Keys of its files. */
  readonly files: readonly string[];
}

export interface ReviewStore {
  newest(): Promise<NewestReview | undefined>;
  write(key: string, bytes: Buffer, contentType: string): Promise<void>;
  setNewest(newest: NewestReview): Promise<void>;
}

const newestKey = 'access-review/latest.json';
const newestSchema = v.object({ report: v.string(), generatedAt: v.string(), sha256: v.string(), files: v.array(v.string()) });

export function s3ReviewStore(client: S3Client, bucket: string): ReviewStore {
  const put = async (Key: string, Body: Buffer | string, ContentType: string) => {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType }));
  };
  return {
    async newest() {
      const text = await readText(client, bucket, newestKey);
      return text === undefined ? undefined : v.parse(newestSchema, JSON.parse(text));
    },
    write: put,
    setNewest: (newest) => put(newestKey, `${JSON.stringify(newest, null, 1)}\n`, 'application/json'),
  };
}
