/** `npm run bench -- roles`: what decisions and roles cost. */
import type { Progress } from '../../sandbox/progress.ts';
import type { Bench, Figure } from './figure.ts';
import { burst } from './roles-burst.ts';
import { decisions } from './roles-decide.ts';
import { fanOut } from './roles-fan-out.ts';
import { reconcileListing } from './roles-reconcile.ts';
import { singleChange } from './roles-single-change.ts';

/**
 * The burst first: it is measured against the clock, and with what the others leave in memory its endpoint stands still for half a second at a
 * time. Then the longest last.
 */
const parts: Readonly<Record<string, (progress: Progress) => Promise<readonly Figure[]>>> = {
  burst: (progress) => burst(progress),
  decide: decisions,
  'fan-out': fanOut,
  'single-change': singleChange,
  reconcile: reconcileListing,
};

export const rolesBench: Bench = async (progress, only) => {
  const figures: Figure[] = [];
  for (const [name, part] of Object.entries(parts)) if (only === undefined || only === name) figures.push(...(await part(progress)));
  return figures;
};
