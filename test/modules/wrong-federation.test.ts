/** Federation that would let strangers in fails at synth, with the value and the remedy. What the type checker refuses too is forced past it here. */
import { describe, expect, test } from 'vitest';
import { issuers, subjects, WrongPropError } from '../../modules/index.ts';
import { adFs, anyIssuer, federated, roleMappings } from '../federation/federated.ts';

const gitHub = issuers.gitHubActions();
const tenantId = '11111111-2222-3333-4444-555555555555';

/** The error that synth ends with. */
function refusal(props: object, ...roles: readonly object[]): Error {
  try {
    federated(props as never, roles as never);
  } catch (error) {
    return error as Error;
  }
  throw new Error(`synthesized, and was to be refused: ${JSON.stringify([props, roles])}`);
}

const role = (props: object, issuer: object = anyIssuer): [object, object] => [
  { issuer, roleMappings },
  { name: 'one', ...props },
];
const sub = (text: string): [object, object] => role({ subject: { equals: text } }, gitHub);
const like = (text: string): [object, object] => role({ subject: { like: text } }, gitHub);

const wrong: readonly (readonly [what: string, props: readonly [object, ...object[]], message: RegExp])[] = [
  ['no issuer', [{}], /^issuer is undefined: give \{ url, audiences \}, or one of issuers$/],
  ['an issuer without TLS', [{ issuer: { ...anyIssuer, url: 'http://login.example.com' } }], /^issuer\.url is "http:.*": give https/],
  [
    'an issuer with a query',
    [{ issuer: { ...anyIssuer, url: 'https://login.example.com/x?y=1' } }],
    /^issuer\.url is .*\?y=1": give https/,
  ],
  ['an issuer with a fragment', [{ issuer: { ...anyIssuer, url: 'https://login.example.com/#x' } }], /^issuer\.url is /],
  ['an issuer with a port', [{ issuer: { ...anyIssuer, url: 'https://login.example.com:8443' } }], /no port, query or fragment$/],
  ['an issuer with a user', [{ issuer: { ...anyIssuer, url: 'https://a@login.example.com' } }], /^issuer\.url is /],
  ['an issuer in capitals', [{ issuer: { ...anyIssuer, url: 'https://Login.example.com' } }], /^issuer\.url is .* in lower case/],
  [
    'an issuer by its document',
    [{ issuer: { ...anyIssuer, url: 'https://login.example.com/.well-known/openid-configuration' } }],
    /give the issuer alone/,
  ],
  [
    'an issuer too long',
    [{ issuer: { ...anyIssuer, url: `https://login.example.com/${'x'.repeat(240)}` } }],
    /^issuer\.url has 266 characters/,
  ],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference as Terraform writes it
  ['an issuer known at apply', [{ issuer: { ...anyIssuer, url: '${TfToken[TOKEN.7]}' } }], /^issuer is known only at apply/],
  ['no audience', [{ issuer: { ...anyIssuer, audiences: [] } }], /^issuer\.audiences is empty: name for whom tokens are/],
  ['any audience', [{ issuer: { ...anyIssuer, audiences: ['*'] } }], /^issuer\.audiences is "\*": give an audience in full/],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable
  ['an audience that is a variable', [{ issuer: { ...anyIssuer, audiences: ['${aws:username}'] } }], /^issuer\.audiences is /],
  ['101 audiences', [{ issuer: { ...anyIssuer, audiences: Array.from({ length: 101 }, (_, index) => `a${index}`) } }], /has 101 entries/],
  ['a thumbprint of SHA-256', [{ issuer: { ...anyIssuer, thumbprints: ['a'.repeat(64)] } }], /^issuer\.thumbprints is "a{64}": give SHA-1/],
  ['six thumbprints', [{ issuer: { ...anyIssuer, thumbprints: Array(6).fill('a'.repeat(40)) } }], /has 6 entries: IAM takes five/],
  [
    'a provider of another issuer',
    [{ issuer: gitHub, existingProviderArn: 'arn:aws:iam::111122223333:oidc-provider/example.com' }],
    /which is not the issuer's: give the one that ends with \/token\.actions\.githubusercontent\.com$/,
  ],
  [
    'a provider of SAML',
    [{ issuer: gitHub, existingProviderArn: 'arn:aws:iam::111122223333:saml-provider/x' }],
    /give the ARN of the IAM OIDC/,
  ],
  ['a wrong prefix of tags', [{ issuer: adFs, tagPrefix: 'aws:x' }], /^tagPrefix is "aws:x": give up to 32 letters/],

  ['neither subject nor role', role({}), /^subject is empty: name a subject, or a role .* lets everybody in$/],
  ['a subject that is a text', role({ subject: 'robot' }), /^subject is "robot": give exactly one of \{ equals \} and \{ like \}/],
  ['a subject both ways', role({ subject: { equals: 'a', like: 'a*' } }), /give exactly one of/],
  ['an empty subject', role({ subject: { equals: '' } }), /^subject is "": give 1 to 255 characters/],
  ['any subject', role({ subject: { like: '*' } }), /^subject is "\*": a pattern that begins with a wildcard lets strangers in/],
  ['a subject by its end', role({ subject: { like: '*:prod' } }), /begins with a wildcard/],
  ['a subject with any first character', role({ subject: { like: '?obot*' } }), /begins with a wildcard/],
  ['a pattern to the letter', role({ subject: { equals: 'robot*' } }), /IAM compares it to the letter; give \{ like \}/],
  ['a pattern without wildcards', role({ subject: { like: 'robot' } }), /it has no "\*" or "\?"; give \{ equals \}/],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable
  ['a subject that is a variable', role({ subject: { equals: '${aws:username}' } }), /write it out/],
  [
    'an audience that is not the issuer’s',
    role({ subject: { equals: 'a' }, audiences: ['b'] }),
    /^audiences has "b": give some of the issuer's, aws$/,
  ],

  ['all of GitHub', like('repo:*'), /^subject is "repo:\*": give repo:<organization>\/<repository>:/],
  ['all of an organization', like('repo:example/*'), /give repo:<organization>/],
  ['all of a repository', like('repo:example/identity:*'), /give repo:<organization>/],
  ['organizations that begin alike', like('repo:example*/identity:environment:prod'), /give repo:<organization>/],
  ['repositories that begin alike', like('repo:example/id*:environment:prod'), /give repo:<organization>/],
  ['any environment', like('repo:example/identity:environment:*'), /give repo:<organization>/],
  ['any branch', like('repo:example/identity:ref:refs/heads/*'), /give repo:<organization>/],
  ['any reference', like('repo:example/identity:ref:*'), /give repo:<organization>/],
  ['pull requests', sub('repo:example/identity:pull_request'), /give repo:<organization>/],
  ['another claim in the subject', sub('job_workflow_ref:example/identity/.github/workflows/x.yml@main'), /give repo:<organization>/],
  [
    'any workspace of HCP Terraform',
    role({ subject: { like: 'organization:example:project:p:workspace:*:run_phase:*' } }, issuers.hcpTerraform()),
    /give organization:<name>:project:<name>:workspace:<name>:run_phase:/,
  ],
  ['any organization of HCP Terraform', role({ subject: { like: 'organization:*' } }, issuers.hcpTerraform()), /give organization:<name>/],

  ['a role that is a number', role({ role: 5 }), /^role is 5: give the name of a role/],
  [
    'all of GitHub, by its URL alone',
    role({ subject: { like: 'repo:*' } }, { url: gitHub.url, audiences: gitHub.audiences }),
    /^subject is "repo:\*": give repo:<organization>\/<repository>:/,
  ],
  [
    'all of an enterprise of GitHub, by the URL of its own',
    role({ subject: { like: 'repo:*' } }, { url: `${gitHub.url}/example`, audiences: gitHub.audiences }),
    /give repo:<organization>/,
  ],
  [
    'all of GitHub, called another kind',
    role({ subject: { like: 'repo:*' } }, { ...gitHub, kind: 'hcp-terraform' }),
    /^issuer\.kind is "hcp-terraform", and https:\/\/token\.actions\.githubusercontent\.com is of github-actions: leave kind out$/,
  ],
  [
    'all of HCP Terraform, by its URL alone',
    role({ subject: { like: 'organization:*' } }, { url: 'https://app.terraform.io', audiences: ['aws'] }),
    /give organization:<name>/,
  ],
  [
    'groups in amr of Entra ID, by its URL alone',
    role({ role: 'developers', match: 'group-claim' }, { url: `https://sts.windows.net/${tenantId}/`, audiences: ['x'] }),
    /^match is "group-claim": entra-id writes/,
  ],
  [
    'subjects of Entra ID that begin alike',
    role({ subject: { like: 'a*' } }, issuers.entraId({ tenantId, clientIds: ['x'] })),
    /^subject is "a\*": subjects of entra-id are made up, and those that begin alike have nothing in common; give one in full$/,
  ],
  ['subjects of AD FS that begin alike', role({ subject: { like: 'a*' } }, adFs), /^subject is "a\*": subjects of ad-fs are made up/],
  [
    'a role that no mapping gives',
    role({ role: 'develper' }),
    /^role is "develper", which no role mapping gives: .* nearest are "developers", /,
  ],
  ['a role that a pattern does not give', role({ role: 'team-' }), /^role is "team-", which no role mapping gives/],
  ['a role without mappings', [{ issuer: anyIssuer }, { name: 'one', role: 'developers' }], /give the roleMappings of the integration$/],
  ['a role for a pipeline', role({ role: 'developers' }, gitHub), /tokens of github-actions are for pipelines and name no group/],
  [
    'groups in amr of AD FS',
    role({ role: 'developers', match: 'group-claim' }, adFs),
    /^match is "group-claim": ad-fs writes how somebody/,
  ],
  [
    'groups in amr of Entra ID',
    role({ role: 'developers', match: 'group-claim' }, issuers.entraId({ tenantId, clientIds: ['x'] })),
    /^match is "group-claim": entra-id writes/,
  ],
  ['another match', role({ role: 'developers', match: 'scope' }), /^match is "scope": give 'session-tag' or 'group-claim'$/],
  ['no mapping', [{ issuer: anyIssuer, roleMappings: [] }], /^roleMappings is empty: give those of the integration/],

  ['a session of a day', role({ subject: { equals: 'a' }, sessionHours: 24 }), /^sessionHours is 24: give a whole number from 1 to 12$/],
  ['a session of minutes', role({ subject: { equals: 'a' }, sessionHours: 0.5 }), /^sessionHours is 0\.5/],
  [
    'a boundary that is none',
    role({ subject: { equals: 'a' }, permissionsBoundaryArn: 'boundary' }),
    /^permissionsBoundaryArn is "boundary"/,
  ],
  ['a path without an end', role({ subject: { equals: 'a' }, path: '/people' }), /^path is "\/people": give a path such as/],
  [
    'a description that IAM refuses',
    role({ subject: { equals: 'a' }, description: 'reads — and writes' }),
    /^description is "reads — and writes": give 1 to 1000/,
  ],
  ['a description too long', role({ subject: { equals: 'a' }, description: 'x'.repeat(1001) }), /^description is "x+": give 1 to 1000/],
  ['a name with a space', role({ subject: { equals: 'a' }, name: 'a b' }), /^name is "a b": give 1 to 64/],
];

