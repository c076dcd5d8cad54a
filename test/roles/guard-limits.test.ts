/** What a guard counts, and when it trips. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GuardLimit, Removal } from '../../handlers/roles/guard.ts';
import { type Counts, dayMs, type GuardState, guardLimits, openGuard, weigh } from '../../handlers/roles/guard-limits.ts';
import { guarding } from '../../handlers/roles/guarding.ts';
import { memoryGuardStore } from './memory-guard.ts';
import { only, removalOf, target } from './removals.ts';

const start = Date.parse('2025-03-01T10:00:00.000Z');
const hourMs = dayMs / 24;
const plenty = { memberships: 1_000_000, accounts: 1_000_000 };

/** Weighs one after the other. @returns what was admitted, by the latest time that the clock had shown */
function admitted(asked: readonly { readonly at: number; readonly counts: Counts }[], limits = guardLimits({}), held = plenty) {
  let state: GuardState = openGuard;
  let latest = 0;
  const through: { at: number; counts: Counts }[] = [];
  for (const [index, { at, counts }] of asked.entries()) {
    latest = Math.max(latest, at);
    const weighed = weigh(state, limits, { counts, held, id: `guard-${index}` }, new Date(at));
    if (weighed.admitted) through.push({ at: latest, counts });
    // The next run reads what this one wrote.
    state = JSON.parse(JSON.stringify(weighed.state)) as GuardState;
  }
  return { through, state };
}

const anyCounts = fc.record({ revocations: fc.nat({ max: 60 }), accounts: fc.nat({ max: 30 }) });
/** Mostly forward, by seconds up to days; now and then back. */
const anySteps = fc.array(
  fc.record({
    counts: anyCounts,
    step: fc.oneof(fc.nat({ max: 20 * 60_000 }), fc.nat({ max: 2 * dayMs }), fc.integer({ min: -dayMs, max: 0 })),
  }),
  { maxLength: 120 },
);
const timed = (steps: readonly { counts: Counts; step: number }[]) => {
  let at = start;
  return steps.map(({ counts, step }) => {
    at += step;
    return { at, counts };
  });
};

const windows = [
  ['hour', hourMs],
  ['day', dayMs],
] as const;
const kinds = ['revocations', 'accounts'] as const;

