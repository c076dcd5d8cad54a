/** Lists of SCIM servers: whole or not at all. */
import type { Request } from 'express';
import { afterAll, afterEach, expect, test } from 'vitest';
import { domain, guidOf } from '../directory/rows.ts';
import { ada, everything, mark, person } from './contract-fixtures.ts';
import { reconciling } from './reconciling.ts';
import { caught, trickery } from './scim-trickery.ts';

const { server, target, trick, reset } = await trickery();

afterEach(() => reset());
afterAll(() => server.close());

const fill = async (number: number): Promise<void> => {
  for (let one = 1; one <= number; one += 1) await target.createAccount({ domain, guid: guidOf(one) }, person(one));
};
const startOf = (request: Request) => Number(request.query.startIndex);
const list = () => everything((after) => target.listAccounts(after));
const shows = (change: (list: { totalResults: number; Resources: object[] }, request: Request) => void) => {
  trick((request, response, next) => {
    const send = response.send.bind(response);
    response.send = (body: unknown) => {
      if (typeof body === 'string') return send(body);
      const shown = JSON.parse(JSON.stringify(body)) as { totalResults: number; Resources: object[] };
      change(shown, request);
      return send(shown);
    };
    next();
  });
};

test('GIVEN a server with smaller pages than asked for THEN it is whole all the same', async () => {
  await fill(7);
  shows((page) => page.Resources.splice(2));
  const { items, pages } = await list();
  expect(items).toHaveLength(7);
  expect(new Set(items.map(({ id }) => id)).size).toBe(7);
  expect(pages).toBe(6);
});

test('GIVEN a server that leaves out the members of an empty list THEN it is empty', async () => {
  shows((page) => Reflect.deleteProperty(page, 'Resources'));
  expect(await list()).toEqual({ items: [], pages: 1 });
});

test.each<[string, (page: { totalResults: number; Resources: object[] }, request: Request) => void]>([
  ['the total is higher than what comes', (page) => Object.assign(page, { totalResults: 9 })],
  ['the total is lower than what comes', (page) => Object.assign(page, { totalResults: 2 })],
  ['there is no total', (page) => Reflect.deleteProperty(page, 'totalResults')],
  ['the total changes', (page, request) => Object.assign(page, { totalResults: startOf(request) === 1 ? 7 : 8 })],
  ['the pages stop coming', (page, request) => startOf(request) !== 1 && page.Resources.splice(1)],
  ['a page is empty', (page, request) => startOf(request) !== 1 && page.Resources.splice(0)],
])('invariant 3: fails when %s', async (_, change) => {
  await fill(7);
  shows(change);
  expect(await caught(list())).toMatchObject({ name: 'RetryableError', message: expect.stringContaining('not complete') });
});

test('invariant 3: fails when the server gives the first page again and again', async () => {
  await fill(7);
  trick((request, _response, next) => {
    request.query.startIndex = 1 as never;
    next();
  });
  expect(await caught(list())).toMatchObject({ name: 'RetryableError' });
});

test('invariant 3: fails when one comes and one goes under way, though the total is the same', async () => {
  await fill(7);
  const first = await target.listAccounts(undefined);
  const [gone] = server.users.keys();
  server.users.delete(gone ?? '');
  await target.createAccount({ domain, guid: guidOf(9) }, person(9));
  expect(await caught(target.listAccounts(first.after))).toMatchObject({ name: 'RetryableError' });
});

test('fails for something that is no list', async () => {
  trick((_request, response) => void response.type('application/scim+json').send({ Resources: 'none' }));
  expect(await caught(list())).toMatchObject({ name: 'StrangeAnswerError' });
});

test('invariant 3: fails when a filter finds more than comes, because nobody may be taken for absent', async () => {
  await target.createAccount(mark, ada);
  shows((page) => page.Resources.splice(0));
  expect(await caught(target.findAccount(mark, ada, undefined))).toMatchObject({
    name: 'RetryableError',
    message: expect.stringContaining('0 of 1'),
  });
});

test('GIVEN a list that changes while reconcile reads it WHEN the next invocation goes on THEN it begins anew, and comes to its end', async () => {
  await fill(9);
  const all = reconciling(target);
  let pages = 0;
  trick((request, _response, next) => {
    if (request.path.endsWith('/Users')) pages += 1;
    if (pages === 2) server.users.delete([...server.users.keys()][8] ?? '');
    next();
  });
  await expect(all.run()).rejects.toThrow('not complete');
  expect(await all.run()).toMatchObject({ state: 'completed' });
  expect(all.runs.reports).toMatchObject([{ compared: { accounts: 8 } }]);
});
