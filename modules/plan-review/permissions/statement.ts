/** Statements of an IAM policy as sets: whose calls, which actions, which resources, under which conditions. */
import { isRecord } from '../plan-values.ts';
import { type Condition, conditionsOf } from './condition.ts';
import { type Pattern, parsePattern } from './pattern.ts';

/** Texts of an element, or, negated, everything but these. */
export interface Entries {
  readonly negated: boolean;
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly text: string;
  readonly pattern: Pattern;
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly sid: string | undefined;
  /** `AWS:arn:aws:iam::111122223333:root`, `Service:lambda.amazonaws.com`, `*`. Undefined in a policy of an identity: its owner. */
  readonly principals: { readonly negated: boolean; readonly names: readonly string[] } | undefined;
  readonly actions: Entries;
  /** Undefined in a trust policy: its own role. */
  readonly resources: Entries | undefined;
  readonly conditions: readonly Condition[];
  /** As the policy has it, for people. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** @returns undefined for what is no policy document, or has an element that is not known here: it cannot be compared then */
export function readStatements(document: unknown): readonly Statement[] | undefined {
  if (!isRecord(document)) return undefined;
  const { Statement: written } = document;
  const statements = Array.isArray(written) ? written : written === undefined ? [] : [written];
  const read = statements.map((one) => (isRecord(one) ? readStatement(one) : undefined));
  return read.every((one) => one !== undefined) ? read : undefined;
}

const elements = ['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];

function readStatement(json: Readonly<Record<string, unknown>>): Statement | undefined {
  const { Effect: effect, Sid: sid } = json;
  if (effect !== 'Allow' && effect !== 'Deny') return undefined;
  if (Object.keys(json).some((element) => !elements.includes(element))) return undefined;
  // Actions are matched without regard to case ("IAM JSON policy elements: Action").
  const actions = entriesOf(json, 'Action', true);
  const resources = entriesOf(json, 'Resource', false);
  const principals = principalsOf(json);
  const conditions = conditionsOf(json.Condition);
  if (actions === undefined || actions === 'wrong' || resources === 'wrong' || principals === 'wrong' || conditions === undefined)
    return undefined;
  return { effect, sid: typeof sid === 'string' ? sid : undefined, principals, actions, resources, conditions, json };
}

function entriesOf(json: Readonly<Record<string, unknown>>, element: string, ignoreCase: boolean): Entries | undefined | 'wrong' {
  const negated = json[`Not${element}`] !== undefined;
  const value = negated ? json[`Not${element}`] : json[element];
  if (value === undefined) return undefined;
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!texts.every((text) => typeof text === 'string')) return 'wrong';
  return { negated, entries: texts.map((text) => ({ text, pattern: parsePattern(text, { wildcards: true, ignoreCase }) })) };
}

/** One account has three spellings ("AWS JSON policy elements: Principal"). */
const accountName = (text: string): string => (/^\d{12}$/.test(text) ? `arn:aws:iam::${text}:root` : text);

function principalsOf(json: Readonly<Record<string, unknown>>): Statement['principals'] | 'wrong' {
  const negated = json.NotPrincipal !== undefined;
  const value = negated ? json.NotPrincipal : json.Principal;
  if (value === undefined) return undefined;
  if (value === '*') return { negated, names: ['*'] };
  if (!isRecord(value)) return 'wrong';
  const names: string[] = [];
  for (const [type, found] of Object.entries(value)) {
    for (const text of Array.isArray(found) ? found : [found]) {
      if (typeof text !== 'string') return 'wrong';
      if (type === 'AWS' && text === '*') names.push('*');
      else names.push(`${type}:${type === 'AWS' ? accountName(text) : text}`);
    }
  }
  return { negated, names };
}
