/**
 * From the props to the credentials: trust policies as they are synthesized for each maker's issuer, evaluated by the sandbox's STS with real
 * tokens of that issuer, and with those that an attacker has.
 */
import { describe, expect, it, test } from 'vitest';
import { type FederatedRoleProps, type Issuer, issuers, subjects } from '../../modules/index.ts';
import type { Claims } from '../../sandbox/json-web-token.ts';
import type { TokenServer } from '../../sandbox/token-server.ts';
import { failure } from '../sandbox/aws/endpoint-fixture.ts';
import { webIdentityWorld } from '../sandbox/aws/web-identity-world.ts';
import { adFs, federated, roleMappings, trustPolicyOf } from './federated.ts';

const tenantId = '11111111-2222-3333-4444-555555555555';
const clientId = '66666666-7777-8888-9999-000000000000';
const objectId = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const other = 'another-client';

/** Issuers that know a second client, for whose tokens the role is not. */
const entra = issuers.entraId({ tenantId, clientIds: [clientId, other] });
const entraV1 = issuers.entraId({ tenantId, clientIds: [clientId, other], version: '1.0' });
const corporate = issuers.adFs({ host: 'adfs.example.com', clientIds: [...adFs.audiences, other] });
const withOther = (issuer: Issuer): Issuer => ({ ...issuer, audiences: [...issuer.audiences, other] });
const gitHub = withOther(issuers.gitHubActions());
const terraform = withOther(issuers.hcpTerraform());

const prod = { organization: 'example', repository: 'identity', environment: 'prod' };
const ids = { organization: '123456', repository: '456789' };
const workspace = { organization: 'example', project: 'Default Project', workspace: 'prod' };

interface Preset {
  readonly what: string;
  readonly issuer: Issuer;
  readonly role: Omit<FederatedRoleProps, 'description' | 'audiences' | 'name'>;
  /** Of the right token, `aud` aside. */
  readonly right: Claims;
  /** Subjects of other people and pipelines. */
  readonly others: readonly string[];
}

const presets: readonly Preset[] = [
  {
    what: 'GitHub Actions',
    issuer: gitHub,
    role: { subject: subjects.gitHub(prod) },
    right: { sub: 'repo:example/identity:environment:prod', repository: 'example/identity', environment: 'prod' },
    others: [
      'repo:example/identity:environment:dev',
      'repo:example/identity:environment:prod2',
      'repo:example/identity:environment:Prod',
      'repo:example/identity:pull_request',
      'repo:example/identity:ref:refs/heads/prod',
      'repo:example/other:environment:prod',
      'repo:exаmple/identity:environment:prod',
      'repo:example@123456/identity@456789:environment:prod',
      'repo:example/identity:environment:prod:job_workflow_ref:example/identity/.github/workflows/x.yml@main',
      'job_workflow_ref:example/identity/.github/workflows/x.yml@main',
    ],
  },
  {
    what: 'GitHub Actions with immutable ids',
    issuer: gitHub,
    role: { subject: subjects.gitHub({ ...prod, ids }) },
    right: { sub: 'repo:example@123456/identity@456789:environment:prod' },
    others: [
      'repo:example/identity:environment:prod',
      'repo:example@123456/identity@456780:environment:prod',
      'repo:example@654321/identity@456789:environment:prod',
    ],
  },
  {
    what: 'a plan of HCP Terraform',
    issuer: terraform,
    role: { subject: subjects.hcpTerraform({ ...workspace, phase: 'plan' }) },
    right: { sub: 'organization:example:project:Default Project:workspace:prod:run_phase:plan' },
    others: [
      'organization:example:project:Default Project:workspace:prod:run_phase:apply',
      'organization:example:project:Default Project:workspace:prod2:run_phase:plan',
      'organization:example2:project:Default Project:workspace:prod:run_phase:plan',
    ],
  },
  {
    what: 'any phase of HCP Terraform',
    issuer: terraform,
    role: { subject: subjects.hcpTerraform(workspace) },
    right: { sub: 'organization:example:project:Default Project:workspace:prod:run_phase:apply' },
    others: ['organization:example:project:Default Project:workspace:dev:run_phase:apply'],
  },
  {
    what: 'a managed identity of Entra ID',
    issuer: entra,
    role: { subject: { equals: objectId } },
    right: { sub: objectId },
    others: [clientId, objectId.toUpperCase(), `${objectId} `],
  },
  {
    what: 'an application of Entra ID with tokens of version 1.0',
    issuer: entraV1,
    role: { subject: { equals: objectId } },
    right: { sub: objectId },
    others: [clientId],
  },
];

