/** An account at the target: made, brought to its profile, let in or not, deleted. Each step may be repeated after a crash at any point. */
import { isDeepStrictEqual } from 'node:util';
import { grantKey, type Profile, profileChanges } from '../access/grants.ts';
import type { Plan } from './plan.ts';
import type { RoleRun } from './role-run.ts';
import { type AccountState, TargetConflictError } from './target.ts';

/** Creates or updates the account and lets it log on. The grants that will follow are noted along with it. */
export async function settleAccount(run: RoleRun, { restore, account: step, activate, profile, grant: grants }: Plan): Promise<void> {
  for (const grant of grants) {
    const { ending, membershipId, former } = run.memberships.get(grantKey(grant)) ?? {};
    run.memberships.set(grantKey(grant), { grant, ending, former: membershipId ?? former });
  }
  if (restore) await restoreSessions(run);
  if (activate) await setActive(run, true);
  if (step === 'create' && profile) await createAccount(run, profile);
  else if (step === 'update' && profile) await updateAccount(run, profile);
  else if (grants.length > 0) await run.note();
}

async function createAccount(run: RoleRun, profile: Profile): Promise<void> {
  const { target, now } = run.deps;
  const found = await target.findAccount(run.mark, profile, run.noted.intent);
  await run.note({ intent: { at: now().toISOString(), userName: profile.userName } });
  try {
    run.account = found ?? (await target.createAccount(run.mark, profile));
  } catch (error) {
    // What comes to be under that name from now on is somebody else's.
    if (error instanceof TargetConflictError && error.nothingMade) run.set({ intent: undefined });
    throw error;
  }
  run.provisioned(run.account);
  // A found account may be of an older profile, and may have been left unable to log on.
  await bring(run, run.account, [run.account.profile], profile);
  if (found?.active === false) await setActive(run, true);
}

async function updateAccount(run: RoleRun, profile: Profile): Promise<void> {
  if (run.account === undefined) return;
  const updating = [...(run.noted.updating ?? []).filter((one) => !isDeepStrictEqual(one, profile)), profile];
  await run.note({ updating });
  await bring(run, run.account, [run.account.profile, ...updating], profile);
}

/** @param possible profiles that the account may have now */
async function bring(run: RoleRun, account: AccountState, possible: readonly Profile[], profile: Profile): Promise<void> {
  for (const before of possible) await run.deps.target.updateAccount(account.id, before, profile);
  if (run.heals('account-changed')) await verifyProfile(run, account.id, profile);
  run.account = { ...account, profile };
  run.done({ updating: undefined });
  const attributes = possible.map((before) => profileChanges(before, profile)).find((changes) => Object.keys(changes).length > 0);
  if (attributes) run.raise('AccountUpdated', { account: run.named(run.account), attributes });
}

/** A server that ignores what it does not know says that it took it: nothing is called healed then. */
async function verifyProfile({ deps: { target } }: RoleRun, id: string, profile: Profile): Promise<void> {
  const seen = await target.readAccount(id);
  const differ = seen === undefined ? [] : Object.keys(profileChanges(seen.profile, profile));
  if (differ.length === 0) return;
  throw new TargetConflictError(
    `account ${id} at ${target.name} does not keep its ${differ.join(', ')} as it was told`,
    "let the target keep it, or take it out of the target's attributes",
  );
}

/**
 * Lets the account log on or not. What an interrupted run may have done of the opposite is found out first, and told.
 *
 * @throws TargetMissingError when it is gone @throws TargetConflictError when the mark is another's
 */
export async function setActive(run: RoleRun, active: boolean): Promise<void> {
  const { target } = run.deps;
  if (run.account === undefined || target.setActive === undefined) return;
  if (run.noted.activating === !active && (run.account.active ?? true) === active) {
    const seen = await target.readAccount(run.account.id);
    if (seen !== undefined && (seen.active ?? true) === !active) told(run, !active);
  }
  await run.note({ activating: active, account: run.account });
  await target.setActive(run.account.id, run.mark, active);
  if ((run.account.active ?? true) !== active) told(run, active);
  run.done({ activating: undefined });
}

function told(run: RoleRun, active: boolean): void {
  if (run.account === undefined) return;
  run.account = { ...run.account, active };
  run.raise(active ? 'AccountReactivated' : 'AccountDeactivated', { account: run.named(run.account) });
}

/** @throws TargetConflictError when the mark is another's */
export async function deleteAccount(run: RoleRun): Promise<void> {
  const { account } = run;
  if (account === undefined) return;
  await run.note({ deleting: account });
  await run.deps.target.deleteAccount(account.id, run.mark);
  run.raise('AccountDeprovisioned', { account: run.named(account) });
  run.account = undefined;
}

/** Lets in again whose sessions were cut, under the id of then. */
async function restoreSessions(run: RoleRun): Promise<void> {
  const { cut } = run.noted;
  if (cut === undefined) return;
  await run.deps.target.sessions?.restore(cut.accountId, cut.permissionSets);
  run.done({ cut: undefined });
}
