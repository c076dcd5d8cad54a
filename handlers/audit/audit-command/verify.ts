/** `verify`: whether the audit trail is what was written. */
import type { Hour } from '../segment.ts';
import { verifyTrail } from '../verify.ts';
import type { Action } from './action.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { openTrail } from './trail-source.ts';
import { verdictText } from './verdict.ts';

const progressEveryMs = 1000;

export const verify: Action = {
  takes: ['from', 'to', 'public-key'],
  async run(options, { out, error, elapsed }) {
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
      out(format === 'json' ? `${JSON.stringify(verdict)}\n` : verdictText(verdict));
      return verdict.intact ? exitCodes.done : exitCodes.refused;
    } finally {
      source.close();
    }
  },
};
