/** The examples, synthesized once a run: for tests of what comes after a synthesis. */
import { madeOnce } from '../made-once.ts';
import { root, synthesize } from './workspace.ts';

/** @returns the folder that the app wrote, with `stacks/dev` and the others; nobody changes what is in it */
export const synthesizedExamples = (): Promise<string> =>
  madeOnce('examples', async (folder) => {
    const { code, output } = await synthesize(root, folder);
    if (code !== 0) throw new Error(`the examples do not synthesize: ${output}`);
  });
