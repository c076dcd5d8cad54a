/**
 * Whether a trail is what was written: digests by their signatures and their chain, segments by the digests, records by their writers'
 * chains. Streams hour by hour; what it keeps is a hash a writer.
 */
import { type KeyObject, verify as verifySignature } from 'node:crypto';
import { sha256 } from '../platform/canonical-json.ts';
import { mapLimited } from '../platform/dynamodb.ts';
import { type ChainHead, chainStart, linesOf, type ReadLine, readLine } from './chain.ts';
import { type Digest, type DigestedSegment, type DigestedWriter, digestHash, readDigest, signedText } from './digest.ts';
import type { Evidence } from './evidence.ts';
import { digestKey, digestsFolder, digestsOf, type Hour, hourAfter, hourBefore, hourOfKey, recordsFolder, segmentsOf } from './segment.ts';

export interface VerifyOptions {
  readonly evidence: Evidence;
  /** Of the trail's signing key, from a place that who can write the trail cannot write. */
  readonly publicKey: KeyObject;
  /** First and last hour. Left out, those of the first and the last digest: then nobody can tell whether some at the ends are gone. */
  readonly from?: Hour;
  readonly to?: Hour;
  readonly onProgress?: (progress: { readonly hour: Hour; readonly records: number }) => void;
}

/** The first thing that is not as it was written. */
export interface Finding {
  readonly kind: 'missing' | 'altered' | 'reordered' | 'forged';
  readonly what: 'digest' | 'segment' | 'record';
  readonly key: string;
  readonly detail: string;
  /** Of a record: its line in the file, from 1, and what it says of itself where it can be read. */
  readonly line?: number;
  readonly eventId?: string;
  readonly writer?: string;
  readonly sequence?: number;
}

export interface Verdict {
  readonly intact: boolean;
  readonly finding?: Finding;
  /** Undefined where there is no digest at all. */
  readonly from: Hour | undefined;
  readonly to: Hour | undefined;
  readonly digests: number;
  readonly segments: number;
  readonly records: number;
}

class Found extends Error {
  override readonly name = 'Found';
  readonly finding: Finding;

  constructor(finding: Finding) {
    super(finding.detail);
    this.finding = finding;
  }
}

/** Segments read ahead. */
const readsAtOnce = 16;

export async function verifyTrail(options: VerifyOptions): Promise<Verdict> {
  const run = new Verification(options);
  try {
    await run.all();
    // Where there is no digest nothing is proven: a trail that was emptied looks like a new one.
    return { intact: run.counts().digests > 0, ...run.counts() };
  } catch (error) {
    if (error instanceof Found) return { intact: false, finding: error.finding, ...run.counts() };
    throw error;
  }
}

class Verification {
  readonly #options: VerifyOptions;
  readonly #heads = new Map<string, ChainHead>();
  /** Whether the first hour is the first of the trail: no writer was there before. */
  #isBeginning = false;
  #from: Hour | undefined;
  #to: Hour | undefined;
  #digests = 0;
  #segments = 0;
  #records = 0;

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  counts() {
    return { from: this.#from, to: this.#to, digests: this.#digests, segments: this.#segments, records: this.#records };
  }

  async all(): Promise<void> {
    const [first, last] = await this.#range();
    if (first === undefined || last === undefined) return;
    [this.#from, this.#to] = [first, last];
    this.#isBeginning = (await this.#digest(first))?.previous === null;
    let before = first === this.#options.from ? await this.#digest(hourBefore(first)) : undefined;
    /** Segments of the hour before that its digest does not name. */
    let unnamed: readonly string[] = [];
    for (let hour = first; hour <= last; hour = hourAfter(hour)) {
      const digest = await this.#digest(hour);
      if (digest === undefined)
        throw new Found({
          ...{ kind: 'missing', what: 'digest', key: digestKey(hour) },
          detail: `hour ${hour} has no digest${hour === first ? ': it is gone, or the trail begins later' : ''}`,
        });
      this.#follows(digest, before, hour === first);
      for await (const key of this.#options.evidence.list(digestsOf(hour))) if (key !== digestKey(hour)) throw unnamedDigest(key);
      unnamed = await this.#hour(digest, unnamed);
      this.#digests += 1;
      this.#options.onProgress?.({ hour, records: this.#records });
      before = digest;
    }
    const next = await this.#digest(hourAfter(last));
    for (const key of unnamed) if (!next?.segments.some((segment) => segment.key === key)) await this.#onlyVoid(key);
    await this.#nothingElse(first, last);
  }

  /** Whoever reads the trail without its digests would take what lies beside all hours for records. */
  async #nothingElse(first: Hour, last: Hour): Promise<void> {
    const { evidence, from, to } = this.#options;
    // What a key of the hour starts with comes before all that lies in it.
    for await (const key of evidence.list(recordsFolder, from === undefined ? undefined : segmentsOf(from))) {
      const hour = hourOfKey(key);
      if (to !== undefined && hour !== undefined && hour > last) return;
      if (hour === undefined || hour < first) await this.#onlyVoid(key);
    }
  }

  /**
   * A void holds no record, and may come long after its hour was closed: when an event comes again whose writer died.
   *
   * @throws Found when it is none
   */
  async #onlyVoid(key: string): Promise<void> {
    const body = await this.#options.evidence.read(key);
    if (body?.length !== 0)
      throw new Found({
        kind: 'forged',
        what: 'segment',
        key,
        detail: 'no digest names it: it was added, or the next digest is yet to come',
      });
  }

  async #range(): Promise<readonly [Hour | undefined, Hour | undefined]> {
    const { evidence, from, to } = this.#options;
    if (from !== undefined && to !== undefined) return [from, to];
    let first: Hour | undefined;
    let last: Hour | undefined;
    for await (const key of evidence.list(digestsFolder)) {
      const hour = hourOfKey(key);
      if (hour === undefined || key !== digestKey(hour)) throw unnamedDigest(key);
      first ??= hour;
      last = hour;
    }
    return [from ?? first, to ?? last];
  }

