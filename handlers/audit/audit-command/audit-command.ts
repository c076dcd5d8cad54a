/** Whether the audit trail is what was written. */
import type { Hour } from '../segment.ts';
import { verifyTrail } from '../verify.ts';
import { type AuditCommandLine, parseCommandLine, UsageError, usage } from './options.ts';
import { verdictText } from './report.ts';
import { CommandError, openTrail } from './trail-source.ts';

export interface AuditCommandSurroundings {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Monotonic, in milliseconds: progress is told once a second at most. */
  readonly elapsed: () => number;
}

export const exitCodes = { intact: 0, refused: 1, usage: 2 } as const;

const progressEveryMs = 1000;

/** @returns the exit code */
export async function auditCommand(args: readonly string[], surroundings: AuditCommandSurroundings): Promise<number> {
  try {
    const commandLine = parseCommandLine(args);
    if (commandLine !== 'help') return await verify(commandLine, surroundings);
    surroundings.out(usage);
    return exitCodes.intact;
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    surroundings.error(
      error instanceof UsageError
        ? `${message}\n\n${usage}`
        : error instanceof CommandError
          ? `${message}\n`
          : `${name}: ${message}: look at the credentials, region and endpoint (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL …)\n`,
    );
    return error instanceof UsageError ? exitCodes.usage : exitCodes.refused;
  }
}

async function verify(commandLine: AuditCommandLine, { out, error, elapsed }: AuditCommandSurroundings): Promise<number> {
  const source = await openTrail(commandLine);
  let told = elapsed();
  const onProgress = ({ hour, records }: { readonly hour: Hour; readonly records: number }) => {
    if (elapsed() - told < progressEveryMs) return;
    told = elapsed();
    error(`${hour}: ${records} records\n`);
  };
  try {
    const { from, to, json } = commandLine;
    const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const verdict = await verifyTrail({ evidence: source.evidence, publicKey: source.publicKey, ...range, onProgress });
    out(json ? `${JSON.stringify(verdict)}\n` : verdictText(verdict));
    return verdict.intact ? exitCodes.intact : exitCodes.refused;
  } finally {
    source.close();
  }
}
