/** Who is left out of a mapping: by name, by a group, by time, by the state of the account. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../handlers/access/decide.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import type { ObjectRow } from '../../handlers/directory/mirror.ts';
import type { EffectiveGroup } from '../../handlers/directory/principals.ts';
import { sidOf } from '../directory/rows.ts';
import { contextOf, decidedAt, effectiveGroups, group, member, through, user } from './decisions.ts';

const developers = group(10, 'AWS-Developers');
const mapping = (change: Partial<RoleMapping> = {}): RoleMapping => ({
  id: 'one',
  group: { name: 'AWS-Developers' },
  role: 'r',
  ...change,
});

interface Asked {
  readonly principal?: ObjectRow;
  readonly groups?: readonly EffectiveGroup[];
  readonly at?: string;
}

/** Whether a mapping gives its role. */
function gives(change: Partial<RoleMapping>, { principal = user(), groups = member(developers), at = decidedAt }: Asked = {}): boolean {
  const item = decide(principal, groups, undefined, { ...contextOf({ mappings: [mapping(change)] }), decidedAt: at });
  return item !== undefined && Object.keys(item.grants).length > 0;
}

describe('invariant 7: an excluded user', () => {
  const ada = user({ sAMAccountName: ['ada'], userPrincipalName: ['ada@corp.example.com'] });
  test.each<NonNullable<NonNullable<RoleMapping['exclude']>['users']>[number]>([
    { name: 'ADA' },
    { userPrincipalName: 'Ada@Corp.example.com' },
    { sid: sidOf(1) },
    { dn: ada.dn.toLowerCase() },
  ])('WHEN it is named by %j THEN it gets nothing; others do', (selector) => {
    expect(gives({ exclude: { users: [{ name: 'someone-else' }, selector] } }, { principal: ada })).toBe(false);
    const other = user(
      { sAMAccountName: ['bob'], userPrincipalName: ['bob@corp.example.com'] },
      { dn: 'CN=bob,DC=example,DC=com', sid: sidOf(2) },
    );
    expect(gives({ exclude: { users: [selector] } }, { principal: other })).toBe(true);
  });

  test('WHEN its name and its user principal name are alike THEN each is compared with its own', () => {
    expect(gives({ exclude: { users: [{ name: 'ada@corp.example.com' }] } }, { principal: ada })).toBe(true);
  });

  test('WHEN its DN cannot be read THEN it may be the one that is excluded by DN', () => {
    const unreadable = user({}, { dn: 'no name' });
    expect(gives({ exclude: { users: [{ dn: ada.dn }] } }, { principal: unreadable })).toBe(false);
    expect(gives({ exclude: { users: [{ name: 'bob' }] } }, { principal: unreadable })).toBe(true);
  });
});

describe('invariant 7: a member of an excluded group', () => {
  const contractors = group(20, 'Contractors');
  test.each<NonNullable<NonNullable<RoleMapping['exclude']>['groups']>[number]>([
    { name: 'contractors' },
    { sid: contractors.sid ?? '' },
    { dn: contractors.dn },
    { pattern: '^Con.+$' },
  ])('WHEN it is named by %j THEN it gets nothing, however deep it is nested', (selector) => {
    const exclude = { groups: [selector] };
    expect(gives({ exclude }, { groups: member(developers, contractors) })).toBe(false);
    expect(gives({ exclude }, { groups: [...member(developers), through(contractors, group(21, 'Temps'))] })).toBe(false);
    expect(gives({ exclude })).toBe(true);
  });

  test('WHEN only one of two mappings excludes it THEN the other gives its role', () => {
    const access = contextOf({ mappings: [mapping({ exclude: { groups: [{ name: 'Contractors' }] } }), mapping({ id: 'two' })] });
    const item = decide(user(), member(developers, contractors), undefined, access);
    expect(Object.values(item?.grants ?? {}).map((grant) => grant.mapping)).toEqual(['two']);
  });
});

