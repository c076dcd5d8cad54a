/** Lists a target page by page, and stops when the time is over: what is listed so far is kept, and the next invocation goes on. */
import type { Assignment } from '../../events/catalogue.ts';
import { eachLimited } from '../../platform/dynamodb.ts';
import type { Actual } from '../drift.ts';
import { type ListedAccount, type ListedMember, type ListedRole, type Page, type Target, TargetMissingError } from '../target.ts';

/** What is listed so far; JSON. */
export interface Progress {
  readonly accounts: Listed<ListedAccount>;
  readonly roles: Listed<ListedRole>;
  /** By id, of roles of ours. */
  readonly members: Record<string, Listed<ListedMember>>;
  readonly assignments: Record<string, readonly Assignment[]>;
}

interface Listed<T> {
  readonly items: T[];
  /** Where to go on. */
  after?: string | undefined;
  complete: boolean;
}

export const nothingListed = (): Progress => ({
  accounts: { items: [], complete: false },
  roles: { items: [], complete: false },
  members: {},
  assignments: {},
});

/** Roles listed side by side: the target's budget is what limits the calls. */
const atOnce = 8;

/**
 * Goes on listing until everything is listed.
 *
 * @param progress is added to as pages come in: after a failure it holds the lists that came before
 * @param hasTime asked before every page
 * @returns false when the time was over before
 * @throws the target's own errors
 */
export async function listMore(target: Target, progress: Progress, hasTime: () => boolean): Promise<boolean> {
  const listed =
    (await listAll(progress.accounts, hasTime, (after) => target.listAccounts(after))) &&
    (await listAll(progress.roles, hasTime, (after) => target.listRoles(after)));
  if (!listed) return false;
  const ours = progress.roles.items.filter(({ mark }) => mark !== undefined);
  let late = false;
  await eachLimited(ours, atOnce, async (role) => {
    const { id } = role;
    progress.members[id] ??= { items: [], complete: false };
    try {
      const complete = await listAll(progress.members[id], hasTime, (after) => target.listMembers(id, after));
      if (!complete) late = true;
      else if (target.assignments && progress.assignments[id] === undefined) progress.assignments[id] = await target.assignments.list(id);
    } catch (error) {
      if (!(error instanceof TargetMissingError)) throw error;
      // It went after the roles were listed.
      progress.roles.items.splice(progress.roles.items.indexOf(role), 1);
      delete progress.members[id];
    }
  });
  return !late;
}

/** Members of each role whose members are listed completely. */
export const membersListed = ({ members }: Progress): ReadonlyMap<string, readonly ListedMember[]> =>
  new Map(Object.entries(members).flatMap(([id, { items, complete }]) => (complete ? [[id, items] as const] : [])));

async function listAll<T>(
  listed: Listed<T>,
  hasTime: () => boolean,
  next: (after: string | undefined) => Promise<Page<T>>,
): Promise<boolean> {
  while (!listed.complete) {
    if (!hasTime()) return false;
    const { items, after } = await next(listed.after).catch((error: unknown) => {
      // A list that has moved on, or a cursor that has expired, never goes on from where it stood: this one begins anew.
      listed.items.length = 0;
      listed.after = undefined;
      throw error;
    });
    listed.items.push(...items);
    listed.after = after;
    listed.complete = after === undefined;
  }
  return true;
}

export const actualOf = (progress: Progress): Actual => ({
  accounts: progress.accounts.items,
  accountsComplete: progress.accounts.complete,
  roles: progress.roles.items,
  rolesComplete: progress.roles.complete,
  members: membersListed(progress),
  assignments: new Map(Object.entries(progress.assignments)),
});
