/** Comma-separated values (RFC 4180): lines end in CRLF, and a field that holds a comma, a quote or an end of line is in quotes. */

export interface CsvTable {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const csv = ({ heads, rows }: CsvTable): string => [heads, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');

/**
 * A spreadsheet would run what begins as a formula (OWASP, "CSV Injection"): an apostrophe before it makes it text. Programs that read the
 * real values take --json.
 */
function field(value: string): string {
  const text = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
