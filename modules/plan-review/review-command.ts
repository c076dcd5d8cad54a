/** `npm run review`: reads the plan, judges it, writes what was found. */
import { readFileSync, writeFileSync } from 'node:fs';
import { ExplanationError } from '../../handlers/access/decide-command/explanation-error.ts';
import { exportSource } from '../../handlers/access/decide-command/export-source.ts';
import type { MirrorOfUsers } from './access/access-effects.ts';
import { type CommandLine, parseCommandLine, UsageError, usage } from './options.ts';
import { PlanError } from './plan.ts';
import { markdownOf } from './report/markdown.ts';
import { reviewJson } from './report/review-json.ts';
import { sarifOf } from './report/sarif.ts';
import { type Review, review } from './review.ts';
import { severities } from './reviewed.ts';

const exitCodes = { fine: 0, findings: 1, unusable: 2 } as const;

export interface Terminal {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly now: () => Date;
}

/** @returns the exit code */
export async function reviewCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const commandLine = parseCommandLine(args);
    if (commandLine === 'help') {
      terminal.out(usage);
      return exitCodes.fine;
    }
    const users = commandLine.mirror === undefined ? undefined : await usersOf(commandLine.mirror, terminal.now());
    const found = await review(textOf(commandLine.plan), users);
    write(commandLine, found, terminal);
    return fails(commandLine, found) ? exitCodes.findings : exitCodes.fine;
  } catch (error) {
    if (error instanceof UsageError) terminal.error(`${error.message}\n\n${usage}`);
    else if (error instanceof PlanError || error instanceof ExplanationError) terminal.error(`${error.message}\n`);
    else throw error;
    return exitCodes.unusable;
  }
}

/** Files first: whoever reads the standard output finds them there. */
function write({ plan, json, sarif, out }: CommandLine, { reviewed, findings }: Review, terminal: Terminal): void {
  if (sarif !== undefined) writeText(sarif, `${JSON.stringify(sarifOf(findings, plan), undefined, 2)}\n`);
  const text = json ? `${JSON.stringify(reviewJson(reviewed, findings), undefined, 2)}\n` : markdownOf(reviewed, findings);
  if (out === undefined) terminal.out(text);
  else writeText(out, text);
}

const fails = ({ failOn }: CommandLine, { findings }: Review): boolean =>
  failOn !== 'none' && findings.some(({ severity }) => severities.indexOf(severity) >= severities.indexOf(failOn));

/** The export that `npm run decide` reads; its configuration is not asked for, the plan has both. */
async function usersOf(mirror: string, now: Date): Promise<MirrorOfUsers> {
  const source = exportSource({ mirror, configuration: '', policies: undefined, grants: undefined });
  return { mirror: source.mirror, objects: await source.objects(), now: now.toISOString() };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PlanError(`${path} cannot be read: ${(cause as NodeJS.ErrnoException).code}: give what "terraform show -json" wrote`, {
      cause,
    });
  }
}

function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new PlanError(`${path} cannot be written: ${(cause as NodeJS.ErrnoException).code}: give a path in a folder that is there`, {
      cause,
    });
  }
}
