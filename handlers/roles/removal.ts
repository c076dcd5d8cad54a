/** What a plan takes away, as the guard is asked for it, and the plan without it: pure. */
import { principalKey } from '../access/grants.ts';
import type { Removal } from './guard.ts';
import type { AccountEntry } from './ledger.ts';
import type { Plan, Wanted } from './plan.ts';

/**
 * @returns undefined when nothing is taken away. What the ledger notes as ending was admitted before: it is finished, not asked for again.
 */
export function removalOf(target: string, wanted: Wanted, made: AccountEntry | undefined, steps: Plan): Removal | undefined {
  const revoke = steps.revoke.filter(({ ending }) => !ending).map(({ grant }) => grant);
  const expelled = steps.expel.filter(({ ending }) => !ending).length;
  const ends = steps.end !== undefined && made?.ending?.state !== steps.end.state;
  if (revoke.length + expelled === 0 && !ends) return undefined;
  const { domain, subject, revision } = wanted;
  const account = made?.account && { target, id: made.account.id, userName: made.account.profile.userName };
  const losesAll = revoke.length > 0 && wanted.grants.length === 0;
  return {
    key: principalKey(domain, subject.guid),
    revision,
    name: subject.name,
    revoke,
    revocations: revoke.length + expelled,
    accounts: account && (ends || losesAll) ? 1 : 0,
    account,
  };
}

/** The plan while the guard holds its removals back: what was begun is finished, and nobody waits for what is to be given. */
export const heldBack = (steps: Plan): Plan => ({
  ...steps,
  revoke: steps.revoke.filter(({ ending }) => ending),
  expel: steps.expel.filter(({ ending }) => ending),
  end: undefined,
});