describe.each(wrong)('GIVEN %s WHEN synthesized', (_what, [props, ...roles], message) => {
  test('THEN it fails and names value and remedy', () => {
    const error = refusal(props, ...roles);
    expect(error).toBeInstanceOf(WrongPropError);
    expect(error.message).toMatch(message);
  });
});

describe('GIVEN a mapping whose conditions a token says nothing of', () => {
  const contractors = {
    id: 'no-contractors',
    group: { name: 'A' },
    role: 'developers',
    exclude: { groups: [{ name: 'Contractors' }] },
    unless: ['lockedOut'],
  };
  const props = { issuer: anyIssuer, roleMappings: [contractors] };

  test('WHEN nobody keeps to them THEN it fails and names them', () => {
    expect(refusal(props, { name: 'one', role: 'developers' }).message).toBe(
      'role is "developers", and its mapping "no-contractors" has exclude and unless: a token says nothing of it; let the issuer keep to it and set issuerKeepsConditions, or federate another role',
    );
  });

  test('WHEN the issuer does THEN the claims tell its administrator', () => {
    const { federation } = federated(props as never, [{ name: 'one', role: 'developers', issuerKeepsConditions: true }]);
    expect(federation.claims).toMatchObject([{ conditions: { exclude: contractors.exclude, unless: ['lockedOut'] } }]);
  });
});

