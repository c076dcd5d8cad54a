/** How configuration names a group of the directory, and the look-up of all that name one. */
import * as v from 'valibot';
import { distinguishedNameKey, isDistinguishedName } from '../directory/distinguished-name.ts';
import { firstValue, type ObjectRow } from '../directory/mirror.ts';

export const distinguishedName = v.pipe(v.string(), v.check(isDistinguishedName, 'is no distinguished name (RFC 4514)'));
export const sid = v.pipe(v.string(), v.regex(/^S-1-\d+(?:-\d+){1,15}$/, 'is no SID (S-1-5-21-…)'));
export const accountName = v.pipe(v.string(), v.minLength(1, 'is empty'), v.maxLength(256, 'is longer than 256 characters'));

const within = v.optional(distinguishedName);

export const groupSelector = v.union(
  [
    v.strictObject({ dn: distinguishedName }),
    v.strictObject({ sid }),
    v.strictObject({ name: accountName, within }),
    v.strictObject({
      within,
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
 * A group: by `dn`, `sid`, `name` (sAMAccountName) or `pattern` (an anchored regular expression on sAMAccountName).
 * Names and DNs are compared as AD compares them, without regard to case. `within`: DN of a container, anywhere below which the group lies;
 * whoever may create or rename a group elsewhere then gains nothing by its name.
 */
export type GroupSelector = v.InferOutput<typeof groupSelector>;

/** What a pattern's named groups took of a name; undefined: it took part in nothing. */
export type Captures = Readonly<Record<string, string | undefined>>;

/** Names of the captures of a selector; none but a valid pattern has any. */
export function captureNames(selector: GroupSelector): readonly string[] {
  if (!('pattern' in selector) || !isPattern(selector.pattern)) return [];
  // The empty alternative matches, and its result lists them all.
  return Object.keys(new RegExp(`${selector.pattern}|`, 'iu').exec('')?.groups ?? {});
}

export interface Selection<T> {
  readonly value: T;
  readonly captures: Captures;
}

/**
 * The look-up of what selects a group, in the order of the entries. DNs, SIDs and names are found at once; patterns are tried one by one.
 *
 * `meant` says what a doubt means. `surely`: a group whose name has look-alike letters is none that anybody meant. `maybe`: it is, and a
 * group whose DN cannot be read may lie anywhere.
 */
export function selectorIndex<T>(
  entries: readonly (readonly [GroupSelector, T])[],
  meant: 'surely' | 'maybe',
): (group: ObjectRow) => readonly Selection<T>[] {
  const exact = new Map<string, number[]>();
  const patterns: { readonly position: number; readonly expression: RegExp }[] = [];
  const note = (key: string, position: number) => exact.set(key, [...(exact.get(key) ?? []), position]);
  entries.forEach(([selector, _], position) => {
    // Wrapped, because "^a|b$" is anchored at one end of each alternative only.
    if ('pattern' in selector) patterns.push({ position, expression: new RegExp(`^(?:${selector.pattern})$`, 'iu') });
    else note(exactKey(selector), position);
    if ('dn' in selector && meant === 'maybe') note(unreadable, position);
  });
  return (group) => {
    const name = firstValue(group, 'sAMAccountName');
    const known = name !== undefined && (meant === 'maybe' || !lookAlike.test(name)) ? name : undefined;
    const keys = [
      isDistinguishedName(group.dn) ? exactKey({ dn: group.dn }) : unreadable,
      ...(group.sid === undefined ? [] : [exactKey({ sid: group.sid })]),
      ...(known === undefined ? [] : [exactKey({ name: known })]),
    ];
    const found = new Map<number, Captures>(keys.flatMap((key) => exact.get(key) ?? []).map((position) => [position, {}]));
    if (known !== undefined) {
      for (const { position, expression } of patterns) {
        const match = expression.exec(known);
        if (match !== null) found.set(position, { ...match.groups });
      }
    }
    const isWithin = withinOf(group, meant);
    const positions = [...found.keys()].filter((position) => isWithin(entries[position]?.[0])).sort((one, other) => one - other);
    return positions.flatMap((position) => {
      const entry = entries[position];
      return entry === undefined ? [] : [{ value: entry[1], captures: found.get(position) ?? {} }];
    });
  };
}

/** Whether a group lies where a selector says. A key is JSON, [["cn","x"],["ou","groups"],…]: what lies below ends with the container's own. */
function withinOf(group: ObjectRow, meant: 'surely' | 'maybe'): (selector: GroupSelector | undefined) => boolean {
  const key = isDistinguishedName(group.dn) ? distinguishedNameKey(group.dn) : undefined;
  return (selector) => {
    if (selector === undefined || !('within' in selector) || selector.within === undefined) return true;
    return key === undefined ? meant === 'maybe' : key.endsWith(`,${distinguishedNameKey(selector.within).slice(1)}`);
  };
}

const unreadable = 'unreadable';

/** A key under which two selectors name the same; also of users, whom DN, SID and name select too. */
export function exactKey(selector: { readonly dn: string } | { readonly sid: string } | { readonly name: string }): string {
  if ('dn' in selector) return `dn ${distinguishedNameKey(selector.dn)}`;
  return 'sid' in selector ? `sid ${selector.sid}` : `name ${selector.name.toLowerCase()}`;
}

/**
 * Long s, the Kelvin, Ångström and ohm sign, Greek symbols and old Cyrillic forms: without regard to case they equal s, k, å and their like
 * (Unicode's CaseFolding.txt), so another group's name could pass for a mapped one. No keyboard has them; micro sign and final sigma some do.
 */
const lookAlike = /[\u0345\u017f\u1e9b\u212a\u212b\u2126\u03d0\u03d1\u03d5\u03d6\u03f0\u03f1\u03f4\u03f5\u1fbe\u1c80-\u1c88]/;

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
