/**
 * One entry of a field's list in an event pattern: a literal, or an operator such as `{"prefix": "…"}`
 * (EventBridge user guide, "Comparison operators for use in event patterns").
 */

import { addressRange } from '../address-range.ts';
import { matchesGlob } from '../glob.ts';
import type { JsonNode } from '../json-text.ts';
import { invalid } from './invalid-pattern.ts';
import { parseWildcard, tooComplex } from './wildcard.ts';

/** A scalar of the event; `text` of a string is decoded, of a number as it was spelled. */
export type Leaf = Extract<JsonNode, { text: string }>;
type LeafTest = (leaf: Leaf) => boolean;

/** `absent` holds when the event has no such leaf; every other condition tests one leaf. */
export type Condition = 'absent' | LeafTest;

/** The bounds within which EventBridge compares numbers as numbers ("Numeric matching"). */
const NUMBER_LIMIT = 5e9;

function comparable(leaf: JsonNode): number | undefined {
  if (leaf.kind !== 'number') return undefined;
  const value = Number(leaf.text);
  return Math.abs(value) <= NUMBER_LIMIT ? value : undefined;
}

function shown(node: JsonNode): string {
  if (node.kind === 'object' || node.kind === 'array') return `an ${node.kind}`;
  return node.kind === 'string' ? JSON.stringify(node.text) : node.text;
}

function stringOf(node: JsonNode, operator: string, path: string): string {
  return node.kind === 'string' ? node.text : invalid(`${operator} of "${path}" is ${shown(node)}: write a string`);
}

function onString(test: (text: string) => boolean): LeafTest {
  return (leaf) => leaf.kind === 'string' && test(leaf.text);
}

const folded = (text: string): string => text.toLowerCase();

/** The operator and operand of an object with exactly one member. */
function onlyMember(node: JsonNode, operator: string, path: string): readonly [string, JsonNode] {
  const [member, ...more] = node.kind === 'object' ? node.members : [];
  if (member === undefined || more.length > 0) {
    return invalid(`${operator} of "${path}" must hold exactly one operator, such as {"prefix": "text"}`);
  }
  return member;
}

function literal(leaf: Leaf): LeafTest {
  const value = comparable(leaf);
  return (other) => (other.kind === leaf.kind && other.text === leaf.text) || (value !== undefined && comparable(other) === value);
}

function affix(operator: 'prefix' | 'suffix', operand: JsonNode, path: string): LeafTest {
  const test = operator === 'prefix' ? 'startsWith' : 'endsWith';
  if (operand.kind !== 'object') {
    const wanted = stringOf(operand, operator, path);
    return onString((text) => text[test](wanted));
  }
  const [nested, value] = onlyMember(operand, operator, path);
  if (nested !== 'equals-ignore-case') invalid(`${operator} of "${path}" holds "${nested}": only equals-ignore-case may be nested there`);
  const wanted = folded(stringOf(value, nested, path));
  return onString((text) => folded(text)[test](wanted));
}

function equalsIgnoreCase(operand: JsonNode, path: string): LeafTest {
  const wanted = folded(stringOf(operand, 'equals-ignore-case', path));
  return onString((text) => folded(text) === wanted);
}

function wildcard(operand: JsonNode, path: string): LeafTest {
  const tokens = parseWildcard(stringOf(operand, 'wildcard', path), path);
  return onString((text) => matchesGlob(tokens, text));
}

function cidr(operand: JsonNode, path: string): LeafTest {
  const text = stringOf(operand, 'cidr', path);
  const [, network, bits] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  // A range of one address is refused: the network must have at least one variable bit (event-ruler, CIDR).
  const widest = network?.includes(':') ? 127 : 31;
  const range = network !== undefined && Number(bits) <= widest ? addressRange(network, Number(bits)) : undefined;
  if (range === undefined) return invalid(`cidr of "${path}" is "${text}": write a network with a prefix length, such as 10.0.0.0/24`);
  return onString(range);
}

const COMPARISONS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '=': (value, bound) => value === bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
};

function numeric(operand: JsonNode, path: string): LeafTest {
  const terms = operand.kind === 'array' ? operand.items : [];
  const bounds: { sign: string; bound: number; holds: (value: number, bound: number) => boolean }[] = [];
  for (let i = 0; i < terms.length; i += 2) {
    const sign = terms[i]?.kind === 'string' ? (terms[i] as Leaf).text : '';
    const bound = terms[i + 1] && comparable(terms[i + 1] as JsonNode);
    const holds = Object.hasOwn(COMPARISONS, sign) ? COMPARISONS[sign] : undefined;
    if (holds === undefined || bound === undefined) {
      return invalid(`numeric of "${path}" must pair an operator with a number of at most 5e9 in size, such as [">", 0, "<=", 5]`);
    }
    bounds.push({ sign, bound, holds });
  }
  const [low, high] = bounds;
  const isRange = low?.sign.startsWith('>') && high?.sign.startsWith('<') && low.bound < high.bound;
  if (low === undefined || bounds.length > 2 || (high !== undefined && !isRange)) {
    return invalid(`numeric of "${path}" must be one comparison or a range from low to high, such as [">", 0, "<=", 5]`);
  }
  return (leaf) => {
    const value = comparable(leaf);
    return value !== undefined && bounds.every(({ holds, bound }) => holds(value, bound));
  };
}

