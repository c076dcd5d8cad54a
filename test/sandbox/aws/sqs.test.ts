import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListMessageMoveTasksCommand,
  ListQueuesCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import { account, clientOf, endpointForTests, eventually, failure, region } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new SQSClient(clientOf(endpoint));
let queues = 0;

async function newQueue(Attributes: Record<string, string> = {}): Promise<string> {
  queues += 1;
  const QueueName = `queue-${queues}${Attributes.FifoQueue === 'true' ? '.fifo' : ''}`;
  return (await client.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? '';
}
const fifo = { FifoQueue: 'true' };
const send = (QueueUrl: string, MessageBody: string, more: object = {}) =>
  client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }));
const receive = async (QueueUrl: string, more: object = {}): Promise<Message[]> =>
  (
    await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
        ...more,
      }),
    )
  ).Messages ?? [];
const bodies = (messages: Message[]): (string | undefined)[] => messages.map((message) => message.Body);
const remove = (QueueUrl: string, message: Message | undefined) =>
  client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }));
const arnOf = (url: string): string => `arn:aws:sqs:${region}:${account}:${url.split('/').at(-1)}`;

describe('standard queues', () => {
  test('GIVEN a message WHEN sent and received THEN the SDK’s own MD5 checks pass and the attributes are there', async () => {
    const queue = await newQueue();
    await send(queue, 'hello ✓', {
      MessageAttributes: {
        trace: { DataType: 'String', StringValue: 'abc' },
        raw: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) },
      },
    });
    const [message] = await receive(queue);
    expect(message).toMatchObject({
      Body: 'hello ✓',
      MessageAttributes: { trace: { StringValue: 'abc' } },
      Attributes: { ApproximateReceiveCount: '1', SenderId: account },
    });
    expect(Math.abs(Date.now() - Number(message?.Attributes?.SentTimestamp))).toBeLessThan(5000);
  });

  test('GIVEN a received message WHEN not deleted THEN it is hidden for the visibility timeout and comes again, counted', async () => {
    const queue = await newQueue({ VisibilityTimeout: '1' });
    await send(queue, 'again');
    expect(bodies(await receive(queue))).toEqual(['again']);
    expect(await receive(queue)).toEqual([]);
    const [second] = await receive(queue, { WaitTimeSeconds: 3 });
    expect(second?.Attributes?.ApproximateReceiveCount).toBe('2');
    await remove(queue, second);
    expect(await receive(queue)).toEqual([]);
  });

  test('GIVEN a long poll WHEN a message arrives THEN it is answered at once', async () => {
    const queue = await newQueue();
    const started = performance.now();
    const polling = receive(queue, { WaitTimeSeconds: 10 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await send(queue, 'wake');
    expect(bodies(await polling)).toEqual(['wake']);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('GIVEN a delay WHEN sent THEN the message is not there before', async () => {
    const queue = await newQueue();
    await send(queue, 'later', { DelaySeconds: 1 });
    expect(await receive(queue)).toEqual([]);
    expect(bodies(await receive(queue, { WaitTimeSeconds: 3 }))).toEqual(['later']);
  });

  test('GIVEN a message in flight WHEN its visibility is set to 0 THEN it is there again', async () => {
    const queue = await newQueue();
    await send(queue, 'x');
    const [message] = await receive(queue);
    await client.send(new ChangeMessageVisibilityCommand({ QueueUrl: queue, ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout: 0 }));
    const [again] = await receive(queue);
    expect(again?.Body).toBe('x');
    const old = new ChangeMessageVisibilityCommand({ QueueUrl: queue, ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout: 0 });
    expect((await failure(client.send(old))).name).toContain('MessageNotInflight');
  });

  test('GIVEN a message received too often WHEN received once more THEN it is in the dead-letter queue instead', async () => {
    const dead = await newQueue();
    const queue = await newQueue({
      VisibilityTimeout: '0',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf(dead), maxReceiveCount: 2 }),
    });
    await send(queue, 'poison');
    for (const count of ['1', '2']) expect((await receive(queue))[0]?.Attributes?.ApproximateReceiveCount).toBe(count);
    expect(await receive(queue)).toEqual([]);
    expect(await receive(dead)).toMatchObject([{ Body: 'poison', Attributes: { DeadLetterQueueSourceArn: arnOf(queue) } }]);
  });

  test('GIVEN the dead-letter queue does not exist WHEN a message is received too often THEN it is not lost', async () => {
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arnOf('x/absent'), maxReceiveCount: 1 });
    const queue = await newQueue({ VisibilityTimeout: '0', RedrivePolicy });
    await send(queue, 'kept');
    for (let times = 0; times < 3; times += 1) expect(bodies(await receive(queue))).toEqual(['kept']);
  });

  test('GIVEN a batch with a bad entry WHEN sent THEN it alone fails', async () => {
    const queue = await newQueue();
    const result = await client.send(
      new SendMessageBatchCommand({
        QueueUrl: queue,
        Entries: [
          { Id: 'good', MessageBody: 'a' },
          { Id: 'bad', MessageBody: 'b', DelaySeconds: 901 },
        ],
      }),
    );
    expect(result.Successful?.map((entry) => entry.Id)).toEqual(['good']);
    expect(result.Failed).toMatchObject([{ Id: 'bad', SenderFault: true, Code: 'InvalidParameterValue' }]);
    const messages = await receive(queue);
    await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queue,
        Entries: messages.map((message, index) => ({ Id: String(index), ReceiptHandle: message.ReceiptHandle })),
      }),
    );
    const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ['All'] }));
    expect(Attributes).toMatchObject({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
      QueueArn: arnOf(queue),
    });
  });

  test('GIVEN messages in each state WHEN counted THEN the attributes say so; purged THEN none', async () => {
    const queue = await newQueue();
    await send(queue, 'a');
    await receive(queue);
    await send(queue, 'b');
    await send(queue, 'c', { DelaySeconds: 60 });
    const counts = async () => (await client.send(new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ['All'] }))).Attributes;
    const each = (count: string) => ({
      ApproximateNumberOfMessages: count,
      ApproximateNumberOfMessagesNotVisible: count,
      ApproximateNumberOfMessagesDelayed: count,
    });
    expect(await counts()).toMatchObject(each('1'));
    await client.send(new PurgeQueueCommand({ QueueUrl: queue }));
    expect(await counts()).toMatchObject(each('0'));
  });

  test('GIVEN queues WHEN looked up THEN URLs lead to this endpoint', async () => {
    const queue = await newQueue();
    expect(queue.startsWith(`${endpoint.url}/${account}/`)).toBe(true);
    expect((await client.send(new GetQueueUrlCommand({ QueueName: queue.split('/').at(-1) }))).QueueUrl).toBe(queue);
    expect((await client.send(new ListQueuesCommand({}))).QueueUrls).toContain(queue);
  });

  test('fails GIVEN a queue that is not there, a body too large, a bad character', async () => {
    expect((await failure(send(`${endpoint.url}/${account}/nowhere`, 'x'))).name).toBe('QueueDoesNotExist');
    const queue = await newQueue({ MaximumMessageSize: '1024' });
    expect((await failure(send(queue, 'x'.repeat(1025)))).message).toContain('shorter than 1024 bytes');
    expect((await failure(send(queue, 'a\u0000b'))).name).toContain('InvalidMessageContents');
  });

  test('fails GIVEN a queue exists WHEN created with other attributes', async () => {
    await client.send(new CreateQueueCommand({ QueueName: 'twice', Attributes: { VisibilityTimeout: '5' } }));
    await client.send(new CreateQueueCommand({ QueueName: 'twice', Attributes: { VisibilityTimeout: '5' } }));
    expect(
      (await failure(client.send(new CreateQueueCommand({ QueueName: 'twice', Attributes: { VisibilityTimeout: '6' } })))).name,
    ).toContain('QueueNameExists');
  });
});

