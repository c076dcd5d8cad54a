/** Text for a terminal: tables, facts, wrapped at its width. */
import { plain } from '../../platform/plain-text.ts';

export interface TableRow {
  readonly cells: readonly string[];
  /** Lines below the row. */
  readonly notes?: readonly Fact[];
}

export type Fact = readonly [name: string, text: string];

/** The last column takes the rest of the width, and is wrapped between words: what is to be copied stays whole. */
export function table(heads: readonly string[], rows: readonly TableRow[], width: number): string {
  const cells = rows.map((row) => row.cells.map(plain));
  const widths = heads.slice(0, -1).map((head, column) => Math.max(head.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const left = widths.reduce((sum, one) => sum + one + 2, 0);
  const line = (row: readonly string[]): string => {
    const before = widths.map((size, column) => `${(row[column] ?? '').padEnd(size)}  `).join('');
    return wrapped(before, row.at(-1) ?? '', left, width);
  };
  return [
    line(heads),
    ...rows.flatMap(({ notes = [] }, index) => [line(cells[index] ?? []), ...notes.map((note) => factLine(note, 4, 8, width))]),
  ]
    .map((text) => `${text}\n`)
    .join('');
}

export function facts(all: readonly Fact[], width: number): string {
  const size = Math.max(...all.map(([name]) => name.length)) + 2;
  return all.map((fact) => `${factLine(fact, 0, size, width)}\n`).join('');
}

const factLine = ([name, text]: Fact, indent: number, size: number, width: number): string =>
  wrapped(`${' '.repeat(indent)}${plain(name).padEnd(size)}`, plain(text), indent + size, width);

function wrapped(before: string, text: string, indent: number, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return `${before}${[...lines, line].join(`\n${' '.repeat(indent)}`)}`.trimEnd();
}
