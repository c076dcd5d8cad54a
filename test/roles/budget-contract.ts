/** What every shared budget has to hold, the one in memory and the one in DynamoDB. */
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Budget } from '../../handlers/roles/budget.ts';

/** The most calls that any second saw, wherever it began. */
export function busiestSecond(calls: readonly number[]): number {
  const sorted = calls.toSorted((a, b) => a - b);
  return Math.max(0, ...sorted.map((start) => sorted.filter((at) => at >= start && at < start + 1000).length));
}

/** @param share makes a budget that is shared by all that it opens */
export function budgetContract(name: string, share: () => () => Budget): void {
  describe(name, () => {
    test('WHEN a call is made THEN its result is handed on, and what it throws', async () => {
      const budget = share()();
      expect(await budget.call('identitystore:CreateUser', async () => 'made')).toBe('made');
      await expect(budget.call('identitystore:CreateUser', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    });

    test('WHEN two functions make many calls of one API THEN no second sees more than 20, and they are spaced evenly', async () => {
      const open = share();
      const calls: number[] = [];
      const budgets = [open(), open()];
      await Promise.all(
        budgets.flatMap((budget) => Array.from({ length: 14 }, () => budget.call('sso', async () => void calls.push(Date.now())))),
      );
      expect(calls).toHaveLength(28);
      expect(busiestSecond(calls)).toBeLessThanOrEqual(20);
      const sorted = calls.toSorted((a, b) => a - b);
      // 27 intervals of 1/19 second; the first call may be one interval late.
      expect((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)).toBeGreaterThan((26 / 19) * 1000 - 5);
    });

    test('GIVEN an API that is used to its limit THEN calls of another do not wait for it', async () => {
      const budget = share()();
      const busy = Array.from({ length: 20 }, () => budget.call('sso', async () => 'sso'));
      const first = await Promise.race([Promise.all(busy), budget.call('identitystore:CreateUser', async () => 'other')]);
      expect(first).toBe('other');
      await Promise.all(busy);
    });

    test('WHEN the process stands still THEN the slots that passed are not made up for', async () => {
      const budget = share()();
      const calls: number[] = [];
      const all = Promise.all(Array.from({ length: 15 }, () => budget.call('sso', async () => void calls.push(Date.now()))));
      await setTimeout(100);
      const until = Date.now() + 400;
      while (Date.now() < until) Math.sqrt(until);
      const back = Date.now();
      await all;
      // At once after it: the one whose slot it is, at most.
      expect(calls.filter((at) => at >= back && at < back + 25).length).toBeLessThanOrEqual(2);
      expect(busiestSecond(calls)).toBeLessThanOrEqual(20);
    });

    test('WHEN all places are taken THEN there is none, for any function, until one is given back', async () => {
      const open = share();
      const [one, other] = [open(), open()];
      const places = await Promise.all(
        Array.from({ length: 15 }, (_, index) => (index % 2 ? one : other).place('assignments', `${index}`, 60)),
      );
      expect(places.every((place) => place !== undefined)).toBe(true);
      expect(await one.place('assignments', 'late', 60)).toBeUndefined();
      expect(await other.place('something-else', 'late', 60)).toBeDefined();
      await places[3]?.();
      await places[3]?.();
      expect(await other.place('assignments', 'late', 60)).toBeDefined();
      expect(await one.place('assignments', 'later', 60)).toBeUndefined();
    });

    test('GIVEN a place that nobody gave back WHEN its time is over THEN another may have it', async () => {
      const open = share();
      for (let index = 0; index < 15; index += 1) await open().place('assignments', `${index}`, index === 7 ? 0.2 : 60);
      expect(await open().place('assignments', 'late', 60)).toBeUndefined();
      await setTimeout(220);
      expect(await open().place('assignments', 'late', 60)).toBeDefined();
    });

    test('WHEN one request takes its place again THEN it has one', async () => {
      const budget = share()();
      for (let time = 0; time < 20; time += 1) expect(await budget.place('assignments', 'the same', 60)).toBeDefined();
    });
  });
}
