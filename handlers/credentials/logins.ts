/** Logging on with what the store has: which of its values the directory takes. */
import type { BindRefusal } from '../platform/ldap-failure.ts';
import type { AccountDirectory, AccountSession, Login } from './account-directory.ts';
import { CredentialError } from './credential-error.ts';
import type { Credential, CredentialStore, StoredCredential } from './credential-store.ts';
import type { RotationDependencies } from './rotation-dependencies.ts';
import type { RotationEntry } from './rotation-ledger.ts';

const dayMs = 86_400_000;

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

/** Every value that there was is a wrong password. */
class NoneTakenError extends CredentialError {}

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
 * Where none is, that is noted: Secrets Manager retries a rotation that failed several times (AWS Secrets Manager User Guide, "Rotation by
 * Lambda function"), and each time would count towards a lockout.
 *
 * @throws CredentialError with the reason of the first refusal when none is taken, or with that of one which is no wrong password
 */
export async function openKnown(
  { directory, ledger, now }: Pick<RotationDependencies, 'directory' | 'ledger' | 'now'>,
  entry: RotationEntry,
  candidates: readonly StoredCredential[],
  account: string,
): Promise<KnownLogin> {
  const versions = candidates.map(({ version }) => version);
  const { untaken } = entry;
  const isTried = versions.length > 0 && versions.every((version) => untaken?.versions.includes(version));
  if (untaken !== undefined && isTried && now().getTime() - Date.parse(untaken.at) < dayMs) {
    // The same reason: told once, it is told.
    throw new CredentialError(
      untaken.reason,
      `${untaken.remedy}; what was refused at ${untaken.at} is not tried again for a day, a new value at once`,
    );
  }
  try {
    return await openFirst(directory, candidates, account);
  } catch (error) {
    if (error instanceof NoneTakenError) {
      const { reason, remedy } = error;
      await ledger.write({ ...entry, version: entry.version + 1, untaken: { versions, at: now().toISOString(), reason, remedy } });
    }
    throw error;
  }
}

async function openFirst(directory: AccountDirectory, candidates: readonly StoredCredential[], account: string): Promise<KnownLogin> {
  let first: CredentialError | undefined;
  const tried = new Set<string>();
  for (const { credential } of candidates) {
    if (tried.has(credential.password)) continue;
    tried.add(credential.password);
    const { session, refusal } = await directory.open(credential);
    if (session !== undefined) return { session, credential };
    const error = bindRefusedError(credential, refusal);
    if (!isWrongPassword(refusal)) throw error;
    first ??= new NoneTakenError(error.reason, error.remedy);
  }
  throw (
    first ??
    new CredentialError(`the store has no password of account "${account}"`, 'put one there, or name a delegated account that resets it')
  );
}

/** Values that the store has, most likely one first: what an interrupted rotation may have brought to the directory, current, previous. */
export async function candidatesOf(store: CredentialStore, { attempt }: RotationEntry): Promise<readonly StoredCredential[]> {
  const attempted = attempt && (await store.read(attempt.version));
  const found = [attempted, await store.current(), await store.previous()];
  return found.filter((one) => one !== undefined);
}

/**
 * Values of an account that may be rotated itself just now: the current one, then the pending one, which the directory may have already. They
 * are read in the other order, so that a rotation that ends in between hides neither.
 */
export async function loginsThroughRotation(store: CredentialStore): Promise<readonly StoredCredential[]> {
  const version = await store.pending();
  const pending = version === undefined ? undefined : await store.read(version);
  return [await store.current(), pending].filter((one) => one !== undefined);
}
