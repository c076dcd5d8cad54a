/** What makes a statement broad: whom it lets in, and whether it names actions and resources. */
import type { PlannedChange } from '../plan.ts';
import { isEverything } from './pattern.ts';
import type { Statement } from './statement.ts';

/** Account numbers in ARNs and names of principals. */
const accountsIn = (text: string): readonly string[] => [...text.matchAll(/(?<![\d-])\d{12}(?!\d)/g)].map(([number]) => number);

/** The account that a plan is about: the one that most of its ARNs name; undefined where none does. */
export function ownAccount(changes: readonly PlannedChange[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { before, after } of changes) {
    for (const [, account = ''] of JSON.stringify([before, after]).matchAll(/arn:aws[\w-]*:[\w-]+:[\w-]*:(\d{12}):/g))
      counts.set(account, (counts.get(account) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0];
}

/** Conditions that hold a statement for everybody to somebody: keys of the caller, its account or organization, or of the network it comes from. */
const narrowingKeys =
  /^(?:aws:principal(?:account|arn|orgid|orgpaths|serviceName|tag\/.*)|aws:source(?:account|arn|orgid|vpc|vpce|ip|owner)|kms:calleraccount|kms:viaservice|lambda:functionurlauthtype|sts:externalid)$/i;

/** Operators that require a value: a condition "not this one" or "if there is one" leaves everybody else. */
const isRequiring = ({ operator, ifExists, set }: Statement['conditions'][number]): boolean =>
  !ifExists && set !== 'ForAllValues' && !/Not/.test(operator) && operator !== 'Null';

/** Whether anybody at all may call: an Allow for everybody, and nothing that holds it to somebody. */
export function isPublic({ effect, principals, conditions }: Statement): boolean {
  if (effect !== 'Allow' || principals === undefined) return false;
  if (!principals.negated && !principals.names.includes('*')) return false;
  return !conditions.some((condition) => isRequiring(condition) && narrowingKeys.test(condition.key) && !condition.values.includes('*'));
}

/** Accounts other than the plan's that an Allow lets in. */
export function foreignAccounts({ effect, principals }: Statement, own: string | undefined): readonly string[] {
  if (effect !== 'Allow' || principals === undefined || principals.negated || own === undefined) return [];
  return [...new Set(principals.names.filter((name) => name.startsWith('AWS:')).flatMap(accountsIn))].filter((account) => account !== own);
}

/** Actions that stand for more than one, of every service or of one. */
export const broadActions = ({ effect, actions }: Statement): readonly string[] =>
  effect !== 'Allow'
    ? []
    : actions.negated
      ? [`all but ${actions.entries.map(({ text }) => text).join(', ')}`]
      : actions.entries.filter(({ text, pattern }) => isEverything(pattern) || /^[\w-]+:\*$/.test(text)).map(({ text }) => text);

export const namesEveryResource = ({ effect, resources }: Statement): boolean =>
  effect === 'Allow' && resources !== undefined && (resources.negated || resources.entries.some(({ pattern }) => isEverything(pattern)));
