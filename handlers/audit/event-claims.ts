/**
 * Who records an event: the first writer that claims it. A claim names the segment that the record is going to be in, so that whoever meets
 * the claim can look whether it is.
 */
import type { Hour } from './segment.ts';

export interface Claim {
  readonly segment: string;
  /** When it was made, ISO 8601. */
  readonly at: string;
}

/** What a writer has written, for the digest of the hour: a segment that is not in the bucket by then, or is another, was taken away. */
export interface WrittenSegment {
  readonly key: string;
  readonly records: number;
  /** SHA-256 of its last record. */
  readonly head: string;
}

/** Events that one call can claim: DynamoDB's limit of a transaction (Amazon DynamoDB API Reference, TransactWriteItems: 100 items). */
export const mostClaimed = 100;

export interface EventClaims {
  /**
   * Claims all of these events for a segment, or none.
   *
   * @param instead claims that are to be replaced, by event id
   * @returns the claims of others that kept it from doing so, by event id; empty when all are claimed
   */
  claim(eventIds: readonly string[], claim: Claim, instead: ReadonlyMap<string, Claim>): Promise<ReadonlyMap<string, Claim>>;
  /** Notes that a segment is in the bucket and in the log. */
  noteWritten(segment: WrittenSegment): Promise<void>;
  isWritten(key: string): Promise<boolean>;
  /** Segments of an hour that were noted. */
  writtenIn(hour: Hour): Promise<readonly WrittenSegment[]>;
}
