/** The permission report as text: how much each function used of its policies, and why the rest is granted. */
import type { PermissionRow } from './permissions.ts';
import { renderTable } from './table.ts';

/** Two tables of at most `width` characters a line. A permission on several resources counts once. */
export function permissionTable(rows: readonly PermissionRow[], width: number): string {
  const prefix = commonPrefix(rows.map(({ functionName }) => functionName));
  const named = rows.map((row) => ({ ...row, name: row.functionName.slice(prefix.length), unused: distinct(row.surplus.map(actionOf)) }));
  const counts = renderTable(
    ['function', 'actions used', 'not used', 'denied calls'],
    named.map(({ name, used, unused, denied }) => [name, ...[used.length, unused.length, denied].map(String)]),
    width,
  );
  const surplus = named.flatMap(({ name, surplus }) => surplus.map((one) => ({ ...one, name, reason: one.reason ?? 'NO REASON' })));
  const reasons = [...Map.groupBy(surplus, ({ reason }) => reason)].flatMap(([reason, granted]) => {
    const byFunction = [...Map.groupBy(granted, ({ name }) => name)].map(([name, ones]) => ({
      name,
      actions: distinct(ones.map(actionOf)).join(', '),
    }));
    // Functions that leave the same actions unused share a line; the reason stands in its first line alone.
    return [...Map.groupBy(byFunction, ({ actions }) => actions)].map(([actions, functions], index) => [
      functions.map(({ name }) => name).join(', '),
      actions,
      index === 0 ? reason : '',
    ]);
  });
  const listed =
    reasons.length === 0
      ? 'Every permission was used.'
      : renderTable(['function', 'not used in this run', 'why it is there'], reasons, width);
  return `\nPermissions: what each function used of its policies\n${counts}\n\n${listed}\n`;
}

const actionOf = ({ action }: { readonly action: string }): string => action;

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

/** What all names begin with, up to a hyphen: `ad-lambda-dev-`. */
function commonPrefix(names: readonly string[]): string {
  const [first = '', ...others] = names;
  const ends = [...first.matchAll(/-/g)].map(({ index }) => first.slice(0, index + 1));
  return ends.findLast((prefix) => others.every((name) => name.startsWith(prefix))) ?? '';
}
