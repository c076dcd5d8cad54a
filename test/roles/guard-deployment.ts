/** A deployment as `npm run guard` finds it: table, key, bus, queues and the settle-guard function itself, in an endpoint of its own. */
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { vi } from 'vitest';
import { dynamoDbGuard } from '../../handlers/roles/dynamodb-guard.ts';
import type { Guard, GuardLimits } from '../../handlers/roles/guard.ts';
import { account, endpointForTests, region } from '../sandbox/aws/endpoint-fixture.ts';
import { grantsTable, grantsTableIn } from './guard-table.ts';
import { target } from './removals.ts';

const bus = 'identity';

export async function guardDeployment() {
  const endpoint = await endpointForTests();
  const arn = (service: string, name: string) => `arn:aws:${service}:${region}:${account}:${name}`;
  const call = (service: string, operation: string, input: Record<string, unknown>) => endpoint.call('operator', service, operation, input);
  const client = await grantsTableIn(endpoint);
  const { KeyMetadata } = await call('kms', 'CreateKey', { KeyUsage: 'SIGN_VERIFY', KeySpec: 'ECC_NIST_P256' });
  await call('events', 'CreateEventBus', { Name: bus });
  const queue = async (name: string, attributes: Record<string, string> = {}, rule?: string): Promise<string> => {
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'events.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: arn('sqs', name),
          Condition: { ArnEquals: { 'aws:SourceArn': arn('events', `rule/${bus}/${rule}`) } },
        },
      ],
    });
    const Attributes = { ...attributes, ...(rule && { Policy }) };
    return String((await call('sqs', 'CreateQueue', { QueueName: name, Attributes })).QueueUrl);
  };
  const roleQueue = await queue('roles.fifo', { FifoQueue: 'true' });
  const guardQueue = await queue('settle-guard', {}, 'decided');
  const toldQueue = await queue('told', {}, 'told');
  const rule = async (Name: string, pattern: object, to: string) => {
    await call('events', 'PutRule', { Name, EventBusName: bus, EventPattern: JSON.stringify(pattern) });
    await call('events', 'PutTargets', { Rule: Name, EventBusName: bus, Targets: [{ Id: 'queue', Arn: arn('sqs', to) }] });
  };
  await rule('decided', { 'detail-type': ['GuardDecided'] }, 'settle-guard');
  await rule('told', { 'detail-type': ['GuardReleased', 'GuardTripped'] }, 'told');
  const variables = {
    GRANTS_TABLE: grantsTable,
    ROLE_QUEUES: JSON.stringify({ [target]: roleQueue }),
    IDENTITY_BUS: bus,
    APPROVAL_KEY_ID: String((KeyMetadata as { KeyId: string }).KeyId),
    GUARD_QUEUE_URL: guardQueue,
  };
  const role = `arn:aws:iam::${account}:role/settle-guard`;
  endpoint.defineRole({
    arn: role,
    trustPolicy: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    },
    policies: [],
  });
  await call('lambda', 'CreateFunction', {
    FunctionName: 'ad-lambda-dev-settle-guard',
    Runtime: 'nodejs22.x',
    Role: role,
    Handler: 'index.handler',
    Code: { ZipFile: Buffer.from('') },
    Environment: { Variables: variables },
  });
  const environment = {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: endpoint.operator.accessKeyId,
    AWS_SECRET_ACCESS_KEY: endpoint.operator.secretAccessKey,
  };
  for (const [name, value] of Object.entries({ ...environment, ...variables })) vi.stubEnv(name, value);
  // Its composition root reads the environment when it is loaded.
  const { handler } = await import('../../handlers/roles/settle-guard/index.ts');

  const receive = async (QueueUrl: string): Promise<SQSRecord[]> => {
    const { Messages = [] } = await call('sqs', 'ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10 });
    const messages = Messages as { MessageId: string; Body: string; ReceiptHandle: string }[];
    for (const { ReceiptHandle } of messages) await call('sqs', 'DeleteMessage', { QueueUrl, ReceiptHandle });
    return messages.map(
      ({ MessageId, Body, ReceiptHandle }) =>
        ({
          messageId: MessageId,
          body: Body,
          receiptHandle: ReceiptHandle,
          attributes: { ApproximateReceiveCount: '1' },
          eventSource: 'aws:sqs',
        }) as unknown as SQSRecord,
    );
  };
  return {
    endpoint,
    environment,
    keyId: variables.APPROVAL_KEY_ID,
    guard: (limits: GuardLimits, now: () => Date = () => new Date()): Guard => dynamoDbGuard(client, grantsTable, { target, limits, now }),
    /** Bodies of all that a queue holds. */
    bodies: async (which: 'roles' | 'told') =>
      (await receive(which === 'roles' ? roleQueue : toldQueue)).map(({ body }) => JSON.parse(body)),
    /** Runs the function for what its queue gets, while `work` is done. */
    async settlingDuring<T>(work: () => Promise<T>): Promise<T> {
      let done = false;
      const working = work().finally(() => {
        done = true;
      });
      while (!done) {
        const Records = await receive(guardQueue);
        if (Records.length > 0) {
          const { batchItemFailures } = await handler({ Records } as SQSEvent, { getRemainingTimeInMillis: () => 30_000 } as Context);
          if (batchItemFailures.length > 0) throw new Error('settle-guard failed: its log says why');
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return await working;
    },
  };
}
