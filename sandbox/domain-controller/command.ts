// Runs a program to its end, and turns its failure into an error which says what it printed.

import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';

/** Debian keeps `samba` in a folder which an ordinary user's PATH lacks. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

export const programFolders: readonly string[] = [...new Set([...(process.env.PATH ?? '').split(delimiter), ...systemFolders])];

/** The environment programs run in. Their messages are parsed and shown: not translated. */
export const environment: NodeJS.ProcessEnv = { ...process.env, PATH: programFolders.join(delimiter), LC_ALL: 'C.UTF-8' };

/** The interpreter the distribution's samba modules are installed for; another one may come first on PATH. */
export const python = '/usr/bin/python3';

export interface CommandOptions {
  readonly input?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export class CommandFailedError extends Error {
  override readonly name = 'CommandFailedError';
  readonly output: string;

  constructor(program: string, outcome: string, output: string) {
    super(`${program} ${outcome}: ${explainLog(output) || 'it printed nothing'}`);
    this.output = output;
  }
}

/**
 * Arguments are visible to every user of the machine (`ps`): secrets go through `input`.
 *
 * @returns what the program wrote to its standard output
 * @throws CommandFailedError when it cannot be started or ends with another exit code than 0
 */
export function runCommand(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...environment, ...options.variables },
      ...(options.signal && { signal: options.signal }),
    });
    let stdout = '';
    let everything = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      everything += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      everything += text;
    });
    // A program that ends before it has read its input is judged by its exit code.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', (cause) => {
      reject(options.signal?.aborted ? options.signal.reason : new CommandFailedError(program, 'could not be started', cause.message));
    });
    child.on('close', (code, killedBy) => {
      if (code === 0) resolve(stdout);
      else reject(new CommandFailedError(program, killedBy ? `was ended by ${killedBy}` : `ended with exit code ${code}`, everything));
    });
  });
}

/**
 * What went wrong according to a log, on one line: its lines that start with ERROR (samba-tool follows them with a stack trace), or
 * else its end. Lines that could hold a password are left out; samba-tool prints the one it makes up.
 */
export function explainLog(log: string, count = 8): string {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/passw|secret/i.test(line));
  const errors = lines.filter((line) => line.startsWith('ERROR'));
  return (errors.length > 0 ? errors : lines.slice(-count)).join(' | ');
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
