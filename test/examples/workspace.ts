/** Copies of this project in temporary folders, and commands in them. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a synth reads of the project. */
const sources = ['package.json', 'tsconfig.json', 'cdktf.json', 'handlers', 'modules', 'examples'] as const;

export interface Folder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'ad-lambda-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Copies the sources into a folder below `parent`, with this checkout's installed packages. */
export async function copyProject(parent: string, name: string): Promise<string> {
  const path = join(parent, name);
  await mkdir(path, { recursive: true });
  for (const source of sources) await cp(join(root, source), join(path, source), { recursive: true });
  await symlink(join(root, 'node_modules'), join(path, 'node_modules'));
  return path;
}

export interface Finished {
  readonly code: number;
  readonly output: string;
}

/** Runs Node as npm scripts do, and says how it ended. */
export async function node(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  try {
    const { stdout, stderr } = await run(process.execPath, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 16 * 1024 * 1024 });
    return { code: 0, output: `${stdout}${stderr}` };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: code ?? 1, output: `${stdout ?? ''}${stderr ?? ''}` };
  }
}

/** Synthesizes the examples into `<outdir>`, with the zips of the project in `cwd`. */
export async function synthesize(cwd: string, outdir: string): Promise<Finished> {
  return node(cwd, [join(cwd, 'examples/main.ts')], { CDKTF_OUTDIR: outdir });
}

/** Paths of all files below a folder, sorted, relative to it. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
