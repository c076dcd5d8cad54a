/** What a stack says about federation, as the sandbox applies it: providers, how long sessions last, roles of another account. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AwsEndpoint, startEndpoint } from '../../../sandbox/aws/endpoint.ts';
import { applyStack } from '../../../sandbox/terraform/apply-stack.ts';
import { startTokenServer, usualAudience } from '../../../sandbox/token-server.ts';
import { expression as $, type Blocks, document, writeStack } from '../runtime/small-stack.ts';

const account = '111122223333';
const otherAccount = '444455556666';

describe('applyStack', () => {
  let endpoint: AwsEndpoint;
  const folders: string[] = [];

  beforeEach(async () => {
    endpoint = await startEndpoint({ region: 'eu-central-1', account, identityStoreId: 'd-1234567890' });
  });
  afterEach(async () => {
    await endpoint.close();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  const apply = (resource: Blocks, owner = account) => {
    const folder = writeStack(resource, {}, { provider: { aws: [{ region: 'eu-central-1', allowed_account_ids: [owner] }] } });
    folders.push(folder);
    return applyStack({ stackDirectory: folder, endpoint, variables: {}, account: owner });
  };
  const provider = (more: Record<string, unknown> = {}): Blocks => ({
    aws_iam_openid_connect_provider: { ci: { url: 'https://idp.example.com/tenant', client_id_list: [usualAudience], ...more } },
  });
  const role = (more: Record<string, unknown> = {}): Blocks => ({
    aws_iam_role: {
      deploy: {
        name: 'deploy',
        assume_role_policy: document([
          {
            Effect: 'Allow',
            Principal: { Federated: $('aws_iam_openid_connect_provider.ci.arn') },
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: { StringEquals: { [`${$('aws_iam_openid_connect_provider.ci.url')}:aud`]: usualAudience } },
          },
        ]),
        ...more,
      },
    },
  });

  it('GIVEN a provider and a role that trusts it WHEN applied THEN a token of the issuer gets the role, for as long as the stack says', async () => {
    await apply({ ...provider(), ...role({ max_session_duration: 7200 }) });
    const issuer = await startTokenServer({ issuer: 'https://idp.example.com/tenant' });
    endpoint.resolveIssuer(issuer.issuer, issuer.url);
    const assume = (DurationSeconds: number) =>
      endpoint.call('operator', 'sts', 'AssumeRoleWithWebIdentity', {
        RoleArn: `arn:aws:iam::${account}:role/deploy`,
        RoleSessionName: 'ci',
        WebIdentityToken: issuer.token(),
        DurationSeconds,
      });
    expect(await assume(7200)).toMatchObject({ Provider: `arn:aws:iam::${account}:oidc-provider/idp.example.com/tenant` });
    await expect(assume(7201)).rejects.toMatchObject({ code: 'ValidationError' });
    await issuer.close();
  });

  it('WHEN a provider is applied THEN IAM shows it as it was written', async () => {
    await apply(provider({ thumbprint_list: ['9e99a48a9960b14926bb7f3b02e22da2b0ab7280'], tags: { Team: 'identity' } }));
    const OpenIDConnectProviderArn = `arn:aws:iam::${account}:oidc-provider/idp.example.com/tenant`;
    expect(await endpoint.call('operator', 'iam', 'GetOpenIDConnectProvider', { OpenIDConnectProviderArn })).toMatchObject({
      Url: 'idp.example.com/tenant',
      ClientIDList: [usualAudience],
      ThumbprintList: ['9e99a48a9960b14926bb7f3b02e22da2b0ab7280'],
    });
    expect(await endpoint.call('operator', 'iam', 'ListOpenIDConnectProviders', {})).toEqual({
      OpenIDConnectProviderList: [{ Arn: OpenIDConnectProviderArn }],
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['plain HTTP', { url: 'http://idp.example.com' }, 'http://idp.example.com'],
    ['a query', { url: 'https://idp.example.com?a=1' }, 'https://idp.example.com?a=1'],
    ['no URL', { url: undefined }, 'url is missing'],
    ['a thumbprint that is none', { thumbprint_list: ['abc'] }, 'ThumbprintList'],
    ['an audience too long', { client_id_list: ['x'.repeat(256)] }, 'ClientIDList'],
    ['an argument that the sandbox does not know', { jwks: '{}' }, 'jwks'],
  ])('fails for a provider with %s, and names it', async (_, more, named) => {
    await expect(apply(provider(more))).rejects.toThrow(named);
  });

  it('fails for a second provider of one URL', async () => {
    const [[, first] = []] = Object.entries(provider().aws_iam_openid_connect_provider ?? {});
    await expect(apply({ aws_iam_openid_connect_provider: { one: { ...first }, two: { ...first } } })).rejects.toThrow('already exists');
  });

  it.each([3599, 43_201])('fails for sessions of %d seconds', async (seconds) => {
    await expect(apply({ ...provider(), ...role({ max_session_duration: seconds }) })).rejects.toThrow(
      `max_session_duration is ${seconds}`,
    );
  });

  it('GIVEN a stack of another account WHEN applied THEN its roles are there, and this account’s IAM does not list them', async () => {
    const trust = document([{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'sts:AssumeRole' }]);
    const stack = await apply(
      { aws_iam_role: { access: { name: 'access', path: '/directory/', assume_role_policy: trust } } },
      otherAccount,
    );
    expect(stack.account).toBe(otherAccount);
    expect(stack.roles.map(({ arn }) => arn)).toEqual([`arn:aws:iam::${otherAccount}:role/directory/access`]);
    expect(endpoint.credentialsFor(`arn:aws:iam::${otherAccount}:role/directory/access`, 's1').accessKeyId).toMatch(/^ASIA/);
    expect(await endpoint.call('operator', 'iam', 'ListRoles', {})).toMatchObject({ Roles: [] });
  });

  it('fails for anything but roles in a stack of another account, and names it', async () => {
    const queue = { aws_sqs_queue: { jobs: { name: 'jobs' } } };
    await expect(apply(queue, otherAccount)).rejects.toThrow(`aws_sqs_queue.jobs: the sandbox plays roles of account ${otherAccount}`);
    await expect(apply(provider(), otherAccount)).rejects.toThrow('aws_iam_openid_connect_provider.ci');
  });
});
