/** Batches from and to SQS: each message has a verdict of its own. */
import { type SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidEventError, RetryableError } from '../../handlers/platform/errors.ts';
import type { Log } from '../../handlers/platform/log.ts';
import { eachMessage, postponer, secondsUntilRetry, sendAll } from '../../handlers/platform/queue.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';

const context = { getRemainingTimeInMillis: () => 30_000 } as Context;

/** `a1` is message a1 of message group a. */
const batch = (...ids: readonly string[]): SQSEvent => ({
  Records: ids.map(
    (id) =>
      ({
        messageId: id,
        body: id,
        receiptHandle: id,
        attributes: { ApproximateReceiveCount: '2', MessageGroupId: id[0] },
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:eu-central-1:111122223333:queue.fifo',
      }) as unknown as SQSRecord,
  ),
});

async function handled(event: SQSEvent, failing: readonly string[], kind: 'standard' | 'fifo') {
  const [begun, logged, postponed]: [string[], unknown[], [string, number][]] = [[], [], []];
  const log: Log = { info: () => {}, warn: () => {}, error: (code, fields) => void logged.push([code, fields]) };
  let [atOnce, most] = [0, 0];
  const response = await eachMessage(
    event,
    context,
    {
      log,
      queue: kind,
      postpone: async (messages) => void postponed.push(...messages.map((one): [string, number] => [one.receiptHandle, one.seconds])),
    },
    async ({ body }) => {
      begun.push(body);
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
      if (failing.includes(body))
        throw body.endsWith('!') ? new InvalidEventError('unreadable') : new RetryableError(`cannot handle ${body} now`);
    },
  );
  return { postponed, begun, most, logged, back: response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier) };
}

describe('a batch of a standard queue', () => {
  test('WHEN all messages are handled THEN none goes back, and they are handled side by side', async () => {
    const { begun, back, most } = await handled(batch('a1', 'a2', 'b1'), [], 'standard');
    expect(begun.sort()).toEqual(['a1', 'a2', 'b1']);
    expect(back).toEqual([]);
    expect(most).toBe(3);
  });

  test('WHEN some fail THEN only those go back, and each is logged', async () => {
    const { begun, back, logged } = await handled(batch('a1', 'a2', 'b1'), ['a1', 'b1'], 'standard');
    expect(begun).toHaveLength(3);
    expect(back.sort()).toEqual(['a1', 'b1']);
    expect(logged).toContainEqual([
      'MESSAGE_FAILED',
      { messageId: 'a1', received: '2', error: 'RetryableError', reason: 'cannot handle a1 now' },
    ]);
  });

  test('WHEN some fail THEN they come again after seconds, and what no run can read goes on at once', async () => {
    const { postponed } = await handled(batch('a1', 'a2', 'b!'), ['a1', 'b!'], 'standard');
    expect(postponed.sort()).toEqual([
      ['a1', 10],
      ['b!', 0],
    ]);
    expect([1, 2, 5, 6, 20].map(secondsUntilRetry)).toEqual([5, 10, 80, 120, 120]);
  });

  test('WHEN all fail THEN all go back, and the function itself does not fail', async () => {
    expect((await handled(batch('a1', 'b1'), ['a1', 'b1'], 'standard')).back.sort()).toEqual(['a1', 'b1']);
  });
});

describe('a batch of a FIFO queue', () => {
  test('WHEN all messages are handled THEN those of a group are so in order, one after the other, and groups side by side', async () => {
    const { begun, back, most } = await handled(batch('a1', 'b1', 'a2', 'b2', 'a3'), [], 'fifo');
    expect(begun).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
    expect(back).toEqual([]);
    expect(most).toBe(2);
    expect((await handled(batch('a1', 'a2', 'a3'), [], 'fifo')).most).toBe(1);
  });

  test('GIVEN more groups than are handled at once WHEN they come in one batch THEN all are handled, ten at a time', async () => {
    const { begun, most } = await handled(batch(...'abcdefghijklmnopqrstuvwxyz'), [], 'fifo');
    expect(begun).toHaveLength(26);
    expect(most).toBe(10);
  });

  test('WHEN one fails THEN it holds back what follows in its own group, unhandled, and nothing of another', async () => {
    const { begun, back } = await handled(batch('a1', 'b1', 'a2', 'c1', 'a3', 'b2'), ['a1'], 'fifo');
    expect(begun.sort()).toEqual(['a1', 'b1', 'b2', 'c1']);
    expect(back.sort()).toEqual(['a1', 'a2', 'a3']);
  });

  test('WHEN the last of a group fails THEN what went before it is done', async () => {
    const { begun, back } = await handled(batch('a1', 'a2', 'b1'), ['a2'], 'fifo');
    expect(begun.sort()).toEqual(['a1', 'a2', 'b1']);
    expect(back).toEqual(['a2']);
  });

  test('WHEN every group fails THEN all go back, and the function itself does not fail', async () => {
    expect((await handled(batch('a1', 'b1', 'a2'), ['a1', 'b1'], 'fifo')).back.sort()).toEqual(['a1', 'a2', 'b1']);
  });

  test('WHEN the next batch comes THEN a group that failed before is handled again', async () => {
    await handled(batch('a1'), ['a1'], 'fifo');
    expect(await handled(batch('a1', 'a2'), [], 'fifo')).toMatchObject({ begun: ['a1', 'a2'], back: [] });
  });
});

