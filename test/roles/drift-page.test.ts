import { beforeAll, describe, expect, test } from 'vitest';
import { driftPage } from '../../handlers/roles/reconcile/drift-page.ts';
import type { DriftReport, ReportedFinding } from '../../handlers/roles/reconcile/drift-report.ts';
import { guidOf } from '../directory/rows.ts';
import { documentOf, findBrowser } from '../headless-browser.ts';

const finding = (count: number, more: Partial<ReportedFinding> = {}): ReportedFinding => ({
  kind: count % 3 === 0 ? 'membership-extra' : 'membership-missing',
  principal: {
    name: `Person ${count}`,
    dn: `CN=Person ${count},DC=corp,DC=example,DC=com`,
    guid: guidOf(count),
    domain: 'corp.example.com',
  },
  role: `role-${count % 10}`,
  account: { id: `account-${count}`, userName: `person${count}@corp.example.com` },
  detail: 'is no member',
  outcome: count % 3 === 0 ? 'held-back' : 'healing',
  ...more,
});
const report = (findings: readonly ReportedFinding[]): DriftReport => ({
  version: 1,
  target: 'identity-center',
  run: '2026-11-23T00:00:00.000Z',
  mode: 'heal',
  completedAt: '2026-11-23T00:00:12.000Z',
  compared: { principals: 10_000, accounts: 10_000, roles: 200, memberships: 20_000, assignments: 40 },
  findings,
});
const visibleRows = (html: string) =>
  [...html.matchAll(/<tr(?<attributes>[^>]*)><td>/g)].filter(({ groups }) => !groups?.attributes?.includes('hidden'));

const browser = await findBrowser();
if ('missing' in browser) console.warn(`pages are not tried in a browser: ${browser.missing}`);

describe('the drift page', () => {
  test('GIVEN no difference THEN it says so and has no table', () => {
    const html = driftPage(report([]));
    expect(html).toContain('exactly what the decisions say');
    expect(html).not.toContain('<table');
  });

  test('GIVEN names with markup THEN they are text, and nothing is loaded from elsewhere', () => {
    const name = `<script>alert(1)</script>"'&</td>`;
    const html = driftPage(report([finding(1, { principal: { name, dn: name, guid: guidOf(1), domain: 'corp.example.com' } })]));
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).not.toMatch(/(?:src|href)=/);
    expect(html).toContain("default-src 'none'");
  });

  test('GIVEN one report THEN its page is the same to the byte', () => {
    expect(driftPage(report([finding(1), finding(2)]))).toBe(driftPage(report([finding(1), finding(2)])));
  });
});

describe('the drift page in a browser', () => {
  const program = 'program' in browser ? browser.program : '';
  beforeAll(() => {
    if (process.env.CI && program === '')
      throw new Error(`pages have to be tried in a browser: ${'missing' in browser ? browser.missing : ''}`);
  });
  const inBrowser = test.skipIf(program === '');
  const ten = report(Array.from({ length: 10 }, (_, index) => finding(index + 1)));

  inBrowser('WHEN it is opened with its own security policy THEN its script runs and counts all rows', async () => {
    expect(await documentOf(program, driftPage(ten))).toContain('10 of 10');
  });

  inBrowser('WHEN words are typed THEN the rows with all of them are left', async () => {
    const act = `const f=document.querySelector('#find');f.value='person role-1';f.dispatchEvent(new Event('input'))`;
    const html = await documentOf(program, driftPage(ten), act);
    expect(html).toContain('1 of 10');
    expect(visibleRows(html)).toHaveLength(1);
  });

  inBrowser('WHEN a menu and a column head are used THEN rows are filtered and sorted by number, not by letter', async () => {
    const act = `const m=document.querySelectorAll('select')[0];m.value='membership-missing';m.dispatchEvent(new Event('input'));
      document.querySelectorAll('th button')[3].click();document.querySelectorAll('th button')[3].click()`;
    const html = await documentOf(program, driftPage(ten), act);
    expect(html).toContain('7 of 10');
    const people = [...html.matchAll(/person(\d+)@/g)].map(([, count]) => Number(count));
    expect(people).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  inBrowser('GIVEN 10,000 findings THEN it is shown all the same', async () => {
    const many = report(Array.from({ length: 10_000 }, (_, index) => finding(index)));
    expect(await documentOf(program, driftPage(many))).toContain('10000 of 10000');
  });
});
