/** The audit trail against what the targets' own servers saw, for the terminal. */
import type { TargetCompleteness } from '../audit-completeness.ts';
import { renderTable } from './table.ts';

export function completenessTable(all: readonly TargetCompleteness[], width: number): string {
  const table = renderTable(
    ['target', 'changes it saw', 'records', 'missing', 'without a change'],
    all.map(({ target, changes, records, missing, surplus }) => [
      target,
      String(changes),
      String(records),
      missing.join('\n') || 'none',
      surplus.join('\n') || 'none',
    ]),
    width,
  );
  return `\nThe audit trail against each target's own account of what was changed there\n${table}\n`;
}