describe('FIFO queues', () => {
  const grouped = (group: string, id: string) => ({ MessageGroupId: group, MessageDeduplicationId: id });

  test('GIVEN two groups WHEN one has a message in flight THEN only the other goes on, and order holds', async () => {
    const queue = await newQueue(fifo);
    for (const [group, body] of [
      ['ada', 'a1'],
      ['ada', 'a2'],
      ['bob', 'b1'],
      ['ada', 'a3'],
    ] as const)
      await send(queue, body, grouped(group, body));
    const [first] = await receive(queue, { MaxNumberOfMessages: 1 });
    expect(first?.Body).toBe('a1');
    expect(bodies(await receive(queue))).toEqual(['b1']);
    await remove(queue, first);
    expect(bodies(await receive(queue))).toEqual(['a2', 'a3']);
  });

  test('GIVEN a blocked group WHEN its message is deleted THEN a long poll gets the next one at once', async () => {
    const queue = await newQueue(fifo);
    await send(queue, '1', grouped('g', '1'));
    await send(queue, '2', grouped('g', '2'));
    const [first] = await receive(queue, { MaxNumberOfMessages: 1 });
    const polling = receive(queue, { WaitTimeSeconds: 10 });
    await remove(queue, first);
    expect(bodies(await polling)).toEqual(['2']);
  });

  test('GIVEN the same deduplication id, or the same content WHEN sent again THEN there is one message', async () => {
    const byId = await newQueue(fifo);
    const sent = [await send(byId, 'one', grouped('g', 'same')), await send(byId, 'two', grouped('g', 'same'))];
    expect(sent[0]?.MessageId).toBe(sent[1]?.MessageId);
    expect(bodies(await receive(byId))).toEqual(['one']);
    const byContent = await newQueue({ ...fifo, ContentBasedDeduplication: 'true' });
    await send(byContent, 'x', { MessageGroupId: 'g' });
    await send(byContent, 'x', { MessageGroupId: 'h' });
    expect(await receive(byContent)).toHaveLength(1);
  });

  test('GIVEN messages WHEN received THEN group, deduplication id and a rising sequence number are there', async () => {
    const queue = await newQueue(fifo);
    await send(queue, '1', grouped('g', '1'));
    await send(queue, '2', grouped('g', '2'));
    const [one, two] = await receive(queue);
    expect(one?.Attributes).toMatchObject({ MessageGroupId: 'g', MessageDeduplicationId: '1' });
    expect(BigInt(two?.Attributes?.SequenceNumber ?? 0)).toBeGreaterThan(BigInt(one?.Attributes?.SequenceNumber ?? 0));
  });

  test('fails GIVEN no group, or no deduplication id', async () => {
    const queue = await newQueue(fifo);
    expect((await failure(send(queue, 'x'))).message).toContain('MessageGroupId');
    expect((await failure(send(queue, 'x', { MessageGroupId: 'g' }))).message).toContain('MessageDeduplicationId');
  });
});

