import { describe, expect, test } from 'vitest';
import { CredentialError } from '../../handlers/credentials/credential-error.ts';
import { callerIdentityProof } from '../../handlers/credentials/vault/caller-identity.ts';
import { vaultPolicy } from '../../handlers/credentials/vault/permissions.ts';
import type { VaultSettings } from '../../handlers/credentials/vault/vault-settings.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import type { AwsMethod } from '../../sandbox/vault/aws-login.ts';
import { account, endpointForTests, region, roleAllowed } from '../sandbox/aws/endpoint-fixture.ts';
import { refusal } from './credential-store-contract.ts';
import { tokenIssuer } from './token-issuer.ts';
import { audience, issuer, mount, vaultForTests } from './vault-fixture.ts';

const policy = vaultPolicy(mount, 'ad/service');
const read = { method: 'GET', path: `${mount}/data/ad/service` } as const;
const loginsOf = (vault: { readonly requests: readonly { readonly path: string }[] }): number =>
  vault.requests.filter(({ path }) => path.endsWith('/login')).length;

describe('a login by JWT', () => {
  test('GIVEN a token for the audience THEN it is asked for once, and the login used for many requests and those who ask at once', async () => {
    const vault = await vaultForTests(policy);
    const asked: string[] = [];
    const client = vault.client({
      webIdentityToken: async (of) => {
        asked.push(of);
        return issuer.token(of);
      },
    });
    await Promise.all([client.send(read), client.send(read)]);
    expect((await client.send(read)).status).toBe(404);
    expect(asked).toEqual([audience]);
    expect(vault.tokens.live).toHaveLength(1);
  });

  test('GIVEN keys of RSA THEN such a token logs in', async () => {
    const other = tokenIssuer('RS256');
    const role = { boundAudiences: [audience], boundClaims: { sub: [other.subject] }, policies: ['rotation'], seconds: 60 };
    const jwt = { 'jwt-aws': { boundIssuer: other.issuer, keys: other.keys, roles: { 'rotate-credential': role } } };
    const vault = await vaultForTests(policy, { jwt });
    expect((await vault.client({ webIdentityToken: async (of) => other.token(of) }).send(read)).status).toBe(404);
  });

  test('GIVEN the lease is about to end, or the token is revoked THEN it logs in anew, and the request is answered', async () => {
    let now = new Date();
    const vault = await vaultForTests(policy, { now: () => now });
    const client = vault.client();
    await client.send(read);
    now = new Date(now.getTime() + 830_000);
    await client.send(read);
    expect(loginsOf(vault)).toBe(1);
    now = new Date(now.getTime() + 11_000);
    await client.send(read);
    expect(loginsOf(vault)).toBe(2);
    vault.tokens.revokeAll();
    await Promise.all([client.send(read), client.send(read)]);
    expect(loginsOf(vault)).toBe(3);
  });

  test('GIVEN it signs out THEN the token is good for nothing any more; without a login nothing is sent', async () => {
    const vault = await vaultForTests(policy);
    const client = vault.client();
    await client.signOut();
    expect(vault.requests).toEqual([]);
    await client.send(read);
    await client.signOut();
    expect(vault.tokens.live).toEqual([]);
    await client.send(read);
    expect(loginsOf(vault)).toBe(2);
  });

  test('GIVEN Vault is away when it signs out THEN that is no failure', async () => {
    const vault = await vaultForTests(policy);
    const client = vault.client();
    await client.send(read);
    await vault.close();
    await expect(client.signOut()).resolves.toBeUndefined();
  });

  const stranger = tokenIssuer();
  const seconds = Math.floor(Date.now() / 1000);
  const unsigned = (token: string): string => token.slice(0, token.lastIndexOf('.') + 1);
  test.each([
    ['another audience', issuer.token('https://other.example.com'), 'invalid audience (aud) claim'],
    ['another issuer', issuer.token(audience, { iss: 'https://issuer.example.com' }), 'invalid issuer (iss) claim'],
    ['another subject', issuer.token(audience, { sub: 'arn:aws:iam::444455556666:role/x' }), 'invalid subject (sub) claim'],
    ['an end that has passed', issuer.token(audience, { nbf: seconds - 900, iat: seconds - 900, exp: seconds - 61 }), 'token is expired'],
    ['a beginning to come', issuer.token(audience, { nbf: seconds + 120 }), 'token not yet valid'],
    ['no time at all', issuer.token(audience, { iat: undefined, nbf: undefined, exp: undefined }), 'no issued at'],
    ['another key under the same name', stranger.token(audience), 'no known key successfully validated'],
    ['another key of its own name', tokenIssuer('ES384', 'key-2').token(audience), 'no known key successfully validated'],
    ['the algorithm none', unsigned(issuer.token(audience, {}, { alg: 'none' })), 'unsupported signing algorithm'],
    ['the algorithm HS256', issuer.token(audience, {}, { alg: 'HS256' }), 'unsupported signing algorithm'],
    ['the algorithm of another key', issuer.token(audience, {}, { alg: 'RS256' }), 'no known key successfully validated'],
    ['a changed payload', `${issuer.token(audience)}`.replace(/\.(.{9})./, '.$1_'), 'error'],
    ['nothing in it', 'hunter2', 'not a compact JWS'],
  ])('fails GIVEN a token with %s: refused, nothing is kept, and the token is not in the error', async (_, token, reason) => {
    const vault = await vaultForTests(policy);
    const error = await refusal(vault.client({ webIdentityToken: async () => token }).send(read), CredentialError);
    expect(error.message).toContain('vault refused auth/jwt-aws/login of role "rotate-credential" (400: ');
    expect(error.message).toContain(reason);
    expect(error.message).toContain(`the audience "${audience}"`);
    expect(error.message).not.toContain(token.split('.')[2] || token);
    expect(vault.tokens.live).toEqual([]);
  });

  test('GIVEN clocks that differ by less than the leeway THEN the token is taken', async () => {
    const vault = await vaultForTests(policy);
    const token = issuer.token(audience, { nbf: seconds - 900, iat: seconds - 900, exp: seconds - 30 });
    expect((await vault.client({ webIdentityToken: async () => token }).send(read)).status).toBe(404);
  });

  test.each([
    ['role', { mount: 'jwt-aws', role: 'nobody', audience }, 'role "nobody" could not be found'],
    ['method', { mount: 'elsewhere', role: 'rotate-credential', audience }, '403'],
  ])('fails GIVEN there is no such %s', async (_, jwt, reason) => {
    const vault = await vaultForTests(policy);
    expect((await refusal(vault.client({}, { login: { jwt } }).send(read), CredentialError)).message).toContain(reason);
  });

  test('fails GIVEN STS gives no token: its error is the caller’s, and the next request asks again', async () => {
    const vault = await vaultForTests(policy);
    let answers = 0;
    const webIdentityToken = async (of: string): Promise<string> => {
      answers += 1;
      if (answers === 1) throw new RetryableError('sts is busy');
      return issuer.token(of);
    };
    const client = vault.client({ webIdentityToken });
    await refusal(client.send(read), RetryableError);
    expect((await client.send(read)).status).toBe(404);
  });

  test.each([
    ['no token', { auth: null }],
    ['a second factor', { auth: { client_token: '', lease_duration: 0, mfa_requirement: {} } }],
    ['a token that would break a header', { auth: { client_token: 'a\r\nx: y', lease_duration: 60 } }],
  ])('fails GIVEN the answer has %s', async (_, body) => {
    const vault = await vaultForTests(policy);
    vault.inject({ effect: { answer: { status: 200, text: JSON.stringify(body) } } });
    expect((await refusal(vault.client().send(read), CredentialError)).message).toContain('gave no token');
  });
});

