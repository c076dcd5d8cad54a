/** The trail's bucket, as writers use it: each key is written once, by whoever comes first. */
import { PutObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { readObject } from '../platform/s3-object.ts';

export interface Segments {
  /**
   * Writes a segment, if its key is free.
   *
   * @returns false when something else has the key: another body, or the void that ends a dead writer's claim
   */
  write(key: string, body: string): Promise<boolean>;
  /** Takes a key that its writer never used, for good: the writer cannot use it afterwards. @returns false when it is there by now */
  void(key: string): Promise<boolean>;
  /** @returns undefined when there is no such segment; nothing at all for a void */
  read(key: string): Promise<Buffer | undefined>;
}

export interface TrailBucket {
  readonly bucket: string;
  /** ARN of the KMS key that encrypts what is in it. */
  readonly keyArn: string;
}

/** S3 answers 412 where the key is taken, 409 where two conditional writes meet (Amazon S3 User Guide, "Add preconditions to S3 operations"). */
const taken = (error: unknown): boolean => error instanceof S3ServiceException && error.$metadata.httpStatusCode === 412;

export function s3Segments(client: S3Client, { bucket, keyArn }: TrailBucket): Segments {
  const put = async (Key: string, text: string): Promise<boolean> => {
    const Body = Buffer.from(text);
    try {
      await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key,
          Body,
          ContentLength: Body.length,
          ContentType: 'application/x-ndjson',
          IfNoneMatch: '*',
          ServerSideEncryption: 'aws:kms',
          SSEKMSKeyId: keyArn,
        }),
      );
      return true;
    } catch (error) {
      if (taken(error)) return false;
      throw error;
    }
  };
  const read = (key: string): Promise<Buffer | undefined> => readObject(client, bucket, key);
  return {
    // The SDK repeats a call whose answer was lost: what the first one wrote is no conflict.
    write: async (key, body) => (await put(key, body)) || (await read(key))?.equals(Buffer.from(body)) === true,
    void: (key) => put(key, ''),
    read,
  };
}
