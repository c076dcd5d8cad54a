/** The command line of `npm run decide`. */
import { parseArgs } from 'node:util';
import { UsageError } from '../../platform/command-errors.ts';

/** Where the mirror, the configuration and the grants are read. */
export type SourceOptions =
  | { readonly environment: string; readonly prefix: string }
  | {
      /** Files. */
      readonly mirror: string;
      readonly configuration: string;
      /** Folder of the policies' texts. */
      readonly policies: string | undefined;
      readonly grants: string | undefined;
    };

export interface CommandLine {
  /** sAMAccountName, user principal name, distinguished name, SID or objectGUID. */
  readonly user: string;
  readonly source: SourceOptions;
  readonly json: boolean;
}

export const usage = `usage: npm run decide -- --user NAME [options]

Explains what a person should have and why: groups and by which path, role
mappings, policies, the verdict, and what was decided last. Nothing is changed.

  --user NAME            sAMAccountName, user principal name, distinguished
                         name, SID or objectGUID

From an environment in AWS or a running sandbox, with the credentials and the
endpoint that the AWS SDK finds (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL …):

  --environment NAME     name of the environment                      [dev]
  --prefix PREFIX        prefix of its resources                [ad-lambda]

From files:

  --mirror FILE          the directory table, as "aws dynamodb scan" writes it
  --configuration FILE   the access configuration of decide-access (from S3)
  --policies FOLDER      the policies' texts        [folder of that file]
  --grants FILE          the grants table, as "aws dynamodb scan" writes it

  --json                 print the explanation as JSON
  -h, --help             this text

Exit codes: 0 explained, 1 nobody found or nothing to read, 2 wrong usage.
`;

const text = { type: 'string' } as const;
const options = {
  ...{ user: text, environment: text, prefix: text, mirror: text, configuration: text, policies: text, grants: text },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): CommandLine | 'help' {
  const values = valuesOf(args);
  if (values.help) return 'help';
  for (const [name, value] of Object.entries(values))
    if (value === '') throw new UsageError(`--${name} is empty: give a value or leave it out`);
  if (values.user === undefined) throw new UsageError('--user is missing: name the person, for example --user ada');
  return { user: values.user, source: sourceOf(values), json: values.json ?? false };
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function sourceOf({ environment, prefix, mirror, configuration, policies, grants }: ReturnType<typeof valuesOf>): SourceOptions {
  if (mirror === undefined) {
    for (const [name, value] of Object.entries({ configuration, policies, grants }))
      if (value !== undefined) throw new UsageError(`--${name} goes with --mirror: give both, or neither to ask an environment`);
    return { environment: environment ?? 'dev', prefix: prefix ?? 'ad-lambda' };
  }
  for (const [name, value] of Object.entries({ environment, prefix }))
    if (value !== undefined) throw new UsageError(`--${name} and --mirror exclude each other: give one of them`);
  if (configuration === undefined) throw new UsageError('--configuration is missing: with --mirror, give the access configuration too');
  return { mirror, configuration, policies, grants };
}
