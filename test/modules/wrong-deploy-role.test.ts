/** A deploy role that would hold nothing, or too much, fails at synth. */
import { Cloudtrail } from '@cdktf/provider-aws/lib/cloudtrail/index.js';
import { SnsTopic } from '@cdktf/provider-aws/lib/sns-topic/index.js';
import { TerraformStack, Testing } from 'cdktf';
import { RootConstruct } from 'constructs';
import { describe, expect, test } from 'vitest';
import {
  ActiveDirectoryIntegration,
  DeployRole,
  type DeployRoleProps,
  EnvironmentBoundary,
  environmentBoundaryArn,
  issuers,
  OidcFederation,
  subjects,
  WrongPropError,
} from '../../modules/index.ts';
import { leastProps } from './integration.ts';

const { account } = leastProps;
const boundary = environmentBoundaryArn({ account, name: 'test' });

interface World {
  readonly root: RootConstruct;
  readonly stack: TerraformStack;
  readonly deployment: TerraformStack;
  readonly integration: ActiveDirectoryIntegration;
}

function world(props: object = { permissionsBoundaryArn: boundary }): World {
  const root = new RootConstruct();
  const stack = new TerraformStack(root, 'test');
  const integration = new ActiveDirectoryIntegration(stack, 'integration', { ...leastProps, ...props });
  return { root, stack, deployment: new TerraformStack(root, 'deployment'), integration };
}

function deployRole({ stack, deployment, integration }: World, props: Partial<DeployRoleProps> = {}): DeployRole {
  return new DeployRole(deployment, 'role', {
    environment: integration.environment,
    stack,
    federation: new OidcFederation(deployment, 'github', { issuer: issuers.gitHubActions() }),
    subject: subjects.gitHub({ organization: 'example', repository: 'identity', environment: 'test' }),
    ...props,
  });
}

describe('GIVEN an environment and its deploy role', () => {
  test('WHEN its roles have no boundary THEN it fails: the deployer could make itself any right', () => {
    expect(() => deployRole(world({}))).toThrow(
      /^permissionsBoundaryArn of environment "test" is left out: .+ give environmentBoundaryArn\(…\)/,
    );
  });

  test('WHEN the stack has types that the table has not THEN it fails and names each', () => {
    const one = world();
    new SnsTopic(one.stack, 'topic', { name: 'x' });
    new Cloudtrail(one.stack, 'trail', { name: 'x', s3BucketName: 'x' });
    expect(() => deployRole(one)).toThrow(
      /^the stack has aws_cloudtrail, aws_sns_topic, of which no deploy permissions are known: add them to modules\/federation\/deploy-permissions\.ts$/,
    );
  });

  test('WHEN a former type is none of the table THEN it fails', () => {
    expect(() => deployRole(world(), { formerTypes: ['aws_sqs'] })).toThrow(
      /^the stack has aws_sqs, of which no deploy permissions are known: add it/,
    );
  });

  test('WHEN a former type is named THEN it may still be destroyed', () => {
    const one = world();
    deployRole(one, { formerTypes: ['aws_vpc_endpoint'] });
    expect(Testing.synth(one.deployment)).toContain('ec2:DeleteVpcEndpoints');
  });

  test('WHEN another environment of the account has a name that begins with its own THEN it fails', () => {
    const one = world();
    const other = new TerraformStack(one.root, 'other');
    new ActiveDirectoryIntegration(other, 'integration', { ...leastProps, name: 'test-eu' });
    expect(() => deployRole(one)).toThrow(/^environment "test-eu" has a name that begins with "test-" in the same account/);
  });

  test('WHEN another one of the account has the same names by another prefix THEN it fails', () => {
    const one = world({ permissionsBoundaryArn: boundary, prefix: 'one-two', name: 'test' });
    const other = new TerraformStack(one.root, 'other');
    new ActiveDirectoryIntegration(other, 'integration', { ...leastProps, prefix: 'one', name: 'two-test' });
    expect(() => deployRole(one)).toThrow(
      /^environment "two-test" has the names of "test" in the same account, one-two-test-…: who deploys one could touch the other, rename one$/,
    );
  });

  test('WHEN that one is in another account THEN it is made', () => {
    const one = world();
    const other = new TerraformStack(one.root, 'other');
    new ActiveDirectoryIntegration(other, 'integration', { ...leastProps, name: 'test-eu', account: '444455556666' });
    expect(deployRole(one).arn).toContain('TfToken');
  });

  test('WHEN a type is added to the stack later THEN synth fails and names it', () => {
    const one = world();
    deployRole(one);
    new SnsTopic(one.stack, 'topic', { name: 'x' });
    expect(() => Testing.synth(one.deployment, true)).toThrow(
      /the stack got aws_sns_topic after its deploy role was made: make the role last/,
    );
  });

  test.each<[string, object, RegExp]>([
    ['a key with a wildcard', { bucket: 'example-state', key: 'ad-lambda/*' }, /^state\.key is "ad-lambda\/\*": give the key in full/],
    [
      'a bucket that the environment could change',
      { bucket: 'ad-lambda-test-state', key: 'x' },
      /^state\.bucket is "ad-lambda-test-state": who deploys "test" may do anything with buckets of ad-lambda-test-…, give one of another name$/,
    ],
    ['a bucket by its ARN', { bucket: 'arn:aws:s3:::example-state', key: 'x' }, /^state\.bucket is "arn:aws:s3:::example-state"/],
    [
      'a key’s alias',
      { bucket: 'example-state', key: 'x', kmsKeyArn: 'alias/state' },
      /^state\.kmsKeyArn is "alias\/state": give the ARN of a KMS key/,
    ],
  ])('WHEN the state is named by %s THEN it fails', (_what, state, message) => {
    expect(() => deployRole(world(), { state: state as never })).toThrow(message);
  });

  test('WHEN its subject is anybody of the repository THEN it fails', () => {
    expect(() => deployRole(world(), { subject: { like: 'repo:example/identity:*' } })).toThrow(WrongPropError);
  });
});

describe('GIVEN the boundary of an environment', () => {
  test('WHEN the environment has another one THEN it fails and says which to give', () => {
    const { stack, deployment, integration } = world({ permissionsBoundaryArn: 'arn:aws:iam::111122223333:policy/other' });
    expect(() => new EnvironmentBoundary(deployment, 'boundary', { environment: integration.environment, stack })).toThrow(
      `permissionsBoundaryArn of environment "test" is "arn:aws:iam::111122223333:policy/other": give ${boundary}, which this makes`,
    );
  });

  test('WHEN a boundary of the team is given THEN the deploy role demands that one', () => {
    const own = 'arn:aws:iam::111122223333:policy/other';
    const one = world({ permissionsBoundaryArn: own });
    deployRole(one);
    expect(Testing.synth(one.deployment)).toContain(String.raw`\"iam:PermissionsBoundary\":\"${own}\"`);
  });
});
