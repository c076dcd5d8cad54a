/** `--measure`: what it prints is measured, not how fast this machine happens to be. */
import { expect, it } from 'vitest';
import { synthesizedExamples } from '../examples/synthesized.ts';
import { runSandbox } from './command.ts';

it('GIVEN npm run sandbox -- --measure 24 THEN as many single changes reach the role, and their quantiles are printed', async () => {
  const command = runSandbox('--measure', '24', '--json', '--stacks', await synthesizedExamples());
  expect(await command.ended()).toBe(0);
  const { changes, p50, p99, least, most } = JSON.parse(command.stdout());
  // More removals than a guard lets through within the hour: they are meant here.
  expect(changes).toBe(24);
  expect([least, p50, p99, most]).toEqual([least, p50, p99, most].sort((a, b) => a - b));
  expect(least).toBeGreaterThan(0);
}, 180_000);
