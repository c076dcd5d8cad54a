/** What the command prints of guards. */
import { plain } from '../../platform/plain-text.ts';
import type { TrippedGuard } from '../guard-limits.ts';
import type { KeptRemoval } from '../guard-store.ts';

/** A guard that holds something back. */
export interface HoldingGuard {
  readonly target: string;
  readonly guard: TrippedGuard;
  readonly staged: readonly KeptRemoval[];
}

export const nothingHeld = 'no guard holds anything back\n';

export function guardList(held: readonly HoldingGuard[]): string {
  if (held.length === 0) return nothingHeld;
  const rows = held.map(({ target, guard, staged }) => [guard.id, target, String(staged.length), reason(guard), guard.since, ends(guard)]);
  return table(['ID', 'TARGET', 'HELD BACK', 'BECAUSE', 'SINCE', 'EXPIRES'], rows);
}

export function guardReport({ target, guard, staged }: HoldingGuard): string {
  const losers = staged.map(({ name, roles, revocations, accounts, account, at }) => [
    plain(name),
    account === undefined ? '' : plain(account.userName),
    roles.map(({ role }) => plain(role)).join(', ') || (revocations > 0 ? `${revocations} memberships or assignments` : ''),
    accounts > 0 ? 'yes' : '',
    at,
  ]);
  const memberships = staged.reduce((sum, { revocations }) => sum + revocations, 0);
  const accounts = staged.reduce((sum, one) => sum + one.accounts, 0);
  return [
    `guard ${guard.id} of ${target} holds ${staged.length} removals back: ${memberships} memberships and assignments, ${accounts} accounts`,
    `because  ${reason(guard)}`,
    `since    ${guard.since}`,
    `expires  ${ends(guard)}`,
    '',
    table(['WHO', 'ACCOUNT', 'LOSES', 'ACCOUNT ENDS', 'ASKED'], losers),
  ].join('\n');
}

/** For scripts. `digest` and `count` are what a decision names. */
export const guardJson = ({ target, guard, staged }: HoldingGuard, decided: { count: number; digest: string }) => ({
  target,
  guard: guard.id,
  since: guard.since,
  expiresAt: guard.expiresAt,
  limit: guard.limit,
  ...(guard.decision && { decision: guard.decision }),
  ...decided,
  staged: staged.map(({ key, revision, name, roles, revocations, accounts, account, at }) => ({
    ...{ key, revision, name, roles, revocations, accounts, at },
    ...(account && { account }),
  })),
});

const ends = ({ expiresAt, decision }: TrippedGuard): string =>
  decision === undefined ? expiresAt : `${decision.outcome}, being carried out`;

function reason({ limit: { window, counted, count, most, share, held } }: TrippedGuard): string {
  const time = { run: 'in one run', hour: 'within an hour', day: 'within a day' }[window];
  const allowed = count > most ? `at most ${most}` : `at most ${Math.round(share * 1000) / 10} % of ${held}`;
  return `${count} ${counted} ${time}, ${allowed}`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[heads, ...rows].map(line).join('\n')}\n`;
}
