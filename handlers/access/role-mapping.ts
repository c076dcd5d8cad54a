/**
 * Role mappings: which directory group gives which role.
 * Written by teams in TypeScript props, checked at synth by `modules/` and again when decide-access loads them.
 */
import * as v from 'valibot';
import { distinguishedNameKey, isDistinguishedName } from '../directory/distinguished-name.ts';
import { ConfigurationError } from '../platform/errors.ts';

/** A capture in a role's name: `$<team>`. */
const capture = /\$<(\w+)>/g;

const identifier = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be 1 to 63 letters, digits, ".", "_" or "-"'));

const groupSelector = v.union(
  [
    v.strictObject({ dn: v.pipe(v.string(), v.check(isDistinguishedName, 'is no distinguished name (RFC 4514)')) }),
    v.strictObject({ sid: v.pipe(v.string(), v.regex(/^S-1-\d+(?:-\d+){1,15}$/, 'is no SID (S-1-5-21-…)')) }),
    v.strictObject({ name: v.pipe(v.string(), v.minLength(1), v.maxLength(256)) }),
    v.strictObject({
      pattern: v.pipe(
        v.string(),
        v.minLength(1),
        v.maxLength(512),
        v.check(isPattern, 'is no regular expression anchored with ^ and $, without a repeated group that repeats inside'),
      ),
    }),
  ],
  'must be exactly one of { dn }, { sid }, { name } or { pattern }, and valid',
);

/**
 * Name of a role: the display name of the group at Identity Center (1 to 1,024 characters there; reserved names refused), and with spaces
 * escaped part of its external id (256 characters).
 */
const roleName = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(80),
  v.regex(/^[\p{L}\p{M}\p{S}\p{N}\p{P} ]+$/u, 'holds characters the target refuses'),
  v.check((name) => !/^(administrator|awsadministrators)$/i.test(name), 'is reserved by IAM Identity Center'),
);

const roleMappingSchema = v.pipe(
  v.strictObject({ id: identifier, group: groupSelector, role: roleName }),
  v.forward(
    v.check(({ group, role }) => {
      const captured = 'pattern' in group && isPattern(group.pattern) ? captureNames(group.pattern) : [];
      return [...role.matchAll(capture)].every(([, name]) => name !== undefined && captured.includes(name));
    }, 'uses a capture that its group selector has not: name it in a pattern, (?<team>…) for $<team>'),
    ['role'],
  ),
);
const roleMappingsSchema = v.pipe(
  v.array(roleMappingSchema),
  v.check((mappings) => new Set(mappings.map(({ id }) => id)).size === mappings.length, 'two role mappings have the same id'),
  v.maxLength(1000, 'more than 1,000 role mappings'),
);

/**
 * A group of the directory and the role its members hold.
 *
 * - `group.dn`, `group.sid`, `group.name` (sAMAccountName) or `group.pattern` (an anchored regular expression on sAMAccountName) select the group.
 * - `role` is the role's name; with a pattern it may use captures: `$<team>`.
 *
 * @example { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' }
 * @example { id: 'teams', group: { pattern: '^AWS-(?<team>[a-z]+)$' }, role: 'team-$<team>' }
 */
export type RoleMapping = v.InferOutput<typeof roleMappingSchema>;

/** Checks role mappings. @throws ConfigurationError naming each wrong value */
export function parseRoleMappings(value: unknown): readonly RoleMapping[] {
  const parsed = v.safeParse(roleMappingsSchema, value);
  if (parsed.success) return parsed.output;
  const found = parsed.issues.map(
    (issue) => `${v.getDotPath(issue) ?? 'roleMappings'} ${issue.message} (got ${JSON.stringify(issue.input)})`,
  );
  throw new ConfigurationError(`role mappings are wrong: ${found.join('; ')}`);
}

/**
 * The role that a mapping gives to members of a group, or undefined when it does not select the group.
 * Names and DNs are compared as AD compares them, without regard to case. A role that a capture makes invalid is no role: nothing is granted.
 */
export function matchRole(
  mapping: RoleMapping,
  group: { readonly dn: string; readonly sid?: string | undefined; readonly name?: string | undefined },
): string | undefined {
  const selector = mapping.group;
  if ('dn' in selector)
    return isDistinguishedName(group.dn) && distinguishedNameKey(selector.dn) === distinguishedNameKey(group.dn) ? mapping.role : undefined;
  if ('sid' in selector) return selector.sid === group.sid ? mapping.role : undefined;
  if (group.name === undefined || lookAlike.test(group.name)) return undefined;
  if ('name' in selector) return selector.name.toLowerCase() === group.name.toLowerCase() ? mapping.role : undefined;
  // Wrapped, because "^a|b$" is anchored at one end of each alternative only.
  const match = new RegExp(`^(?:${selector.pattern})$`, 'iu').exec(group.name);
  if (match === null) return undefined;
  const captured = [...mapping.role.matchAll(capture)].map(([, name = '']) => match.groups?.[name]);
  if (captured.includes(undefined)) return undefined;
  const role = mapping.role.replace(capture, () => captured.shift() ?? '');
  return v.is(roleName, role) ? role : undefined;
}

/** Long s and the Kelvin sign: without regard to case they equal s and k, so another group's name could pass for a mapped one. */
const lookAlike = /[\u017f\u212a]/;

/** A repeated group that repeats inside, such as (a+)+: it can take longer than the function has (catastrophic backtracking). */
const nestedRepeat = /\((?:[^()\\]|\\.)*[*+}](?:[^()\\]|\\.)*\)[*+{]/;

function isPattern(pattern: string): boolean {
  if (!pattern.startsWith('^') || !pattern.endsWith('$') || nestedRepeat.test(pattern)) return false;
  try {
    new RegExp(pattern, 'iu');
    return true;
  } catch {
    return false;
  }
}

/** Names of the captures of a valid pattern: the empty alternative matches, and its result lists them all. */
const captureNames = (pattern: string): readonly string[] => Object.keys(new RegExp(`${pattern}|`, 'iu').exec('')?.groups ?? {});
