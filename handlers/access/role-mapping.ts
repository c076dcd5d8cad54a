/**
 * Role mappings: which directory group gives which role.
 * Written by teams in TypeScript props, checked at synth by `modules/` and again when decide-access loads them (`access-configuration.ts`).
 */
import * as v from 'valibot';
import { accountStates } from './account-conditions.ts';
import { accountName, captureNames, distinguishedName, groupSelector, sid } from './group-selector.ts';

/** A capture in a role's name or an assignment: `$<team>`. */
const capture = /\$<([^<>]*)>/g;

/** Names of mappings, labels and targets. */
export const identifier = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be 1 to 63 letters, digits, ".", "_" or "-"'),
);

/**
 * Name of a role: the display name of the group at Identity Center (1 to 1,024 characters there; reserved names refused), and with spaces
 * escaped part of its external id (256 characters).
 */
export const roleName = v.pipe(
  v.string(),
  v.minLength(1, 'is empty'),
  v.maxLength(80, 'is longer than 80 characters'),
  v.regex(/^[\p{L}\p{M}\p{S}\p{N}\p{P} ]+$/u, 'holds characters the target refuses'),
  v.check((name) => !/^(administrator|awsadministrators)$/i.test(name), 'is reserved by IAM Identity Center'),
);

/** Names as AWS allows them: of an account its number, of a permission set 1 to 32 of these characters (API reference of IAM Identity Center). */
const accountNumber = /^\d{12}$/;
const permissionSetName = /^[\w+=,.@-]{1,32}$/;

const templateOf = (literal: RegExp, message: string) =>
  v.pipe(
    v.string(),
    v.maxLength(256),
    v.check((text) => capturesIn(text).length > 0 || literal.test(text), message),
  );

const assignment = v.strictObject({
  account: templateOf(accountNumber, 'is no AWS account (12 digits)'),
  permissionSet: templateOf(permissionSetName, 'is no name of a permission set (1 to 32 letters, digits and _+=,.@-)'),
});

/** A moment with its zone. The 30th of February is refused: it would be read as the 2nd of March. */
const moment = v.pipe(
  v.string(),
  v.isoTimestamp('is no ISO 8601 time with a zone (2025-03-01T08:00:00Z)'),
  v.check((text) => {
    const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
    return day <= new Date(Date.UTC(year, month, 0)).getUTCDate() && !Number.isNaN(Date.parse(text));
  }, 'is no day of the calendar, or its zone is neither Z nor +hh:mm'),
);

const some = <T extends v.GenericSchema>(item: T) =>
  v.optional(
    v.pipe(
      v.array(item),
      v.minLength(1, 'is an empty list: leave it out'),
      v.check((items) => new Set(items.map((one) => JSON.stringify(one))).size === items.length, 'names something twice'),
      v.readonly(),
    ),
  );

const userSelector = v.union(
  [
    v.strictObject({ dn: distinguishedName }),
    v.strictObject({ sid }),
    v.strictObject({ name: accountName }),
    v.strictObject({ userPrincipalName: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)) }),
  ],
  'must be exactly one of { dn }, { sid }, { name } or { userPrincipalName }, and valid',
);
export type UserSelector = v.InferOutput<typeof userSelector>;

const validity = v.pipe(
  v.strictObject({ from: v.optional(moment), until: v.optional(moment) }),
  v.check(({ from, until }) => from !== undefined || until !== undefined, 'names neither from nor until: leave it out'),
  v.check(
    ({ from, until }) => from === undefined || until === undefined || Date.parse(from) < Date.parse(until),
    'ends before it begins, or with it: until has to be later than from',
  ),
);

const exclusion = v.pipe(
  v.strictObject({ groups: some(groupSelector), users: some(userSelector) }),
  v.check(({ groups, users }) => groups !== undefined || users !== undefined, 'names neither groups nor users: leave it out'),
);

export const roleMappingSchema = v.pipe(
  v.strictObject({
    id: identifier,
    group: groupSelector,
    domains: some(v.pipe(v.string(), v.nonEmpty('is empty'))),
    role: roleName,
    targets: some(identifier),
    assignments: some(assignment),
    labels: some(identifier),
    valid: v.optional(validity),
    exclude: v.optional(exclusion),
    unless: some(
      v.picklist(
        accountStates,
        `must be one of ${accountStates.join(', ')}; that a password has expired is known to no mirror, forbid old ones by a policy`,
      ),
    ),
  }),
  v.forward(
    v.check(
      ({ group, role }) => capturesIn(role).every((name) => captureNames(group).includes(name)),
      'uses a capture that its group selector has not: name it in a pattern, (?<team>…) for $<team>',
    ),
    ['role'],
  ),
  v.forward(
    v.check(({ role, assignments = [] }) => {
      const used = assignments.flatMap(({ account, permissionSet }) => [...capturesIn(account), ...capturesIn(permissionSet)]);
      return used.every((name) => capturesIn(role).includes(name));
      // A role brings all its members the same: what tells its assignments apart has to be in its name.
    }, 'use a capture that the role has not: one role brings the same to all, name it in the role too'),
    ['assignments'],
  ),
);

/**
 * A group of the directory and the role its effective members hold.
 *
 * - `group`: by DN, SID, name (sAMAccountName) or pattern, see `GroupSelector`.
 * - `domains`: DNS names of the directories whose groups it selects (default: the environment's only one, or the one that a DN names).
 * - `role`: its name; with a pattern it may use captures: `$<team>`.
 * - `targets`: where it holds (default: the environment's only target).
 * - `assignments`: AWS accounts and permission sets that it brings, at targets that have them; they may use captures that the role uses too.
 * - `labels`: what policies know of the role, such as `privileged`.
 * - `valid`: gives the role from `from` on and before `until`, ISO 8601 with zone; either may be left out.
 * - `exclude`: effective members of these `groups`, and these `users`, do not get it.
 * - `unless`: nor do accounts in one of these states. Disabled, expired, deleted and accounts out of scope hold nothing anyway.
 *
 * @example { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' }
 * @example { id: 'teams', group: { pattern: '^AWS-(?<team>[a-z]+)$' }, role: 'team-$<team>' }
 * @example
 * {
 *   id: 'accounts',
 *   group: { pattern: '^AWS-(?<account>\\d{12})-(?<permissionSet>[\\w-]+)$' },
 *   role: 'AWS-$<account>-$<permissionSet>',
 *   assignments: [{ account: '$<account>', permissionSet: '$<permissionSet>' }],
 *   exclude: { groups: [{ name: 'Contractors' }] },
 *   unless: ['lockedOut'],
 * }
 */
export type RoleMapping = v.InferOutput<typeof roleMappingSchema>;

/** A mapping whose targets are written out. */
export type TargetedMapping = RoleMapping & { readonly targets: readonly string[] };

/** Names of the captures in a text, in order; what is no whole capture counts under a name that no pattern has. */
export function capturesIn(text: string): readonly string[] {
  const names = [...text.matchAll(capture)].map(([, name = '']) => name);
  return text.replace(capture, '').includes('$<') ? [...names, ''] : names;
}

/** The text with its captures filled in; those that took part in nothing are empty. */
export const filledIn = (text: string, captures: Readonly<Record<string, string | undefined>>): string =>
  text.replace(capture, (_, name: string) => captures[name] ?? '');
