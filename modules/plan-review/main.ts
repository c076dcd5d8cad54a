/** `npm run review`. */
import { reviewCommand } from './review-command.ts';

process.exitCode = await reviewCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  now: () => new Date(),
});
