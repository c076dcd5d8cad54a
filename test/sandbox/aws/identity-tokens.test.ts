/** Outbound identity federation: tokens that a role of the account proves itself with elsewhere, and what a server there sees of them. */
import { GetWebIdentityTokenCommand, type GetWebIdentityTokenCommandInput, STSClient } from '@aws-sdk/client-sts';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Statement } from '../../../sandbox/aws/iam/index.ts';
import { isSignedBy, readToken } from '../../../sandbox/json-web-token.ts';
import { account, clientOf, endpointForTests, failure, region, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const iam = (operation: string) => endpoint.call('operator', 'iam', operation, {});
const audience = 'https://wiki.example.com';
const narrow: Statement = {
  Effect: 'Allow',
  Action: 'sts:GetWebIdentityToken',
  Resource: '*',
  Condition: {
    'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': [audience] },
    Null: { 'sts:IdentityTokenAudience': 'false' },
    NumericLessThanEquals: { 'sts:DurationSeconds': '300' },
    StringEquals: { 'sts:SigningAlgorithm': 'RS256' },
  },
};
const clientAs = (name: string, statements: Statement[]) =>
  new STSClient(clientOf(endpoint, endpoint.credentialsFor(roleAllowed(endpoint, name, statements), name)));
const client = clientAs('proving', [narrow]);
const ask = (input: Partial<GetWebIdentityTokenCommandInput> = {}, by = client) =>
  by.send(new GetWebIdentityTokenCommand({ Audience: [audience], DurationSeconds: 300, SigningAlgorithm: 'RS256', ...input }));
const partsOf = (token = '') => {
  const parts = readToken(token);
  if (parts === undefined) throw new Error('no token');
  return parts;
};
const json = async (url: string) => (await (await fetch(url)).json()) as Record<string, unknown>;

beforeEach(async () => {
  await iam('EnableOutboundWebIdentityFederation').catch(() => undefined);
});

test('WHEN a role asks THEN the token says who it is, for whom and how long, and its issuer publishes the key', async () => {
  const { WebIdentityToken, Expiration } = await ask();
  const token = partsOf(WebIdentityToken);
  const { IssuerIdentifier } = await iam('GetOutboundWebIdentityFederationInfo');
  const role = `arn:aws:iam::${account}:role/proving`;
  expect(token.claims).toMatchObject({
    iss: IssuerIdentifier,
    aud: audience,
    sub: role,
    'https://sts.amazonaws.com/': { aws_account: account, source_region: region, principal_id: role },
  });
  expect(Number(token.claims.exp) - Number(token.claims.iat)).toBe(300);
  expect(Expiration?.getTime()).toBe(Number(token.claims.exp) * 1000);
  const discovery = await json(`${String(IssuerIdentifier)}/.well-known/openid-configuration`);
  expect(discovery).toMatchObject({ issuer: IssuerIdentifier });
  const { keys } = (await json(String(discovery.jwks_uri))) as { keys: { kid: string; d?: string }[] };
  const key = keys.find(({ kid }) => kid === token.header.kid);
  expect(key && isSignedBy(token, key as never)).toBe(true);
  expect(keys.filter((one) => 'd' in one)).toEqual([]);
});

test('GIVEN ES384 and several audiences WHEN the policy allows them THEN the token has both', async () => {
  const wide = clientAs('wide', [{ Effect: 'Allow', Action: ['sts:GetWebIdentityToken', 'sts:TagGetWebIdentityToken'], Resource: '*' }]);
  const { WebIdentityToken } = await ask({ Audience: ['a', 'b'], SigningAlgorithm: 'ES384', Tags: [{ Key: 'job', Value: '7' }] }, wide);
  expect(partsOf(WebIdentityToken)).toMatchObject({
    header: { alg: 'ES384' },
    claims: { aud: ['a', 'b'], 'https://sts.amazonaws.com/': { request_tags: { job: '7' } } },
  });
});

