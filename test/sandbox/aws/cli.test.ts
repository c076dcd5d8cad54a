/** The AWS CLI, unmodified, with nothing but AWS_ENDPOINT_URL and credentials. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { account, endpointForTests, failure, identityStoreId, region, roleAllowed } from './endpoint-fixture.ts';

const installed = (process.env.PATH ?? '').split(delimiter).some((directory) => directory !== '' && existsSync(join(directory, 'aws')));
// The CLI is an optional tool, also in CI: the SDK's clients cover the same protocols
if (installed) describe('the AWS CLI', withCli);
else {
  console.warn('the AWS CLI is not on PATH: the tests with it are skipped; install it (https://aws.amazon.com/cli/) to run them');
  test.skip('the AWS CLI is not on PATH');
}

async function withCli(): Promise<void> {
  const endpoint = await endpointForTests();
  const nobody = roleAllowed(endpoint, 'nobody', []);
  const operator = (service: string, operation: string, input: Record<string, unknown>) =>
    endpoint.call('operator', service, operation, input);

  async function aws(args: string, credentials = endpoint.operator): Promise<unknown> {
    const { sessionToken } = credentials;
    const { stdout } = await promisify(execFile)('aws', [...args.split(' '), '--output', 'json'], {
      env: {
        PATH: process.env.PATH,
        HOME: '/nonexistent',
        AWS_ENDPOINT_URL: endpoint.url,
        AWS_DEFAULT_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        ...(sessionToken ? { AWS_SESSION_TOKEN: sessionToken } : {}),
        AWS_PAGER: '',
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_MAX_ATTEMPTS: '1',
      },
    });
    return stdout.trim() === '' ? {} : JSON.parse(stdout);
  }

  const person = {
    IdentityStoreId: identityStoreId,
    UserName: 'ada',
    DisplayName: 'Ada',
    Name: { GivenName: 'Ada', FamilyName: 'Example' },
  };
  const { UserId } = (await operator('identitystore', 'CreateUser', person)) as { UserId: string };
  const { GroupId } = (await operator('identitystore', 'CreateGroup', { IdentityStoreId: identityStoreId, DisplayName: 'Developers' })) as {
    GroupId: string;
  };
  await operator('identitystore', 'CreateGroupMembership', { IdentityStoreId: identityStoreId, GroupId, MemberId: { UserId } });

  await operator('dynamodb', 'CreateTable', {
    TableName: 'directory',
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  });
  await operator('dynamodb', 'PutItem', { TableName: 'directory', Item: { pk: { S: 'user#1' } } });
  await operator('sqs', 'CreateQueue', { QueueName: 'work' });
  await operator('events', 'PutRule', { Name: 'created', EventPattern: '{"source":["active-directory.directory"]}' });
  await operator('logs', 'CreateLogGroup', { logGroupName: '/audit' });
  await operator('logs', 'CreateLogStream', { logGroupName: '/audit', logStreamName: 's' });
  await operator('logs', 'PutLogEvents', {
    logGroupName: '/audit',
    logStreamName: 's',
    logEvents: [{ timestamp: Date.now(), message: '{"who":"ada"}' }],
  });
  await operator('secretsmanager', 'CreateSecret', { Name: 'bind', SecretString: 'value' });
  await operator('s3', 'CreateBucket', { Bucket: 'evidence' });
  await operator('s3', 'PutObject', { Bucket: 'evidence', Key: 'a', Body: 'x' });
  await operator('cloudwatch', 'PutMetricAlarm', { AlarmName: 'errors', MetricName: 'Errors' });

  const store = `--identity-store-id ${identityStoreId}`;
  const queueUrl = `${endpoint.url}/${account}/work`;

  test.concurrent.each<[string, object]>([
    ['sts get-caller-identity', { Account: account }],
    [`identitystore list-users ${store}`, { Users: [{ UserId, UserName: 'ada' }] }],
    [`identitystore list-groups ${store}`, { Groups: [{ GroupId, DisplayName: 'Developers' }] }],
    [`identitystore list-group-memberships ${store} --group-id ${GroupId}`, { GroupMemberships: [{ MemberId: { UserId } }] }],
    ['dynamodb list-tables', { TableNames: ['directory'] }],
    ['dynamodb scan --table-name directory', { Items: [{ pk: { S: 'user#1' } }] }],
    ['sqs list-queues', { QueueUrls: [queueUrl] }],
    [`sqs get-queue-attributes --queue-url ${queueUrl} --attribute-names All`, { Attributes: { VisibilityTimeout: '30' } }],
    [`sqs send-message --queue-url ${queueUrl} --message-body hello`, { MD5OfMessageBody: '5d41402abc4b2a76b9719d911017c592' }],
    ['events list-rules', { Rules: [{ Name: 'created', State: 'ENABLED' }] }],
    ['logs describe-log-groups', { logGroups: [{ logGroupName: '/audit' }] }],
    ['logs filter-log-events --log-group-name /audit --filter-pattern ada', { events: [{ message: '{"who":"ada"}' }] }],
    ['secretsmanager list-secrets', { SecretList: [{ Name: 'bind' }] }],
    ['secretsmanager get-secret-value --secret-id bind', { SecretString: 'value' }],
    ['s3api list-objects-v2 --bucket evidence', { Contents: [{ Key: 'a' }] }],
    ['scheduler list-schedules', { Schedules: [] }],
    ['cloudwatch describe-alarms', { MetricAlarms: [{ AlarmName: 'errors' }] }],
    ['iam list-roles', { Roles: [{ RoleName: 'nobody' }] }],
    ['xray put-trace-segments --trace-segment-documents {}', { UnprocessedTraceSegments: [] }],
  ])('GIVEN the endpoint’s URL alone WHEN `aws %s` runs THEN it shows what is there', async (command, expected) => {
    expect(await aws(command)).toMatchObject(expected);
  });

  test('fails GIVEN a wrong secret, an operation or a service that is not there, a role without permission', async () => {
    const wrong = { ...endpoint.operator, secretAccessKey: 'wrong' };
    expect((await failure(aws('sts get-caller-identity', wrong))).stderr).toContain('(SignatureDoesNotMatch)');
    expect((await failure(aws('sqs untag-queue --tag-keys a --queue-url x'))).stderr).toContain('sqs:UntagQueue');
    expect((await failure(aws('ec2 describe-instances'))).stderr).toContain('NotImplemented');
    expect((await failure(aws('dynamodb list-tables', endpoint.credentialsFor(nobody, 's')))).stderr).toContain('(AccessDeniedException)');
  });
}
