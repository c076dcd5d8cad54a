/** Reads metrics and alarms of CloudWatch. */
import { type CloudWatchClient, paginateDescribeAlarms, paginateGetMetricData } from '@aws-sdk/client-cloudwatch';
import { type AlarmsReading, recentMinutes } from './readings.ts';

export interface WantedMetric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** Queries of one GetMetricData, CloudWatch's limit. */
const mostQueries = 500;

/** The sum of each over the last minutes; 0 where nothing was counted. */
export const sumsOf = async (client: CloudWatchClient, metrics: readonly WantedMetric[], now: Date): Promise<readonly number[]> =>
  (await read(client, metrics, 'Sum', now)).map((values) => values.reduce((sum, value) => sum + value, 0));

/** The newest value of each; undefined where there is none. */
export const latestOf = async (
  client: CloudWatchClient,
  metrics: readonly WantedMetric[],
  now: Date,
): Promise<readonly (number | undefined)[]> => (await read(client, metrics, 'Maximum', now)).map((values) => values[0]);

/** Values of each metric, newest first. */
async function read(
  client: CloudWatchClient,
  metrics: readonly WantedMetric[],
  Stat: 'Sum' | 'Maximum',
  now: Date,
): Promise<readonly (readonly number[])[]> {
  const values = metrics.map((): number[] => []);
  for (let start = 0; start < metrics.length; start += mostQueries) {
    const MetricDataQueries = metrics.slice(start, start + mostQueries).map(({ namespace, name, dimensions }, index) => ({
      Id: `m${start + index}`,
      MetricStat: {
        Metric: {
          Namespace: namespace,
          MetricName: name,
          Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
        },
        Period: 60,
        Stat,
      },
    }));
    const StartTime = new Date(now.getTime() - recentMinutes * 60_000);
    const query = { MetricDataQueries, StartTime, EndTime: now, ScanBy: 'TimestampDescending' } as const;
    for await (const { MetricDataResults = [] } of paginateGetMetricData({ client }, query)) {
      for (const { Id = '', Values = [] } of MetricDataResults) values[Number(Id.slice(1))]?.push(...Values);
    }
  }
  return values;
}

export async function readAlarms(client: CloudWatchClient, own: string, isOurs: (name: string) => boolean): Promise<AlarmsReading> {
  const ringing: { name: string; since: string | undefined }[] = [];
  const lagLimits = new Map<string, number>();
  let count = 0;
  const types = ['MetricAlarm', 'CompositeAlarm'] as const;
  for await (const page of paginateDescribeAlarms({ client }, { AlarmNamePrefix: own, AlarmTypes: [...types] })) {
    const { MetricAlarms = [], CompositeAlarms = [] } = page;
    for (const { AlarmName: name = '', StateValue, StateUpdatedTimestamp } of [...MetricAlarms, ...CompositeAlarms]) {
      if (!isOurs(name)) continue;
      count += 1;
      if (StateValue === 'ALARM') ringing.push({ name, since: StateUpdatedTimestamp?.toISOString() });
    }
    for (const { AlarmName: name = '', Threshold } of MetricAlarms) {
      if (name.endsWith('-lag') && Threshold !== undefined) lagLimits.set(name.slice(0, -'-lag'.length), Threshold);
    }
  }
  return { count, ringing, lagLimits };
}