describe('a login by AWS IAM', async () => {
  const endpoint = await endpointForTests();
  const roleArn = roleAllowed(endpoint, 'rotate-credential', []);
  const signer = { region, credentials: { ...endpoint.credentialsFor(roleArn, 'session') } };
  const serverId = 'vault.example.com';
  const bound = { boundIamPrincipalArns: [roleArn], policies: ['rotation'], seconds: 900 };
  const method: AwsMethod = {
    stsUrl: endpoint.url,
    stsHosts: [`sts.${region}.amazonaws.com`],
    serverId,
    roles: { 'rotate-credential': bound },
  };
  const login: VaultSettings['login'] = { awsIam: { mount: 'aws', role: 'rotate-credential', serverId } };

  test('GIVEN a role that is bound THEN its signed GetCallerIdentity logs in', async () => {
    const vault = await vaultForTests(policy, { aws: { aws: method } });
    expect((await vault.client({ signer }, { login }).send(read)).status).toBe(404);
    expect(vault.tokens.live).toHaveLength(1);
  });

  test('GIVEN no server id is asked for THEN none is sent', async () => {
    const { serverId: _, ...open } = method;
    const vault = await vaultForTests(policy, {
      aws: { aws: { ...open, roles: { 'rotate-credential': { ...bound, boundIamPrincipalArns: [`arn:aws:iam::${account}:role/*`] } } } },
    });
    const plain = { awsIam: { mount: 'aws', role: 'rotate-credential' } };
    expect((await vault.client({ signer }, { login: plain }).send(read)).status).toBe(404);
    const { fields } = await callerIdentityProof(signer, undefined);
    expect(Buffer.from(fields.iam_request_headers ?? '', 'base64').toString()).not.toContain('Server-Id');
  });

  const of = (more: object): VaultSettings['login'] => ({ awsIam: { mount: 'aws', role: 'rotate-credential', serverId, ...more } });
  const otherRole = { region, credentials: { ...endpoint.credentialsFor(roleAllowed(endpoint, 'other', []), 'session') } };
  const wrongSecret = { region, credentials: { ...signer.credentials, secretAccessKey: 'hunter2-wrong-secret-access-key' } };
  test.each([
    ['another role of AWS', otherRole, login, 'does not belong to the role "rotate-credential"'],
    ['a wrong secret key', wrongSecret, login, 'received error code 403 from STS'],
    ['another server id', signer, of({ serverId: 'other.example.com' }), 'expected "vault.example.com" but got "other.example.com"'],
    ['no server id', signer, of({ serverId: undefined }), 'missing header'],
    ['another region', { ...signer, region: 'us-west-2' }, login, 'is no endpoint of STS'],
    ['no such role', signer, of({ role: 'nobody' }), 'entry for role nobody not found'],
  ])('fails GIVEN %s: refused, and no credentials are in the error', async (_, signedBy, how, reason) => {
    const vault = await vaultForTests(policy, { aws: { aws: method } });
    const error = await refusal(vault.client({ signer: signedBy }, { login: how }).send(read), CredentialError);
    expect(error.message).toMatch(new RegExp(reason));
    expect(error.message).not.toContain(signer.credentials.sessionToken);
    expect(error.message).not.toContain(signedBy.credentials.secretAccessKey);
    expect(error.message).toContain('bound_iam_principal_arn');
  });

  test.each([
    ['another call', { iam_request_body: 'Action=AssumeRole&Version=2011-06-15' }, 'only Action=GetCallerIdentity'],
    ['a call in the query', { iam_request_url: `https://sts.${region}.amazonaws.com/?Action=AssumeRole` }, 'only Action=GetCallerIdentity'],
    ['a host that is not STS', { iam_request_url: 'https://evil.example.com/' }, 'is no endpoint of STS'],
  ])('fails GIVEN a proof for %s: Vault sends it nowhere', async (_, changed, reason) => {
    const vault = await vaultForTests(policy, { aws: { aws: method } });
    const encoded = Object.fromEntries(Object.entries(changed).map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
    const proof = { role: 'rotate-credential', ...(await callerIdentityProof(signer, serverId)).fields, ...encoded };
    endpoint.clearCalls();
    const answer = await fetch(`${vault.url}/v1/auth/aws/login`, { method: 'POST', body: JSON.stringify(proof) });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(reason)]);
    expect(endpoint.calls).toEqual([]);
  });

  test('fails GIVEN Vault repeats what it was sent: neither signature nor session token is shown', async () => {
    const vault = await vaultForTests(policy, { aws: { aws: method } });
    const text = JSON.stringify({ errors: [`no: ${signer.credentials.sessionToken}`, 'Signature=0123456789abcdef0123456789abcdef'] });
    vault.inject({ effect: { answer: { status: 400, text } } });
    const error = await refusal(vault.client({ signer }, { login }).send(read), CredentialError);
    expect(error.message).toContain('(400: (not shown); (…))');
  });

  test('fails GIVEN the server id is added after signing', async () => {
    const vault = await vaultForTests(policy, { aws: { aws: method } });
    const { fields } = await callerIdentityProof(signer, undefined);
    const headers = JSON.parse(Buffer.from(fields.iam_request_headers ?? '', 'base64').toString());
    const added = Buffer.from(JSON.stringify({ ...headers, 'X-Vault-AWS-IAM-Server-ID': [serverId] })).toString('base64');
    const body = JSON.stringify({ role: 'rotate-credential', ...fields, iam_request_headers: added });
    const answer = await fetch(`${vault.url}/v1/auth/aws/login`, { method: 'POST', body });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("vault header wasn't signed")]);
  });

  test('GIVEN a region of another partition THEN its endpoint is asked', async () => {
    const { fields } = await callerIdentityProof({ ...signer, region: async () => 'cn-north-1' }, undefined);
    expect(Buffer.from(fields.iam_request_url ?? '', 'base64').toString()).toBe('https://sts.cn-north-1.amazonaws.com.cn/');
  });
});