test('GIVEN a queue policy for one rule WHEN services send THEN that rule alone is allowed', async () => {
  const queue = await newQueue();
  const rule = `arn:aws:events:${region}:${account}:rule/bus/one`;
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: arnOf(queue),
        Condition: { ArnEquals: { 'aws:SourceArn': rule } },
      },
    ],
  });
  await endpoint.call('operator', 'sqs', 'SetQueueAttributes', { QueueUrl: queue, Attributes: { Policy } });
  const as = (sourceArn: string) =>
    endpoint.call({ service: 'events.amazonaws.com', sourceArn }, 'sqs', 'SendMessage', { QueueUrl: queue, MessageBody: 'x' });
  await as(rule);
  expect((await failure(as(`${rule}-other`))).name).toBe('AccessDeniedException');
  expect(await eventually(async () => ((await receive(queue)).length === 1 ? true : undefined))).toBe(true);
});

describe('message move tasks', () => {
  test.each([{}, fifo])(
    'GIVEN a dead letter of a queue with %j WHEN it is redriven THEN it is in its own queue again, as new',
    async (kind) => {
      const dead = await newQueue(kind);
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arnOf(dead), maxReceiveCount: 1 });
      const queue = await newQueue({ ...kind, RedrivePolicy });
      await send(queue, 'work', 'FifoQueue' in kind ? { MessageGroupId: 'g', MessageDeduplicationId: 'd' } : {});
      await receive(queue, { VisibilityTimeout: 0 });
      expect(await receive(queue)).toEqual([]);
      const SourceArn = arnOf(dead);
      await client.send(new StartMessageMoveTaskCommand({ SourceArn }));
      const { Results } = await client.send(new ListMessageMoveTasksCommand({ SourceArn }));
      expect(Results).toEqual([expect.objectContaining({ Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 1 })]);
      expect(await receive(dead)).toEqual([]);
      expect(await receive(queue)).toEqual([
        expect.objectContaining({ Body: 'work', Attributes: expect.objectContaining({ ApproximateReceiveCount: '1' }) }),
      ]);
    },
  );

  test('fails GIVEN a queue that is nobody’s dead-letter queue', async () => {
    const SourceArn = arnOf(await newQueue());
    const error = await failure(client.send(new StartMessageMoveTaskCommand({ SourceArn })));
    expect(error.message).toContain('must be configured as a Dead Letter Queue');
  });
});
