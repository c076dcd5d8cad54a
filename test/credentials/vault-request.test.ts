import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CredentialError } from '../../handlers/credentials/credential-error.ts';
import { vaultPolicy } from '../../handlers/credentials/vault/permissions.ts';
import { type VaultSettings, vaultSettingsSchema } from '../../handlers/credentials/vault/vault-settings.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { startVaultServer } from '../../sandbox/vault-server.ts';
import { refusal } from './credential-store-contract.ts';
import { mount, quick, vaultForTests } from './vault-fixture.ts';

const policy = vaultPolicy(mount, 'ad/service');
const read = { method: 'GET', path: `${mount}/data/ad/service` } as const;
const write = {
  method: 'POST',
  path: read.path,
  body: { options: { cas: 0 }, data: { username: 'svc', password: 'hunter2-secret' } },
} as const;
const isData = ({ path }: { readonly path: string }): boolean => path === read.path;
const dataRequests = (vault: { readonly requests: readonly { readonly path: string }[] }): number => vault.requests.filter(isData).length;
const errors = (...texts: readonly string[]): string => JSON.stringify({ errors: texts });

describe('a vault that is busy', () => {
  test.each([412, 429, 500, 502, 503])('GIVEN %i a few times THEN the request is sent again and answered', async (status) => {
    const vault = await vaultForTests(policy);
    vault.inject({ match: isData, times: 3, effect: { answer: { status, text: errors('busy') } } });
    expect((await vault.client().send(read)).status).toBe(404);
    expect(dataRequests(vault)).toBe(4);
  });

  test.each([
    ['503 for ever', { answer: { status: 503, text: errors('Vault is sealed') } }, 'answered 503'],
    ['HTML of a load balancer', { answer: { status: 502, headers: { 'content-type': 'text/html' }, text: '<html>' } }, 'answered 502'],
    ['cut connections', { lose: 'nothing' }, 'the connection was cut'],
    ['parts of answers', { lose: 'part' }, 'the connection was cut'],
    ['halves of answers', { lose: 'half' }, 'half a body'],
    ['silence', { silence: true }, 'no answer within 40 ms'],
  ] as const)('fails GIVEN %s: to be tried again, after a bounded number of attempts', async (_, effect, reason) => {
    const vault = await vaultForTests(policy);
    const client = vault.client({}, {}, { ...quick, limits: { timeoutMs: 40, maxBytes: 1000 } });
    await client.send(read);
    vault.inject({ match: isData, times: 99, effect });
    const error = await refusal(client.send(write), RetryableError);
    expect(error.message).toContain(reason);
    expect(error.message).toContain('4 times asked');
    expect(dataRequests(vault)).toBe(5);
  });

  test('GIVEN Retry-After THEN it waits so long; GIVEN longer than it can THEN it leaves it to another run', async () => {
    const vault = await vaultForTests(policy);
    const client = vault.client();
    const answer = (seconds: string) => ({ answer: { status: 429, headers: { 'retry-after': seconds }, text: errors() } });
    vault.inject({ match: isData, effect: answer('1') });
    const begun = Date.now();
    await client.send(read);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(1000);
    vault.inject({ match: isData, effect: answer('3600') });
    await refusal(client.send(read), RetryableError);
    expect(dataRequests(vault)).toBe(3);
  });

  test('GIVEN an index of storage after a write THEN later requests carry it, so that no standby answers with an older state', async () => {
    const vault = await vaultForTests(policy);
    const client = vault.client();
    const text = JSON.stringify({ data: { version: 1 } });
    vault.inject({ match: isData, effect: { answer: { status: 200, headers: { 'x-vault-index': 'v1:state' }, text } } });
    await client.send(write);
    await client.send(read);
    expect(vault.requests.filter(isData).map(({ headers }) => headers['x-vault-index'])).toEqual([undefined, 'v1:state']);
  });

  test('fails GIVEN nobody listens: to be tried again', async () => {
    const vault = await vaultForTests(policy);
    await vault.close();
    expect((await refusal(vault.client().send(read), RetryableError)).message).toContain('ECONNREFUSED');
  });
});

