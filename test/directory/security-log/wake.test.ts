/** Waking: at once, not too often, and never not at all. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { dynamoDbWakeLedger } from '../../../handlers/directory/security-log/dynamodb-wake-ledger.ts';
import { planWake, type WakeDependencies, type WakeLedger, wake, wakeDebounceMs } from '../../../handlers/directory/security-log/wake.ts';
import { RetryableError } from '../../../handlers/platform/errors.ts';
import { actorsTable, actorsTableForTests } from './actors-table.ts';
import { memoryWakeLedger } from './memory-wake-ledger.ts';
import { wakeLedgerContract } from './wake-ledger-contract.ts';

const { client } = await actorsTableForTests();

wakeLedgerContract('the ledger in memory', memoryWakeLedger());
wakeLedgerContract('the ledger in DynamoDB', dynamoDbWakeLedger(client, actorsTable));

const watch = 'detect-changes';
/** By the clock that the test may have replaced. */
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Readers that share a ledger and a clock; what they invoked, and when. */
class Readers {
  readonly invocations: number[] = [];
  readonly ledger: WakeLedger;
  private holders = 0;

  constructor(ledger: WakeLedger = memoryWakeLedger()) {
    this.ledger = ledger;
  }

  deps(change: Partial<WakeDependencies> = {}): WakeDependencies {
    return {
      ledger: this.ledger,
      invoke: async () => void this.invocations.push(Date.now()),
      now: () => new Date(),
      wait: pause,
      newHolder: () => `reader-${++this.holders}`,
      ...change,
    };
  }

  readonly arrive = (change: Partial<WakeDependencies> = {}) => wake(this.deps(change), watch);
}

const start = Date.parse('2025-03-01T10:00:00Z');

