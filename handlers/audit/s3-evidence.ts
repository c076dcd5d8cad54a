/** The trail in its bucket: the latest version of each object. */
import { GetObjectCommand, NoSuchKey, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import type { Evidence } from './evidence.ts';

export function s3Evidence(client: S3Client, bucket: string): Evidence {
  return {
    async *list(Prefix, after) {
      const input = { Bucket: bucket, Prefix, ...(after === undefined ? {} : { StartAfter: after }) };
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, input)) for (const { Key } of Contents) if (Key) yield Key;
    },
    async read(Key) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
        return Buffer.from((await Body?.transformToByteArray()) ?? []);
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
  };
}
