/** Role mappings as teams write them: what is refused at synth, and what the names of groups make of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Candidate } from '../../handlers/access/compiled-mappings.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { configurationOf, contextOf, decidedAt, group, identityCenter, member, user } from './decisions.ts';

const targets = {
  [identityCenter]: {
    attributes: {},
    assignable: { accounts: ['111122223333', '444455556666'], permissionSets: ['Admin', 'ReadOnly'] },
  },
};
const mapping = (change: Partial<RoleMapping> = {}): RoleMapping => ({
  id: 'one',
  group: { name: 'AWS-Developers' },
  role: 'developers',
  ...change,
});

/** What one mapping gives to members of a group of that name. */
const candidatesOf = (one: RoleMapping, name: string): readonly Candidate[] => {
  const { mappings } = contextOf({ mappings: [one], targets }).access;
  return [...mappings.candidates(user(), member(group(10, name)), decidedAt).values()].flat();
};
/** The role that it gives, where it is possible. */
const roleOf = (one: RoleMapping, name: string): string | undefined => candidatesOf(one, name).find(({ impossible }) => !impossible)?.role;

describe('a role made of captures', () => {
  const teams = mapping({ group: { pattern: '^AWS-(?<team>[a-z]+)-(?<level>[a-z]+)?$' }, role: '$<team>/$<level>' });

  test('WHEN all took part THEN the role has them, as they are', () => {
    expect(roleOf(teams, 'AWS-blue-admin')).toBe('blue/admin');
    expect(roleOf(mapping({ group: { pattern: '^AWS-(?<t>.+)$' }, role: '$<t>-$<t>' }), 'AWS-$&')).toBe('$&-$&');
  });

  test.each([
    ['a capture that took part in nothing', 'AWS-blue-', teams, /nothing for the capture "level" of the role "\$<team>\/\$<level>"/],
    ['a reserved name', 'AWS-Administrator', undefined, /the role "Administrator" is reserved/],
    ['a character that the target refuses', 'AWS-a\u0007b', undefined, /holds characters the target refuses/],
    ['a name that is too long', `AWS-${'a'.repeat(81)}`, undefined, /longer than 80 characters/],
    [
      'a name of 256 characters, many times',
      `AWS-${'a'.repeat(252)}`,
      mapping({ group: { pattern: '^(?<t>.+)$' }, role: '$<t>$<t>$<t>' }),
      /longer than 80/,
    ],
  ])('invariant 7: WHEN it has %s THEN it is impossible, and says so', (_, name, one, detail) => {
    const whole = mapping({ group: { pattern: '^AWS-(?<team>.+)$' }, role: '$<team>' });
    const [candidate, ...others] = candidatesOf(one ?? whole, name);
    expect(others).toEqual([]);
    expect(candidate?.impossible).toMatchObject({ reason: 'role', detail: expect.stringMatching(detail) });
    // AND what a denial tells of it fits an event and a key
    expect(candidate?.role.length).toBeGreaterThan(0);
    expect(candidate?.role.length).toBeLessThanOrEqual(256);
  });

  test('GIVEN any group name THEN the role of a capture is that name or none, never a part of it', () => {
    const whole = mapping({ group: { pattern: '^(?<all>.*)$' }, role: '$<all>' });
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (name) => {
        const role = roleOf(whole, name);
        expect(role === undefined || role === name).toBe(true);
      }),
    );
  });
});

