/** A told trail as questions read it. */
import { evidenceRecords } from '../../handlers/audit/answers/evidence-records.ts';
import type { TrailRecords } from '../../handlers/audit/answers/trail-records.ts';
import { memoryTrail } from './memory-trail.ts';
import type { Teller } from './told-trail.ts';

export const recordsIn = (teller: Teller): TrailRecords => evidenceRecords(memoryTrail(teller.files()));
