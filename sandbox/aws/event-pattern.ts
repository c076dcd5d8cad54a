/**
 * Event patterns, as EventBridge rules and the filter criteria of Lambda event source mappings use them
 * (EventBridge user guide, "Creating event patterns"; Lambda developer guide, "Event filtering"; Lambda takes a subset of the operators,
 * which is not enforced here). The verdicts of AWS's TestEventPattern are the reference.
 */

import { type Condition, conditionsOf, isOperator } from './event-pattern/condition.ts';
import { type EventLeaves, leavesOf, type Placement, together } from './event-pattern/event-leaves.ts';
import { invalid } from './event-pattern/invalid-pattern.ts';
import { type JsonNode, JsonTextError, readJson } from './json-text.ts';

export { InvalidEventPatternError } from './event-pattern/invalid-pattern.ts';

/** The event is not a JSON object, so no pattern can be put to it. */
export class InvalidEventError extends Error {
  override readonly name = 'InvalidEventError';
}

/** What each dotted path must meet, all of them. */
type Branch = ReadonlyMap<string, readonly Condition[]>;

/** A pattern ready for matching: one branch for each combination of `$or` alternatives. */
export interface CompiledPattern {
  readonly branches: readonly Branch[];
}

/** The quota of "Using complex logic in event patterns": the product of the lengths of all `$or` lists. */
const MAX_BRANCHES = 1000;

/** @throws InvalidEventPatternError for a pattern that AWS rejects */
export function compilePattern(patternText: string): CompiledPattern {
  const pattern = readPattern(patternText);
  return { branches: withObject([new Map()], pattern, '', false) };
}

/** @param eventText the event as JSON. @throws InvalidEventError when it is no JSON object */
export function matchesPattern(pattern: CompiledPattern, eventText: string): boolean {
  return matches(pattern, readEvent(eventText));
}

/** For an event already parsed: numbers count as JavaScript spells them. @throws InvalidEventError when it is no object */
export function matchesEvent(pattern: CompiledPattern, event: unknown): boolean {
  return matchesPattern(pattern, JSON.stringify(event) ?? '');
}

function readPattern(text: string): JsonNode {
  try {
    return readJson(text);
  } catch (error) {
    if (error instanceof JsonTextError) return invalid(`the event pattern is not json: ${error.message}`);
    throw error;
  }
}

function readEvent(text: string): JsonNode {
  try {
    return readJson(text);
  } catch (error) {
    if (error instanceof JsonTextError) throw new InvalidEventError(`the event is not json: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The branches, each narrowed by the object's fields. A path named twice keeps what was said last, as AWS does. */
function withObject(branches: readonly Branch[], node: JsonNode, path: string, insideOr: boolean): readonly Branch[] {
  const place = path === '' ? 'the event pattern' : `"${path}"`;
  if (node.kind !== 'object')
    return invalid(`${place} is ${node.kind === 'array' ? 'a list' : `the ${node.kind} ${node.text}`}: write an object`);
  if (node.members.length === 0) return invalid(`${place} is an empty object: name at least one field`);
  return node.members.reduce<readonly Branch[]>((sofar, [name, value]) => {
    if (name === '$or') return withAlternatives(sofar, value, path);
    if (insideOr && isOperator(name)) invalid(`"${name}" cannot be a field inside $or: it is the name of an operator`);
    const field = path === '' ? name : `${path}.${name}`;
    if (value.kind === 'array') {
      const conditions = conditionsOf(value.items, field);
      return sofar.map((branch) => new Map([...branch, [field, conditions]]));
    }
    if (value.kind !== 'object') return invalid(`"${field}" is the ${value.kind} ${value.text}: write a list, such as ["value"]`);
    return withObject(sofar, value, field, insideOr);
  }, branches);
}

function withAlternatives(branches: readonly Branch[], node: JsonNode, path: string): readonly Branch[] {
  const alternatives = node.kind === 'array' ? node.items : [];
  if (alternatives.length < 2) return invalid(`$or in "${path}" must be a list of at least two objects`);
  const count = branches.length * alternatives.length;
  if (count > MAX_BRANCHES) return invalid(`$or makes ${count} combinations, and ${MAX_BRANCHES} are allowed: split the rule`);
  return alternatives.flatMap((alternative) => withObject(branches, alternative, path, true));
}

function matches(pattern: CompiledPattern, event: JsonNode): boolean {
  if (event.kind !== 'object') throw new InvalidEventError(`the event is a json ${event.kind}: send an object`);
  const leaves = leavesOf(event);
  return pattern.branches.some((branch) => matchesFields([...branch], leaves, new Map()));
}

/** Tries each leaf that meets the first field's conditions, and the remaining fields beside it. */
function matchesFields(fields: readonly (readonly [string, readonly Condition[]])[], leaves: EventLeaves, chosen: Placement): boolean {
  const [first, ...rest] = fields;
  if (first === undefined) return true;
  const [path, conditions] = first;
  const candidates = leaves.get(path);
  if (candidates === undefined) return conditions.includes('absent') && matchesFields(rest, leaves, chosen);
  return candidates.some(({ leaf, placement }) => {
    if (!conditions.some((condition) => condition !== 'absent' && condition(leaf))) return false;
    const both = together(chosen, placement);
    return both !== undefined && matchesFields(rest, leaves, both);
  });
}
