import { AwsError } from '../error.ts';
import { limit, optionalNumber, optionalText, optionalTime, page, record, records, text, texts } from '../input.ts';
import type { Input, Output, Service, Surroundings } from '../service.ts';
import type { Datapoint, MetricStore } from './metric-store.ts';

// CloudWatch: alarms and dashboards are kept, and none is evaluated (SetAlarmState sets one); metric data is kept for the endpoint's `metrics` and GetMetricData.

const statistics: Readonly<Record<string, (point: Datapoint) => number>> = {
  Sum: ({ sum }) => sum,
  Maximum: ({ maximum }) => maximum,
};

export function cloudwatch({ region, account }: Surroundings, metrics: MetricStore): Service {
  const alarms = new Map<string, Output>();
  const composites = new Map<string, Output>();
  const dashboards = new Map<string, string>();
  const arnOf = (name: string): string => `arn:aws:cloudwatch:${region}:${account}:alarm:${name}`;
  const dashboardArn = (name: string): string => `arn:aws:cloudwatch::${account}:dashboard/${name}`;

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

  /** API Reference, PutCompositeAlarm: a rule over alarms, by name, that are there. */
  function putComposite(input: Input): Output {
    const name = text(input, 'AlarmName');
    const rule = text(input, 'AlarmRule');
    const missing = [...rule.matchAll(/"([^"]+)"/g)].map(([, one = '']) => one).filter((one) => !alarms.has(one) && !composites.has(one));
    if (missing.length > 0)
      throw new AwsError(
        'ValidationError',
        `Could not save the composite alarm as alarms [${missing.join(', ')}] in the alarm rule do not exist`,
      );
    composites.set(name, {
      ...input,
      AlarmArn: arnOf(name),
      ActionsEnabled: input.ActionsEnabled ?? true,
      StateValue: 'INSUFFICIENT_DATA',
    });
    return {};
  }

  /** API Reference, DescribeAlarms: metric alarms alone, unless AlarmTypes says otherwise. */
  function describe(input: Input): Output {
    const names = texts(input, 'AlarmNames');
    const prefix = optionalText(input, 'AlarmNamePrefix') ?? '';
    const types = texts(input, 'AlarmTypes');
    const kept = [
      ...(types.length === 0 || types.includes('MetricAlarm') ? alarms : []),
      ...(types.includes('CompositeAlarm') ? composites : []),
    ];
    const found = kept.filter(([name]) => (names.length === 0 || names.includes(name)) && name.startsWith(prefix));
    const { items, nextToken } = page(found, optionalText(input, 'NextToken'), limit(input, 'MaxRecords', 1, 100, 50));
    const of = (all: ReadonlyMap<string, Output>) => items.filter(([name]) => all.has(name)).map(([, alarm]) => alarm);
    return { MetricAlarms: of(alarms), CompositeAlarms: of(composites), ...(nextToken ? { NextToken: nextToken } : {}) };
  }

  function putDashboard(input: Input): Output {
    const body = text(input, 'DashboardBody');
    try {
      JSON.parse(body);
    } catch {
      throw new AwsError('InvalidParameterInput', 'The field DashboardBody must be a valid JSON object');
    }
    dashboards.set(text(input, 'DashboardName'), body);
    return {};
  }

  function getDashboard(input: Input): Output {
    const name = text(input, 'DashboardName');
    const body = dashboards.get(name);
    if (body === undefined) throw new AwsError('ResourceNotFound', `Dashboard ${name} does not exist`);
    return { DashboardName: name, DashboardArn: dashboardArn(name), DashboardBody: body };
  }

  function setState(input: Input): Output {
    const name = text(input, 'AlarmName');
    const alarm = alarms.get(name);
    if (!alarm) throw new AwsError('ResourceNotFound', `Unknown alarm ${name}`, 404);
    const [StateValue, StateReason] = [text(input, 'StateValue'), text(input, 'StateReason')];
    alarms.set(name, { ...alarm, StateValue, StateReason, StateUpdatedTimestamp: new Date() });
    return {};
  }

  /** By the minute. */
  function metricData(input: Input): Output {
    const [from, to] = [optionalTime(input, 'StartTime') ?? 0, optionalTime(input, 'EndTime') ?? Date.now()];
    const results = records(input, 'MetricDataQueries').map((query) => {
      if (query.Expression !== undefined)
        throw new AwsError('NotImplemented', 'the sandbox knows no expressions: query metrics with MetricStat', 501);
      const stat = record(query, 'MetricStat');
      const wanted = record(stat, 'Metric');
      const dimensions = Object.fromEntries(records(wanted, 'Dimensions').map((one) => [text(one, 'Name'), text(one, 'Value')]));
      const found = metrics.of({ namespace: text(wanted, 'Namespace'), name: text(wanted, 'MetricName'), dimensions });
      const points = found.filter(({ timestamp }) => timestamp >= from - 60_000 && timestamp < to);
      if (input.ScanBy !== 'TimestampAscending') points.reverse();
      const value = statistics[text(stat, 'Stat')];
      if (value === undefined || Number(stat.Period) !== 60)
        throw new AwsError('NotImplemented', `the sandbox knows a Period of 60 and ${Object.keys(statistics).join(', ')}`, 501);
      return {
        Id: text(query, 'Id'),
        Label: text(wanted, 'MetricName'),
        Timestamps: points.map(({ timestamp }) => new Date(timestamp)),
        Values: points.map(value),
        StatusCode: 'Complete',
      };
    });
    return { MetricDataResults: results, Messages: [] };
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
      PutCompositeAlarm: { authorize: () => [{ action: 'cloudwatch:PutCompositeAlarm', resource: '*' }], run: putComposite },
      PutDashboard: {
        authorize: (input) => [{ action: 'cloudwatch:PutDashboard', resource: dashboardArn(text(input, 'DashboardName')) }],
        run: putDashboard,
      },
      GetDashboard: {
        authorize: (input) => [{ action: 'cloudwatch:GetDashboard', resource: dashboardArn(text(input, 'DashboardName')) }],
        run: getDashboard,
      },
      DescribeAlarms: { authorize: () => [{ action: 'cloudwatch:DescribeAlarms', resource: `${arnOf('*')}` }], run: describe },
      SetAlarmState: {
        authorize: (input) => [{ action: 'cloudwatch:SetAlarmState', resource: arnOf(text(input, 'AlarmName')) }],
        run: setState,
      },
      GetMetricData: { authorize: () => [{ action: 'cloudwatch:GetMetricData', resource: '*' }], run: metricData },
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