describe('invariant 7: a validity window', () => {
  const valid = { from: '2025-03-01T09:00:00Z', until: '2025-03-01T11:00:00+01:00' };
  test.each([
    ['2025-03-01T08:59:59.999Z', false],
    ['2025-03-01T09:00:00.000Z', true],
    ['2025-03-01T09:59:59.999Z', true],
    ['2025-03-01T10:00:00.000Z', false],
  ])('WHEN it is %s THEN it gives: %s', (at, expected) => {
    expect(gives({ valid }, { at })).toBe(expected);
  });

  test('WHEN one end is left open THEN it is', () => {
    expect(gives({ valid: { from: valid.from } }, { at: '2099-01-01T00:00:00Z' })).toBe(true);
    expect(gives({ valid: { until: valid.until } }, { at: '1999-01-01T00:00:00Z' })).toBe(true);
  });
});

describe('invariant 7: a state of the account', () => {
  const fresh = { pwdLastSet: ['133500000000000000'] };
  test.each<[string, NonNullable<RoleMapping['unless']>[number], ObjectRow, boolean]>([
    ['locked out', 'lockedOut', user(fresh, { lockedOut: 'never' }), false],
    [
      'locked out until a moment that has passed, and not said to be free',
      'lockedOut',
      user(fresh, { lockedOut: '2025-01-01T00:00:00.000Z' }),
      false,
    ],
    ['not locked out', 'lockedOut', user(fresh), true],
    ['to change its password', 'passwordMustChange', user({ pwdLastSet: ['0'] }), false],
    ['without a known password time', 'passwordMustChange', user(), false],
    ['with a password', 'passwordMustChange', user(fresh), true],
    ['of a password that never expires', 'passwordNeverExpires', user({ ...fresh, userAccountControl: ['66048'] }), false],
    ['of a password that expires', 'passwordNeverExpires', user(fresh), true],
    ['of a password that never expires, where only lockouts count', 'lockedOut', user({ userAccountControl: ['66048'] }), true],
  ])('GIVEN an account %s WHEN a mapping gives nothing to %s THEN it gives to this one as it should', (_, state, principal, expected) => {
    expect(gives({ unless: [state] }, { principal })).toBe(expected);
    expect(gives({}, { principal })).toBe(true);
  });
});

test('GIVEN any mappings THEN they give what each gives alone', () => {
  const names = ['AWS-Developers', 'AWS-Team-blue', 'Printers', 'Domain Users'];
  const selector = fc.oneof(
    fc.constantFrom(...names).map((name) => ({ name })),
    fc.constantFrom('^AWS-.+$', '^AWS-Team-(?<team>[a-z]+)$').map((pattern) => ({ pattern })),
  );
  const change = fc.record(
    {
      group: selector,
      role: fc.constantFrom('a', 'b', 'c'),
      valid: fc.constantFrom({ from: decidedAt }, { until: decidedAt }),
      exclude: selector.map((one) => ({ groups: [one] })),
      unless: fc.constant(['lockedOut' as const]),
    },
    { requiredKeys: ['group', 'role'] },
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), effectiveGroups, fc.boolean(), (changes, groups, isLocked) => {
      const principal = user({}, isLocked ? { lockedOut: 'never' } : {});
      const together = decide(
        principal,
        groups,
        undefined,
        contextOf({ mappings: changes.map((one, index) => ({ ...one, id: `m${index}` })) }),
      );
      const alone = changes.flatMap((one) => (gives(one, { principal, groups }) ? [`identity-center/${one.role}`] : []));
      expect(Object.keys(together?.grants ?? {}).sort()).toEqual([...new Set(alone)].sort());
      for (const { mapping: id, role } of Object.values(together?.grants ?? {})) {
        // The first that gives it is the reason.
        expect(id).toBe(`m${changes.findIndex((one) => one.role === role && gives(one, { principal, groups }))}`);
      }
    }),
  );
});
