/** SCIM servers that are busy, broken or in the way. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import type { RequestHandler, Response } from 'express';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { retryAfterMs } from '../../handlers/roles/targets/scim/client.ts';
import { closed } from '../../sandbox/scim-server.ts';
import { ada, mark } from './contract-fixtures.ts';
import { caught, status, trickery } from './scim-trickery.ts';

const token = 'a-token-that-nobody-may-see';
const { server, target, slots, trick, once, reset } = await trickery(token);

afterEach(() => reset());
afterAll(() => server.close());

describe('a busy server', () => {
  test('GIVEN it names the seconds WHEN it answers 429 THEN nothing is sent before they are over', async () => {
    once(status(429, { 'retry-after': '1' }));
    const before = Date.now();
    await target.createAccount(mark, ada);
    expect(Date.now() - before).toBeGreaterThanOrEqual(950);
    expect(server.users.size).toBe(1);
    expect(slots()).toBe(2);
  });

  test('fails at once WHEN it asks for more patience than a run has', async () => {
    once(status(503, { 'retry-after': '3600' }), 9);
    expect(await caught(target.readAccount('x'))).toMatchObject({ name: 'ScimError', status: 503, retryAfterMs: 3_600_000 });
    expect(server.requests).toHaveLength(1);
  });

  test.each([429, 500, 502, 503, 504])(
    'WHEN it answers %d to a question THEN it is asked again, each time in a slot of the budget',
    async (code) => {
      once(status(code), 3);
      expect(await target.readAccount('x')).toBeUndefined();
      expect([server.requests.length, slots()]).toEqual([4, 4]);
    },
  );

  test('fails after four attempts', async () => {
    once(status(500, {}, { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], detail: 'broken', status: '500' }), 9);
    expect(await caught(target.readAccount('x'))).toMatchObject({ status: 500, detail: 'broken', attempts: 4 });
    expect(slots()).toBe(4);
  });

  test.each<[string, string, (response: Response) => Response]>([
    ['500', 'ScimError', (response) => response.status(500).end()],
    ['nothing', 'NoAnswerError', (response) => response.destroy()],
  ])('fails without a second POST WHEN %s comes of the first, and what it made is found afterwards', async (_, name, answer) => {
    trick((request, response, next) => {
      if (request.method === 'POST') response.send = () => answer(response);
      next();
    });
    expect(await caught(target.createAccount(mark, ada))).toMatchObject({ name });
    expect(server.requests).toHaveLength(1);
    expect(await caught(target.createRole('developers'))).toMatchObject({ name });
    trick((_request, _response, next) => next());
    expect(server.requests).toHaveLength(2);
    expect(await target.findAccount(mark, ada, undefined)).toMatchObject({ id: [...server.users.keys()][0], profile: ada });
    expect(await target.findRole('developers', undefined)).toBe([...server.groups.keys()][0]);
  });

  test('THEN Retry-After is read as seconds and as a date (RFC 9110 section 10.2.3)', () => {
    const now = new Date('2025-03-01T10:00:00Z');
    expect(retryAfterMs('120', now)).toBe(120_000);
    expect(retryAfterMs('Sat, 01 Mar 2025 10:00:30 GMT', now)).toBe(30_000);
    expect(retryAfterMs('Sat, 01 Mar 2025 09:00:00 GMT', now)).toBe(0);
    expect(retryAfterMs('soon', now)).toBeUndefined();
    expect(retryAfterMs(null, now)).toBeUndefined();
  });
});

describe('a server that gives no whole answer', () => {
  test.each<[string, RequestHandler, string, RegExp]>([
    ['never answers', () => undefined, 'NoAnswerError', /did not answer within 300 ms/],
    ['hangs up', (_, response) => void response.destroy(), 'NoAnswerError', /no whole answer/],
    [
      'sends half a body',
      (_, response) => void response.type('application/scim+json').send('{"id":"x","userN'),
      'NoAnswerError',
      /half a body/,
    ],
    [
      'breaks off',
      (_, response) => {
        response.type('application/scim+json').set('content-length', '500').write('{"id":');
        setTimeout(() => response.destroy(), 20);
      },
      'NoAnswerError',
      /no whole answer/,
    ],
    ['sends HTML', (_, response) => void response.type('html').send('<h1>Log in</h1>'), 'StrangeAnswerError', /text\/html instead of JSON/],
    ['sends no body', (_, response) => void response.status(200).end(), 'StrangeAnswerError', /without a body/],
    ['sends a list', (_, response) => void response.type('application/scim+json').send('[]'), 'StrangeAnswerError', /no object/],
    [
      'sends too much',
      (_, response) => void response.type('application/scim+json').send(`{"id":"${'x'.repeat(100_000)}"}`),
      'StrangeAnswerError',
      /more than/,
    ],
  ])('fails when it %s', async (_, handler, name, message) => {
    once(handler, 9);
    const error = await caught(target.readAccount('x'));
    expect(error).toMatchObject({ name, message: expect.stringMatching(message) });
    expect(inspect(error, { depth: 9 })).not.toContain(token);
    expect(server.requests).toHaveLength(name === 'NoAnswerError' ? 4 : 1);
  });

  test('fails for an error in HTML by its status', async () => {
    once((_, response) => void response.status(400).type('html').send('<h1>Bad</h1>'));
    expect(await caught(target.readAccount('x'))).toMatchObject({ name: 'ScimError', status: 400 });
  });

  test.each([400, 401, 403])('invariant 10: fails with %d without the token that the server repeats', async (code) => {
    once((request, response) => {
      const repeated = String(request.headers.authorization);
      response
        .status(code)
        .type('application/scim+json')
        .send({ detail: `the token ${repeated} is not good`, scimType: repeated });
    }, 9);
    const error = await caught(target.createAccount(mark, ada));
    expect(error).toMatchObject({ message: expect.stringContaining('is not good') });
    expect(inspect(error, { depth: 9 })).not.toContain(token);
  });

  test('invariant 10: fails when it redirects, and the token goes nowhere else', async () => {
    const asked: unknown[] = [];
    const other = createServer((request, response) => {
      asked.push(request.headers);
      response.end('{}');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const place = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    try {
      for (const code of [301, 302, 307, 308]) {
        once((_, response) => void response.status(code).set('location', `${place}/scim/v2/Users`).end());
        const error = await caught(target.createAccount(mark, ada));
        expect(error).toMatchObject({ name: 'StrangeAnswerError', message: expect.stringContaining(`redirects to ${place}`) });
        expect(inspect(error)).not.toContain(token);
      }
      expect(asked).toEqual([]);
    } finally {
      await closed(other);
    }
  });
});
