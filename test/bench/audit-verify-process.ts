/** Verifies files in a process of its own, and tells on standard output what it took: JSON. Arguments are those of `npm run audit`. */
import { auditCommand } from '../../handlers/audit/audit-command/audit-command.ts';

const began = performance.now();
let printed = '';
const exitCode = await auditCommand(process.argv.slice(2), {
  out: (text) => {
    printed += text;
  },
  error: (text) => process.stderr.write(text),
  elapsed: () => performance.now(),
  now: () => new Date(),
});
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
process.stdout.write(
  JSON.stringify({
    exitCode,
    verdict: exitCode === 0 ? JSON.parse(printed) : printed,
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1_000_000,
    megabytes: maxRSS / 1024,
  }),
);
