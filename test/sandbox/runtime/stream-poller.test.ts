import { afterEach, describe, expect, it } from 'vitest';
import { bodiesIn, eventually, expression, functionBlocks, merge, type SmallStack, send, startSmallStack } from './small-stack.ts';

/** Logs the values it got; `poison` makes it throw, `refused` is reported, `once` fails the first time. */
const consumer = `
const seen = new Set();
export const handler = async (event) => {
  const values = event.Records.map(({ dynamodb }) => dynamodb.NewImage?.value.S ?? 'removed');
  console.log({ values, at: Date.now(), records: event.Records });
  if (values.includes('poison')) throw new Error('poisoned batch');
  const failed = event.Records.filter((record, index) => {
    if (values[index] === 'refused') return true;
    if (values[index] !== 'once' || seen.has('once')) return false;
    seen.add('once');
    return true;
  });
  return { batchItemFailures: failed.map(({ dynamodb }) => ({ itemIdentifier: dynamodb.SequenceNumber })) };
};
`;

interface Batch {
  readonly values: readonly string[];
  readonly at: number;
  readonly records: readonly Record<string, unknown>[];
}

describe("a table's stream as an event source", () => {
  let small: SmallStack | undefined;
  afterEach(async () => {
    await small?.stop();
    small = undefined;
  });

  const start = async (mapping: Record<string, unknown> = {}) => {
    const stream = expression('aws_dynamodb_table.items.stream_arn');
    const resource = merge(
      functionBlocks('consumer', {}, [
        { Effect: 'Allow', Action: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], Resource: stream },
        { Effect: 'Allow', Action: 'dynamodb:ListStreams', Resource: '*' },
        send('dead'),
      ]),
      {
        aws_sqs_queue: { dead: { name: 'dead' } },
        aws_dynamodb_table: {
          items: {
            name: 'items',
            billing_mode: 'PAY_PER_REQUEST',
            hash_key: 'pk',
            attribute: [{ name: 'pk', type: 'S' }],
            stream_enabled: true,
            stream_view_type: 'NEW_AND_OLD_IMAGES',
          },
        },
        aws_lambda_event_source_mapping: {
          items: {
            event_source_arn: stream,
            function_name: expression('aws_lambda_function.consumer.arn'),
            starting_position: 'TRIM_HORIZON',
            function_response_types: ['ReportBatchItemFailures'],
            destination_config: { on_failure: { destination_arn: expression('aws_sqs_queue.dead.arn') } },
            ...mapping,
          },
        },
      },
    );
    small = await startSmallStack(resource, { consumer });
    return small;
  };
  const put = (running: SmallStack, pk: string, value: string) =>
    running.endpoint.call('operator', 'dynamodb', 'PutItem', { TableName: 'items', Item: { pk: { S: pk }, value: { S: value } } });
  /** A batching window, so that values that are written together come as one batch of this size. */
  const together = (size: number) => ({ batch_size: size, maximum_batching_window_in_seconds: 1 });
  /** Writes the values together. */
  const putAll = (running: SmallStack, values: readonly string[]) =>
    running.endpoint.call('operator', 'dynamodb', 'BatchWriteItem', {
      RequestItems: { items: values.map((value, index) => ({ PutRequest: { Item: { pk: { S: String(index) }, value: { S: value } } } })) },
    });
  const received = async (running: SmallStack): Promise<readonly Batch[]> => {
    const { events } = await running.endpoint.call('operator', 'logs', 'FilterLogEvents', { logGroupName: '/aws/lambda/consumer' });
    const lines = (events as { message: string }[]).map(({ message }) => JSON.parse(message) as { message?: Batch });
    return lines.flatMap(({ message }) => (message?.values ? [message] : []));
  };
  const deadLetters = (running: SmallStack) => bodiesIn(running.endpoint, String(running.stack.resource('aws_sqs_queue').attributes.url));

  it("GIVEN a write WHEN it is polled THEN the function gets Lambda's own shape, at once, in its own role", async () => {
    const running = await start();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const writtenAt = Date.now();
    await put(running, 'a', 'first');
    await running.runtime.idle();
    const [batch] = await received(running);
    expect(batch?.records).toEqual([
      {
        eventID: expect.any(String),
        eventName: 'INSERT',
        eventVersion: '1.1',
        eventSource: 'aws:dynamodb',
        awsRegion: 'eu-central-1',
        dynamodb: {
          ApproximateCreationDateTime: expect.any(Number),
          Keys: { pk: { S: 'a' } },
          NewImage: { pk: { S: 'a' }, value: { S: 'first' } },
          SequenceNumber: expect.stringMatching(/^\d{21,40}$/),
          SizeBytes: expect.any(Number),
          StreamViewType: 'NEW_AND_OLD_IMAGES',
        },
        eventSourceARN: running.stack.eventSources[0]?.sourceArn,
      },
    ]);
    expect((batch?.at ?? Number.POSITIVE_INFINITY) - writtenAt).toBeLessThan(150);
    const polls = running.endpoint.calls.filter(({ caller }) => typeof caller === 'object' && 'roleArn' in caller);
    const operations = ['ListStreams', 'DescribeStream', 'GetShardIterator', 'GetRecords'];
    expect(polls.map(({ operation }) => operation)).toEqual(expect.arrayContaining(operations));
    expect(running.runtime.problems).toEqual([]);
  });

  it('GIVEN changes of one item WHEN they are polled THEN they arrive in the order of writing', async () => {
    const running = await start();
    const values = Array.from({ length: 20 }, (_, index) => `v${index}`);
    for (const value of values) await put(running, 'a', value);
    await running.runtime.idle();
    expect((await received(running)).flatMap((batch) => batch.values)).toEqual(values);
  });

  it('GIVEN a filter WHEN records arrive THEN the function sees those that match, and the others hold nothing up', async () => {
    const pattern = '{"dynamodb":{"Keys":{"pk":{"S":[{"anything-but":["1"]}]}}}}';
    const running = await start({ filter_criteria: { filter: [{ pattern }] } });
    await putAll(running, ['zero', 'one', 'two']);
    await running.runtime.idle();
    expect((await received(running)).flatMap((batch) => batch.values)).toEqual(['zero', 'two']);
  });

  it('GIVEN a reported failure WHEN the batch is tried again THEN it goes on from that record, in order', async () => {
    const running = await start(together(4));
    await putAll(running, ['a', 'b', 'once', 'c']);
    await running.runtime.idle();
    expect((await received(running)).map((batch) => batch.values)).toEqual([
      ['a', 'b', 'once', 'c'],
      ['once', 'c'],
    ]);
  });

  it('GIVEN bisecting WHEN one record is poison THEN it is found by halving, kept at the destination, and the others are done', async () => {
    const running = await start({ ...together(4), bisect_batch_on_function_error: true, maximum_retry_attempts: 1 });
    await putAll(running, ['a', 'b', 'poison', 'c']);
    await running.runtime.idle();
    const batches = (await received(running)).map((batch) => batch.values);
    expect(batches).toEqual([['a', 'b', 'poison', 'c'], ['a', 'b'], ['poison', 'c'], ['poison'], ['poison'], ['c']]);
    const [failure] = (await deadLetters(running)).map((body) => JSON.parse(body) as Record<string, unknown>);
    const last = (await received(running)).at(-2)?.records[0] as { dynamodb: { SequenceNumber: string } };
    expect(failure).toMatchObject({
      requestContext: {
        functionArn: running.stack.functions.get('consumer')?.arn,
        condition: 'RetryAttemptsExhausted',
        approximateInvokeCount: 2,
      },
      responseContext: { statusCode: 200, functionError: 'Unhandled' },
      DDBStreamBatchInfo: {
        batchSize: 1,
        startSequenceNumber: last.dynamodb.SequenceNumber,
        endSequenceNumber: last.dynamodb.SequenceNumber,
        streamArn: running.stack.eventSources[0]?.sourceArn,
      },
    });
  });

  it('GIVEN no bisecting WHEN retries are used up THEN the whole rest of the batch is kept, and the next records go on', async () => {
    const running = await start({ ...together(3), maximum_retry_attempts: 0 });
    await putAll(running, ['a', 'refused', 'b']);
    await running.runtime.idle();
    await put(running, 'later', 'later');
    await running.runtime.idle();
    expect((await received(running)).map((batch) => batch.values)).toEqual([['a', 'refused', 'b'], ['later']]);
    const [failure] = (await deadLetters(running)).map((body) => JSON.parse(body) as { DDBStreamBatchInfo: { batchSize: number } });
    expect(failure?.DDBStreamBatchInfo.batchSize).toBe(2);
  });

  it('fails visibly when a given-up record cannot be kept, and the next records go on', async () => {
    const running = await start({ ...together(1), maximum_retry_attempts: 0 });
    running.endpoint.inject({ match: ({ operation }) => operation === 'SendMessage', times: 5, effect: { throttle: true } });
    await put(running, 'a', 'refused');
    await put(running, 'b', 'next');
    await running.runtime.idle();
    expect((await received(running)).map((batch) => batch.values)).toEqual([['refused'], ['next']]);
    expect(running.runtime.problems).toEqual([expect.stringContaining('1 records of arn:aws:dynamodb')]);
  });

  it('GIVEN a crash of the function WHEN a record is being processed THEN the record comes again', async () => {
    const running = await start();
    await put(running, 'a', 'before');
    await running.runtime.idle();
    const done = putAll(running, ['after']);
    await running.runtime.killEnvironments('consumer');
    await done;
    await eventually('the record after the crash', async () => {
      await running.runtime.idle();
      return (await received(running)).some(({ values }) => values.includes('after')) ? true : undefined;
    });
  });

  it('GIVEN a failing read WHEN the fault is over THEN polling goes on and nothing is lost', async () => {
    const running = await start();
    running.endpoint.inject({ match: ({ operation }) => operation === 'GetRecords', times: 2, effect: { throttle: true } });
    await put(running, 'a', 'first');
    await running.runtime.idle();
    expect((await received(running)).flatMap((batch) => batch.values)).toEqual(['first']);
    expect(running.runtime.problems).toHaveLength(2);
  });
});
