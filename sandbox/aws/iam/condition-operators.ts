/**
 * The condition operators without their prefixes and suffixes: how one value of the request compares with one value of the policy
 * ("IAM JSON policy elements: Condition operators").
 */

import { addressRange } from '../address-range.ts';
import { ANY, type GlobToken, matchesGlob } from '../glob.ts';
import { malformed } from './policy-errors.ts';
import type { RequestContext } from './request-context.ts';
import { hasVariable, matchesArn, matchesIgnoringCase, parseTextPattern, resolved, splitAtColons } from './text-pattern.ts';

/** Undefined when the policy's value cannot be known, for want of a variable's value. */
export type ValueTest = (requested: string, context: RequestContext) => boolean | undefined;

export interface Operator {
  /** Holds when no value of the policy matches, and when the key is absent. */
  readonly negated: boolean;
  /** @throws MalformedPolicyError for a value that is none of the operator's type */
  compile(value: string, where: string, variables: boolean): ValueTest;
}

type Compile = Operator['compile'];

function text(wildcards: boolean, matches: (tokens: readonly GlobToken[], requested: string) => boolean): Compile {
  return (value, where, variables) => {
    const pattern = parseTextPattern(value, { wildcards, variables }, where);
    return (requested, context) => {
      const tokens = resolved(pattern, context);
      return tokens && matches(tokens, requested);
    };
  };
}

const arn: Compile = (value, where, variables) => {
  const pattern = parseTextPattern(value, { wildcards: true, variables }, where);
  if (!hasVariable(pattern) && splitAtColons(pattern).length !== 6 && !(pattern.length === 1 && pattern[0] === ANY)) {
    malformed(`"${value}" in ${where} is no ARN: write six components, such as arn:aws:sns:*:111122223333:*`);
  }
  const everyArn = pattern.length === 1 && pattern[0] === ANY;
  return (requested, context) => {
    const tokens = resolved(pattern, context);
    return tokens && (everyArn || matchesArn(tokens, requested));
  };
};

const bool: Compile = (value, where, variables) => {
  const pattern = parseTextPattern(value, { wildcards: false, variables }, where);
  if (!hasVariable(pattern) && !/^(true|false)$/i.test(value)) malformed(`"${value}" in ${where} is no boolean: write true or false`);
  return (requested, context) => {
    const tokens = resolved(pattern, context);
    return tokens && matchesIgnoringCase(tokens, requested);
  };
};

const binary: Compile = (value, where) => {
  if (value === '' || Buffer.from(value, 'base64').toString('base64') !== value) malformed(`"${value}" in ${where} is no base64 text`);
  // A binary value also reaches the request context as base64.
  return (requested) => Buffer.from(requested, 'base64').equals(Buffer.from(value, 'base64'));
};

const address: Compile = (value, where) => {
  const [network = '', bits, ...more] = value.split('/');
  const prefix = bits === undefined ? (network.includes(':') ? 128 : 32) : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  const range = more.length === 0 ? addressRange(network, prefix) : undefined;
  return range ?? malformed(`"${value}" in ${where} is no address range: write CIDR, such as 203.0.113.0/24`);
};

function numberOf(value: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value) ? Number(value) : undefined;
}

/** Milliseconds of the W3C forms of ISO 8601, or of seconds since 1970; a number of four digits is a year. */
function timeOf(value: string): number | undefined {
  if (/^\d{5,}(\.\d+)?$/.test(value)) return Number(value) * 1000;
  if (!/^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?$/.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

type Order = (requested: number, wanted: number) => boolean;

function ordered(read: (value: string) => number | undefined, form: string, holds: Order): Compile {
  return (value, where) => {
    const wanted = read(value) ?? malformed(`"${value}" in ${where} is no ${form}`);
    return (requested) => {
      const found = read(requested);
      return found !== undefined && holds(found, wanted);
    };
  };
}

const ORDERS: readonly (readonly [suffix: string, negated: boolean, holds: Order])[] = [
  ['Equals', false, (requested, wanted) => requested === wanted],
  ['NotEquals', true, (requested, wanted) => requested === wanted],
  ['LessThan', false, (requested, wanted) => requested < wanted],
  ['LessThanEquals', false, (requested, wanted) => requested <= wanted],
  ['GreaterThan', false, (requested, wanted) => requested > wanted],
  ['GreaterThanEquals', false, (requested, wanted) => requested >= wanted],
];

function orderedFamily(prefix: string, read: (value: string) => number | undefined, form: string): [string, Operator][] {
  return ORDERS.map(([suffix, negated, holds]) => [`${prefix}${suffix}`, { negated, compile: ordered(read, form, holds) }]);
}

const equals = text(false, matchesGlob);
const equalsIgnoringCase = text(false, matchesIgnoringCase);
const like = text(true, matchesGlob);

/** By name, as the documentation spells it. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['StringEquals', { negated: false, compile: equals }],
  ['StringNotEquals', { negated: true, compile: equals }],
  ['StringEqualsIgnoreCase', { negated: false, compile: equalsIgnoringCase }],
  ['StringNotEqualsIgnoreCase', { negated: true, compile: equalsIgnoringCase }],
  ['StringLike', { negated: false, compile: like }],
  ['StringNotLike', { negated: true, compile: like }],
  ...orderedFamily('Numeric', numberOf, 'number'),
  ...orderedFamily('Date', timeOf, 'date: write ISO 8601, such as 2026-01-31T00:00:00Z, or seconds since 1970'),
  ['Bool', { negated: false, compile: bool }],
  ['BinaryEquals', { negated: false, compile: binary }],
  ['IpAddress', { negated: false, compile: address }],
  ['NotIpAddress', { negated: true, compile: address }],
  // ArnEquals and ArnLike behave identically.
  ['ArnEquals', { negated: false, compile: arn }],
  ['ArnLike', { negated: false, compile: arn }],
  ['ArnNotEquals', { negated: true, compile: arn }],
  ['ArnNotLike', { negated: true, compile: arn }],
]);
