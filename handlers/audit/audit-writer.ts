/**
 * Writes records so that none is missing and none is double. The order is: claim the events, write the segment to the bucket, put its lines
 * into the log, note both. A crash after any step is mended by whoever gets the events again, which is SQS's doing: no message is
 * acknowledged before the last step.
 */
import { randomBytes } from 'node:crypto';
import type { AnyIdentityEvent } from '../events/identity-event.ts';
import { RetryableError } from '../platform/errors.ts';
import type { WriteLines } from './audit-log.ts';
import { auditRecord, type Revisions } from './audit-record.ts';
import { type ChainHead, chained, chainStart, linesOf, readLine } from './chain.ts';
import type { Claim, EventClaims } from './event-claims.ts';
import { hourOf, segmentKey } from './segment.ts';
import type { Segments } from './segments.ts';

export interface AuditWriterDependencies {
  readonly claims: EventClaims;
  readonly segments: Segments;
  readonly log: WriteLines;
  readonly revisions: Revisions;
  readonly now: () => Date;
}

/** Longest life of an invocation, with a minute for clocks that differ: a claim that is older and has no segment was its writer's last. */
const claimLifeMs = 120_000;

/** Why an event is not recorded yet, or undefined once it is. */
export type Outcome = Error | undefined;

/** One execution environment's writer. Its batches are written one after the other, as Lambda invokes an environment. */
export class AuditWriter {
  readonly #deps: AuditWriterDependencies;
  #id = newId();
  #number = 0;
  #latest = new Date(0);
  #head: ChainHead = chainStart;

  constructor(deps: AuditWriterDependencies) {
    this.#deps = deps;
  }

  /** @param events each with an id of its own, at most 100 @returns what came of each, by id */
  async record(events: readonly AnyIdentityEvent[]): Promise<ReadonlyMap<string, Outcome>> {
    const outcomes = new Map<string, Outcome>();
    let open = events;
    let instead: ReadonlyMap<string, Claim> = new Map();
    // Each turn settles at least one event that somebody else has.
    for (let turn = 0; open.length > 0 && turn <= events.length; turn += 1) {
      const { claims } = this.#deps;
      const at = this.#next();
      // A key is used for one claim, whatever came of it: a claim whose answer was lost must never find another batch under its key.
      this.#number += 1;
      const segment = segmentKey(hourOf(at), this.#id, this.#number);
      const ids = open.map(({ id }) => id);
      const taken = await claims.claim(ids, { segment, at: at.toISOString() }, instead);
      if (taken.size === 0) {
        await this.#write(segment, open, at);
        for (const id of ids) outcomes.set(id, undefined);
        return outcomes;
      }
      const replaced = new Map(instead);
      for (const [id, claim] of taken) {
        const found = await this.#lookAt(id, claim, at);
        if (found === 'abandoned') replaced.set(id, claim);
        else outcomes.set(id, found);
      }
      instead = replaced;
      open = open.filter(({ id }) => !outcomes.has(id));
    }
    for (const { id } of open) outcomes.set(id, new RetryableError(`event ${id} is claimed again and again: it comes again`));
    return outcomes;
  }

  async #write(key: string, events: readonly AnyIdentityEvent[], at: Date): Promise<void> {
    const { segments, log, claims, revisions } = this.#deps;
    const recordedAt = at.toISOString();
    const { lines, head } = chained(
      this.#id,
      this.#head,
      events.map((event) => auditRecord(event, recordedAt, revisions)),
    );
    try {
      if (!(await segments.write(key, `${lines.join('\n')}\n`)))
        throw new RetryableError(`segment ${key} was given up meanwhile: its events are recorded anew`);
    } catch (error) {
      // Whether it was written is not known: this chain ends here, and nothing is ever added to it.
      this.#startAnew();
      throw error;
    }
    this.#head = head;
    await log(lines, at);
    await claims.noteWritten({ key, records: lines.length, head: head.hash });
  }

  /** @returns `abandoned` when nothing was and ever will be written under the claim; else what came of the event */
  async #lookAt(eventId: string, { segment, at }: Claim, now: Date): Promise<'abandoned' | Outcome> {
    const { segments, claims } = this.#deps;
    if (await claims.isWritten(segment)) return undefined;
    if (now.getTime() - Date.parse(at) < claimLifeMs)
      return new RetryableError(`event ${eventId} is being recorded in ${segment}: it comes again`);
    let body = await segments.read(segment);
    if (body === undefined) {
      if (await segments.void(segment)) return 'abandoned';
      body = (await segments.read(segment)) ?? Buffer.alloc(0);
    }
    if (body.length === 0) return 'abandoned';
    await this.#finish(segment, body, now);
    return undefined;
  }

  /** A segment whose writer ended before its lines were in the log. */
  async #finish(key: string, body: Buffer, now: Date): Promise<void> {
    const { claims, log } = this.#deps;
    const lines = [...linesOf(body)];
    const last = lines.at(-1);
    const head = last && readLine(last)?.hash;
    if (head === undefined) throw new RetryableError(`segment ${key} has no records: look who wrote it`);
    await log(
      lines.map((line) => Buffer.from(line).toString('utf8')),
      now,
    );
    await claims.noteWritten({ key, records: lines.length, head });
  }

  /** A clock that is set back would put a record into an hour before that of the record it follows. */
  #next(): Date {
    const now = this.#deps.now();
    if (now > this.#latest) this.#latest = now;
    return this.#latest;
  }

  #startAnew(): void {
    this.#id = newId();
    this.#number = 0;
    this.#head = chainStart;
  }
}

const newId = (): string => randomBytes(8).toString('hex');
