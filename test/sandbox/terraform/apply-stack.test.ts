import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AwsEndpoint, startEndpoint } from '../../../sandbox/aws/endpoint.ts';
import { applyStack } from '../../../sandbox/terraform/apply-stack.ts';
import { expression as $, type Blocks, document, functionBlocks, merge, send, writeStack } from '../runtime/small-stack.ts';

const handler = 'export const handler = async () => null;';

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

  const apply = (resource: Blocks, more: Record<string, unknown> = {}, variables: Record<string, string> = {}) => {
    const folder = writeStack(resource, { worker: handler }, more);
    folders.push(folder);
    return applyStack({ stackDirectory: folder, endpoint, variables });
  };
  const operator = (service: string, operation: string, input: Record<string, unknown>) =>
    endpoint.call('operator', service, operation, input);

  it('GIVEN a function fed by a queue WHEN the stack is applied THEN everything the runtime gets comes from the JSON', async () => {
    const stack = await apply(
      merge(
        functionBlocks(
          'worker',
          {
            timeout: 9,
            memory_size: 256,
            reserved_concurrent_executions: 3,
            environment: { variables: { QUEUE_URL: $('aws_sqs_queue.jobs.url'), CA: $('var.ca'), PREFIX: $('local.prefix') } },
            dead_letter_config: { target_arn: $('aws_sqs_queue.dead.arn') },
            tracing_config: { mode: 'Active' },
          },
          [send('dead')],
        ),
        {
          aws_sqs_queue: {
            jobs: {
              name: 'jobs',
              visibility_timeout_seconds: 54,
              redrive_policy: JSON.stringify({ deadLetterTargetArn: $('aws_sqs_queue.dead.arn'), maxReceiveCount: 5 }),
            },
            dead: { name: 'dead' },
          },
          aws_lambda_event_source_mapping: {
            jobs: {
              event_source_arn: $('aws_sqs_queue.jobs.arn'),
              function_name: $('aws_lambda_function.worker.arn'),
              batch_size: 4,
              function_response_types: ['ReportBatchItemFailures'],
              scaling_config: { maximum_concurrency: 2 },
              filter_criteria: { filter: [{ pattern: '{"body":{"kind":["a"]}}' }] },
            },
          },
          aws_lambda_function_event_invoke_config: {
            worker: {
              function_name: $('aws_lambda_function.worker.function_name'),
              maximum_retry_attempts: 1,
              maximum_event_age_in_seconds: 70,
            },
          },
        },
      ),
      {
        variable: { ca: { type: 'string' } },
        locals: { prefix: 'team' },
        output: { queue: { value: $('aws_sqs_queue.jobs.name') } },
      },
      { ca: 'PEM' },
    );

    const dead = 'arn:aws:sqs:eu-central-1:111122223333:dead';
    expect(stack.functions.get('worker')).toMatchObject({
      arn: 'arn:aws:lambda:eu-central-1:111122223333:function:worker',
      roleArn: 'arn:aws:iam::111122223333:role/worker',
      environment: { QUEUE_URL: `${endpoint.url}/111122223333/jobs`, CA: 'PEM', PREFIX: 'team' },
      timeoutSeconds: 9,
      memoryMb: 256,
      reservedConcurrency: 3,
      inVpc: false,
      deadLetterArn: dead,
      asyncRetries: 1,
      asyncMaximumAgeSeconds: 70,
      tracing: true,
      logGroup: '/aws/lambda/worker',
    });
    expect(stack.eventSources).toEqual([
      expect.objectContaining({
        functionName: 'worker',
        kind: 'sqs',
        batchSize: 4,
        reportsItemFailures: true,
        maximumConcurrency: 2,
        filters: ['{"body":{"kind":["a"]}}'],
      }),
    ]);
    expect(stack.outputs).toEqual({ queue: 'jobs' });
    const { Attributes } = await operator('sqs', 'GetQueueAttributes', {
      QueueUrl: `${endpoint.url}/111122223333/jobs`,
      AttributeNames: ['All'],
    });
    expect(Attributes).toMatchObject({
      VisibilityTimeout: '54',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: 5 }),
    });
  });

  it("GIVEN a role with a policy WHEN the stack is applied THEN the endpoint allows the role's calls and no others", async () => {
    await apply(
      merge(functionBlocks('worker', {}, [send('jobs')]), { aws_sqs_queue: { jobs: { name: 'jobs' }, other: { name: 'other' } } }),
    );
    const caller = { roleArn: 'arn:aws:iam::111122223333:role/worker', sessionName: 'test' };
    const sendTo = (name: string) =>
      endpoint.call(caller, 'sqs', 'SendMessage', { QueueUrl: `${endpoint.url}/111122223333/${name}`, MessageBody: 'x' });
    await expect(sendTo('jobs')).resolves.toHaveProperty('MessageId');
    await expect(sendTo('other')).rejects.toMatchObject({ code: 'AccessDeniedException' });
  });

  it("GIVEN a permissions boundary in the stack WHEN the stack is applied THEN it limits the role's policy", async () => {
    const blocks = merge(functionBlocks('worker', {}, [send('jobs')]), {
      aws_sqs_queue: { jobs: { name: 'jobs' } },
      aws_iam_policy: { boundary: { name: 'boundary', policy: document([{ Effect: 'Allow', Action: 'logs:*', Resource: '*' }]) } },
    });
    Object.assign(blocks.aws_iam_role?.worker ?? {}, { permissions_boundary: $('aws_iam_policy.boundary.arn') });
    await apply(blocks);
    const caller = { roleArn: 'arn:aws:iam::111122223333:role/worker', sessionName: 'test' };
    const sending = endpoint.call(caller, 'sqs', 'SendMessage', { QueueUrl: `${endpoint.url}/111122223333/jobs`, MessageBody: 'x' });
    await expect(sending).rejects.toMatchObject({ code: 'AccessDeniedException' });
  });

  it('GIVEN a bus, a rule and a queue WHEN the stack is applied THEN a matching event reaches the queue and another does not', async () => {
    const policy = {
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: $('aws_sqs_queue.jobs.arn'),
      Condition: { ArnEquals: { 'aws:SourceArn': $('aws_cloudwatch_event_rule.some.arn') } },
    };
    await apply({
      aws_sqs_queue: { jobs: { name: 'jobs' } },
      aws_sqs_queue_policy: { jobs: { queue_url: $('aws_sqs_queue.jobs.url'), policy: document([policy]) } },
      aws_cloudwatch_event_bus: { identity: { name: 'identity' } },
      aws_cloudwatch_event_rule: {
        some: {
          name: 'some',
          event_bus_name: $('aws_cloudwatch_event_bus.identity.name'),
          event_pattern: '{"detail-type":["UserCreated"]}',
        },
      },
      aws_cloudwatch_event_target: {
        some: {
          rule: $('aws_cloudwatch_event_rule.some.name'),
          event_bus_name: $('aws_cloudwatch_event_bus.identity.name'),
          target_id: 'jobs',
          arn: $('aws_sqs_queue.jobs.arn'),
        },
      },
    });
    const entry = (DetailType: string) => ({ EventBusName: 'identity', Source: 'active-directory.directory', DetailType, Detail: '{}' });
    await operator('events', 'PutEvents', { Entries: [entry('UserDeleted'), entry('UserCreated')] });
    const { Messages } = await operator('sqs', 'ReceiveMessage', {
      QueueUrl: `${endpoint.url}/111122223333/jobs`,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 2,
    });
    expect((Messages as { Body: string }[]).map(({ Body }) => (JSON.parse(Body) as Record<string, unknown>)['detail-type'])).toEqual([
      'UserCreated',
    ]);
  });

  it('GIVEN a table with a stream and a bucket with an object WHEN the stack is applied THEN both are there, and their attributes resolve', async () => {
    const stack = await apply(
      {
        aws_dynamodb_table: {
          directory: {
            name: 'directory',
            billing_mode: 'PAY_PER_REQUEST',
            hash_key: 'pk',
            range_key: 'sk',
            attribute: [
              { name: 'pk', type: 'S' },
              { name: 'sk', type: 'S' },
            ],
            global_secondary_index: [{ name: 'listing', hash_key: 'sk', range_key: 'pk', projection_type: 'KEYS_ONLY' }],
            stream_enabled: true,
            stream_view_type: 'NEW_AND_OLD_IMAGES',
            ttl: { attribute_name: 'expiresAt', enabled: true },
          },
        },
        aws_s3_bucket: { configuration: { bucket: 'configuration' } },
        aws_s3_object: {
          mappings: { bucket: $('aws_s3_bucket.configuration.bucket'), key: 'a.json', content: `{"pattern":"$${$('x')}"}` },
        },
      },
      {
        output: {
          stream: { value: $('aws_dynamodb_table.directory.stream_arn') },
          regional: { value: $('aws_s3_bucket.configuration.bucket_regional_domain_name') },
        },
      },
    );
    expect(stack.outputs).toEqual({
      stream: expect.stringMatching(/^arn:aws:dynamodb:eu-central-1:111122223333:table\/directory\/stream\/20/),
      regional: 'configuration.s3.eu-central-1.amazonaws.com',
    });
    const { Table } = await operator('dynamodb', 'DescribeTable', { TableName: 'directory' });
    expect(Table).toMatchObject({ GlobalSecondaryIndexes: [{ IndexName: 'listing' }], StreamSpecification: { StreamEnabled: true } });
    const { Body } = await operator('s3', 'GetObject', { Bucket: 'configuration', Key: 'a.json' });
    expect(Buffer.from(Body as Uint8Array).toString()).toBe(`{"pattern":"${$('x')}"}`);
  });

  it('GIVEN resources that change nothing on one machine WHEN the stack is applied THEN each is reported with its reason', async () => {
    const stack = await apply({ aws_security_group: { out: { vpc_id: 'vpc-1' } }, aws_sqs_queue: { jobs: { name: 'jobs' } } });
    expect(stack.withoutEffect).toEqual([{ type: 'aws_security_group', name: 'out', reason: expect.stringMatching(/\w/) }]);
  });

  it("fails when the declared hash is not the zip's own", async () => {
    const hash = createHash('sha256').update('other bytes').digest('base64');
    await expect(apply(functionBlocks('worker', { source_code_hash: hash }))).rejects.toThrow(`source_code_hash ${hash} is not that of`);
  });

  it.each<[string, Blocks, string]>([
    ['an unknown resource type', { aws_instance: { one: {} } }, 'aws_instance.one: the sandbox does not know resource aws_instance'],
    ['an unknown argument', { aws_sqs_queue: { jobs: { name: 'jobs', speed: 3 } } }, 'aws_sqs_queue.jobs: the sandbox does not know speed'],
    ['a missing argument', { aws_sqs_queue: { jobs: {} } }, 'aws_sqs_queue.jobs: name is missing'],
    ['count', { aws_sqs_queue: { jobs: { name: 'jobs', count: 2 } } }, 'uses "count"'],
    [
      'a reference to nothing',
      { aws_sqs_queue: { jobs: { name: $('aws_sqs_queue.gone.name') } } },
      'aws_sqs_queue.jobs refers to aws_sqs_queue.gone',
    ],
    [
      'a cycle',
      { aws_sqs_queue: { a: { name: $('aws_sqs_queue.b.name') }, b: { name: 'b', depends_on: ['aws_sqs_queue.a'] } } },
      'cycle: aws_sqs_queue.a -> aws_sqs_queue.b -> aws_sqs_queue.a',
    ],
    ['a function call', { aws_sqs_queue: { jobs: { name: $('lower("JOBS")') } } }, 'the function call lower()'],
    [
      'a variable without a value',
      { aws_sqs_queue: { jobs: { name: $('var.name') } } },
      'variable "name" has no value: give one, as TF_VAR_name would',
    ],
    ['policy text that is no JSON', { aws_iam_role: { r: { name: 'r', assume_role_policy: '{' } } }, 'assume_role_policy is no JSON'],
    [
      'a policy from outside the stack',
      {
        aws_iam_role: { r: { name: 'r', assume_role_policy: document([]) } },
        aws_iam_role_policy_attachment: {
          a: { role: $('aws_iam_role.r.name'), policy_arn: 'arn:aws:iam::aws:policy/AdministratorAccess' },
        },
      },
      'policy arn:aws:iam::aws:policy/AdministratorAccess is not in the stack',
    ],
    [
      'a rule that lets out all ports',
      { aws_vpc_security_group_egress_rule: { all: { security_group_id: 'sg-1', ip_protocol: '-1', cidr_ipv4: '0.0.0.0/0' } } },
      'ip_protocol -1',
    ],
    [
      'a managed directory without one that runs',
      {
        aws_cloudformation_stack: {
          ad: { name: 'ad', template_body: JSON.stringify({ Resources: { D: { Type: 'AWS::DirectoryService::MicrosoftAD' } } }) },
        },
      },
      'start the domain controller first',
    ],
  ])('fails for %s, and names it', async (_what, resource, message) => {
    await expect(apply(resource, { variable: { name: {} } })).rejects.toThrow(message);
  });

  it('fails for a stack of another region', async () => {
    const folder = writeStack({}, {}, { provider: { aws: [{ region: 'us-east-1' }] } });
    folders.push(folder);
    await expect(applyStack({ stackDirectory: folder, endpoint, variables: {} })).rejects.toThrow('the stack is for region us-east-1');
  });

  it('fails for a folder without a synthesized stack', async () => {
    await expect(applyStack({ stackDirectory: '/nonexistent', endpoint, variables: {} })).rejects.toThrow('run npm run synth');
  });
});
