/** A function's zip, unpacked once into a folder of its own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { unzipSync } from 'fflate';

export interface FunctionCode {
  readonly taskRoot: string;
  remove(): void;
}

/** @throws Error for an entry that would land outside the folder */
export function unpack(zipPath: string, directory: string): FunctionCode {
  const taskRoot = mkdtempSync(join(directory, 'ad-lambda-function-'));
  const remove = () => rmSync(taskRoot, { recursive: true, force: true });
  try {
    for (const [name, bytes] of Object.entries(unzipSync(readFileSync(zipPath)))) {
      const path = join(taskRoot, name);
      if (relative(taskRoot, path).startsWith('..')) throw new Error(`${zipPath} holds "${name}", which leaves its folder: build it again`);
      if (name.endsWith('/')) continue;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { taskRoot, remove };
}