describe('GIVEN a clock of the test', () => {
  beforeEach(() => {
    // No other: the property tests' own scheduling goes by the real ones.
    vi.useFakeTimers({ now: start, toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('WHEN the first event comes THEN the function is invoked at once', async () => {
    const readers = new Readers();
    expect(await readers.arrive()).toBe('now');
    expect(readers.invocations).toEqual([start]);
  });

  test('WHEN more come within the window THEN one waits for its end, and wakes for all', async () => {
    const readers = new Readers();
    await readers.arrive();
    await vi.advanceTimersByTimeAsync(500);
    const trailing = readers.arrive();
    await vi.advanceTimersByTimeAsync(500);
    expect(await readers.arrive()).toBe('covered');
    expect(await readers.arrive()).toBe('covered');
    expect(readers.invocations).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await trailing).toBe('later');
    expect(readers.invocations).toEqual([start, start + wakeDebounceMs]);
  });

  test('WHEN one comes within the window of the second wake THEN there is a third, a window later', async () => {
    const readers = new Readers();
    await readers.arrive();
    const [second] = [readers.arrive(), await vi.advanceTimersByTimeAsync(wakeDebounceMs)];
    await second;
    const third = readers.arrive();
    await vi.advanceTimersByTimeAsync(wakeDebounceMs);
    expect(await third).toBe('later');
    expect(readers.invocations.map((time) => time - start)).toEqual([0, wakeDebounceMs, 2 * wakeDebounceMs]);
  });

  test('WHEN the window is over THEN the next one wakes at once again', async () => {
    const readers = new Readers();
    await readers.arrive();
    await vi.advanceTimersByTimeAsync(wakeDebounceMs);
    expect(await readers.arrive()).toBe('now');
  });

  test('WHEN the waiting reader is about to invoke THEN nobody leaves it to that one any more', async () => {
    const readers = new Readers();
    await readers.arrive();
    let late: Promise<string> | undefined;
    const trailing = readers.arrive({
      invoke: async () => {
        // It has begun; what this reader kept may be missed by that poll.
        late = readers.arrive();
        readers.invocations.push(Date.now());
      },
    });
    await vi.advanceTimersByTimeAsync(wakeDebounceMs);
    await trailing;
    await vi.advanceTimersByTimeAsync(wakeDebounceMs);
    expect(await late).toBe('later');
    expect(readers.invocations).toHaveLength(3);
  });

  test('WHEN the waiting reader is gone THEN the next to come a window later takes over', async () => {
    const readers = new Readers();
    await readers.arrive();
    void readers.arrive({ wait: () => new Promise(() => {}) });
    await vi.advanceTimersByTimeAsync(wakeDebounceMs);
    expect(await readers.arrive()).toBe('covered');
    await vi.advanceTimersByTimeAsync(wakeDebounceMs);
    expect(await readers.arrive()).toBe('now');
  });

  test('WHEN it was only slow THEN it leaves it at the wake that took over', async () => {
    const readers = new Readers();
    await readers.arrive();
    const slow = readers.arrive({ wait: () => pause(3 * wakeDebounceMs) });
    await vi.advanceTimersByTimeAsync(2 * wakeDebounceMs);
    expect(await readers.arrive()).toBe('now');
    await vi.advanceTimersByTimeAsync(2 * wakeDebounceMs);
    expect(await slow).toBe('covered');
    expect(readers.invocations).toHaveLength(2);
  });

  test('fails when the invocation fails, and the records that come again wake', async () => {
    const readers = new Readers();
    await expect(readers.arrive({ invoke: () => Promise.reject(new Error('throttled')) })).rejects.toThrow('throttled');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await readers.arrive()).toBe('now');
  });

  test('fails when another reader is faster each time', async () => {
    const readers = new Readers({ read: async () => undefined, write: async () => false });
    await expect(readers.arrive()).rejects.toThrow(RetryableError);
    expect(readers.invocations).toEqual([]);
  });

  test.each([
    ['a wake in the far future', { wakeAt: start + 3 * wakeDebounceMs, pending: false }],
    ['a promise for the far future', { wakeAt: start + 3 * wakeDebounceMs, pending: true }],
  ])('GIVEN %s, written by a clock that is wrong, THEN nobody relies on it', (_, turn) => {
    expect(planWake({ turn: 1, holder: 'one', ...turn }, start, wakeDebounceMs)).toBe('now');
  });

  test('GIVEN clocks that differ a little THEN nobody waits longer than a window', async () => {
    const readers = new Readers();
    await readers.arrive({ now: () => new Date(Date.now() + 300) });
    const waits: number[] = [];
    await readers.arrive({ wait: async (ms) => void waits.push(ms) });
    expect(waits).toEqual([wakeDebounceMs]);
  });

  /** Arrivals at any time, and a ledger whose every call takes its own time to get there and back. */
  const arrivals = fc.array(
    fc.record({ at: fc.nat(9_000), latencies: fc.array(fc.nat(40), { minLength: 8, maxLength: 8 }), dies: fc.nat(9) }),
    {
      minLength: 1,
      maxLength: 25,
    },
  );

  interface Outcome {
    readonly at: number;
    readonly woken: string;
  }

  async function play(all: readonly { at: number; latencies: readonly number[]; dies: number }[], dying: boolean) {
    const readers = new Readers();
    const begun = Date.now();
    const outcomes: Outcome[] = [];
    const reader = async ({ at, latencies, dies }: (typeof all)[number]) => {
      await pause(at);
      const [came, own] = [Date.now(), [...latencies]];
      const slowly = async <T>(work: () => Promise<T>): Promise<T> => {
        await pause(own.shift() ?? 5);
        const answer = await work();
        await pause(own.shift() ?? 5);
        return answer;
      };
      const woken = await readers.arrive({
        ledger: {
          read: (name) => slowly(() => readers.ledger.read(name)),
          write: (name, turn) => slowly(() => readers.ledger.write(name, turn)),
        },
        ...(dying && dies === 0 ? { wait: () => new Promise(() => {}) } : {}),
      });
      outcomes.push({ at: came, woken });
    };
    const done = all.map(reader);
    await vi.advanceTimersByTimeAsync(30_000);
    if (!dying) await Promise.all(done);
    return { readers, begun, outcomes };
  }

  test('WHEN readers arrive in any order THEN each is followed by a wake, soon, and wakes keep their distance', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, async (all) => {
        const { readers, begun, outcomes } = await play(all, false);
        expect(outcomes).toHaveLength(all.length);
        for (const { at } of outcomes) {
          const next = readers.invocations.find((time) => time >= at);
          expect(next, `a wake after ${at - begun}`).toBeDefined();
          expect((next ?? Number.NaN) - at).toBeLessThan(2 * wakeDebounceMs);
        }
        expect(readers.invocations.length).toBeLessThanOrEqual(2 + Math.ceil(9_500 / wakeDebounceMs));
      }),
      { numRuns: 100 },
    );
  });

  test('WHEN waiting readers die THEN one who comes two windows later still wakes', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, async (all) => {
        const { readers } = await play(all, true);
        const before = readers.invocations.length;
        expect(await readers.arrive()).toBe('now');
        expect(readers.invocations).toHaveLength(before + 1);
      }),
      { numRuns: 50 },
    );
  });
});

describe('GIVEN the ledger in DynamoDB and twenty readers at once', () => {
  test('THEN one wakes at once, one waits, and the others leave it to that one', async () => {
    const readers = new Readers(dynamoDbWakeLedger(client, actorsTable));
    const name = 'detect-changes-burst';
    const woken = await Promise.all(Array.from({ length: 20 }, () => wake(readers.deps(), name, 600)));
    expect(woken.filter((one) => one === 'now')).toHaveLength(1);
    expect(woken.filter((one) => one === 'later')).toHaveLength(1);
    expect(woken.filter((one) => one === 'covered')).toHaveLength(18);
    expect(readers.invocations).toHaveLength(2);
  });
});
