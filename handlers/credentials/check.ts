/**
 * The regular look at one credential between two rotations: an interrupted rotation is ended, a password that somebody else changed is
 * found, and its age is told.
 */
import { means } from './account-checks.ts';
import { CredentialError } from './credential-error.ts';
import { accountsOf } from './credential-settings.ts';
import type { StoredCredential } from './credential-store.ts';
import { credentialRemedy } from './credential-store.ts';
import { bindRefusedError, isWrongPassword } from './logins.ts';
import { tellUntold, withKnown } from './rotation.ts';
import type { RotationDependencies } from './rotation-dependencies.ts';
import { isUnderWay, type RotationEntry, type RotationRequest, requestedVersion } from './rotation-ledger.ts';

const dayMs = 86_400_000;

/** What is to be done about the credential: nothing, the steps that are left of a version, or a rotation of its own. */
export type CheckResult =
  | { readonly do: 'nothing' }
  | { readonly do: 'resume'; readonly version: string }
  | { readonly do: 'rotate'; readonly request: RotationRequest };

/** @throws CredentialError for what a person has to mend @throws ControllerUnreachableError */
export async function check(deps: RotationDependencies): Promise<CheckResult> {
  const { settings, store, ledger, log, now } = deps;
  await tellUntold(deps, await ledger.read(settings.name));
  let entry = await ledger.read(settings.name);
  if (entry.since === undefined) entry = await written(deps, { ...entry, since: now().toISOString() });
  const age = ageOf(deps, entry);
  log.info('CREDENTIAL_CHECKED', {
    credential: settings.name,
    strategy: settings.strategy.kind,
    ageDays: Math.floor(age),
    overdueDays: Math.max(0, Math.floor(age - settings.everyDays)),
    rotated: entry.rotated !== undefined,
  });
  const current = await store.current();
  if (current === undefined) throw new CredentialError(`${store.place} has no value yet`, credentialRemedy);
  const { attempt } = entry;
  if (attempt !== undefined) {
    if (isUnderWay(attempt, now())) return { do: 'nothing' };
    // A version that the store no longer keeps cannot be what the directory has: nothing was made after it.
    if ((await store.read(attempt.version)) !== undefined) return { do: 'resume', version: attempt.version };
    entry = await written(deps, { ...entry, attempt: undefined });
  }
  const request = (await healing(deps, entry, current)) ?? dueAtVault(deps, entry, age);
  return request === undefined ? { do: 'nothing' } : { do: 'rotate', request };
}

/** A rotation where the directory has another password than the store. */
async function healing(deps: RotationDependencies, entry: RotationEntry, current: StoredCredential): Promise<RotationRequest | undefined> {
  const { settings, directory, log, now } = deps;
  const { refused } = entry;
  if (refused?.version === current.version && now().getTime() - Date.parse(refused.at) < dayMs) return undefined;
  const request = { version: requestedVersion(settings.name, `healed/${current.version}/${dayOf(now())}`), reason: 'healed' } as const;
  const { session, refusal } = await directory.open(current.credential);
  if (session === undefined) {
    if (!isWrongPassword(refusal)) throw bindRefusedError(current.credential, refusal);
    await written(deps, { ...entry, refused: { version: current.version, at: now().toISOString() } });
    log.warn('CREDENTIAL_REFUSED', { credential: settings.name, version: current.version, reason: refusal.meaning });
    return request;
  }
  try {
    const names = accountsOf(settings.strategy);
    for (const name of names) {
      const account = await session.account(name);
      if (!means(current.credential.username, account, directory.domain)) continue;
      const { guid } = account.subject;
      const known = entry.known[guid];
      if (account.passwordLastSet === undefined || account.passwordLastSet === known) return undefined;
      // A password before may still be taken for a while after a change (MS-KB 906305): its own time says that this is not the stored one.
      if (known !== undefined && entry.rotated?.version === current.version) {
        log.warn('CREDENTIAL_CHANGED_OUTSIDE', { credential: settings.name, account: name, at: account.passwordLastSet });
        return request;
      }
      // Never rotated here, or put there by a person: the stored password is the directory's.
      await written(deps, { ...entry, known: withKnown(entry, guid, account.passwordLastSet), refused: undefined });
      return undefined;
    }
  } finally {
    await session.close();
  }
  throw new CredentialError(
    `the secret holds the user name "${current.credential.username}", which is none of ${accountsOf(settings.strategy).join(' and ')}`,
    'put the account of the settings into it, or correct the settings',
  );
}

/** Secrets Manager keeps a schedule of its own; a vault has none. */
function dueAtVault({ settings }: RotationDependencies, { rotated }: RotationEntry, age: number): RotationRequest | undefined {
  if (!('vault' in settings.store) || (rotated !== undefined && age < settings.everyDays)) return undefined;
  return { version: requestedVersion(settings.name, `scheduled/${rotated?.version ?? 'first'}`), reason: 'scheduled' };
}

/** Days since the last rotation, or since it was seen first. */
const ageOf = ({ now }: RotationDependencies, { rotated, since }: RotationEntry): number =>
  (now().getTime() - Date.parse(rotated?.at ?? since ?? now().toISOString())) / dayMs;

const dayOf = (moment: Date): string => moment.toISOString().slice(0, 10);

async function written({ ledger }: RotationDependencies, entry: RotationEntry): Promise<RotationEntry> {
  const next = { ...entry, version: entry.version + 1 };
  await ledger.write(next);
  return next;
}
