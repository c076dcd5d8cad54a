/**
 * The end of all access at a target, with evidence (invariant 8): memberships ended, sessions cut, the account deactivated or deleted, and
 * all of it read back.
 */
import { grantKey } from '../access/grants.ts';
import type { DeprovisioningStep, Grant } from '../events/catalogue.ts';
import { deleteAccount } from './account-deletion.ts';
import { setActive } from './account-steps.ts';
import { accountEventId, mayLast } from './ledger.ts';
import type { Plan } from './plan.ts';
import type { RoleRun } from './role-run.ts';
import { TargetConflictError, TargetMissingError } from './target.ts';

/** Puts the end of all access into the run's notes. @returns whether it was not there before */
export function beginEnding(run: RoleRun, { end, revoke }: Plan): boolean {
  const { holder } = run;
  const before = run.noted.ending;
  if (end === undefined || (holder === undefined && before === undefined)) return false;
  const account = before?.account ?? (holder && run.named(holder));
  if (account === undefined) return false;
  const held = revoke.filter(({ membershipId, ending }) => membershipId !== undefined || ending).map(({ grant }) => grant);
  const { number = run.number, ended = [], steps = [] } = before ?? {};
  run.set({ ending: { state: end.state, account, number, ended: union(ended, held), steps } });
  return before?.state !== end.state;
}

/**
 * Ends what is left of the access once the memberships have ended, and tells the evidence.
 *
 * @throws TargetConflictError when the account's mark is another's, or the target still shows what was ended
 */
export async function endAccess(run: RoleRun, { end }: Plan): Promise<void> {
  const { ending } = run.noted;
  if (end === undefined || ending === undefined) return;
  run.set({ ending: { ...ending, ended: union(ending.ended, run.revoked) } });
  step(run, 'memberships-ended');
  await cutSessions(run);
  try {
    if (end.account === 'delete') await remove(run);
    else if (end.account === 'deactivate') await deactivate(run);
  } catch (error) {
    if (!(error instanceof TargetMissingError)) throw error;
    run.forgetAccount(); // somebody was faster: what is gone is no access
  }
  await verify(run, ending.account.id, end.account);
  step(run, 'absence-verified');
  const { account, state, number, ended, steps } = run.noted.ending ?? ending;
  const ownId = accountEventId(run.deps.target.name, account.id, 'AccessEnded', number);
  run.raise('AccessEnded', { account, state, ended: [...ended], steps: [...steps] }, '', ownId);
  run.done({ ending: undefined, lapsed: undefined });
}

async function cutSessions(run: RoleRun): Promise<void> {
  const { sessions } = run.deps.target;
  const { ending, cut } = run.noted;
  if (sessions === undefined || ending === undefined || isDone(run, 'sessions-cut')) return;
  const lapsed = mayLast(run.noted.lapsed, run.deps.now().toISOString())?.map(({ grant }) => grant) ?? [];
  const sets = [
    ...new Set([...ending.ended, ...lapsed].flatMap(({ assignments = [] }) => assignments.map(({ permissionSet }) => permissionSet))),
  ];
  if (sets.length === 0) return;
  const accountId = ending.account.id;
  const before = cut?.accountId === accountId ? cut.permissionSets : [];
  const permissionSets = [...new Set([...before, ...sets])];
  await run.note({ cut: { accountId, permissionSets } });
  const until = await sessions.cut(accountId, sets);
  run.set({ cut: { accountId, permissionSets, until } });
  step(run, 'sessions-cut');
}

async function remove(run: RoleRun): Promise<void> {
  if (run.account) await deleteAccount(run);
  step(run, 'account-deleted');
}

async function deactivate(run: RoleRun): Promise<void> {
  if (run.account === undefined) return;
  if (run.account.active !== false || run.noted.activating !== undefined) await setActive(run, false);
  step(run, 'account-deactivated');
}

async function verify(run: RoleRun, id: string, end: 'delete' | 'deactivate' | 'keep'): Promise<void> {
  // Each membership was looked for when it was ended.
  if (end === 'keep') return;
  const seen = await run.deps.target.readAccount(id);
  if (seen === undefined || (end === 'deactivate' && seen.active === false)) return;
  // It was not done, or the target shows it late: the next attempt does it again.
  const { mark: _, ...account } = seen;
  run.account = account;
  forgetStep(run, end === 'delete' ? 'account-deleted' : 'account-deactivated');
  throw new TargetConflictError(
    `account ${id} is still ${end === 'delete' ? 'there' : 'active'} after the target said otherwise`,
    `${end === 'delete' ? 'delete' : 'deactivate'} it by hand: until the target shows it so, nothing is called ended`,
  );
}

const isDone = ({ noted }: RoleRun, step: DeprovisioningStep): boolean => noted.ending?.steps.some((one) => one.step === step) ?? false;

/** Notes when a step was done; one that an earlier run did keeps its time. */
function step(run: RoleRun, step: DeprovisioningStep): void {
  const { ending } = run.noted;
  if (ending === undefined || isDone(run, step)) return;
  run.set({ ending: { ...ending, steps: [...ending.steps, { step, at: run.deps.now().toISOString() }] } });
}

function forgetStep(run: RoleRun, step: DeprovisioningStep): void {
  const { ending } = run.noted;
  if (ending) run.set({ ending: { ...ending, steps: ending.steps.filter((one) => one.step !== step) } });
}

const union = (one: readonly Grant[], other: readonly Grant[]): readonly Grant[] => [
  ...new Map([...one, ...other].map((grant) => [grantKey(grant), grant])).values(),
];
