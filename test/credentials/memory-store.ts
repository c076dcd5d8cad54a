/** A store in memory, for tests of the core. It is held to the same contract as the real ones. */
import { CredentialError } from '../../handlers/credentials/credential-error.ts';
import type { Credential, CredentialStore, StoredCredential } from '../../handlers/credentials/credential-store.ts';

export interface MemoryStore extends CredentialStore {
  /** A person puts a value. */
  put(credential: Credential): void;
  /** A rotation begins: Secrets Manager labels a version that has no value yet. */
  begin(version: string): void;
}

export function memoryStore(initial?: Credential): MemoryStore {
  const values = new Map<string, Credential>();
  let [current, previous, pending]: (string | undefined)[] = [];
  const stored = (version: string | undefined): StoredCredential | undefined => {
    const credential = version === undefined ? undefined : values.get(version);
    return version === undefined || credential === undefined ? undefined : { version, credential: structuredClone(credential) };
  };
  const become = (version: string) => {
    if (current === version) return;
    [previous, current] = [current, version];
  };
  const store: MemoryStore = {
    place: 'memory://credential',
    current: async () => stored(current),
    previous: async () => stored(previous),
    read: async (version) => stored(version),
    pending: async () => (pending === current ? undefined : pending),
    async putPending(version, credential) {
      const there = values.get(version);
      if (there !== undefined && JSON.stringify(there) !== JSON.stringify(credential))
        throw new CredentialError(`version ${version} has another value`, 'start the rotation anew');
      values.set(version, structuredClone(credential));
      pending = version;
    },
    async promote(version) {
      if (!values.has(version)) throw new CredentialError(`version ${version} has no value`, 'start the rotation anew');
      become(version);
      if (pending === version) pending = undefined;
    },
    put(credential) {
      const version = `put-${values.size + 1}`;
      values.set(version, credential);
      become(version);
    },
    begin(version) {
      pending = version;
    },
  };
  if (initial) store.put(initial);
  return store;
}
