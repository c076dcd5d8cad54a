import { AwsError } from '../error.ts';
import { limit, optionalNumber, optionalText, optionalTime, page, records, text, texts } from '../input.ts';
import type { Input, Output, Service, Surroundings } from '../service.ts';
import type { MetricStore } from './metric-store.ts';

// CloudWatch: alarms are kept but not evaluated; metric data is kept for the endpoint's `metrics`.

export function cloudwatch({ region, account }: Surroundings, metrics: MetricStore): Service {
  const alarms = new Map<string, Output>();
  const arnOf = (name: string): string => `arn:aws:cloudwatch:${region}:${account}:alarm:${name}`;

  function putAlarm(input: Input): Output {
    const name = text(input, 'AlarmName');
    alarms.set(name, {
      ...input,
      AlarmArn: arnOf(name),
      ActionsEnabled: input.ActionsEnabled ?? true,
      StateValue: 'INSUFFICIENT_DATA',
      StateReason: 'Unchecked: Initial alarm creation',
      StateUpdatedTimestamp: new Date(),
      AlarmConfigurationUpdatedTimestamp: new Date(),
    });
    return {};
  }

  function describe(input: Input): Output {
    const names = texts(input, 'AlarmNames');
    const prefix = optionalText(input, 'AlarmNamePrefix') ?? '';
    const found = [...alarms.values()].filter(
      (alarm) => (names.length === 0 || names.includes(String(alarm.AlarmName))) && String(alarm.AlarmName).startsWith(prefix),
    );
    const { items, nextToken } = page(found, optionalText(input, 'NextToken'), limit(input, 'MaxRecords', 1, 100, 50));
    return { MetricAlarms: items, CompositeAlarms: [], ...(nextToken ? { NextToken: nextToken } : {}) };
  }

  /** Single values; statistic sets and lists of values are taken and not kept. */
  function add(namespace: string, datum: Input): void {
    const value = optionalNumber(datum, 'Value');
    if (value === undefined) return;
    const dimensions = records(datum, 'Dimensions').map((one) => [text(one, 'Name'), text(one, 'Value')] as const);
    const unit = optionalText(datum, 'Unit');
    const metric = { namespace, name: text(datum, 'MetricName'), dimensions: Object.fromEntries(dimensions), ...(unit ? { unit } : {}) };
    metrics.add(metric, optionalTime(datum, 'Timestamp') ?? Date.now(), value);
  }

  return {
    name: 'cloudwatch',
    operations: {
      PutMetricAlarm: {
        authorize: (input) => [{ action: 'cloudwatch:PutMetricAlarm', resource: arnOf(text(input, 'AlarmName')) }],
        run: putAlarm,
      },
      DescribeAlarms: { authorize: () => [{ action: 'cloudwatch:DescribeAlarms', resource: `${arnOf('*')}` }], run: describe },
      PutMetricData: {
        authorize: (input) => [
          { action: 'cloudwatch:PutMetricData', resource: '*', context: { 'cloudwatch:namespace': text(input, 'Namespace') } },
        ],
        run: (input) => {
          const data = records(input, 'MetricData');
          if (data.length < 1 || data.length > 1000)
            throw new AwsError('InvalidParameterValue', `${data.length} metrics: a request holds from 1 to 1000`);
          for (const datum of data) text(datum, 'MetricName');
          for (const datum of data) add(text(input, 'Namespace'), datum);
          return {};
        },
      },
    },
  };
}
