import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PrincipalGrants, Profile } from '../../handlers/access/grants.ts';
import { grantKey, principalKey } from '../../handlers/access/grants.ts';
import type { Assignment, Grant, PrincipalState } from '../../handlers/events/catalogue.ts';
import { type Actual, type Desired, type DriftRules, desiredAt, driftOf, type Finding } from '../../handlers/roles/drift.ts';
import { healingOf, removalsOf } from '../../handlers/roles/reconcile/healing.ts';
import type { ListedAccount } from '../../handlers/roles/target.ts';
import { domain, guidOf } from '../directory/rows.ts';

const target = 'identity-center';
const at = '2026-11-23T00:00:00.000Z';
const rules: DriftRules = {
  onInactive: 'deactivate',
  onDeleted: 'delete',
  canDeactivate: true,
  formerRoles: new Set(),
  settledBefore: '2026-11-23T01:00:00.000Z',
};
const profileOf = (index: number): Profile => ({
  userName: `user${index}@corp.example.com`,
  displayName: `User ${index}`,
  givenName: 'User',
  familyName: String(index),
});
const readOnly: Assignment = { account: '111122223333', permissionSet: 'ReadOnly' };

function item(index: number, roles: readonly string[], state: PrincipalState = 'active'): PrincipalGrants {
  const grants = roles.map(
    (role): Grant => ({
      role,
      target,
      mapping: 'mapping',
      group: { guid: guidOf(900), dn: 'CN=Group,DC=corp,DC=example,DC=com', name: 'Group' },
      policies: ['mapped-grants'],
      since: at,
      ...(role.startsWith('aws') ? { assignments: [readOnly] } : {}),
    }),
  );
  const subject = { guid: guidOf(index), type: 'user' as const, name: `User ${index}`, dn: `CN=User ${index},DC=corp,DC=example,DC=com` };
  return {
    pk: principalKey(domain, subject.guid),
    domain,
    subject,
    revision: 1,
    state,
    profiles: { [target]: profileOf(index) },
    grants: Object.fromEntries(grants.map((grant) => [grantKey(grant), grant])),
    denied: {},
    decidedAt: at,
    cause: { id: 'event', type: 'GroupMemberAdded' },
    unannounced: [],
  };
}

/** What a target holds that is exactly as desired. */
function asDesired(desired: Desired): Actual & { accounts: ListedAccount[] } {
  const principals = [...desired.principals.values()];
  const accounts = principals
    .filter(({ state }) => state !== 'deleted')
    .map(({ domain: of, subject, profile, state }): ListedAccount => {
      const mark = { domain: of, guid: subject.guid };
      return { id: `account-${subject.guid}`, profile, mark, active: state === 'active' };
    });
  const roles = [...desired.roles].map(([mark, { name }]) => ({ id: `role-${mark}`, name, mark }));
  const holders = (mark: string) => principals.filter(({ grants }) => grants.has(mark));
  return {
    accounts,
    accountsComplete: true,
    roles,
    rolesComplete: true,
    members: new Map(
      roles.map(({ id, mark }) => [
        id,
        holders(mark).map(({ subject }) => ({ membershipId: `${id}/${subject.guid}`, accountId: `account-${subject.guid}` })),
      ]),
    ),
    assignments: new Map(roles.map(({ id, mark }) => [id, desired.roles.get(mark)?.assignments ?? []])),
  };
}

const kinds = (findings: readonly Finding[]) => findings.map(({ kind }) => kind).sort();
const people = [item(1, ['developers', 'aws-readers']), item(2, ['developers']), item(3, [], 'disabled'), item(4, [], 'deleted')];
const desired = desiredAt(target, people);
const exact = asDesired(desired);
const [account1, account2, account3] = exact.accounts as [ListedAccount, ListedAccount, ListedAccount];
const withAccounts = (...accounts: ListedAccount[]): Actual => ({ ...exact, accounts });
const stranger: ListedAccount = { id: 'stranger', profile: profileOf(99), mark: undefined };

