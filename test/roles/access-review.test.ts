/** The report of an access review: what it says of each person, its one form, its CSV, and when it is made. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { grantKey } from '../../handlers/access/grants.ts';
import { eventId } from '../../handlers/events/identity-event.ts';
import { canonicalJson } from '../../handlers/platform/canonical-json.ts';
import { type AccessReview, type ReviewedGrant, readReview } from '../../handlers/roles/access-review.ts';
import type { AccountEntry } from '../../handlers/roles/ledger.ts';
import type { DriftReport } from '../../handlers/roles/reconcile/drift-report.ts';
import { isDue } from '../../handlers/roles/review-access/review-due.ts';
import { reviewPages } from '../../handlers/roles/review-access/review-page.ts';
import { mirroredLogons } from '../../handlers/roles/review-access/review-sources.ts';
import { fileTimeOf, guidOf, objectRow, userObject } from '../directory/rows.ts';
import {
  domain,
  grantOf,
  hostileNames,
  manyPeople,
  now,
  type Person,
  profileOf,
  type ReviewSettings,
  reviewWorld,
  since,
  target,
} from './review-people.ts';

const report = 'access-review/2026-11-23/2026-11-23T06-00-00.000Z';
const developers = grantOf('developers');

async function made(people: readonly Person[], settings: Omit<ReviewSettings, 'people'> = {}) {
  const world = reviewWorld({ people, ...settings });
  const outcome = await world.run({});
  const json = world.files.get(`${report}.json`) ?? '';
  return { ...world, outcome, json, review: JSON.parse(json) as AccessReview };
}

const onlyGrant = async (person: Person, settings: Omit<ReviewSettings, 'people'> = {}): Promise<ReviewedGrant | undefined> => {
  const { review } = await made([person], settings);
  return review.principals[0]?.grants[0];
};

describe('what a review says of a grant', () => {
  test('GIVEN a role by a nested group THEN it tells since when, by which path, mapping, policies and decision', async () => {
    expect(await onlyGrant({ number: 1, grants: [developers] })).toEqual({
      ...{ target, role: 'developers', state: 'held', since, mapping: 'mapping-developers', policies: ['mapped-grants'] },
      path: [
        { guid: guidOf(901), name: 'Engineering' },
        { guid: guidOf(900), name: 'AWS-developers' },
      ],
      account: { id: 'account-1', userName: profileOf(1).userName },
      decision: eventId(domain, guidOf(1), Date.parse(since), 'AccessDecided'),
      exceptions: [],
    });
  });

  const membership = { grant: developers, membershipId: 'm-1' };
  const key = grantKey(developers);
  const cases: readonly [string, Partial<AccountEntry> | null, Partial<Person>, string, readonly string[]][] = [
    ['nothing was made yet', null, {}, 'pending', []],
    ['an earlier decision is done', { revision: 1, memberships: {} }, {}, 'pending', []],
    ['its membership may or may not be made', { memberships: { [key]: { grant: developers } } }, {}, 'pending', []],
    ['its assignments are being made', { memberships: { [key]: { ...membership, assigning: true } } }, {}, 'pending', []],
    ['the decision is done and it is not there', { memberships: {} }, {}, 'missing', ['missing']],
    ['a later decision was taken and done while it was read', { revision: Date.parse(since) + 1, memberships: {} }, {}, 'pending', []],
    ['it is being ended', { memberships: { [key]: { ...membership, ending: 1 } } }, {}, 'ending', []],
    ['no decision gives it any more', { revision: 1, memberships: { [key]: membership } }, { grants: [] }, 'ending', []],
    ['a guard holds its end back', { staged: 'g-1', memberships: { [key]: membership } }, { grants: [] }, 'staged', ['staged']],
    [
      'its person is disabled and it is still there',
      { memberships: { [key]: membership } },
      { grants: [], state: 'disabled' },
      'ending',
      ['inactive'],
    ],
    [
      'nobody granted it',
      { memberships: {}, extras: { [key]: { role: 'developers', roleId: 'r-1', membershipId: 'm-2' } } },
      { grants: [] },
      'extra',
      ['extra'],
    ],
  ];
  test.each(cases)('GIVEN %s THEN its state and exceptions say so', async (_, entry, person, state, exceptions) => {
    const grant = await onlyGrant({ number: 1, grants: [developers], entry, ...person });
    expect(grant).toMatchObject({ role: 'developers', state, exceptions });
    expect(grant?.guard).toBe(state === 'staged' ? 'g-1' : undefined);
  });

  test('GIVEN a disabled person whose account can log on without a role THEN the account is told', async () => {
    const account = { id: 'account-1', profile: profileOf(1), active: true };
    const grant = await onlyGrant({ number: 1, state: 'disabled', entry: { memberships: {}, account } });
    expect(grant).toEqual({
      target,
      state: 'held',
      account: { id: 'account-1', userName: profileOf(1).userName },
      exceptions: ['inactive'],
    });
    const inactive = await made([{ number: 1, state: 'disabled', entry: { memberships: {}, account: { ...account, active: false } } }]);
    expect(inactive.review.principals).toEqual([]);
    expect(inactive.review.counts).toMatchObject({ principals: 1, holders: 0, grants: 0 });
  });

  test.each([
    ['2026-12-23T06:00:00.000Z', ['ending-soon']],
    ['2026-12-23T06:00:00.001Z', []],
  ])('GIVEN a mapping that ends at %s THEN what it gives is told as %j', async (until, exceptions) => {
    const grant = await onlyGrant({ number: 1, grants: [developers] }, { ends: new Map([['mapping-developers', until]]) });
    expect(grant).toMatchObject({ validUntil: until, exceptions });
  });

  test('GIVEN a violation that is only reported, and somebody who never logged on THEN both are told', async () => {
    const violating = grantOf('auditors', { violates: ['no-contractors'] });
    expect(await onlyGrant({ number: 1, grants: [violating], lastLogon: null })).toMatchObject({
      violates: ['no-contractors'],
      exceptions: ['violation', 'never-logged-on'],
    });
  });

  test('GIVEN the mirror THEN it tells the last log-on of its directories alone, and 0 or nothing as never', async () => {
    const row = (number: number, value?: string) =>
      objectRow(userObject(number, `person${number}`, value === undefined ? {} : { lastLogonTimestamp: [value] }));
    const rows = [row(1, fileTimeOf('2026-11-20T08:00:00.000Z')), row(2, '0'), row(3)];
    const asked: string[] = [];
    const read = mirroredLogons(
      {
        read: async (keys) => {
          asked.push(...keys.map(({ pk }) => pk));
          return rows;
        },
      },
      new Set([rows[0]?.domain ?? '']),
    );
    const logons = await read([
      ...rows.map((one) => ({ domain: one.domain, guid: one.guid })),
      { domain: 'other.example.com', guid: guidOf(4) },
    ]);
    expect([...logons.values()]).toEqual(['2026-11-20T08:00:00.000Z', null, null]);
    expect(asked.filter((pk) => pk.startsWith('other'))).toEqual([]);
  });
});

describe('the report', () => {
  const finding = { kind: 'account-orphaned', detail: 'carries our mark', outcome: 'needs-person' } as const;
  const drift: DriftReport = {
    ...{ version: 1, target, run: now, mode: 'heal', completedAt: '2026-11-23T05:00:12.000Z' },
    compared: { principals: 1, accounts: 2, roles: 1, memberships: 1, assignments: 0 },
    findings: [
      { ...finding, account: { id: 'a-9', userName: 'ghost@corp.example.com' } },
      { ...finding, kind: 'membership-missing', outcome: 'healing' },
    ],
  };

  test('GIVEN orphans in the newest drift report THEN they are told, what is healed is not', async () => {
    const { review, files } = await made([{ number: 1, grants: [developers] }], { drift });
    expect(review.targets).toEqual([{ name: target, lastUse: 'not told by the target', driftReport: drift.completedAt }]);
    expect(review.differences).toMatchObject([{ target, kind: 'account-orphaned', account: { userName: 'ghost@corp.example.com' } }]);
    expect(review.counts).toMatchObject({ orphans: 1, differences: 1 });
    expect(files.get(`${report}.html`)).toContain('ghost@corp.example.com');
    expect(files.get(`${report}.csv`)).toContain('"account-orphaned"');
  });

  test('GIVEN no drift report THEN it says that nobody can tell of orphans', async () => {
    const { review, files } = await made([{ number: 1, grants: [developers] }]);
    expect(review.targets[0]?.driftReport).toBeNull();
    expect(files.get(`${report}.html`)).toContain('none yet, so nobody can tell of orphans there');
  });

  test('GIVEN people in any order and pages of any size THEN the file is the same canonical JSON, and its hash is told everywhere', async () => {
    const people = [...manyPeople(40)];
    const { json, review, outcome, files, published } = await made(people, { pageSize: 7 });
    const other = await made(people.toReversed(), { pageSize: 1000 });
    expect(other.json).toBe(json);
    expect(json).toBe(canonicalJson(JSON.parse(json)));
    const sha256 = createHash('sha256').update(json).digest('hex');
    expect(outcome).toMatchObject({ state: 'completed', report, sha256, counts: { grants: 40 + review.counts.staged } });
    expect(review.counts.grants).toBe(review.principals.flatMap(({ grants }) => grants).length);
    expect(files.get(`${report}.html`)).toContain(sha256);
    for (const [line, file] of [...(files.get(`${report}.sha256`) ?? '').matchAll(/^([0-9a-f]{64}) {2}(\S+)$/gm)].map((one) => [
      one[1],
      one[2],
    ])) {
      const text = files.get(`access-review/2026-11-23/${file}`) ?? '';
      expect(createHash('sha256').update(text).digest('hex'), file).toBe(line);
    }
    expect(json).not.toContain(sha256);
    expect(published).toMatchObject([
      { type: 'AccessReviewed', domain: 'ad-lambda-dev', change: { report, sha256, counts: review.counts } },
    ]);
    expect(readReview(Buffer.from(json))).toMatchObject({ sha256, review: { report, deployment: 'ad-lambda-dev' } });
  });

  test.each([
    ['a byte more', (json: string) => `${json}\n`],
    ['another order of members', (json: string) => JSON.stringify({ version: 1, ...JSON.parse(json) })],
    ['no JSON', () => 'null and void'],
    ['another version', (json: string) => json.replace('"version":1', '"version":2')],
    ['a key outside its folder', (json: string) => json.replace('"report":"access-review/', '"report":"../access-review/')],
  ])('fails to be read with %s', async (_, change) => {
    const { json } = await made([{ number: 1, grants: [developers] }]);
    expect(readReview(Buffer.from(json))).toBeDefined();
    expect(readReview(Buffer.from(change(json)))).toBeUndefined();
  });

  test('GIVEN more grants than a page takes THEN pages link to each other, and no person is parted', async () => {
    const { review } = await made([...manyPeople(100)]);
    const { principals, ...head } = review;
    const pages = [...reviewPages(head, 'a'.repeat(64), principals, 40)];
    expect(pages.map(({ ending }) => ending)).toEqual(['.html', '-2.html', '-3.html']);
    const people = pages.map(({ html }) => new Set([...html.matchAll(/<td data-key="([^"]+)" data-name/g)].map(([, key]) => key)));
    const rows = pages.map(({ html }) => html.match(/ data-name="/g)?.length ?? 0);
    expect(rows[0]).toBeGreaterThan(36);
    expect(Math.max(...rows)).toBeLessThanOrEqual(40);
    expect(rows.reduce((sum, count) => sum + count)).toBe(review.counts.grants);
    expect(people.reduce((sum, { size }) => sum + size, 0)).toBe(principals.length);
    expect(pages[1]?.html).toMatch(/href="2026-11-23T06-00-00.000Z.html">previous.*href="2026-11-23T06-00-00.000Z-3.html">next/);
  });
});

describe('the CSV', () => {
  /** A reader of RFC 4180, apart from the writer. */
  const parse = (text: string): string[][] => {
    const rows: string[][] = [[]];
    for (const [, quoted, end] of text.matchAll(/"((?:[^"]|"")*)"(,|\r\n)/g)) {
      rows.at(-1)?.push((quoted ?? '').replaceAll('""', '"'));
      if (end !== ',') rows.push([]);
    }
    return rows.slice(0, -1);
  };

  test('GIVEN hostile names THEN each is one field, and none is a formula', async () => {
    const people = hostileNames.map((name, index) => ({ number: index + 1, name, grants: [developers] }));
    const csv = (await made(people)).files.get(`${report}.csv`) ?? '';
    const [heads = [], ...rows] = parse(csv);
    expect(rows).toHaveLength(people.length);
    for (const row of rows) expect(row).toHaveLength(heads.length);
    for (const field of rows.flat()) expect(field).not.toMatch(/^[\s\0]*[=+\-@]|^[\t\r\n\0]/);
    const names = rows.map((row) => row[0]);
    expect(names).toContain(`'=HYPERLINK("http://evil.example.com","x")`);
    expect(names).toContain('two\r\nlines');
    expect(names).toContain('semi;colon,comma"quote');
    expect(rows[0]?.[heads.indexOf('last_use')]).toBe('not told by the target');
    expect(rows[0]?.[heads.indexOf('path')]).toBe('Engineering > AWS-developers');
  });
});

