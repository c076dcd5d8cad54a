/** The story as text. */
import type { StoryRow } from '../story-row.ts';
import { renderTable } from './table.ts';

/** A table of at most `width` characters a line. */
export function storyTable(rows: readonly StoryRow[], width: number): string {
  // The space before the unit is no place to break a line at.
  const latency = (ms: number | undefined) => (ms === undefined ? '' : ` +${ms}\u00a0ms`);
  return `\nWhat happened (times count from the start of the run that saw the change)\n${renderTable(
    ['change', 'event', 'decision', 'role change', 'audit record'],
    rows.map(({ change, event, decision, roleChange, auditRecord, latencyMs }) => [
      change,
      `${event}${latency(latencyMs.event)}`,
      `${decision}${latency(latencyMs.decision)}`,
      `${roleChange}${latency(latencyMs.roleChange)}`,
      `${auditRecord}${latency(latencyMs.auditRecord)}`,
    ]),
    width,
  )}\n`;
}
