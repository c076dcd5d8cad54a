/** The command line of `npm run guard`. */
import { parseArgs } from 'node:util';
import { UsageError } from '../../platform/command-errors.ts';

export const usage = `usage: npm run guard -- list
       npm run guard -- show|approve|reject ID [options]

  list               guards that hold something back, and why
  show ID            who would lose what
  approve ID         lets it through: exactly what is shown, and nothing more
  reject ID          refuses it, until a later decision asks again

  --environment NAME environment of the deployment             [dev]
  --prefix PREFIX    prefix of the deployment                  [ad-lambda]
  --yes              do not ask for confirmation
  --json             print JSON on standard output
  -h, --help         this text

Credentials, region and endpoint are the AWS SDK's own settings (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL).
Exit codes: 0 done, 1 refused, not found or expired, 2 wrong usage.
`;

export interface GuardCommandLine {
  readonly action: 'list' | 'show' | 'approve' | 'reject';
  /** Of the guard; empty for a list. */
  readonly id: string;
  readonly environment: string;
  readonly prefix: string;
  readonly yes: boolean;
  readonly json: boolean;
}

const actions = ['list', 'show', 'approve', 'reject'] as const;

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): GuardCommandLine | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help) return 'help';
  const [given, id = '', ...more] = positionals;
  const action = actions.find((one) => one === given);
  if (action === undefined) throw new UsageError(`${given ?? 'nothing'} is no action: give one of ${actions.join(', ')}`);
  if (more.length > 0 || (action === 'list' && id !== ''))
    throw new UsageError(`${positionals.at(-1)} is too much: give one action and one ID`);
  if (action !== 'list' && id === '') throw new UsageError(`${action} what: give the ID that "list" shows`);
  const { environment = 'dev', prefix = 'ad-lambda', yes = false, json = false } = values;
  if (environment === '' || prefix === '') throw new UsageError('--environment and --prefix are names: leave them out for the defaults');
  return { action, id, environment, prefix, yes, json };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        environment: { type: 'string' },
        prefix: { type: 'string' },
        yes: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
