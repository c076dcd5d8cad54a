/** People, moments and pages of the contract suites of targets. */
import type { Profile } from '../../handlers/access/grants.ts';
import type { Intent, Mark, Page, Target } from '../../handlers/roles/target.ts';
import { domain, guidOf } from '../directory/rows.ts';
import type { TargetWorld } from './target-world.ts';

/** What the suite's current test runs against. */
export type Given = () => { readonly world: TargetWorld; readonly target: Target };

export const mark: Mark = { domain, guid: guidOf(1) };
export const ada: Profile = {
  userName: 'ada@corp.example.com',
  displayName: 'Ada Example',
  givenName: 'Ada',
  familyName: 'Example',
  email: 'ada@example.com',
};
export const intentAt = (milliseconds: number): Intent => ({ at: new Date(Date.now() + milliseconds).toISOString() });
export const tenMinutes = 600_000;

export const person = (number: number): Profile => ({
  userName: `person${number}@corp.example.com`,
  displayName: `Person ${number}`,
  givenName: 'Person',
  familyName: String(number),
  email: `person${number}@example.com`,
});

/** All pages of a listing, in order. */
export async function everything<T>(
  list: (after: string | undefined) => Promise<Page<T>>,
): Promise<{ readonly items: T[]; readonly pages: number }> {
  const items: T[] = [];
  let after: string | undefined;
  let pages = 0;
  do {
    const page = await list(after);
    items.push(...page.items);
    after = page.after;
    pages += 1;
  } while (after !== undefined);
  return { items, pages };
}
