/** What every ledger has to hold, the one in memory and the one in DynamoDB. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { type AccountEntry, accountPk, type Ledger, type RoleEntry, rolePk } from '../../handlers/roles/ledger.ts';
import { guidOf } from '../directory/rows.ts';
import { ada, grantOf, readOnly } from './desired.ts';

export function ledgerContract(name: string, newLedger: () => Ledger): void {
  describe(name, () => {
    let ledger: Ledger;
    let entry: AccountEntry;
    let role: RoleEntry;

    beforeEach(() => {
      // GIVEN items of their own for each test
      ledger = newLedger();
      const domain = `${randomUUID()}.example.com`;
      entry = {
        pk: accountPk('identity-center', domain, guidOf(1)),
        version: 1,
        revision: 3,
        account: { id: 'account-1', profile: ada },
        memberships: {
          'identity-center/developers': { grant: grantOf('developers'), membershipId: 'membership-1' },
          'identity-center/auditors': { grant: grantOf('auditors'), ending: 1 },
        },
        extras: { 'identity-center/team-blue': { role: 'team-blue', roleId: 'role-1', membershipId: 'membership-2', ending: true } },
        cut: { accountId: 'account-1', permissionSets: ['ReadOnly'], until: '2025-03-01T22:00:00.000Z' },
        drift: { run: 'run-1', found: [{ kind: 'membership-extra', detail: 'is a member' }] },
      };
      role = {
        pk: rolePk('identity-center', `role of ${domain}`),
        version: 1,
        intent: { at: '2025-03-01T10:00:00.000Z' },
        assignments: {
          '111122223333/ReadOnly': { assignment: readOnly, state: 'making', since: '2025-03-01T10:00:00.000Z', request: 'r-1' },
        },
      };
    });

    test('WHEN nothing was written THEN there is no item', async () => {
      expect(await ledger.readAccount(entry.pk)).toBeUndefined();
      expect(await ledger.readRole(role.pk)).toBeUndefined();
    });

    test('WHEN items are written THEN they are read back as they were', async () => {
      await ledger.write(entry);
      await ledger.write(role);
      expect(await ledger.readAccount(entry.pk)).toEqual(entry);
      expect(await ledger.readRole(role.pk)).toEqual(role);
    });

    test('WHEN the next version is written THEN it replaces the whole item', async () => {
      await ledger.write({ ...entry, intent: { at: '2025-03-01T10:00:00.000Z' } });
      const { pk } = entry;
      await ledger.write({ pk, version: 2, revision: 3, account: undefined, memberships: {} });
      expect(await ledger.readAccount(pk)).toEqual({ pk, version: 2, revision: 3, memberships: {} });
    });

    test.each([1, 2, 4])('fails, to be tried again, when version %i is written over version 2', async (version) => {
      await ledger.write(entry);
      await ledger.write({ ...entry, version: 2 });
      await expect(ledger.write({ ...entry, version, revision: 9 })).rejects.toThrow(RetryableError);
      expect(await ledger.readAccount(entry.pk)).toEqual({ ...entry, version: 2 });
    });

    test('fails when a later version is written where there is none', async () => {
      await expect(ledger.write({ ...role, version: 2 })).rejects.toThrow(RetryableError);
      expect(await ledger.readRole(role.pk)).toBeUndefined();
    });

    test('WHEN two runs write the same version at once THEN one is taken', async () => {
      const written = await Promise.allSettled([ledger.write(role), ledger.write(role)]);
      expect(written.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    });
  });
}
