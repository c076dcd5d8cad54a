/** What changes, by domain and action. */
import { type Domain, domains } from '../domains.ts';
import type { Action, PlannedChange } from '../plan.ts';
import { unknownText } from '../plan-values.ts';

export interface DomainSummary {
  readonly domain: Domain;
  readonly counts: Readonly<Record<Exclude<Action, 'none'>, number>>;
}

export const actions = ['create', 'update', 'replace', 'delete', 'forget'] as const;

/** Domains in which something changes. */
export const summaryOf = (changes: readonly PlannedChange[]): readonly DomainSummary[] =>
  domains.flatMap((domain) => {
    const own = changes.filter((change) => change.domain === domain && change.action !== 'none');
    if (own.length === 0) return [];
    const count = (action: Action) => own.filter((change) => change.action === action).length;
    return [{ domain, counts: Object.fromEntries(actions.map((action) => [action, count(action)])) as DomainSummary['counts'] }];
  });

/** Attributes of what stays whose value only the apply tells: nothing in this review says what becomes of them. */
export const openAttributes = (
  changes: readonly PlannedChange[],
): readonly { readonly address: string; readonly attributes: readonly string[] }[] =>
  changes
    .filter(({ action }) => action === 'update' || action === 'replace')
    .flatMap(({ address, before, after }) => {
      const attributes = Object.entries(after ?? {})
        .filter(([name, value]) => JSON.stringify(value).includes(unknownText) && before?.[name] !== undefined && before[name] !== null)
        .map(([name]) => name);
      return attributes.length === 0 ? [] : [{ address, attributes }];
    });
