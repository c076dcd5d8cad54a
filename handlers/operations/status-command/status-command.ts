/** Whether all is well in a deployment. */
import { errorText, UsageError } from '../../platform/command-errors.ts';
import { statusLines, worstOf } from './lines.ts';
import { parseCommandLine, type StatusCommandLine, usage } from './options.ts';
import type { Readings } from './readings.ts';
import { statusJson, statusText } from './report.ts';

export interface StatusCommandSurroundings {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly now: () => Date;
  /** Columns of the terminal. @default lines are not broken */
  readonly width?: number | undefined;
  /** @throws CommandError when there is no such deployment */
  readonly read: (prefix: string, environment: string, now: Date) => Promise<Readings>;
}

export const exitCodes = { well: 0, attention: 1, usage: 2, unknown: 3 } as const;

/** @returns the exit code */
export async function statusCommand(args: readonly string[], surroundings: StatusCommandSurroundings): Promise<number> {
  try {
    const commandLine = parseCommandLine(args);
    if (commandLine !== 'help') return await tell(commandLine, surroundings);
    surroundings.out(usage);
    return exitCodes.well;
  } catch (error) {
    surroundings.error(errorText(error, usage));
    return error instanceof UsageError ? exitCodes.usage : exitCodes.unknown;
  }
}

async function tell(commandLine: StatusCommandLine, { out, now, read, width }: StatusCommandSurroundings): Promise<number> {
  const { prefix, environment, json } = commandLine;
  const at = now();
  const lines = statusLines(await read(prefix, environment, at), at);
  const report = { deployment: `${prefix}-${environment}`, at: at.toISOString(), lines };
  out(json ? statusJson(report) : statusText(report, width));
  const worst = worstOf(lines);
  return worst === 'ok' ? exitCodes.well : worst === 'unknown' ? exitCodes.unknown : exitCodes.attention;
}
