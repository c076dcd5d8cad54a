/** Asks the audit trail, and verifies it. */
import { AnswerError } from '../answers/answer-error.ts';
import type { Action, Surroundings } from './action.ts';
import { changesAction } from './changes.ts';
import { CommandError, type ExitCode, exitCodes, UsageError } from './exit-codes.ts';
import { parseCommandLine } from './options.ts';
import { plain } from './terminal-text.ts';
import { timelineAction } from './timeline.ts';
import { usage } from './usage.ts';
import { verify } from './verify.ts';
import { whatAction, whoAction } from './who.ts';
import { whyAction } from './why.ts';

export const actions = {
  who: whoAction,
  what: whatAction,
  why: whyAction,
  changes: changesAction,
  timeline: timelineAction,
  verify,
} as const satisfies Readonly<Record<string, Action>>;

export async function auditCommand(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  try {
    const commandLine = parseCommandLine(args, actions);
    if (commandLine !== 'help') return await actions[commandLine.action].run(commandLine.options, surroundings);
    surroundings.out(usage);
    return exitCodes.done;
  } catch (error) {
    const { text, exitCode } = ending(error);
    surroundings.error(text);
    return exitCode;
  }
}

function ending(error: unknown): { readonly text: string; readonly exitCode: ExitCode } {
  if (error instanceof UsageError) return { text: `${error.message}\n\n${usage}`, exitCode: exitCodes.usage };
  if (error instanceof CommandError) return { text: `${error.message}\n`, exitCode: exitCodes.refused };
  if (error instanceof AnswerError) {
    const exitCode = { unknown: exitCodes.unknown, ambiguous: exitCodes.ambiguous, unreadable: exitCodes.refused }[error.kind];
    return { text: `${error.message.split('\n').map(plain).join('\n')}\n`, exitCode };
  }
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const look = 'look at the credentials, region and endpoint (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL …)';
  return { text: `${name}: ${message}: ${look}\n`, exitCode: exitCodes.refused };
}
