/** The command line of `npm run audit`. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { catalogue } from '../../events/catalogue.ts';
import { UsageError } from '../../platform/command-errors.ts';
import { severities } from '../ocsf-classes.ts';
import { type Hour, hourOf } from '../segment.ts';
import type { Action } from './action.ts';

const flags = ['evidence', 'json', 'csv'] as const;
const valued = [
  'at',
  'environment',
  'event',
  'files',
  'from',
  'grant',
  'prefix',
  'public-key',
  'role',
  'severity',
  'since',
  'target',
  'to',
  'type',
  'until',
  'user',
] as const;
export type OptionName = (typeof flags)[number] | (typeof valued)[number];

/** Says which trail is read. */
const ofEveryAction: readonly OptionName[] = ['environment', 'prefix', 'files', 'json'];

export interface Options {
  readonly environment: string;
  readonly prefix: string;
  /** Folder, in place of a deployment. */
  readonly files: string | undefined;
  readonly publicKey: string | undefined;
  /** Hours of `verify`. */
  readonly from: Hour | undefined;
  readonly to: Hour | undefined;
  /** The bucket of the deployment, in place of its log. */
  readonly evidence: boolean;
  readonly format: 'text' | 'json' | 'csv';
  readonly since: Date | undefined;
  /** Before that time. */
  readonly until: Date | undefined;
  readonly at: Date | undefined;
  readonly user: string | undefined;
  readonly role: string | undefined;
  readonly target: string | undefined;
  readonly grant: string | undefined;
  readonly event: string | undefined;
  readonly types: readonly string[];
  readonly severity: keyof typeof severities | undefined;
}

/** @throws UsageError */
export function parseCommandLine<Name extends string>(
  args: readonly string[],
  actions: Readonly<Record<Name, Pick<Action, 'takes' | 'needs'>>>,
): { readonly action: Name; readonly options: Options } | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help) return 'help';
  const [given, more] = positionals;
  const names = Object.keys(actions) as Name[];
  const action = names.find((name) => name === given);
  if (action === undefined) throw new UsageError(`${given ?? 'nothing'} is no action: give ${names.join(', ')}`);
  if (more !== undefined) throw new UsageError(`${more} is too much: give ${action} and its options`);
  const { takes, needs = [] } = actions[action];
  for (const name of Object.keys(values) as OptionName[])
    if (![...ofEveryAction, ...takes].includes(name)) throw new UsageError(`--${name} says nothing to ${action}: leave it out`);
  for (const names of needs)
    if (names.filter((name) => values[name] !== undefined).length !== 1)
      throw new UsageError(`${action} of what: give ${names.map((name) => `--${name}`).join(' or ')}`);
  for (const name of valued) if (values[name]?.trim() === '') throw new UsageError(`--${name} is empty: give a value, or leave it out`);
  const { environment = 'dev', prefix = 'ad-lambda', files, user, role, target, grant, event, evidence = false } = values;
  if (files !== undefined && (values.environment !== undefined || values.prefix !== undefined || evidence))
    throw new UsageError('--files is in place of a deployment: leave out --environment, --prefix and --evidence');
  if (values.json && values.csv) throw new UsageError('--json and --csv exclude each other: give one of them');
  const times = { since: time('--since', values.since), until: time('--until', values.until), at: time('--at', values.at) };
  if (times.since && times.until && times.since >= times.until)
    throw new UsageError(`--since ${values.since} is not before --until ${values.until}: exchange them`);
  const [from, to] = [hour('--from', values.from, '00'), hour('--to', values.to, '23')];
  if (from !== undefined && to !== undefined && from > to) throw new UsageError(`--from ${from} is after --to ${to}: exchange them`);
  const publicKey = values['public-key'];
  const format = values.json ? 'json' : values.csv ? 'csv' : 'text';
  const criteria = { types: types(values.type), severity: severity(values.severity) };
  return {
    action,
    options: { environment, prefix, files, publicKey, from, to, evidence, format, ...times, user, role, target, grant, event, ...criteria },
  };
}

/** A time in UTC as people write it: a date, an hour, a minute, a second. */
const timePattern = /^(?<date>\d{4}-\d{2}-\d{2})(?:T(?<hour>\d{2})(?::(?<minute>\d{2})(?::(?<second>\d{2}(?:\.\d{1,3})?))?)?Z?)?$/;

/** @throws UsageError */
function time(option: string, given: string | undefined): Date | undefined {
  if (given === undefined) return undefined;
  const { date, hour: of = '00', minute = '00', second = '00' } = timePattern.exec(given)?.groups ?? {};
  const at = new Date(`${date}T${of}:${minute}:${second}Z`);
  // A day that the month does not have would be one of the next.
  if (date === undefined || Number.isNaN(at.getTime()) || hourOf(at) !== `${date}T${of}`)
    throw new UsageError(`${option} is "${given}": give a time in UTC such as 2025-03-01T10:30:00Z, or a date`);
  return at;
}

/** @param ofDate hour of a date that comes without one */
function hour(option: string, given: string | undefined, ofDate: string): Hour | undefined {
  if (given === undefined) return undefined;
  const { date, hour: of = ofDate } = timePattern.exec(given)?.groups ?? {};
  try {
    return hourOf(time(option, `${date}T${of}`) as Date);
  } catch (cause) {
    throw new UsageError(`${option} is "${given}": give an hour in UTC such as 2025-03-01T10, or a date`, { cause });
  }
}

function types(given: string | undefined): readonly string[] {
  const all = given?.split(',') ?? [];
  for (const one of all)
    if (!Object.hasOwn(catalogue, one))
      throw new UsageError(`--type ${one} is no type of event: give one as UserDeleted, or more with commas`);
  return all;
}

function severity(given: string | undefined): keyof typeof severities | undefined {
  const names = Object.keys(severities) as (keyof typeof severities)[];
  const found = names.find((name) => name.toLowerCase() === given?.toLowerCase());
  if (given !== undefined && found === undefined)
    throw new UsageError(`--severity ${given}: give one of ${names.join(', ').toLowerCase()}`);
  return found;
}

type Values = { readonly [Name in (typeof valued)[number]]?: string } & { readonly [Name in (typeof flags)[number] | 'help']?: boolean };

function parsed(args: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } {
  const options: ParseArgsConfig['options'] = {
    ...Object.fromEntries(valued.map((name) => [name, { type: 'string' as const }])),
    ...Object.fromEntries(flags.map((name) => [name, { type: 'boolean' as const }])),
    help: { type: 'boolean', short: 'h' },
  };
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    return { values: values as Values, positionals };
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