describe('invariant 6: what is let through', () => {
  const anyLimit: fc.Arbitrary<GuardLimit> = fc.record({ most: fc.nat({ max: 120 }), share: fc.double({ min: 0, max: 1, noNaN: true }) });
  const anyWindows = fc.record({ run: anyLimit, hour: anyLimit, day: anyLimit });
  const anyLimits = fc.record({ revocations: anyWindows, accounts: anyWindows, expiryHours: fc.integer({ min: 1, max: 48 }) });

  test('never exceeds a limit in any rolling window, whatever comes when, with guards that expire', () => {
    fc.assert(
      fc.property(anySteps, anyLimits, fc.nat({ max: 500 }), (steps, limits, held) => {
        const { through } = admitted(timed(steps), limits, { memberships: held, accounts: held });
        for (const [window, width] of windows) {
          for (const kind of kinds) {
            const { most, share } = limits[kind][window];
            for (const { at: end } of through) {
              const inWindow = through.filter(({ at }) => at <= end && at > end - width).reduce((sum, one) => sum + one.counts[kind], 0);
              expect(inWindow).toBeLessThanOrEqual(most);
              expect(inWindow).toBeLessThanOrEqual(Math.max(10, share * held));
            }
          }
        }
        for (const { counts } of through) {
          for (const kind of kinds) expect(counts[kind]).toBeLessThanOrEqual(limits[kind].run.most);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('is everything while no limit is reached: a guard that does not have to trips never', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const asked = timed(steps.slice(0, 15));
        expect(admitted(asked, only({})).through).toHaveLength(asked.length);
      }),
      { numRuns: 100 },
    );
  });

  test('a clock that goes back makes nothing younger than it is, and no gap admits more than a window', () => {
    const limits = only({ revocations: { hour: { most: 1, share: 1 } } });
    const one = { revocations: 1, accounts: 0 };
    const at = (hours: number) => ({ at: start + hours * hourMs, counts: one });
    expect(admitted([at(10), at(0)], limits).through).toHaveLength(1);
    const two = only({ revocations: { hour: { most: 2, share: 1 } } });
    expect(admitted([at(10), at(0), at(10)], two).through).toHaveLength(2);
    expect(admitted([at(0), at(10_000), at(10_000)], limits).through).toHaveLength(2);
  });

  test('ten within a window trip no share, unless fewer than ten are the most', () => {
    const ten = Array.from({ length: 10 }, () => ({ at: start, counts: { revocations: 1, accounts: 0 } }));
    const nobody = { memberships: 0, accounts: 0 };
    expect(admitted(ten, guardLimits({}), nobody).through).toHaveLength(10);
    expect(admitted([...ten, ...ten], guardLimits({}), nobody).through).toHaveLength(10);
    expect(admitted(ten, only({ revocations: { day: { most: 4, share: 1 } } })).through).toHaveLength(4);
  });

  test('the state stays small: buckets of a day, whatever comes', () => {
    const minutely = Array.from({ length: 4_000 }, (_, minute) => ({
      at: start + minute * 60_000,
      counts: { revocations: 1, accounts: 0 },
    }));
    const { state } = admitted(minutely, only({}));
    expect(state.buckets.length).toBeLessThanOrEqual(290);
    expect(state.buckets.reduce((sum, { revocations }) => sum + revocations, 0)).toBeLessThanOrEqual(24 * 60 + 6);
  });
});

describe('a whole guard', () => {
  const anyRemoval: fc.Arbitrary<Removal> = fc
    .record({
      number: fc.integer({ min: 1, max: 12 }),
      roles: fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
      revision: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ number, roles, revision }) => removalOf(number, roles, revision));

  test('invariant 6: whatever is asked, alone or as runs, repeated or not, the first asked of each never exceed the limit', async () => {
    const asks = fc.array(
      fc.record({
        run: fc.uniqueArray(anyRemoval, { selector: ({ key }) => key, minLength: 1, maxLength: 4 }),
        minutes: fc.nat({ max: 90 }),
      }),
      { maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(asks, fc.integer({ min: 1, max: 10 }), async (sequence, most) => {
        let at = start;
        const guard = guarding(memoryGuardStore(), {
          target,
          limits: only({ revocations: { hour: { most, share: 1 } } }),
          now: () => new Date(at),
        });
        const done: { at: number; key: string; revision: number; roles: Set<string> }[] = [];
        let counted: { at: number; count: number }[] = [];
        for (const { run, minutes } of sequence) {
          at += minutes * 60_000;
          const [first] = run;
          const { admitted: letThrough } = run.length === 1 && first ? await guard.admit(first) : await guard.admitRun(run);
          if (!letThrough) continue;
          for (const { key, revision, revoke } of run) {
            const before = done.find((one) => one.key === key && one.revision === revision);
            const fresh = revoke.filter(({ role }) => !before?.roles.has(role));
            if (before === undefined) done.push({ at, key, revision, roles: new Set(revoke.map(({ role }) => role)) });
            else for (const { role } of revoke) before.roles.add(role);
            counted.push({ at, count: fresh.length });
          }
          counted = counted.filter((one) => one.at > at - hourMs);
          expect(counted.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('limits as a team writes them', () => {
  test('WHEN nothing is said THEN they are the documented ones', () => {
    expect(guardLimits(undefined)).toEqual({
      revocations: { run: { most: 50, share: 0.25 }, hour: { most: 100, share: 0.1 }, day: { most: 500, share: 0.25 } },
      accounts: { run: { most: 20, share: 0.1 }, hour: { most: 50, share: 0.05 }, day: { most: 200, share: 0.1 } },
      expiryHours: 24,
    });
  });

  test('WHEN one number is said THEN the others are the defaults', () => {
    expect(guardLimits({ revocations: { hour: { most: 7 } } })).toEqual({
      ...guardLimits({}),
      revocations: { ...guardLimits({}).revocations, hour: { most: 7, share: 0.1 } },
    });
  });

  test.each([
    { revocations: { run: { most: -1 } } },
    { revocations: { run: { most: 1.5 } } },
    { accounts: { day: { share: 1.01 } } },
    { accounts: { day: { share: -0.1 } } },
    { accounts: { day: { share: Number.NaN } } },
    { accounts: { week: {} } },
    { expiryHours: 0 },
    { expiryHours: 1000 },
    { expiry: 24 },
  ])('fails for %j', (limits) => {
    expect(() => guardLimits(limits as never)).toThrow();
  });
});
