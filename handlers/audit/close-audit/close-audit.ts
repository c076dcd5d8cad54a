/** Closes the hours that are over into signed digests, each after the one before it; what an earlier run left undone is done first. */

import { sha256 } from '../../platform/canonical-json.ts';
import { mapLimited } from '../../platform/dynamodb.ts';
import { RetryableError } from '../../platform/errors.ts';
import { linesOf, readLine } from '../chain.ts';
import { type Digest, type DigestedSegment, type DigestedWriter, digestHash, digestText, readDigest } from '../digest.ts';
import type { SignDigest } from '../digest-key.ts';
import type { EventClaims } from '../event-claims.ts';
import { type Evidence, firstHour } from '../evidence.ts';
import { digestKey, digestsFolder, endOfHour, type Hour, hourAfter, hourBefore, hourOf, segmentsOf } from '../segment.ts';
import type { Segments } from '../segments.ts';

export interface CloseAuditDependencies {
  readonly trail: string;
  readonly evidence: Evidence;
  readonly segments: Pick<Segments, 'write'>;
  readonly claims: Pick<EventClaims, 'writtenIn'>;
  readonly sign: SignDigest;
  readonly now: () => Date;
  /** Tells what is wrong in an hour; the digest is signed all the same, as evidence of what was there. */
  readonly onBroken: (broken: { readonly hour: Hour; readonly key: string; readonly reason: 'chain' | 'missing' | 'replaced' }) => void;
}

/** After the end of an hour: many times the life of an invocation, so that a segment that comes later is an exception. */
export const graceMs = 600_000;
/** Segments read at once. */
const readsAtOnce = 16;
/** Hours closed by one run: what is left is for the next. */
const mostHours = 48;

/** @returns hours that this run closed, in their order */
export async function closeAudit(deps: CloseAuditDependencies): Promise<readonly Hour[]> {
  let last = await lastDigest(deps.evidence, deps.now());
  let hour = last === undefined ? await firstHour(deps.evidence) : hourAfter(last.hour);
  const closed: Hour[] = [];
  while (hour !== undefined && closed.length < mostHours && endOfHour(hour).getTime() + graceMs <= deps.now().getTime()) {
    const digest = await digestOf(deps, hour, last);
    const signature = Buffer.from(await deps.sign(digest)).toString('base64');
    if (!(await deps.segments.write(digestKey(hour), digestText({ digest, signature }))))
      throw new RetryableError(`hour ${hour} is closed by another run: the next one carries on`);
    closed.push(hour);
    last = digest;
    hour = hourAfter(hour);
  }
  return closed;
}

async function lastDigest(evidence: Evidence, now: Date): Promise<Digest | undefined> {
  // A list cannot be read from its end: the last days are looked at first, and all of it only where nothing is there.
  const recent = digestKey(hourOf(new Date(now.getTime() - 2 * 86_400_000)));
  for (const after of [recent, undefined]) {
    let found: string | undefined;
    for await (const key of evidence.list(digestsFolder, after)) found = key;
    if (found === undefined) continue;
    const signed = readDigest((await evidence.read(found)) ?? Buffer.alloc(0));
    if (signed === undefined) throw new RetryableError(`${found} is no digest: restore the version that close-audit wrote, it is locked`);
    const { hour } = signed.digest;
    if (digestKey(hour) !== found)
      throw new RetryableError(`${found} is no digest of its hour: restore the version that close-audit wrote`);
    // Nothing would be closed until then.
    if (endOfHour(hour) > now) throw new RetryableError(`${found} is of an hour that is not over: find out who wrote it, and take it away`);
    return signed.digest;
  }
  return undefined;
}

async function digestOf(deps: CloseAuditDependencies, hour: Hour, last: Digest | undefined): Promise<Digest> {
  const keys = [...(await late(deps.evidence, hour, last)), ...(await keysOf(deps.evidence, hour))];
  const writers = new Map<string, DigestedWriter>();
  const segments: DigestedSegment[] = [];
  const heads = new Map<string, { readonly records: number; readonly head: string | undefined }>();
  for (let from = 0; from < keys.length; from += readsAtOnce) {
    const batch = keys.slice(from, from + readsAtOnce);
    const bodies = await mapLimited(batch, readsAtOnce, (key) => deps.evidence.read(key));
    for (const [index, body] of bodies.entries()) {
      const key = batch[index];
      if (key === undefined || body === undefined) continue;
      const lines = [...linesOf(body)];
      const last = lines.at(-1);
      heads.set(key, { records: lines.length, head: last && readLine(last)?.hash });
      if (!follow(writers, lines)) deps.onBroken({ hour, key, reason: 'chain' });
      segments.push({ key, hash: sha256(body), bytes: body.length, records: lines.length });
    }
  }
  const missing: string[] = [];
  for (const { key, records, head } of await deps.claims.writtenIn(hour)) {
    const found = heads.get(key);
    // Whoever may write to the bucket may put another version over a segment, with a chain that fits.
    if (found?.records === records && found.head === head) continue;
    missing.push(key);
    deps.onBroken({ hour, key, reason: found === undefined ? 'missing' : 'replaced' });
  }
  return {
    version: 1,
    trail: deps.trail,
    hour,
    closedAt: deps.now().toISOString(),
    previous: last === undefined ? null : { hour: last.hour, hash: digestHash(last) },
    segments,
    writers: [...writers.values()],
    missing,
  };
}

async function keysOf(evidence: Evidence, hour: Hour): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const key of evidence.list(segmentsOf(hour))) keys.push(key);
  return keys;
}

/** Segments of the hour before that came after it was closed. */
async function late(evidence: Evidence, hour: Hour, last: Digest | undefined): Promise<readonly string[]> {
  if (last === undefined) return [];
  const known = new Set(last.segments.map(({ key }) => key));
  return (await keysOf(evidence, hourBefore(hour))).filter((key) => !known.has(key));
}

/** Follows each writer through a segment's lines. @returns false where a line does not follow from the one before */
function follow(writers: Map<string, DigestedWriter>, lines: readonly Uint8Array[]): boolean {
  let whole = true;
  for (const line of lines) {
    const read = readLine(line);
    if (read === undefined) {
      whole = false;
      continue;
    }
    const { writer, sequence, previous } = read.chain;
    const known = writers.get(writer);
    if (known !== undefined && (sequence !== known.last + 1 || previous !== known.head)) whole = false;
    const start = known ?? { writer, first: sequence, previous };
    writers.set(writer, { writer, first: start.first, previous: start.previous, last: sequence, head: read.hash });
  }
  return whole;
}
