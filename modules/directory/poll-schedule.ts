/** How often a directory is polled. A poll that fails is not repeated: the next one carries on from the same cursor. */
import { WrongPropError } from '../platform/prop-checks.ts';

/** EventBridge Scheduler knows no rate below a minute. */
export type PollSchedule = `rate(${number} minute${'' | 's'})`;

/** @throws WrongPropError for what is no whole number of minutes up to 60 */
export function pollMinutes(schedule: string): number {
  const minutes = Number(/^rate\((\d+) minutes?\)$/.exec(schedule)?.[1] ?? Number.NaN);
  if (minutes >= 1 && minutes <= 60) return minutes;
  throw new WrongPropError(
    `schedule is "${schedule}": give rate(1 minute) up to rate(60 minutes), EventBridge Scheduler knows nothing shorter`,
  );
}
