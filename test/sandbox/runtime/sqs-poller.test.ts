import { afterEach, describe, expect, it } from 'vitest';
import {
  type Blocks,
  bodiesIn,
  consume,
  eventually,
  expression,
  functionBlocks,
  merge,
  type SmallStack,
  startSmallStack,
} from './small-stack.ts';

/** Logs what it got as JSON, and fails the bodies that say so. */
const consumer = `
export const handler = async (event) => {
  const at = Date.now();
  console.log({ records: event.Records, at });
  const bodies = event.Records.map((record) => JSON.parse(record.body));
  if (bodies.some(({ does }) => does === 'throw')) throw new Error("whole batch");
  const wait = Math.max(0, ...bodies.map(({ ms }) => ms ?? 0));
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  if (bodies.some(({ does }) => does === 'nonsense')) return { batchItemFailures: [{ itemIdentifier: 'nobody' }] };
  return { batchItemFailures: event.Records.filter((record, index) => bodies[index].does === 'fail').map(({ messageId }) => ({ itemIdentifier: messageId })) };
};
`;

interface Received {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: Record<string, string>;
}

describe('a queue as an event source', () => {
  let small: SmallStack | undefined;
  afterEach(async () => {
    await small?.stop();
    small = undefined;
  });

  const blocks = (
    queue: Record<string, unknown>,
    mapping: Record<string, unknown> = {},
    settings: Record<string, unknown> = {},
  ): Blocks => {
    const suffix = queue.fifo_queue ? '.fifo' : '';
    const redrive = { deadLetterTargetArn: expression('aws_sqs_queue.dead.arn'), maxReceiveCount: 2 };
    return merge(functionBlocks('consumer', settings, [consume('jobs')]), {
      aws_sqs_queue: {
        jobs: { name: `jobs${suffix}`, visibility_timeout_seconds: 1, redrive_policy: JSON.stringify(redrive), ...queue },
        dead: { name: `dead${suffix}`, ...(suffix && { fifo_queue: true }) },
      },
      aws_lambda_event_source_mapping: {
        jobs: {
          event_source_arn: expression('aws_sqs_queue.jobs.arn'),
          function_name: expression('aws_lambda_function.consumer.arn'),
          function_response_types: ['ReportBatchItemFailures'],
          ...mapping,
        },
      },
    });
  };
  const start = async (...parameters: Parameters<typeof blocks>) => {
    small = await startSmallStack(blocks(...parameters), { consumer });
    return small;
  };
  const urlOf = (running: SmallStack, name: string) => String(running.stack.resource('aws_sqs_queue', name).attributes.url);
  const send = (running: SmallStack, bodies: readonly object[], more: (index: number) => object = () => ({})) =>
    running.endpoint.call('operator', 'sqs', 'SendMessageBatch', {
      QueueUrl: urlOf(running, 'jobs'),
      Entries: bodies.map((body, index) => ({ Id: String(index), MessageBody: JSON.stringify(body), ...more(index) })),
    });
  /** What the function got so far, batch by batch, from its own log. */
  const received = async (running: SmallStack): Promise<readonly { records: readonly Received[]; at: number }[]> => {
    const { events } = await running.endpoint.call('operator', 'logs', 'FilterLogEvents', { logGroupName: '/aws/lambda/consumer' });
    const lines = (events as { message: string }[]).map(
      ({ message }) => JSON.parse(message) as { message?: { records: Received[]; at: number } },
    );
    return lines.flatMap(({ message }) => (message?.records ? [message] : []));
  };

  it("GIVEN a message with attributes WHEN it is polled THEN the function gets Lambda's own shape, at once, and the message is deleted", async () => {
    const running = await start({ visibility_timeout_seconds: 30 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const sentAt = Date.now();
    await send(running, [{ does: 'nothing' }], () => ({ MessageAttributes: { kind: { DataType: 'String', StringValue: 'first' } } }));
    await running.runtime.idle();
    const [batch] = await received(running);
    expect(batch?.records).toEqual([
      {
        messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        receiptHandle: expect.any(String),
        body: '{"does":"nothing"}',
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: expect.stringMatching(/^\d{13}$/),
          SenderId: expect.any(String),
          ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
        },
        messageAttributes: { kind: { stringValue: 'first', stringListValues: [], binaryListValues: [], dataType: 'String' } },
        md5OfMessageAttributes: expect.any(String),
        md5OfBody: expect.stringMatching(/^[0-9a-f]{32}$/),
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:eu-central-1:111122223333:jobs',
        awsRegion: 'eu-central-1',
      },
    ]);
    // A warm function gets it in a few milliseconds; the bound leaves room for a busy machine.
    expect((batch?.at ?? Number.POSITIVE_INFINITY) - sentAt).toBeLessThan(150);
    const polls = running.endpoint.calls.filter(({ caller }) => typeof caller === 'object' && 'roleArn' in caller);
    expect(polls.map(({ operation }) => operation)).toEqual(
      expect.arrayContaining(['ReceiveMessage', 'DeleteMessageBatch', 'GetQueueAttributes']),
    );
    expect(running.runtime.problems).toEqual([]);
  });

  it('GIVEN a batch of which one message fails WHEN it is reported THEN that one alone comes again, and ends in the dead-letter queue', async () => {
    const running = await start({});
    await send(running, [{ n: 1 }, { n: 2, does: 'fail' }, { n: 3 }]);
    const dead = await eventually('the dead letter', async () => {
      const bodies = await bodiesIn(running.endpoint, urlOf(running, 'dead'));
      return bodies.length > 0 ? bodies : undefined;
    });
    expect(dead).toEqual(['{"n":2,"does":"fail"}']);
    await running.runtime.idle();
    const counts = new Map<string, number>();
    for (const { records } of await received(running)) for (const { body } of records) counts.set(body, (counts.get(body) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({ '{"n":1}': 1, '{"n":2,"does":"fail"}': 2, '{"n":3}': 1 });
  });

  it.each([
    ['throws', { does: 'throw' }],
    ['answers with a message that is not in the batch', { does: 'nonsense' }],
  ])('fails the whole batch when the function %s, and delivers it again', async (_what, body) => {
    const running = await start({});
    await send(running, [body, { n: 2 }]);
    await eventually('both dead letters', async () => {
      const { Attributes } = await running.endpoint.call('operator', 'sqs', 'GetQueueAttributes', {
        QueueUrl: urlOf(running, 'dead'),
        AttributeNames: ['ApproximateNumberOfMessages'],
      });
      return (Attributes as Record<string, string>).ApproximateNumberOfMessages === '2' ? true : undefined;
    });
  });

  it('GIVEN a maximum concurrency of two WHEN many messages arrive THEN at most two batches run at once', async () => {
    const running = await start({ visibility_timeout_seconds: 30 }, { batch_size: 1, scaling_config: { maximum_concurrency: 2 } });
    // Longer than a new environment takes to start, so that a third batch would overlap.
    await send(
      running,
      Array.from({ length: 4 }, () => ({ ms: 600 })),
    );
    await running.runtime.idle();
    const spans = running.runtime.invocations.map(({ startedAt, durationMs }) => ({ from: startedAt, to: startedAt + durationMs }));
    expect(spans).toHaveLength(4);
    // Two milliseconds cover the clocks' rounding.
    const atOnce = spans.map(({ from }) => spans.filter((other) => other.from <= from && other.to - 2 > from).length);
    expect(Math.max(...atOnce)).toBe(2);
  });

  it('GIVEN a FIFO queue with two groups WHEN a message of one fails THEN the order within each group is kept', async () => {
    const running = await start({ fifo_queue: true }, { batch_size: 1 });
    const bodies = [
      { g: 'a', n: 1, does: 'fail' },
      { g: 'a', n: 2 },
      { g: 'b', n: 1 },
      { g: 'b', n: 2 },
    ];
    await send(running, bodies, (index) => ({ MessageGroupId: bodies[index]?.g, MessageDeduplicationId: String(index) }));
    await eventually('all messages', async () => ((await received(running)).length >= 5 ? true : undefined));
    const order = (await received(running)).flatMap(({ records }) =>
      records.map(({ body }) => JSON.parse(body) as { g: string; n: number }),
    );
    expect(order.filter(({ g }) => g === 'a').map(({ n }) => n)).toEqual([1, 1, 2]);
    expect(order.filter(({ g }) => g === 'b').map(({ n }) => n)).toEqual([1, 2]);
  });

  it('GIVEN filter criteria WHEN messages arrive THEN the function sees those that match, and the others are gone', async () => {
    const running = await start({ visibility_timeout_seconds: 30 }, { filter_criteria: { filter: [{ pattern: '{"body":{"n":[2]}}' }] } });
    await send(running, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    await running.runtime.idle();
    expect((await received(running)).flatMap(({ records }) => records.map(({ body }) => body))).toEqual(['{"n":2}']);
  });

  it('GIVEN a function that is throttled WHEN a message arrives THEN it waits for its turn and is not lost', async () => {
    const running = await start({ visibility_timeout_seconds: 30 }, {}, { reserved_concurrent_executions: 1 });
    const busy = running.runtime.invoke('consumer', { Records: [{ body: '{"ms":300}' }] });
    await send(running, [{ n: 1 }]);
    await busy;
    await running.runtime.idle();
    expect((await received(running)).map(({ records }) => records[0]?.body)).toEqual(['{"ms":300}', '{"n":1}']);
  });

  it('fails visibly when the role may not receive: the message stays and the problem is told', async () => {
    const denied = blocks({});
    denied.aws_iam_role_policy = {
      consumer: {
        name: 'own',
        role: 'consumer',
        policy: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}',
        depends_on: ['aws_iam_role.consumer'],
      },
    };
    const running = await startSmallStack(denied, { consumer });
    small = running;
    await send(running, [{ n: 1 }]);
    const problem = await eventually('the problem', () => running.runtime.problems.find((one) => one.includes('cannot receive')));
    expect(problem).toMatch(/not authorized to perform: sqs:ReceiveMessage/);
    expect(await bodiesIn(running.endpoint, urlOf(running, 'jobs'))).toEqual(['{"n":1}']);
  });
});
