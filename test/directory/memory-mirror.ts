/** A mirror in memory, for tests of the core. It is held to the same contract as the one in DynamoDB. */
import { isDeepStrictEqual } from 'node:util';
import {
  type Cursor,
  dueListing,
  isEdgeRow,
  isObjectRow,
  LeaseLostError,
  type Mirror,
  type MirrorRow,
  type ObjectRow,
  type RowKey,
  seenPartition,
} from '../../handlers/directory/mirror.ts';

/** One record of the table's stream. */
export interface RowChange {
  readonly before: MirrorRow | undefined;
  readonly after: MirrorRow;
}

export interface MemoryMirror extends Mirror {
  /** Every row that changed, in order, as the table's stream would tell it: a write that changes nothing is no record. */
  readonly changes: RowChange[];
  /** Writes of rows and of cursors, the lease's taking and giving back left out. */
  readonly writes: { rows: number; cursors: number };
  all(): readonly MirrorRow[];
  cursorOf(domain: string): Cursor | undefined;
}

interface Position {
  fence: number;
  owner: string;
  leaseUntil: number;
  cursor: Cursor | undefined;
}

/** @param scanWidth keys of one stretch of a scan: few, so that tests cross its ends */
export function memoryMirror(now: () => Date = () => new Date(), scanWidth = 50): MemoryMirror {
  const rows = new Map<string, MirrorRow>();
  const positions = new Map<string, Position>();
  const changes: RowChange[] = [];
  const notes = new Map<string, Set<string>>();
  const writes = { rows: 0, cursors: 0 };
  const keyText = ({ pk, sk }: RowKey) => `${pk}\n${sk}`;
  const held = (domain: string, fence: number): Position => {
    const position = positions.get(domain);
    if (position?.fence !== fence) throw new LeaseLostError(`the lease of ${domain} passed to another holder`);
    return position;
  };
  return {
    changes,
    writes,
    all: () => [...rows.values()],
    cursorOf: (domain) => positions.get(domain)?.cursor,

    async acquireLease(domain, owner, leaseMs) {
      const old = positions.get(domain);
      const time = now().getTime();
      if (old !== undefined && old.leaseUntil >= time && old.owner !== owner) return undefined;
      const position = { fence: (old?.fence ?? 0) + 1, owner, leaseUntil: time + leaseMs, cursor: old?.cursor };
      positions.set(domain, position);
      return { fence: position.fence, first: old === undefined, cursor: structuredCursor(position.cursor) };
    },
    async saveCursor(domain, fence, cursor) {
      held(domain, fence).cursor = structuredCursor(cursor);
      writes.cursors += 1;
    },
    async release(domain, fence, cursor) {
      const position = held(domain, fence);
      position.leaseUntil = 0;
      if (cursor !== undefined) position.cursor = structuredCursor(cursor);
    },
    async read(keys) {
      return [...new Set(keys.map(keyText))].flatMap((key) => {
        const row = rows.get(key);
        return row === undefined ? [] : [row];
      });
    },
    async readPartition(pk) {
      return [...rows.values()].filter((row) => row.pk === pk);
    },
    async list(listedUnder) {
      return [...rows.values()].filter((row) => row.listedUnder === listedUnder).map(({ pk, sk }) => ({ pk, sk }));
    },
    async listBySid(sid) {
      return [...rows.values()].filter((row) => row.sid === sid).map(({ pk, sk }) => ({ pk, sk }));
    },
    async due(domain, until) {
      const isDue = (row: ObjectRow) => row.dueUnder === dueListing(domain) && row.dueAt !== undefined && row.dueAt <= until;
      const due = [...rows.values()].filter(isObjectRow).filter(isDue);
      return due.sort((a, b) => ((a.dueAt ?? '') < (b.dueAt ?? '') ? -1 : 1)).map(({ pk, sk }) => ({ pk, sk }));
    },
    async scan(domain, after) {
      const living = (row: MirrorRow) => (isObjectRow(row) && (!row.deleted || row.vanished === true)) || (isEdgeRow(row) && row.present);
      const keys = [...rows.keys()].sort();
      const start = after === undefined ? 0 : keys.findIndex((key) => key > keyText(after));
      const some = start < 0 ? [] : keys.slice(start, start + scanWidth);
      const last = rows.get(some.at(-1) ?? '');
      const stretch = some.flatMap((key) => rows.get(key) ?? []).filter((row) => row.domain === domain && living(row));
      return { rows: stretch, after: start >= 0 && start + scanWidth < keys.length && last ? { pk: last.pk, sk: last.sk } : undefined };
    },
    async noteSeen(domain, run, guids) {
      const key = seenPartition(domain, run);
      notes.set(key, new Set([...(notes.get(key) ?? []), ...guids]));
    },
    async seen(domain, run) {
      return new Set(notes.get(seenPartition(domain, run)));
    },
    async write(batch) {
      for (const row of batch) {
        const old = rows.get(keyText(row));
        const next = old === undefined ? row.revision === 1 : old.revision === row.revision - 1 && old.fence <= row.fence;
        const again = old !== undefined && old.revision === row.revision && old.fence === row.fence;
        if (!next && !again) throw new LeaseLostError(`row ${row.pk} ${row.sk} was written by another holder of the lease`);
        rows.set(keyText(row), row);
        writes.rows += 1;
        if (old === undefined || !isDeepStrictEqual(withoutUndefined(old), withoutUndefined(row)))
          changes.push({ before: old, after: row });
      }
    },
  };
}

/** A mirror that stops working after some calls that write, in the middle of a batch of rows too, as a killed process does. */
export function dyingMirror(of: Mirror, calls: number): Mirror {
  let left = calls;
  const step = () => {
    left -= 1;
    if (left < 0) throw new Error('killed');
  };
  return {
    ...of,
    async write(rows) {
      for (const row of rows) {
        step();
        await of.write([row]);
      }
    },
    async noteSeen(...parameters) {
      step();
      await of.noteSeen(...parameters);
    },
    async saveCursor(...parameters) {
      step();
      await of.saveCursor(...parameters);
    },
    async release(...parameters) {
      step();
      await of.release(...parameters);
    },
  };
}

/** All that the rows say, but for their stamps: what two mirrors of one directory have in common. */
export const substance = (rows: readonly MirrorRow[]): readonly string[] =>
  rows
    .map((row) => Object.entries({ ...row, revision: 0, fence: 0, detectedAt: '', since: '', expiresAt: 'expiresAt' in row }))
    .map((entries) => JSON.stringify(entries.sort(([one], [other]) => (one < other ? -1 : 1))))
    .sort();

/** A table holds no undefined attribute: two rows are the same when they are without. */
function withoutUndefined(row: MirrorRow): MirrorRow {
  const kept = { ...row } as Record<string, unknown>;
  for (const name in kept) if (kept[name] === undefined) delete kept[name];
  return kept as unknown as MirrorRow;
}

const structuredCursor = <T extends Cursor | undefined>(cursor: T): T =>
  cursor === undefined ? cursor : ({ ...cursor, cookie: Buffer.from(cursor.cookie) } as T);
