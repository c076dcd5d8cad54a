/** An account at the target: made, brought to its profile, let in or not. Each step may be repeated after a crash at any point. */
import { type Profile, profileChanges } from '../access/grants.ts';
import type { AccountEntry, Attempt } from './ledger.ts';
import { noteGrant } from './membership-steps.ts';
import { isSameProfile, type Plan } from './plan.ts';
import type { RoleRun } from './role-run.ts';
import { type AccountState, TargetConflictError } from './target.ts';

/** Creates or updates the account and lets it log on. The grants that will follow are noted along with it. */
export async function settleAccount(run: RoleRun, { restore, account: step, activate, profile, grant: grants }: Plan): Promise<void> {
  for (const grant of grants) await noteGrant(run, grant);
  if (restore) await restoreSessions(run);
  if (activate) await setActive(run, true);
  if (step === 'create' && profile) await createAccount(run, profile);
  else if (step === 'update' && profile) await updateAccount(run, profile);
  else if (step === 'tell') await tellAttempts(run);
  else if (grants.length > 0) await run.note();
}

async function createAccount(run: RoleRun, profile: Profile): Promise<void> {
  const { target, now } = run.deps;
  const found = await target.findAccount(run.mark, profile, run.noted.intent);
  await run.note({ intent: { at: now().toISOString(), userName: profile.userName } });
  try {
    run.account = found ?? (await target.createAccount(run.mark, profile));
    run.made(run.account);
  } catch (error) {
    // What comes to be under that name from now on is somebody else's.
    if (error instanceof TargetConflictError && error.nothingMade) run.set({ intent: undefined });
    throw error;
  }
  // A found account may be of an older profile, and may have been left unable to log on.
  if (!isSameProfile(run.account.profile, profile)) await updateAccount(run, profile);
  if (found?.active === false) await setActive(run, true);
}

async function updateAccount(run: RoleRun, profile: Profile): Promise<void> {
  const { account, noted } = run;
  if (account === undefined) return;
  const { target } = run.deps;
  const seen = noted.updating && (await target.readAccount(account.id));
  const attempts = withAttempt(run, noted.updating ?? [], { told: account.profile, shown: seen?.profile, wanted: profile }, isSameProfile);
  await run.note({ updating: attempts });
  // The target may have any of them; from what it shows, one change brings it there.
  const possible = [...(seen ? [seen.profile] : []), account.profile, ...attempts.map(({ value }) => value)];
  for (const before of possible) await target.updateAccount(account.id, before, profile);
  if (run.heals('account-changed')) await verifyProfile(run, account.id, profile);
  run.account = tellReached(run, account, { updating: reachedBy(attempts) });
  run.done({ updating: undefined });
}

/** Attempts of which the last has been reached now. */
const reachedBy = <T>(attempts: readonly Attempt<T>[]): readonly Attempt<T>[] =>
  attempts.map((one, index) => (index === attempts.length - 1 ? { ...one, reached: true } : one));

/** @param account as it was told last @returns it as it is told now */
export function tellReached(
  run: RoleRun,
  account: AccountState,
  { updating = [], activating = [] }: Pick<AccountEntry, 'updating' | 'activating'>,
): AccountState {
  let now = account;
  for (const { value, number, reached } of updating) {
    if (!reached) continue;
    const attributes = profileChanges(now.profile, value);
    now = { ...now, profile: value };
    if (Object.keys(attributes).length > 0) run.tell('AccountUpdated', now, { account: run.named(now), attributes }, number);
  }
  for (const { value, number, reached } of activating) {
    if (!reached || (now.active ?? true) === value) continue;
    now = { ...now, active: value };
    run.tell(value ? 'AccountReactivated' : 'AccountDeactivated', now, { account: run.named(now) }, number);
  }
  return now;
}

/** Finds out, notes and tells what interrupted runs changed of an account that is changed no more, or deleted: then nobody could find it out. */
export async function tellAttempts(run: RoleRun): Promise<void> {
  const { account, open } = run;
  const { updating, activating } = open;
  if (account === undefined || (updating === undefined && activating === undefined)) return;
  const seen = await run.deps.target.readAccount(account.id);
  const active = account.active ?? true;
  const known = {
    updating: updating && shownIn(updating, account.profile, seen?.profile, isSameProfile),
    activating: activating && shownIn(activating, active, seen && (seen.active ?? true), Object.is),
  };
  run.set(known);
  run.account = tellReached(run, account, known);
  run.done({ updating: undefined, activating: undefined });
}

/**
 * Attempts with that of this run at the end; what an interrupted run reached is marked in them. One that wants the same again is the same.
 *
 * @param known what was `told` last, what the target has `shown` since, where it was asked, and what is `wanted`
 */
function withAttempt<T>(
  { number }: RoleRun,
  attempts: readonly Attempt<T>[],
  { told, shown, wanted }: { readonly told: T; readonly shown: T | undefined; readonly wanted: T },
  isSame: (one: T, other: T) => boolean,
): readonly Attempt<T>[] {
  const known = shownIn(attempts, told, shown, isSame);
  const last = known.at(-1);
  return last !== undefined && isSame(last.value, wanted) ? known : [...known, { value: wanted, number }];
}

/** Attempts, the last of them marked as reached where the target shows it. */
function shownIn<T>(
  attempts: readonly Attempt<T>[],
  told: T,
  shown: T | undefined,
  isSame: (one: T, other: T) => boolean,
): readonly Attempt<T>[] {
  const last = attempts.at(-1);
  const before = attempts.findLast(({ reached }) => reached)?.value ?? told;
  const isReached = last !== undefined && shown !== undefined && isSame(last.value, shown) && !isSame(before, shown);
  return isReached ? [...attempts.slice(0, -1), { ...last, reached: true }] : attempts;
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
 * Lets the account log on or not. What an interrupted run may have done is found out first, and told.
 *
 * @throws TargetMissingError when it is gone @throws TargetConflictError when the mark is another's
 */
export async function setActive(run: RoleRun, active: boolean): Promise<void> {
  const { account, noted } = run;
  const { target } = run.deps;
  if (account === undefined || target.setActive === undefined) return;
  const told = account.active ?? true;
  const seen = noted.activating && (await target.readAccount(account.id));
  const shown = seen && (seen.active ?? true);
  const attempts = withAttempt(run, noted.activating ?? [], { told, shown, wanted: active }, Object.is);
  await run.note({ activating: attempts });
  await target.setActive(account.id, run.mark, active);
  run.account = tellReached(run, account, { activating: reachedBy(attempts) });
  run.done({ activating: undefined });
}

/** Lets in again whose sessions were cut, under the id of then. */
async function restoreSessions(run: RoleRun): Promise<void> {
  const { cut } = run.noted;
  if (cut === undefined) return;
  await run.deps.target.sessions?.restore(cut.accountId, cut.permissionSets);
  run.done({ cut: undefined });
}