describe('drift', () => {
  test('GIVEN a target that holds what is desired THEN there is none', () => {
    expect(driftOf(desired, exact, rules)).toEqual([]);
  });

  test('GIVEN an active principal without roles WHEN the account is inactive THEN that is found too', () => {
    const without = desiredAt(target, [item(1, [])]);
    const listed = asDesired(without);
    const accounts = listed.accounts.map((account) => ({ ...account, active: false }));
    expect(driftOf(without, { ...listed, accounts }, rules)).toMatchObject([{ kind: 'account-inactive', healable: true }]);
  });

  test('GIVEN a target at which nobody can be made active WHEN an account is inactive THEN a person has to decide', () => {
    const actual = withAccounts({ ...account1, active: false }, account2, account3);
    expect(driftOf(desired, actual, { ...rules, canDeactivate: false })).toMatchObject([{ kind: 'account-inactive', healable: false }]);
  });

  test('GIVEN any population THEN a target that holds it exactly shows no drift', () => {
    const person = fc.record({
      roles: fc.uniqueArray(fc.constantFrom('a', 'b', 'aws-c', 'aws-d'), { maxLength: 4 }),
      state: fc.constantFrom<PrincipalState>('active', 'disabled', 'expired', 'outOfScope', 'deleted'),
    });
    fc.assert(
      fc.property(fc.array(person, { maxLength: 20 }), (all) => {
        const some = desiredAt(
          target,
          all.map(({ roles, state }, index) => item(index, state === 'active' ? roles : [], state)),
        );
        expect(driftOf(some, asDesired(some), rules)).toEqual([]);
      }),
    );
  });

  test.each<[string, Actual, readonly string[]]>([
    ['an account is gone', withAccounts(account2, account3), ['account-missing']],
    ['a name was changed by hand', withAccounts({ ...account1, profile: profileOf(7) }, account2, account3), ['account-changed']],
    ['an account was deactivated', withAccounts({ ...account1, active: false }, account2, account3), ['account-inactive']],
    ['the account of somebody disabled was activated', withAccounts(account1, account2, { ...account3, active: true }), ['account-active']],
    [
      'a second account carries the same mark',
      withAccounts(account1, account2, account3, { ...account3, id: 'copy' }),
      ['account-duplicated'],
    ],
    [
      'an account carries the mark of somebody nobody decided on',
      withAccounts(account1, account2, account3, { ...stranger, mark: { domain, guid: guidOf(99) } }),
      ['account-orphaned'],
    ],
    [
      'the account of somebody deleted is there again',
      withAccounts(account1, account2, account3, { id: 'old', profile: profileOf(4), mark: { domain, guid: guidOf(4) } }),
      ['account-orphaned'],
    ],
    ['a mark was taken off', withAccounts(account1, { ...account2, mark: undefined }, account3), ['account-unmarked', 'membership-extra']],
    ['somebody else is there', withAccounts(account1, account2, account3, stranger), []],
    [
      'a membership was ended by hand',
      { ...exact, members: new Map([...exact.members, ['role-developers', exact.members.get('role-developers')?.slice(1) ?? []]]) },
      ['membership-missing'],
    ],
    [
      'a stranger was put into a role of ours',
      {
        ...withAccounts(account1, account2, account3, stranger),
        members: new Map([
          ...exact.members,
          ['role-developers', [...(exact.members.get('role-developers') ?? []), { membershipId: 'm', accountId: 'stranger' }]],
        ]),
      },
      ['membership-extra'],
    ],
    [
      'a role was renamed',
      { ...exact, roles: exact.roles.map((role) => ({ ...role, name: `${role.name} (old)` })) },
      ['role-renamed', 'role-renamed'],
    ],
    [
      'a role is called the same in another case',
      { ...exact, roles: exact.roles.map((role) => ({ ...role, name: role.name.toUpperCase() })) },
      [],
    ],
    [
      'a role is gone',
      {
        ...exact,
        roles: exact.roles.filter(({ mark }) => mark !== 'aws-readers'),
        members: new Map([...exact.members].filter(([id]) => id !== 'role-aws-readers')),
      },
      ['membership-missing', 'role-missing'],
    ],
    [
      'a role is there that nobody is to hold',
      { ...exact, roles: [...exact.roles, { id: 'r', name: 'old', mark: 'old' }] },
      ['role-unused'],
    ],
    ["somebody else's role is there", { ...exact, roles: [...exact.roles, { id: 'r', name: 'theirs', mark: undefined }] }, []],
    ['an assignment was removed', { ...exact, assignments: new Map([['role-aws-readers', []]]) }, ['assignment-missing']],
    [
      'an assignment was added',
      { ...exact, assignments: new Map([['role-developers', [{ account: '444455556666', permissionSet: 'Admin' }]]]) },
      ['assignment-extra'],
    ],
  ])('GIVEN %s THEN exactly that is found', (_, actual, expected) => {
    expect(kinds(driftOf(desired, actual, rules))).toEqual([...expected].sort());
  });

  test('invariant 3: GIVEN a listing that stopped anywhere THEN nothing is found missing or extra by what was not listed', () => {
    const removing = (findings: readonly Finding[]) => findings.filter(({ removes, kind }) => removes > 0 || kind.endsWith('-missing'));
    const half = { ...exact, accounts: exact.accounts.slice(0, 1), accountsComplete: false, members: new Map(), assignments: new Map() };
    expect(removing(driftOf(desired, { ...half, roles: [], rolesComplete: false }, rules))).toEqual([]);
    expect(removing(driftOf(desired, { ...exact, accounts: exact.accounts.slice(0, 1), accountsComplete: false }, rules))).toEqual([]);
    expect(
      removing(
        driftOf(
          desired,
          { ...exact, roles: exact.roles.slice(0, 1), rolesComplete: false, members: new Map([...exact.members].slice(0, 1)) },
          rules,
        ),
      ),
    ).toEqual([]);
    expect(removing(driftOf(desired, { ...exact, members: new Map() }, rules))).toEqual([]);
  });

  test('GIVEN a principal decided on a moment ago THEN it is left to the next run', () => {
    const early = { ...rules, settledBefore: at };
    expect(driftOf(desired, withAccounts(), early)).toEqual([]);
  });
});

