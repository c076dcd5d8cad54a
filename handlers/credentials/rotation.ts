/**
 * The four steps of a rotation, as Secrets Manager calls them. Each may be repeated, and may die after any of its calls.
 *
 * What is about to change at the directory is noted in the ledger, and its password kept in the store, before it changes: whatever dies
 * when, the password that the directory has is one of those that the store has.
 */

import { rootOf } from '../events/identity-event.ts';
import {
  assertAlone,
  assertNoServiceNames,
  assertOldEnough,
  assertSameGroups,
  assertUsable,
  differences,
  inFormOf,
  means,
} from './account-checks.ts';
import { type Account, type AccountSession, ControllerUnreachableError } from './account-directory.ts';
import { CredentialError } from './credential-error.ts';
import { accountsOf } from './credential-settings.ts';
import { type Credential, credentialRemedy, type StoredCredential } from './credential-store.ts';
import { candidatesOf, type KnownLogin, openAs, openKnown } from './logins.ts';
import { newPassword } from './password.ts';
import { proveEverywhere } from './proof.ts';
import type { RotationDependencies } from './rotation-dependencies.ts';
import { causeOfVersion, reasonOf, rotated } from './rotation-events.ts';
import { type Attempt, note, type RotationEntry } from './rotation-ledger.ts';

export type StepName = 'createSecret' | 'setSecret' | 'testSecret' | 'finishSecret';

/** Takes one step for the version. @throws CredentialError @throws ControllerUnreachableError @throws RetryableError */
export const steps: Readonly<Record<StepName, (deps: RotationDependencies, version: string) => Promise<void>>> = {
  createSecret,
  setSecret,
  testSecret,
  finishSecret,
};

const stepNames = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;
/** Of a version that has a value. */
export const stepsAfterCreate = stepNames.slice(1);

/** Steps one after the other, each taken by `take`. */
export async function rotate(
  deps: RotationDependencies,
  version: string,
  names: readonly StepName[] = stepNames,
  take: (step: StepName, work: () => Promise<void>) => Promise<void> = (_, work) => work(),
): Promise<void> {
  for (const name of names) await take(name, () => steps[name](deps, version));
}

/** Keeps a new password as pending; or that of an interrupted rotation, where the directory has taken it. */
async function createSecret(deps: RotationDependencies, version: string): Promise<void> {
  const { settings, store, ledger, directory } = deps;
  const stored = await currentOf(deps);
  if (stored.version === version || (await store.read(version)) !== undefined) return;
  const { credential: current } = stored;
  const entry = await ledger.read(settings.name);
  const looking = await look(deps, entry, stored);
  try {
    const { next, other, session } = looking;
    await check(deps, looking);
    const taken = await takenBefore(deps, entry, looking);
    const policy = await session.policyOf(next);
    if (taken === undefined && !isReset(deps)) assertOldEnough(next, policy.minAgeMs, await session.now());
    const names = { samAccountName: next.subject.samAccountName, displayName: next.displayName };
    const password = taken ?? newPassword(policy, settings.password, names);
    const username = other === undefined ? current.username : inFormOf(current.username, next, directory.domain);
    await store.putPending(version, { ...current, username, password });
  } finally {
    await looking.session.close();
  }
}

/** Brings the pending password to the directory. */
async function setSecret(deps: RotationDependencies, version: string): Promise<void> {
  const { settings, store, ledger, directory } = deps;
  const current = await currentOf(deps);
  if (current.version === version) return;
  const { username, password } = (await pendingOf(deps, version)).credential;
  const entry = await ledger.read(settings.name);
  const looking = await look(deps, entry, current);
  const { next, session, as } = looking;
  try {
    // Of two accounts somebody may have made the other one current since.
    if (!means(username, next, directory.domain)) {
      throw new CredentialError(
        `version ${version} of ${store.place} holds the user name "${username}", and the one to be rotated is "${next.subject.samAccountName}"`,
        'remove the label AWSPENDING from it (of a vault: what lies at its pending path), and start the rotation anew',
      );
    }
    if (isReset(deps)) {
      // Again after an interruption: the same password, so nothing is lost by it.
      await bring(deps, entry, version, next, session, () => session.resetPassword(next, password));
    } else if (looking.other === undefined) {
      await bring(deps, entry, version, next, session, changeOf(session, next, as, password));
    } else {
      const candidates = (await candidatesOf(store, entry)).filter(({ credential }) => means(credential.username, next, directory.domain));
      const idle = await openKnown(deps, entry, candidates, next.subject.samAccountName);
      try {
        await bring(deps, entry, version, next, idle.session, changeOf(idle.session, next, idle.credential, password));
      } finally {
        await idle.session.close();
      }
    }
  } finally {
    await session.close();
  }
}

