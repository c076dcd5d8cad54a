/** From what should be and what was made to the steps in between. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { identityCenter } from '../../handlers/access/decide.ts';
import { grantKey } from '../../handlers/access/grants.ts';
import { apply } from '../../handlers/roles/apply.ts';
import type { AccountEntry } from '../../handlers/roles/ledger.ts';
import { type Plan, plan } from '../../handlers/roles/plan.ts';
import { ada, anyDesired, anyEntry, desired, grantOf, renamed } from './desired.ts';
import { memoryLedger } from './memory-ledger.ts';
import { memoryTargetWorld } from './memory-target.ts';

const steps = (wish: Parameters<typeof desired>[1], made?: AccountEntry, onDeleted: 'delete' | 'keep' = 'delete') =>
  plan(desired(2, wish), made, identityCenter, onDeleted);
const madeWith = (...roles: readonly string[]): AccountEntry => ({
  pk: 'a',
  version: 1,
  revision: 1,
  account: { id: 'account-1', profile: ada },
  memberships: Object.fromEntries(roles.map((role) => [grantKey(grantOf(role)), { grant: grantOf(role), membershipId: `m-${role}` }])),
});
const isEmpty = ({ revoke, account, grant }: Plan) => revoke.length === 0 && grant.length === 0 && ['keep', 'none'].includes(account);

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

  test('invariant 7: GIVEN roles WHEN the account is disabled THEN all are revoked and the account stays', () => {
    const planned = steps({ state: 'disabled' }, madeWith('developers', 'auditors'));
    expect(planned.revoke.map(({ membershipId }) => membershipId)).toEqual(['m-developers', 'm-auditors']);
    expect(planned).toMatchObject({ account: 'keep', grant: [] });
  });

  test('invariant 7: WHEN the item of a disabled principal lists grants all the same THEN none is made', () => {
    const odd = { ...desired(2, { roles: ['developers'] }), state: 'disabled' as const };
    expect(plan(odd, madeWith(), identityCenter, 'delete').grant).toEqual([]);
  });

  test('GIVEN a deleted principal THEN the account goes or stays as the module says, its roles go in either case', () => {
    expect(steps({ state: 'deleted' }, madeWith('developers'))).toMatchObject({
      account: 'delete',
      revoke: [{ membershipId: 'm-developers' }],
    });
    expect(steps({ state: 'deleted' }, madeWith('developers'), 'keep')).toMatchObject({ account: 'keep', revoke: [{}] });
  });

  test('WHEN a grant is of another target THEN it is not ours to make', () => {
    const other = grantOf('developers', 'elsewhere');
    const item = { ...desired(2, {}), grants: { [grantKey(other)]: other } };
    expect(isEmpty(plan(item, undefined, identityCenter, 'delete'))).toBe(true);
  });

  test('GIVEN a membership that was half made or half ended THEN it is made sure of, or ended, as is due now', () => {
    const [half, ending] = [{ grant: grantOf('developers') }, { grant: grantOf('auditors'), membershipId: 'm', ending: true as const }];
    const made = { ...madeWith(), memberships: { [grantKey(half.grant)]: half, [grantKey(ending.grant)]: ending } };
    expect(steps({ roles: ['developers', 'auditors'] }, made)).toMatchObject({ revoke: [], grant: [half.grant, ending.grant] });
    expect(steps({}, made)).toMatchObject({ revoke: [half, ending], grant: [] });
  });
});

describe('for anything desired and anything made', () => {
  test('invariant 5: only what the ledger holds is revoked, and nothing that is due', () => {
    fc.assert(
      fc.property(anyDesired, anyEntry, (item, made) => {
        const held = Object.values(made?.memberships ?? {});
        for (const membership of plan(item, made, identityCenter, 'delete').revoke) {
          expect(held).toContainEqual(membership);
          expect(item.state === 'active' && Object.hasOwn(item.grants, grantKey(membership.grant))).toBe(false);
        }
      }),
    );
  });

  test('it changes neither of the two', () => {
    fc.assert(
      fc.property(anyDesired, anyEntry, (item, made) => {
        const before = structuredClone([item, made]);
        plan(item, made, identityCenter, 'delete');
        expect([item, made]).toEqual(before);
      }),
    );
  });

  test('the plan after its own application is empty', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyDesired, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('delete', 'keep'),
        async (items, onDeleted) => {
          const [world, ledger] = [memoryTargetWorld(), memoryLedger()];
          const deps = { target: world.target(), ledger, now: () => new Date() };
          let made: AccountEntry | undefined;
          for (const item of items) {
            const { entry, failure } = await apply(deps, item, made, plan(item, made, identityCenter, onDeleted), { id: 'c', type: 'x' });
            expect(failure).toBeUndefined();
            await ledger.write(entry);
            made = entry;
            expect(isEmpty(plan(item, made, identityCenter, onDeleted))).toBe(true);
            const [account] = (await world.look()).accounts;
            expect(account?.roles ?? []).toEqual(
              Object.values(item.grants)
                .map(({ role }) => role)
                .sort(),
            );
          }
        },
      ),
    );
  });
});
