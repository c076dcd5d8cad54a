/** CloudWatch as `npm run status` reads it. */
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { describe, expect, test } from 'vitest';
import { clientOf, endpointForTests, failure } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new CloudWatchClient(clientOf(endpoint));
const minute = Math.floor(Date.now() / 60_000) * 60_000;

const dataOf = async (MetricName: string, Stat: string, Dimensions: { Name: string; Value: string }[] = []) => {
  const Metric = { Namespace: 'prefix/dev', MetricName, Dimensions };
  const range = { StartTime: new Date(minute - 600_000), EndTime: new Date(minute + 60_000) };
  const query = { ...range, MetricDataQueries: [{ Id: 'm0', MetricStat: { Metric, Period: 60, Stat } }] };
  return (await client.send(new GetMetricDataCommand(query))).MetricDataResults?.[0]?.Values;
};

describe('metric data', () => {
  test('GIVEN values in two minutes THEN they are read newest first, of exactly the dimensions that were asked for', async () => {
    const Dimensions = [{ Name: 'Domain', Value: 'corp' }];
    const MetricData = [
      { MetricName: 'Lag', Dimensions, Value: 3, Timestamp: new Date(minute - 60_000) },
      { MetricName: 'Lag', Dimensions, Value: 4, Timestamp: new Date(minute) },
      { MetricName: 'Lag', Dimensions, Value: 6, Timestamp: new Date(minute) },
      { MetricName: 'Lag', Value: 100, Timestamp: new Date(minute) },
      { MetricName: 'Lag', Dimensions, Value: 100, Timestamp: new Date(minute - 3_600_000) },
    ];
    await client.send(new PutMetricDataCommand({ Namespace: 'prefix/dev', MetricData }));
    expect(await dataOf('Lag', 'Sum', Dimensions)).toEqual([10, 3]);
    expect(await dataOf('Lag', 'Maximum', Dimensions)).toEqual([6, 3]);
    expect(await dataOf('Lag', 'Sum')).toEqual([100]);
    expect(await dataOf('Nothing', 'Sum')).toEqual([]);
  });

  test('fails GIVEN a statistic that the sandbox does not know', async () => {
    expect((await failure(dataOf('Lag', 'p99'))).message).toContain('Sum, Maximum');
  });
});

describe('alarm states', () => {
  test('GIVEN an alarm WHEN its state is set THEN it is shown', async () => {
    await endpoint.call('operator', 'cloudwatch', 'PutMetricAlarm', { AlarmName: 'errors', MetricName: 'Errors' });
    await client.send(new SetAlarmStateCommand({ AlarmName: 'errors', StateValue: 'ALARM', StateReason: 'test' }));
    const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames: ['errors'] }));
    expect(MetricAlarms).toEqual([expect.objectContaining({ StateValue: 'ALARM', StateReason: 'test' })]);
  });

  test('fails GIVEN an alarm that is not there', async () => {
    const set = client.send(new SetAlarmStateCommand({ AlarmName: 'none', StateValue: 'OK', StateReason: 'test' }));
    expect((await failure(set)).message).toContain('none');
  });
});
