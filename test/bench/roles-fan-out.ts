/** A change of a group with 50,000 members below it: what it is to find them all. */
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import type { Progress } from '../../sandbox/progress.ts';
import type { Figure } from './figure.ts';
import type { FanOutReport } from './roles-fan-out-members.ts';

const members = 50_000;

export async function fanOut(progress: Progress): Promise<readonly Figure[]> {
  const program = fileURLToPath(new URL('roles-fan-out-members.ts', import.meta.url));
  const report = await progress.step(`fan-out to ${members} members, three groups deep`, async () => {
    const output = await runCommand(process.execPath, [program], { input: JSON.stringify({ members }) });
    return JSON.parse(output) as FanOutReport;
  });
  if (report.users !== members) throw new Error(`the fan-out found ${report.users} of ${members} members`);
  const what = `fan-out of a group with ${members} members`;
  const { messages, longest, seconds, mirrorMb, peakMb } = report;
  return [
    { what: `${what}: messages`, measured: String(messages), detail: `the longest of ${longest} characters`, bound: '–' },
    { what: `${what}: time`, measured: `${seconds.toFixed(2)} s`, detail: 'the mirror in memory', bound: '–' },
    {
      what: `${what}: peak memory`,
      measured: `${Math.round(peakMb)} MB`,
      detail: `resident set; ${Math.round(mirrorMb)} MB of it with the mirror before`,
      bound: '–',
    },
  ];
}
