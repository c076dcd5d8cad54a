/** What a bench reports. */
import type { Progress } from '../../sandbox/progress.ts';

export interface Figure {
  readonly what: string;
  readonly measured: string;
  /** The baseline of the same run, or what the figure is made of. */
  readonly detail: string;
  /** `–` for a figure that only informs. */
  readonly bound: string;
  /** Undefined for a figure without a bound. */
  readonly holds?: boolean;
}

/** @param only the part to measure; all of them when undefined */
export type Bench = (progress: Progress, only: string | undefined) => Promise<readonly Figure[]>;

/** Nearest-rank quantile of at least one value. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
