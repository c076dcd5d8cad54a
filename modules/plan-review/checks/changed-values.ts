/** What checks look at: changes of some types, and values that become smaller, larger, false or empty. */
import type { Action, PlannedChange } from '../plan.ts';
import { type Json, unknownText, type Values, valueAt } from '../plan-values.ts';
import type { Check, Place } from '../reviewed.ts';

const changing: readonly Action[] = ['create', 'update', 'replace'];

/** A check of each changed resource of the types; `undefined`: nothing to find there. */
export const ofEach =
  (types: readonly string[], detail: (change: PlannedChange) => string | readonly string[] | undefined): Check =>
  ({ plan }) =>
    plan.changes
      .filter(({ type, action }) => types.includes(type) && action !== 'none')
      .flatMap((change): readonly Place[] => [detail(change) ?? []].flat().map((text) => ({ address: change.address, detail: text })));

/** What exists and will exist: an update or a replacement. */
export const stays = ({ action }: PlannedChange): boolean => action === 'update' || action === 'replace';
/** What will exist. */
export const isPlanned = ({ action }: PlannedChange): boolean => changing.includes(action);
export const isGone = ({ action }: PlannedChange): boolean => action === 'delete' || action === 'forget';

const shown = (value: Json | undefined): string => (value === undefined || value === null || value === '' ? 'none' : JSON.stringify(value));

export const fromTo = (path: string, before: Json | undefined, after: Json | undefined): string =>
  `${path} goes from ${shown(before)} to ${shown(after)}`;

/** `path` was true and is false, or is the other way round with `wanted` false. */
export function turned({ before, after }: PlannedChange, path: string, wanted: boolean): string | undefined {
  const [old, next] = [valueAt(before, path), valueAt(after, path)];
  return old === wanted && next !== wanted && next !== unknownText ? fromTo(path, old, next ?? !wanted) : undefined;
}

/** `path` had a text, and has none. */
export function emptied({ before, after }: PlannedChange, path: string): string | undefined {
  const [old, next] = [valueAt(before, path), valueAt(after, path)];
  return !isEmpty(old) && isEmpty(next) ? fromTo(path, old, next) : undefined;
}

/** A number that became smaller; 0 and nothing are endless where `endless` says so. */
export function lowered({ before, after }: PlannedChange, path: string, endless = false): string | undefined {
  const [old, next] = [numberOf(before, path, endless), numberOf(after, path, endless)];
  return old !== undefined && next !== undefined && next < old ? fromTo(path, valueAt(before, path), valueAt(after, path)) : undefined;
}

function numberOf(values: Values | undefined, path: string, endless: boolean): number | undefined {
  const value = valueAt(values, path);
  if (endless && (value === 0 || value === null || value === undefined)) return Number.POSITIVE_INFINITY;
  return typeof value === 'number' ? value : undefined;
}

export const isEmpty = (value: Json | undefined): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);

/** Minutes of a rate (EventBridge Scheduler User Guide, "Schedule types"; Secrets Manager, "Schedule expressions"); undefined: a cron, or none. */
export function minutesOf(expression: Json | undefined): number | undefined {
  const [, count, unit = ''] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(typeof expression === 'string' ? expression : '') ?? [];
  return count === undefined ? undefined : Number(count) * ({ minute: 1, hour: 60, day: 1440 }[unit] ?? 1);
}

/** A time between two calls that became longer. A schedule that cannot be compared counts as one, for a person to look at. */
export function stretched({ before, after }: PlannedChange, path: string): string | undefined {
  const [old, next] = [valueAt(before, path), valueAt(after, path)];
  if (old === next || isEmpty(old)) return undefined;
  const [was, is] = [minutesOf(old), minutesOf(next)];
  return was !== undefined && is !== undefined && is <= was ? undefined : fromTo(path, old, next);
}
