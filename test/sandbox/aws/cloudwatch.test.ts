/** Alarms and dashboards, which are kept and not evaluated. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AwsEndpoint, startEndpoint } from '../../../sandbox/aws/endpoint.ts';

let endpoint: AwsEndpoint;
const call = (operation: string, input: Record<string, unknown>) => endpoint.call('operator', 'cloudwatch', operation, input);

beforeAll(async () => {
  endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  for (const AlarmName of ['lag', 'errors']) await call('PutMetricAlarm', { AlarmName, MetricName: 'Errors' });
});
afterAll(() => endpoint.close());

describe('a composite alarm', () => {
  const AlarmRule = 'ALARM("lag") OR ALARM("errors")';

  test('GIVEN alarms that are there WHEN it is put THEN it is shown to who asks for its type, and to no other', async () => {
    await call('PutCompositeAlarm', { AlarmName: 'flow', AlarmRule });
    const names = async (AlarmTypes?: readonly string[]) => {
      const { MetricAlarms, CompositeAlarms } = await call('DescribeAlarms', AlarmTypes ? { AlarmTypes } : {});
      return [MetricAlarms, CompositeAlarms].map((alarms) => (alarms as { AlarmName: string }[]).map(({ AlarmName }) => AlarmName));
    };
    expect(await names(['CompositeAlarm'])).toEqual([[], ['flow']]);
    expect(await names(['CompositeAlarm', 'MetricAlarm'])).toEqual([['lag', 'errors'], ['flow']]);
    expect(await names()).toEqual([['lag', 'errors'], []]);
  });

  test('fails GIVEN an alarm that is not there, as at AWS', async () => {
    const put = call('PutCompositeAlarm', { AlarmName: 'flow', AlarmRule: `${AlarmRule} OR ALARM("gone")` });
    await expect(put).rejects.toThrow('alarms [gone] in the alarm rule do not exist');
  });
});

describe('a dashboard', () => {
  test('GIVEN a body WHEN it is put THEN it is kept', async () => {
    const DashboardBody = JSON.stringify({ widgets: [] });
    await call('PutDashboard', { DashboardName: 'operations', DashboardBody });
    expect(await call('GetDashboard', { DashboardName: 'operations' })).toMatchObject({ DashboardBody });
  });

  test('fails GIVEN a body that is no JSON, or a name that nothing has', async () => {
    await expect(call('PutDashboard', { DashboardName: 'x', DashboardBody: '{' })).rejects.toThrow('valid JSON');
    await expect(call('GetDashboard', { DashboardName: 'x' })).rejects.toThrow('does not exist');
  });
});
