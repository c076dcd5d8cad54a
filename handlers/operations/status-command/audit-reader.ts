/** Reads the digests of the audit trail of the last day. */
import { readDigest } from '../../audit/digest.ts';
import { type Evidence, firstHour } from '../../audit/evidence.ts';
import { digestKey, digestsFolder, hourOf } from '../../audit/segment.ts';
import { mapLimited } from '../../platform/dynamodb.ts';
import type { AuditReading } from './readings.ts';

const dayMs = 86_400_000;
const readsAtOnce = 8;

export async function readAudit(evidence: Evidence, now: Date): Promise<AuditReading> {
  const keys = await recentDigests(evidence, now);
  const digests = await mapLimited(keys, readsAtOnce, async (key) => readDigest((await evidence.read(key)) ?? Buffer.alloc(0))?.digest);
  return {
    newest: digests.at(-1)?.hour,
    unreadable: keys.filter((_, index) => digests[index] === undefined),
    missing: digests.flatMap((digest) => digest?.missing ?? []),
    firstHour: keys.length > 0 ? undefined : await firstHour(evidence),
  };
}

/** Keys of the last day; where there is none, the newest of all. A list cannot be read from its end. */
async function recentDigests(evidence: Evidence, now: Date): Promise<readonly string[]> {
  const recent: string[] = [];
  for await (const key of evidence.list(digestsFolder, digestKey(hourOf(new Date(now.getTime() - dayMs))))) recent.push(key);
  if (recent.length > 0) return recent;
  let newest: string | undefined;
  for await (const key of evidence.list(digestsFolder)) newest = key;
  return newest === undefined ? [] : [newest];
}
