/** The command line of `npm run access-review`. */
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { UsageError } from '../../platform/command-errors.ts';
import { byText, noteText } from '../sign-off.ts';

export const usage = `usage: npm run access-review -- generate [--out DIR] [options]
       npm run access-review -- sign-off --report FILE|KEY --by NAME [--note TEXT] [options]
       npm run access-review -- check --report FILE|KEY [--sign-off FILE --public-key PEM] [options]

  generate           makes a report now, and prints its numbers
  sign-off           signs that NAME has reviewed the report, where it is as it was made
  check              says whether a report was signed off, and by whom

  --out DIR          also writes the report's files there
  --report FILE|KEY  the JSON file of a report, or its key in the reports bucket
  --by NAME          who reviewed it
  --note TEXT        what they say about it
  --sign-off FILE    file of the sign-off, in place of the bucket
  --public-key PEM   file with the public key of approvals, in place of the deployment's
  --environment NAME environment of the deployment             [dev]
  --prefix PREFIX    prefix of the deployment                  [ad-lambda]
  --json             print JSON on standard output
  -h, --help         this text

With a FILE, --sign-off and --public-key a check needs no deployment. Credentials, region and endpoint
are the AWS SDK's own settings (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL).
Exit codes: 0 done or signed off, 1 refused, altered, or not signed off, 2 wrong usage.
`;

interface Place {
  readonly environment: string;
  readonly prefix: string;
  readonly json: boolean;
}

export type ReviewCommandLine = Place &
  (
    | { readonly action: 'generate'; readonly out: string | undefined }
    | { readonly action: 'sign-off'; readonly report: string; readonly by: string; readonly note: string | undefined }
    | {
        readonly action: 'check';
        readonly report: string;
        readonly signOff: string | undefined;
        readonly publicKey: string | undefined;
      }
  );

const actions = ['generate', 'sign-off', 'check'] as const;
/** What each action takes besides the place. */
const takes: Readonly<Record<(typeof actions)[number], readonly string[]>> = {
  generate: ['out'],
  'sign-off': ['report', 'by', 'note'],
  check: ['report', 'sign-off', 'public-key'],
};

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): ReviewCommandLine | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help) return 'help';
  const [given, more] = positionals;
  const action = actions.find((one) => one === given);
  if (action === undefined) throw new UsageError(`${given ?? 'nothing'} is no action: give one of ${actions.join(', ')}`);
  if (more !== undefined) throw new UsageError(`${more} is too much: give one action and its options`);
  const { environment = 'dev', prefix = 'ad-lambda', json = false } = values;
  if (environment === '' || prefix === '') throw new UsageError('--environment and --prefix are names: leave them out for the defaults');
  for (const [name, value] of Object.entries(values)) {
    if (value === '') throw new UsageError(`--${name} is empty: give a value, or leave it out`);
    const known = [...takes[action], 'environment', 'prefix', 'json'];
    if (!known.includes(name)) throw new UsageError(`${action} takes no --${name}: leave it out`);
  }
  const place = { environment, prefix, json };
  if (action === 'generate') return { action, ...place, out: values.out };
  const { report, by } = values;
  if (report === undefined) throw new UsageError(`${action} what: give --report with the JSON file of a report, or its key`);
  if (action === 'check') return { action, ...place, report, signOff: values['sign-off'], publicKey: values['public-key'] };
  if (by === undefined) throw new UsageError('sign-off by whom: give --by with the name of who reviewed it');
  return { action, ...place, report, by: said('--by', byText, by), note: values.note && said('--note', noteText, values.note) };
}

function said(option: string, schema: v.GenericSchema<string, string>, value: string): string {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new UsageError(`${option} ${result.issues[0].message}: give a short text of one line`);
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...{ out: text, report: text, by: text, note: text, 'sign-off': text, 'public-key': text, environment: text, prefix: text },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
