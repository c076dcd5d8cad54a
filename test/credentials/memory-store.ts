/** A credential's place in memory, for tests of what uses one. It keeps the same contract as the real ones. */
import { isDeepStrictEqual } from 'node:util';
import { CredentialError } from '../../handlers/credentials/credential-error.ts';
import {
  type Credential,
  type CredentialStore,
  parseCredential,
  type StoredCredential,
} from '../../handlers/credentials/credential-store.ts';

export interface MemoryStore extends CredentialStore {
  /** As somebody else, past every rotation. @returns the version's id */
  putByHand(value: unknown): string;
  /** As RotateSecret does: that version is pending, and has no value yet. */
  startRotation(version: string): void;
}

export function memoryStore(initial?: Credential, place = 'memory://credential'): MemoryStore {
  const values = new Map<string, unknown>();
  /** What is current, the newest last. */
  const history: string[] = [];
  let pending: string | undefined;
  let strangers = 0;

  const found = (version: string | undefined): StoredCredential | undefined =>
    version === undefined || !values.has(version)
      ? undefined
      : { version, credential: structuredClone(parseCredential(place, values.get(version))) };
  const isPromoted = (version: string): boolean => history.slice(-2).includes(version);

  function putByHand(value: unknown): string {
    strangers += 1;
    const version = `by-hand-${strangers}`;
    values.set(version, structuredClone(value));
    history.push(version);
    return version;
  }

  if (initial !== undefined) putByHand(initial);
  return {
    place,
    current: async () => found(history.at(-1)),
    previous: async () => found(history.at(-2)),
    read: async (version) => found(version),
    pending: async () => pending,
    async putPending(version, credential) {
      if (values.has(version) && !isDeepStrictEqual(values.get(version), credential))
        throw new CredentialError(`version ${version} of ${place} has another value already`, 'start the rotation again');
      values.set(version, structuredClone(credential));
      if (!isPromoted(version)) pending = version;
    },
    async promote(version) {
      if (!isPromoted(version)) {
        if (!values.has(version)) throw new CredentialError(`version ${version} of ${place} has no value`, 'start the rotation again');
        history.push(version);
      }
      if (pending === version) pending = undefined;
    },
    putByHand,
    startRotation: (version) => {
      pending = version;
    },
  };
}
