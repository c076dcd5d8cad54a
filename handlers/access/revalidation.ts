/**
 * When everybody is to be looked at anew without an event of the directory: another configuration, a mapping that begins or ends, and time
 * passing, which policies may ask about. Pure, and the port to what it remembers.
 */
import type { RoleMapping } from './role-mapping.ts';

/** The last revalidation that was ordered. */
export interface RevalidationState {
  /** ISO 8601. */
  readonly at: string;
  /** Of the configuration it was ordered for. */
  readonly digest: string;
  /** When the first one was ordered for that configuration, ISO 8601; undefined: nobody noted it. */
  readonly since?: string | undefined;
  /** How many configurations there have been. */
  readonly revision?: number | undefined;
}

export interface Revalidations {
  /** Undefined: there was none. Consistent. */
  read(): Promise<RevalidationState | undefined>;
  write(state: RevalidationState): Promise<void>;
}

export interface RevalidationContext {
  readonly now: Date;
  readonly digest: string;
  readonly mappings: readonly Pick<RoleMapping, 'valid'>[];
  readonly everyHours: number;
}

export type DueReason = 'first' | 'configuration' | 'settled' | 'validity' | 'interval';

/** What the clocks of two functions may differ by: a time counts as come only when it has come for all of them. */
const skewMs = 5_000;

/**
 * A run that began before a deployment goes by the configuration before it, and may write the last decision: nobody but a second look finds
 * that. By then the longest run (60 seconds) is over, on all clocks.
 */
const settlingMs = 120_000;

/** Why a revalidation is due, or undefined when it is not. */
export function isDue(state: RevalidationState | undefined, context: RevalidationContext): DueReason | undefined {
  if (state === undefined) return 'first';
  if (state.digest !== context.digest) return 'configuration';
  const [last, now] = [Date.parse(state.at), context.now.getTime()];
  const settled = state.since === undefined ? last : Date.parse(state.since) + settlingMs;
  if (last < settled && settled <= now) return 'settled';
  const times = context.mappings.flatMap(({ valid }) => [valid?.from, valid?.until]).flatMap((time) => (time ? [Date.parse(time)] : []));
  if (times.some((time) => last < time + skewMs && time + skewMs <= now)) return 'validity';
  return now - last >= context.everyHours * 3_600_000 ? 'interval' : undefined;
}
