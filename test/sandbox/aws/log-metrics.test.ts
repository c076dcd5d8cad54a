import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeLogGroupsCommand,
  DescribeMetricFiltersCommand,
  type MetricTransformation,
  PutLogEventsCommand,
  PutMetricFilterCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { describe, expect, test } from 'vitest';
import { clientOf, endpointForTests, failure } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new CloudWatchLogsClient(clientOf(endpoint));
const logStreamName = 'stream';
let made = 0;

async function newGroup() {
  made += 1;
  const logGroupName = `/aws/lambda/function-${made}`;
  await client.send(new CreateLogGroupCommand({ logGroupName }));
  await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
  const metricNamespace = `Tests/${made}`;
  return {
    logGroupName,
    filter: (filterPattern: string, transformation: Partial<MetricTransformation> = {}, filterName = 'filter') =>
      client.send(
        new PutMetricFilterCommand({
          logGroupName,
          filterName,
          filterPattern,
          metricTransformations: [{ metricName: 'changes', metricNamespace, metricValue: '1', ...transformation }],
        }),
      ),
    put: (...events: (string | [message: string, timestamp: number])[]) =>
      client.send(
        new PutLogEventsCommand({
          logGroupName,
          logStreamName,
          logEvents: events.map((event) => (typeof event === 'string' ? { message: event, timestamp: Date.now() } : toEvent(event))),
        }),
      ),
    metrics: () => endpoint.metrics().filter(({ namespace }) => namespace === metricNamespace),
  };
}
const toEvent = ([message, timestamp]: [string, number]) => ({ message, timestamp });
/** The start of a minute, an hour ago, so that a test's events are surely of one minute. */
const minute = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;

describe('metric filters', () => {
  test('GIVEN a filter for a JSON message WHEN events match THEN each counts one, in the minute of its own time', async () => {
    const { filter, put, metrics } = await newGroup();
    await filter('{ $.message = "PAGE" }', { unit: 'Count' });
    await put(['{"message":"PAGE"}', minute + 1], ['{"message":"other"}', minute + 2], ['{"message":"PAGE"}', minute + 59_999]);
    await put(['{"message":"PAGE"}', minute + 60_000]);
    expect(metrics()).toEqual([
      {
        namespace: expect.any(String),
        name: 'changes',
        dimensions: {},
        unit: 'Count',
        datapoints: [
          { timestamp: minute, sampleCount: 2, sum: 2, minimum: 1, maximum: 1 },
          { timestamp: minute + 60_000, sampleCount: 1, sum: 1, minimum: 1, maximum: 1 },
        ],
      },
    ]);
  });

  test('GIVEN a value and dimensions from the event WHEN events match THEN each set of dimensions has its own statistics', async () => {
    const { filter, put, metrics } = await newGroup();
    await filter('{ $.lag = * }', { metricValue: '$.lag', dimensions: { domain: '$.directory.domain' } });
    const lag = (domain: string, value: unknown): [string, number] => [JSON.stringify({ lag: value, directory: { domain } }), minute];
    await put(lag('corp', 4), lag('corp', 10), lag('partner', 1), lag('corp', 'no number'), ['{"lag":5}', minute]);
    expect(metrics().map(({ dimensions, datapoints }) => [dimensions, datapoints])).toEqual([
      [{ domain: 'corp' }, [{ timestamp: minute, sampleCount: 2, sum: 14, minimum: 4, maximum: 10 }]],
      [{ domain: 'partner' }, [{ timestamp: minute, sampleCount: 1, sum: 1, minimum: 1, maximum: 1 }]],
    ]);
  });

  test('GIVEN a default value WHEN only others come THEN a minute has the default, unless something matched in it', async () => {
    const { filter, put, metrics } = await newGroup();
    await filter('ERROR', { defaultValue: 0 });
    await put(['fine', minute], ['fine', minute + 60_000], ['an ERROR', minute + 60_001]);
    expect(metrics()[0]?.datapoints.map(({ sampleCount, sum }) => [sampleCount, sum])).toEqual([
      [1, 0],
      [1, 1],
    ]);
  });

  test('GIVEN events from before the filter WHEN it is put THEN they do not count', async () => {
    const { filter, put, metrics } = await newGroup();
    await put('ERROR');
    await filter('ERROR');
    expect(metrics()).toEqual([]);
  });

  test('GIVEN filters WHEN described THEN they are as put, one by name, and the group counts them', async () => {
    const { filter, logGroupName } = await newGroup();
    await filter('a');
    await filter('b');
    await filter('c', {}, 'another');
    const { metricFilters } = await client.send(new DescribeMetricFiltersCommand({ logGroupName }));
    expect(metricFilters?.map(({ filterName, filterPattern }) => [filterName, filterPattern])).toEqual([
      ['filter', 'b'],
      ['another', 'c'],
    ]);
    const { logGroups } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }));
    expect(logGroups?.[0]?.metricFilterCount).toBe(2);
  });

  test.each<[string, Partial<MetricTransformation>]>([
    ['a value that is neither number nor selector', { metricValue: 'one' }],
    ['a dimension that is no selector', { dimensions: { domain: 'corp' } }],
    ['four dimensions', { dimensions: { a: '$.a', b: '$.b', c: '$.c', d: '$.d' } }],
    ['a default beside dimensions', { defaultValue: 0, dimensions: { a: '$.a' } }],
  ])('fails for %s', async (_, transformation) => {
    const { filter } = await newGroup();
    expect((await failure(filter('{ $.a = * }', transformation))).name).toBe('InvalidParameterException');
  });
});

test('GIVEN PutMetricData WHEN it is called THEN its values are among the metrics', async () => {
  const datum = {
    MetricName: 'lag',
    Value: 3,
    Unit: 'Seconds',
    Timestamp: new Date(minute),
    Dimensions: [{ Name: 'domain', Value: 'corp' }],
  };
  await endpoint.call('operator', 'cloudwatch', 'PutMetricData', { Namespace: 'Direct', MetricData: [datum, { ...datum, Value: 5 }] });
  expect(endpoint.metrics().filter(({ namespace }) => namespace === 'Direct')).toEqual([
    {
      namespace: 'Direct',
      name: 'lag',
      dimensions: { domain: 'corp' },
      unit: 'Seconds',
      datapoints: [{ timestamp: minute, sampleCount: 2, sum: 8, minimum: 3, maximum: 5 }],
    },
  ]);
});
