/** Secrets that rotate, their keys, copies and policies, and items of tables, as a stack declares them. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AwsEndpoint, startEndpoint } from '../../../sandbox/aws/endpoint.ts';
import { applyStack } from '../../../sandbox/terraform/apply-stack.ts';
import {
  expression as $,
  type Blocks,
  document,
  eventually,
  functionBlocks,
  merge,
  startSmallStack,
  writeStack,
} from '../runtime/small-stack.ts';

const secret = { aws_secretsmanager_secret: { wiki: { name: 'apps/wiki' } } };
const secretArn = $('aws_secretsmanager_secret.wiki.arn');

/** A function that Secrets Manager may call for the secrets of a folder, and a secret that it rotates. */
const rotating = (rotation: Record<string, unknown> = {}, permission: Record<string, unknown> = {}): Blocks =>
  merge(functionBlocks('worker', { timeout: 10 }), secret, {
    aws_lambda_permission: {
      worker: {
        statement_id: 'rotate',
        function_name: $('aws_lambda_function.worker.function_name'),
        action: 'lambda:InvokeFunction',
        principal: 'secretsmanager.amazonaws.com',
        source_account: '111122223333',
        source_arn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:apps/*',
        ...permission,
      },
    },
    aws_secretsmanager_secret_rotation: {
      wiki: {
        secret_id: secretArn,
        rotation_lambda_arn: $('aws_lambda_function.worker.arn'),
        rotation_rules: { schedule_expression: 'cron(0 2 ? * SUN *)', duration: '3h' },
        rotate_immediately: false,
        depends_on: ['aws_lambda_permission.worker'],
        ...rotation,
      },
    },
  });

describe('applyStack', () => {
  let endpoint: AwsEndpoint;
  const folders: string[] = [];

  beforeEach(async () => {
    endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  });
  afterEach(async () => {
    await endpoint.close();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  const apply = (resource: Blocks) => {
    const folder = writeStack(resource, { worker: 'export const handler = async () => null;' });
    folders.push(folder);
    return applyStack({ stackDirectory: folder, endpoint, variables: {} });
  };
  const operator = (service: string, operation: string, input: Record<string, unknown>) =>
    endpoint.call('operator', service, operation, input);

  it('GIVEN a secret with a key and copies WHEN the stack is applied THEN they are its own', async () => {
    const key = 'arn:aws:kms:eu-central-1:111122223333:key/1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d';
    await apply({
      aws_secretsmanager_secret: {
        wiki: {
          name: 'apps/wiki',
          kms_key_id: key,
          replica: [{ region: 'eu-west-1', kms_key_id: 'alias/copies' }, { region: 'us-east-1' }],
        },
      },
    });
    expect(await operator('secretsmanager', 'DescribeSecret', { SecretId: 'apps/wiki' })).toMatchObject({
      KmsKeyId: key,
      ReplicationStatus: [
        { Region: 'eu-west-1', KmsKeyId: 'alias/copies', Status: 'InSync' },
        { Region: 'us-east-1', KmsKeyId: 'alias/aws/secretsmanager', Status: 'InSync' },
      ],
    });
  });

  it('GIVEN a rotation WHEN the stack is applied THEN the secret is configured, and nothing rotates before a function can run', async () => {
    const stack = await apply(rotating());
    expect(await operator('secretsmanager', 'DescribeSecret', { SecretId: 'apps/wiki' })).toMatchObject({
      RotationEnabled: true,
      RotationLambdaARN: stack.functions.get('worker')?.arn,
      RotationRules: { ScheduleExpression: 'cron(0 2 ? * SUN *)', Duration: '3h' },
      VersionIdsToStages: {},
    });
    expect(endpoint.calls.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
  });

  it('GIVEN a rotation of a secret that the stack names WHEN the stack is applied THEN that secret is there, as its team made it', async () => {
    const arn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:apps/own-a1B2c3';
    await apply(rotating({ secret_id: arn, rotation_rules: { automatically_after_days: 7 } }));
    expect(await operator('secretsmanager', 'DescribeSecret', { SecretId: arn })).toMatchObject({
      ARN: arn,
      Name: 'apps/own',
      RotationRules: { AutomaticallyAfterDays: 7 },
    });
  });

  it('GIVEN an item WHEN the stack is applied THEN it is in its table', async () => {
    const item = { pk: { S: 'settings' }, sk: { S: 'wiki' }, settings: { S: '{"name":"wiki"}' } };
    await apply(table(item));
    const { Item } = await operator('dynamodb', 'GetItem', { TableName: 'settings', Key: { pk: item.pk, sk: item.sk } });
    expect(Item).toEqual(item);
  });

  const table = (item: unknown): Blocks => ({
    aws_dynamodb_table: {
      settings: {
        name: 'settings',
        hash_key: 'pk',
        range_key: 'sk',
        billing_mode: 'PAY_PER_REQUEST',
        attribute: [
          { name: 'pk', type: 'S' },
          { name: 'sk', type: 'S' },
        ],
      },
    },
    aws_dynamodb_table_item: {
      wiki: { table_name: $('aws_dynamodb_table.settings.name'), hash_key: 'pk', range_key: 'sk', item: JSON.stringify(item) },
    },
  });
  const policy = (Principal: unknown, block: boolean): Blocks =>
    merge(secret, {
      aws_secretsmanager_secret_policy: {
        wiki: {
          secret_arn: secretArn,
          block_public_policy: block,
          policy: document([{ Effect: 'Allow', Principal, Action: 'secretsmanager:GetSecretValue', Resource: '*' }]),
        },
      },
    });

  it.each([
    ['one role, blocked for the public', { AWS: 'arn:aws:iam::444455556666:role/wiki' }, true],
    ['everybody, not blocked', '*', false],
  ])('GIVEN a policy for %s WHEN the stack is applied THEN the secret has it', async (_, principal, block) => {
    await expect(apply(policy(principal, block))).resolves.toBeDefined();
  });

  it.each([
    ['a policy that is public', () => policy('*', true), /^aws_secretsmanager_secret_policy\.wiki: .*BlockPublicPolicy/],
    [
      'a rotation without rules',
      () => rotating({ rotation_rules: undefined }),
      /^aws_secretsmanager_secret_rotation\.wiki: rotation_rules is missing/,
    ],
    [
      'a rotation that Secrets Manager may not call',
      () => rotating({}, { principal: 'events.amazonaws.com' }),
      /Secrets Manager cannot invoke the specified Lambda function/,
    ],
    [
      'a rotation for another secret',
      () => rotating({}, { source_arn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:other/*' }),
      /Secrets Manager cannot invoke/,
    ],
    [
      'a rotation of what is no secret',
      () => rotating({ secret_id: 'apps' }),
      /secret_id "apps" is no secret of the stack and no full ARN/,
    ],
    [
      'an item without a key',
      () => table({ pk: { S: 'settings' } }),
      /^aws_dynamodb_table_item\.wiki: item has no sk, which is a key of settings/,
    ],
    [
      'two items of one key',
      () =>
        merge(table({ pk: { S: 'a' }, sk: { S: 'b' } }), {
          aws_dynamodb_table_item: { again: table({ pk: { S: 'a' }, sk: { S: 'b' } }).aws_dynamodb_table_item?.wiki ?? {} },
        }),
      /The conditional request failed/,
    ],
  ] as const)('fails WHEN the stack has %s', async (_, blocks, message) => {
    await expect(apply(blocks())).rejects.toThrow(message);
  });
});

describe('a stack that runs', () => {
  const steps = "if (event.Step === 'setSecret' && event.SecretId.includes('broken')) throw new Error('no right');";
  const source = `export const handler = async (event) => { console.log(JSON.stringify({ step: event.Step })); ${steps} };`;

  it('GIVEN a secret that rotates WHEN Secrets Manager calls the real function THEN each step is an invocation of it', async () => {
    const { endpoint, stack, stop } = await startSmallStack(rotating(), { worker: source });
    try {
      const quiet = () => eventually('the end of the rotation', () => (endpoint.pendingRotations === 0 ? true : undefined));
      await quiet();
      await endpoint.call('operator', 'secretsmanager', 'RotateSecret', { SecretId: 'apps/wiki' });
      await quiet();
      expect(await endpoint.call('operator', 'secretsmanager', 'DescribeSecret', { SecretId: 'apps/wiki' })).toHaveProperty(
        'LastRotatedDate',
      );
      const logged = async () => {
        const { events } = await endpoint.call('operator', 'logs', 'FilterLogEvents', {
          logGroupName: stack.functions.get('worker')?.logGroup,
        });
        const steps = (events as readonly { message: string }[]).flatMap(({ message }) => /"step\W+(\w+Secret)/.exec(message)?.[1] ?? []);
        return steps.length === 5 ? steps : undefined;
      };
      // The test of the configuration, as soon as the function could run; then the rotation.
      expect(await eventually('the last line', logged)).toEqual(['testSecret', 'createSecret', 'setSecret', 'testSecret', 'finishSecret']);
    } finally {
      await stop();
    }
  }, 30_000);

  it('GIVEN a step that always fails WHEN rotated THEN the secret is not told to be rotated', async () => {
    const broken = merge(rotating(), { aws_secretsmanager_secret: { wiki: { name: 'apps/broken' } } });
    const { endpoint, stop } = await startSmallStack(broken, { worker: source });
    try {
      await endpoint.call('operator', 'secretsmanager', 'RotateSecret', { SecretId: 'apps/broken' });
      await eventually('the end of the rotation', () => (endpoint.pendingRotations === 0 ? true : undefined), 15_000);
      expect(await endpoint.call('operator', 'secretsmanager', 'DescribeSecret', { SecretId: 'apps/broken' })).not.toHaveProperty(
        'LastRotatedDate',
      );
    } finally {
      await stop();
    }
  }, 30_000);
});
