/** When Secrets Manager may rotate a secret, checked by its own rules (AWS Secrets Manager User Guide, "Rotation schedules"), in UTC. */
import { present, WrongPropError, wholeNumber } from '../platform/prop-checks.ts';

export interface RotationWindowProps {
  /**
   * When it opens: `cron(0 2 ? * SUN *)`, on the hour and at most every four hours; or `rate(10 days)` and `rate(12 hours)`, which open at
   * midnight.
   *
   * @default every `everyDays`, counted from the last rotation, at midnight
   */
  readonly schedule?: string;
  /** Hours that it stays open, 1 to 24, not beyond midnight. @default until midnight, or one hour where it opens several times a day */
  readonly hours?: number;
}

/** `rotation_rules` of aws_secretsmanager_secret_rotation. */
export interface RotationRules {
  readonly automaticallyAfterDays?: number;
  readonly scheduleExpression?: string;
  readonly duration?: string;
}

/** @throws WrongPropError for what Secrets Manager would refuse at apply, or for a window that opens more seldom than `everyDays` */
export function rotationRules(prop: string, everyDays: number, window: RotationWindowProps = {}): RotationRules {
  const { schedule, hours } = present(prop, window, 'give { schedule, hours }, or leave it out');
  if (hours !== undefined) wholeNumber(`${prop}.hours`, hours, 1, 24);
  const duration = hours === undefined ? {} : { duration: `${hours}h` };
  if (schedule === undefined) return { automaticallyAfterDays: everyDays, ...duration };
  const expression = String(schedule);
  const openings = openingHours(`${prop}.schedule`, expression, everyDays);
  checkLength(`${prop}.hours`, openings, hours ?? (openings.length > 1 ? 1 : undefined));
  return { scheduleExpression: expression, ...duration };
}

/** The hours of a day at which a window opens. */
function openingHours(prop: string, schedule: string, everyDays: number): readonly number[] {
  const [, count = '', unit] = /^rate\(([1-9]\d*) (hour|day)s?\)$/.exec(schedule) ?? [];
  if (unit === 'day') {
    checkSeldom(prop, schedule, Number(count), everyDays);
    return [0];
  }
  if (unit === 'hour') {
    const every = Number(count);
    if (every < 4)
      throw new WrongPropError(`${prop} is "${schedule}": Secrets Manager rotates every four hours at most, give rate(4 hours)`);
    checkSeldom(prop, schedule, every / 24, everyDays);
    return Array.from({ length: Math.max(1, Math.floor(24 / every)) }, (_, index) => index * every);
  }
  const fields = /^cron\((.+)\)$/.exec(schedule)?.[1]?.split(' ') ?? [];
  return cronHours(prop, schedule, fields);
}

/** More than 999 days apart is refused by AWS; more than `everyDays` would raise the alarm of age each time. */
function checkSeldom(prop: string, schedule: string, days: number, everyDays: number): void {
  if (days > 999) throw new WrongPropError(`${prop} is "${schedule}": Secrets Manager takes up to 999 days, give a shorter rate`);
  if (days <= everyDays) return;
  throw new WrongPropError(
    `${prop} is "${schedule}", which is longer than everyDays (${everyDays}): give a shorter rate, or a larger everyDays`,
  );
}

/** `*`, a value, a range, or either with a step; several with commas between. `?` stands alone, and only for a day. */
const listOf = (value: string, more = '') => {
  const one = `(?:(?:\\*|(?:${value})(?:-(?:${value}))?)(?:/[1-9]\\d?)?${more})`;
  return new RegExp(`^${one}(?:,${one})*$`, 'i');
};
const dayOfMonth = listOf('0?[1-9]|[12]\\d|3[01]', '|L');
const month = listOf('0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC');
const weekDay = '[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT';
const dayOfWeek = listOf(weekDay, `|(?:${weekDay})(?:#[1-5]|L)|L`);

function cronHours(prop: string, schedule: string, fields: readonly string[]): readonly number[] {
  const remedy = 'give cron(0 <hours> <day of month> <month> <day of week> *) with "?" for one of the two days, or rate(<number> days)';
  const refuse = (why: string): never => {
    throw new WrongPropError(`${prop} is "${schedule}"${why}: ${remedy}`);
  };
  const [minutes = '', hours = '', ofMonth = '', inMonth = '', ofWeek = '', year = ''] = fields;
  if (fields.length !== 6) refuse(', no schedule of Secrets Manager');
  if (minutes !== '0') refuse(', whose minutes are not 0: windows open on the hour');
  if (year !== '*') refuse(', whose year is not "*"');
  const isDay = (day: string, format: RegExp) => day === '?' || format.test(day);
  if (!isDay(ofMonth, dayOfMonth) || !month.test(inMonth) || !isDay(ofWeek, dayOfWeek)) refuse(', whose days or months are none');
  if ((ofMonth === '?') === (ofWeek === '?')) refuse(', whose days contradict each other');
  const opening = hoursOf(hours) ?? refuse(', whose hours are not 0 to 23');
  const [first = 0] = opening;
  const gaps = opening.map((hour, index) => (opening[index + 1] ?? first + 24) - hour);
  if (Math.min(...gaps) < 4) refuse(', which opens windows less than four hours apart');
  return opening;
}

/** `2`, `2,14`, `4/12`, `8-16/4`, `*` as the hours they stand for, in order; undefined: it is none. */
function hoursOf(field: string): readonly number[] | undefined {
  const all = new Set<number>();
  for (const part of field.split(',')) {
    const [whole, from = '', to, step] = /^(\*|\d{1,2})(?:-(\d{1,2}))?(?:\/([1-9]\d?))?$/.exec(part) ?? [];
    if (whole === undefined) return undefined;
    const first = from === '*' ? 0 : Number(from);
    const last = to !== undefined ? Number(to) : from === '*' || step !== undefined ? 23 : first;
    if (first > last || last > 23) return undefined;
    for (let hour = first; hour <= last; hour += Number(step ?? 1)) all.add(hour);
  }
  return [...all].sort((one, other) => one - other);
}

/** A window may reach neither into the next one nor into the next day. @param hours undefined: it ends with the day */
function checkLength(prop: string, openings: readonly number[], hours: number | undefined): void {
  if (hours === undefined) return;
  for (const [index, opening] of openings.entries()) {
    const most = (openings[index + 1] ?? 24) - opening;
    if (hours <= most) continue;
    throw new WrongPropError(
      `${prop} is ${hours}, but ${most} hours after ${opening}:00 UTC the next window opens or the day ends: give ${most} or less`,
    );
  }
}
