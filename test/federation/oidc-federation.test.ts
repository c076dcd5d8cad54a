/** Which tokens open a federated role, decided by the sandbox's IAM on the synthesized trust policies. */
import { describe, expect, it, test } from 'vitest';
import { issuers, subjects } from '../../modules/index.ts';
import { adFs, anyIssuer, federated, opens, roleMappings, type Token } from './federated.ts';

const refused = (what: string, changes: Partial<Token>): [string, Partial<Token>, boolean] => [what, changes, false];
const taken = (what: string, changes: Partial<Token>): [string, Partial<Token>, boolean] => [what, changes, true];

describe('GIVEN a role for a job of GitHub Actions WHEN a token comes', () => {
  const issuer = issuers.gitHubActions();
  const subject = subjects.gitHub({ organization: 'example', repository: 'identity', environment: 'prod' });
  const world = federated({ issuer }, [{ name: 'deploy', subject }]);
  const right: Token = { issuer: issuer.url, aud: 'sts.amazonaws.com', sub: 'repo:example/identity:environment:prod' };

  it.each([
    taken('the right one', {}),
    refused('of another environment', { sub: 'repo:example/identity:environment:dev' }),
    refused('of a pull request', { sub: 'repo:example/identity:pull_request' }),
    refused('of a branch', { sub: 'repo:example/identity:ref:refs/heads/main' }),
    refused('of another repository', { sub: 'repo:example/other:environment:prod' }),
    refused('of another organization', { sub: 'repo:exampl3/identity:environment:prod' }),
    refused('with more behind the subject', { sub: 'repo:example/identity:environment:production' }),
    refused('in capitals', { sub: 'REPO:EXAMPLE/IDENTITY:ENVIRONMENT:PROD' }),
    refused('for another audience', { aud: 'https://github.com/example' }),
    refused('of another issuer', { issuer: 'https://token.actions.example.com' }),
    refused('with a session tag', { tags: { role: 'admin' } }),
  ])('%s', (_what, changes, expected) => {
    expect(opens(world, 'deploy', { ...right, ...changes })).toBe(expected);
  });

  it.each(['aud', 'sub'] as const)('without %s THEN it is refused', (claim) => {
    const { [claim]: _, ...rest } = right;
    expect(opens(world, 'deploy', rest)).toBe(false);
  });
});

describe('GIVEN roles of the role mappings at AD FS WHEN a token comes', () => {
  const world = federated({ issuer: adFs, roleMappings: [...roleMappings] as never }, [
    { name: 'developers', role: 'developers' },
    { name: 'auditors', role: 'auditors' },
  ]);
  const right: Token = { issuer: adFs.url, aud: 'aws-cli', sub: 'any', tags: { 'role:developers': 'developers' } };

  it.each([
    taken('that states the role', {}),
    taken('of somebody with both roles', { tags: { 'role:developers': 'developers', 'role:auditors': 'auditors' } }),
    refused('without a tag', { tags: {} }),
    refused('that states another role', { tags: { 'role:auditors': 'auditors' } }),
    refused('that states another role under its key', { tags: { 'role:developers': 'auditors' } }),
    refused('that states it in capitals', { tags: { 'role:developers': 'Developers' } }),
    refused('that states a pattern', { tags: { 'role:developers': '*' } }),
    refused('with a tag of nobody', { tags: { 'role:developers': 'developers', CostCentre: '1' } }),
    refused('for another client', { aud: 'another-client' }),
    refused('of another issuer', { issuer: 'https://adfs.example.org/adfs' }),
    refused('of the host alone', { issuer: 'https://adfs.example.com' }),
  ])('%s', (_what, changes, expected) => {
    expect(opens(world, 'developers', { ...right, ...changes })).toBe(expected);
  });

  it('THEN the claims say which group has to get which claim', () => {
    const { claims } = world.federation;
    expect(claims.map(({ roleArn: _, ...row }) => row)).toEqual([
      {
        role: 'developers',
        group: { name: 'AWS-Developers' },
        claim: 'https://aws.amazon.com/tags/principal_tags/role:developers',
        value: 'developers',
      },
      {
        role: 'auditors',
        group: { dn: 'CN=AWS-Auditors,OU=Groups,DC=corp,DC=example,DC=com' },
        claim: 'https://aws.amazon.com/tags/principal_tags/role:auditors',
        value: 'auditors',
      },
    ]);
  });
});

describe('GIVEN a role by the group claim of an issuer that lets one write it WHEN a token comes', () => {
  const world = federated({ issuer: anyIssuer, roleMappings: [...roleMappings] as never }, [
    { name: 'payments', role: 'team-payments', match: 'group-claim' },
  ]);
  const right: Token = { issuer: anyIssuer.url, aud: 'aws', sub: 'any', amr: ['pwd', 'AWS-Team-payments'] };

  it.each([
    taken('of a member', {}),
    refused('of a member of another team', { amr: ['pwd', 'AWS-Team-search'] }),
    refused('of somebody in no group', { amr: ['pwd'] }),
    refused('with an empty claim', { amr: [] }),
    refused('with a session tag', { tags: { 'role:team-payments': 'team-payments' } }),
  ])('%s', (_what, changes, expected) => {
    expect(opens(world, 'payments', { ...right, ...changes })).toBe(expected);
  });

  it('THEN the claims name the group that the pattern means', () => {
    expect(world.federation.claims).toMatchObject([{ group: { name: 'AWS-Team-payments' }, claim: 'amr', value: 'AWS-Team-payments' }]);
  });
});

