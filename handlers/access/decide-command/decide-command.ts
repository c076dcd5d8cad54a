/** `npm run decide`: reads, explains, prints. */
import { errorText, settingsRemedy, UsageError } from '../../platform/command-errors.ts';
import { ConfigurationError } from '../../platform/errors.ts';
import { prepareAccess } from '../decide.ts';
import { principalKey } from '../grants.ts';
import { createAuthorizer } from '../policies/authorizer.ts';
import { environmentSource } from './environment-source.ts';
import { type Explanation, explain } from './explain.ts';
import { ExplanationError } from './explanation-error.ts';
import type { ExplanationSource } from './explanation-source.ts';
import { explanationText } from './explanation-text.ts';
import { exportSource } from './export-source.ts';
import { findPrincipal } from './find-principal.ts';
import { type CommandLine, parseCommandLine, type SourceOptions, usage } from './options.ts';

const exitCodes = { explained: 0, failed: 1, usage: 2 } as const;

export interface Terminal {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly now: () => Date;
}

/** @returns the exit code */
export async function decideCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  let commandLine: CommandLine | 'help';
  try {
    commandLine = parseCommandLine(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.error(errorText(error, usage));
    return exitCodes.usage;
  }
  if (commandLine === 'help') {
    terminal.out(usage);
    return exitCodes.explained;
  }
  try {
    const explanation = await explanationOf(commandLine.user, await sourceOf(commandLine.source), terminal.now());
    terminal.out(commandLine.json ? `${JSON.stringify(explanation, undefined, 2)}\n` : explanationText(explanation));
    return exitCodes.explained;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // What these say is for a person; of any other error its kind tells more than its text alone.
    const isTold = error instanceof ExplanationError || error instanceof ConfigurationError;
    const remedy = 'mirror' in commandLine.source ? '' : `: ${settingsRemedy}`;
    terminal.error(`${isTold ? error.message : `nothing can be explained: ${error.name}: ${error.message}${remedy}`}\n`);
    return exitCodes.failed;
  }
}

const sourceOf = async (source: SourceOptions): Promise<ExplanationSource> =>
  'mirror' in source ? exportSource(source) : await environmentSource(source.prefix, source.environment);

async function explanationOf(user: string, source: ExplanationSource, now: Date): Promise<Explanation> {
  const { configuration, policies } = await source.access();
  const access = prepareAccess(configuration, createAuthorizer({ policies, attributes: configuration.policyAttributes }));
  const found = findPrincipal(await source.objects(), user);
  const grants = source.grants && { current: await source.grants(principalKey(found.domain, found.guid)) };
  const explanation = await explain(found, { mirror: source.mirror, access, grants, now: now.toISOString() });
  if (explanation === undefined) throw new ExplanationError(`${found.dn} was in the mirror a moment ago and is no longer: try again`);
  return explanation;
}
