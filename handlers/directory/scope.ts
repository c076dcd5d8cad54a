/**
 * Scope: which objects of a directory the connector tells about, and what a filter can ask of them. DirSync reads whole naming contexts
 * (MS-ADTS section 3.1.1.3.4.1.3), so the choice is made here, on what the mirror knows.
 */
import {
  AndFilter,
  ApproximateFilter,
  EqualityFilter,
  ExtensibleFilter,
  Filter,
  FilterParser,
  GreaterThanEqualsFilter,
  LessThanEqualsFilter,
  NotFilter,
  OrFilter,
  PresenceFilter,
  SubstringFilter,
} from 'ldapts';
import * as v from 'valibot';
import { ConfigurationError } from '../platform/errors.ts';
import { attributeProblem, wrongValues } from './attribute-names.ts';
import { distinguishedNameKey, isDistinguishedName } from './distinguished-name.ts';

const isSid = (text: string): boolean => /^S-1-\d+(?:-\d+){1,15}$/i.test(text);

const organizationalUnit = v.pipe(v.string(), v.check(isDistinguishedName, 'is no distinguished name (RFC 4514)'));
const group = v.pipe(
  v.string(),
  v.check((text) => isSid(text) || isDistinguishedName(text), 'is neither a SID (S-1-5-21-…) nor a distinguished name (RFC 4514)'),
);
const filter = v.pipe(
  v.string(),
  v.maxLength(2048, 'is longer than 2,048 characters'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    try {
      compileFilter(dataset.value);
    } catch (error) {
      addIssue({ message: (error as Error).message });
    }
  }),
);
const some = <T extends v.GenericSchema>(item: T) => v.optional(v.pipe(v.array(item), v.minLength(1, 'is an empty list: leave it out')));
const ruleSchema = v.pipe(
  v.strictObject({ organizationalUnits: some(organizationalUnit), groups: some(group), filter: v.optional(filter) }),
  v.check(
    (rule) => Object.values(rule).some((value) => value !== undefined),
    'names nothing: give organizationalUnits, groups or filter, or leave it out',
  ),
);
export const scopeSchema = v.strictObject({ include: v.optional(ruleSchema), exclude: v.optional(ruleSchema) });

/**
 * Objects that a scope names: all of these together, one that fits is enough.
 *
 * - `organizationalUnits`: distinguished names; an object fits that lies anywhere below one, or is it (LDAP's wholeSubtree).
 * - `groups`: SIDs or distinguished names; their direct members fit, members of nested groups do not. A SID outlives the group's rename.
 * - `filter`: an LDAP filter (RFC 4515), see `compileFilter`.
 */
export type ScopeRule = v.InferOutput<typeof ruleSchema>;

/**
 * An object is in scope when there is no `include` or it fits, and `exclude` does not fit.
 *
 * @example { include: { organizationalUnits: ['OU=People,DC=corp,DC=example,DC=com'] }, exclude: { filter: '(employeeType=test)' } }
 */
export type Scope = v.InferOutput<typeof scopeSchema>;

/** An object as the mirror knows it. `groups` are those it is a direct member of, its primary group among them. */
export interface ScopedObject {
  /** Of a deleted object the last one before: the tombstone lies in CN=Deleted Objects. */
  readonly dn: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly groups: readonly { readonly guid: string; readonly sid?: string | undefined; readonly dn: string }[];
}

/** Checks a scope. @throws ConfigurationError naming each wrong value */
export function parseScope(value: unknown): Scope {
  const parsed = v.safeParse(scopeSchema, value);
  if (parsed.success) return parsed.output;
  throw new ConfigurationError(`scope is wrong: ${wrongValues(parsed.issues, 'scope')}`);
}

/** Whether the scope tells about the object. */
export function isInScope(scope: Scope, object: ScopedObject): boolean {
  // A name that we cannot read may lie anywhere: it is not in scope, and does not end the poll and with it every other change.
  const byName = rulesOf(scope).some(({ organizationalUnits }) => organizationalUnits !== undefined);
  if (byName && object.dn !== '' && !isDistinguishedName(object.dn)) return false;
  if (scope.include !== undefined && !fits(scope.include, object)) return false;
  return scope.exclude === undefined || !fits(scope.exclude, object);
}

