/** Proving a new password at every domain controller: they take it over from the one that got it, each in its own time. */
import { type AccountSession, ControllerUnreachableError } from './account-directory.ts';
import { CredentialError } from './credential-error.ts';
import type { Credential } from './credential-store.ts';
import { bindRefusedError, isWrongPassword } from './logins.ts';
import type { PasswordPolicy } from './password-policy.ts';
import type { RotationDependencies } from './rotation-dependencies.ts';

/** Binds at one controller that does not know the password yet. */
const mostTries = 8;

export interface Proven {
  readonly tested: readonly string[];
  readonly unreachable: readonly string[];
  /** As the account itself reads it; undefined where it may not. */
  readonly passwordLastSet: string | undefined;
}

/**
 * @returns where the password was taken, and who did not answer
 * @throws CredentialError where it is refused for good or until the time for replication is over, or a right is missing
 * @throws ControllerUnreachableError when none answers
 */
export async function proveEverywhere(deps: RotationDependencies, credential: Credential, account: string): Promise<Proven> {
  const tested: string[] = [];
  const unreachable: string[] = [];
  let passwordLastSet: string | undefined;
  let tries = 1;
  for (const controller of deps.directory.controllers) {
    try {
      const session = await openWhenReplicated(deps, credential, controller, tries);
      try {
        if (tested.length === 0) {
          const seen = await session.account(account);
          passwordLastSet = seen.passwordLastSet;
          tries = triesAllowed(await session.policyOf(seen));
        }
        await proveRights(deps, session);
      } finally {
        await session.close();
      }
      tested.push(controller);
    } catch (error) {
      if (!(error instanceof ControllerUnreachableError)) throw error;
      unreachable.push(controller);
    }
  }
  if (tested.length === 0) throw new ControllerUnreachableError(`no domain controller answers: ${unreachable.join(', ')}`);
  return { tested, unreachable, passwordLastSet };
}

/** Half of the refused binds that lock the account are ours to use: the others are for consumers that still have the old password. */
function triesAllowed({ lockoutThreshold }: PasswordPolicy): number {
  return lockoutThreshold === 0 ? mostTries : Math.max(1, Math.min(mostTries, Math.floor(lockoutThreshold / 2)));
}

/** The waits double, and add up to the time that replication has. */
async function openWhenReplicated(
  { directory, settings, wait }: RotationDependencies,
  credential: Credential,
  controller: string,
  tries: number,
): Promise<AccountSession> {
  const unit = (settings.replicationSeconds * 1000) / (2 ** tries - 1);
  for (let attempt = 0; ; attempt += 1) {
    const { session, refusal } = await directory.open(credential, controller);
    if (session !== undefined) return session;
    if (!isWrongPassword(refusal)) throw bindRefusedError(credential, refusal);
    if (attempt === tries) {
      throw new CredentialError(
        `${controller} does not take the new password of "${credential.username}" after ${settings.replicationSeconds} s`,
        'look after replication between the domain controllers; the next run goes on with the same password',
      );
    }
    await wait(unit * 2 ** attempt);
  }
}

async function proveRights({ settings: { test } }: RotationDependencies, session: AccountSession): Promise<void> {
  for (const dn of test.reads) await session.reads(dn);
  if (test.replicates) await session.replicates();
}
