/**
 * What a guard counts and when it trips: pure.
 *
 * What was let through is kept in buckets of five minutes for a day. A rolling window reaches back to the start of the bucket that it
 * begins in, so it covers its time and up to five minutes more: never less.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { exceededLimitSchema, type GuardCount, type GuardWindow, guardCounts, guardWindows } from '../events/catalogue.ts';
import type { GuardLimits, Removal } from './guard.ts';

/** This many or fewer within a window trip no share: of a small target a single removal may be a large part. */
export const always = 10;

const bucketMs = 5 * 60_000;
const hourMs = 60 * 60_000;
export const dayMs = 24 * hourMs;

/** A decision that is being carried out when the guard expires is finished within this time. */
const settlingMs = hourMs;

const limitOf = (most: number, share: number) =>
  v.optional(
    v.strictObject({
      most: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), most),
      share: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), share),
    }),
    {},
  );

const windowsOf = (run: [number, number], hour: [number, number], day: [number, number]) =>
  v.optional(v.strictObject({ run: limitOf(...run), hour: limitOf(...hour), day: limitOf(...day) }), {});

/** Limits as a team writes them, or leaves them out. */
export const guardLimitsSchema = v.optional(
  v.strictObject({
    revocations: windowsOf([50, 0.25], [100, 0.1], [500, 0.25]),
    accounts: windowsOf([20, 0.1], [50, 0.05], [200, 0.1]),
    /** At most a week: who left should not keep access for longer because nobody looked. */
    expiryHours: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(168)), 24),
  }),
  {},
) satisfies v.GenericSchema<unknown, GuardLimits>;

/** What a team writes: any part of it. */
export type GuardLimitsInput = v.InferInput<typeof guardLimitsSchema>;

/** The limits with defaults filled in. @throws ValiError for a limit that is none */
export const guardLimits = (value: GuardLimitsInput): GuardLimits => v.parse(guardLimitsSchema, value);

const time = v.pipe(v.string(), v.isoTimestamp());
const text = v.pipe(v.string(), v.nonEmpty());

const trippedSchema = v.strictObject({
  id: text,
  since: time,
  expiresAt: time,
  limit: exceededLimitSchema,
  /** A decision that is being carried out: what is asked for now is not covered by it. */
  decision: v.optional(v.strictObject({ id: text, outcome: v.picklist(['approved', 'rejected']), by: text, staged: v.number(), at: time })),
});

const stagedShown = v.strictObject({ name: v.string(), revoke: v.array(v.string()), end: v.boolean() });

export const guardStateSchema = v.strictObject({
  format: v.literal(1),
  /** Oldest first. `at`: start, milliseconds since 1970. */
  buckets: v.array(v.strictObject({ at: v.number(), revocations: v.number(), accounts: v.number() })),
  /** The latest time that was seen: a clock that goes back does not make what was counted younger than it is. */
  seenAt: v.number(),
  tripped: v.optional(trippedSchema),
  /** Events that may not have reached the bus yet. */
  untold: v.optional(
    v.strictObject({
      tripped: v.optional(v.strictObject({ guard: text, limit: exceededLimitSchema, staged: v.array(stagedShown), expiresAt: time })),
      released: v.optional(v.strictObject({ guard: text, staged: v.number() })),
    }),
  ),
  /** The last guards that were decided on or expired, latest last. */
  settled: v.array(
    v.strictObject({
      id: text,
      outcome: v.picklist(['approved', 'rejected', 'expired']),
      at: time,
      by: v.optional(text),
      staged: v.number(),
    }),
  ),
});

export type GuardState = v.InferOutput<typeof guardStateSchema>;
export type TrippedGuard = v.InferOutput<typeof trippedSchema>;
export type SettledGuard = GuardState['settled'][number];
export type Exceeded = v.InferOutput<typeof exceededLimitSchema>;

/** A guard that has counted nothing yet. */
export const openGuard: GuardState = { format: 1, buckets: [], seenAt: 0, settled: [] };

/** What ends: memberships and assignments, and accounts. */
export interface Counts {
  readonly revocations: number;
  readonly accounts: number;
}

