/** Text of others in Markdown: names of the directory and of resources cannot make markup, links or mentions of it. */

/** Control characters, and those that turn or hide text. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const visible = (text: string): string => text.replace(invisible, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`);

/** A code span in one line: the fence is longer than any run of backticks inside (CommonMark, "Code spans"). A `|` would end a table's cell. */
export function code(text: string): string {
  const line = visible(text.replace(/\s*\n\s*/g, ' ')).replaceAll('|', '\\|');
  const fence = '`'.repeat(longestRun(line) + 1);
  const padding = line.startsWith('`') || line.endsWith('`') || line.trim() === '' ? ' ' : '';
  return `${fence}${padding}${line}${padding}${fence}`;
}

/** Plain text in a line: what Markdown or HTML would read as its own is escaped, and a code host makes no mention or link of `@` and `#`. */
export const plain = (text: string): string => visible(text.replace(/\s*\n\s*/g, ' ')).replace(/[\\`*_{}[\]<>#|~@&!]/g, escaped);

const entities: Readonly<Record<string, string>> = { '<': '&lt;', '&': '&amp;', '@': '`@`', '#': '`#`' };
const escaped = (one: string): string => entities[one] ?? `\\${one}`;

/** A fenced block that nothing in it ends. */
export function block(language: string, lines: readonly string[]): string {
  const texts = lines.map(visible);
  const fence = '`'.repeat(Math.max(3, longestRun(texts.join('\n')) + 1));
  return [`${fence}${language}`, ...texts, fence].join('\n');
}

const longestRun = (text: string): number => Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));

/** Cells are Markdown already. */
export const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** The first of a list, and how many more there are. */
export function firstOf<T>(items: readonly T[], most: number, render: (item: T) => string): readonly string[] {
  const shown = items.slice(0, most).map(render);
  return items.length <= most ? shown : [...shown, `… and ${items.length - most} more: \`--json\` has all of them`];
}