test('fails for two roles whose tags differ by case alone', () => {
  const mappings = [
    { id: 'one', group: { name: 'A' }, role: 'ops' },
    { id: 'two', group: { name: 'B' }, role: 'OPS' },
  ];
  const error = refusal({ issuer: anyIssuer, roleMappings: mappings }, { name: 'one', role: 'ops' }, { name: 'two', role: 'OPS' });
  expect(error.message).toBe('role is "OPS", and another differs from it by case alone: one tag would be both, rename one');
});

test('fails for a role whose name no session tag can have', () => {
  const mappings = [{ id: 'one', group: { name: 'A' }, role: 'r&d' }];
  expect(refusal({ issuer: anyIssuer, roleMappings: mappings }, { name: 'one', role: 'r&d' }).message).toMatch(
    /^role is "r&d": a session tag takes/,
  );
});

test('fails for a group claim of a pattern that leaves the group open', () => {
  const mappings = [{ id: 'regions', group: { pattern: '^(?:EU|US)-(?<team>[a-z]+)$' }, role: '$<team>' }];
  const error = refusal({ issuer: anyIssuer, roleMappings: mappings }, { name: 'one', role: 'ops', match: 'group-claim' });
  expect(error.message).toMatch(
    /^role is "ops", and its mapping "regions" leaves the group's name open \(\^\(\?:EU\|US\)-ops\$\): match it by 'session-tag'/,
  );
});