function exists(operand: JsonNode, path: string): Condition {
  if (operand.kind !== 'boolean') return invalid(`exists of "${path}" is ${shown(operand)}: write true or false`);
  return operand.text === 'true' ? () => true : 'absent';
}

function anythingBut(operand: JsonNode, path: string): LeafTest {
  const excluded = operand.kind === 'object' ? excludedByOperator(operand, path) : excludedValues(operand, path);
  return (leaf) => !excluded.some((test) => test(leaf));
}

function excludedValues(operand: JsonNode, path: string): LeafTest[] {
  const values = operand.kind === 'array' ? operand.items : [operand];
  const kinds = new Set(values.map((value) => value.kind));
  if (kinds.size !== 1 || !(kinds.has('string') || kinds.has('number'))) {
    invalid(`anything-but of "${path}" must be strings only or numbers only`);
  }
  return values.map((value) => literal(value as Leaf));
}

function excludedByOperator(operand: JsonNode, path: string): LeafTest[] {
  const [operator, value] = onlyMember(operand, 'anything-but', path);
  const values = value.kind === 'array' ? value.items : [value];
  if (values.length === 0) invalid(`anything-but ${operator} of "${path}" is empty: list what to exclude`);
  return values.map((entry) => {
    const text = stringOf(entry, `anything-but ${operator}`, path);
    if (operator === 'prefix' || operator === 'suffix') {
      return text === ''
        ? invalid(`anything-but ${operator} of "${path}" is empty, which excludes every string`)
        : affix(operator, entry, path);
    }
    if (operator === 'equals-ignore-case') return equalsIgnoreCase(entry, path);
    if (operator === 'wildcard') return wildcard(entry, path);
    return invalid(
      `anything-but of "${path}" holds "${operator}": only prefix, suffix, equals-ignore-case or wildcard may be nested there`,
    );
  });
}

const OPERATORS: Readonly<Record<string, (operand: JsonNode, path: string) => Condition>> = {
  prefix: (operand, path) => affix('prefix', operand, path),
  suffix: (operand, path) => affix('suffix', operand, path),
  'equals-ignore-case': equalsIgnoreCase,
  'anything-but': anythingBut,
  numeric,
  exists,
  cidr,
  wildcard,
};

export function isOperator(name: string): boolean {
  return Object.hasOwn(OPERATORS, name);
}

function conditionOf(node: JsonNode, path: string): Condition {
  if (node.kind === 'array') return invalid(`"${path}" holds a list within a list: write its values side by side`);
  if (node.kind !== 'object') return literal(node);
  const [operator, operand] = onlyMember(node, 'a condition', path);
  const compile = isOperator(operator) ? OPERATORS[operator] : undefined;
  return (
    compile?.(operand, path) ??
    invalid(`"${path}" uses the unknown operator "${operator}": use one of ${Object.keys(OPERATORS).join(', ')}`)
  );
}

/** The texts of `{"wildcard": …}` and `{"anything-but": {"wildcard": …}}` of a compiled entry. */
function wildcardTexts(entry: JsonNode): string[] {
  if (entry.kind !== 'object') return [];
  return entry.members.flatMap(([operator, operand]) => {
    if (operator === 'anything-but') return wildcardTexts(operand);
    if (operator !== 'wildcard') return [];
    return (operand.kind === 'array' ? operand.items : [operand]).flatMap((item) => (item.kind === 'string' ? [item.text] : []));
  });
}

/** Compiles a field's list; a leaf needs to meet one of the conditions. @throws InvalidEventPatternError */
export function conditionsOf(entries: readonly JsonNode[], path: string): Condition[] {
  if (entries.length === 0) invalid(`"${path}" is an empty list: name at least one value`);
  const conditions = entries.map((entry) => conditionOf(entry, path));
  if (tooComplex(entries.flatMap(wildcardTexts).map((text) => parseWildcard(text, path)))) {
    invalid(`the wildcards of "${path}" are too complex: use fewer * or fewer repeated character sequences after a *`);
  }
  return conditions;
}
