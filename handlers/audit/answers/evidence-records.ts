/** Records from the trail's segments: the bucket, or files exported from it. */
import type { Evidence } from '../evidence.ts';
import { endOfHour, type Hour, hourBefore, hourOf, hourOfKey, recordsFolder, segmentsOf, startOfHour } from '../segment.ts';
import { eachOnce, type TrailQuery, type TrailRecords } from './trail-records.ts';

/** @param at until when the records are all there; of exported files, until the hour of the last one. @default the last record's hour */
export function evidenceRecords(evidence: Evidence, at?: () => Date, close: () => void = () => undefined): TrailRecords {
  async function* lines({ since }: TrailQuery): AsyncGenerator<string> {
    // Keys sort by hour: what comes after everything of the hour before is of this hour or later.
    const after = since === undefined ? undefined : `${segmentsOf(hourBefore(hourOf(since)))}\uffff`;
    for await (const key of evidence.list(recordsFolder, after)) {
      const body = hourOfKey(key) === undefined ? undefined : await evidence.read(key);
      for (const line of body?.toString('utf8').split('\n') ?? []) if (line !== '') yield line;
    }
  }
  return {
    read: (query) => eachOnce(lines(query), query),
    async coverage() {
      let [first, last]: (Hour | undefined)[] = [];
      for await (const key of evidence.list(recordsFolder)) {
        first ??= hourOfKey(key);
        if (first !== undefined && at !== undefined) break;
        last = hourOfKey(key) ?? last;
      }
      if (first === undefined) return {};
      const to = at?.() ?? endOfHour(last ?? first);
      // Nobody can tell from files what else there was.
      const incomplete = at === undefined ? 'only what these files hold: "verify" tells whether the trail is whole' : undefined;
      return { from: startOfHour(first).toISOString(), to: to.toISOString(), ...(incomplete ? { incomplete } : {}) };
    },
    close,
  };
}
