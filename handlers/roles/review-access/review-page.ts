/**
 * A review for people: pages of at most 10,000 grants. They need no server and load nothing; all text is escaped, and their content security
 * policy lets only the page's own style and script run, by their hashes (CSP Level 3, section 2.3.1).
 */
import { escaped, inlineHash } from '../../platform/report-page.ts';
import type { ReviewedDifference, ReviewedPrincipal, ReviewHead } from '../access-review.ts';
import { apart, exceptionTexts, reviewRow } from './review-page-row.ts';
import { reviewScript, shownRows } from './review-page-script.ts';
import { reviewStyle } from './review-page-style.ts';

/** Grants of one page: what a browser filters and prints without a pause. One person's are never parted. */
export const pageGrants = 10_000;

export interface ReviewPage {
  /** Of the file's name, after the report's. */
  readonly ending: string;
  readonly html: string;
}

/** @param sha256 the report's hash @param most grants of one page */
export function* reviewPages(
  head: ReviewHead,
  sha256: string,
  principals: Iterable<ReviewedPrincipal>,
  most = pageGrants,
): Generator<ReviewPage> {
  const page = { number: 1, rows: [] as string[], exceptions: new Map<string, number>() };
  const done = (isLast: boolean): ReviewPage => ({ ending: ending(page.number), html: html(head, sha256, page, isLast) });
  for (const principal of principals) {
    if (page.rows.length > 0 && page.rows.length + principal.grants.length > most) {
      yield done(false);
      page.number += 1;
      page.rows = [];
      page.exceptions.clear();
    }
    for (const grant of principal.grants) {
      for (const kind of grant.exceptions) page.exceptions.set(kind, (page.exceptions.get(kind) ?? 0) + 1);
      page.rows.push(reviewRow(principal, grant, { logons: head.logons.length > 0, later: page.rows.length >= shownRows }));
    }
  }
  yield done(true);
}

const ending = (number: number): string => (number === 1 ? '.html' : `-${number}.html`);

interface Page {
  readonly number: number;
  readonly rows: readonly string[];
  /** How many grants have each exception. */
  readonly exceptions: ReadonlyMap<string, number>;
}

