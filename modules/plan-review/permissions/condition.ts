/** Conditions of a statement, and whether one follows from another ("IAM JSON policy elements: Condition operators"). */
import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../plan-values.ts';
import { contains, type Pattern, parsePattern } from './pattern.ts';

/** One operator over one key. All conditions of a statement have to hold. */
export interface Condition {
  /** `ForAllValues`, `ForAnyValue`, or none. */
  readonly set: string;
  /** Without set and `IfExists`: `StringLike`. */
  readonly operator: string;
  readonly ifExists: boolean;
  /** Compared without regard to case. */
  readonly key: string;
  readonly values: readonly string[];
}

/** @returns undefined for what is no Condition element */
export function conditionsOf(element: unknown): readonly Condition[] | undefined {
  if (element === undefined) return [];
  if (!isRecord(element)) return undefined;
  const conditions: Condition[] = [];
  for (const [name, keys] of Object.entries(element)) {
    if (!isRecord(keys)) return undefined;
    const [, set = '', operator = '', suffix] = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/.exec(name) ?? [];
    for (const [key, value] of Object.entries(keys)) {
      const values: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (!values.every((one) => ['string', 'number', 'boolean'].includes(typeof one))) return undefined;
      conditions.push({ set, operator, ifExists: suffix !== undefined, key, values: values.map(String) });
    }
  }
  return conditions;
}

/** Whether `weaker` holds whenever `stronger` does. True is certain; false may be too careful. */
export function implies(stronger: Condition, weaker: Condition): boolean {
  // Also of an operator that is not known here.
  if (isDeepStrictEqual(stronger, weaker)) return true;
  if (stronger.key.toLowerCase() !== weaker.key.toLowerCase() || stronger.set !== weaker.set) return false;
  // An absent key meets a condition with IfExists, and need not meet the one without.
  if (stronger.ifExists && !weaker.ifExists) return false;
  const [mine, other] = [familyOf(stronger.operator), familyOf(weaker.operator)];
  if (mine === undefined || other === undefined || mine.family !== other.family || mine.negated !== other.negated) return false;
  // Values are alternatives. What is refused must be refused by the stronger one, too: the other way round.
  const [inner, outer] = mine.negated ? [weaker, stronger] : [stronger, weaker];
  const [innerHolds, outerHolds] = mine.negated ? [other, mine] : [mine, other];
  return inner.values.every((value) =>
    outer.values.some((wider) =>
      outerHolds.holds({ text: wider, wildcards: outerHolds.wildcards }, { text: value, wildcards: innerHolds.wildcards }),
    ),
  );
}

interface Value {
  readonly text: string;
  readonly wildcards: boolean;
}

interface Family {
  readonly family: string;
  readonly negated: boolean;
  readonly wildcards: boolean;
  /** Whether each request value that meets the second meets the first. */
  readonly holds: (outer: Value, inner: Value) => boolean;
}

const patternOf = ({ text, wildcards }: Value, ignoreCase = false): Pattern => parsePattern(text, { wildcards, ignoreCase });

const texts = (outer: Value, inner: Value): boolean => contains(patternOf(outer), patternOf(inner));
const textsIgnoringCase = (outer: Value, inner: Value): boolean => contains(patternOf(outer, true), patternOf(inner, true));
const same = (outer: Value, inner: Value): boolean => outer.text === inner.text;
const sameIgnoringCase = (outer: Value, inner: Value): boolean => outer.text.toLowerCase() === inner.text.toLowerCase();

/** Part by part: a wildcard of an ARN does not reach over a colon, but for the sixth part ("Amazon Resource Name (ARN) condition operators"). */
function arns(outer: Value, inner: Value): boolean {
  if (outer.text === '*' || outer.text === inner.text) return true;
  const partsOf = ({ text }: Value) => {
    const parts = text.split(':');
    return [...parts.slice(0, 5), parts.slice(5).join(':')];
  };
  // A variable may hold colons of its own.
  if (inner.text === '*' || /\$\{/.test(`${outer.text}${inner.text}`)) return false;
  const [wide, narrow] = [partsOf(outer), partsOf(inner)];
  return wide.every((part, index) => texts({ text: part, wildcards: true }, { text: narrow[index] ?? '', wildcards: true }));
}

const compared =
  (holds: (outer: number, inner: number) => boolean) =>
  (outer: Value, inner: Value): boolean => {
    if (outer.text === inner.text) return true;
    const read = ({ text }: Value) => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN);
    return holds(read(outer), read(inner));
  };

const positive = (family: string, holds: Family['holds'], wildcards = false): Family => ({ family, negated: false, wildcards, holds });
const negative = (family: string, holds: Family['holds'], wildcards = false): Family => ({ family, negated: true, wildcards, holds });

const families: Readonly<Record<string, Family>> = {
  StringEquals: positive('text', texts),
  StringLike: positive('text', texts, true),
  StringNotEquals: negative('text', texts),
  StringNotLike: negative('text', texts, true),
  StringEqualsIgnoreCase: positive('text ignoring case', textsIgnoringCase),
  StringNotEqualsIgnoreCase: negative('text ignoring case', textsIgnoringCase),
  ArnEquals: positive('ARN', arns),
  ArnLike: positive('ARN', arns),
  ArnNotEquals: negative('ARN', arns),
  ArnNotLike: negative('ARN', arns),
  Bool: positive('truth', sameIgnoringCase),
  Null: positive('presence', sameIgnoringCase),
  NumericLessThan: positive(
    'below',
    compared((outer, inner) => inner <= outer),
  ),
  NumericLessThanEquals: positive(
    'at most',
    compared((outer, inner) => inner <= outer),
  ),
  NumericGreaterThan: positive(
    'above',
    compared((outer, inner) => inner >= outer),
  ),
  NumericGreaterThanEquals: positive(
    'at least',
    compared((outer, inner) => inner >= outer),
  ),
};

/** Of the others only equal values are known to mean the same. */
const others = [
  ...['NumericEquals', 'DateEquals', 'DateLessThan', 'DateLessThanEquals', 'DateGreaterThan', 'DateGreaterThanEquals'],
  ...['BinaryEquals', 'IpAddress'],
];
const negatedOthers = ['NumericNotEquals', 'DateNotEquals', 'NotIpAddress'];

function familyOf(operator: string): Family | undefined {
  if (Object.hasOwn(families, operator)) return families[operator];
  if (others.includes(operator)) return positive(operator, same);
  return negatedOthers.includes(operator) ? negative(operator, same) : undefined;
}
