/** From a decision to a role: mappings, queues, tables, and the one queue between the two. */
import type { Construct } from 'constructs';
import { expect, test } from 'vitest';
import {
  AccessDecision,
  ConfigurationBucket,
  DirectoryWatch,
  IdentityBus,
  IntegrationEnvironment,
  type RoleMapping,
  RoleSync,
} from '../../modules/index.ts';
import { leastProps, synthesize } from './integration.ts';
import { Template } from './template.ts';

const template = synthesize();
const decideAccess = template.lambda('ad-lambda-test-decide-access').environment.variables;

test('GIVEN role mappings WHEN synthesized THEN the plan shows them, under a key made of their content', () => {
  const object = template.one('aws_s3_object');
  expect(JSON.parse(object.content)).toEqual(leastProps.roleMappings);
  expect(object.key).toMatch(/^role-mappings\/[0-9a-f]{16}\.json$/);
  expect(decideAccess).toMatchObject({ ROLE_MAPPINGS_KEY: object.key, ROLE_MAPPINGS_BUCKET: object.bucket });
});

test('GIVEN other role mappings WHEN synthesized THEN the key is another, and decide-access is told', () => {
  const other = synthesize({ roleMappings: [{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'engineers' }] });
  expect(other.one('aws_s3_object').key).not.toBe(template.one('aws_s3_object').key);
  expect(other.lambda('ad-lambda-test-decide-access').environment.variables.ROLE_MAPPINGS_KEY).toBe(other.one('aws_s3_object').key);
  expect(other.one('aws_s3_object').lifecycle).toEqual({ create_before_destroy: true });
});

test('GIVEN a mapping with what Terraform reads as a template WHEN synthesized THEN it is doubled and so stands for itself', () => {
  const group = { name: `a%{b}\${c}$d` };
  const object = synthesize({ roleMappings: [{ id: 'odd', group, role: 'odd' }] }).one('aws_s3_object');
  expect(object.content).toContain(`a%%{b}$\${c}$d`);
});

test('GIVEN the configuration bucket WHEN synthesized THEN it is private, versioned, encrypted, TLS only', () => {
  expect(template.one('aws_s3_bucket_public_access_block')).toMatchObject({
    block_public_acls: true,
    block_public_policy: true,
    ignore_public_acls: true,
    restrict_public_buckets: true,
  });
  expect(template.one('aws_s3_bucket_versioning').versioning_configuration).toEqual({ status: 'Enabled' });
  expect(template.one('aws_s3_bucket_server_side_encryption_configuration').rule).toMatchObject([
    { apply_server_side_encryption_by_default: { sse_algorithm: 'AES256' } },
  ]);
  const [statement] = JSON.parse(template.one('aws_s3_bucket_policy').policy).Statement;
  expect(statement).toMatchObject({
    Effect: 'Deny',
    Principal: '*',
    Action: ['s3:*'],
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  });
});

test('GIVEN decisions WHEN synthesized THEN they go to one FIFO queue, ordered by principal, that sync-roles consumes two at a time', () => {
  const queue = template.one('aws_sqs_queue', { name: 'ad-lambda-test-sync-roles.fifo' });
  expect(queue).toMatchObject({
    fifo_queue: true,
    content_based_deduplication: false,
    deduplication_scope: 'messageGroup',
    fifo_throughput_limit: 'perMessageGroupId',
  });
  expect(decideAccess.ROLE_QUEUE_URL).toBe(template.reference('aws_sqs_queue', { name: 'ad-lambda-test-sync-roles.fifo' }, 'url'));
  expect(template.one('aws_lambda_event_source_mapping', { function_name: template.lambdaArn('ad-lambda-test-sync-roles') })).toMatchObject(
    {
      event_source_arn: template.queueArn('ad-lambda-test-sync-roles.fifo'),
      batch_size: 10,
      scaling_config: { maximum_concurrency: 2 },
    },
  );
});

test('GIVEN directory events WHEN synthesized THEN decide-access consumes its own queue, ten at a time', () => {
  expect(decideAccess.DECISION_QUEUE_URL).toBe(template.reference('aws_sqs_queue', { name: 'ad-lambda-test-decide-access' }, 'url'));
  expect(
    template.one('aws_lambda_event_source_mapping', { function_name: template.lambdaArn('ad-lambda-test-decide-access') }),
  ).toMatchObject({
    event_source_arn: template.queueArn('ad-lambda-test-decide-access'),
    batch_size: 10,
    scaling_config: { maximum_concurrency: 10 },
  });
});

test('GIVEN an identity store WHEN synthesized THEN sync-roles knows it, its region, and what becomes of deleted users', () => {
  const abroad = synthesize({ identityCenter: { identityStoreId: 'd-1234567890', region: 'us-east-1' } });
  expect(abroad.lambda('ad-lambda-test-sync-roles').environment.variables).toMatchObject({
    IDENTITY_STORE_ID: 'd-1234567890',
    IDENTITY_STORE_REGION: 'us-east-1',
    ON_DELETED: 'delete',
  });
  expect(template.lambda('ad-lambda-test-sync-roles').environment.variables.IDENTITY_STORE_REGION).toBe('eu-central-1');
});

function withoutRoles(
  build: (scope: Construct, parts: ConstructorParameters<typeof RoleSync>[2]) => void,
  roleMappings: readonly RoleMapping[] = leastProps.roleMappings,
) {
  return Template.synthesize((stack) => {
    const environment = new IntegrationEnvironment(stack, 'environment', leastProps);
    const bus = new IdentityBus(stack, 'bus', { environment });
    const directory = new DirectoryWatch(stack, 'directory', { environment, bus, directories: leastProps.directories });
    const configuration = new ConfigurationBucket(stack, 'configuration', { environment });
    const access = new AccessDecision(stack, 'access', {
      environment,
      bus,
      directory,
      configuration,
      roleMappings: roleMappings as [RoleMapping],
    });
    build(stack, { environment, bus, access, identityCenter: leastProps.identityCenter });
  });
}

test('fails WHEN decisions reach nobody', () => {
  expect(() => withoutRoles(() => {})).toThrow(/decisions of test\/access reach nobody: add a RoleSync/);
});

test('fails WHEN two RoleSyncs want the same decisions', () => {
  expect(() =>
    withoutRoles((scope, parts) => {
      new RoleSync(scope, 'roles', parts);
      new RoleSync(scope, 'more-roles', parts);
    }),
  ).toThrow(/decisions of test\/access are delivered to ad-lambda-test-sync-roles.fifo: one RoleSync makes them so/);
});