describe('sending', () => {
  let endpoint: AwsEndpoint;
  let client: SQSClient;
  let queueUrl: string;

  beforeAll(async () => {
    endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
    queueUrl = String((await endpoint.call('operator', 'sqs', 'CreateQueue', { QueueName: 'queue' })).QueueUrl);
    client = new SQSClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator, maxAttempts: 1 });
  });

  afterAll(async () => {
    client?.destroy();
    await endpoint?.close();
  });

  const received = async () => {
    const bodies: unknown[] = [];
    for (;;) {
      const { Messages } = await endpoint.call('operator', 'sqs', 'ReceiveMessage', { QueueUrl: queueUrl, MaxNumberOfMessages: 10 });
      if (!Array.isArray(Messages) || Messages.length === 0) return bodies;
      for (const { Body } of Messages as { Body: string }[]) bodies.push(JSON.parse(Body));
    }
  };

  test('WHEN there are more bodies than one request takes THEN all arrive', async () => {
    const bodies = Array.from({ length: 23 }, (_, number) => ({ number }));
    await sendAll(client, queueUrl, bodies);
    const arrived = await received();
    expect(arrived).toHaveLength(23);
    expect(arrived).toEqual(expect.arrayContaining(bodies));
  });

  test('WHEN messages are postponed THEN they come again after their seconds; a message that is not ours fails', async () => {
    await sendAll(client, queueUrl, [{ number: 1 }]);
    const take = async () => {
      const { Messages } = await endpoint.call('operator', 'sqs', 'ReceiveMessage', { QueueUrl: queueUrl, VisibilityTimeout: 360 });
      return (Messages as { ReceiptHandle: string }[] | undefined)?.[0]?.ReceiptHandle;
    };
    const receiptHandle = await take();
    expect(await take()).toBeUndefined();
    await postponer(client, queueUrl)([{ receiptHandle: receiptHandle ?? '', seconds: 0 }]);
    expect(await take()).toBeDefined();
    await expect(postponer(client, queueUrl)([{ receiptHandle: 'no receipt', seconds: 0 }])).rejects.toThrow(/refused to postpone 1 of 1/);
    await endpoint.call('operator', 'sqs', 'PurgeQueue', { QueueUrl: queueUrl });
  });

  test('WHEN there are more messages to postpone than one request takes THEN all come again', async () => {
    await sendAll(
      client,
      queueUrl,
      Array.from({ length: 23 }, (_, number) => ({ number })),
    );
    const taken: string[] = [];
    while (taken.length < 23) {
      const { Messages } = await endpoint.call('operator', 'sqs', 'ReceiveMessage', {
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 360,
      });
      taken.push(...(Messages as { ReceiptHandle: string }[]).map(({ ReceiptHandle }) => ReceiptHandle));
    }
    await postponer(client, queueUrl)(taken.map((receiptHandle) => ({ receiptHandle, seconds: 0 })));
    expect(await received()).toHaveLength(23);
  });

  test('WHEN there are many bodies THEN batches go side by side, but not all at once, each body in one', async () => {
    const sent: string[] = [];
    let [atOnce, most] = [0, 0];
    const counting = {
      send: async ({ input }: SendMessageBatchCommand) => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        atOnce -= 1;
        sent.push(...(input.Entries ?? []).map(({ MessageBody }) => MessageBody ?? ''));
        return {};
      },
    };
    const bodies = Array.from({ length: 1_005 }, (_, number) => ({ number }));
    await sendAll(counting as unknown as SQSClient, queueUrl, bodies);
    expect(sent.sort()).toEqual(bodies.map((body) => JSON.stringify(body)).sort());
    expect(most).toBe(16);
  });

  test('WHEN there is nothing to send THEN no request is made', async () => {
    endpoint.clearCalls();
    await sendAll(client, queueUrl, []);
    expect(endpoint.calls).toEqual([]);
  });

  test('fails when SQS refuses some of the messages, although it answers 200', async () => {
    const refusing = { send: async () => ({ Failed: [{ Id: '1', Code: 'InternalError', SenderFault: false }] }) };
    await expect(sendAll(refusing as unknown as SQSClient, queueUrl, [{ a: 1 }, { b: 2 }])).rejects.toThrow(RetryableError);
  });

  test('fails when the queue is not there', async () => {
    await expect(sendAll(client, `${queueUrl}-gone`, [{ a: 1 }])).rejects.toThrow();
  });
});
