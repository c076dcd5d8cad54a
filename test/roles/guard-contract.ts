/** What every guard has to hold, over the store in memory and over the one in DynamoDB. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Admission, Guard, GuardLimits, Removal } from '../../handlers/roles/guard.ts';
import { guardLimits, openGuard } from '../../handlers/roles/guard-limits.ts';
import type { GuardStore } from '../../handlers/roles/guard-store.ts';
import { guarding } from '../../handlers/roles/guarding.ts';
import { guardId } from './guard-answers.ts';
import { clock, only, removalOf, target } from './removals.ts';

export function guardContract(name: string, newStore: () => GuardStore): void {
  describe(name, () => {
    let store: GuardStore;
    let time: ReturnType<typeof clock>;
    const guardWith = (limits: GuardLimits): Guard => guarding(store, { target, limits, now: time.now });

    beforeEach(() => {
      // GIVEN a guard of its own for each test, of a target that holds plenty
      store = newStore();
      time = clock();
    });

    describe('admitting', () => {
      test('invariant 6: WHEN the hour is used up THEN the next is staged, and it is told which limit, who, and until when', async () => {
        const guard = guardWith(only({ revocations: { hour: { most: 3, share: 1 } } }));
        await guard.held({ memberships: 1000, accounts: 400 });
        for (const number of [1, 2, 3]) expect(await guard.admit(removalOf(number))).toEqual({ admitted: true });
        expect(await guard.admit(removalOf(4))).toMatchObject({
          admitted: false,
          staged: true,
          tripped: {
            limit: { window: 'hour', counted: 'revocations', count: 4, most: 3, share: 1, held: 1000 },
            staged: [{ name: 'Person 4', revoke: ['developers'], end: false }],
            expiresAt: '2025-03-02T10:00:00.000Z',
          },
        });
      });

      test('invariant 6: WHILE it is tripped THEN everything further is staged under the same id, also after the window', async () => {
        const guard = guardWith(only({ revocations: { hour: { most: 0, share: 1 } } }));
        const first = guardId(await guard.admit(removalOf(1)));
        time.pass(120);
        expect(await guard.admit(removalOf(2))).toMatchObject({ admitted: false, guard: first, staged: true });
        expect(await guard.admitRun([removalOf(3), removalOf(4)])).toMatchObject({ admitted: false, guard: first, staged: true });
        expect((await store.removalsOf(first)).map(({ name }) => name)).toEqual(['Person 1', 'Person 2', 'Person 3', 'Person 4']);
      });

      test('WHEN the window has passed THEN what was counted in it counts no more', async () => {
        const guard = guardWith(only({ revocations: { hour: { most: 1, share: 1 } } }));
        expect(await guard.admit(removalOf(1))).toEqual({ admitted: true });
        time.pass(66);
        expect(await guard.admit(removalOf(2))).toEqual({ admitted: true });
      });

      test('WHEN the same is asked again THEN it counts nothing, one by one or as a run', async () => {
        const guard = guardWith(only({ revocations: { day: { most: 2, share: 1 } } }));
        for (const _ of [1, 2, 3]) expect(await guard.admit(removalOf(1))).toEqual({ admitted: true });
        expect(await guard.admitRun([removalOf(1), removalOf(2)])).toEqual({ admitted: true });
        expect(await guard.admit(removalOf(2))).toEqual({ admitted: true });
        expect(await guard.admit(removalOf(3))).toMatchObject({ admitted: false });
      });

      test('GIVEN a run that names no roles WHEN its removals are asked for with their roles THEN they are counted already', async () => {
        const guard = guardWith(only({ revocations: { day: { most: 2, share: 1 } } }));
        expect(await guard.admitRun([{ ...removalOf(1, ['developers', 'auditors']), revoke: [] }])).toEqual({ admitted: true });
        expect(await guard.admit(removalOf(1, ['developers', 'auditors']))).toEqual({ admitted: true });
        expect(await guard.admit(removalOf(1, ['developers', 'auditors', 'team-blue']))).toMatchObject({ admitted: false });
      });

      test('WHEN the same principal loses more, or something else by a later decision THEN that counts', async () => {
        const guard = guardWith(only({ revocations: { day: { most: 2, share: 1 } } }));
        await guard.admit(removalOf(1));
        expect(await guard.admit(removalOf(1, ['developers'], 2))).toEqual({ admitted: true });
        expect(await guard.admit(removalOf(1, ['auditors'], 2))).toMatchObject({ admitted: false });
      });

      test('invariant 6: WHEN a run takes more than a run may THEN nothing of it is admitted, and all of it is staged', async () => {
        const guard = guardWith(only({ revocations: { run: { most: 2, share: 1 } } }));
        const run = [removalOf(1), removalOf(2), removalOf(3)];
        const answer = await guard.admitRun(run);
        expect(answer).toMatchObject({ admitted: false, staged: true, tripped: { limit: { window: 'run', count: 3 } } });
        expect(await store.removalsOf(guardId(answer))).toHaveLength(3);
        for (const removal of run) expect(await guard.admit(removal)).toMatchObject({ admitted: false, guard: guardId(answer) });
      });

      test('invariant 6: accounts that end are limited for themselves, members included in neither', async () => {
        const guard = guardWith(only({ accounts: { day: { most: 1, share: 1 } } }));
        const ending = (number: number): Removal => ({ ...removalOf(number, []), accounts: 1 });
        expect(await guard.admit(ending(1))).toEqual({ admitted: true });
        expect(await guard.admit(removalOf(2))).toEqual({ admitted: true });
        expect(await guard.admit(ending(3))).toMatchObject({ admitted: false, tripped: { limit: { counted: 'accounts', count: 2 } } });
      });

      test('invariant 6: a share of what the target holds trips above ten, however little it holds', async () => {
        const guard = guardWith(guardLimits({}));
        await guard.held({ memberships: 15, accounts: 15 });
        await guard.held({ memberships: 5, accounts: 0 });
        for (let number = 1; number <= 10; number += 1) expect(await guard.admit(removalOf(number))).toEqual({ admitted: true });
        const answer = await guard.admit(removalOf(11));
        expect(answer).toMatchObject({ admitted: false, tripped: { limit: { window: 'hour', count: 11, share: 0.1, held: 20 } } });
      });

      test('WHEN a listing says what the target holds THEN shares are of that', async () => {
        const guard = guardWith(only({ revocations: { hour: { most: 100, share: 0.5 } } }));
        await guard.held({ memberships: 3, accounts: 1 });
        await guard.held({ memberships: 40, accounts: 20, exactly: true });
        await guard.held({ memberships: -2, accounts: 0 });
        expect((await store.read()).held).toEqual({ memberships: 38, accounts: 20 });
        expect(await guard.admit({ ...removalOf(1), revocations: 19 })).toEqual({ admitted: true });
        expect(await guard.admit(removalOf(2))).toMatchObject({ admitted: false });
      });

      test('WHEN a removal takes nothing THEN it is admitted, tripped or not', async () => {
        const guard = guardWith(only({ revocations: { hour: { most: 0, share: 1 } } }));
        await guard.admit(removalOf(1));
        expect(await guard.admit(removalOf(2, []))).toEqual({ admitted: true });
        expect(await guard.admitRun([])).toEqual({ admitted: true });
      });

      test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('fails for a removal that counts %d', async (revocations) => {
        await expect(guardWith(guardLimits({})).admit({ ...removalOf(1), revocations })).rejects.toThrow(RangeError);
      });

      test('fails for a run that asks for one key twice', async () => {
        await expect(guardWith(guardLimits({})).admitRun([removalOf(1), removalOf(1)])).rejects.toThrow(/each key once/);
      });
    });

    describe('telling', () => {
      test('UNTIL it is told THEN the same question brings the same events again, and others do not bring them once they are', async () => {
        const guard = guardWith(only({ revocations: { hour: { most: 0, share: 1 } } }));
        const first = await guard.admit(removalOf(1));
        const again = await guard.admit(removalOf(1));
        expect({ ...again, told: undefined }).toEqual({ ...first, told: undefined });
        await again.told?.();
        const after = await guard.admit(removalOf(1));
        expect(after).toEqual({ admitted: false, guard: guardId(first), staged: false });
        expect(await guard.admit(removalOf(2))).toMatchObject({ staged: true });
        expect('tripped' in (await guard.admit(removalOf(2)))).toBe(false);
      });
    });

    describe('expiry', () => {
      test('invariant 6: WHEN nobody decides in time THEN it is released, and what is asked then counts anew and trips again', async () => {
        const guard = guardWith(only({ revocations: { hour: { most: 1, share: 1 } }, expiryHours: 2 }));
        await guard.admit(removalOf(1));
        const tripped = await guard.admit(removalOf(2));
        await guard.admit(removalOf(3));
        time.pass(119);
        expect(await guard.admit(removalOf(2))).toMatchObject({ admitted: false, guard: guardId(tripped) });
        time.pass(1);
        const released = await guard.admit(removalOf(2));
        expect(released).toMatchObject({ admitted: true, released: { guard: guardId(tripped), staged: 2 } });
        await released.told?.();
        expect(await guard.admit(removalOf(2))).toEqual({ admitted: true });
        const again = await guard.admit(removalOf(3));
        expect(again).toMatchObject({ admitted: false, staged: true, tripped: { limit: { count: 2 } } });
        expect(guardId(again)).not.toBe(guardId(tripped));
      });

      test('WHEN the run that finds it expired trips at once THEN both are told', async () => {
        const guard = guardWith(only({ revocations: { run: { most: 0, share: 1 } }, expiryHours: 1 }));
        const old = await guard.admit(removalOf(1));
        time.pass(60);
        const next = await guard.admit(removalOf(1));
        expect(next).toMatchObject({ admitted: false, staged: true, released: { guard: guardId(old), staged: 1 }, tripped: {} });
      });
    });

    describe('several runs at once', () => {
      test('invariant 6: WHEN many ask at once THEN no more than the limit is admitted, the others are staged under one id', async () => {
        const guards = [1, 2, 3].map(() => guardWith(only({ revocations: { hour: { most: 5, share: 1 } } })));
        const ask = async (number: number): Promise<Admission> => {
          for (let attempt = 0; ; attempt += 1) {
            try {
              return await (guards[number % 3] as Guard).admit(removalOf(number));
            } catch (error) {
              // As the queue does: the message comes again.
              if (attempt === 20) throw error;
            }
          }
        };
        const answers = await Promise.all(Array.from({ length: 18 }, (_, index) => ask(index + 1)));
        const admitted = answers.filter((one) => one.admitted);
        const ids = new Set(answers.flatMap((one) => (one.admitted ? [] : [one.guard])));
        expect(admitted.length).toBeLessThanOrEqual(5);
        expect(admitted.length).toBeGreaterThan(0);
        expect(ids.size).toBe(1);
        expect(await store.removalsOf([...ids][0] as string)).toHaveLength(18 - admitted.length);
      });
    });

    describe('the store', () => {
      test('WHEN nothing was written THEN the guard is open and holds nothing', async () => {
        expect(await store.read()).toEqual({ version: 0, state: openGuard, held: { memberships: 0, accounts: 0 } });
        expect(await store.readRemoval('nobody')).toBeUndefined();
        expect(await store.removalsOf('none')).toEqual([]);
        expect(await store.readSeen('none')).toEqual(new Set());
      });

      test('WHEN two runs replace the same version THEN one is taken, and what the target holds stays', async () => {
        await store.hold({ memberships: 7, accounts: 2 });
        const next = { ...openGuard, seenAt: 5 };
        expect((await Promise.all([store.replace(0, next), store.replace(0, next)])).sort()).toEqual([false, true]);
        expect(await store.replace(1, { ...next, seenAt: 6 })).toBe(true);
        expect(await store.read()).toEqual({ version: 2, state: { ...next, seenAt: 6 }, held: { memberships: 7, accounts: 2 } });
      });

      test('WHEN a decision is noted THEN what it covers is read back', async () => {
        await store.writeSeen('decision', ['one', 'two']);
        expect(await store.readSeen('decision')).toEqual(new Set(['one', 'two']));
      });
    });
  });
}
