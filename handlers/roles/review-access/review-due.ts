/** When the next scheduled report is due. Pure. */
export const reviewPeriods = ['day', 'week', 'month', 'quarter', 'never'] as const;
/** A report in each calendar period, UTC; `never`: only when a person asks. */
export type ReviewEvery = (typeof reviewPeriods)[number];

const dayMs = 86_400_000;
/** 1970-01-05 was a Monday. */
const firstMonday = 4 * dayMs;

const periodOf = (every: ReviewEvery, at: Date): string | number =>
  ({
    day: at.toISOString().slice(0, 10),
    week: Math.floor((at.getTime() - firstMonday) / (7 * dayMs)),
    month: at.toISOString().slice(0, 7),
    quarter: `${at.getUTCFullYear()}-${Math.floor(at.getUTCMonth() / 3)}`,
    never: '',
  })[every];

/** @param newest when the newest report was made, ISO 8601; undefined: there is none */
export function isDue(every: ReviewEvery, newest: string | undefined, now: Date): boolean {
  if (every === 'never') return false;
  return newest === undefined || periodOf(every, new Date(newest)) !== periodOf(every, now);
}