describe('fails', () => {
  test.each<[string, Partial<GetWebIdentityTokenCommandInput>]>([
    ['another audience than the policy pins', { Audience: ['https://other.example.com'] }],
    ['another audience beside', { Audience: [audience, 'https://other.example.com'] }],
    ['a longer life than the policy pins', { DurationSeconds: 301 }],
    ['another algorithm than the policy pins', { SigningAlgorithm: 'ES384' }],
    ['tags without sts:TagGetWebIdentityToken', { Tags: [{ Key: 'job', Value: '7' }] }],
  ])('for %s', async (_, input) => {
    expect((await failure(ask(input))).name).toBe('AccessDenied');
  });

  test.each<[string, Partial<GetWebIdentityTokenCommandInput>]>([
    ['no audience', { Audience: [''] }],
    ['HS256', { SigningAlgorithm: 'HS256' }],
    ['a life of seconds', { DurationSeconds: 59 }],
    ['a life of hours', { DurationSeconds: 3601 }],
  ])('for %s', async (_, input) => {
    expect((await failure(ask(input))).name).toMatch(/^Validation/);
  });

  test('for an account that has not turned it on; then its issuer says nothing either', async () => {
    const { IssuerIdentifier } = await iam('GetOutboundWebIdentityFederationInfo');
    await iam('DisableOutboundWebIdentityFederation');
    expect((await failure(ask())).name).toBe('OutboundWebIdentityFederationDisabledException');
    const discovery = await fetch(`${String(IssuerIdentifier)}/.well-known/openid-configuration`);
    expect(discovery.status).not.toBe(200);
    expect(await failure(iam('GetOutboundWebIdentityFederationInfo'))).toMatchObject({ code: 'FeatureDisabled' });
    await iam('EnableOutboundWebIdentityFederation');
    expect(await failure(iam('EnableOutboundWebIdentityFederation'))).toMatchObject({ code: 'FeatureEnabled' });
  });

  test('for a token that would outlive the session that asks', async () => {
    const inner = `arn:aws:iam::${account}:role/inner`;
    const outer = roleAllowed(endpoint, 'outer', [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: inner }]);
    endpoint.defineRole({
      arn: inner,
      trustPolicy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: outer }, Action: 'sts:AssumeRole' }] },
      policies: [
        {
          name: 'own',
          document: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:GetWebIdentityToken', Resource: '*' }] },
        },
      ],
    });
    const given = await endpoint.call({ roleArn: outer, sessionName: 's1' }, 'sts', 'AssumeRole', {
      RoleArn: inner,
      RoleSessionName: 'inner',
      DurationSeconds: 900,
    });
    const { AccessKeyId, SecretAccessKey, SessionToken } = given.Credentials as Record<string, string>;
    const session = { accessKeyId: AccessKeyId ?? '', secretAccessKey: SecretAccessKey ?? '', sessionToken: SessionToken ?? '' };
    const short = new STSClient(clientOf(endpoint, session));
    await ask({ DurationSeconds: 600 }, short);
    expect((await failure(ask({ DurationSeconds: 3600 }, short))).name).toMatch(/^SessionDurationEscalation/);
  });

  test('for a token of AWS’s own that is to lead back into AWS', async () => {
    const { IssuerIdentifier } = await iam('GetOutboundWebIdentityFederationInfo');
    const created = await endpoint.call('operator', 'iam', 'CreateOpenIDConnectProvider', {
      Url: IssuerIdentifier,
      ClientIDList: [audience],
    });
    const arn = `arn:aws:iam::${account}:role/circle`;
    endpoint.defineRole({
      arn,
      trustPolicy: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Federated: String(created.OpenIDConnectProviderArn) }, Action: 'sts:AssumeRoleWithWebIdentity' },
        ],
      },
      policies: [],
    });
    const { WebIdentityToken } = await ask();
    const entry = endpoint.call('operator', 'sts', 'AssumeRoleWithWebIdentity', {
      RoleArn: arn,
      RoleSessionName: 'circle',
      WebIdentityToken,
    });
    expect(await failure(entry)).toMatchObject({ code: 'InvalidIdentityToken' });
  });
});
