/** `--measure`: what it prints is measured, not how fast this machine happens to be. */
import { expect, it } from 'vitest';
import { runSandbox } from './command.ts';

it('GIVEN npm run sandbox -- --measure 6 THEN six single changes reach the role, and their quantiles are printed', async () => {
  const command = runSandbox('--measure', '6', '--json');
  expect(await command.ended()).toBe(0);
  const { changes, p50, p99, least, most } = JSON.parse(command.stdout());
  expect(changes).toBe(6);
  expect([least, p50, p99, most]).toEqual([least, p50, p99, most].sort((a, b) => a - b));
  expect(least).toBeGreaterThan(0);
}, 90_000);
