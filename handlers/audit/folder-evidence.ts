/** The trail in files, as `aws s3 sync s3://<bucket> <folder>` exports them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Evidence } from './evidence.ts';

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

export function folderEvidence(folder: string): Evidence {
  /** Depth first and sorted, which is the order of the keys where no name is a prefix of another. */
  async function* below(path: string): AsyncGenerator<string> {
    const entries = await readdir(join(folder, path), { withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    entries.sort((one, other) => (one.name < other.name ? -1 : 1));
    for (const entry of entries) {
      if (entry.isDirectory()) yield* below(`${path}${entry.name}/`);
      else yield `${path}${entry.name}`;
    }
  }
  return {
    async *list(prefix, after = '') {
      for await (const key of below(prefix)) if (key > after) yield key;
    },
    read: (key) =>
      readFile(join(folder, key)).catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      }),
  };
}
