/**
 * The hash chain of one writer. A record's line is its canonical JSON; its hash is the SHA-256 of that line, and the writer's next record
 * names it as `previous`. Whoever changes, drops, adds or moves a record has to change every later one of that writer.
 */

import { canonicalJson, type JsonValue, sha256 } from '../platform/canonical-json.ts';
import type { AuditRecord, ChainedRecord, ChainLink } from './audit-record.ts';

/** Where a writer's chain stands: the sequence number and the hash of its last record. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

/** Before a writer's first record, which has sequence 1. */
export const chainStart: ChainHead = { sequence: 0, hash: '0'.repeat(64) };

/** @returns each record's line, without an end of line, and the head after them */
export function chained(
  writer: string,
  head: ChainHead,
  records: readonly AuditRecord[],
): { readonly lines: readonly string[]; readonly head: ChainHead } {
  let { sequence, hash } = head;
  const lines = records.map((record) => {
    sequence += 1;
    const chain: ChainLink = { writer, sequence, previous: hash };
    const placed: ChainedRecord = { ...record, unmapped: { ...record.unmapped, chain } };
    const line = canonicalJson(placed as unknown as JsonValue);
    hash = sha256(line);
    return line;
  });
  return { lines, head: { sequence, hash } };
}

/** A record as it is read back. */
export interface ReadLine {
  readonly eventId: string;
  readonly chain: ChainLink;
  readonly hash: string;
}

/** @returns undefined for what is no record of a chain */
export function readLine(line: Uint8Array): ReadLine | undefined {
  try {
    const { metadata, unmapped } = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8')) as ChainedRecord;
    const { writer, sequence, previous } = unmapped.chain;
    if (typeof metadata.uid !== 'string' || typeof writer !== 'string' || typeof sequence !== 'number' || typeof previous !== 'string')
      return undefined;
    return { eventId: metadata.uid, chain: { writer, sequence, previous }, hash: sha256(line) };
  } catch {
    return undefined;
  }
}

/** The lines of a segment, without their ends; a rest without an end of line is a line, too. */
export function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from);
    yield bytes.subarray(from, end < 0 ? bytes.length : end);
    from = end < 0 ? bytes.length : end + 1;
  }
}
