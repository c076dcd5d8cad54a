/** A mirror in memory, for tests of the core. It is held to the same contract as the one in DynamoDB. */
import { type Cursor, LeaseLostError, type Mirror, type MirrorRow, type RowKey } from '../../handlers/directory/mirror.ts';

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

export function memoryMirror(now: () => Date = () => new Date()): MemoryMirror {
  const rows = new Map<string, MirrorRow>();
  const positions = new Map<string, Position>();
  const changes: RowChange[] = [];
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
      return { fence: position.fence, cursor: structuredCursor(position.cursor) };
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
    async write(batch) {
      for (const row of batch) {
        const old = rows.get(keyText(row));
        const next = old === undefined ? row.revision === 1 : old.revision === row.revision - 1 && old.fence <= row.fence;
        const again = old !== undefined && old.revision === row.revision && old.fence === row.fence;
        if (!next && !again) throw new LeaseLostError(`row ${row.pk} ${row.sk} was written by another holder of the lease`);
        const after = withoutUndefined(row);
        rows.set(keyText(row), after);
        writes.rows += 1;
        if (JSON.stringify(old) !== JSON.stringify(after)) changes.push({ before: old, after });
      }
    },
  };
}

/** A table holds no undefined attribute. */
const withoutUndefined = (row: MirrorRow): MirrorRow => JSON.parse(JSON.stringify(row)) as MirrorRow;

const structuredCursor = <T extends Cursor | undefined>(cursor: T): T =>
  cursor === undefined ? cursor : ({ ...cursor, cookie: Buffer.from(cursor.cookie) } as T);
