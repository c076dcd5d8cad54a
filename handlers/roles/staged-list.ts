/** What is staged, as GuardTripped shows it: enough to see what is going on, within what an event and an item can hold. */
import type { ChangeOf } from '../events/catalogue.ts';
import type { KeptRemoval } from './guard-store.ts';

type Shown = ChangeOf<'GuardTripped'>['staged'];

const mostShown = 100;
const mostRoles = 20;
/** Of an event of at most 256 KB, and an item of at most 400 KB. */
const mostBytes = 100_000;

export function stagedShown(removals: readonly KeptRemoval[]): Shown {
  const shown: Shown = [];
  let bytes = 0;
  for (const { name, roles, accounts } of removals) {
    const named = roles.slice(0, mostRoles).map(({ role }) => role);
    if (roles.length > mostRoles) named.push(`and ${roles.length - mostRoles} more`);
    const one = { name, revoke: named, end: accounts > 0 };
    bytes += Buffer.byteLength(JSON.stringify(one));
    if (shown.length === mostShown || bytes > mostBytes) break;
    shown.push(one);
  }
  return shown;
}
