/** What decide-access goes by and how it is reached: configuration, policies, queues, the clock. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAccessConfiguration } from '../../handlers/access/access-configuration.ts';
import {
  AccessDecision,
  ConfigurationBucket,
  DirectoryWatch,
  IdentityBus,
  IntegrationEnvironment,
  starterPolicies,
} from '../../modules/index.ts';
import { accountAccess, existing, identityCenter, leastProps, scim, synthesize } from './integration.ts';
import { tableCalls } from './table-calls.ts';
import { Template } from './template.ts';

const name = (part: string) => `ad-lambda-test-${part}`;
const template = synthesize();
const variablesOf = (from: Template) => from.lambda(name('decide-access')).environment.variables;
/** The content as it is in S3 after the apply: what is doubled for Terraform stands for itself. */
const contentOf = (object: { content: string }) => object.content.replace(/([$%])\1(?=\{)/g, '$1');
const configurationOf = (from: Template) =>
  parseAccessConfiguration(JSON.parse(contentOf(from.one('aws_s3_object', { key: variablesOf(from).ACCESS_KEY }) as { content: string })));

const folder = mkdtempSync(join(tmpdir(), 'ad-lambda-policies-'));
afterAll(() => rmSync(folder, { recursive: true }));
const policyFile = (file: string, text: string): string => {
  writeFileSync(join(folder, file), text);
  return join(folder, file);
};

describe('the configuration', () => {
  test('GIVEN role mappings WHEN synthesized THEN the plan shows them with their targets, under a key made of their content', () => {
    expect(configurationOf(template)).toEqual({
      mappings: [{ ...leastProps.roleMappings[0], domains: ['corp.example.com'], targets: ['identity-center'] }],
      targets: { 'identity-center': { attributes: {} } },
      policies: [{ name: 'mapped-grants.cedar', key: expect.stringMatching(/^policies\/[0-9a-f]{16}\.cedar$/) }],
      policyAttributes: [],
      onViolation: 'revoke',
      revalidateEveryHours: 24,
    });
    expect(variablesOf(template)).toMatchObject({
      ACCESS_KEY: expect.stringMatching(/^access\/[0-9a-f]{16}\.json$/),
      ACCESS_BUCKET: template.reference('aws_s3_bucket', { bucket: name('111122223333-eu-central-1') }, 'bucket'),
    });
  });

  test('GIVEN other role mappings WHEN synthesized THEN the key is another, and decide-access is told', () => {
    const other = synthesize({ roleMappings: [{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'engineers' }] });
    expect(variablesOf(other).ACCESS_KEY).not.toBe(variablesOf(template).ACCESS_KEY);
    expect(other.one('aws_s3_object', { key: variablesOf(other).ACCESS_KEY }).lifecycle).toEqual({ create_before_destroy: true });
    // The function is told of it once it is there, and the one before goes when nobody is told of it any more.
    const { depends_on } = other.lambda('ad-lambda-test-decide-access');
    const objects = other.all('aws_s3_object').length;
    expect(depends_on.filter((one: string) => one.startsWith('aws_s3_object.'))).toHaveLength(objects);
  });

  test('GIVEN a mapping with what Terraform reads as a template WHEN synthesized THEN it is doubled and so stands for itself', () => {
    const group = { name: `a%{b}\${c}$d` };
    const odd = synthesize({ roleMappings: [{ id: 'odd', group, role: 'odd' }] });
    expect(odd.one('aws_s3_object', { key: variablesOf(odd).ACCESS_KEY }).content).toContain(`a%%{b}$\${c}$d`);
    expect(configurationOf(odd).mappings[0]?.group).toEqual(group);
  });

  test('GIVEN several targets, attributes and settings WHEN synthesized THEN decide-access learns of each', () => {
    const [mapping] = leastProps.roleMappings;
    const several = synthesize({
      directories: [
        { existing, capture: { attributes: ['title', 'Department'] } },
        { existing: { ...existing, domain: 'sales.example.com' }, capture: { attributes: ['department', 'division'] } },
      ],
      targets: [
        { identityCenter: accountAccess, attributes: { title: 'title' } },
        { name: 'wiki', scim, attributes: { department: 'division' } },
      ],
      roleMappings: [{ ...mapping, targets: ['wiki', 'identity-center'], domains: ['corp.example.com', 'sales.example.com'] }],
      onViolation: 'report',
      revalidateEveryHours: 6,
    });
    expect(configurationOf(several)).toMatchObject({
      mappings: [{ targets: ['wiki', 'identity-center'], domains: ['corp.example.com', 'sales.example.com'] }],
      targets: {
        'identity-center': { attributes: { title: 'title' }, assignable: { accounts: ['111122223333'], permissionSets: ['ReadOnly'] } },
        wiki: { attributes: { department: 'division' } },
      },
      policyAttributes: ['Department', 'division', 'title'],
      onViolation: 'report',
      revalidateEveryHours: 6,
    });
    expect(variablesOf(several).DIRECTORY_DOMAINS).toBe('corp.example.com,sales.example.com');
  });
});

describe('policies', () => {
  const forbid = '@id("nobody") forbid (principal, action, resource);\n';

  test('GIVEN files and a folder WHEN synthesized THEN each is an object whose text the plan shows, and decide-access may read these alone', () => {
    policyFile('nobody.cedar', forbid);
    policyFile('notes.txt', 'not a policy');
    const own = synthesize({ policies: [starterPolicies.mappedGrants, folder] });
    const { policies } = configurationOf(own);
    expect(policies.map((policy) => policy.name)).toEqual(['mapped-grants.cedar', 'nobody.cedar']);
    expect(own.one('aws_s3_object', { key: policies[1]?.key })).toMatchObject({
      content: forbid,
      content_type: 'text/plain; charset=utf-8',
    });
    expect(own.all('aws_s3_object')).toHaveLength(3);
    const bucket = own.reference('aws_s3_bucket', { bucket: name('111122223333-eu-central-1') }, 'arn');
    expect(own.statements(name('decide-access')).ReadConfiguration?.Resource).toEqual(
      [variablesOf(own).ACCESS_KEY, ...policies.map(({ key }) => key)].map((key) => `${bucket}/${key}`),
    );
  });

  test('GIVEN a policy that changes WHEN synthesized THEN the configuration changes with it, so that everybody is decided for anew', () => {
    const path = policyFile('nobody.cedar', forbid);
    const before = variablesOf(synthesize({ policies: [starterPolicies.mappedGrants, path] })).ACCESS_KEY;
    policyFile('nobody.cedar', `// why\n${forbid}`);
    expect(variablesOf(synthesize({ policies: [starterPolicies.mappedGrants, path] })).ACCESS_KEY).not.toBe(before);
  });

  test('GIVEN every policy that comes with the modules WHEN synthesized THEN it is valid', () => {
    expect(configurationOf(synthesize({ policies: Object.values(starterPolicies) })).policies).toHaveLength(3);
  });

  test.each<readonly [what: string, policies: () => readonly string[], message: RegExp]>([
    ['no policy', () => [], /^policies is empty: leave it out for the policy that permits/],
    ['no list', () => 'policies' as never, /^policies is "policies": give a list/],
    ['a path that is none', () => [7 as never], /^policies has 7: give paths of \.cedar files or folders/],
    ['a file that is not there', () => ['/nowhere/x.cedar'], /^policies has "\/nowhere\/x\.cedar", which is not there/],
    ['a file of another kind', () => [policyFile('notes.txt', '')], /notes\.txt", which is no \.cedar file/],
    ['a folder without one', () => [tmpdir()], /^policies has the folder ".+" without a \.cedar file/],
    ['one file twice', () => [starterPolicies.mappedGrants, starterPolicies.mappedGrants], /two files of the name "mapped-grants\.cedar"/],
    [
      'a name with spaces',
      () => [policyFile('my policy.cedar', forbid)],
      /^policies has a file of the name "my policy\.cedar": give it letters/,
    ],
    ['policies that permit nothing', () => [policyFile('nobody.cedar', forbid)], /no policy permits anything/],
    ['what is no Cedar', () => [policyFile('broken.cedar', 'permit (principal')], /policies are wrong: broken\.cedar:1/],
    [
      'an attribute that the schema has not',
      () => [policyFile('typo.cedar', 'permit (principal, action, resource) when { principal.departement == "x" };')],
      /policies are wrong: typo\.cedar:1:\d+: .*departement/,
    ],
    [
      'a group of a domain that is not watched',
      () => [policyFile('foreign.cedar', 'permit (principal in Group::"x@elsewhere.example.com", action, resource);')],
      /foreign\.cedar.*there is no domain "elsewhere\.example\.com"/,
    ],
  ])('fails WHEN given %s', (_, policies, message) => {
    expect(() => synthesize({ policies: policies() })).toThrow(message);
  });

  test('fails WHEN there are more files than decide-access could be allowed to read', () => {
    const many = Array.from({ length: 41 }, (_, index) =>
      policyFile(`many-${index}.cedar`, `@id("m${index}") ${forbid.replace('@id("nobody") ', '')}`),
    );
    expect(() => synthesize({ policies: many })).toThrow(/^policies has 41 files, 40 are allowed: put several policies into one file/);
    expect(() => synthesize({ policies: [starterPolicies.mappedGrants, ...many.slice(2)] })).not.toThrow();
  });
});

describe('how it is reached', () => {
  test('GIVEN directory events WHEN synthesized THEN decide-access consumes its own queue, ten at a time', () => {
    expect(variablesOf(template).DECISION_QUEUE_URL).toBe(template.reference('aws_sqs_queue', { name: name('decide-access') }, 'url'));
    expect(template.one('aws_lambda_event_source_mapping', { function_name: template.lambdaArn(name('decide-access')) })).toMatchObject({
      event_source_arn: template.queueArn(name('decide-access')),
      batch_size: 10,
      scaling_config: { maximum_concurrency: 10 },
    });
  });

  test('GIVEN time that passes WHEN synthesized THEN each minute a message asks whether access has to be decided anew', () => {
    expect(template.one('aws_scheduler_schedule', { name: name('revalidate-access') })).toMatchObject({
      schedule_expression: 'rate(1 minute)',
      target: {
        arn: template.queueArn(name('decide-access')),
        role_arn: template.reference('aws_iam_role', { name: name('revalidate-access') }, 'arn'),
        input: '{"revalidate":true}',
      },
    });
    const trust = JSON.parse(template.one('aws_iam_role', { name: name('revalidate-access') }).assume_role_policy);
    expect(trust.Statement[0]).toMatchObject({
      Principal: { Service: 'scheduler.amazonaws.com' },
      Condition: {
        ArnEquals: { 'aws:SourceArn': template.reference('aws_scheduler_schedule_group', { name: name('revalidate-access') }, 'arn') },
      },
    });
  });

  test('GIVEN the grants table WHEN decide-access calls it THEN it reaches every principal and the revalidation, and no guard', () => {
    expect(template.one('aws_dynamodb_table', { name: name('grants') })).toMatchObject({ hash_key: 'pk', range_key: 'sk' });
    const allowed = tableCalls(template, name('decide-access'), name('grants'));
    for (const operation of ['GetItem', 'PutItem', 'UpdateItem']) {
      for (const key of ['corp.example.com#a', 'gone.example.com#a', 'revalidation']) expect(allowed(operation, [key]), key).toBe(true);
      expect(allowed(operation, ['guard#identity-center']), operation).toBe(false);
    }
    expect(allowed('Scan', [])).toBe(true);
    expect(allowed('DeleteItem', ['corp.example.com#a'])).toBe(false);
  });
});

test('GIVEN the buckets WHEN synthesized THEN each is private, versioned, encrypted, TLS only', () => {
  const buckets = template.all('aws_s3_bucket').map(({ bucket }) => template.reference('aws_s3_bucket', { bucket }, 'bucket'));
  // Configuration, drift reports, the audit trail, which has a key of its own, and results of questions to it.
  expect(buckets).toHaveLength(4);
  for (const bucket of buckets) {
    expect(template.one('aws_s3_bucket_public_access_block', { bucket })).toMatchObject({
      block_public_acls: true,
      block_public_policy: true,
      ignore_public_acls: true,
      restrict_public_buckets: true,
    });
    expect(template.one('aws_s3_bucket_versioning', { bucket }).versioning_configuration).toEqual({ status: 'Enabled' });
    expect(template.one('aws_s3_bucket_server_side_encryption_configuration', { bucket }).rule).toMatchObject([
      { apply_server_side_encryption_by_default: { sse_algorithm: expect.stringMatching(/^(?:AES256|aws:kms)$/) } },
    ]);
    const [statement] = JSON.parse(template.one('aws_s3_bucket_policy', { bucket }).policy).Statement;
    expect(statement).toMatchObject({
      Effect: 'Deny',
      Principal: '*',
      Action: ['s3:*'],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    });
  }
});

/** An access decision without anything that makes its decisions so. */
const alone = (then: (access: AccessDecision) => void) =>
  Template.synthesize((stack) => {
    const environment = new IntegrationEnvironment(stack, 'environment', leastProps);
    const bus = new IdentityBus(stack, 'bus', { environment });
    const directory = new DirectoryWatch(stack, 'directory', { environment, bus, directories: leastProps.directories });
    const configuration = new ConfigurationBucket(stack, 'configuration', { environment });
    const targets = { 'identity-center': { attributes: {} } };
    const { roleMappings } = leastProps;
    then(new AccessDecision(stack, 'access', { environment, bus, directory, configuration, targets, roleMappings }));
  });

test('fails WHEN decisions reach nobody, or not all of their targets', () => {
  expect(() => alone(() => {})).toThrow(/decisions of test\/access reach nobody: add a RoleSync/);
  expect(() => alone((access) => access.deliverTo({}))).toThrow(/decisions for identity-center have no queue: give RoleSync the targets/);
});

test.each<readonly [what: string, props: Parameters<typeof synthesize>[0], message: RegExp]>([
  [
    'a role that exists at no target',
    { roleMappings: [{ id: 'x', group: { name: 'X' }, role: 'x', targets: ['nowhere'] }] },
    /mappings\.0\.targets names "nowhere".+: name one of identity-center/,
  ],
  [
    'no word on which of two targets',
    { targets: [{ identityCenter }, { scim }] },
    /mappings\.0\.targets is left out, and there are several/,
  ],
  [
    'an assignment for a target that takes none',
    { roleMappings: [{ id: 'x', group: { name: 'X' }, role: 'x', assignments: [{ account: '111122223333', permissionSet: 'ReadOnly' }] }] },
    /mappings\.0\.assignments are for .*"identity-center", which takes none/,
  ],
  [
    "an account that is none of the target's",
    {
      targets: [{ identityCenter: accountAccess }],
      roleMappings: [{ id: 'x', group: { name: 'X' }, role: 'x', assignments: [{ account: '444455556666', permissionSet: 'ReadOnly' }] }],
    },
    /account "444455556666" is none of the target "identity-center": add it there/,
  ],
  [
    'an attribute that no directory mirrors',
    { targets: [{ identityCenter, attributes: { title: 'jobTitle' } }] },
    /^attributes of target "identity-center" take title from "jobTitle", which no directory mirrors: add it to a directory's capture\.attributes/,
  ],
  ['another fate of violations', { onViolation: 'ignore' as never }, /onViolation must be revoke or report \(got "ignore"\)/],
  ['a revalidation each quarter of an hour', { revalidateEveryHours: 0.25 }, /revalidateEveryHours must be whole hours/],
])('fails WHEN given %s', (_, props, message) => {
  expect(() => synthesize(props)).toThrow(message);
});
