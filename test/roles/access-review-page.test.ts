/** The page of a review: safe against hostile names, and in a browser found, sorted, grouped and printed at 10,000 grants. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printedRows, shownRows } from '../../handlers/roles/review-access/review-page-script.ts';
import { type BrowserSession, startBrowser } from '../browser-session.ts';
import { findBrowser } from '../headless-browser.ts';
import { thorough } from '../thorough.ts';
import { grantOf, hostileNames, manyPeople, type Person, reviewWorld } from './review-people.ts';

async function pageOf(people: readonly Person[]): Promise<string> {
  const { run, files } = reviewWorld({ people });
  await run({});
  return [...files].find(([key]) => key.endsWith('Z.html'))?.[1] ?? '';
}

const hostile = hostileNames.map((name, index) => ({ number: index + 1, name, grants: [grantOf('developers'), grantOf(name || 'x')] }));

describe('the page of a review', () => {
  test('GIVEN hostile names THEN they are text, and nothing is loaded from elsewhere', async () => {
    const html = await pageOf(hostile);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html.match(/<\/script/g)).toHaveLength(1);
    expect(html).not.toMatch(/<(?:img|svg|link|iframe)|\s(?:src|style|on\w+)=["']/);
    expect(html).toContain(`default-src 'none'; style-src 'sha256-`);
    expect(html).not.toMatch(/[^\P{Cc}\n\t]/u);
  });

  test('GIVEN nobody who holds anything THEN it says so and has no table of grants', async () => {
    const html = await pageOf([]);
    expect(html).toContain('Nobody holds anything');
    expect(html).not.toContain('id="grants"');
  });

  test('GIVEN ends that a guard holds back THEN they are counted apart from those under way', async () => {
    const html = await pageOf([{ number: 1, grants: [grantOf('developers')] }]);
    expect(html).toContain('<li><b>0</b>being ended</li><li><b>0</b>end held back by a guard</li>');
  });

  test('GIVEN a target without a drift report THEN the page does not say that there are no orphans', async () => {
    const html = await pageOf([{ number: 1, grants: [grantOf('developers')] }]);
    expect(html).toMatch(/There is no drift report yet of .*identity-center.*: whether there are any is not known/);
    expect(html).not.toContain('name none');
  });

  test('GIVEN no mirrored log-ons THEN there is no such column, and the page says why', async () => {
    const html = await pageOf([{ number: 1, grants: [grantOf('developers')] }]);
    expect(html).toContain('no directory mirrors lastLogonTimestamp');
    expect(html).not.toContain('>Last log-on<');
  });
});

const found = await findBrowser();
if ('missing' in found) console.warn(`pages are not tried in a browser: ${found.missing}`);
const program = 'program' in found ? found.program : '';

describe('the page of a review in a browser', () => {
  const inBrowser = test.skipIf(program === '');
  let browser: BrowserSession | undefined;
  const open = async (html: string): Promise<BrowserSession> => {
    if (browser === undefined) throw new Error('no browser');
    await browser.open(html);
    return browser;
  };
  beforeAll(async () => {
    if (process.env.CI && program === '')
      throw new Error(`pages have to be tried in a browser: ${'missing' in found ? found.missing : ''}`);
    if (program !== '') browser = await startBrowser(program);
  });
  afterAll(() => browser?.close());

  const shown = `document.querySelector('#shown').textContent`;
  const set = (id: string, value: string) =>
    `{const one=document.querySelector('${id}');one.value='${value}';one.dispatchEvent(new Event('input'))}`;
  const cells = (column: number) =>
    `[...document.querySelectorAll('#grants tbody tr:not(.group)')].map(row=>row.cells[${column}].dataset.key)`;
  const visible = `[...document.querySelectorAll('#grants tbody tr')].filter(row=>row.offsetHeight>0).length`;

  inBrowser('GIVEN 10,000 grants WHEN they are filtered, sorted and grouped THEN it is right and soon', async () => {
    const page = await open(await pageOf([...manyPeople(9_900)].slice(0, 4_900)));
    const total = Number((await page.evaluate<string>(shown)).match(/of ([\d,]+) grants/)?.[1]?.replace(',', ''));
    expect(total).toBeGreaterThan(9_800);
    expect(await page.evaluate(visible)).toBe(shownRows);

    const ms = await page.evaluate<number>(
      `new Promise(done=>{const began=performance.now();${set('#find', 'SAMPLE role-17')};requestAnimationFrame(()=>setTimeout(()=>done(performance.now()-began)))})`,
    );
    expect(ms).toBeLessThan(3000);
    const names = await page.evaluate<string[]>(cells(0));
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expect(name).toMatch(/Sample/);
    expect(await page.evaluate(shown)).toContain(`${names.length} of`);

    await page.evaluate(set('#find', ''));
    const head = `document.querySelectorAll('#grants thead th')[1]`;
    await page.evaluate(`${head}.querySelector('button').focus()`);
    await page.press('Enter', 13);
    await page.press('Enter', 13);
    expect(await page.evaluate(`${head}.getAttribute('aria-sort')`)).toBe('descending');
    const roles = (await page.evaluate<string[]>(cells(1))).map((role) => Number(role.slice('role-'.length)));
    // Of the roles only one is called otherwise, and letters come after digits.
    const numbers = roles.filter((number) => !Number.isNaN(number));
    expect(numbers).toHaveLength((await page.evaluate<string[]>(cells(1))).filter((role) => role !== 'former').length);
    expect(numbers).toEqual([...numbers].sort((one, other) => other - one));
    expect(roles).toHaveLength(total);

    await page.evaluate(`${set('#group', '0')}${set('#look', 'violation')}`);
    const groups = await page.evaluate<string[]>(`[...document.querySelectorAll('tr.group th')].map(one=>one.textContent)`);
    const people = new Set(await page.evaluate<string[]>(cells(0)));
    expect(groups).toHaveLength(people.size);
    expect(groups[0]).toMatch(/^.+, person\d+@corp\.example\.com \d grants?$/);

    await page.evaluate(`${set('#group', '')}${set('#look', '')}`);
    expect(await page.evaluate(`document.querySelectorAll('#grants tbody tr').length`)).toBe(total);
    expect(page.problems).toEqual([]);
    expect(page.requests).toHaveLength(1);
  });

  /** Rows that the PDF tells a reader of, headings of tables among them. */
  const printed = async (page: BrowserSession): Promise<number> => (await page.pdf()).toString('latin1').match(/\/S \/TR\b/g)?.length ?? 0;
  const heads = (rows: number) => Math.ceil(rows / printedRows);
  const order = `[...document.querySelectorAll('#grants tbody tr')].map(row=>row.textContent).join()`;
  const printing = test.skipIf(program === '').each(thorough ? [shownRows + 5, 9_900] : [shownRows + 5]);

  printing(
    'WHEN %i grants are printed to PDF THEN every row is in it, those that the screen leaves out too',
    async (grants) => {
      const page = await open(await pageOf([...manyPeople(grants)].slice(0, grants / 2)));
      const rows = await page.evaluate<number>(`document.querySelectorAll('#grants tbody tr').length`);
      expect(rows).toBeGreaterThan(shownRows);
      expect(await page.evaluate(`getComputedStyle(document.querySelector('#grants thead')).display`)).toBe('table-header-group');
      const differences = await page.evaluate<number>(`document.querySelectorAll('table:not(#grants) tr').length`);
      const before = await page.evaluate(order);
      expect(await printed(page)).toBe(rows + heads(rows) + differences);
      expect(await page.evaluate(order)).toBe(before);
      expect(await page.evaluate(`document.querySelectorAll('table').length`)).toBe(differences > 0 ? 2 : 1);

      await page.evaluate(`${set('#find', 'person17')}${set('#group', '0')}`);
      const found = await page.evaluate<number>(`document.querySelectorAll('#grants tbody tr').length`);
      expect(found).toBeGreaterThan(1);
      expect(await printed(page)).toBe(found + heads(found) + differences);
      expect(page.problems).toEqual([]);
    },
    400_000,
  );

  inBrowser('GIVEN hostile names THEN nothing of them runs, and each is read as it is', async () => {
    const page = await open(await pageOf(hostile));
    const texts = await page.evaluate<string[]>(
      `[...document.querySelectorAll('#grants tbody tr')].map(row=>row.cells[0].firstChild.textContent)`,
    );
    expect(new Set(texts).size).toBe(hostileNames.length);
    expect(texts).toContain('</script><img src=x onerror=alert(1)>');
    await page.evaluate(set('#group', '0'));
    expect(await page.evaluate(`document.querySelectorAll('img,svg').length`)).toBe(0);
    expect(page.problems).toEqual([]);
    expect(page.requests).toHaveLength(1);
  });

  inBrowser('GIVEN no script THEN all rows are shown, and what needs one is not', async () => {
    const html = (await pageOf([...manyPeople(shownRows + 5)])).replace(/<script>[\s\S]*<\/script>/, '');
    const page = await open(html);
    expect(await page.evaluate<number>(visible)).toBeGreaterThan(shownRows + 5);
    expect(await page.evaluate(`getComputedStyle(document.querySelector('.tools')).visibility`)).toBe('hidden');
  });
});
