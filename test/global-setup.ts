/** Before all tests: the handler zips, because the constructs and the sandbox use the real ones, and a folder for what test files share. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { bundleAll } from '../handlers/bundle.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of this run: removed at its end. */
    readonly runFolder: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await bundleAll();
  const folder = await mkdtemp(join(tmpdir(), 'ad-lambda-run-'));
  project.provide('runFolder', folder);
  return () => rm(folder, { recursive: true, force: true });
}