describe('healing', () => {
  const joined = [...(exact.members.get('role-developers') ?? []), { membershipId: 'm', accountId: 'stranger' }];
  const actual = {
    ...withAccounts(account2, account3, stranger),
    members: new Map([
      ...exact.members,
      ['role-developers', joined],
      ['role-aws-readers', [{ membershipId: 'n', accountId: account2.id }]],
    ]),
    assignments: new Map([['role-developers', [readOnly]]]),
  };
  const findings = driftOf(desired, actual, rules);

  test('GIVEN findings THEN there is one message a principal and one a role, with all of their kinds', () => {
    const messages = healingOf(target, at, desired, findings, true);
    const names = messages.map((message) => ('role' in message ? message.role : message.guid));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(messages.flatMap(({ drift }) => drift?.kinds ?? []))).toEqual(new Set(kinds(findings)));
  });

  test('invariant 6: GIVEN a guard that holds back THEN messages take nothing away', () => {
    const messages = healingOf(target, at, desired, findings, false);
    expect(messages.flatMap((message) => ('role' in message ? message.extraMembers : (message.extraRoles ?? [])))).toEqual([]);
    expect(messages.flatMap(({ drift }) => drift?.kinds ?? [])).toEqual(['account-missing']);
  });

  test('GIVEN what a person has to decide THEN no message asks for it', () => {
    const duplicated = driftOf(desired, withAccounts(account1, account2, account3, { ...account3, id: 'copy' }), rules);
    expect(healingOf(target, at, desired, duplicated, true)).toEqual([]);
    expect(removalsOf(duplicated)).toEqual([]);
  });

  test('GIVEN removals THEN the guard is asked for each key once, with all that it loses', () => {
    const removals = removalsOf(findings);
    expect(new Set(removals.map(({ key }) => key)).size).toBe(removals.length);
    expect(removals.reduce((sum, { revocations, accounts }) => sum + revocations + accounts, 0)).toBe(
      findings.reduce((sum, { removes, healable }) => sum + (healable ? removes : 0), 0),
    );
  });
});
