/** A trail of some hours and writers, closed as close-audit closes it: in memory, for tests to tamper with. */
import { AuditWriter } from '../../handlers/audit/audit-writer.ts';
import { closeAudit } from '../../handlers/audit/close-audit/close-audit.ts';
import type { Evidence } from '../../handlers/audit/evidence.ts';
import type { Segments } from '../../handlers/audit/segments.ts';
import { deletions, revisions } from './audited.ts';
import { digestKeys, memoryClaims, memoryTrail } from './memory-trail.ts';

export const firstHour = '2025-03-01T22';

export interface TrailShape {
  readonly hours: number;
  readonly writers: number;
  /** Of each writer in each hour, and records of each. */
  readonly segments: number;
  readonly records: number;
}

export async function closedTrail(shape: TrailShape) {
  const trail = memoryTrail();
  return { ...(await writeTrail(shape, trail)), trail, files: trail.files };
}

/** Hour 2 of every four is empty. Nothing is closed yet. */
export async function writeTrail({ hours, writers, segments, records }: TrailShape, trail: Segments & Evidence) {
  const claims = memoryClaims();
  const keys = digestKeys();
  let time = Date.parse(`${firstHour}:00:00Z`);
  const now = () => new Date(time);
  const log = async () => undefined;
  const all = Array.from({ length: writers }, () => new AuditWriter({ claims, segments: trail, log, revisions, now }));
  const broken: string[] = [];
  const close = () =>
    closeAudit({
      trail: 'ad-lambda-test',
      evidence: trail,
      segments: trail,
      claims,
      sign: keys.sign,
      now,
      onBroken: ({ reason, key }) => broken.push(`${reason} ${key}`),
    });
  let made = 0;
  for (let hour = 0; hour < hours; hour += 1) {
    for (let segment = 0; segment < (hour % 4 === 2 ? 0 : segments); segment += 1) {
      for (const writer of all) {
        await writer.record(deletions(records, made));
        made += records;
        time += 1000;
      }
    }
    time = Date.parse(`${firstHour}:00:00Z`) + (hour + 1) * 3_600_000;
  }
  const setTime = (to: string) => {
    time = Date.parse(to);
  };
  return { ...keys, claims, writers: all, close, broken, setTime, made };
}
