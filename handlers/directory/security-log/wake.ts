/** Waking detect-changes when the Security log tells of a change: at once, and not for every event of a burst. */
import { RetryableError } from '../../platform/errors.ts';

/** Wakes of one function are this far apart. */
export const wakeDebounceMs = 2_000;
/** Every failed write means that another reader got on, and a turn has three steps: nobody needs so many. */
const attempts = 10;

/** Where the waking of one function stands. */
export interface WakeTurn {
  /** Counts the writes. */
  readonly turn: number;
  /** Who wrote it: one wake of one reader. */
  readonly holder: string;
  /** Epoch ms of the latest wake: begun, or to come if `pending`. */
  readonly wakeAt: number;
  /** A reader waits to wake the function. It takes this back before it does. */
  readonly pending: boolean;
}

export interface WakeLedger {
  /** What was written last by anybody. */
  read(functionName: string): Promise<WakeTurn | undefined>;
  /** Writes a turn that follows on the one before, by number. @returns false when another holder's turn got that number first */
  write(functionName: string, turn: WakeTurn): Promise<boolean>;
}

export interface WakeDependencies {
  readonly ledger: WakeLedger;
  /** Starts the function and does not wait for its end. */
  readonly invoke: (functionName: string) => Promise<void>;
  readonly now: () => Date;
  readonly wait: (ms: number) => Promise<unknown>;
  /** A name that no other wake has. */
  readonly newHolder: () => string;
}

/** Invoked at once, invoked after the window's end, or left to the reader that waits. */
export type Woken = 'now' | 'later' | 'covered';

/**
 * Sees to it that the function is invoked after this call began, by this reader or by another.
 *
 * The first event wakes at once. Within the window after a wake the first reader to come waits for the window's end and wakes then; the
 * others leave it to that one. They go by what the ledger says, not by comparing clocks: `pending` is taken back before the invocation, so
 * whoever read it is followed by one.
 *
 * A reader that dies while it waits leaves the others' events without their wake. They are late then, not lost: the next reader to come
 * a window later takes over, Lambda repeats the dead reader's own invocation, and the scheduled poll comes in any case. The same
 * holds when the invocation fails.
 *
 * @throws RetryableError when other readers were faster each time
 */
export async function wake(deps: WakeDependencies, functionName: string, debounceMs = wakeDebounceMs): Promise<Woken> {
  const holder = deps.newHolder();
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const before = await deps.ledger.read(functionName);
    const now = deps.now().getTime();
    const woken = planWake(before, now, debounceMs);
    if (woken === 'covered') return woken;
    const pending = woken === 'later';
    const wakeAt = pending && before ? Math.min(before.wakeAt, now) + debounceMs : now;
    const mine: WakeTurn = { turn: (before?.turn ?? 0) + 1, holder, wakeAt, pending };
    if (!(await deps.ledger.write(functionName, mine))) continue;
    if (pending) {
      await deps.wait(wakeAt - now);
      const begun = { ...mine, turn: mine.turn + 1, wakeAt: deps.now().getTime(), pending: false };
      // Somebody took us for dead: that wake came after our turn, and so after all events that rely on it.
      if (!(await deps.ledger.write(functionName, begun))) return 'covered';
    }
    await deps.invoke(functionName);
    return woken;
  }
  throw new RetryableError(`waking ${functionName}: other readers were faster ${attempts} times; the records are read again`);
}

/**
 * Which of the three it is. A turn from a time that cannot be, further ahead than any reader waits, was written by a clock that is wrong:
 * we do not rely on it. The same goes for a reader that should have woken the function a whole window ago.
 */
export function planWake(turn: WakeTurn | undefined, now: number, debounceMs: number): Woken {
  if (turn === undefined) return 'now';
  const since = now - turn.wakeAt;
  if (since >= debounceMs || since < -2 * debounceMs) return 'now';
  return turn.pending ? 'covered' : 'later';
}