test.each<[string, object, RegExp]>([
  ['none of the three', {}, /^subject names neither environment, branch nor tag: give exactly one of them$/],
  ['two of the three', { environment: 'prod', branch: 'main' }, /^subject names environment and branch: give exactly one/],
])('fails for a subject of GitHub that names %s', (_what, props, message) => {
  expect(() => subjects.gitHub({ organization: 'example', repository: 'identity', ...props })).toThrow(message);
});

test.each<[string, object, RegExp]>([
  ['no organization', { organization: undefined }, /^organization of subject is undefined: give its name at GitHub/],
  [
    'a repository with its organization',
    { repository: 'example/identity' },
    /^repository of subject is "example\/identity": give its name/,
  ],
  ['an empty environment', { environment: '' }, /^environment of subject is "": give its name/],
  ['one id of two', { ids: { organization: '1' } }, /^ids\.repository of subject is undefined: give digits/],
])('fails for a subject of GitHub with %s', (_what, props, message) => {
  const given = { organization: 'example', repository: 'identity', environment: 'prod', ...props };
  expect(() => subjects.gitHub(given as never)).toThrow(message);
});

test.each<[string, object, RegExp]>([
  ['no organization', { organization: undefined }, /^organization of subject is undefined: give its name at HCP Terraform/],
  ['no project', { project: '' }, /^project of subject is "": give its name/],
  ['any workspace', { workspace: '*' }, /^workspace of subject is "\*": give its name/],
  ['another phase', { phase: 'destroy' }, /^phase of subject is "destroy": give 'plan' or 'apply', or leave it out/],
])('fails for a subject of HCP Terraform with %s', (_what, props, message) => {
  const given = { organization: 'example', project: 'identity', workspace: 'prod', ...props };
  expect(() => subjects.hcpTerraform(given as never)).toThrow(message);
});

test('fails for a tenant by its domain', () => {
  expect(() => issuers.entraId({ tenantId: 'example.com', clientIds: ['x'] })).toThrow(/^tenantId is "example\.com": give the GUID/);
});

test('fails for so many federated roles that no trust policy could name their tags', () => {
  const mappings = Array.from({ length: 60 }, (_, index) => ({
    id: `m${index}`,
    group: { name: `G${index}` },
    role: `role-with-a-long-name-${index}`,
  }));
  const roles = mappings.map(({ role: name }) => ({ name, role: name }));
  expect(refusal({ issuer: anyIssuer, roleMappings: mappings }, ...roles).message).toMatch(
    /a trust policy for login\.example\.com\/realms\/corp has \d+ characters, IAM allows 2048: federate fewer roles or audiences/,
  );
});
