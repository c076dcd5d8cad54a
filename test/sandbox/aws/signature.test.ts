import { Sha256 } from '@aws-crypto/sha256-js';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, test } from 'vitest';
import { account, clientOf, endpointForTests, failure, region, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();

async function signed(at: Date, change: { body?: string; path?: string; headers?: Record<string, string> } = {}): Promise<Response> {
  const { host, port, hostname } = new URL(endpoint.url);
  const signer = new SignatureV4({ credentials: endpoint.operator, region, service: 'dynamodb', sha256: Sha256 });
  const request = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname,
      port: Number(port),
      path: '/',
      query: {},
      headers: { host, 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.ListTables' },
      body: '{}',
    },
    { signingDate: at },
  );
  const { host: _host, ...headers } = request.headers;
  return fetch(endpoint.url + (change.path ?? '/'), {
    method: 'POST',
    headers: { ...headers, ...change.headers },
    body: change.body ?? '{}',
  });
}

const typeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { __type: string }).__type.split('#').at(-1) ?? '';

describe('signatures', () => {
  test('GIVEN a request signed by an independent signer WHEN sent unchanged THEN it is taken', async () => {
    expect((await signed(new Date())).status).toBe(200);
  });

  test.each([
    ['body', { body: '{"Limit":1}' }],
    ['path', { path: '/elsewhere' }],
    ['query', { path: '/?a=b' }],
    ['signed header', { headers: { 'x-amz-target': 'DynamoDB_20120810.DescribeTable' } }],
  ])('fails GIVEN a signed request WHEN its %s is changed on the way', async (_what, change) => {
    const response = await signed(new Date(), change);
    expect(response.status).toBe(400);
    expect(await typeOf(response)).toBe('InvalidSignatureException');
  });

  test('fails GIVEN a signature of twenty minutes ago', async () => {
    const response = await signed(new Date(Date.now() - 20 * 60_000));
    expect(response.status).toBe(400);
    expect(((await response.json()) as { message: string }).message).toContain('Signature expired');
  });

  test('fails GIVEN no signature', async () => {
    const response = await fetch(endpoint.url, { method: 'POST', headers: { 'x-amz-target': 'DynamoDB_20120810.ListTables' }, body: '{}' });
    expect(await typeOf(response)).toBe('MissingAuthenticationTokenException');
  });

  test.each([
    ['DynamoDB', () => new DynamoDBClient(wrongSecret).send(new ListTablesCommand({})), 'InvalidSignatureException'],
    ['STS', () => new STSClient(wrongSecret).send(new GetCallerIdentityCommand({})), 'SignatureDoesNotMatch'],
    ['S3', () => new S3Client(wrongSecret).send(new ListBucketsCommand({})), 'SignatureDoesNotMatch'],
  ])("fails GIVEN a wrong secret WHEN calling %s THEN with that service's code", async (_service, call, code) => {
    expect((await failure(call())).name).toBe(code);
  });

  test.each([
    ['DynamoDB', () => new DynamoDBClient(unknownKey).send(new ListTablesCommand({})), 'UnrecognizedClientException'],
    ['STS', () => new STSClient(unknownKey).send(new GetCallerIdentityCommand({})), 'InvalidClientTokenId'],
    ['S3', () => new S3Client(unknownKey).send(new ListBucketsCommand({})), 'InvalidAccessKeyId'],
  ])("fails GIVEN an unknown key WHEN calling %s THEN with that service's code", async (_service, call, code) => {
    expect((await failure(call())).name).toBe(code);
  });

  test('fails GIVEN a session key WHEN its token is left out or is of another session', async () => {
    const role = roleAllowed(endpoint, 'signer', []);
    const [one, other] = [endpoint.credentialsFor(role, 'one'), endpoint.credentialsFor(role, 'other')];
    for (const sessionToken of [undefined, other.sessionToken]) {
      const { sessionToken: _own, ...bare } = one;
      const credentials = sessionToken === undefined ? bare : { ...bare, sessionToken };
      const error = await failure(new STSClient(clientOf(endpoint, credentials)).send(new GetCallerIdentityCommand({})));
      expect(error.name).toBe('InvalidClientTokenId');
    }
  });

  test('fails GIVEN credentials for another region', async () => {
    const error = await failure(new DynamoDBClient({ ...clientOf(endpoint), region: 'us-west-2' }).send(new ListTablesCommand({})));
    expect(error.message).toContain("not 'us-west-2'");
  });

  test('GIVEN session credentials WHEN they sign THEN the caller is the session', async () => {
    const role = roleAllowed(endpoint, 'someone', []);
    const identity = await new STSClient(clientOf(endpoint, endpoint.credentialsFor(role, 'here'))).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({ Account: account, Arn: `arn:aws:sts::${account}:assumed-role/someone/here` });
  });

  const wrongSecret = clientOf(endpoint, { ...endpoint.operator, secretAccessKey: 'wrong' });
  const unknownKey = clientOf(endpoint, { ...endpoint.operator, accessKeyId: 'AKIAIOSFODNN7EXAMPLE' });
});

describe('requests beyond the endpoint', () => {
  test('fails GIVEN a service that is not there THEN 501 names it', async () => {
    const signer = new SignatureV4({ credentials: endpoint.operator, region, service: 'athena', sha256: Sha256 });
    const { host, port, hostname } = new URL(endpoint.url);
    const request = await signer.sign({
      method: 'GET',
      protocol: 'http:',
      hostname,
      port: Number(port),
      path: '/',
      query: {},
      headers: { host },
    });
    const { host: _host, ...headers } = request.headers;
    const response = await fetch(endpoint.url, { headers });
    expect(response.status).toBe(501);
    expect(await response.text()).toContain('athena');
  });

  test('fails GIVEN a body over 6 MB THEN 413', async () => {
    const response = await fetch(endpoint.url, {
      method: 'POST',
      headers: { authorization: 'none' },
      body: Buffer.alloc(7 * 1024 * 1024),
    }).catch((error: unknown) => error);
    // The endpoint may cut the connection while the rest is still being sent
    if (response instanceof Response) expect(response.status).toBe(413);
    else expect(response).toBeInstanceOf(Error);
  });
});
