/** The command line of `npm run audit`. */
import { parseArgs } from 'node:util';
import { type Hour, hourOf } from '../segment.ts';

export const usage = `usage: npm run audit -- verify [options]

  verify             says whether the audit trail is what was written, or names the first
                     record, file or digest that is missing, altered, reordered or forged

  --from TIME        first hour: 2025-03-01T10, 2025-03-01        [that of the first digest]
  --to TIME          last hour; of a date alone its last hour     [that of the last digest]
  --environment NAME environment of the deployment                [dev]
  --prefix PREFIX    prefix of the deployment                     [ad-lambda]
  --files DIR        files exported from the trail's bucket, in place of a deployment
  --public-key PEM   file with the public key of the trail; with --files it has to be given
  --json             print JSON on standard output
  -h, --help         this text

Times are UTC. Without --to nobody can tell whether the newest digests are gone; without --from
the first digest has to be the first of the trail. Credentials, region and endpoint are the AWS
SDK's own settings (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL).
Exit codes: 0 intact, 1 not intact or not verified, 2 wrong usage.
`;

export interface AuditCommandLine {
  readonly action: 'verify';
  readonly from: Hour | undefined;
  readonly to: Hour | undefined;
  readonly environment: string;
  readonly prefix: string;
  /** Folder, in place of a deployment. */
  readonly files: string | undefined;
  readonly publicKey: string | undefined;
  readonly json: boolean;
}

/** Wrong usage: the message says what, and what to give instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): AuditCommandLine | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help) return 'help';
  const [action, more] = positionals;
  if (action !== 'verify') throw new UsageError(`${action ?? 'nothing'} is no action: give verify`);
  if (more !== undefined) throw new UsageError(`${more} is too much: give verify alone`);
  const { environment = 'dev', prefix = 'ad-lambda', files, json = false } = values;
  const publicKey = values['public-key'];
  if (environment === '' || prefix === '') throw new UsageError('--environment and --prefix are names: leave them out for the defaults');
  if (files !== undefined && publicKey === undefined)
    throw new UsageError('--files needs --public-key: the key has to come from another place than the files');
  if (files !== undefined && (values.environment !== undefined || values.prefix !== undefined))
    throw new UsageError('--files is in place of a deployment: leave out --environment and --prefix');
  const from = values.from === undefined ? undefined : hour('--from', values.from, '00');
  const to = values.to === undefined ? undefined : hour('--to', values.to, '23');
  if (from !== undefined && to !== undefined && from > to) throw new UsageError(`--from ${from} is after --to ${to}: exchange them`);
  return { action, from, to, environment, prefix, files, publicKey, json };
}

/** @param ofDate hour of a date that comes without one */
function hour(option: string, given: string, ofDate: string): Hour {
  const { date, of = ofDate } =
    /^(?<date>\d{4}-\d{2}-\d{2})(?:T(?<of>\d{2})(?::\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?)?$/.exec(given)?.groups ?? {};
  const time = new Date(`${date}T${of}:00:00.000Z`);
  // A day that the month does not have would be one of the next.
  if (date === undefined || Number.isNaN(time.getTime()) || hourOf(time) !== `${date}T${of}`)
    throw new UsageError(`${option} is "${given}": give an hour in UTC such as 2025-03-01T10, or a date`);
  return hourOf(time);
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        from: { type: 'string' },
        to: { type: 'string' },
        environment: { type: 'string' },
        prefix: { type: 'string' },
        files: { type: 'string' },
        'public-key': { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
