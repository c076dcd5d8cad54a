/** Asks the audit trail, and verifies it. */
import { errorText, UsageError } from '../../platform/command-errors.ts';
import { plain } from '../../platform/plain-text.ts';
import { AnswerError } from '../answers/answer-error.ts';
import type { Action, Surroundings } from './action.ts';
import { changesAction } from './changes.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { parseCommandLine } from './options.ts';
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
  if (error instanceof AnswerError) {
    const exitCode = { unknown: exitCodes.unknown, ambiguous: exitCodes.ambiguous, unreadable: exitCodes.refused }[error.kind];
    return { text: `${error.message.split('\n').map(plain).join('\n')}\n`, exitCode };
  }
  return { text: errorText(error, usage), exitCode: error instanceof UsageError ? exitCodes.usage : exitCodes.refused };
}
