/** `npm run sandbox`: the story, a measurement, or a sandbox to play with. */
import { join } from 'node:path';
import { errorText, UsageError } from '../handlers/platform/command-errors.ts';
import { auditCompleteness } from './audit-completeness.ts';
import { interruption, unlessAborted } from './interruption.ts';
import { measure } from './measure.ts';
import { type CommandLine, parseCommandLine, usage } from './options.ts';
import { type Progress, progressTo } from './progress.ts';
import { completenessTable } from './report/completeness-table.ts';
import { permissionTable } from './report/permission-table.ts';
import { permissionReport } from './report/permissions.ts';
import { storyTable } from './report/story-table.ts';
import { renderTable, terminalWidth } from './report/table.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { beforeTheStory, playStory } from './story.ts';

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Longest clean-up after an interruption. */
const cleanUpMs = 1_500;

const exitCode = await main(process.argv.slice(2));
// What an interruption left waiting (a step of the story waits up to 20 s for its effect) would keep the process alive.
if (exitCode === exitCodes.interrupted) process.exit(exitCode);
process.exitCode = exitCode;

async function main(args: readonly string[]): Promise<number> {
  let commandLine: CommandLine | 'help';
  try {
    commandLine = parseCommandLine(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(errorText(error, usage));
    return exitCodes.usage;
  }
  if (commandLine === 'help') {
    process.stdout.write(usage);
    return exitCodes.done;
  }
  return await run(
    commandLine,
    progressTo((line) => process.stderr.write(line)),
  );
}

async function run(commandLine: CommandLine, progress: Progress): Promise<number> {
  const { signal, done } = interruption();
  signal.addEventListener('abort', () => {
    progress.note('interrupted: cleaning up');
    progress.mute();
    // Whoever pressed Ctrl-C waits no longer than this; what still runs by then ends with its owner.
    setTimeout(() => process.exit(exitCodes.interrupted), cleanUpMs).unref();
  });
  let sandbox: Sandbox | undefined;
  const story = !commandLine.stay && commandLine.measure === 0;
  const { environment, pollSeconds, stacks } = commandLine;
  try {
    sandbox = await startSandbox({
      ...{ environment, pollSeconds, progress, signal },
      ...(stacks && { stackDirectory: join(stacks, 'stacks', environment) }),
      ...(story && { beforeFirstPoll: beforeTheStory }),
    });
    if (commandLine.stay) {
      process.stdout.write(`${JSON.stringify(connection(sandbox))}\n`);
      progress.note('the sandbox runs; Ctrl-C ends it');
      await unlessAborted(signal, new Promise<never>(() => {}));
    } else {
      await unlessAborted(signal, play(sandbox, commandLine, progress));
    }
    return exitCodes.done;
  } catch (error) {
    if (signal.aborted) return exitCodes.interrupted;
    process.stderr.write(`sandbox failed: ${error instanceof Error ? error.message : String(error)}\n`);
    return exitCodes.failed;
  } finally {
    await sandbox?.stop();
    done();
  }
}

async function play(sandbox: Sandbox, commandLine: CommandLine, progress: Progress): Promise<void> {
  if (commandLine.measure > 0) {
    const result = await progress.step(`${commandLine.measure} single changes`, () =>
      measure(sandbox, commandLine.measure, (count) => {
        if (count > 0 && count % 10 === 0) progress.note(`${count} changes`);
      }),
    );
    const { changes, p50, p99, least, most } = result;
    const milliseconds = (value: number) => `${value} ms`;
    process.stdout.write(
      commandLine.json
        ? `${JSON.stringify(result)}\n`
        : `\nChange to role, from the start of the poll that sees it\n${renderTable(
            ['changes', 'p50', 'p99', 'least', 'most'],
            [[String(changes), milliseconds(p50), milliseconds(p99), milliseconds(least), milliseconds(most)]],
            terminalWidth(),
          )}\n`,
    );
    return;
  }
  const rows = await playStory(sandbox, progress);
  await sandbox.runtime.idle();
  const completeness = await auditCompleteness(sandbox);
  const permissions = permissionReport(sandbox);
  const unexplained = permissions.filter(({ surplus }) => surplus.some(({ reason }) => reason === undefined));
  process.stdout.write(
    commandLine.json
      ? `${JSON.stringify({ story: rows, completeness, permissions })}\n`
      : storyTable(rows, terminalWidth()) +
          completenessTable(completeness, terminalWidth()) +
          permissionTable(permissions, terminalWidth()),
  );
  const incomplete = completeness.filter(({ missing, surplus }) => missing.length + surplus.length > 0);
  if (incomplete.length > 0) throw new Error(`the audit trail is not what changed at ${incomplete.map(({ target }) => target).join(', ')}`);
  if (unexplained.length > 0)
    throw new Error(`permissions that nothing used, without a reason: ${unexplained.map((one) => one.functionName).join(', ')}`);
}

/** What a client needs to play. The credentials are an operator's: they may do everything in this sandbox, and nothing anywhere else. */
function connection({ controller, population, endpoint, mappedGroupDn }: Sandbox) {
  return {
    ldapsUrl: controller.ldapsUrl,
    caFile: controller.caFile,
    bindDn: controller.administratorDn,
    bindPassword: controller.administratorPassword,
    baseDn: controller.baseDn,
    usersDn: population.usersDn,
    mappedGroupDn,
    endpoint: endpoint.url,
    region: endpoint.region,
    accessKeyId: endpoint.operator.accessKeyId,
    secretAccessKey: endpoint.operator.secretAccessKey,
    identityStoreId: endpoint.identityStoreId,
    // npm's own process does not hand a signal on: whoever ends one in the background has to know this one.
    pid: process.pid,
  };
}
