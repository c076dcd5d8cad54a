/** Runs `npm run sandbox` as a person does, and tells what it left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface RunningCommand {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** The first line of standard output that is a JSON object. @throws Error with standard error, when the command ends before */
  jsonLine(timeoutMs?: number): Promise<Record<string, string>>;
  /** Sends a signal to the whole process group, as a terminal does. */
  signal(name: NodeJS.Signals): void;
  /** Waits for the end. @returns the exit code */
  ended(): Promise<number | null>;
}

export function runSandbox(...args: string[]): RunningCommand {
  const child = spawn('npm', ['run', '--silent', 'sandbox', '--', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that a test can send what a terminal sends at Ctrl-C: the signal to the whole group.
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const exit = once(child, 'close') as Promise<[number | null]>;
  return {
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    async jsonLine(timeoutMs = 60_000) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const line = output.stdout.split('\n').find((one) => one.startsWith('{') && one.endsWith('}'));
        if (line !== undefined) return JSON.parse(line) as Record<string, string>;
        if (child.exitCode !== null || Date.now() > deadline) throw new Error(`no JSON line:\n${output.stderr}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    signal: (name) => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name);
    },
    async ended() {
      const [code] = await exit;
      return code;
    },
  };
}

/** The process of the sandbox itself, below npm and its shell. */
export async function sandboxProcess({ child }: RunningCommand): Promise<number> {
  const candidates = await processesWith('sandbox/main.ts');
  const inGroup = await Promise.all(candidates.map(async (pid) => ((await processGroup(pid)) === child.pid ? [pid] : [])));
  const youngest = inGroup.flat().at(-1);
  if (youngest === undefined) throw new Error('the sandbox does not run');
  return youngest;
}

/** Folders in the temporary directory that belong to this process: its id is part of their names, in base 36. */
export async function foldersOf(pid: number): Promise<readonly string[]> {
  const owner = new RegExp(`^active-directory-lambda-[a-z]+-[0-9a-z]+-${pid.toString(36)}-`);
  return (await readdir(tmpdir())).filter((name) => owner.test(name)).sort();
}

/** Ids of processes whose command line has this text, in ascending order. */
export async function processesWith(text: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(text) ? [Number(pid)] : [])),
  );
  return found.flat().sort((a, b) => a - b);
}

/** proc_pid_stat(5), field 5. */
async function processGroup(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[2]);
}
