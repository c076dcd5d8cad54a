/** What decide-access goes by, from the S3 objects that the deployment wrote. */
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { ConfigurationError } from '../platform/errors.ts';
import { type AccessConfiguration, parseAccessConfiguration } from './access-configuration.ts';

/** A configuration and the texts of its policies. */
export interface AccessSource {
  readonly configuration: AccessConfiguration;
  /** In the order of the configuration. */
  readonly policies: readonly { readonly name: string; readonly text: string }[];
  /** Another content has another: the key of the configuration's object, which holds a hash of it and of the policies' keys. */
  readonly digest: string;
}

export type LoadAccess = () => Promise<AccessSource>;

/**
 * Loads the configuration once: its key holds a hash of the content, and so do the keys of its policies, so what they name never changes.
 *
 * @throws ConfigurationError when the object is no configuration: nothing is decided then, nothing granted, and what is held stays
 */
export function s3AccessConfiguration(client: S3Client, bucket: string, key: string): LoadAccess {
  let loaded: Promise<AccessSource> | undefined;
  const read = async (Key: string): Promise<string> => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    return (await Body?.transformToString()) ?? '';
  };
  const load = async (): Promise<AccessSource> => {
    const configuration = parseAccessConfiguration(parsed(await read(key), `s3://${bucket}/${key}`));
    const policies = await Promise.all(configuration.policies.map(async (file) => ({ name: file.name, text: await read(file.key) })));
    return { configuration, policies, digest: key };
  };
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined; // a failed load is not kept: the next message tries again
      throw error;
    });
    return loaded;
  };
}

function parsed(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigurationError(`access configuration ${place} is no JSON: deploy the environment again`, { cause });
  }
}