  /** @returns undefined when there is none */
  async #digest(hour: Hour): Promise<Digest | undefined> {
    const key = digestKey(hour);
    const bytes = await this.#options.evidence.read(key);
    if (bytes === undefined) return undefined;
    const signed = readDigest(bytes);
    if (signed === undefined) throw new Found({ kind: 'altered', what: 'digest', key, detail: 'it is not in the form of a digest' });
    const { digest, signature } = signed;
    if (!verifySignature('sha256', Buffer.from(signedText(digest)), this.#options.publicKey, Buffer.from(signature, 'base64')))
      throw new Found({ kind: 'forged', what: 'digest', key, detail: 'its signature is not that of the key over this digest' });
    if (digest.hour !== hour)
      throw new Found({ kind: 'reordered', what: 'digest', key, detail: `it is the digest of hour ${digest.hour}` });
    return digest;
  }

  #follows(digest: Digest, before: Digest | undefined, isFirst: boolean): void {
    const { hour, previous } = digest;
    const key = digestKey(hour);
    if (before === undefined) {
      // In the middle of a trail a range may begin; at its end, where nobody said from where, the first digest has to be the first.
      if (isFirst && previous !== null && this.#options.from === undefined)
        throw new Found({
          kind: 'missing',
          what: 'digest',
          key: digestKey(previous.hour),
          detail: `the digest of ${hour} names it as the one before`,
        });
      return;
    }
    if (previous === null || previous.hour !== before.hour || previous.hash !== digestHash(before))
      throw new Found({ kind: 'forged', what: 'digest', key, detail: `it does not follow from the digest of ${before.hour}` });
  }

  /** @returns segments of this hour that its digest does not name, and the next one has to */
  async #hour(digest: Digest, unnamed: readonly string[]): Promise<readonly string[]> {
    const { evidence } = this.#options;
    const [gone] = digest.missing;
    if (gone !== undefined)
      throw new Found({ kind: 'missing', what: 'segment', key: gone, detail: 'it was gone, or another, when its hour was closed' });
    const there = new Set(unnamed);
    for await (const key of evidence.list(segmentsOf(digest.hour))) there.add(key);
    const writers = new Map(digest.writers.map((writer) => [writer.writer, writer]));
    for (const writer of digest.writers) await this.#begins(digest, writer);
    for (let from = 0; from < digest.segments.length; from += readsAtOnce) {
      const batch = digest.segments.slice(from, from + readsAtOnce);
      const bodies = await mapLimited(batch, readsAtOnce, async ({ key }) => evidence.read(key));
      for (const [index, segment] of batch.entries()) this.#segment(segment, bodies[index], writers);
    }
    for (const { writer, last, head } of digest.writers) {
      const known = this.#heads.get(writer);
      if (known?.sequence !== last || known.hash !== head)
        throw new Found({
          kind: known !== undefined && known.sequence < last ? 'missing' : 'altered',
          what: 'record',
          key: digestKey(digest.hour),
          writer,
          sequence: last,
          detail: `the last record of writer ${writer} is not the one that the digest names`,
        });
    }
    for (const { key } of digest.segments) there.delete(key);
    const own = [...there].filter((key) => hourOfKey(key) === digest.hour);
    for (const key of there) if (!own.includes(key)) await this.#onlyVoid(key);
    return own;
  }

