/** From what should be and what was made to the steps in between. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { grantKey } from '../../handlers/access/grants.ts';
import { InvalidEventError } from '../../handlers/platform/errors.ts';
import { apply } from '../../handlers/roles/apply.ts';
import type { AccountEntry } from '../../handlers/roles/ledger.ts';
import { isEmpty, plan, wantedAt } from '../../handlers/roles/plan.ts';
import { ada, anyEntry, anyWanted, desired, grantOf, readOnly, renamed, rules, targetName, type Wish, wanted } from './desired.ts';
import { memoryLedger } from './memory-ledger.ts';
import { memoryTargetWorld } from './memory-target.ts';

const now = '2025-03-01T10:00:00.000Z';
const steps = (wish: Wish, made?: AccountEntry, rule: Partial<typeof rules> = {}) =>
  plan(wanted(2, wish), made, { ...rules, ...rule }, now);
const madeWith = (...roles: readonly string[]): AccountEntry => ({
  pk: 'a',
  version: 1,
  revision: 1,
  account: { id: 'account-1', profile: ada },
  memberships: Object.fromEntries(roles.map((role) => [grantKey(grantOf(role)), { grant: grantOf(role), membershipId: `m-${role}` }])),
});
describe('a plan', () => {
  test('GIVEN nothing made WHEN roles are due THEN the account is made before them', () => {
    expect(steps({ roles: ['developers'] })).toMatchObject({ revoke: [], account: 'create', grant: [{ role: 'developers' }] });
  });

  test('GIVEN nothing made WHEN no role is due THEN no account is made', () => {
    for (const state of ['active', 'disabled', 'deleted'] as const) expect(isEmpty(steps({ state }))).toBe(true);
  });

  test('invariant 4: GIVEN an account WHEN the person is renamed THEN it is updated', () => {
    expect(steps({ roles: ['developers'], profile: renamed }, madeWith('developers'))).toMatchObject({ account: 'update', grant: [] });
  });

  test('invariant 7: GIVEN roles WHEN the account is disabled THEN all are revoked and the account is deactivated or stays, as configured', () => {
    const made = madeWith('developers', 'auditors');
    const planned = steps({ state: 'disabled' }, made);
    expect(planned.revoke.map(({ membershipId }) => membershipId)).toEqual(['m-developers', 'm-auditors']);
    expect(planned).toMatchObject({ end: { state: 'disabled', account: 'deactivate' }, grant: [] });
    expect(steps({ state: 'expired' }, made, { onInactive: 'keep' })).toMatchObject({ revoke: [{}, {}], end: { account: 'keep' } });
    expect(steps({ state: 'outOfScope' }, made, { canDeactivate: false })).toMatchObject({ end: { account: 'keep' } });
  });

  test('invariant 7: WHEN the item of a disabled principal lists grants all the same THEN none is made', () => {
    const odd = { ...desired(2, { roles: ['developers'] }), state: 'disabled' as const };
    expect(plan(wantedAt(odd, targetName), madeWith(), rules, now).grant).toEqual([]);
  });

  test('GIVEN a deleted principal THEN the account goes or stays as configured, its roles go in any case', () => {
    for (const onDeleted of ['delete', 'deactivate', 'keep'] as const) {
      expect(steps({ state: 'deleted' }, madeWith('developers'), { onDeleted })).toMatchObject({
        end: { state: 'deleted', account: onDeleted },
        revoke: [{ membershipId: 'm-developers' }],
      });
    }
  });

  test('GIVEN an account that is deactivated WHEN the person is still disabled THEN nothing is left, and WHEN they are back it is activated', () => {
    const made = { ...madeWith(), account: { id: 'account-1', profile: ada, active: false } };
    expect(isEmpty(steps({ state: 'disabled' }, made))).toBe(true);
    expect(steps({ roles: ['developers'] }, made)).toMatchObject({ activate: true, end: undefined, grant: [{ role: 'developers' }] });
  });

  test('GIVEN sessions that are cut THEN they are let in again when the person is back, or when the last would have ended by itself', () => {
    const cut = { accountId: 'account-1', permissionSets: ['ReadOnly'], until: '2025-03-01T12:00:00.000Z' };
    const made = { ...madeWith(), account: { id: 'account-1', profile: ada, active: false }, cut };
    expect(steps({}, made).restore).toBe(true);
    expect(steps({ state: 'disabled' }, made).restore).toBe(false);
    expect(plan(wanted(2, { state: 'disabled' }), made, rules, cut.until).restore).toBe(true);
  });

  test('GIVEN roles with access to AWS that ended a moment ago WHEN the person is disabled THEN access ends once more, and nothing is left where somebody deleted the account', () => {
    const lapsed = [{ grant: grantOf('developers', [readOnly]), at: now }];
    const made = { ...madeWith(), account: { id: 'account-1', profile: ada, active: false }, lapsed };
    expect(steps({ state: 'disabled' }, made).end).toEqual({ state: 'disabled', account: 'deactivate' });
    expect(isEmpty(steps({ state: 'disabled' }, { ...made, account: undefined }))).toBe(true);
  });

  test('WHEN a role brings access to AWS accounts THEN that is made sure of with the grant, and when it changes', () => {
    const wish = { roles: ['developers'], assignments: { developers: [readOnly] } };
    expect(steps(wish, madeWith())).toMatchObject({ grant: [{}], assign: [{ role: 'developers' }] });
    expect(steps(wish, madeWith('developers'))).toMatchObject({ grant: [], assign: [{ role: 'developers' }] });
    const [membership] = Object.values(madeWith('developers').memberships);
    const brought = { ...membership, grant: grantOf('developers', [readOnly]) };
    const made = { ...madeWith(), memberships: { [grantKey(brought.grant)]: brought } };
    expect(isEmpty(steps(wish, made))).toBe(true);
    const waiting = { ...made, memberships: { [grantKey(brought.grant)]: { ...brought, assigning: true as const } } };
    expect(steps(wish, waiting)).toMatchObject({ grant: [], assign: [{ role: 'developers' }] });
  });

  test('WHEN a grant is of another target THEN it is not ours to make', () => {
    const other = grantOf('developers', undefined, 'elsewhere');
    const item = { ...desired(2, {}), grants: { [grantKey(other)]: other } };
    expect(isEmpty(plan(wantedAt(item, targetName), undefined, rules, now))).toBe(true);
  });

  test('fails for a decision that grants a role at a target it has no profile for', () => {
    expect(() => wantedAt({ ...desired(2, { roles: ['developers'] }), profiles: {} }, targetName)).toThrow(InvalidEventError);
  });

  test('GIVEN a membership that was half made or half ended THEN it is made sure of, or ended, as is due now', () => {
    const [half, ending] = [{ grant: grantOf('developers') }, { grant: grantOf('auditors'), membershipId: 'm', ending: 1 }];
    const made = { ...madeWith(), memberships: { [grantKey(half.grant)]: half, [grantKey(ending.grant)]: ending } };
    expect(steps({ roles: ['developers', 'auditors'] }, made)).toMatchObject({ revoke: [], grant: [half.grant, ending.grant] });
    expect(steps({}, made)).toMatchObject({ revoke: [half, ending], grant: [] });
  });
});

describe('for anything desired and anything made', () => {
  test('invariant 5: only what the ledger holds is revoked, and nothing that is due', () => {
    fc.assert(
      fc.property(anyWanted, anyEntry, (item, made) => {
        const held = Object.values(made?.memberships ?? {});
        for (const membership of plan(item, made, rules, now).revoke) {
          expect(held).toContainEqual(membership);
          expect(item.grants.map(grantKey)).not.toContain(grantKey(membership.grant));
        }
      }),
    );
  });

  test('it changes neither of the two', () => {
    fc.assert(
      fc.property(anyWanted, anyEntry, (item, made) => {
        const before = structuredClone([item, made]);
        plan(item, made, rules, now);
        expect([item, made]).toEqual(before);
      }),
    );
  });

  test('the plan after its own application is empty', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyWanted, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('delete', 'deactivate', 'keep'),
        fc.constantFrom('deactivate', 'keep'),
        async (items, onDeleted, onInactive) => {
          const [world, ledger] = [memoryTargetWorld(), memoryLedger()];
          const deps = { target: world.target(), ledger, now: () => new Date(), wait: async () => {}, millisecondsLeft: () => 60_000 };
          const own = { ...rules, onDeleted, onInactive };
          let made: AccountEntry | undefined;
          for (const item of items) {
            const steps = plan(item, made, own, now);
            const { entry, failure } = await apply({ deps, wanted: item, made, steps, cause: { id: 'c', type: 'x' } });
            expect(failure).toBeUndefined();
            await ledger.write(entry);
            made = entry;
            expect(isEmpty(plan(item, made, own, now))).toBe(true);
            const [account] = (await world.look()).accounts;
            expect(account?.roles ?? []).toEqual(item.grants.map(({ role }) => role).sort());
            if (item.state === 'active') expect(account?.active).toBeUndefined();
          }
        },
      ),
    );
  });
});
