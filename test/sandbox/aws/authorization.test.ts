import { CloudWatchLogsClient, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  BatchGetItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CreateUserCommand, IdentitystoreClient } from '@aws-sdk/client-identitystore';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { onlySource } from '../../../modules/platform/policy.ts';
import { AwsError } from '../../../sandbox/aws/endpoint.ts';
import { account, allow, clientOf, endpointForTests, failure, identityStoreId, region, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const tableArn = `arn:aws:dynamodb:${region}:${account}:table/grants`;

await endpoint.call('operator', 'dynamodb', 'CreateTable', {
  TableName: 'grants',
  BillingMode: 'PAY_PER_REQUEST',
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'role', AttributeType: 'S' },
  ],
  GlobalSecondaryIndexes: [
    { IndexName: 'by-role', KeySchema: [{ AttributeName: 'role', KeyType: 'HASH' }], Projection: { ProjectionType: 'ALL' } },
  ],
});

const nobody = clientOf(endpoint, endpoint.credentialsFor(roleAllowed(endpoint, 'nobody', []), 'test'));
const queueUrl = `${endpoint.url}/${account}/q`;

describe('a role without permission', () => {
  test.each<[string, () => Promise<unknown>, string, string, string]>([
    ['dynamodb', () => new DynamoDBClient(nobody).send(new ListTablesCommand({})), 'AccessDeniedException', 'dynamodb:ListTables', '*'],
    [
      'sqs',
      () => new SQSClient(nobody).send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'x' })),
      'AccessDenied',
      'sqs:SendMessage',
      `arn:aws:sqs:${region}:${account}:q`,
    ],
    [
      'events',
      () => new EventBridgeClient(nobody).send(new PutEventsCommand({ Entries: [{ Source: 's', DetailType: 't', Detail: '{}' }] })),
      'AccessDeniedException',
      'events:PutEvents',
      `arn:aws:events:${region}:${account}:event-bus/default`,
    ],
    [
      'logs',
      () => new CloudWatchLogsClient(nobody).send(new PutLogEventsCommand({ logGroupName: 'g', logStreamName: 's', logEvents: [] })),
      'AccessDeniedException',
      'logs:PutLogEvents',
      `arn:aws:logs:${region}:${account}:log-group:g:log-stream:s`,
    ],
    [
      'secretsmanager',
      () => new SecretsManagerClient(nobody).send(new GetSecretValueCommand({ SecretId: 'bind' })),
      'AccessDeniedException',
      'secretsmanager:GetSecretValue',
      `arn:aws:secretsmanager:${region}:${account}:secret:bind`,
    ],
    [
      'identitystore',
      () => new IdentitystoreClient(nobody).send(new CreateUserCommand({ IdentityStoreId: identityStoreId })),
      'AccessDeniedException',
      'identitystore:CreateUser',
      `arn:aws:identitystore::${account}:identitystore/${identityStoreId}`,
    ],
    [
      's3',
      () => new S3Client(nobody).send(new GetObjectCommand({ Bucket: 'evidence', Key: 'a' })),
      'AccessDenied',
      's3:GetObject',
      'arn:aws:s3:::evidence/a',
    ],
    ['lambda', () => new LambdaClient(nobody).send(new ListFunctionsCommand({})), 'AccessDeniedException', 'lambda:ListFunctions', '*'],
    [
      'sts',
      () => new STSClient(nobody).send(new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${account}:role/nobody`, RoleSessionName: 'me' })),
      'AccessDenied',
      'sts:AssumeRole',
      `arn:aws:iam::${account}:role/nobody`,
    ],
  ])("fails WHEN it calls %s THEN in the service's shape and AWS's words", async (service, call, code, action, resource) => {
    endpoint.clearCalls();
    const error = await failure(call());
    expect([error.name, error.Code]).toContain(code);
    expect(error.message).toContain(
      `User: arn:aws:sts::${account}:assumed-role/nobody/test is not authorized to perform: ${action} on resource: ${resource}`,
    );
    expect(endpoint.calls).toMatchObject([{ service, outcome: 'denied', authorizations: [{ action, resource }] }]);
  });
});

describe('a role with permission', () => {
  const reader = (resource: string | string[], condition?: Record<string, Record<string, string | string[]>>) => {
    const statement = { ...allow(['dynamodb:GetItem', 'dynamodb:Query'], resource), ...(condition ? { Condition: condition } : {}) };
    const role = roleAllowed(endpoint, `reader-${Math.random().toString(36).slice(2)}`, [statement]);
    return new DynamoDBClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
  };
  const get = (pk: string) => new GetItemCommand({ TableName: 'grants', Key: { pk: { S: pk } } });
  const byRole = new QueryCommand({
    TableName: 'grants',
    IndexName: 'by-role',
    KeyConditionExpression: '#r = :r',
    ExpressionAttributeNames: { '#r': 'role' },
    ExpressionAttributeValues: { ':r': { S: 'admin' } },
  });

  test('GIVEN its policy names action and table WHEN it calls THEN the call is done, and no other one', async () => {
    const client = reader(tableArn);
    expect((await client.send(get('a'))).Item).toBeUndefined();
    expect((await failure(client.send(new DescribeTableCommand({ TableName: 'grants' })))).name).toBe('AccessDeniedException');
  });

  test('GIVEN a policy for the table alone WHEN it queries an index THEN it is denied until the index is named', async () => {
    expect((await failure(reader(tableArn).send(byRole))).message).toContain(`${tableArn}/index/by-role`);
    expect((await reader([tableArn, `${tableArn}/index/*`]).send(byRole)).Count).toBe(0);
  });

  test('GIVEN a condition on dynamodb:LeadingKeys WHEN it reads THEN only those keys are there for it', async () => {
    const client = reader(tableArn, { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['user#*'] } });
    await client.send(get('user#1'));
    expect((await failure(client.send(get('group#1')))).name).toBe('AccessDeniedException');
  });

  describe('on the partitions of corp.example.com alone', () => {
    const role = roleAllowed(endpoint, 'corp', [
      {
        ...allow(
          ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:Scan', 'dynamodb:UpdateItem'],
          [tableArn, `${tableArn}/index/by-role`],
        ),
        Condition: {
          'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['corp.example.com#*'] },
          Null: { 'dynamodb:LeadingKeys': 'false' },
        },
      },
    ]);
    const client = new DynamoDBClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
    const [own, others] = ['corp.example.com#1', 'sales.example.com#1'];
    const key = (pk: string) => ({ TableName: 'grants', Key: { pk: { S: pk } } });

    test.each<[string, (pk: string) => Promise<unknown>]>([
      [
        'BatchGetItem',
        (pk) =>
          client.send(new BatchGetItemCommand({ RequestItems: { grants: { Keys: [own, `${pk}0`].map((one) => ({ pk: { S: one } })) } } })),
      ],
      ['GetItem', (pk) => client.send(new GetItemCommand(key(pk)))],
      ['PutItem', (pk) => client.send(new PutItemCommand({ TableName: 'grants', Item: { pk: { S: pk } } }))],
      ['UpdateItem', (pk) => client.send(new UpdateItemCommand(key(pk)))],
      [
        'Query',
        (pk) =>
          client.send(
            new QueryCommand({ TableName: 'grants', KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: pk } } }),
          ),
      ],
      [
        'Query of an index',
        (role) =>
          client.send(
            new QueryCommand({
              TableName: 'grants',
              IndexName: 'by-role',
              KeyConditionExpression: '#r = :r',
              ExpressionAttributeNames: { '#r': 'role' },
              ExpressionAttributeValues: { ':r': { S: role } },
            }),
          ),
      ],
    ])('WHEN it calls %s THEN a key of its own is allowed, one of another domain denied', async (_, call) => {
      await call(own);
      expect((await failure(call(others))).name).toBe('AccessDeniedException');
    });

    test('WHEN it scans THEN it is denied, as a scan names no partition', async () => {
      expect((await failure(client.send(new ScanCommand({ TableName: 'grants' })))).name).toBe('AccessDeniedException');
    });
  });

  test('GIVEN the code of a function calls WHEN a policy denies by lambda:SourceFunctionArn THEN its calls are refused, the service’s are not', async () => {
    const functionArn = `arn:aws:lambda:${region}:${account}:function:watch`;
    const role = roleAllowed(endpoint, 'watch-role', [
      allow('dynamodb:ListTables', '*'),
      { Effect: 'Deny', Action: 'dynamodb:*', Resource: '*', Condition: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } } },
    ]);
    await endpoint.call('operator', 'lambda', 'CreateFunction', { FunctionName: 'watch', Role: role });
    await endpoint.call({ roleArn: role, sessionName: 'awslambda_watch' }, 'dynamodb', 'ListTables', {});
    const code = new DynamoDBClient(clientOf(endpoint, endpoint.credentialsFor(role, 'watch')));
    expect((await failure(code.send(new ListTablesCommand({})))).message).toContain('explicit deny');
  });

  test('fails GIVEN a role that may raise events of one source WHEN an entry of a call is of another THEN nothing of the call is raised', async () => {
    const bus = `arn:aws:events:${region}:${account}:event-bus/default`;
    const role = roleAllowed(endpoint, 'raises', [{ ...allow('events:PutEvents', bus), Condition: onlySource('active-directory.roles') }]);
    const client = new EventBridgeClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
    const raise = (...sources: readonly string[]) =>
      client.send(new PutEventsCommand({ Entries: sources.map((Source) => ({ Source, DetailType: 'T', Detail: '{}' })) }));
    expect((await raise('active-directory.roles', 'active-directory.roles')).FailedEntryCount).toBe(0);
    for (const sources of [['active-directory.directory'], ['active-directory.roles', 'active-directory.approval']])
      expect((await failure(raise(...sources))).name).toBe('AccessDeniedException');
  });

  test('fails GIVEN a policy with a condition key that the sandbox cannot fill in', () => {
    expect(() => reader(tableArn, { 'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['pk'] } })).toThrow('dynamodb:Attributes');
  });
});

describe('in process', () => {
  test('GIVEN the operator WHEN it calls THEN it is allowed everything, and logged', async () => {
    endpoint.clearCalls();
    await endpoint.call('operator', 'dynamodb', 'ListTables', {});
    expect(endpoint.calls).toMatchObject([{ caller: 'operator', service: 'dynamodb', operation: 'ListTables', outcome: 'ok' }]);
  });

  test('fails GIVEN an operation that is not there THEN 501 names service and operation', async () => {
    const error = await failure(endpoint.call('operator', 'dynamodb', 'ExecuteStatement', {}));
    expect(error).toBeInstanceOf(AwsError);
    expect(error).toMatchObject({ code: 'NotImplemented', status: 501 });
    expect(error.message).toContain('dynamodb:ExecuteStatement');
  });

  test('fails GIVEN a role that was never defined', async () => {
    const caller = { roleArn: `arn:aws:iam::${account}:role/ghost`, sessionName: 's' };
    expect((await failure(endpoint.call(caller, 'dynamodb', 'ListTables', {}))).message).toContain('role/ghost is not defined');
  });
});

describe('assuming a role', () => {
  const assume = (caller: Parameters<typeof endpoint.call>[0], role: string) =>
    endpoint.call(caller, 'sts', 'AssumeRole', { RoleArn: role, RoleSessionName: 'assumed' });

  test('GIVEN a trust policy for Lambda WHEN Lambda assumes the role THEN the credentials are the role’s; another service is refused', async () => {
    const role = roleAllowed(endpoint, 'for-lambda', []);
    const { Credentials } = (await assume({ service: 'lambda.amazonaws.com' }, role)) as { Credentials: Record<string, string> };
    expect(Credentials.AccessKeyId).toMatch(/^ASIA/);
    expect((await failure(assume({ service: 'scheduler.amazonaws.com' }, role))).name).toBe('AccessDenied');
  });
});
