/** One decision: a principal with many groups, many policies, and some roles that mappings would give. */
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import type { Progress } from '../../sandbox/progress.ts';
import { type Figure, quantile } from './figure.ts';
import type { DecideReport } from './roles-decide-warm.ts';

const groups = 200;
const policies = 50;
const candidates = [1, 5, 20] as const;
/** The number of roles for which the bound holds. */
const usual = 5;
const mostMs = 10;

export async function decisions(progress: Progress): Promise<readonly Figure[]> {
  const program = fileURLToPath(new URL('roles-decide-warm.ts', import.meta.url));
  const figures: Figure[] = [];
  for (const roles of candidates) {
    const report = await progress.step(`decisions on ${groups} groups, ${policies} policies and ${roles} roles`, async () => {
      const output = await runCommand(process.execPath, [program], { input: JSON.stringify({ groups, policies, roles }) });
      return JSON.parse(output) as DecideReport;
    });
    const { decidedMs, againMs, loadMs, prepareMs, firstMs } = report;
    const [p50, p99] = [quantile(decidedMs, 0.5), quantile(decidedMs, 0.99)];
    const what = `decide: ${groups} groups, ${policies} policies, ${roles} ${roles === 1 ? 'role' : 'roles'}`;
    figures.push({
      what: `${what}, warm p50`,
      measured: `${p50.toFixed(2)} ms`,
      detail: `p99 ${p99.toFixed(2)} ms of ${decidedMs.length}; where nothing changes ${quantile(againMs, 0.5).toFixed(2)} ms`,
      bound: roles === usual ? `≤ ${mostMs} ms` : '–',
      ...(roles === usual && { holds: p50 <= mostMs }),
    });
    if (roles !== usual) continue;
    figures.push({
      what: `${what}, cold`,
      measured: `${(prepareMs + firstMs).toFixed(0)} ms`,
      detail: `policies read ${prepareMs.toFixed(0)} ms, first decision ${firstMs.toFixed(0)} ms; code loaded before in ${loadMs.toFixed(0)} ms`,
      bound: '–',
    });
  }
  return figures;
}
