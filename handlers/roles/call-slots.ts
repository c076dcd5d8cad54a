/** Evenly spaced slots for calls: who waits for one, and who reserves them for all who wait in this process. */
import { setTimeout } from 'node:timers/promises';

export interface CallSlotsOptions {
  readonly intervalMs: number;
  /**
   * Reserves slots in a row, none before `from`. What reserves is shared by all processes: no two get the same slot.
   *
   * @param from epoch milliseconds
   * @returns time of the first, epoch milliseconds
   */
  readonly reserve: (count: number, from: number) => Promise<number>;
}

/** So much of the time to come is reserved at once: a function that ends or stands still then leaves few slots unused. */
const aheadMs = 300;
/** Intervals before the end of what is reserved in which the next are reserved. Until then callers gather: one write for all of them. */
const inTime = 2;
/** Timers are not more exact than that on a busy machine. */
const leastToleranceMs = 25;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A slot is good for half an interval from its time on; who comes later has to take another. The other half is left for the way to the
 * target. So no second there, wherever it begins, sees more than one call more than it has slots, whatever stood still here and for how
 * long: at 19 slots a second never more than 20 calls.
 *
 * @returns a function that resolves in a slot of its own, and rejects with what reserving threw
 */
export function callSlots({ intervalMs, reserve }: CallSlotsOptions): () => Promise<void> {
  const toleranceMs = Math.max(intervalMs / 2, leastToleranceMs);
  const mostAtOnce = Math.max(1, Math.floor(aheadMs / intervalMs));
  const waiting: Waiter[] = [];
  let reserving = false;
  /** How long reserving takes: a slot before that would have passed when we hear of it. */
  let leadMs = 0;
  let reservedUntil = 0;

  async function reserveAll(): Promise<void> {
    if (reserving) return;
    reserving = true;
    try {
      while (waiting.length > 0) {
        await until(reservedUntil - leadMs - inTime * intervalMs);
        const count = Math.min(waiting.length, mostAtOnce);
        const asked = performance.now();
        const first = await reserve(count, Date.now() + leadMs);
        leadMs = Math.min(1000, Math.max(performance.now() - asked, 0.8 * leadMs));
        for (const [index, waiter] of waiting.splice(0, count).entries()) void take(waiter, first + index * intervalMs);
        reservedUntil = first + count * intervalMs;
      }
    } catch (error) {
      for (const waiter of waiting.splice(0)) waiter.reject(error);
    } finally {
      reserving = false;
    }
  }

  async function take(waiter: Waiter, at: number): Promise<void> {
    await until(at);
    if (Date.now() < at + toleranceMs) return waiter.resolve();
    waiting.unshift(waiter);
    await reserveAll();
  }

  return () =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      void reserveAll();
    });
}

async function until(time: number): Promise<void> {
  for (let left = time - Date.now(); left > 0; left = time - Date.now()) await setTimeout(Math.ceil(left));
}