function html(head: ReviewHead, sha256: string, page: Page, isLast: boolean): string {
  const title = `Access review of ${head.deployment}, ${head.generatedAt.slice(0, 10)}`;
  const style = reviewStyle(`${head.report}  sha256 ${sha256}`);
  const policy = `default-src 'none'; style-src ${inlineHash(style)}; script-src ${inlineHash(reviewScript)}; base-uri 'none'; form-action 'none'`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<title>${escaped(title)}</title><style>${style}</style><script>${reviewScript}</script></head><body><main>`,
    `<h1>${escaped(title)}</h1>`,
    ...(page.number === 1 && isLast ? [] : [pageLinks(head, page.number, isLast)]),
    counts(head),
    facts(head, sha256),
    ...(page.number === 1 ? [differences(head)] : []),
    ...(page.rows.length === 0 ? ['<h2>Grants</h2><p>Nobody holds anything, or is to.</p>'] : [grants(head, page)]),
    '</main></body></html>',
    '',
  ].join('\n');
}

function pageLinks({ report }: ReviewHead, number: number, isLast: boolean): string {
  const link = (to: number, text: string) =>
    `<a href="${escaped(encodeURIComponent(`${report.slice(report.lastIndexOf('/') + 1)}${ending(to)}`))}">${text}</a>`;
  const links = [...(number === 1 ? [] : [link(number - 1, 'previous')]), ...(isLast ? [] : [link(number + 1, 'next')])];
  return `<p>Page ${number}${isLast ? ', the last' : ''}, of ${pageGrants} grants at most, by name.</p><nav aria-label="Pages">${links.join(' ')}</nav>`;
}

function counts({ counts: { holders, grants, held, pending, missing, ending, staged, extra, exceptions, orphans } }: ReviewHead): string {
  const shown: readonly (readonly [number, string])[] = [
    [holders, 'people'],
    [grants, 'grants'],
    [held, 'held as decided'],
    [pending, 'on their way'],
    [missing, 'missing at the target'],
    [ending, 'being ended'],
    [staged, 'end held back by a guard'],
    [extra, 'granted by nobody'],
    [exceptions, 'to look at'],
    [orphans, 'orphaned accounts'],
  ];
  return `<ul class="counts">${shown.map(([count, what]) => `<li><b>${count.toLocaleString('en')}</b>${what}</li>`).join('')}</ul>`;
}

function facts({ report, begunAt, generatedAt, configuration, targets, logons }: ReviewHead, sha256: string): string {
  const names = (list: readonly string[]) => list.map(apart).join(', ');
  const drift = targets.map(({ name, driftReport }) =>
    driftReport === null
      ? `${apart(name)}: none yet, so nobody can tell of orphans there`
      : `${apart(name)}: drift report of ${escaped(driftReport)}`,
  );
  const told: readonly (readonly [string, string])[] = [
    ['Read', `${escaped(begunAt)} to ${escaped(generatedAt)}`],
    ['Report', `<code>${escaped(report)}</code>`],
    ['SHA-256', `<code>${sha256}</code> of the JSON file`],
    ['Mappings and policies', `<code>${escaped(configuration)}</code>`],
    ['Orphans', drift.join('; ')],
    [
      'Last use',
      `not told by the target: ${names(targets.map(({ name }) => name))}. Last log-on: ${logons.length === 0 ? 'no directory mirrors lastLogonTimestamp' : `by lastLogonTimestamp of ${names(logons)}`}`,
    ],
    ['Sign off', `<code>npm run access-review -- sign-off --environment ENVIRONMENT --report ${escaped(report)}.json --by NAME</code>`],
  ];
  return `<dl>${told.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>`;
}

function differences({ differences: list, targets }: ReviewHead): string {
  const heading = '<h2>Orphans and other differences at targets</h2>';
  const untold = targets.filter(({ driftReport }) => driftReport === null).map(({ name }) => apart(name));
  const none = 'The newest drift reports name none that a person has to look at.';
  const unknown = `There is no drift report yet of ${untold.join(', ')}: whether there are any is not known.`;
  if (list.length === 0) return `${heading}<p>${untold.length === 0 ? none : unknown}</p>`;
  const cells = ({ target, kind, principal, role, account, detail, outcome }: ReviewedDifference): readonly string[] => [
    apart(kind),
    apart(target),
    account === undefined ? '' : `${apart(account.userName)}<small class="id">${apart(account.id)}</small>`,
    apart(principal ?? ''),
    apart(role ?? ''),
    `${apart(detail)}<small>${apart(outcome)}</small>`,
  ];
  const heads = ['Difference', 'Target', 'Account', 'Person', 'Role', 'What'].map((text) => `<th scope="col">${text}</th>`).join('');
  const rows = list.map(
    (one) =>
      `<tr>${cells(one)
        .map((cell) => `<td>${cell}</td>`)
        .join('')}</tr>`,
  );
  return `${heading}<div class="wide"><table><thead><tr>${heads}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function grants({ targets, logons }: ReviewHead, { rows, exceptions }: Page): string {
  const columns = ['Person', 'Role', 'Target', 'State', 'Since', 'By group', 'Mapping, policies, decision'];
  const heads = [...columns, ...(logons.length > 0 ? ['Last log-on'] : []), 'Look at'];
  const options = (values: readonly (readonly [string, string])[]) =>
    values.map(([value, text]) => `<option value="${escaped(value)}">${escaped(text)}</option>`).join('');
  const menu = (label: string, attributes: string, none: string, values: readonly (readonly [string, string])[]) =>
    `<label>${label}<select ${attributes}><option value="">${none}</option>${options(values)}</select></label>`;
  const states = ['held', 'pending', 'missing', 'ending', 'staged', 'extra'];
  const kinds = Object.entries(exceptionTexts).filter(([kind]) => exceptions.has(kind));
  const look = kinds.map(
    ([kind, { says, bad }]) =>
      `<li${bad ? ' class="bad"' : ''}><button type="button" data-look="${kind}">${says}: <b>${(exceptions.get(kind) ?? 0).toLocaleString('en')}</b></button></li>`,
  );
  const same = (values: readonly string[]) => values.map((value) => [value, value] as const);
  return [
    '<h2>Grants</h2>',
    ...(look.length === 0 ? ['<p>None has an exception.</p>'] : [`<ul class="look" aria-label="Exceptions">${look.join('')}</ul>`]),
    '<div class="tools" role="search"><label>Find<input id="find" type="search" autocomplete="off"></label>',
    menu('Target', 'data-column="2"', 'all', same(targets.map(({ name }) => name))),
    menu('State', 'data-column="3"', 'all', same(states)),
    menu(
      'Look at',
      'id="look"',
      'all',
      kinds.map(([kind, { says }]) => [kind, says]),
    ),
    menu('Group by', 'id="group"', 'nothing', [
      ['0', 'person'],
      ['1', 'role'],
    ]),
    '<span id="shown" role="status"></span></div>',
    '<div class="wide"><table id="grants"><caption>Who holds what, since when, by which groups, mapping and policies.</caption>',
    `<colgroup>${widths(logons.length > 0)}</colgroup>`,
    `<thead><tr>${heads.map((text) => `<th scope="col"><button type="button">${text}</button></th>`).join('')}</tr></thead>`,
    // Nothing between the rows: a browser that puts them in another order looks at each text between them, for seconds.
    `<tbody>${rows.join('')}</tbody></table></div>`,
    '<div class="after"><button type="button" id="more" hidden></button><button type="button" id="all" hidden></button></div>',
  ].join('\n');
}

/** By class, not by style: the policy lets no inline style in. */
const widths = (logons: boolean): string =>
  ['w3', 'w2', 'w2', 'w1', 'w1', 'w3', 'w4', ...(logons ? ['w1'] : []), 'w2'].map((name) => `<col class="${name}">`).join('');