describe('assignments made of captures', () => {
  const accounts = mapping({
    group: { pattern: '^AWS-(?<account>\\d{12})-(?<permissionSet>[\\w-]+)$' },
    role: 'AWS-$<account>-$<permissionSet>',
    assignments: [{ account: '$<account>', permissionSet: '$<permissionSet>' }],
  });

  test('WHEN account and permission set are the target’s THEN the role brings them', () => {
    expect(candidatesOf(accounts, 'AWS-111122223333-Admin')).toMatchObject([
      { role: 'AWS-111122223333-Admin', assignments: [{ account: '111122223333', permissionSet: 'Admin' }], impossible: undefined },
    ]);
  });

  test.each([
    [
      'an account that is not ours',
      'AWS-999988887777-Admin',
      'account',
      'the account "999988887777" is none of the target "identity-center"',
    ],
    [
      'a permission set that is not ours',
      'AWS-111122223333-Root',
      'permission-set',
      'the permission set "Root" is none of the target "identity-center"',
    ],
    [
      'one in another case',
      'AWS-111122223333-ADMIN',
      'permission-set',
      'the permission set "ADMIN" is none of the target "identity-center"',
    ],
  ])('invariant 7: WHEN a group names %s THEN the role is impossible, and says so', (_, name, reason, detail) => {
    expect(candidatesOf(accounts, name)).toMatchObject([{ impossible: { reason, detail } }]);
  });

  test('GIVEN two directories that write one group differently WHEN only one is as the target has it THEN that one gives the role', () => {
    const { mappings } = contextOf({ mappings: [accounts], targets }).access;
    for (const names of [
      ['AWS-111122223333-ADMIN', 'AWS-111122223333-Admin'],
      ['AWS-111122223333-Admin', 'AWS-111122223333-ADMIN'],
    ]) {
      const groups = member(...names.map((name, index) => group(10 + index, name)));
      const candidates = [...mappings.candidates(user(), groups, decidedAt).values()].flat();
      expect(candidates).toMatchObject([{ role: 'AWS-111122223333-Admin', impossible: undefined }]);
    }
  });
});

