/** The token of a SCIM target: from its secret, from a token server, from STS. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { credentialsOf } from '../../handlers/roles/targets/scim/authentication.ts';
import { closed, startScimServer } from '../../sandbox/scim-server.ts';
import { ada, mark } from './contract-fixtures.ts';
import { hurry, scimTargetOf } from './scim-world.ts';

interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}
const asked: Asked[] = [];
let answer: (number: number) => [number, unknown];
const tokens = createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => {
    text += chunk;
  });
  request.on('end', () => {
    asked.push({ headers: request.headers, form: new URLSearchParams(text) });
    const [status, body] = answer(asked.length);
    response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
});
await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
const tokenUrl = `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`;

let accepted = new Set<string>();
const server = await startScimServer({ accepts: (token) => accepted.has(token) });
const clientSecret = 'a secret: with +, & and ü';
const client = async () => JSON.stringify({ clientId: 'client:1', clientSecret });
const issue = (number: number, expires_in = 3600) => ({ access_token: `token-${number}`, token_type: 'Bearer', expires_in });
const noIdentity = async () => {
  throw new Error('no identity token is asked for');
};
const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error) => error,
  );

beforeEach(() => {
  asked.length = 0;
  server.requests.length = 0;
  server.users.clear();
  accepted = new Set(['token-1', 'token-2', 'token-3']);
  answer = (number) => [200, issue(number)];
});
afterAll(async () => {
  await closed(tokens);
  await server.close();
});

describe('a bearer token from the secret', () => {
  test('WHEN the secret was rotated THEN it is read anew on the first refusal, once, and nothing fails', async () => {
    accepted = new Set(['new']);
    const reads: (boolean | undefined)[] = [];
    const target = scimTargetOf(server.url, {}, undefined, {}, (async (again?: boolean) => {
      reads.push(again);
      return again ? ' new\n' : 'old';
    }) as () => Promise<string>);
    await Promise.all([target.readAccount('a'), target.readAccount('b'), target.readAccount('c')]);
    await target.createAccount(mark, ada);
    expect(reads).toEqual([false, true]);
  });

  test('fails when the server refuses it, without a third request and without the token in any message', async () => {
    accepted = new Set();
    const target = scimTargetOf(server.url, {}, undefined, {}, async () => 'refused-secret');
    const error = await failure(target.createAccount(mark, ada));
    expect(error).toMatchObject({ name: 'ScimError', status: 401, message: expect.stringContaining('put a token') });
    expect(inspect(error, { depth: 9 })).not.toContain('refused-secret');
    expect(server.requests).toHaveLength(1);
  });

  test.each(['', 'two words', 'line\nbreak', 'ümlaut', '{"token": "x y"}'])(
    'fails for the secret %j, which no message shows',
    async (secret) => {
      const target = scimTargetOf(server.url, {}, undefined, {}, async () => secret);
      const error = await failure(target.readAccount('a'));
      expect(error.name).toBe('ConfigurationError');
      if (secret) expect(inspect(error, { depth: 9 })).not.toContain(secret);
      expect(server.requests).toEqual([]);
    },
  );
});

describe('OAuth 2.0 client credentials (RFC 6749 section 4.4)', () => {
  const authentication = { clientCredentials: { tokenUrl, scope: 'scim.write scim.read' } };
  const targetOf = (secret: () => Promise<string> = client) => scimTargetOf(server.url, { authentication }, undefined, {}, secret);

  test('WHEN many calls come at once THEN one token is asked for, by basic authentication, and used by all', async () => {
    const target = targetOf();
    await Promise.all(['a', 'b', 'c'].map((id) => target.readAccount(id)));
    await target.createAccount(mark, ada);
    expect(asked).toHaveLength(1);
    expect(Object.fromEntries(asked[0]?.form ?? [])).toEqual({ grant_type: 'client_credentials', scope: 'scim.write scim.read' });
    const basic = Buffer.from(asked[0]?.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
    // RFC 6749 section 2.3.1 and appendix B
    expect(basic).toBe('client%3A1:a+secret%3A+with+%2B%2C+%26+and+%C3%BC');
    expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer token-1']));
  });

  test('WHEN the token is about to expire THEN the next call has another one', async () => {
    let now = Date.parse('2025-03-01T10:00:00Z');
    const credentials = credentialsOf(authentication, {
      secret: client,
      webIdentityToken: noIdentity,
      now: () => new Date(now),
      limits: hurry.limits,
    });
    expect(await credentials.token()).toBe('token-1');
    now += 3_500_000;
    expect(await credentials.token()).toBe('token-1');
    now += 41_000;
    expect(await Promise.all([credentials.token(), credentials.token()])).toEqual(['token-2', 'token-2']);
  });

  test('WHEN the server refuses the token THEN another one is asked for once, by all who were refused', async () => {
    accepted = new Set(['token-2']);
    const target = targetOf();
    await Promise.all(['a', 'b', 'c'].map((id) => target.readAccount(id)));
    expect(asked).toHaveLength(2);
    accepted = new Set();
    await expect(target.readAccount('a')).rejects.toMatchObject({ status: 401 });
    expect(asked).toHaveLength(3);
  });

  test('GIVEN a token server that is down for a moment THEN it is asked again', async () => {
    answer = (number) => (number < 3 ? [503, {}] : [200, issue(1)]);
    expect(await targetOf().readAccount('a')).toBeUndefined();
    expect(asked).toHaveLength(3);
  });

  test.each<[string, [number, unknown], string]>([
    ['refuses the client', [401, { error: 'invalid_client' }], 'invalid_client'],
    ['gives another kind of token', [200, { access_token: 'x', token_type: 'mac' }], 'no bearer token'],
    ['gives no token', [200, {}], 'no bearer token'],
    ['answers in HTML', [200, '<h1>Log in</h1>'], 'text/html'],
  ])('fails when the token server %s, without the secret in any message', async (_, given, message) => {
    answer = () => given;
    const error = await failure(targetOf().readAccount('a'));
    expect(error.message).toContain(message);
    expect(inspect(error, { depth: 9 })).not.toContain(clientSecret);
    expect(server.requests).toEqual([]);
  });

  test.each(['', 'no JSON', '{"clientId": "x"}', '{"clientId": "x", "clientSecret": ""}', '[]'])(
    'fails for the secret %j',
    async (secret) => {
      const error = await failure(targetOf(async () => secret).readAccount('a'));
      expect(error).toMatchObject({ name: 'ConfigurationError', message: expect.stringContaining('"clientSecret"') });
      expect(asked).toEqual([]);
    },
  );
});

describe('the identity token of STS', () => {
  const identity = async (audience: string) => ({ token: `jwt-for-${audience}`, expiresAt: Date.now() + 300_000 });
  const noSecret = async (): Promise<string> => {
    throw new Error('no secret is read');
  };

  test('WHEN the server takes it itself THEN it is the bearer token, and no secret is read', async () => {
    accepted = new Set(['jwt-for-scim.example.com']);
    const authentication = { webIdentity: { audience: 'scim.example.com' } };
    const target = scimTargetOf(server.url, { authentication }, undefined, { webIdentityToken: identity }, noSecret);
    await target.createAccount(mark, ada);
    expect(server.users.size).toBe(1);
    expect(asked).toEqual([]);
  });

  test('WHEN a token server exchanges it THEN it goes there as the client assertion of RFC 7523', async () => {
    const authentication = { webIdentity: { audience: 'login.example.com', tokenUrl } };
    const target = scimTargetOf(server.url, { authentication }, undefined, { webIdentityToken: identity }, noSecret);
    await target.createAccount(mark, ada);
    expect(asked).toHaveLength(1);
    expect(Object.fromEntries(asked[0]?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'jwt-for-login.example.com',
    });
    expect(asked[0]?.headers.authorization).toBeUndefined();
    expect(server.requests[0]?.headers.authorization).toBe('Bearer token-1');
  });
});