const now = () => Math.floor(Date.now() / 1000);

/** Tokens that nobody may take, of claims that are right. */
const forgeries: readonly (readonly [what: string, token: (issuer: TokenServer, right: Claims) => string])[] = [
  ['that has ended', (issuer, right) => issuer.token({ ...right, iat: now() - 900, exp: now() - 301 })],
  ['with alg none', (issuer, right) => issuer.forged.unsigned(right)],
  ['signed with the public key as a secret', (issuer, right) => issuer.forged.signedWithPublicKey(right)],
  ['of another key under the same id', (issuer, right) => issuer.forged.signedWithOtherKey(right)],
  ['of a key that is not published', (issuer, right) => issuer.forged.signedWithUnknownKey(right)],
  ['whose claims were changed', (issuer, right) => issuer.forged.altered(right)],
  ['of another issuer', (issuer, right) => issuer.token({ ...right, iss: 'https://login.example.org' })],
  ['of an issuer with more behind it', (issuer, right) => issuer.token({ ...right, iss: `${issuer.issuer}x` })],
  ['of the issuer with or without a slash', (issuer, right) => issuer.token({ ...right, iss: turnedSlash(issuer.issuer) })],
  ['for another client of the issuer', (issuer, right) => issuer.token({ ...right, aud: other })],
  ['for it, and issued to another client', (issuer, right) => issuer.token({ ...right, azp: other })],
  ['for a stranger', (issuer, right) => issuer.token({ ...right, aud: 'stranger' })],
  ['for two', (issuer, right) => issuer.token({ ...right, aud: [right.aud, other] })],
  ['for nobody', (issuer, right) => issuer.token({ ...right, aud: undefined })],
  ['of nobody', (issuer, right) => issuer.token({ ...right, sub: undefined })],
];

const turnedSlash = (issuer: string): string => (issuer.endsWith('/') ? issuer.slice(0, -1) : `${issuer}/`);
const flat = (key: string, value: unknown): Claims => ({ [`https://aws.amazon.com/tags/principal_tags/${key}`]: value });

describe.each(presets)('GIVEN a role for $what', async ({ issuer: trusted, role, right: claims, others }) => {
  const [audience] = trusted.audiences;
  const world = await webIdentityWorld({ issuer: trusted.url, clientIds: trusted.audiences });
  const made = federated({ issuer: trusted }, [{ name: 'one', ...role, audiences: [audience] }]);
  const arn = world.role('one', trustPolicyOf(made, 'one'));
  const right: Claims = { ...claims, aud: audience };
  const refused = async (token: string) => (await failure(world.assumeWithWebIdentity(arn, token))).name;

  test('WHEN the right token comes THEN it gets credentials', async () => {
    const { Credentials: given, Provider: by } = await world.assumeWithWebIdentity(arn, world.issuer.token(right));
    expect([typeof given?.SessionToken, by]).toEqual(['string', world.providerArn]);
  });

  it.each(forgeries)('WHEN a token comes %s THEN it is refused', async (_what, token) => {
    expect(await refused(token(world.issuer, right))).toMatch(/^(?:AccessDenied|InvalidIdentityToken|ExpiredToken|IDPRejectedClaim)/);
  });

  it.each(others)('WHEN the token of %s comes THEN it is refused', async (sub) => {
    expect(await refused(world.issuer.token({ ...right, sub }))).toBe('AccessDenied');
  });

  test('WHEN it carries a session tag THEN it is refused', async () => {
    expect(await refused(world.issuer.token({ ...right, ...flat('role', 'admin') }))).toBe('AccessDenied');
  });
});