describe('checking role mappings', () => {
  test('WHEN all are right THEN they come back as they are, in order, with their targets', () => {
    const right: RoleMapping[] = [
      mapping({ id: 'a', role: 'Developers of Example', labels: ['privileged', 'tier-0'] }),
      mapping({
        id: 'b.2_x-1',
        group: { dn: group(1, 'x').dn },
        role: 'auditors',
        unless: ['lockedOut', 'passwordMustChange', 'passwordNeverExpires'],
      }),
      mapping({
        id: 'c',
        group: { sid: 'S-1-5-21-1-2-3-4' },
        role: 'a'.repeat(80),
        valid: { from: '2025-03-01T08:00:00+01:00', until: '2025-03-01T07:00:01Z' },
      }),
      mapping({ id: 'd', group: { pattern: '^AWS-(?<team>[a-z]+)$' }, role: 'team-$<team>', valid: { until: '2024-02-29T00:00:00Z' } }),
      mapping({
        id: 'e',
        role: 'x',
        assignments: [{ account: '111122223333', permissionSet: 'Admin' }],
        exclude: {
          groups: [{ name: 'x' }, { pattern: '^Contractors-.+$' }],
          users: [{ dn: user().dn }, { sid: 'S-1-5-21-1-2-3-5' }, { name: 'ada' }, { userPrincipalName: 'a@example.com' }],
        },
      }),
    ];
    expect(configurationOf({ mappings: right, targets }).mappings).toEqual(right.map((one) => ({ ...one, targets: [identityCenter] })));
  });

  const pattern = { pattern: '^AWS-(?<team>.+)$' };
  const time = '2025-03-01T00:00:00Z';
  test.each<[string, object, RegExp]>([
    ['an id with a space', { id: 'a b' }, /mappings\.0\.id must be 1 to 63 letters.*"a b"/],
    ['a DN that is none', { group: { dn: 'AWS-Developers' } }, /is no distinguished name \(RFC 4514\) \(got "AWS-Developers"\)/],
    ['a SID that is none', { group: { sid: 'S-1-5-32-x' } }, /is no SID \(S-1-5-21-…\) \(got "S-1-5-32-x"\)/],
    ['an empty name', { group: { name: '' } }, /0\.group\.name is empty/],
    ['a name of 257 characters', { group: { name: 'x'.repeat(257) } }, /longer than 256/],
    ['two selectors', { group: { name: 'x', sid: 'S-1-5-21-1' } }, /0\.group must be exactly one of/],
    ['no selector', { group: {} }, /0\.group must be exactly one of/],
    ['a selector of another name', { group: { guid: 'x' } }, /0\.group must be exactly one of/],
    ['a pattern without anchors', { group: { pattern: 'AWS-.*' } }, /no regular expression anchored with \^ and \$, .+ \(got "AWS-\.\*"\)/],
    ['a pattern that is no regular expression', { group: { pattern: '^AWS-($' } }, /no regular expression/],
    ['the pattern ^(a+)+$, which could take minutes', { group: { pattern: '^(a+)+$' } }, /repeated group that repeats inside/],
    ['the pattern ^(?:[a-z]*)*$', { group: { pattern: '^(?:[a-z]*)*$' } }, /repeated group that repeats inside/],
    ['the pattern ^(x{2,})+$', { group: { pattern: '^(x{2,})+$' } }, /repeated group that repeats inside/],
    ['an empty role', { role: '' }, /0\.role is empty/],
    ['a role of 81 characters', { role: 'r'.repeat(81) }, /0\.role is longer than 80/],
    ['a role with a tab', { role: 'a\tb' }, /0\.role holds characters the target refuses \(got "a\\tb"\)/],
    ['a reserved role', { role: 'awsAdministrators' }, /is reserved by IAM Identity Center \(got "awsAdministrators"\)/],
    ['a capture without a pattern', { role: 'team-$<team>' }, /0\.role uses a capture that its group selector has not.*\(\?<team>…\)/],
    [
      'a capture that the pattern has not',
      { group: pattern, role: 'team-$<taem>' },
      /0\.role uses a capture that its group selector has not/,
    ],
    ['a capture that does not end', { group: pattern, role: 'team-$<team' }, /0\.role uses a capture that its group selector has not/],
    ['a capture of an odd name', { group: pattern, role: '$<größe>' }, /0\.role uses a capture that its group selector has not/],
    [
      'an assignment by a capture that the role has not',
      { group: pattern, assignments: [{ account: '$<team>', permissionSet: 'Admin' }] },
      /0\.assignments use a capture that the role has not: one role brings the same to all/,
    ],
    [
      'an account of 11 digits',
      { assignments: [{ account: '11112222333', permissionSet: 'Admin' }] },
      /account is no AWS account \(12 digits\) \(got "11112222333"\)/,
    ],
    [
      'a permission set with a space',
      { assignments: [{ account: '111122223333', permissionSet: 'A b' }] },
      /permissionSet is no name of a permission set/,
    ],
    [
      'an assignment twice',
      { assignments: Array(2).fill({ account: '111122223333', permissionSet: 'Admin' }) },
      /0\.assignments names something twice/,
    ],
    ['an empty list of targets', { targets: [] }, /0\.targets is an empty list: leave it out/],
    ['a label with a space', { labels: ['tier 0'] }, /0\.labels\.0 must be 1 to 63 letters/],
    [
      'a day without time',
      { valid: { from: '2025-03-01' } },
      /0\.valid\.from is no ISO 8601 time with a zone \(2025-03-01T08:00:00Z\) \(got "2025-03-01"\)/,
    ],
    ['a time without zone', { valid: { until: '2025-03-01T08:00:00' } }, /0\.valid\.until is no ISO 8601 time with a zone/],
    ['the 30th of February', { valid: { from: '2025-02-30T00:00:00Z' } }, /0\.valid\.from is no day of the calendar/],
    ['an end before the beginning', { valid: { from: time, until: '2025-02-28T00:00:00Z' } }, /0\.valid ends before it begins/],
    [
      'an end at the beginning',
      { valid: { from: time, until: '2025-03-01T01:00:00+01:00' } },
      /0\.valid ends before it begins, or with it/,
    ],
    ['a window without ends', { valid: {} }, /0\.valid names neither from nor until/],
    ['an exclusion of nobody', { exclude: {} }, /0\.exclude names neither groups nor users/],
    ['an excluded user by pattern', { exclude: { users: [{ pattern: '^a$' }] } }, /0\.exclude\.users\.0 must be exactly one of/],
    [
      'an excluded group without anchors',
      { exclude: { groups: [{ pattern: 'a' }] } },
      /0\.exclude\.groups\.0\.pattern is no regular expression anchored/,
    ],
    [
      'a state that no mirror knows',
      { unless: ['passwordExpired'] },
      /0\.unless\.0 must be one of lockedOut, .*forbid old ones by a policy \(got "passwordExpired"\)/,
    ],
    ['a key too many', { target: 'x' }, /target/],
  ])('fails for %s, naming the value and the remedy', (_, change, message) => {
    const parse = () => configurationOf({ mappings: [{ ...mapping(), ...change }], targets });
    expect(parse).toThrow(ConfigurationError);
    expect(parse).toThrow(message);
  });

  test('fails once for all that is wrong', () => {
    expect(() => configurationOf({ mappings: [{ ...mapping(), id: '', role: '' }] })).toThrow(/0\.id.*0\.role/);
  });
});
