/** The trail as readers see it: records and digests by their keys, in the bucket or in files that were exported from it. */
import { type Hour, hourOfKey, recordsFolder } from './segment.ts';

export interface Evidence {
  /** Keys that start with the prefix, in their order, those after `after` only. */
  list(prefix: string, after?: string): AsyncIterable<string>;
  /** @returns undefined when there is nothing of that name */
  read(key: string): Promise<Buffer | undefined>;
}

/** @returns undefined where nothing was recorded yet. What lies beside all hours is passed over: a console's folder is an object, too */
export async function firstHour(evidence: Evidence): Promise<Hour | undefined> {
  for await (const key of evidence.list(recordsFolder)) {
    const hour = hourOfKey(key);
    if (hour !== undefined) return hour;
  }
  return undefined;
}