/** The directory may have it already, from a run that was interrupted: it would refuse the same one again. */
function changeOf(session: AccountSession, account: Account, before: Credential, after: string): (() => Promise<void>) | undefined {
  return before.password === after ? undefined : () => session.changePassword(account, before.password, after);
}

/** Proves the pending password at every domain controller, and what the account has to be able to do with it. */
async function testSecret(deps: RotationDependencies, version: string): Promise<void> {
  const { settings, ledger } = deps;
  const entry = await ledger.read(settings.name);
  const { attempt } = entry;
  if (attempt?.version !== version) return testConfiguration(deps, version);
  const current = await currentOf(deps);
  if (current.version === version) return;
  const pending = await pendingOf(deps, version);
  const { samAccountName = '' } = attempt.subject;
  const { tested, unreachable, passwordLastSet: seen } = await proveEverywhere(deps, pending.credential, samAccountName);
  // The one before another's change is still taken for a while (MS-KB 906305); a controller that is behind may take the new one by asking another.
  const passwordLastSet = attempt.passwordLastSet ?? seen;
  if (seen !== undefined && passwordLastSet !== undefined && seen > passwordLastSet) {
    throw new CredentialError(
      `somebody else changed the password of "${samAccountName}" meanwhile, at ${seen}`,
      'find who does; the next run sets it again, where a delegated account resets it',
    );
  }
  let found: readonly string[] = [];
  if (settings.strategy.kind === 'alternating') {
    // The other account still works for everybody, so there is time to wait for all of them.
    if (unreachable.length > 0)
      throw new ControllerUnreachableError(`not every domain controller could be asked: ${unreachable.join(', ')} did not answer`);
    const looking = await look(deps, entry, current);
    try {
      found = await check(deps, looking);
    } finally {
      await looking.session.close();
    }
  }
  const proof = { tested, unreachable, differences: found };
  await note(ledger, entry, { attempt: { ...attempt, passwordLastSet, proof } });
}

/**
 * When a rotation is set up and not begun, Secrets Manager has this step alone taken, of a version that has no value and is removed again
 * (API Reference, RotateSecret, RotateImmediately). What consumers read now is tested then, if anything.
 */
async function testConfiguration(deps: RotationDependencies, version: string): Promise<void> {
  const { settings, store, directory, log } = deps;
  const [current, given] = [await store.current(), await store.read(version)];
  if (current?.version === version) return;
  if (given !== undefined && given.credential.password !== current?.credential.password) {
    throw new CredentialError(`version ${version} of "${settings.name}" was not brought to the directory`, 'start the rotation anew');
  }
  if (current !== undefined) await (await openAs(directory, current.credential)).close();
  log.info('CREDENTIAL_CONFIGURATION_TESTED', { credential: settings.name, hasValue: current !== undefined });
}

/** Makes the pending password the one that consumers read, and tells. */
async function finishSecret(deps: RotationDependencies, version: string): Promise<void> {
  const { settings, store, ledger } = deps;
  const entry = await ledger.read(settings.name);
  if (entry.rotated?.version === version) {
    await tellUntold(deps, entry);
    return;
  }
  const { attempt } = entry;
  if (attempt?.version !== version || attempt.proof === undefined) {
    throw new CredentialError(`version ${version} of "${settings.name}" was not tested`, 'start the rotation anew');
  }
  await store.promote(version);
  const at = deps.now().toISOString();
  const next = await note(ledger, entry, {
    rotated: { version, at, since: attempt.since, reason: reasonOf(entry, version) },
    attempt: undefined,
    refused: undefined,
    untaken: undefined,
    failure: undefined,
    request: entry.request?.version === version ? undefined : entry.request,
    known: withKnown(entry, attempt.subject.guid, attempt.passwordLastSet),
    untold: [...(entry.untold ?? []), rotated(deps, entry, attempt, attempt.proof, at)],
  });
  await tellUntold(deps, next);
  const cause = causeOfVersion(entry, version);
  deps.log.info('CREDENTIAL_ROTATED', {
    // Secrets Manager calls for a step, and knows no event.
    ...(cause === undefined ? {} : { correlationId: rootOf(cause).id }),
    credential: settings.name,
    version,
    account: attempt.subject.samAccountName,
    unreachable: attempt.proof.unreachable,
    differences: attempt.proof.differences.length,
  });
}

/** What a run died before telling. Told twice, it has the same id. @returns the entry as it is then */
export async function tellUntold({ ledger, publish }: RotationDependencies, entry: RotationEntry): Promise<RotationEntry> {
  if (entry.untold === undefined || entry.untold.length === 0) return entry;
  await publish(entry.untold);
  return note(ledger, entry, { untold: undefined });
}

/** Without a time that belongs to the stored password nobody can tell whether a later change is another's: nothing is concluded then. */
export function withKnown({ known }: RotationEntry, guid: string, passwordLastSet: string | undefined): RotationEntry['known'] {
  const { [guid]: _, ...others } = known;
  return passwordLastSet === undefined ? others : { ...others, [guid]: passwordLastSet };
}