  async #begins(digest: Digest, part: DigestedWriter): Promise<void> {
    const { writer, first, previous } = part;
    const known = this.#heads.get(writer) ?? (await this.#before(part));
    if (known.sequence !== first - 1 || known.hash !== previous)
      throw new Found({
        kind: first - 1 > known.sequence ? 'missing' : 'reordered',
        what: 'record',
        key: digestKey(digest.hour),
        writer,
        sequence: known.sequence + 1,
        detail: `writer ${writer} goes on with record ${first}, after ${known.sequence}`,
      });
    this.#heads.set(writer, known);
  }

  /** Where a writer stood that was not met yet: at its start, or where the newest digest before the range says that knows it. */
  async #before({ writer, first, previous }: DigestedWriter): Promise<ChainHead> {
    if (first === 1 || this.#isBeginning || this.#from === undefined) return chainStart;
    for (let hour = hourBefore(this.#from); ; hour = hourBefore(hour)) {
      const digest = await this.#digest(hour);
      // Of files that were exported in part nobody can tell.
      if (digest === undefined) return { sequence: first - 1, hash: previous };
      const known = digest.writers.find((one) => one.writer === writer);
      if (known !== undefined) return { sequence: known.last, hash: known.head };
      if (digest.previous === null) return chainStart;
    }
  }

  #segment({ key, hash, bytes }: DigestedSegment, body: Buffer | undefined, writers: ReadonlyMap<string, DigestedWriter>): void {
    if (body === undefined) throw new Found({ kind: 'missing', what: 'segment', key, detail: 'a digest names it, and it is not there' });
    const isWhole = body.length === bytes && sha256(body) === hash;
    let line = 0;
    let before: ReadLine | undefined;
    for (const bytesOfLine of linesOf(body)) {
      line += 1;
      const read = readLine(bytesOfLine);
      const place = { key, what: 'record', line } as const;
      if (read === undefined) throw new Found({ kind: 'altered', ...place, detail: 'it cannot be read' });
      this.#record(read, before, place, writers);
      before = read;
      this.#records += 1;
    }
    if (!isWhole) {
      // Its records follow from each other, so it is the last of them, or something after it.
      const last = before === undefined ? {} : named(before);
      const detail = `the file is not the one that was written: ${body.length} bytes with other content than the digest's ${bytes}`;
      throw new Found({ kind: 'altered', what: before === undefined ? 'segment' : 'record', key, line, ...last, detail });
    }
    this.#segments += 1;
  }

  #record(
    read: ReadLine,
    before: ReadLine | undefined,
    place: { readonly key: string; readonly what: 'record'; readonly line: number },
    writers: ReadonlyMap<string, DigestedWriter>,
  ): void {
    const { writer, sequence, previous } = read.chain;
    const head = writers.has(writer) ? this.#heads.get(writer) : undefined;
    if (head === undefined) throw new Found({ kind: 'forged', ...place, ...named(read), detail: `the digest knows no writer ${writer}` });
    if (sequence > head.sequence + 1)
      throw new Found({
        kind: 'missing',
        ...place,
        writer,
        sequence: head.sequence + 1,
        detail: `record ${sequence} follows ${head.sequence}`,
      });
    if (sequence !== head.sequence + 1)
      throw new Found({ kind: 'reordered', ...place, ...named(read), detail: `record ${sequence} follows ${head.sequence}` });
    if (previous !== head.hash) {
      // Which of the two was changed only a digest could tell; the earlier one is named, as it is in all but the rarest case.
      const altered = before === undefined ? { ...place, ...named(read) } : { ...place, line: place.line - 1, ...named(before) };
      throw new Found({ kind: 'altered', ...altered, detail: 'the record after it names another hash' });
    }
    this.#heads.set(writer, { sequence, hash: read.hash });
  }
}

const named = ({ eventId, chain: { writer, sequence } }: ReadLine) => ({ eventId, writer, sequence });

const unnamedDigest = (key: string): Found => new Found({ kind: 'forged', what: 'digest', key, detail: 'no digest has such a name' });
