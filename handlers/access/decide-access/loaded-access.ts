/** What decides: the configuration and the policies, made ready once. */
import { type ConfigurationPart, partsOf } from '../configuration-changes.ts';
import { type PreparedAccess, prepareAccess } from '../decide.ts';
import { createAuthorizer } from '../policies/authorizer.ts';
import type { AccessSource } from '../s3-access-configuration.ts';

export interface LoadedAccess {
  readonly access: PreparedAccess;
  /** Names the configuration and the policies: others have another. */
  readonly digest: string;
  readonly parts: readonly ConfigurationPart[];
}

/** Kept once it is there; after a failure it is loaded anew. @throws ConfigurationError when configuration or policies are wrong */
export function loadedAccess(load: () => Promise<AccessSource>): () => Promise<LoadedAccess> {
  let kept: Promise<LoadedAccess> | undefined;
  return () => {
    kept ??= prepared(load).catch((error: unknown) => {
      kept = undefined;
      throw error;
    });
    return kept;
  };
}

async function prepared(load: () => Promise<AccessSource>): Promise<LoadedAccess> {
  const source = await load();
  const { configuration, policies, digest } = source;
  const authorizer = createAuthorizer({ policies, attributes: configuration.policyAttributes });
  return { access: prepareAccess(configuration, authorizer), digest, parts: partsOf(source) };
}
