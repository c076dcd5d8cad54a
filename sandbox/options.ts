/** The sandbox's command line. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environments } from '../examples/environments.ts';
import { UsageError } from '../handlers/platform/command-errors.ts';

export interface CommandLine {
  readonly environment: string;
  readonly stay: boolean;
  /** Seconds between two polls; undefined means as the stack's schedule says, compressed to one second. */
  readonly pollSeconds: number;
  /** Single changes to measure; 0 plays the story. */
  readonly measure: number;
  readonly json: boolean;
  /** Folder of stacks that are synthesized already. @default the examples are synthesized */
  readonly stacks?: string;
}

const environmentNames = Object.keys(environments);

export const usage = `usage: npm run sandbox -- [options]

  --env NAME       environment of examples/ to run (${environmentNames.join(', ')})     [dev]
  --poll SECONDS   the schedule, compressed: one poll every SECONDS         [1]
  --measure N      measure N single changes, from poll to role, and end
  --stay           skip the story: print one JSON line with what a client
                   needs, and run until interrupted
  --stacks FOLDER  take what "npx cdktf synth" wrote into this folder
                   (cdktf.out), and synthesize nothing
  --json           print the result as JSON on standard output
  -h, --help       this text

Progress goes to standard error. Exit codes: 0 done, 1 a step failed, 2 wrong usage, 130 interrupted.
`;

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): CommandLine | 'help' {
  let values: { env?: string; stay?: boolean; poll?: string; measure?: string; json?: boolean; stacks?: string; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        env: { type: 'string' },
        stay: { type: 'boolean' },
        poll: { type: 'string' },
        measure: { type: 'string' },
        json: { type: 'boolean' },
        stacks: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
  if (values.help) return 'help';
  const environment = values.env ?? 'dev';
  if (!environmentNames.includes(environment)) throw new UsageError(`--env ${environment}: give one of ${environmentNames.join(', ')}`);
  const pollSeconds = number(values.poll ?? '1', '--poll', 0.1, 3600);
  const measure = values.measure === undefined ? 0 : number(values.measure, '--measure', 1, 10_000);
  if (!Number.isInteger(measure)) throw new UsageError(`--measure ${values.measure}: give a whole number of changes`);
  if (values.stay && measure > 0) throw new UsageError('--stay and --measure exclude each other: give one of them');
  const { stacks } = values;
  if (stacks !== undefined && !existsSync(join(stacks, 'stacks', environment)))
    throw new UsageError(`--stacks ${stacks}: give a folder that holds stacks/${environment}, as "npx cdktf synth" writes it`);
  return { environment, stay: values.stay ?? false, pollSeconds, measure, json: values.json ?? false, ...(stacks && { stacks }) };
}

function number(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < least || value > most) {
    throw new UsageError(`${option} ${text}: give a number from ${least} to ${most}`);
  }
  return value;
}
