/** The chain of causes of a record, up to the directory's change. */
import type { ChainedRecord } from '../audit-record.ts';
import type { TrailRecords } from './trail-records.ts';

/** Records by their events' ids. */
export type ById = Map<string, ChainedRecord>;

/** More ids than that are not looked for one by one. */
export const mostIds = 150;

/** Adds the causes of all records there, and theirs. A cause that is no event, as the tick of a schedule, has no record. */
export async function readCauses(records: TrailRecords, known: ById): Promise<void> {
  const asked = new Set<string>();
  for (;;) {
    const open = new Set([...known.values()].flatMap(({ unmapped: { cause } }) => (cause && isOpen(cause.id) ? [cause.id] : [])));
    if (open.size === 0) return;
    for (const id of open) asked.add(id);
    const mentions = open.size > mostIds ? undefined : [...open];
    for await (const record of records.read({ mentions, where: ({ metadata }) => open.has(metadata.uid) }))
      known.set(record.metadata.uid, record);
  }
  function isOpen(id: string): boolean {
    return !known.has(id) && !asked.has(id);
  }
}

/** A record, its cause, that one's, and so on: as far as they are known. */
export function chainOf(record: ChainedRecord, known: ReadonlyMap<string, ChainedRecord>): readonly ChainedRecord[] {
  const chain = [record];
  for (let next: ChainedRecord | undefined = record; ; chain.push(next)) {
    next = known.get(next.unmapped.cause?.id ?? '');
    // A trail that was forged may turn in a circle.
    if (next === undefined || chain.includes(next)) return chain;
  }
}

/** A cause at the end of a chain that has no record in the trail that was read. */
export const missingCause = (chain: readonly ChainedRecord[]) => chain.at(-1)?.unmapped.cause;
