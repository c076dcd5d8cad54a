/** `npm run audit`. */
import { auditCommand } from './audit-command.ts';

process.exitCode = await auditCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  elapsed: () => performance.now(),
  now: () => new Date(),
  width: process.stdout.columns,
});
