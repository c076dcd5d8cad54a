/** `changes`: what has changed, deletions first. */
import { type ChangeRow, changes } from '../answers/changes.ts';
import { second, shortId } from '../answers/record-text.ts';
import type { Action } from './action.ts';
import { answer } from './answer.ts';
import type { CsvTable } from './csv.ts';
import { exitCodes } from './exit-codes.ts';
import { table } from './terminal-text.ts';

export const changesAction: Action = {
  takes: ['since', 'until', 'user', 'role', 'target', 'type', 'severity', 'evidence', 'csv'],
  run: (options, surroundings) =>
    answer(options, surroundings, async (records) => {
      const found = await changes(records, options);
      return { text: (width) => changesText(found, width), json: { changes: found }, csv: changesCsv(found), exitCode: exitCodes.done };
    }),
};

function changesText(all: readonly ChangeRow[], width: number): string {
  if (all.length === 0) return 'nothing has changed\n';
  const deletions = all.filter(({ deletion }) => deletion);
  const others = all.filter(({ deletion }) => !deletion);
  const section = (title: string, rows: readonly ChangeRow[]) => (rows.length === 0 ? [] : [`${title}\n${rowsText(rows, width)}`]);
  return [
    ...section(`DELETIONS AND ENDS OF ACCESS: ${deletions.length}`, deletions),
    ...section(`OTHER CHANGES: ${others.length}`, others),
  ].join('\n');
}

const rowsText = (rows: readonly ChangeRow[], width: number): string =>
  table(
    ['AT', 'EVENT', 'SEVERITY', 'WHAT'],
    rows.map(({ at, event, severity, failed, what, by }) => ({
      cells: [second(at), shortId(event), severity === 'Informational' ? 'Info' : severity, `${failed ? 'FAILED ' : ''}${what}, by ${by}`],
    })),
    width,
  );

const changesCsv = (all: readonly ChangeRow[]): CsvTable => ({
  heads: [
    ...['event', 'at', 'recorded_at', 'type', 'severity', 'deletion', 'failed', 'what', 'by', 'subject', 'object_guid'],
    ...['distinguished_name', 'domain', 'target', 'cause'],
  ],
  rows: all.map(({ subject, deletion, failed, ...row }) => [
    ...[row.event, row.at, row.recordedAt, row.type, row.severity, deletion ? 'yes' : 'no', failed ? 'yes' : 'no', row.what, row.by],
    ...[subject.name, subject.guid, subject.dn, row.domain, row.target ?? '', row.cause ?? ''],
  ]),
});
