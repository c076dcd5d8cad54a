/** `verify`: whether the audit trail is what was written. */
import { CommandError, UsageError } from '../../platform/command-errors.ts';
import { endOfHour, type Hour, hourOfKey } from '../segment.ts';
import { type Verdict, verifyTrail } from '../verify.ts';
import type { Action } from './action.ts';
import { exitCodes } from './exit-codes.ts';
import { openTrail } from './trail-source.ts';
import { seenText, verdictText } from './verdict.ts';

const progressEveryMs = 1000;
/** An hour is closed 10 to 25 minutes after its end. */
const closedAfterMs = 30 * 60_000;

export const verify: Action = {
  takes: ['from', 'to', 'public-key'],
  async run(options, { out, error, elapsed, now }) {
    if (options.files !== undefined && options.publicKey === undefined)
      throw new UsageError('--files needs --public-key: the key has to come from another place than the files');
    const source = await openTrail(options);
    let told = elapsed();
    const onProgress = ({ hour, records }: { readonly hour: Hour; readonly records: number }) => {
      if (elapsed() - told < progressEveryMs) return;
      told = elapsed();
      error(`${hour}: ${records} records\n`);
    };
    try {
      const { from, to, format } = options;
      const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
      const verdict = await verifyTrail({ evidence: source.evidence, publicKey: source.publicKey, ...range, onProgress });
      const open = openHour(verdict, now());
      if (open !== undefined)
        throw new CommandError(
          `hour ${open} is not closed yet: give an earlier --to, or leave it out; an hour is closed within half an hour after its end\n${seenText(verdict).trimEnd()}`,
        );
      out(format === 'json' ? `${JSON.stringify(verdict)}\n` : verdictText(verdict));
      return verdict.intact ? exitCodes.done : exitCodes.refused;
    } finally {
      source.close();
    }
  },
};

/** The hour whose digest is missing because it is not due yet: nobody has taken it away. */
function openHour({ finding }: Verdict, now: Date): Hour | undefined {
  if (finding?.kind !== 'missing' || finding.what !== 'digest') return undefined;
  const hour = hourOfKey(finding.key);
  return hour !== undefined && endOfHour(hour).getTime() + closedAfterMs > now.getTime() ? hour : undefined;
}
