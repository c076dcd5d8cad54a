/** The trail as questions read it: records, wherever they are kept. */
import type { ChainedRecord } from '../audit-record.ts';
import { AnswerError } from './answer-error.ts';

export interface TrailQuery {
  /** Recorded then or later. A record is written seconds after its change, and never before it. @default the first */
  readonly since?: Date | undefined;
  /** Only records that hold one of these as a string, whole: few and selective ones spare the source the rest. @default all */
  readonly mentions?: readonly string[] | undefined;
  /** Only records that hold a string that begins so. @default all */
  readonly begins?: string | undefined;
  /** Of those, only these. @default all */
  readonly where?: ((record: ChainedRecord) => boolean) | undefined;
}

/** What a source can answer for. Times are ISO 8601. */
export interface Coverage {
  /** Undefined: it holds nothing. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Why there may have been more. */
  readonly incomplete?: string | undefined;
}

export interface TrailRecords {
  /** Each record once, in about the order in which they were recorded. */
  read(query: TrailQuery): AsyncIterable<ChainedRecord>;
  coverage(): Promise<Coverage>;
  close(): void;
}

/** Strings as they stand in a record's line (RFC 8785 writes them as ECMAScript's JSON.stringify does). */
const inLine = ({ mentions, begins }: TrailQuery): readonly string[] | undefined =>
  mentions?.map((text) => JSON.stringify(text)) ?? (begins === undefined ? undefined : [JSON.stringify(begins).slice(0, -1)]);

/**
 * The records of a query among lines, each once: a line may be in the log twice, and more than one filter may have found it. What it
 * remembers grows with the answer, not with the trail.
 */
export async function* eachOnce(lines: AsyncIterable<string>, query: TrailQuery): AsyncGenerator<ChainedRecord> {
  const { since, where = () => true } = query;
  const seen = new Set<string>();
  const wanted = inLine(query);
  for await (const line of lines) {
    if (wanted !== undefined && !wanted.some((text) => line.includes(text))) continue;
    const record = readRecord(line);
    const { uid, logged_time } = record.metadata;
    if ((since !== undefined && logged_time < since.getTime()) || !where(record) || seen.has(uid)) continue;
    seen.add(uid);
    yield record;
  }
}

function readRecord(line: string): ChainedRecord {
  try {
    const record = JSON.parse(line) as ChainedRecord;
    if (typeof record.metadata.uid === 'string' && typeof record.unmapped.type === 'string') return record;
  } catch (cause) {
    throw unreadable(line, { cause });
  }
  throw unreadable(line);
}

const unreadable = (line: string, options?: ErrorOptions) =>
  new AnswerError(
    'unreadable',
    `the trail holds a line that is no record, ${JSON.stringify(line.slice(0, 60))}: "verify" tells more`,
    options,
  );
