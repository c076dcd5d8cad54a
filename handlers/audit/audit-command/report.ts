/** What the command prints. */
import type { Finding, Verdict } from '../verify.ts';

/** Names in the files may be anybody's: none of them steers the terminal, or turns its text around (Unicode Standard Annex 9). */
const plain = (text: string): string => text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');

export function verdictText({ intact, finding, from, to, digests, segments, records }: Verdict): string {
  if (from === undefined)
    return finding === undefined ? 'there is no digest yet: an hour is closed some minutes after its end\n' : findingText(finding);
  const seen = `${records} records in ${segments} files, ${digests} digests, ${from} to ${to} (UTC)\n`;
  return intact ? `intact: ${seen}` : `${finding === undefined ? '' : findingText(finding)}verified before that: ${seen}`;
}

function findingText({ kind, what, key, line, eventId, writer, sequence, detail }: Finding): string {
  const record =
    what === 'record' ? ` ${sequence ?? '?'} of writer ${writer ?? '?'}${eventId === undefined ? '' : `, event ${eventId}`}` : '';
  const place = `${key}${line === undefined ? '' : `, line ${line}`}`;
  return `NOT INTACT: ${what}${plain(record)} is ${kind}\n  in   ${plain(place)}\n  why  ${plain(detail)}\n`;
}
