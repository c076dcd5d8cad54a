/** An object of S3 that may not be there. */
import { GetObjectCommand, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';

/** @returns undefined when there is no such object, which S3 says to whoever may list the bucket (Amazon S3 API Reference, GetObject, "Permissions") */
export async function readObject(client: S3Client, Bucket: string, Key: string): Promise<Buffer | undefined> {
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw error;
  }
}

/** As readObject, of UTF-8. */
export const readText = async (client: S3Client, bucket: string, key: string): Promise<string | undefined> =>
  (await readObject(client, bucket, key))?.toString('utf8');
