/** `npm run status`. */
import { readStatus } from './readers.ts';
import { statusCommand } from './status-command.ts';

process.exitCode = await statusCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  now: () => new Date(),
  width: process.stdout.columns,
  read: readStatus,
});