describe.each([
  { what: 'AD FS', issuer: corporate },
  { what: 'Entra ID', issuer: entra },
])('GIVEN roles of the role mappings at $what', async ({ issuer: trusted }) => {
  const [audience] = trusted.audiences;
  const world = await webIdentityWorld({ issuer: trusted.url, clientIds: trusted.audiences });
  const made = federated({ issuer: trusted, roleMappings: [...roleMappings] as never }, [
    { name: 'developers', role: 'developers', audiences: [audience] },
    { name: 'auditors', role: 'auditors', audiences: [audience] },
  ]);
  const arn = world.role('developers', trustPolicyOf(made, 'developers'));
  const refused = async (claims: Claims) => (await failure(world.assumeWithWebIdentity(arn, world.issuer.token(claims)))).name;
  /** What the issuer's administrator was told to put into the tokens of those who have the role. */
  const toldFor = (role: string): Claims =>
    Object.fromEntries(made.federation.claims.filter((row) => row.role === role).map(({ claim, value }) => [claim, value]));
  const right: Claims = { aud: audience, sub: 'pairwise', ...toldFor('developers') };
  const { 'https://aws.amazon.com/tags/principal_tags/role:developers': _, ...untagged } = right;

  test('WHEN the token says what the claims ask for THEN it opens, with other roles of the same person beside', async () => {
    await world.assumeWithWebIdentity(arn, world.issuer.token(right));
    await world.assumeWithWebIdentity(arn, world.issuer.token({ ...right, ...toldFor('auditors') }));
    const nested = { principal_tags: { 'role:developers': ['developers'] } };
    await world.assumeWithWebIdentity(arn, world.issuer.token({ ...untagged, 'https://aws.amazon.com/tags': nested }));
  });

  it.each(forgeries.filter(([what]) => what !== 'of nobody'))('WHEN a token comes %s THEN it is refused', async (_what, token) => {
    const error = await failure(world.assumeWithWebIdentity(arn, token(world.issuer, right)));
    expect(error.name).toMatch(/^(?:AccessDenied|InvalidIdentityToken|ExpiredToken)/);
  });

  it.each<[string, Claims]>([
    ['no tag', untagged],
    ['the tag of another role', { ...untagged, ...toldFor('auditors') }],
    ['another role under its key', { ...right, ...flat('role:developers', 'auditors') }],
    ['its role in capitals', { ...right, ...flat('role:developers', 'Developers') }],
    ['its key in capitals', { ...untagged, ...flat('Role:Developers', 'developers') }],
    ['a pattern', { ...right, ...flat('role:developers', 'develop+') }],
    ['nothing', { ...right, ...flat('role:developers', '') }],
    ['a tag of no role besides', { ...right, ...flat('admin', 'true') }],
    ['its role as a claim alone', { ...untagged, role: 'developers', groups: ['AWS-Developers'], 'role:developers': 'developers' }],
  ])('WHEN its tags say %s THEN it is refused', async (_what, claims) => {
    expect(await refused(claims)).toBe('AccessDenied');
  });

  test('WHEN its tags would outlive the session THEN it is refused', async () => {
    expect(await refused({ ...right, 'https://aws.amazon.com/tags/transitive_tag_keys': ['role:developers'] })).toBe('AccessDenied');
  });

  test('WHEN its tag has two values THEN it is refused', async () => {
    expect(await refused({ ...right, ...flat('role:developers', ['developers', 'auditors']) })).toBe('IDPRejectedClaimException');
  });
});