test('GIVEN a subject and a role WHEN a token comes THEN both have to be right', () => {
  const world = federated({ issuer: adFs, roleMappings: [...roleMappings] as never }, [
    { name: 'one', role: 'developers', subject: { equals: 'alice' } },
  ]);
  const token: Token = { issuer: adFs.url, aud: 'aws-cli', sub: 'alice', tags: { 'role:developers': 'developers' } };
  expect(opens(world, 'one', token)).toBe(true);
  expect(opens(world, 'one', { ...token, sub: 'bob' })).toBe(false);
  expect(opens(world, 'one', { ...token, tags: {} })).toBe(false);
});

test('GIVEN a pattern WHEN a token of HCP Terraform comes THEN its phases are in, and no other workspace', () => {
  const issuer = issuers.hcpTerraform();
  const subject = subjects.hcpTerraform({ organization: 'example', project: 'Default Project', workspace: 'prod' });
  const world = federated({ issuer }, [{ name: 'run', subject }]);
  const sub = (workspace: string) => `organization:example:project:Default Project:workspace:${workspace}:run_phase:apply`;
  const token: Token = { issuer: issuer.url, aud: 'aws.workload.identity' };
  expect(opens(world, 'run', { ...token, sub: sub('prod') })).toBe(true);
  expect(opens(world, 'run', { ...token, sub: sub('prod-two') })).toBe(false);
});

test('GIVEN two audiences WHEN a role names one THEN the other does not open it', () => {
  const issuer = issuers.entraId({ tenantId: '11111111-2222-3333-4444-555555555555', clientIds: ['api://one', 'api://two'] });
  const world = federated({ issuer }, [
    { name: 'first', subject: { equals: 'robot' }, audiences: ['api://one'] },
    { name: 'both', subject: { equals: 'robot' } },
  ]);
  const token: Token = { issuer: issuer.url, aud: 'api://two', sub: 'robot' };
  expect([opens(world, 'first', token), opens(world, 'both', token)]).toEqual([false, true]);
});

test('GIVEN presets THEN their issuers are those of the makers, to the slash', () => {
  const tenantId = '11111111-2222-3333-4444-555555555555';
  expect([
    adFs.url,
    issuers.entraId({ tenantId, clientIds: ['x'] }).url,
    issuers.entraId({ tenantId, clientIds: ['x'], version: '1.0' }).url,
    issuers.gitHubActions({ serverHost: 'github.example.com' }).url,
    issuers.hcpTerraform({ host: 'tfe.example.com' }).url,
  ]).toEqual([
    'https://adfs.example.com/adfs',
    `https://login.microsoftonline.com/${tenantId}/v2.0`,
    `https://sts.windows.net/${tenantId}/`,
    'https://github.example.com/_services/token',
    'https://tfe.example.com',
  ]);
});

test('GIVEN ids of organization and repository WHEN the subject is made THEN it is the immutable one', () => {
  const ids = { organization: '123456', repository: '456789' };
  expect(subjects.gitHub({ organization: 'example', repository: 'identity', ids, branch: 'main' })).toEqual({
    equals: 'repo:example@123456/identity@456789:ref:refs/heads/main',
  });
});

test('GIVEN an existing provider WHEN synthesized THEN none is created, and it is the principal', () => {
  const arn = 'arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com';
  const subject = subjects.gitHub({ organization: 'example', repository: 'identity', tag: 'v1' });
  const { template } = federated({ issuer: issuers.gitHubActions(), existingProviderArn: arn }, [{ name: 'one', subject }]);
  expect(template.types).not.toContain('aws_iam_openid_connect_provider');
  expect(JSON.parse(template.one('aws_iam_role').assume_role_policy).Statement[0].Principal).toEqual({ Federated: arn });
});

test('GIVEN hours, a boundary and a grant WHEN synthesized THEN the role has them, and no more', () => {
  const boundary = 'arn:aws:iam::111122223333:policy/boundary';
  const { template, federation } = federated({ issuer: anyIssuer }, []);
  expect(federation.claims).toEqual([]);
  expect(template.all('aws_iam_role')).toEqual([]);
  const bounded = federated({ issuer: anyIssuer }, [
    { name: 'one', subject: { equals: 'robot' }, sessionHours: 4, permissionsBoundaryArn: boundary, path: '/people/' },
  ]);
  expect(bounded.template.one('aws_iam_role')).toMatchObject({
    max_session_duration: 14_400,
    permissions_boundary: boundary,
    path: '/people/',
  });
  expect(bounded.template.types).not.toContain('aws_iam_role_policy');
});