const rulesOf = (scope: Scope): readonly ScopeRule[] => [scope.include, scope.exclude].filter((rule) => rule !== undefined);

/** The attributes that filters of the scope read, sorted: capture has to ask for them. */
export function scopeAttributes(scope: Scope): string[] {
  const filters = rulesOf(scope).flatMap((rule) => (rule.filter === undefined ? [] : [compileFilter(rule.filter)]));
  const names = filters.flatMap(({ attributes }) => attributes);
  return [...new Map(names.map((name) => [name.toLowerCase(), name])).values()].sort();
}

/** The groups that the scope names, SIDs and distinguished names: a change of their members can move an object in or out. */
/** Distinguished names of the units that the scope names. */
export const scopeUnits = (scope: Scope): string[] => [...new Set(rulesOf(scope).flatMap((rule) => rule.organizationalUnits ?? []))];
export const scopeGroups = (scope: Scope): string[] => [...new Set(rulesOf(scope).flatMap((rule) => rule.groups ?? []))];

type Test = (object: ScopedObject) => boolean;

/** Rules are compiled once: a full sync asks for each of 100,000 objects. */
const compiled = new WeakMap<ScopeRule, Test>();

function fits(rule: ScopeRule, object: ScopedObject): boolean {
  const test = compiled.get(rule) ?? compileRule(rule);
  compiled.set(rule, test);
  return test(object);
}

function compileRule(rule: ScopeRule): Test {
  // A key is JSON, [[["cn","ada"]],[["ou","people"]],…]: what lies below ends with the unit's own. A value's quotes are escaped.
  const units = (rule.organizationalUnits ?? []).map((dn) => distinguishedNameKey(dn).slice(1));
  const groups = new Set((rule.groups ?? []).map((text) => (isSid(text) ? text.toUpperCase() : distinguishedNameKey(text))));
  const matches = rule.filter === undefined ? () => false : compileFilter(rule.filter).matches;
  return ({ dn, attributes, groups: memberOf }) => {
    if (groups.size > 0 && memberOf.some((one) => groups.has(one.sid?.toUpperCase() ?? '') || groups.has(distinguishedNameKey(one.dn))))
      return true;
    const key = units.length === 0 ? '' : distinguishedNameKey(dn);
    return units.some((unit) => key.endsWith(unit)) || matches(attributes);
  };
}

/** True, false, or undefined for RFC 4511's Undefined. */
type Verdict = boolean | undefined;
type Read = (attribute: string) => readonly string[];
type Evaluate = (read: Read) => Verdict;

const all = (verdicts: readonly Verdict[]): Verdict => (verdicts.includes(false) ? false : verdicts.includes(undefined) ? undefined : true);
const any = (verdicts: readonly Verdict[]): Verdict => (verdicts.includes(true) ? true : verdicts.includes(undefined) ? undefined : false);

/**
 * An LDAP filter (RFC 4515), to be evaluated as AD does (MS-ADTS section 3.1.1.3.1.3.1), in three values (RFC 4511 section 4.5.1.7).
 *
 * - An attribute without a value makes an item false, not Undefined: `(!(employeeType=test))` holds for people without the attribute.
 *   There is no schema here, so a misspelt attribute is one without a value.
 * - Values compare as text without regard to case; `>=` and `<=` as numbers where both sides are integers. AD takes some more characters
 *   for equal (accents, width of kana). `~=` is `=`.
 * - Bit rules (…1.4.803 all bits, …1.4.804 any bit) are Undefined for a value that is no integer.
 *
 * @throws SyntaxError for what is no filter, and for pieces that cannot be evaluated on what DirSync sends, with the remedy
 */
function compileFilter(text: string): { readonly attributes: readonly string[]; matches(attributes: ScopedObject['attributes']): boolean } {
  const attributes: string[] = [];
  const evaluate = compile(parseFilter(text), attributes);
  return {
    attributes,
    matches: (values) => {
      const byName = new Map(Object.entries(values).map(([name, list]) => [name.toLowerCase(), list]));
      return evaluate((attribute) => byName.get(attribute.toLowerCase()) ?? []) === true;
    },
  };
}

