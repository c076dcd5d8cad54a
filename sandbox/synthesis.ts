/** Synthesizes the example app into a folder, as `npx cdktf synth` does. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundleAll } from '../handlers/bundle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Builds the zips and runs the app.
 *
 * @returns the stack's folder, with `cdk.tf.json` and its assets
 * @throws Error naming the environments there are, when there is none of this name
 */
export async function synthesize(environment: string, outDirectory: string, signal?: AbortSignal): Promise<string> {
  await bundleAll();
  signal?.throwIfAborted();
  try {
    await promisify(execFile)(process.execPath, [join(root, 'examples', 'main.ts')], {
      cwd: root,
      env: { ...process.env, CDKTF_OUTDIR: outDirectory },
      ...(signal && { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(`the example app does not synthesize: ${(error as { stderr?: string }).stderr || String(error)}`, { cause: error });
  }
  const stacks = await readdir(join(outDirectory, 'stacks'));
  if (!stacks.includes(environment))
    throw new Error(`no environment "${environment}": there are ${stacks.join(', ')}; give one as --env NAME`);
  return join(outDirectory, 'stacks', environment);
}
