/**
 * Names in the trail's bucket. A segment holds what one invocation recorded, a line a record; its key names the hour, so that Athena reads
 * only what is asked for, and the writer. Keys sort by time, and those of one writer by their number.
 */

/** An hour in UTC: `2025-03-01T10`. */
export type Hour = string;

const hourMs = 3_600_000;

export const hourOf = (time: Date): Hour => time.toISOString().slice(0, 13);
export const startOfHour = (hour: Hour): Date => new Date(`${hour}:00:00.000Z`);
export const hourAfter = (hour: Hour): Hour => hourOf(new Date(startOfHour(hour).getTime() + hourMs));
export const hourBefore = (hour: Hour): Hour => hourOf(new Date(startOfHour(hour).getTime() - hourMs));
export const endOfHour = (hour: Hour): Date => startOfHour(hourAfter(hour));

/** `year=2025/month=03/day=01/hour=10/` */
function partition(hour: Hour): string {
  const [year, month, day, of] = hour.split(/[-T]/);
  return `year=${year}/month=${month}/day=${day}/hour=${of}/`;
}

export const recordsFolder = 'records/';
export const digestsFolder = 'digests/';
export const segmentsOf = (hour: Hour): string => `${recordsFolder}${partition(hour)}`;
export const segmentKey = (hour: Hour, writer: string, number: number): string =>
  `${segmentsOf(hour)}${writer}-${String(number).padStart(9, '0')}.json`;
export const digestsOf = (hour: Hour): string => `${digestsFolder}${partition(hour)}`;
export const digestKey = (hour: Hour): string => `${digestsOf(hour)}digest.json`;

/** The hour in a key. @returns undefined for what is named in another way, and for an hour that no clock shows */
export function hourOfKey(key: string): Hour | undefined {
  const { year, month, day, hour } =
    /^(?:records|digests)\/year=(?<year>\d{4})\/month=(?<month>\d{2})\/day=(?<day>\d{2})\/hour=(?<hour>\d{2})\/[^/]+$/.exec(key)?.groups ??
    {};
  const named = `${year}-${month}-${day}T${hour}`;
  const start = startOfHour(named);
  // February 31 would be a day of March.
  return Number.isNaN(start.getTime()) || hourOf(start) !== named ? undefined : named;
}
