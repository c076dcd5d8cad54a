/** What every ledger of cut sessions has to hold. */
import { describe, expect, test } from 'vitest';
import type { SessionLedger } from '../../handlers/roles/targets/identity-center/session-ledger.ts';

export function sessionLedgerContract(name: string, newLedger: () => SessionLedger): void {
  describe(name, () => {
    const until = '2025-03-01T10:00:00.000Z';
    const first = { permissionSet: 'Administrator', version: 1, users: { 'user-1': until }, pending: true } as const;

    test('WHEN nothing was written THEN there is no entry; WHEN one was THEN it is read back as it was', async () => {
      const ledger = newLedger();
      expect(await ledger.read('Administrator')).toBeUndefined();
      expect(await ledger.write(first)).toBe(true);
      expect(await ledger.read('Administrator')).toEqual(first);
      expect(await ledger.read('ReadOnly')).toBeUndefined();
    });

    test('WHEN the next version is written THEN it replaces the whole entry', async () => {
      const ledger = newLedger();
      await ledger.write(first);
      expect(await ledger.write({ permissionSet: 'Administrator', version: 2, users: {} })).toBe(true);
      expect(await ledger.read('Administrator')).toEqual({ permissionSet: 'Administrator', version: 2, users: {} });
    });

    test.each([1, 2, 4])('WHEN version %i is written over version 2 THEN it is refused, and the entry stays', async (version) => {
      const ledger = newLedger();
      await ledger.write(first);
      await ledger.write({ ...first, version: 2 });
      expect(await ledger.write({ ...first, version, users: {} })).toBe(false);
      expect(await ledger.read('Administrator')).toEqual({ ...first, version: 2 });
    });

    test('WHEN two functions write the same version at once THEN one is taken', async () => {
      const ledger = newLedger();
      expect((await Promise.all([ledger.write(first), ledger.write(first)])).sort()).toEqual([false, true]);
    });
  });
}
