/** All lines of a status, what is worst first. Pure. */
import { alarmLines } from './alarm-lines.ts';
import { auditLines } from './audit-lines.ts';
import { credentialLines } from './credential-lines.ts';
import { directoryLines } from './directory-lines.ts';
import { functionLines } from './function-lines.ts';
import type { Line, LineStatus } from './line.ts';
import { queueLines } from './queue-lines.ts';
import type { Readings } from './readings.ts';
import { targetLines } from './target-lines.ts';

const worst: readonly LineStatus[] = ['broken', 'attention', 'unknown', 'ok'];

export function statusLines({ functions, directories, targets, queues, credentials, alarms, audit }: Readings, now: Date): readonly Line[] {
  const lines = [
    ...directories.flatMap((directory) => directoryLines(directory, alarms, now)),
    ...targets.flatMap((target) => targetLines(target, now)),
    ...queueLines(queues),
    ...functionLines(functions),
    ...credentials.flatMap((of) => credentialLines(of, now)),
    ...auditLines(audit, now),
    ...alarmLines(alarms, now),
  ];
  return worst.flatMap((status) => lines.filter((line) => line.status === status));
}

/** What all lines together come to: one that needs somebody counts for more than one that is not known. */
export const worstOf = (lines: readonly Line[]): LineStatus =>
  worst.find((status) => lines.some((line) => line.status === status)) ?? 'unknown';
