/** A directory of any size for the scripted server: its pages are made while they are sent, and never held. */
import type { DirSyncAnswer, DirSyncSearch, ScriptedEntry } from './scripted-server.ts';

export interface GeneratedDirectory {
  readonly objects: number;
  /** Entries of a page; the last page may have fewer. */
  readonly pageSize: number;
  /** @param number from 0 */
  readonly entry: (number: number) => ScriptedEntry;
}

/** Answers DirSync searches: all pages to an empty cookie, what is left to that of a page, and nothing new after the last. */
export function generatedPages({ objects, pageSize, entry }: GeneratedDirectory): (search: DirSyncSearch) => DirSyncAnswer {
  return ({ dirSync: { cookie } }) => {
    const start = cookie.length === 0 ? 0 : Number(cookie.toString());
    const end = Math.min(start + pageSize, objects);
    return { entries: entriesOf(start, end, entry), moreResults: end < objects ? 1 : 0, cookie: Buffer.from(String(end)) };
  };
}

function* entriesOf(start: number, end: number, entry: (number: number) => ScriptedEntry): Generator<ScriptedEntry> {
  for (let number = start; number < end; number += 1) yield entry(number);
}
