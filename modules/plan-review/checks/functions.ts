/** What runs, and what wakes and watches it: code, concurrency, dead letters, alarms, schedules, sources, guards. */
import type { PlannedChange } from '../plan.ts';
import { isRecord, jsonIn, numberAt, textAt, unknownText, type Values, valueAt } from '../plan-values.ts';
import type { Check } from '../reviewed.ts';
import { emptied, fromTo, isEmpty, isGone, lowered, ofEach, stays, stretched, turned } from './changed-values.ts';

export const functionCode: Check = ofEach(['aws_lambda_function'], (change) => {
  if (!stays(change)) return undefined;
  const { before, after } = change;
  return ['runtime', 'handler', 'architectures', 'layers', 'source_code_hash', 'image_uri'].flatMap((path) => {
    const [old, next] = [valueAt(before, path), valueAt(after, path)];
    return JSON.stringify(old ?? null) === JSON.stringify(next ?? null) ? [] : [fromTo(path, old, next)];
  });
});

/** -1: the account's pool. */
export const concurrencyRemoved: Check = ofEach(['aws_lambda_function'], (change) => {
  if (!stays(change)) return undefined;
  const path = 'reserved_concurrent_executions';
  const [old, next] = [numberAt(change.before, path), numberAt(change.after, path)];
  return old !== undefined && old >= 0 && (next === undefined || next < 0 || next > old) ? fromTo(path, old, next) : undefined;
});

export const deadLettersRemoved: Check = ofEach(['aws_lambda_function', 'aws_sqs_queue', 'aws_lambda_event_source_mapping'], (change) => {
  if (!stays(change)) return undefined;
  return [
    emptied(change, 'dead_letter_config.0.target_arn'),
    emptied(change, 'redrive_policy'),
    emptied(change, 'destination_config.0.on_failure.0.destination_arn'),
  ].filter((one) => one !== undefined);
});

export const alarmWeakened: Check = ofEach(['aws_cloudwatch_metric_alarm', 'aws_cloudwatch_composite_alarm'], (change) => {
  if (isGone(change)) return 'it is deleted';
  if (!stays(change)) return undefined;
  const { before, after } = change;
  const list = (values: Values | undefined) => [valueAt(values, 'alarm_actions') ?? []].flat();
  const told = list(after);
  const untold = told.includes(unknownText) ? [] : list(before).filter((one) => !told.includes(one));
  return [
    turned(change, 'actions_enabled', true),
    ...untold.map((one) => `${String(one)} is told no more`),
    thresholdLoosened(change),
    raised(change, 'evaluation_periods'),
    raised(change, 'datapoints_to_alarm'),
    raised(change, 'period'),
    ...['metric_name', 'namespace', 'statistic', 'comparison_operator', 'treat_missing_data'].flatMap((path) => {
      const [old, next] = [valueAt(before, path), valueAt(after, path)];
      return old !== next && !isEmpty(old) ? [fromTo(path, old, next)] : [];
    }),
    ...ruleNarrowed(change),
  ].filter((one) => one !== undefined);
});

/** A rule that is a list of alarms may have more of them; of every other one that changes a person has to see what it means. */
function ruleNarrowed({ before, after }: PlannedChange): readonly string[] {
  const path = 'alarm_rule';
  const [old, next] = [textAt(before, path) ?? '', textAt(after, path)];
  if (old === '' || old === next) return [];
  const [rang, ring] = [alarmsOf(old), alarmsOf(next ?? '')];
  if (rang === undefined || ring === undefined) return [fromTo(path, old, next)];
  return rang.filter((one) => !ring.includes(one)).map((one) => `${one} does not set it off any more`);
}

/** Names in `ALARM("a") OR ALARM("b")`; undefined for any other rule (CloudWatch API Reference, PutCompositeAlarm). */
function alarmsOf(rule: string): readonly string[] | undefined {
  const names = rule.split(' OR ').map((part) => /^\s*ALARM\("(?<name>[^"]+)"\)\s*$/.exec(part)?.groups?.name);
  return names.includes(undefined) ? undefined : (names as readonly string[]);
}

function thresholdLoosened(change: PlannedChange): string | undefined {
  const upwards = textAt(change.after, 'comparison_operator')?.startsWith('Greater') ?? true;
  return upwards ? raised(change, 'threshold') : lowered(change, 'threshold');
}

function raised({ before, after }: PlannedChange, path: string): string | undefined {
  const [old, next] = [numberAt(before, path), numberAt(after, path)];
  return old !== undefined && next !== undefined && next > old ? fromTo(path, old, next) : undefined;
}

export const scheduleStretched: Check = ofEach(['aws_scheduler_schedule'], (change) => {
  if (isGone(change)) return 'it is deleted: nothing calls its target any more';
  if (change.action === 'create') return valueAt(change.after, 'state') === 'DISABLED' ? 'it is created disabled' : undefined;
  const [old, next] = [valueAt(change.before, 'state'), valueAt(change.after, 'state')];
  const stops = old !== 'DISABLED' && next === 'DISABLED' ? fromTo('state', old, next) : undefined;
  return [stretched(change, 'schedule_expression'), stops].filter((one) => one !== undefined);
});

const sources = [
  'aws_lambda_event_source_mapping',
  'aws_cloudwatch_event_rule',
  'aws_cloudwatch_event_target',
  'aws_cloudwatch_log_subscription_filter',
];

export const sourceStopped: Check = ofEach(sources, (change) => {
  if (isGone(change)) return 'it is deleted: what it brought does not arrive any more';
  if (!stays(change)) return undefined;
  const [old, next] = [valueAt(change.before, 'state'), valueAt(change.after, 'state')];
  return [
    turned(change, 'enabled', true),
    old !== 'DISABLED' && next === 'DISABLED' ? fromTo('state', old, next) : undefined,
    changedText(change, 'event_pattern'),
    changedText(change, 'filter_pattern'),
    changedText(change, 'filter_criteria'),
  ].filter((one) => one !== undefined);
});

/** A filter that changes may let less pass; whether it does is for a person to see. */
function changedText({ before, after }: PlannedChange, path: string): string | undefined {
  const [old, next] = [valueAt(before, path), valueAt(after, path)];
  return isEmpty(old) && isEmpty(next) ? undefined : JSON.stringify(old) === JSON.stringify(next) ? undefined : fromTo(path, old, next);
}

/** Limits of the guard in TARGET, by path: `revocations.run.most`. */
function guardOf(values: Values | undefined): ReadonlyMap<string, number> {
  const target = jsonIn(textAt(values, 'environment.0.variables.TARGET'));
  return new Map(isRecord(target) ? numbersIn(target.guard, []) : []);
}

const numbersIn = (value: unknown, path: readonly string[]): readonly (readonly [string, number])[] =>
  typeof value === 'number'
    ? [[path.join('.'), value]]
    : isRecord(value)
      ? Object.entries(value).flatMap(([name, inner]) => numbersIn(inner, [...path, name]))
      : [];

/** `expiryHours` as well: access that ended waits longer for somebody to look. */
export const guardRaised: Check = ofEach(['aws_lambda_function'], (change) => {
  if (!stays(change)) return undefined;
  const [before, after] = [guardOf(change.before), guardOf(change.after)];
  return [...after].flatMap(([path, next]) => {
    const old = before.get(path);
    return old !== undefined && next > old ? [fromTo(`guard.${path}`, old, next)] : [];
  });
});
