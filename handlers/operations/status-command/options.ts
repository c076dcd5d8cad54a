/** The command line of `npm run status`. */
import { parseArgs } from 'node:util';
import { UsageError } from '../../platform/command-errors.ts';

export const usage = `usage: npm run status -- [options]

  Says whether all is well in a deployment, and what is not: a line each, what is worst first,
  with the runbook to open. It reads, and changes nothing.

  --environment NAME environment of the deployment             [dev]
  --prefix PREFIX    prefix of the deployment                  [ad-lambda]
  --json             print JSON on standard output
  -h, --help         this text

Credentials, region and endpoint are the AWS SDK's own settings (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL).
Exit codes: 0 all is well, 1 something needs attention or is broken, 2 wrong usage, 3 nothing is known to be wrong,
and not everything could be found out.
`;

export interface StatusCommandLine {
  readonly environment: string;
  readonly prefix: string;
  readonly json: boolean;
}

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): StatusCommandLine | 'help' {
  const values = parsed(args);
  if (values.help) return 'help';
  const { environment = 'dev', prefix = 'ad-lambda', json = false } = values;
  if (environment === '' || prefix === '') throw new UsageError('--environment and --prefix are names: leave them out for the defaults');
  return { environment, prefix, json };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        environment: { type: 'string' },
        prefix: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
