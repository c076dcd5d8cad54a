import { AwsError } from '../error.ts';
import { authorize } from '../iam/index.ts';
import { limit, optionalNumber, optionalText, page, records, text, textMap, texts } from '../input.ts';
import type { Authorization, Input, Operation, Output, Service, Surroundings } from '../service.ts';
import { keyUse } from './kms-use.ts';
import { type LogEvent, logEventId } from './log-event.ts';
import { logFilter } from './log-filter.ts';
import { LogMetrics } from './log-metrics.ts';
import { LogPolicies } from './log-policies.ts';
import { LogSubscriptions } from './log-subscriptions.ts';
import type { MetricStore } from './metric-store.ts';

// CloudWatch Logs: groups, streams, events. Limits: CloudWatch Logs API Reference, PutLogEvents.

interface Stream {
  readonly name: string;
  readonly createdAt: number;
  readonly events: LogEvent[];
}

interface Group {
  readonly name: string;
  readonly createdAt: number;
  readonly kmsKeyId?: string;
  readonly tags: Record<string, string>;
  retentionInDays?: number;
  readonly streams: Map<string, Stream>;
}

const retentions = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
const hour = 3_600_000;
const maximumBatchBytes = 1_048_576;
const eventOverhead = 26;

const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);
const missing = (what: 'log group' | 'log stream'): AwsError =>
  new AwsError('ResourceNotFoundException', `The specified ${what} does not exist.`);

interface Deliveries {
  /** Batches of subscription filters on their way to a function. */
  readonly pending: number;
}

