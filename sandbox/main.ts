/** `npm run sandbox`: the story, a measurement, or a sandbox to play with. */
import { Interrupted, interruption } from './interruption.ts';
import { measure } from './measure.ts';
import { type CommandLine, parseCommandLine, UsageError, usage } from './options.ts';
import { type Progress, progressTo } from './progress.ts';
import { type PermissionRow, permissionReport } from './report/permissions.ts';
import { renderTable } from './report/table.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { beforeTheStory, playStory, type StoryRow } from './story.ts';

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

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
    process.stderr.write(`${error.message}\n\n${usage}`);
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
  const interrupted = interruption();
  let sandbox: Sandbox | undefined;
  const story = !commandLine.stay && commandLine.measure === 0;
  const { environment, pollSeconds } = commandLine;
  const starting = startSandbox({ environment, pollSeconds, progress, ...(story ? { beforeFirstPoll: beforeTheStory } : {}) });
  try {
    sandbox = await Promise.race([starting, interrupted.promise]);
    if (commandLine.stay) {
      process.stdout.write(`${JSON.stringify(connection(sandbox))}\n`);
      progress.note('the sandbox runs; Ctrl-C ends it');
      await interrupted.promise;
    } else {
      await Promise.race([play(sandbox, commandLine, progress), interrupted.promise]);
    }
    return exitCodes.done;
  } catch (error) {
    if (error instanceof Interrupted) {
      progress.note('interrupted: cleaning up');
      sandbox ??= await starting.catch(() => undefined);
      return exitCodes.interrupted;
    }
    process.stderr.write(`sandbox failed: ${error instanceof Error ? error.message : String(error)}\n`);
    return exitCodes.failed;
  } finally {
    await sandbox?.stop();
    interrupted.done();
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
          )}\n`,
    );
    return;
  }
  const rows = await playStory(sandbox, progress);
  const permissions = permissionReport(sandbox);
  const unexplained = permissions.filter(({ surplus }) => surplus.some(({ reason }) => reason === undefined));
  process.stdout.write(
    commandLine.json ? `${JSON.stringify({ story: rows, permissions })}\n` : `${storyTable(rows)}\n${permissionTable(permissions)}`,
  );
  if (unexplained.length > 0)
    throw new Error(`permissions that nothing used, without a reason: ${unexplained.map((one) => one.functionName).join(', ')}`);
}

function storyTable(rows: readonly StoryRow[]): string {
  const latency = (ms: number | undefined) => (ms === undefined ? '' : ` +${ms} ms`);
  return `\nWhat happened (times count from the start of the poll that saw the change)\n${renderTable(
    ['change', 'event', 'decision', 'role change', 'audit record'],
    rows.map(({ change, event, decision, roleChange, auditRecord, latencyMs }) => [
      change,
      `${event}${latency(latencyMs.event)}`,
      `${decision}${latency(latencyMs.decision)}`,
      `${roleChange}${latency(latencyMs.roleChange)}`,
      `${auditRecord}${latency(latencyMs.auditRecord)}`,
    ]),
  )}`;
}

function permissionTable(rows: readonly PermissionRow[]): string {
  const table = renderTable(
    ['function', 'actions used', 'surplus', 'denied calls'],
    rows.map(({ functionName, used, surplus, denied }) => [functionName, String(used.length), String(surplus.length), String(denied)]),
  );
  const reasons = rows.flatMap(({ functionName, surplus }) =>
    [...Map.groupBy(surplus, ({ action }) => action)].map(([action, unused]) => [
      functionName,
      action,
      unused.map(({ resource }) => resource.split(':').slice(5).join(':')).join(', '),
      unused.find(({ reason }) => reason === undefined) ? 'NO REASON' : (unused[0]?.reason ?? ''),
    ]),
  );
  const listed =
    reasons.length === 0
      ? 'Every permission was used.\n'
      : `${renderTable(['function', 'not used in this run', 'on', 'why it is there'], reasons)}\n`;
  return `\nPermissions: what each function used of its policies\n${table}\n\n${listed}`;
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
  };
}