interface Looking {
  readonly session: AccountSession;
  /** What the session was opened with. */
  readonly as: Credential;
  /** The account whose password is changed. */
  readonly next: Account;
  /** Of alternating accounts the one that is current. */
  readonly other: Account | undefined;
}

const isReset = ({ settings: { strategy } }: RotationDependencies): boolean => strategy.kind !== 'single' && strategy.resetBy !== undefined;

/** Looks at the accounts, as whoever is known to be able to log on. The caller closes the session. */
async function look(deps: RotationDependencies, entry: RotationEntry, stored: StoredCredential): Promise<Looking> {
  const { directory, store } = deps;
  const { strategy } = deps.settings;
  const { credential: current } = stored;
  const { session, credential: as } = await opened(deps, entry, stored);
  try {
    const accounts = [];
    for (const name of accountsOf(strategy)) accounts.push(await session.account(name));
    const named = accounts.find((account) => means(current.username, account, directory.domain));
    if (named === undefined) {
      throw new CredentialError(
        `${store.place} holds the user name "${current.username}", which is none of ${accounts.map(({ subject }) => subject.samAccountName).join(' and ')}`,
        'put the account of the settings into it, or correct the settings',
      );
    }
    const idle = accounts.find((account) => account !== named);
    return idle === undefined ? { session, as, next: named, other: undefined } : { session, as, next: idle, other: named };
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function opened(deps: RotationDependencies, entry: RotationEntry, current: StoredCredential): Promise<KnownLogin> {
  const { strategy } = deps.settings;
  if (strategy.kind === 'single') return openKnown(deps, entry, await candidatesOf(deps.store, entry), strategy.account);
  const by = strategy.resetBy;
  if (by === undefined) return openKnown(deps, entry, [current], current.credential.username);
  // Many credentials share the delegated account: what the directory refused for one is not tried again for each of the others.
  const candidates = await deps.resetBy();
  return openKnown(deps, await deps.ledger.read(`reset by ${by}`), candidates, candidates[0]?.credential.username ?? '');
}

/** @returns groups that only one of two alternating accounts is in @throws CredentialError when something is not right of the accounts */
async function check({ settings: { strategy } }: RotationDependencies, { session, next, other }: Looking): Promise<readonly string[]> {
  assertUsable(next);
  assertAlone(next, await session.namesakes(next));
  if (strategy.kind !== 'alternating' || other === undefined) return [];
  assertNoServiceNames([next, other]);
  const found = differences(next, other);
  assertSameGroups(found, next, strategy.differences);
  return found;
}

/** The password of an interrupted rotation that the directory has taken. A reset needs to know none. */
async function takenBefore(deps: RotationDependencies, { attempt }: RotationEntry, looking: Looking): Promise<string | undefined> {
  const { next, other, as } = looking;
  if (attempt === undefined || attempt.subject.guid !== next.subject.guid || isReset(deps)) return undefined;
  const attempted = (await deps.store.read(attempt.version))?.credential;
  if (attempted === undefined) return undefined;
  // An account that changes its own password was logged on with the attempted one, if that was taken.
  if (other === undefined) return as.password === attempted.password ? attempted.password : undefined;
  const { session } = await deps.directory.open(attempted);
  await session?.close();
  return session && attempted.password;
}

async function currentOf({ store }: RotationDependencies): Promise<StoredCredential> {
  const current = await store.current();
  if (current === undefined) throw new CredentialError(`${store.place} has no value yet`, credentialRemedy);
  return current;
}

async function pendingOf({ store }: RotationDependencies, version: string): Promise<StoredCredential> {
  const pending = await store.read(version);
  if (pending === undefined) throw new CredentialError(`version ${version} of ${store.place} has no value`, 'start the rotation anew');
  return pending;
}

/**
 * Notes that the directory may have the version's password from now on, changes it, and notes the directory's own time of that.
 *
 * @param change undefined: the directory has it already
 */
async function bring(
  { ledger, now }: RotationDependencies,
  entry: RotationEntry,
  version: string,
  { subject }: Account,
  session: AccountSession,
  change: (() => Promise<void>) | undefined,
): Promise<void> {
  const own = entry.attempt?.version === version ? entry.attempt : undefined;
  if (own !== undefined && change === undefined) return;
  // Without the time and the proof of a change before: neither is of this one.
  const attempt: Attempt = { version, subject, since: own?.since ?? now().toISOString() };
  const noted = await note(ledger, entry, { attempt });
  if (change === undefined) return;
  await change();
  const { passwordLastSet } = await session.account(subject.samAccountName);
  await note(ledger, noted, { attempt: { ...attempt, passwordLastSet } });
}
