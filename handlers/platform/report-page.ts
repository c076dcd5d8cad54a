/**
 * A report as one HTML page: facts, and a table to filter, sort and print. It needs no server and loads nothing; all text is escaped, and
 * its content security policy lets only the page's own style and script run, by their hashes (CSP Level 3, section 2.3.1).
 */
import { createHash } from 'node:crypto';

export interface ReportPage {
  readonly title: string;
  /** Under the title: name and value. */
  readonly facts: readonly (readonly [string, string])[];
  /** Said in place of a table without rows. */
  readonly nothing: string;
  readonly columns: readonly string[];
  /** A row has one cell a column. `tone` colours it. */
  readonly rows: readonly { readonly cells: readonly string[]; readonly tone?: 'bad' | 'waits' | undefined }[];
  /** Indexes of columns with few different values: each gets a menu to filter by. */
  readonly menus: readonly number[];
}

const style = `
:root{color-scheme:light dark;--line:#8884;--bad:#c62828;--waits:#b26a00;--soft:#8881}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:100rem;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0 0 1.5rem}
dt{opacity:.7}dd{margin:0}
.tools{display:flex;flex-wrap:wrap;gap:.75rem;align-items:end;margin-bottom:.75rem}
.tools label{display:grid;font-size:.8rem;opacity:.9}
input,select{font:inherit;padding:.3rem .5rem;border:1px solid var(--line);border-radius:.3rem;background:Canvas;color:CanvasText}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
thead th{position:sticky;top:0;background:Canvas}
th button{all:unset;cursor:pointer;font-weight:600}
th button:focus-visible{outline:2px solid}
th[aria-sort=ascending] button::after{content:" \\2191"}th[aria-sort=descending] button::after{content:" \\2193"}
tr[data-tone=bad] td:first-child{border-left:4px solid var(--bad)}
tr[data-tone=waits] td:first-child{border-left:4px solid var(--waits)}
tbody tr:nth-child(even){background:var(--soft)}
tr[hidden]{display:none}
@media print{.tools{display:none}body{margin:0;max-width:none}thead th{position:static}}
`;

/** Rows are hidden, not removed: printing prints what the filters show. */
const script = `
const body=document.querySelector('tbody'),rows=[...body.rows],text=rows.map(r=>r.textContent.toLowerCase());
const find=document.querySelector('#find'),menus=[...document.querySelectorAll('select[data-column]')],shown=document.querySelector('#shown');
const show=()=>{const words=find.value.toLowerCase().split(/\\s+/).filter(Boolean);let count=0;
rows.forEach((row,i)=>{const fits=words.every(w=>text[i].includes(w))&&menus.every(m=>!m.value||row.cells[m.dataset.column].textContent===m.value);
row.hidden=!fits;if(fits)count++});shown.textContent=count+' of '+rows.length};
for(const control of [find,...menus])control.addEventListener('input',show);
for(const head of document.querySelectorAll('th'))head.querySelector('button').addEventListener('click',()=>{
const down=head.getAttribute('aria-sort')==='ascending',column=head.cellIndex,compare=new Intl.Collator(undefined,{numeric:true}).compare;
for(const other of document.querySelectorAll('th'))other.removeAttribute('aria-sort');
head.setAttribute('aria-sort',down?'descending':'ascending');
const keyed=[...body.rows].map(row=>[row.cells[column].textContent,row]).sort((a,b)=>down?compare(b[0],a[0]):compare(a[0],b[0]));
body.append(...keyed.map(pair=>pair[1]))});
show();
`;

/** Of an inline style or script, as a content security policy names it. */
export const inlineHash = (source: string): string => `'sha256-${createHash('sha256').update(source).digest('base64')}'`;

/** Escapes text for elements and attributes (HTML Living Standard, section 13.3, "escaping a string"). */
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`).replace(/[^\P{Cc}\n\t]/gu, '\ufffd');

/** @returns the page; the same report always gives the same bytes */
export function reportPage({ title, facts, nothing, columns, rows, menus }: ReportPage): string {
  const policy = `default-src 'none'; style-src ${inlineHash(style)}; script-src ${inlineHash(script)}; base-uri 'none'; form-action 'none'`;
  const menu = (column: number): string => {
    const values = [...new Set(rows.map(({ cells }) => cells[column] ?? ''))].sort();
    const options = values.map((value) => `<option>${escaped(value)}</option>`).join('');
    return `<label>${escaped(columns[column] ?? '')}<select data-column="${column}"><option value="">all</option>${options}</select></label>`;
  };
  const row = ({ cells, tone }: ReportPage['rows'][number]): string =>
    `<tr${tone === undefined ? '' : ` data-tone="${tone}"`}>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`;
  const table = [
    `<div class="tools"><label>Find<input id="find" type="search" autocomplete="off"></label>${menus.map(menu).join('')}<span id="shown" role="status"></span></div>`,
    `<table><thead><tr>${columns.map((column) => `<th scope="col"><button type="button">${escaped(column)}</button></th>`).join('')}</tr></thead>`,
    `<tbody>${rows.map(row).join('\n')}</tbody></table>`,
    `<script>${script}</script>`,
  ];
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<title>${escaped(title)}</title><style>${style}</style></head><body>`,
    `<h1>${escaped(title)}</h1>`,
    `<dl>${facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>`,
    ...(rows.length === 0 ? [`<p>${escaped(nothing)}</p>`] : table),
    '</body></html>',
    '',
  ].join('\n');
}