function parseFilter(text: string): Filter {
  // ldapts reads an escape as one character, RFC 4515 section 3 as one byte of UTF-8.
  const plain = text.replace(/(?:\\[89a-f][0-9a-f])+/gi, (bytes) => Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString());
  let parsed: Filter;
  try {
    parsed = FilterParser.parseString(plain);
  } catch (cause) {
    throw new SyntaxError(`is no LDAP filter (RFC 4515): ${(cause as Error).message}`, { cause });
  }
  // ldapts lets missing and surplus parentheses of nested filters pass: what it understood has to be what was written.
  const escapes = plain.replace(/\\([0-9a-f]{2})/gi, (_, byte: string) => Filter.escape(String.fromCharCode(Number.parseInt(byte, 16))));
  if (parsed.toString() !== escapes || plain.includes('\ufffd'))
    throw new SyntaxError('is no LDAP filter (RFC 4515): check its parentheses and escapes');
  return parsed;
}

function compile(part: Filter, attributes: string[]): Evaluate {
  const item = (name: string, match: (value: string) => Verdict): Evaluate => {
    const problem = /^objectCategory$/i.test(name) ? categoryProblem : attributeProblem(name);
    if (problem !== undefined) throw new SyntaxError(`names ${JSON.stringify(name)}, which ${problem}`);
    attributes.push(name);
    return (read) => any(read(name).map(match));
  };
  if (part instanceof AndFilter || part instanceof OrFilter) {
    const parts = part.filters.map((one) => compile(one, attributes));
    const join = part instanceof AndFilter ? all : any;
    return (read) => join(parts.map((one) => one(read)));
  }
  if (part instanceof NotFilter) {
    const negated = compile(part.filter, attributes);
    return (read) => {
      const verdict = negated(read);
      return verdict === undefined ? undefined : !verdict;
    };
  }
  if (part instanceof PresenceFilter) return item(part.attribute, () => true);
  if (part instanceof SubstringFilter) return item(part.attribute, substring(part));
  if (part instanceof GreaterThanEqualsFilter) return item(part.attribute, (value) => compare(value, part.value) >= 0);
  if (part instanceof LessThanEqualsFilter) return item(part.attribute, (value) => compare(value, part.value) <= 0);
  if (part instanceof ExtensibleFilter) return item(part.matchType, bits(part));
  if (part instanceof EqualityFilter || part instanceof ApproximateFilter) {
    const wanted = fold(part.value.toString());
    return item(part.attribute, (value) => fold(value) === wanted);
  }
  throw new SyntaxError(`has a part of an unknown kind: ${part.toString()}`);
}

const fold = (text: string): string => text.toLowerCase();
const isInteger = (text: string): boolean => /^-?\d{1,19}$/.test(text);

function compare(value: string, assertion: string): number {
  const [left, right] = isInteger(value) && isInteger(assertion) ? [BigInt(value), BigInt(assertion)] : [fold(value), fold(assertion)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function substring({ initial, any: middle, final }: SubstringFilter): (value: string) => boolean {
  const [start, end, pieces] = [fold(initial), fold(final), middle.map(fold)];
  return (text) => {
    const value = fold(text);
    if (!value.startsWith(start) || !value.endsWith(end)) return false;
    let position = start.length;
    for (const piece of pieces) {
      const found = value.indexOf(piece, position);
      if (found < 0) return false;
      position = found + piece.length;
    }
    return position + end.length <= value.length;
  };
}

/** LDAP_MATCHING_RULE_BIT_AND and _BIT_OR (MS-ADTS sections 3.1.1.3.4.4.1 and .2). BigInt, because groupType is signed and a mask may not be. */
function bits({ rule, value: assertion, dnAttributes }: ExtensibleFilter): (value: string) => Verdict {
  const and = rule === '1.2.840.113556.1.4.803';
  if ((!and && rule !== '1.2.840.113556.1.4.804') || dnAttributes)
    throw new SyntaxError(
      `has the matching rule ${JSON.stringify(dnAttributes ? `dn:${rule}` : rule)}: only 1.2.840.113556.1.4.803 and .804 work; for members use groups`,
    );
  if (!isInteger(assertion)) throw new SyntaxError(`compares bits with ${JSON.stringify(assertion)}: give a decimal integer`);
  const mask = BigInt(assertion);
  return (value) => (isInteger(value) ? (and ? (BigInt(value) & mask) === mask : (BigInt(value) & mask) !== 0n) : undefined);
}

const categoryProblem = 'is compared by AD through its schema, and stripped from tombstones: use objectClass';
