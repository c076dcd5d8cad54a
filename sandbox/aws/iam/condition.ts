/** The Condition element: operators with their set prefixes and IfExists, over the keys of the request. */

import { OPERATORS, type ValueTest } from './condition-operators.ts';
import { malformed, UnknownPolicyElementError } from './policy-errors.ts';
import type { RequestContext } from './request-context.ts';

export type Condition = (context: RequestContext) => boolean;

type SetOperator = 'ForAllValues' | 'ForAnyValue';

/**
 * One operator over one key.
 * @throws UnknownPolicyElementError for an operator not in the documentation
 * @throws MalformedPolicyError for a value that is none of the operator's type
 */
export function compileCondition(name: string, key: string, values: readonly string[], variables: boolean, where: string): Condition {
  const [, set, base = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/s.exec(name) ?? [];
  if (name === 'Null') return absence(key, values, where);
  const operator = OPERATORS.get(base);
  if (operator === undefined) {
    throw new UnknownPolicyElementError(name, 'condition operator', where, [...OPERATORS.keys(), 'Null']);
  }
  const tests = values.map((value) => operator.compile(value, `${name} of ${key} in ${where}`, variables));

  return (context) => {
    const requested = requestedValues(context.value(key), set as SetOperator | undefined, () => `${name} of ${key} in ${where}`);
    if (requested === undefined) {
      // "Condition operators", on missing keys; "Multivalued context keys", on ForAllValues and ForAnyValue.
      if (ifExists !== undefined || set === 'ForAllValues') return true;
      return set === undefined && operator.negated;
    }
    const holds = (value: string): boolean => holdsFor(value, tests, operator.negated, context);
    return set === 'ForAnyValue' ? requested.some(holds) : requested.every(holds);
  };
}

/** A key that has no values is absent; for set operators an empty text is no value ("Multivalued context keys"). */
function requestedValues(
  found: string | readonly string[] | undefined,
  set: SetOperator | undefined,
  where: () => string,
): readonly string[] | undefined {
  if (found === undefined) return undefined;
  if (typeof found !== 'string' && found.length > 0 && set === undefined) {
    return malformed(`${where()} tests a multivalued key: prefix the operator with ForAllValues: or ForAnyValue:`);
  }
  const values = typeof found === 'string' ? [found] : found;
  const given = set === undefined ? values : values.filter((value) => value !== '');
  return given.length > 0 ? given : undefined;
}

/** An unknown variable matches nothing, and makes a negated comparison invalid instead of true. */
function holdsFor(value: string, tests: readonly ValueTest[], negated: boolean, context: RequestContext): boolean {
  const outcomes = tests.map((test) => test(value, context));
  return negated ? outcomes.every((outcome) => outcome === false) : outcomes.includes(true);
}

/** Null takes neither a set operator nor IfExists nor variables. */
function absence(key: string, values: readonly string[], where: string): Condition {
  const wanted = values.map((value) => {
    if (!/^(true|false)$/i.test(value)) malformed(`Null of ${key} in ${where} is "${value}": write true or false`);
    return value.toLowerCase() === 'true';
  });
  return (context) => {
    const found = context.value(key);
    return wanted.includes(found === undefined || (typeof found !== 'string' && found.length === 0));
  };
}
