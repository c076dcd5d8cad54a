/** `npm run access-review`. */
import { accessReviewCommand } from './access-review-command.ts';

process.exitCode = await accessReviewCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  now: () => new Date(),
});
