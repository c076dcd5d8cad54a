/** The command line of `npm run review`. */
import { parseArgs } from 'node:util';
import { type Severity, severities } from './reviewed.ts';

export interface CommandLine {
  /** Path of what `terraform show -json` wrote. */
  readonly plan: string;
  readonly mirror: string | undefined;
  readonly json: boolean;
  readonly sarif: string | undefined;
  readonly out: string | undefined;
  readonly failOn: Severity | 'none';
}

export const usage = `usage: npm run review -- PLAN.json [options]

Writes what a reviewer wants to know of a plan as Markdown: what changes, which
permission widens, whom it gives or takes access, what is at risk, what it costs.

  PLAN.json              terraform plan -out plan && terraform show -json plan
  --mirror FILE          the directory table, as "aws dynamodb scan" writes it:
                         says who would gain or lose which role
  --out FILE             write the review there            [standard output]
  --json                 write all of it as JSON instead of Markdown
  --sarif FILE           write the findings as SARIF 2.1.0, too
  --fail-on SEVERITY     none, note, warning or error              [error]
  -h, --help             this text

Exit codes: 0 nothing that grave, 1 findings of that severity or above, 2 wrong
usage, or a plan or file that cannot be read.
`;

/** Wrong usage: the message says what, and what to give instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const text = { type: 'string' } as const;
const options = {
  ...{ mirror: text, out: text, sarif: text, 'fail-on': text },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const choices = ['none', ...severities] as const;

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): CommandLine | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help) return 'help';
  for (const [name, value] of Object.entries(values))
    if (value === '') throw new UsageError(`--${name} is empty: give a value or leave it out`);
  const [plan, ...more] = positionals;
  if (plan === undefined || plan === '') throw new UsageError('the plan is missing: give what "terraform show -json" wrote');
  if (more.length > 0) throw new UsageError(`there is more than one plan, ${[plan, ...more].join(' ')}: give one`);
  const wanted = values['fail-on'] ?? 'error';
  const failOn = choices.find((choice) => choice === wanted);
  if (failOn === undefined) throw new UsageError(`--fail-on ${wanted} is no severity: give one of ${choices.join(', ')}`);
  return { plan, failOn, mirror: values.mirror, json: values.json ?? false, sarif: values.sarif, out: values.out };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
