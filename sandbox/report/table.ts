/** Tables for a terminal. */

const gap = '  ';

/** Columns of the terminal that reads standard output, or else of the one that COLUMNS (POSIX, "Environment Variables") tells of. */
export function terminalWidth(): number {
  return process.stdout.columns || Number(process.env.COLUMNS) || 160;
}

/**
 * Columns two spaces apart, a rule under the heads. Where a line would be wider than `width` characters, the widest columns are broken
 * at spaces until it fits; where their words are too long for that, each row is a block of `head: text` lines. No text is lost, and
 * lines end where their text ends.
 */
export function renderTable(heads: readonly string[], rows: readonly (readonly string[])[], width = 160): string {
  const columns = heads.map((head, column) => [head, ...rows.map((row) => row[column] ?? '')]);
  const widths = fittingWidths(columns, width);
  if (widths === undefined) return rows.map((row) => block(heads, row, width)).join('\n\n');
  const lines = (cells: readonly string[]) => {
    const broken = widths.map((columnWidth, column) => breakLines(cells[column] ?? '', columnWidth));
    return Array.from({ length: Math.max(...broken.map((cell) => cell.length)) }, (_, index) =>
      widths
        .map((columnWidth, column) => padded(broken[column]?.[index] ?? '', columnWidth))
        .join(gap)
        .trimEnd(),
    );
  };
  return [...lines(heads), widths.map((columnWidth) => '─'.repeat(columnWidth)).join(gap), ...rows.flatMap(lines)].join('\n');
}

/** The columns' widths, undefined when even their longest words do not fit beside each other. */
function fittingWidths(columns: readonly (readonly string[])[], width: number): readonly number[] | undefined {
  const widths = columns.map((cells) => Math.max(...cells.map(widthOf)));
  const least = columns.map((cells) => Math.max(...cells.flatMap((cell) => cell.split(' ')).map(widthOf)));
  let surplus = widths.reduce((sum, one) => sum + one, gap.length * (columns.length - 1)) - width;
  for (; surplus > 0; surplus -= 1) {
    const breakable = widths.map((one, column) => (one > (least[column] ?? 0) ? one : 0));
    const widest = Math.max(...breakable);
    if (widest === 0) return undefined;
    widths[breakable.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function block(heads: readonly string[], row: readonly string[], width: number): string {
  return heads
    .flatMap((head, column) => (row[column] ? [breakLines(`${head}: ${row[column]}`, width - gap.length).join(`\n${gap}`)] : []))
    .join('\n');
}

/** Lines of at most `width` characters, broken at spaces; a longer word has a line of its own. */
function breakLines(text: string, width: number): string[] {
  const [first = '', ...words] = text.split(' ');
  const lines = [first];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Characters, not UTF-16 units: names of people are not all ASCII. */
function widthOf(text: string): number {
  return [...text].length;
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}
