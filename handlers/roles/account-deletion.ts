/**
 * The deletion of an account. Nobody can look at it afterwards: its note takes along all that may not be told by then, and the runs that follow
 * one that died tell it from there.
 */
import { tellAttempts, tellReached } from './account-steps.ts';
import { type AccountEntry, type DeletedAccount, type Membership, type MembershipNews, withFormer } from './ledger.ts';
import { endedNews } from './membership-steps.ts';
import { knownRole } from './role-groups.ts';
import type { RoleRun } from './role-run.ts';
import type { AccountState } from './target.ts';

/** @throws TargetConflictError when the mark is another's */
export async function deleteAccount(run: RoleRun): Promise<void> {
  const { account: told } = run;
  if (told === undefined) return;
  await tellAttempts(run);
  const { account = told } = run;
  await run.note({ deleting: deletingOf(told, run.noted, run.takeEnded()) });
  await run.deps.target.deleteAccount(account.id, run.mark);
  run.tell('AccountDeprovisioned', account, { account: run.named(account) });
  run.account = undefined;
}

/** The note of an account that may be gone, or is, with all that may not be told by then. @param ended what it held */
export function deletingOf(
  account: AccountState,
  { fresh, updating, activating, deleting: before }: Pick<AccountEntry, 'fresh' | 'updating' | 'activating' | 'deleting'>,
  ended: Readonly<Record<string, Membership>>,
): DeletedAccount {
  const untold = { ...account, fresh, updating, activating };
  return before?.id === account.id
    ? { ...untold, held: heldSince(before.held, ended), former: before.former }
    : { ...untold, held: ended, former: before };
}

/** What an account held, and what of the same roles it was given again since and has lost: both are to be told. */
function heldSince(
  held: Readonly<Record<string, Membership>> | undefined,
  ended: Readonly<Record<string, Membership>>,
): Readonly<Record<string, Membership>> {
  const both = Object.entries(ended).map(([key, one]) => {
    const before = held?.[key];
    return [key, before ? { ...one, untold: [...heldNews(before), ...(one.untold ?? [])] } : one] as const;
  });
  return { ...held, ...Object.fromEntries(both) };
}

const heldNews = ({ giving, ending, untold = [] }: Membership): readonly MembershipNews[] =>
  ending === undefined ? untold : [...untold, ...endedNews(giving, ending)];

/** Tells of accounts that interrupted runs deleted, or strangers before them, and first what these, and one that is there still, had held. */
export async function tellGone(run: RoleRun): Promise<void> {
  for (const account of withFormer(run.noted.deleting)) {
    for (const membership of Object.values(account.held ?? {})) {
      const { grant } = membership;
      const role = await knownRole(run.deps, grant.role);
      if (role) run.roleProvisioned(grant.role, role);
      for (const { type, number } of heldNews(membership)) run.tellMembership(type, account, grant, number);
    }
  }
  for (const one of run.gone) {
    const last = tellReached(run, one, one);
    run.tell('AccountDeprovisioned', last, { account: run.named(last) });
  }
  run.goneTold = true;
}
