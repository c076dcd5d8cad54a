/**
 * Which groups of the directory give a role, asked the other way round: whoever federates a role by its name has to know who will come.
 * For a pattern the role's name is put in place of the captures; what it then says is tried against the pattern itself.
 */
import * as v from 'valibot';
import { wrongValues } from '../directory/attribute-names.ts';
import { ConfigurationError } from '../platform/errors.ts';
import type { GroupSelector } from './group-selector.ts';
import { capturesIn, filledIn, type RoleMapping, roleMappingSchema } from './role-mapping.ts';

/** Groups that give a role by one mapping. */
export interface GivingGroups {
  readonly mapping: RoleMapping;
  /** As the mapping names them. A pattern has the captures that the role's name fixes filled in; one that leaves nothing open is a name. */
  readonly group: GroupSelector;
}

/** Role mappings outside of a configuration. @throws ConfigurationError naming each wrong value, its place and the remedy */
export function checkedMappings(mappings: unknown): readonly RoleMapping[] {
  const parsed = v.safeParse(v.array(roleMappingSchema), mappings);
  if (!parsed.success) throw new ConfigurationError(`role mappings are wrong: ${wrongValues(parsed.issues, 'roleMappings')}`);
  return parsed.output;
}

/** @returns none where no mapping gives the role; in the order of the mappings */
export function groupsThatGive(role: string, mappings: readonly RoleMapping[]): readonly GivingGroups[] {
  return mappings.flatMap((mapping) => {
    const group = groupThatGives(role, mapping);
    return group === undefined ? [] : [{ mapping, group }];
  });
}

/** Names of roles nearest to one that no mapping gives, templates among them: at most three, the nearest first. */
export function nearestRoles(role: string, mappings: readonly RoleMapping[]): readonly string[] {
  const names = [...new Set(mappings.map((mapping) => mapping.role))];
  return names
    .map((name) => ({ name, steps: stepsBetween(role.toLowerCase(), name.toLowerCase()) }))
    .sort((one, other) => one.steps - other.steps)
    .slice(0, 3)
    .map(({ name }) => name);
}

function groupThatGives(role: string, { group, role: template }: RoleMapping): GroupSelector | undefined {
  if (!('pattern' in group) || capturesIn(template).length === 0) return template === role ? group : undefined;
  const captures = captureGroupsOf(group.pattern);
  const values = valuesOf(role, template, captures);
  if (values === undefined) return undefined;
  const pattern = captures.toReversed().reduce((text, { name, start, end }) => {
    const value = values[name];
    return value === undefined ? text : `${text.slice(0, start)}${escaped(value)}${text.slice(end)}`;
  }, group.pattern);
  const within = group.within === undefined ? {} : { within: group.within };
  const name = literalOf(pattern);
  if (name === undefined) return { pattern, ...within };
  // The group's name is known in full: the mapping itself says whether it makes this role of it.
  const match = new RegExp(`^(?:${group.pattern})$`, 'iu').exec(name);
  return match !== null && filledIn(template, { ...match.groups }) === role ? { name, ...within } : undefined;
}

/** What the role's name says of the captures of its template; undefined: it is none of the template's. */
function valuesOf(role: string, template: string, captures: readonly CaptureGroup[]): Readonly<Record<string, string>> | undefined {
  const met = new Set<string>();
  const expression = template.replace(/\$<([^<>]*)>|[^$]+|\$/g, (text, name: string | undefined) => {
    if (name === undefined) return escaped(text);
    if (met.has(name)) return `\\k<${name}>`;
    met.add(name);
    return `(?<${name}>${captures.find((one) => one.name === name)?.inside ?? ''})`;
  });
  return new RegExp(`^${expression}$`, 'iu').exec(role)?.groups;
}

interface CaptureGroup {
  readonly name: string;
  /** What stands between the name and the closing parenthesis. */
  readonly inside: string;
  /** Of the whole group in the pattern: from the opening parenthesis to behind the closing one. */
  readonly start: number;
  readonly end: number;
}

/** The named groups of a pattern that lie in no other and hold no other, in order. Those that nest stay as they are. */
function captureGroupsOf(pattern: string): readonly CaptureGroup[] {
  const found: CaptureGroup[] = [];
  const open: number[] = [];
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === '\\') at++;
    else if (inClass) inClass = character !== ']';
    else if (character === '[') inClass = true;
    else if (character === '(') open.push(at);
    else if (character === ')') {
      const start = open.pop() ?? 0;
      const [head, name] = /^\(\?<([^>=!]+)>/.exec(pattern.slice(start)) ?? [];
      if (head === undefined || name === undefined || open.length > 0) continue;
      found.push({ name, inside: pattern.slice(start + head.length, at), start, end: at + 1 });
    }
  }
  return found;
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** The one text that a pattern without any choice matches; undefined where it leaves one. */
function literalOf(pattern: string): string | undefined {
  const inside = pattern.slice(1, -1);
  const text = inside.replace(/\\([^A-Za-z0-9])/g, '');
  if (/[\\^$.*+?()[\]{}|]/.test(text)) return undefined;
  return inside.replace(/\\([^A-Za-z0-9])/g, '$1');
}

/** Insertions, removals and replacements that make one text of the other (Levenshtein). */
function stepsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, character] of [...one].entries()) {
    const next = [index + 1];
    for (let at = 1; at <= other.length; at++) {
      const replaced = (row[at - 1] ?? 0) + (other[at - 1] === character ? 0 : 1);
      next.push(Math.min(replaced, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
