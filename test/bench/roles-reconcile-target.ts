/** One run of reconcile as it is deployed, in a process of its own: settings in the environment, prints its outcome, time and peak memory. */
import { readFile } from 'node:fs/promises';
import type { Context } from 'aws-lambda';
import type { Outcome } from '../../handlers/roles/reconcile/reconcile.ts';

export interface ReconcileReport {
  readonly outcome: Outcome;
  readonly ms: number;
  readonly peakMb: number;
  /** When the program was loaded. */
  readonly startMb: number;
}

// Of this program alone: getrusage(2) would begin with what the process that started it had.
async function peak(): Promise<number> {
  const megabytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]) / 1024;
  if (!(megabytes > 0)) throw new Error('no VmHWM in /proc/self/status: measure on Linux');
  return megabytes;
}

const { handler } = await import('../../handlers/roles/reconcile/index.ts');
const startMb = await peak();
const start = performance.now();
const outcome = await handler({ now: true }, { getRemainingTimeInMillis: () => 900_000 } as Context);
const report: ReconcileReport = { outcome, ms: performance.now() - start, peakMb: await peak(), startMb };
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
