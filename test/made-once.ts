/** Folders that several test files take and one of them makes: whoever comes first, while the others wait. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { until } from '../sandbox/waiting.ts';

const timeoutMs = 240_000;

/**
 * @param name of what is made, the same in every test file
 * @param make fills the folder
 * @returns the folder: it is everybody's, so nobody changes what is in it
 * @throws Error in every test file, when it cannot be made
 */
export async function madeOnce(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(inject('runFolder'), name);
  const [done, failed] = [`${folder}.done`, `${folder}.failed`];
  const isFirst = (await mkdir(folder).catch((error: NodeJS.ErrnoException) => error.code)) === undefined;
  if (isFirst) {
    try {
      await make(folder);
      await writeFile(done, '');
    } catch (error) {
      await writeFile(failed, String(error));
      throw error;
    }
    return folder;
  }
  await until(name, async () => existsSync(done) || existsSync(failed) || undefined, timeoutMs);
  if (existsSync(failed)) throw new Error(`another test file could not make "${name}": ${await readFile(failed, 'utf8')}`);
  return folder;
}
