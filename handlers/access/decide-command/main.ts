/** `npm run decide`. */
import { decideCommand } from './decide-command.ts';

process.exitCode = await decideCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  now: () => new Date(),
});