/** What a removal, or all removals of a run, are weighed with. */
export interface Asked {
  readonly counts: Counts;
  /** What the target holds. */
  readonly held: { readonly memberships: number; readonly accounts: number };
  /** The id of the guard that trips here. */
  readonly id: string;
}

/** `released`: the guard that expired before. `tripped`: this is what trips it; undefined where it had tripped before. */
export type Weighed = { readonly state: GuardState; readonly released?: TrippedGuard | undefined } & (
  | { readonly admitted: true }
  | { readonly admitted: false; readonly tripped?: TrippedGuard | undefined }
);

/** Admits and counts, or trips. While a guard is tripped nothing is admitted; one that has expired is released, and what is asked for counts anew. */
export function weigh(before: GuardState, limits: GuardLimits, { counts, held, id }: Asked, now: Date): Weighed {
  const { tripped, ...rest } = before;
  if (tripped !== undefined && !hasExpired(tripped, now)) return { admitted: false, state: before };
  const at = Math.max(now.getTime(), before.seenAt);
  const counted = { ...rest, seenAt: at, buckets: before.buckets.filter((bucket) => reaches(bucket.at, at, dayMs)) };
  const limit = exceeded(counted.buckets, limits, counts, held, at);
  if (limit === undefined) return { admitted: true, state: { ...counted, buckets: added(counted.buckets, counts, at) }, released: tripped };
  const expiresAt = new Date(now.getTime() + limits.expiryHours * hourMs).toISOString();
  const trips = { id, since: now.toISOString(), expiresAt, limit };
  return { admitted: false, state: { ...counted, tripped: trips }, tripped: trips, released: tripped };
}

export const hasExpired = ({ expiresAt, decision }: TrippedGuard, now: Date): boolean =>
  now.getTime() >= Date.parse(expiresAt) + (decision === undefined ? 0 : settlingMs);

const shortId = (...of: readonly unknown[]): string => createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 12);

/** An id short enough for a person to type. Each guard that trips has its own: of another removal, or at another time. */
export const newGuard = (target: string, removal: Removal | undefined, now: Date): string =>
  shortId(target, removal?.key, removal?.revision, now.toISOString());

/** The guard that holds back what a decision about this one does not cover. */
export const guardAfter = (guard: string): string => shortId('after', guard);

/** Guards that are remembered after their end, so that a decision about one is known as late. */
const remembered = 50;

export const ended = (settled: readonly SettledGuard[], guard: SettledGuard): SettledGuard[] => [...settled, guard].slice(-remembered);

/** A bucket holds what was counted until five minutes after its start. */
const reaches = (start: number, now: number, windowMs: number): boolean => start + bucketMs > now - windowMs;

function added(buckets: GuardState['buckets'], { revocations, accounts }: Counts, at: number): GuardState['buckets'] {
  const start = at - (at % bucketMs);
  const last = buckets.at(-1);
  if (last?.at !== start) return [...buckets, { at: start, revocations, accounts }];
  return [...buckets.slice(0, -1), { at: start, revocations: last.revocations + revocations, accounts: last.accounts + accounts }];
}

const widths: Readonly<Record<GuardWindow, number>> = { run: 0, hour: hourMs, day: dayMs };

/** The first limit that this removal breaks. One that takes none of a kind breaks no limit of that kind. */
function exceeded(
  buckets: GuardState['buckets'],
  limits: GuardLimits,
  counts: Counts,
  held: Asked['held'],
  now: number,
): Exceeded | undefined {
  const of: Readonly<Record<GuardCount, number>> = { revocations: Math.max(0, held.memberships), accounts: Math.max(0, held.accounts) };
  for (const counted of guardCounts) {
    if (counts[counted] === 0) continue;
    for (const window of guardWindows) {
      const inWindow = window === 'run' ? [] : buckets.filter(({ at }) => reaches(at, now, widths[window]));
      const count = inWindow.reduce((sum, bucket) => sum + bucket[counted], counts[counted]);
      const { most, share } = limits[counted][window];
      if (count > most || (count > always && count > share * of[counted]))
        return { window, counted, count, most, share, held: of[counted] };
    }
  }
  return undefined;
}
