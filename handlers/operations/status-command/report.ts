/** What the command prints. */
import { plain } from '../../platform/plain-text.ts';
import type { Line, LineStatus } from './line.ts';
import { worstOf } from './lines.ts';

export interface StatusReport {
  readonly deployment: string;
  /** ISO 8601 */
  readonly at: string;
  readonly lines: readonly Line[];
}

const shown: Readonly<Record<LineStatus, string>> = { broken: 'BROKEN', attention: 'ATTENTION', unknown: 'UNKNOWN', ok: 'ok' };

/** Long enough for a reason with its remedy. */
const longestFact = 240;

/**
 * A reason may hold a server's own words: none of them steers the terminal, turns its text around (Unicode Standard Annex 9) or takes more
 * than its line.
 */
const oneLine = (text: string): string => {
  const line = plain(text.replace(/\s+/g, ' '));
  return line.length > longestFact ? `${line.slice(0, longestFact - 1)}…` : line;
};

/** @param width of the terminal; without one, a line each, for `grep` */
export function statusText({ deployment, at, lines }: StatusReport, width = Number.POSITIVE_INFINITY): string {
  const rows = lines.map(({ status, of, fact }) => [shown[status], of, oneLine(fact)] as const);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const text = rows.map(([status, of, fact], index) => {
    const page = lines[index]?.page;
    const line = `${status.padEnd(widths[0] ?? 0)}  ${of.padEnd(widths[1] ?? 0)}  ${fact}${page === undefined ? '' : `  → ${page}`}`;
    return wrapped(line, (widths[0] ?? 0) + 2, width);
  });
  return `${deployment} at ${at}: ${summary(lines)}\n\n${text.join('\n')}\n`;
}

/** Breaks where a word ends; an arrow stays with its page. */
function wrapped(text: string, indent: number, width: number): string {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const end = [...rest.slice(0, width + 1).matchAll(/(?<=\S)(?<!→) +/g)].findLast(({ index }) => index > indent)?.index;
    if (end === undefined) break;
    lines.push(rest.slice(0, end));
    rest = `${' '.repeat(indent)}${rest.slice(end).trimStart()}`;
  }
  return [...lines, rest].join('\n');
}

export const statusJson = ({ deployment, at, lines }: StatusReport): string =>
  `${JSON.stringify({ deployment, at, status: worstOf(lines), lines })}\n`;

function summary(lines: readonly Line[]): string {
  const number = (status: LineStatus): number => lines.filter((line) => line.status === status).length;
  const said = [
    [number('broken'), 'broken'],
    [number('attention'), 'to attend to'],
    [number('unknown'), 'unknown'],
  ] as const;
  const told = said.filter(([many]) => many > 0).map(([many, word]) => `${many} ${word}`);
  return told.length === 0 ? 'all is well' : told.join(', ');
}