describe('what is no vault', () => {
  test('fails GIVEN a redirect to elsewhere: nobody there is asked, and the address is told', async () => {
    const vault = await vaultForTests(policy);
    const asked: string[] = [];
    const elsewhere = createServer((request, response) => {
      asked.push(JSON.stringify(request.headers));
      response.end('{}');
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void elsewhere.close());
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/v1/x?token=hunter2`;
    for (const status of [301, 302, 307, 308]) {
      vault.inject({ match: isData, effect: { answer: { status, headers: { location }, text: '' } } });
      const error = await refusal(vault.client().send(read), CredentialError);
      expect(error.message).toContain(`is redirected to ${new URL(location).origin}, where the token is not sent`);
    }
    expect(asked).toEqual([]);
  });

  test.each([
    ['HTML', { status: 200, headers: { 'content-type': 'text/html' }, text: '<html>hunter2</html>' }, 'text/html instead of JSON'],
    ['a refusal in HTML', { status: 403, headers: { 'content-type': 'text/html' }, text: '<html>hunter2' }, 'text/html instead of JSON'],
    ['a list', { status: 200, text: '["hunter2"]' }, 'JSON that is no object'],
    ['a teapot', { status: 418, text: '{"note":"hunter2"}' }, 'answered 418'],
    ['a vault before it is initialized', { status: 501, text: errors('Vault is not initialized') }, 'answered 501'],
  ])('fails GIVEN %s: told at once, with nothing of the answer', async (_, answer, reason) => {
    const vault = await vaultForTests(policy);
    vault.inject({ match: isData, times: 9, effect: { answer } });
    const error = await refusal(vault.client().send(read), CredentialError);
    expect(error.message).toContain(reason);
    expect(error.message).toContain(`GET ${read.path}`);
    expect(dataRequests(vault)).toBe(1);
  });

  test('fails GIVEN an endless answer', async () => {
    const vault = await vaultForTests(policy);
    vault.inject({ match: isData, times: 9, effect: { answer: { status: 200, text: `{"a":"${'x'.repeat(200_000)}"}` } } });
    expect((await refusal(vault.client().send(read), RetryableError)).message).toContain('an answer of more than 100000 bytes');
  });
});

describe('errors of Vault', () => {
  test.each([400, 403, 404])('fails GIVEN %i that repeats what was sent: neither value nor token is shown', async (status) => {
    const vault = await vaultForTests(policy);
    const client = vault.client();
    await client.send(read);
    const [token = ''] = vault.tokens.live;
    const text = errors(`no: ${JSON.stringify(write.body)}`, `token ${token}`, 'permission denied', 'unshown');
    vault.inject({ match: isData, times: 9, effect: { answer: { status, text } } });
    const error = status === 403 ? await refusal(client.send(write), CredentialError) : undefined;
    const shown = error?.message ?? JSON.stringify((await client.send(write)).reasons);
    expect(shown).toContain('permission denied');
    for (const hidden of ['hunter2', token, 'unshown']) expect(shown).not.toContain(hidden);
  });

  test('GIVEN a text about a request without values THEN it is shown, without stretches that could be a secret', async () => {
    const vault = await vaultForTests(policy);
    vault.inject({ match: isData, effect: { answer: { status: 400, text: errors(`bad\nthing ${'A1b2'.repeat(10)} here`) } } });
    expect((await vault.client().send(read)).reasons).toEqual(['bad thing (…) here']);
  });

  test('GIVEN a namespace THEN each request carries it; the login too', async () => {
    const vault = await vaultForTests(policy, { namespace: 'identity/prod' });
    await vault.client({}, { namespace: 'identity/prod' }).send(read);
    expect(vault.requests.map(({ headers }) => headers['x-vault-namespace'])).toEqual(['identity/prod', 'identity/prod']);
    const error = await refusal(vault.client({}, { namespace: 'other' }).send(read), CredentialError);
    expect(error.message).toContain('404: no handler for route');
  });
});

describe('TLS', () => {
  test('GIVEN the CA that signed its certificate THEN it is trusted; any other is not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vault-tls-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const certificate = (name: string) => {
      const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
      const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key, '-out', cert, ...subject], {
        stdio: 'ignore',
      });
      return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    };
    const [own, other] = [certificate('vault'), certificate('other')];
    const vault = await vaultForTests(policy, { tls: own });
    expect(vault.url).toMatch(/^https:/);
    expect((await vault.client({}, { ca: own.cert }).send(read)).status).toBe(404);
    expect((await refusal(vault.client({}, { ca: other.cert }).send(read), CredentialError)).message).toContain('signed by another CA');
    expect((await refusal(vault.client().send(read), CredentialError)).message).toContain("set the vault's CA certificate");
    expect(vault.requests.map(({ path }) => path)).toEqual(['auth/jwt-aws/login', read.path]);
    // Node's switch for a whole process is none for whoever gets passwords.
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    await refusal(vault.client({}, { ca: other.cert }).send(read), CredentialError);
    expect(vault.requests).toHaveLength(2);
  });
});

describe('settings', () => {
  const settings: VaultSettings = {
    address: 'https://vault.example.com:8200',
    mount: 'secret',
    login: { jwt: { mount: 'jwt', role: 'rotate-credential', audience: 'https://vault.example.com' } },
  };

  test.each([
    'http://vault.example.com:8200',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a template that nobody resolves
    'http://vault.example.com:8200/${x}',
    'https://user@vault.example.com',
    'ftp://127.0.0.1',
  ])('fails GIVEN the address "%s", where a token would be read or lost', (address) => {
    expect(v.is(vaultSettingsSchema, { ...settings, address })).toBe(false);
  });

  test.each(['secret/..', '..', 'a/../b', 'a.', '/a', 'a/', 'a b', ''])('fails GIVEN the mount or namespace "%s"', (wrong) => {
    expect(v.is(vaultSettingsSchema, settings)).toBe(true);
    expect(v.is(vaultSettingsSchema, { ...settings, mount: wrong })).toBe(false);
    expect(v.is(vaultSettingsSchema, { ...settings, namespace: wrong })).toBe(false);
  });
});

describe('the sandbox’s vault', () => {
  test('fails GIVEN an operation that it does not have: 501, with where to add it', async () => {
    const vault = await startVaultServer({ kv: { secret: {} } });
    onTestFinished(() => vault.close());
    const headers = { 'x-vault-token': vault.tokens.root };
    for (const [method, path] of [
      ['PATCH', 'secret/data/a'],
      ['GET', 'secret/metadata/a?list=true'],
      ['POST', 'secret/undelete/a'],
      ['GET', 'secret/config'],
    ]) {
      const answer = await fetch(`${vault.url}/v1/${path}`, { method: method ?? '', headers });
      expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining('add it to sandbox/vault-server.ts')]);
    }
  });

  test('GIVEN custom metadata and versions to keep THEN they are kept; beyond the documented limits THEN refused', async () => {
    const vault = await startVaultServer({ kv: { secret: {} } });
    onTestFinished(() => vault.close());
    const post = async (path: string, body: object): Promise<unknown> => {
      const headers = { 'x-vault-token': vault.tokens.root };
      const answer = await fetch(`${vault.url}/v1/secret/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      const text = await answer.text();
      return text === '' ? answer.status : JSON.parse(text);
    };
    expect(await post('metadata/a', { max_versions: 2, cas_required: true, custom_metadata: { owner: 'team' } })).toBe(204);
    expect(await post('data/a', { data: { a: 1 } })).toEqual({ errors: ['check-and-set parameter required for this call'] });
    for (const cas of [0, 1, 2])
      expect(await post('data/a', { options: { cas }, data: { a: cas } })).toHaveProperty('data.version', cas + 1);
    const { data } = vault.secrets('secret').metadata('a');
    expect(data).toMatchObject({ custom_metadata: { owner: 'team' }, current_version: 3, oldest_version: 2, max_versions: 2 });
    expect(Object.keys(data?.versions as object)).toEqual(['2', '3']);
    for (const wrong of [
      { a: '' },
      { a: 'x'.repeat(513) },
      { ['k'.repeat(129)]: 'x' },
      { a: 'x\u0000' },
      Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, 'x'])),
    ])
      expect(await post('metadata/a', { custom_metadata: wrong })).toEqual({
        errors: [expect.stringContaining('custom_metadata validation failed')],
      });
  });

  test('GIVEN paths with wildcards in policies THEN the most specific counts, and deny wins within it', async () => {
    const vault = await startVaultServer({
      kv: { secret: {} },
      policies: { team: { 'secret/data/*': ['read'], 'secret/data/+/own': ['create', 'read'], 'secret/data/ad/hidden': ['deny'] } },
    });
    onTestFinished(() => vault.close());
    const { client_token: token } = vault.tokens.issue({ policies: ['team'], seconds: 60 });
    const status = async (method: string, path: string): Promise<number> => {
      const body = method === 'POST' ? { body: JSON.stringify({ data: {} }) } : {};
      return (await fetch(`${vault.url}/v1/secret/data/${path}`, { method, headers: { 'x-vault-token': String(token) }, ...body })).status;
    };
    expect(await status('GET', 'ad/any')).toBe(404);
    expect(await status('POST', 'ad/any')).toBe(403);
    expect(await status('GET', 'ad/hidden')).toBe(403);
    expect(await status('POST', 'ad/own')).toBe(200);
    expect(await status('POST', 'ad/own')).toBe(403);
  });
});
