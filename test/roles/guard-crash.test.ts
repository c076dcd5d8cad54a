/** A guard whose process ends after any of its calls: the message comes again, as the queue sends it. */
import { describe, expect, test } from 'vitest';
import type { Admission, Guard, Removal } from '../../handlers/roles/guard.ts';
import type { GuardStore } from '../../handlers/roles/guard-store.ts';
import { guarding } from '../../handlers/roles/guarding.ts';
import { Killed, killedAfter, watching } from '../platform/watched-calls.ts';
import { guardId } from './guard-answers.ts';
import { memoryGuardStore } from './memory-guard.ts';
import { clock, only, removalOf, target } from './removals.ts';

const limits = only({ revocations: { hour: { most: 2, share: 1 } } });

/** Asks, and tells, with a guard that ends after call number `kill` of all its calls; a new process asks again. */
async function asked(store: GuardStore, removals: readonly Removal[], kill: number): Promise<{ answers: Admission[]; ended: boolean }> {
  const { now } = clock();
  const living = (of: GuardStore): Guard => guarding(of, { target, limits, now });
  let guard = living(watching(killedAfter(kill)).wrap(store));
  let ended = false;
  const answers: Admission[] = [];
  for (const removal of removals) {
    for (;;) {
      try {
        const answer = await guard.admit(removal);
        await answer.told?.();
        answers.push(answer);
        break;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        ended = true;
        guard = living(store);
      }
    }
  }
  return { answers, ended };
}

describe('invariant 6: a guard that ends between any two calls', () => {
  const removals = [1, 2, 3, 4, 5].map((number) => removalOf(number));

  test('lets no more through than its limit, and loses nothing that was staged', async () => {
    let kill = 0;
    for (let ended = true; ended; ) {
      kill += 1;
      const store = memoryGuardStore();
      const run = await asked(store, removals, kill);
      ended = run.ended;
      const admitted = run.answers.filter((one) => one.admitted);
      expect(admitted.length).toBeLessThanOrEqual(2);
      // What was counted and not answered counts again: fewer are let through then, never more.
      expect(admitted.length).toBeGreaterThanOrEqual(ended ? 1 : 2);
      const held = run.answers.filter((one) => !one.admitted);
      const ids = new Set(held.map(guardId));
      expect([...ids]).toEqual([store.kept().state.tripped?.id]);
      const staged = await store.removalsOf([...ids][0] ?? '');
      expect(staged.filter(({ outcome }) => outcome === 'staged')).toHaveLength(held.length);
    }
    expect(kill).toBeGreaterThan(20);
  });

  test('tells of each staged removal, and that it tripped, in some answer', async () => {
    for (let kill = 1; kill <= 40; kill += 1) {
      const { answers } = await asked(memoryGuardStore(), removals, kill);
      const held = answers.filter((one) => !one.admitted);
      expect(held.length).toBeGreaterThanOrEqual(3);
      // The process may have ended after it had noted that all is told: then the answer before that one said so.
      const silent = held.filter((one) => !one.staged);
      expect(silent.length).toBeLessThanOrEqual(1);
    }
  });

  test('WHEN it ends before it notes that all is told THEN the next answer tells again', async () => {
    const store = memoryGuardStore();
    const { now } = clock();
    const guard = guarding(store, { target, limits: only({ revocations: { hour: { most: 0, share: 1 } } }), now });
    const first = await guard.admit(removalOf(1));
    const again = await guarding(store, { target, limits, now }).admit(removalOf(1));
    expect(again).toMatchObject({ admitted: false, staged: true, tripped: { guard: guardId(first) } });
  });

  test('of a run: all of it is staged, or it is asked again', async () => {
    const { now } = clock();
    for (let kill = 1; kill <= 14; kill += 1) {
      const store = memoryGuardStore();
      const run = (of: GuardStore) => guarding(of, { target, limits, now }).admitRun(removals);
      const answer = await run(watching(killedAfter(kill)).wrap(store)).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
        return run(store);
      });
      expect(answer).toMatchObject({ admitted: false, staged: true, tripped: { limit: { count: 5 } } });
      expect(await store.removalsOf(guardId(answer))).toHaveLength(5);
    }
  });
});
