/** `npm run bench -- audit`: whether the audit trail is complete, tamper-evident, and fast enough. */
import type { Progress } from '../../sandbox/progress.ts';
import { complete } from './audit-completeness.ts';
import { recording } from './audit-record.ts';
import { millionRecords, tampering } from './audit-verify.ts';
import type { Bench, Figure } from './figure.ts';

/** The longest last. */
const parts: Readonly<Record<string, (progress: Progress) => Promise<readonly Figure[]>>> = {
  completeness: complete,
  record: recording,
  tampering,
  million: millionRecords,
};

export const auditBench: Bench = async (progress, only) => {
  const figures: Figure[] = [];
  for (const [name, part] of Object.entries(parts)) if (only === undefined || only === name) figures.push(...(await part(progress)));
  return figures;
};
