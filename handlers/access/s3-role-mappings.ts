/** The role mappings, from the S3 object that the deployment wrote. */
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { ConfigurationError } from '../platform/errors.ts';
import { parseRoleMappings, type RoleMapping } from './role-mapping.ts';

/**
 * Loads the mappings once: the key holds a hash of the content, so what it names never changes.
 *
 * @throws ConfigurationError when the object is no list of role mappings: nothing is decided then, nothing granted
 */
export function s3RoleMappings(client: S3Client, bucket: string, key: string): () => Promise<readonly RoleMapping[]> {
  let loaded: Promise<readonly RoleMapping[]> | undefined;
  const load = async () => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const text = (await Body?.transformToString()) ?? '';
    try {
      return parseRoleMappings(JSON.parse(text));
    } catch (cause) {
      if (cause instanceof ConfigurationError) throw cause;
      throw new ConfigurationError(`role mappings s3://${bucket}/${key} are no JSON: deploy the environment again`, { cause });
    }
  };
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined; // a failed load is not kept: the next message tries again
      throw error;
    });
    return loaded;
  };
}
