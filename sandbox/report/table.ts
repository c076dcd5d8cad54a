/** Tables for a terminal. */

/** Widest a cell may be before its text is broken into lines. */
const widestCell = 60;

/**
 * Columns as wide as their widest cell, two spaces apart, a rule under the heads. A cell of more than 60 characters goes on in the next
 * line, broken at a space where there is one. Lines end where their text ends.
 */
export function renderTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const broken = rows.map((row) => heads.map((_, column) => breakLines(row[column] ?? '')));
  const widths = heads.map((head, column) => Math.max(widthOf(head), ...broken.flatMap((row) => (row[column] ?? []).map(widthOf))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => padded(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const body = broken.flatMap((row) => {
    const height = Math.max(...row.map((cell) => cell.length));
    return Array.from({ length: height }, (_, index) => line(row.map((cell) => cell[index] ?? '')));
  });
  return [line(heads), widths.map((width) => '─'.repeat(width)).join('  '), ...body].join('\n');
}

function breakLines(text: string): string[] {
  const lines: string[] = [];
  let rest = text;
  while (widthOf(rest) > widestCell) {
    const space = rest.lastIndexOf(' ', widestCell);
    const at = space > 0 ? space : widestCell;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

/** Characters, not UTF-16 units: names of people are not all ASCII. */
function widthOf(text: string): number {
  return [...text].length;
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(width - widthOf(text));
}