export function logs(surroundings: Surroundings, metrics: MetricStore): Service & Deliveries {
  const { region, account } = surroundings;
  const groups = new Map<string, Group>();
  const subscriptions = new LogSubscriptions(surroundings);
  const metricFilters = new LogMetrics(metrics);
  const policies = new LogPolicies();
  const arnOf = (group: string): string => `arn:aws:logs:${region}:${account}:log-group:${group}`;

  /** A group is named, or identified by its ARN. */
  const groupName = (input: Input): string => {
    const identifier = optionalText(input, 'logGroupIdentifier') ?? optionalText(input, 'resourceArn');
    const name = identifier?.startsWith('arn:') ? (identifier.split(':')[6] ?? '') : identifier;
    return name ?? text(input, 'logGroupName');
  };
  const groupOf = (input: Input): Group => {
    const group = groups.get(groupName(input));
    if (!group) throw missing('log group');
    return group;
  };
  const streamOf = (input: Input): Stream => {
    const stream = groupOf(input).streams.get(text(input, 'logStreamName'));
    if (!stream) throw missing('log stream');
    return stream;
  };

  /**
   * A call on a group is put to IAM with an empty stream, which is why policies end in `:*`; tagging takes the bare ARN
   * (CloudWatch Logs User Guide, "Overview of managing access permissions": resources).
   */
  const onGroup = (action: string, run: Operation['run'], suffix = ':log-stream:'): Operation => ({
    authorize: (input): Authorization[] => [
      { action: `logs:${action}`, resource: `${arnOf(groupName(input))}${suffix}`, ...policies.asResourcePolicy() },
    ],
    run,
  });
  const onStream = (action: string, run: Operation['run'], ...keyActions: string[]): Operation => ({
    authorize: (input): Authorization[] => [
      {
        action: `logs:${action}`,
        resource: `${arnOf(groupName(input))}:log-stream:${text(input, 'logStreamName')}`,
        ...policies.asResourcePolicy(),
      },
      ...keyUse(surroundings, groups.get(groupName(input))?.kmsKeyId, 'logs', keyActions, {
        'kms:EncryptionContext:aws:logs:arn': arnOf(groupName(input)),
      }),
    ],
    run,
  });

  function put(input: Input): Output {
    const stream = streamOf(input);
    const now = Date.now();
    const batch = records(input, 'logEvents').map((event): LogEvent => {
      const timestamp = optionalNumber(event, 'timestamp') ?? Number.NaN;
      return { id: logEventId(timestamp), timestamp, message: text(event, 'message'), ingestionTime: now };
    });
    if (batch.length < 1 || batch.length > 10_000) throw invalid(`${batch.length} log events: a batch holds from 1 to 10,000`);
    const bytes = batch.reduce((size, event) => size + Buffer.byteLength(event.message) + eventOverhead, 0);
    if (bytes > maximumBatchBytes) throw invalid(`Upload too large: ${bytes} bytes exceeds limit of ${maximumBatchBytes}`);
    if (batch.some((event, index) => event.timestamp < (batch[index - 1]?.timestamp ?? 0)))
      throw invalid('Log events in a single PutLogEvents request must be in chronological order.');
    const times = batch.map((event) => event.timestamp);
    if (times.some(Number.isNaN)) throw invalid('timestamp: required of each log event');
    if ((times.at(-1) ?? 0) - (times[0] ?? 0) > 24 * hour)
      throw invalid('The batch of log events in a single PutLogEvents request cannot span more than 24 hours.');
    const tooOld = batch.filter((event) => event.timestamp < now - 14 * 24 * hour).length;
    const accepted = batch.filter((event) => event.timestamp >= now - 14 * 24 * hour && event.timestamp <= now + 2 * hour);
    stream.events.push(...accepted);
    stream.events.sort((one, other) => one.timestamp - other.timestamp);
    const taken = { group: groupName(input), stream: stream.name, events: accepted };
    metricFilters.observe(taken);
    subscriptions.observe(taken);
    const rejected = {
      ...(tooOld > 0 ? { tooOldLogEventEndIndex: tooOld } : {}),
      ...(tooOld + accepted.length < batch.length ? { tooNewLogEventStartIndex: tooOld + accepted.length } : {}),
    };
    return {
      nextSequenceToken: String(stream.events.length),
      ...(Object.keys(rejected).length > 0 ? { rejectedLogEventsInfo: rejected } : {}),
    };
  }

  /** Forward and backward tokens are positions; a reader at the end gets the token it came with. */
  function get(input: Input): Output {
    const stream = streamOf(input);
    const start = optionalNumber(input, 'startTime') ?? 0;
    const end = optionalNumber(input, 'endTime') ?? Infinity;
    const all = stream.events.filter((event) => event.timestamp >= start && event.timestamp < end);
    const size = limit(input, 'limit', 1, 10_000, 10_000);
    const token = optionalText(input, 'nextToken');
    const [direction, position] = token?.split('/') ?? [];
    const at = Number(position);
    const from =
      token === undefined
        ? input.startFromHead === true
          ? 0
          : Math.max(0, all.length - size)
        : direction === 'f'
          ? at
          : Math.max(0, at - size);
    const to = direction === 'b' ? at : Math.min(all.length, from + size);
    const events = all.slice(from, to).map(({ id: _id, ...event }) => event);
    return { events, nextForwardToken: `f/${to}`, nextBackwardToken: `b/${from}` };
  }

  function filter(input: Input): Output {
    const matches = logFilter(optionalText(input, 'filterPattern'));
    const names = texts(input, 'logStreamNames');
    const prefix = optionalText(input, 'logStreamNamePrefix') ?? '';
    const start = optionalNumber(input, 'startTime') ?? 0;
    const end = optionalNumber(input, 'endTime') ?? Infinity;
    const found = [...groupOf(input).streams.values()]
      .filter((stream) => (names.length === 0 || names.includes(stream.name)) && stream.name.startsWith(prefix))
      .flatMap((stream) => stream.events.map(({ id: eventId, ...event }) => ({ ...event, logStreamName: stream.name, eventId })))
      .filter((event) => event.timestamp >= start && event.timestamp <= end && matches(event.message))
      .sort((one, other) => one.timestamp - other.timestamp);
    const { items, nextToken } = page(found, optionalText(input, 'nextToken'), limit(input, 'limit', 1, 10_000, 10_000));
    return { events: items, searchedLogStreams: [], ...(nextToken ? { nextToken } : {}) };
  }

  const bytes = (streams: Iterable<Stream>): number =>
    [...streams].reduce(
      (size, stream) => size + stream.events.reduce((sum, event) => sum + Buffer.byteLength(event.message) + eventOverhead, 0),
      0,
    );

  function describeGroups(input: Input): Output {
    const prefix = optionalText(input, 'logGroupNamePrefix') ?? '';
    const infix = optionalText(input, 'logGroupNamePattern') ?? '';
    const all = [...groups.values()]
      .filter((group) => group.name.startsWith(prefix) && group.name.includes(infix))
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .map((group) => ({
        logGroupName: group.name,
        creationTime: group.createdAt,
        ...(group.retentionInDays ? { retentionInDays: group.retentionInDays } : {}),
        metricFilterCount: metricFilters.of(group.name).size,
        arn: `${arnOf(group.name)}:*`,
        logGroupArn: arnOf(group.name),
        storedBytes: bytes(group.streams.values()),
        logGroupClass: 'STANDARD',
        ...(group.kmsKeyId ? { kmsKeyId: group.kmsKeyId } : {}),
      }));
    const { items, nextToken } = page(all, optionalText(input, 'nextToken'), limit(input, 'limit', 1, 50, 50));
    return { logGroups: items, ...(nextToken ? { nextToken } : {}) };
  }

  function describeStreams(input: Input): Output {
    const group = groupOf(input);
    const prefix = optionalText(input, 'logStreamNamePrefix') ?? '';
    const last = (stream: Stream): number => stream.events.at(-1)?.timestamp ?? 0;
    const byTime = optionalText(input, 'orderBy') === 'LastEventTime';
    const sorted = [...group.streams.values()]
      .filter((stream) => stream.name.startsWith(prefix))
      .sort((one, other) => (byTime ? last(one) - last(other) : one.name < other.name ? -1 : 1));
    if (input.descending === true) sorted.reverse();
    const all = sorted.map((stream) => ({
      logStreamName: stream.name,
      creationTime: stream.createdAt,
      ...(stream.events.length > 0
        ? {
            firstEventTimestamp: stream.events[0]?.timestamp,
            lastEventTimestamp: last(stream),
            lastIngestionTime: stream.events.at(-1)?.ingestionTime,
          }
        : {}),
      arn: `${arnOf(group.name)}:log-stream:${stream.name}`,
      storedBytes: 0,
    }));
    const { items, nextToken } = page(all, optionalText(input, 'nextToken'), limit(input, 'limit', 1, 50, 50));
    return { logStreams: items, ...(nextToken ? { nextToken } : {}) };
  }

  /** The service itself has to be allowed by the key's policy, or it refuses the key (CloudWatch Logs User Guide, "Encrypt log data", step 2). */
  function demandKeyOfLogs(kmsKeyId: string, groupArn: string): void {
    const principal = { kind: 'service', service: `logs.${region}.amazonaws.com` } as const;
    const { resource, resourcePolicy } = surroundings.key(kmsKeyId);
    const context = { 'kms:EncryptionContext:aws:logs:arn': groupArn };
    for (const action of ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey']) {
      const request = { principal, action, resource, context, resourceAccount: account, ...(resourcePolicy ? { resourcePolicy } : {}) };
      if (!authorize(request).allowed)
        throw new AwsError('AccessDeniedException', `The KMS key ${resource} does not allow ${action} to CloudWatch Logs for ${groupArn}`);
    }
  }

  function createGroup(input: Input): Output {
    const name = text(input, 'logGroupName');
    if (!/^[.\-_/#A-Za-z0-9]{1,512}$/.test(name))
      throw invalid(`logGroupName '${name}': 1 to 512 letters, digits, '_', '-', '/', '.' or '#'`);
    if (groups.has(name)) throw new AwsError('ResourceAlreadyExistsException', 'The specified log group already exists');
    const kmsKeyId = optionalText(input, 'kmsKeyId');
    if (kmsKeyId) demandKeyOfLogs(kmsKeyId, arnOf(name));
    groups.set(name, { name, createdAt: Date.now(), tags: textMap(input, 'tags'), streams: new Map(), ...(kmsKeyId ? { kmsKeyId } : {}) });
    return {};
  }

  return {
    name: 'logs',
    get pending() {
      return subscriptions.pending;
    },
    close: () => subscriptions.close(),
    operations: {
      CreateLogGroup: onGroup('CreateLogGroup', createGroup),
      DescribeLogGroups: {
        authorize: () => [{ action: 'logs:DescribeLogGroups', resource: `${arnOf('')}:log-stream:` }],
        run: describeGroups,
      },
      PutRetentionPolicy: onGroup('PutRetentionPolicy', (input) => {
        const days = optionalNumber(input, 'retentionInDays') ?? Number.NaN;
        if (!retentions.includes(days)) throw invalid(`retentionInDays ${days}: one of ${retentions.join(', ')}`);
        groupOf(input).retentionInDays = days;
        return {};
      }),
      CreateLogStream: onGroup('CreateLogStream', (input) => {
        const group = groupOf(input);
        const name = text(input, 'logStreamName');
        if (!/^[^:*]{1,512}$/.test(name)) throw invalid(`logStreamName '${name}': 1 to 512 characters without ':' and '*'`);
        if (group.streams.has(name)) throw new AwsError('ResourceAlreadyExistsException', 'The specified log stream already exists');
        group.streams.set(name, { name, createdAt: Date.now(), events: [] });
        return {};
      }),
      DescribeLogStreams: onGroup('DescribeLogStreams', describeStreams),
      PutLogEvents: onStream('PutLogEvents', put, 'kms:GenerateDataKey'),
      GetLogEvents: onStream('GetLogEvents', get, 'kms:Decrypt'),
      FilterLogEvents: onGroup('FilterLogEvents', filter),
      PutSubscriptionFilter: onGroup('PutSubscriptionFilter', (input) => {
        const { name } = groupOf(input);
        return subscriptions.put(name, arnOf(name), input);
      }),
      DescribeSubscriptionFilters: onGroup('DescribeSubscriptionFilters', (input) => subscriptions.describe(groupOf(input).name)),
      PutMetricFilter: onGroup('PutMetricFilter', (input) => metricFilters.put(groupOf(input).name, input)),
      DescribeMetricFilters: onGroup('DescribeMetricFilters', (input) => metricFilters.describe(groupOf(input).name)),
      PutResourcePolicy: {
        authorize: () => [{ action: 'logs:PutResourcePolicy', resource: '*' }],
        run: (input) => policies.put(input),
      },
      DescribeResourcePolicies: {
        authorize: () => [{ action: 'logs:DescribeResourcePolicies', resource: '*' }],
        run: () => policies.describe(),
      },
      ListTagsForResource: onGroup('ListTagsForResource', (input) => ({ tags: groupOf(input).tags }), ''),
      TagResource: onGroup(
        'TagResource',
        (input) => {
          Object.assign(groupOf(input).tags, textMap(input, 'tags'));
          return {};
        },
        '',
      ),
    },
  };
}
