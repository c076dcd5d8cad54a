/** A policy before and after, statement by statement: what each one changes of what is allowed. */
import { isDeepStrictEqual } from 'node:util';
import { partsBeyond } from './coverage.ts';
import type { Statement } from './statement.ts';

/**
 * What a change means for what is allowed: more, less, both, or nothing. A Deny that goes is more.
 * `unchanged` is the same text; `equivalent` another text that allows the same.
 */
export type Effect = 'widens' | 'narrows' | 'widens and narrows' | 'equivalent' | 'unchanged';

export interface StatementChange {
  readonly kind: 'new' | 'gone' | 'changed' | 'unchanged';
  readonly effect: Effect;
  readonly before: Statement | undefined;
  readonly after: Statement | undefined;
  /** Parts that are allowed and were not, or that are denied no more. */
  readonly gained: readonly Statement[];
  /** Parts that were allowed and are not, or that are denied now. */
  readonly lost: readonly Statement[];
}

/** In the order of the policy after, then what is gone. */
export function compareStatements(before: readonly Statement[], after: readonly Statement[]): readonly StatementChange[] {
  const left = [...before];
  const partners = new Map<Statement, Statement>();
  // The same text first, then the same Sid, then what shares most actions: a statement is rather changed than gone and new.
  for (const isPartner of [isSame, hasSameSid, sharesActions]) {
    for (const one of after) {
      if (partners.has(one)) continue;
      const index = left.findIndex((other) => other.effect === one.effect && isPartner(other, one));
      if (index >= 0) partners.set(one, left.splice(index, 1)[0] as Statement);
    }
  }
  return [
    ...after.map((one) => compared(partners.get(one), one, before, after)),
    ...left.map((one) => compared(one, undefined, before, after)),
  ];
}

const isSame = (one: Statement, other: Statement): boolean => isDeepStrictEqual(one.json, other.json);
const hasSameSid = ({ sid }: Statement, other: Statement): boolean => sid !== undefined && sid !== '' && sid === other.sid;
const sharesActions = (one: Statement, other: Statement): boolean =>
  (one.sid === undefined || other.sid === undefined) &&
  one.actions.entries.some(({ text }) => other.actions.entries.some((entry) => entry.text === text));

function compared(
  before: Statement | undefined,
  after: Statement | undefined,
  policyBefore: readonly Statement[],
  policyAfter: readonly Statement[],
): StatementChange {
  // Judged against the whole policy: what another statement allowed already is nothing new.
  const added = after === undefined ? [] : partsBeyond(after, policyBefore);
  const removed = before === undefined ? [] : partsBeyond(before, policyAfter);
  const isDeny = (after ?? before)?.effect === 'Deny';
  const [gained, lost] = isDeny ? [removed, added] : [added, removed];
  const kind = before === undefined ? 'new' : after === undefined ? 'gone' : isSame(before, after) ? 'unchanged' : 'changed';
  return { kind, effect: effectOf(kind, gained.length > 0, lost.length > 0), before, after, gained, lost };
}

function effectOf(kind: StatementChange['kind'], widens: boolean, narrows: boolean): Effect {
  if (widens && narrows) return 'widens and narrows';
  if (widens) return 'widens';
  if (narrows) return 'narrows';
  return kind === 'unchanged' ? 'unchanged' : 'equivalent';
}

/** What the changes mean together. */
export function effectOfAll(changes: readonly StatementChange[]): Effect {
  const effects = changes.map(({ effect }) => effect);
  const [widens, narrows] = [effects.some((one) => one.startsWith('widens')), effects.some((one) => one.endsWith('narrows'))];
  return effectOf(effects.every((one) => one === 'unchanged') ? 'unchanged' : 'changed', widens, narrows);
}
