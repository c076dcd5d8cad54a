/** `npm run guard`. */
import { confirmOnTerminal } from './confirm.ts';
import { guardCommand } from './guard-command.ts';

process.exitCode = await guardCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  confirm: confirmOnTerminal(process.stdin, process.stderr),
  now: () => new Date(),
});
