/** What `verify` prints. */
import { plain } from '../../platform/plain-text.ts';
import type { Finding, Verdict } from '../verify.ts';

export function verdictText(verdict: Verdict): string {
  const { intact, finding, from } = verdict;
  if (from === undefined)
    return finding === undefined ? 'there is no digest yet: an hour is closed some minutes after its end\n' : findingText(finding);
  return intact ? `intact: ${countsText(verdict)}` : `${finding === undefined ? '' : findingText(finding)}${seenText(verdict)}`;
}

/** How far it came. */
export const seenText = (verdict: Verdict): string => `verified before that: ${countsText(verdict)}`;

const countsText = ({ from, to, digests, segments, records }: Verdict): string =>
  `${records} records in ${segments} files, ${digests} digests, ${from} to ${to} (UTC)\n`;

function findingText({ kind, what, key, line, eventId, writer, sequence, detail }: Finding): string {
  const record =
    what === 'record' ? ` ${sequence ?? '?'} of writer ${writer ?? '?'}${eventId === undefined ? '' : `, event ${eventId}`}` : '';
  const place = `${key}${line === undefined ? '' : `, line ${line}`}`;
  return `NOT INTACT: ${what}${plain(record)} is ${kind}\n  in   ${plain(place)}\n  why  ${plain(detail)}\n`;
}
