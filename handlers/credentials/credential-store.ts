/** Where a credential is kept: what consumers read, what is about to replace it, and what it was before. */
import * as v from 'valibot';
import { CredentialError } from './credential-error.ts';

/** What a secret holds, as JSON. Further fields (a host, a port) are kept as they are. */
export interface Credential {
  /** A distinguished name, a user principal name or DOMAIN\user. */
  readonly username: string;
  readonly password: string;
  readonly [field: string]: unknown;
}

export interface StoredCredential {
  /** The store's id of it: for what was put with a token, that token. */
  readonly version: string;
  readonly credential: Credential;
}

/**
 * One credential's place. Every call may be repeated after a crash at any point.
 *
 * All of them throw CredentialError for what is no JSON credential or is refused for good, RetryableError for what may pass, and neither
 * holds a value.
 */
export interface CredentialStore {
  /** What it is called in events: an ARN or a URL. */
  readonly place: string;
  /** What consumers read now; undefined: nobody has put a value yet. */
  current(): Promise<StoredCredential | undefined>;
  /** What was current before; undefined: nothing, or it is no longer kept. */
  previous(): Promise<StoredCredential | undefined>;
  /** A version by its id, also one that an interrupted rotation left behind; undefined: it has no value, or is no longer kept. */
  read(version: string): Promise<StoredCredential | undefined>;
  /** Id of the version that is about to become current; undefined: no rotation is under way. It may have no value yet. */
  pending(): Promise<string | undefined>;
  /** Keeps a value under that id as pending. @throws CredentialError when the id has another value already */
  putPending(version: string, credential: Credential): Promise<void>;
  /** Makes the pending value current, and what was current previous. Nothing when it is current already. @throws CredentialError when it has no value */
  promote(version: string): Promise<void>;
}

const credentialSchema = v.looseObject({ username: v.pipe(v.string(), v.nonEmpty()), password: v.pipe(v.string(), v.nonEmpty()) });

export const credentialRemedy = 'put {"username": "<user principal name or distinguished name>", "password": "…"} into it';

/** @param place for the error @throws CredentialError that shows nothing of the value */
export function parseCredential(place: string, value: unknown): Credential {
  const parsed = v.safeParse(credentialSchema, value);
  if (parsed.success) return parsed.output;
  throw new CredentialError(`${place} is not a JSON object with username and password`, credentialRemedy);
}

/** As `parseCredential`, from JSON text. */
export function parseCredentialText(place: string, text: string): Credential {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined; // The parser's own message would quote the value.
  }
  return parseCredential(place, value);
}