describe('when a report is made', () => {
  test.each([
    ['month', undefined, '2026-11-23T06:00:00Z', true],
    ['month', '2026-11-01T00:00:01Z', '2026-11-30T23:59:59Z', false],
    ['month', '2026-11-30T23:59:59Z', '2026-12-01T00:00:01Z', true],
    ['quarter', '2026-10-01T00:00:00Z', '2026-12-31T23:00:00Z', false],
    ['quarter', '2025-10-01T00:00:00Z', '2026-10-01T00:00:00Z', true],
    ['week', '2026-11-23T00:00:00Z', '2026-11-29T23:59:59Z', false],
    ['week', '2026-11-22T23:59:59Z', '2026-11-23T00:00:00Z', true],
    ['day', '2026-11-22T23:59:59Z', '2026-11-23T00:00:00Z', true],
    ['never', undefined, '2026-11-23T06:00:00Z', false],
  ] as const)('GIVEN one every %s and the newest of %s WHEN it is %s THEN it is due: %s', (every, newest, at, due) => {
    expect(isDue(every, newest, new Date(at))).toBe(due);
  });

  test('GIVEN the report of this month WHEN the schedule calls again THEN none is made, and a person gets one all the same', async () => {
    const world = reviewWorld({ people: [{ number: 1, grants: [developers] }] });
    expect(await world.run({})).toMatchObject({ state: 'completed' });
    expect(await world.run({})).toEqual({ state: 'not-due' });
    expect(await world.run({ now: true })).toMatchObject({ state: 'completed' });
    expect(world.published).toHaveLength(2);
    expect(world.logged.map(({ code }) => code)).toEqual(['ACCESS_REVIEWED', 'ACCESS_REVIEWED']);
  });

  test('fails for what is no request', async () => {
    await expect(reviewWorld({ people: [] }).run({ now: 'yes' })).rejects.toThrow(/not a request to review access: send \{\}/);
  });

  test('fails when a table cannot be read: nothing is told, and the next call makes it', async () => {
    const world = reviewWorld({ people: [{ number: 1, grants: [developers] }] });
    let broken = true;
    const { scan } = world.deps.sources;
    const sources = {
      ...world.deps.sources,
      scan: async (after: string | undefined) => {
        if (broken) throw new Error('throttled');
        return await scan(after);
      },
    };
    const { reviewAccess } = await import('../../handlers/roles/review-access/review-access.ts');
    await expect(reviewAccess({ ...world.deps, sources }, {})).rejects.toThrow('throttled');
    expect([...world.files.keys(), ...world.published]).toEqual([]);
    broken = false;
    expect(await reviewAccess({ ...world.deps, sources }, {})).toMatchObject({ state: 'completed' });
  });
});
