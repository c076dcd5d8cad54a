/** The trail in its bucket: the latest version of each object. */
import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { readObject } from '../platform/s3-object.ts';
import type { Evidence } from './evidence.ts';

export function s3Evidence(client: S3Client, bucket: string): Evidence {
  return {
    async *list(Prefix, after) {
      const input = { Bucket: bucket, Prefix, ...(after === undefined ? {} : { StartAfter: after }) };
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, input)) for (const { Key } of Contents) if (Key) yield Key;
    },
    read: (key) => readObject(client, bucket, key),
  };
}
