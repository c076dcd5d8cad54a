/**
 * A credential in a KV version 2 engine of Vault or OpenBao. Consumers read the secret's path, its fields as they are; what is about to
 * replace them lies at a path of its own beside it, which consumers get no right to read.
 */
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { ConfigurationError, RetryableError } from '../../platform/errors.ts';
import { CredentialError } from '../credential-error.ts';
import { type CredentialStore, parseCredential, type StoredCredential } from '../credential-store.ts';
import { type KvSecret, type KvState, kvSecret } from './kv-secret.ts';
import type { VaultClient } from './vault-client.ts';
import type { JsonObject } from './vault-request.ts';
import { type VaultSettings, vaultPath } from './vault-settings.ts';

/** Where the pending value of the secret at that path lies. */
export const pendingPath = (path: string): string => `${path}-pending`;

/**
 * A field beside the credential's, for consumers to pass over: `<KV version>:<the store's id>`. In the same write as the password, so that
 * neither is there without the other; with the KV version, so that whoever copies the field with another password, or rolls back, does
 * not take the id along.
 */
const idField = 'rotationVersion';

/** Id of a version that somebody else wrote. */
const numbered = (number: number): string => `kv-${number}`;
const numberIn = (version: string): number | undefined => {
  const digits = /^kv-(\d+)$/.exec(version)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** A version is looked for among so many of the newest: Vault keeps ten, unless it is told otherwise ("KV Secrets Engine - Version 2"). */
const searchedVersions = 20;

/** What lies at the pending path. */
const pendingSchema = v.object({ version: v.pipe(v.string(), v.nonEmpty()), credential: v.record(v.string(), v.unknown()) });

/** A version as it lies there: what somebody else wrote may be no credential, which matters only to whoever asks for it. */
interface Entry {
  readonly number: number;
  readonly version: string;
  readonly fields: JsonObject;
}

/**
 * @param settings of the vault that the client is for
 * @param path of the secret, without mount and without `data/`
 * @throws ConfigurationError when the path is none, or another credential's pending one
 */
export function vaultStore(
  client: Pick<VaultClient, 'send'>,
  { address, namespace, mount }: Pick<VaultSettings, 'address' | 'namespace' | 'mount'>,
  path: string,
  now: () => Date = () => new Date(),
): CredentialStore {
  if (!vaultPath.test(path) || path.endsWith(pendingPath('')))
    throw new ConfigurationError(`"${path}" is no path of a credential: no segment may end in a period, nor the path in "-pending"`);
  const place = [address.replace(/\/+$/, ''), 'v1', ...(namespace === undefined ? [] : [namespace]), mount, 'data', path].join('/');
  const main = kvSecret(client, mount, path, now);
  const beside = kvSecret(client, mount, pendingPath(path), now);

  const credentialOf = (entry: Entry | undefined): StoredCredential | undefined =>
    entry && { version: entry.version, credential: parseCredential(place, entry.fields) };

  const previousOf = async ({ number }: KvState): Promise<Entry | undefined> =>
    number < 2 ? undefined : storedEntry({ number: number - 1, data: await main.version(number - 1) });

  /** Among those that are kept, the newest first: a rotation may have been interrupted by another one. */
  async function find(secret: KvSecret, entryOf: (state: KvState) => Entry | undefined, version: string): Promise<Entry | undefined> {
    const latest = await secret.latest();
    const newest = entryOf(latest);
    if (newest?.version === version) return newest;
    if (latest.number < 2) return undefined;
    for (const number of (await secret.kept()).slice(0, searchedVersions)) {
      const entry = entryOf({ number, data: await secret.version(number) });
      if (entry?.version === version) return entry;
    }
    return undefined;
  }

  async function findAnywhere(version: string): Promise<Entry | undefined> {
    const number = numberIn(version);
    if (number === undefined) return (await find(beside, pendingEntry, version)) ?? find(main, storedEntry, version);
    const entry = storedEntry({ number, data: await main.version(number) });
    return entry?.version === version ? entry : undefined;
  }

  /** It was current, and at most one other since. */
  async function isPromoted(version: string, state: KvState): Promise<boolean> {
    return storedEntry(state)?.version === version || (await previousOf(state))?.version === version;
  }

  /** @throws RetryableError when somebody else wrote since; the write that did it may also have been this one, its answer lost */
  async function write(secret: KvSecret, after: number, data: JsonObject): Promise<void> {
    if (await secret.writeAfter(after, data)) return;
    const { number, data: there } = await secret.latest();
    if (number === after + 1 && isDeepStrictEqual(there, data)) return;
    throw new RetryableError(`${place}: somebody else wrote while version ${after} was about to be replaced`);
  }

  return {
    place,
    current: async () => credentialOf(storedEntry(await main.latest())),
    previous: async () => credentialOf(await previousOf(await main.latest())),
    read: async (version) => credentialOf(await findAnywhere(version)),

    async pending() {
      const latest = await beside.latest();
      const entry = pendingEntry(latest);
      if (entry === undefined && latest.data !== undefined)
        throw new CredentialError(`${pendingPath(place)} holds something else than a pending credential`, 'delete what is there');
      // One that was promoted is left there by a promotion that could not clear up.
      return entry === undefined || (await isPromoted(entry.version, await main.latest())) ? undefined : entry.version;
    },

    async putPending(version, credential) {
      if (numberIn(version) !== undefined) throw new CredentialError(`${version} is an id of the store's own`, 'use a random one');
      const latest = await beside.latest();
      const newest = pendingEntry(latest);
      const known = newest?.version === version ? newest : await findAnywhere(version);
      if (known !== undefined && !isDeepStrictEqual(known.fields, { ...credential }))
        throw new CredentialError(`version ${version} of ${place} has another value already`, 'start the rotation again');
      if (known !== undefined && (known === newest || (await isPromoted(version, await main.latest())))) return;
      await write(beside, latest.number, { version, credential });
    },

    async promote(version) {
      const before = await main.latest();
      const entry = await find(beside, pendingEntry, version);
      // As previous it was current already, and somebody has put another value since: a repeat leaves that alone.
      if (!(await isPromoted(version, before))) {
        if (entry === undefined)
          throw new CredentialError(`version ${version} of ${place} has no pending value`, 'start the rotation again');
        const number = before.number + 1;
        await write(main, before.number, { ...entry.fields, [idField]: `${number}:${version}` });
      }
      // It lies at the secret's path now. What other rotations left behind stays: the directory may have taken it.
      if (entry !== undefined) await beside.destroy(entry.number);
    },
  };
}

function storedEntry({ number, data }: KvState): Entry | undefined {
  if (data === undefined) return undefined;
  const { [idField]: id, ...fields } = data;
  const own = typeof id === 'string' && id.startsWith(`${number}:`) ? id.slice(`${number}:`.length) : '';
  return { number, version: own === '' ? numbered(number) : own, fields };
}

function pendingEntry({ number, data }: KvState): Entry | undefined {
  const parsed = v.safeParse(pendingSchema, data);
  return parsed.success ? { number, version: parsed.output.version, fields: parsed.output.credential } : undefined;
}
