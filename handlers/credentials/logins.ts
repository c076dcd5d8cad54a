/** Logging on with what the store has: which of its values the directory takes. */
import type { BindRefusal } from '../platform/ldap-failure.ts';
import type { AccountDirectory, AccountSession, Login } from './account-directory.ts';
import { CredentialError } from './credential-error.ts';
import type { Credential, CredentialStore } from './credential-store.ts';
import type { RotationEntry } from './rotation-ledger.ts';

/** Data 52e, wrong user name or password: the one refusal after which another password is worth a try. */
export const isWrongPassword = ({ code }: BindRefusal): boolean => code === '52e' || code === '';

export function bindRefusedError({ username }: Login, refusal: BindRefusal): CredentialError {
  const { code, meaning } = refusal;
  return new CredentialError(
    `the directory refused "${username}": ${meaning}${code ? ` (data ${code})` : ''}`,
    isWrongPassword(refusal)
      ? 'put the right password into the secret, or have it reset by a delegated account'
      : 'mend the account: its password may be right',
  );
}

/** @throws CredentialError with the directory's reason @throws ControllerUnreachableError */
export async function openAs(directory: AccountDirectory, login: Login): Promise<AccountSession> {
  const { session, refusal } = await directory.open(login);
  if (session === undefined) throw bindRefusedError(login, refusal);
  return session;
}

export interface KnownLogin {
  readonly session: AccountSession;
  readonly credential: Credential;
}

/**
 * Logs on with the first value that the directory takes. At most three are tried, so at most two binds are refused before one is taken.
 *
 * @throws CredentialError with the reason of the first refusal when none is taken, or with that of one which is no wrong password
 */
export async function openKnown(directory: AccountDirectory, candidates: readonly Credential[], account: string): Promise<KnownLogin> {
  let first: CredentialError | undefined;
  const tried = new Set<string>();
  for (const credential of candidates) {
    if (tried.has(credential.password)) continue;
    tried.add(credential.password);
    const { session, refusal } = await directory.open(credential);
    if (session !== undefined) return { session, credential };
    const error = bindRefusedError(credential, refusal);
    if (!isWrongPassword(refusal)) throw error;
    first ??= error;
  }
  throw (
    first ??
    new CredentialError(`the store has no password of account "${account}"`, 'put one there, or name a delegated account that resets it')
  );
}

/** Values that the store has, most likely one first: what an interrupted rotation may have brought to the directory, current, previous. */
export async function candidatesOf(store: CredentialStore, { attempt }: RotationEntry): Promise<readonly Credential[]> {
  const attempted = attempt && (await store.read(attempt.version));
  const found = [attempted, await store.current(), await store.previous()];
  return found.flatMap((one) => (one === undefined ? [] : [one.credential]));
}
