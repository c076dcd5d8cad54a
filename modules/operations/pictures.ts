/** What an on-call person looks at, in the order of need: is anything ringing, is it late, what happens, what is held back, what fails, what does it cost. */
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { runbookLink, runbooks } from '../platform/runbooks.ts';
import type { Metric, Picture, Row, Statistic } from './dashboard.ts';
import { eventsMetric } from './trail-metrics.ts';

/** Plain names of what there is to see. */
export interface Shown {
  readonly environment: IntegrationEnvironment;
  readonly flowAlarm: string;
  readonly alarms: readonly string[];
  readonly domains: readonly string[];
  readonly targets: readonly string[];
  /** Directories whose credentials rotate. */
  readonly credentials: readonly string[];
  readonly functions: readonly string[];
  /** The one that reads the stream. */
  readonly streamReader: string;
  readonly queues: readonly string[];
  readonly deadLetters: readonly string[];
  readonly tables: readonly string[];
  readonly auditLogGroup: string;
}

/** ARNs of one alarm widget ("Dashboard body structure and syntax", alarm widget). */
const mostAlarms = 100;

export function pictures(shown: Shown): readonly Row[] {
  const height = 6;
  return [
    { height: 3, pictures: [introduction(shown)] },
    ...alarmRows(shown),
    { height, pictures: lag(shown) },
    { height, pictures: changes(shown) },
    { height, pictures: guardAndDrift(shown) },
    { height, pictures: rotation(shown) },
    { height, pictures: failures(shown) },
    { height, pictures: throttles(shown) },
    { height, pictures: calls(shown) },
    { height, pictures: stored(shown) },
  ];
}

const graph = (title: string, stat: Statistic, metrics: readonly Metric[]): Picture => ({ kind: 'metrics', title, stat, metrics });

function introduction({ environment }: Shown): Picture {
  const base = environment.runbookBaseUrl;
  // A relative path leads nowhere from the console.
  const pages = runbooks.map((runbook) => (base.startsWith('https://') ? `[${runbook}](${runbookLink(environment, runbook)})` : runbook));
  return {
    kind: 'text',
    markdown: `# ${environment.prefix} ${environment.name}\nFrom top to bottom: does it ring, is it late, what happens, what is held back, what fails, what does it cost. What each picture means: docs/operations.md\n\nRunbooks (${base}): ${pages.join(' · ')}`,
  };
}

function alarmRows({ environment, flowAlarm, alarms }: Shown): readonly Row[] {
  const arn = (name: string) => environment.arn('cloudwatch', `alarm:${name}`);
  const parts = Array.from({ length: Math.ceil(alarms.length / mostAlarms) }, (_, index) =>
    alarms.slice(index * mostAlarms, (index + 1) * mostAlarms).map(arn),
  );
  const flow: Picture = { kind: 'alarms', title: 'Identity is flowing', arns: [arn(flowAlarm)] };
  return parts.map((arns, index) => {
    const all: Picture = { kind: 'alarms', title: 'All alarms', arns };
    return index === 0 ? { height: 6, pictures: [flow, all], columns: [6, 18] } : { height: 6, pictures: [all] };
  });
}

function lag({ environment, domains, targets, queues, streamReader }: Shown): readonly Picture[] {
  const namespace = environment.metricNamespace;
  return [
    graph(
      'Directory: seconds since it was up to date',
      'Maximum',
      domains.map((domain) => [namespace, 'LagSeconds', 'Domain', domain, { label: domain }]),
    ),
    graph(
      'From a change seen to the role at the target, seconds',
      'Average',
      targets.flatMap((target): Metric[] => [
        [ofTarget(environment, target), 'RoleLagSeconds', { label: target }],
        [ofTarget(environment, target), 'RoleLagSeconds', { label: `${target}, longest`, stat: 'Maximum' }],
      ]),
    ),
    graph('Oldest message of each queue, seconds; oldest record of the stream, milliseconds', 'Maximum', [
      ...queues.map((name): Metric => ['AWS/SQS', 'ApproximateAgeOfOldestMessage', 'QueueName', name, { label: short(environment, name) }]),
      ['AWS/Lambda', 'IteratorAge', 'FunctionName', streamReader, { label: `${short(environment, streamReader)}, ms`, yAxis: 'right' }],
    ]),
  ];
}

function changes({ environment }: Shown): readonly Picture[] {
  const namespace = environment.metricNamespace;
  const ofType = (source: string, type: string): Metric => [namespace, eventsMetric, 'Source', source, 'Type', type, { label: type }];
  return [
    {
      kind: 'metrics',
      title: 'Changes of the directory, by type',
      stat: 'Sum',
      stacked: true,
      // Of all types those alone that there were within two weeks (Amazon CloudWatch User Guide, "Using search expressions in graphs").
      metrics: [
        [
          {
            expression: `SEARCH('{${namespace},Source,Type} MetricName="${eventsMetric}" Source="active-directory.directory"', 'Sum', 300)`,
            id: 'changes',
            label: '',
          },
        ],
      ],
    },
    graph('Granted, revoked, denied, failed', 'Sum', [
      ofType('active-directory.roles', 'RoleGranted'),
      ofType('active-directory.roles', 'RoleRevoked'),
      ofType('active-directory.access', 'AccessDenied'),
      ofType('active-directory.access', 'AccessViolationFound'),
      ofType('active-directory.roles', 'RoleChangeFailed'),
    ]),
  ];
}

function guardAndDrift({ environment, domains, targets }: Shown): readonly Picture[] {
  const namespace = environment.metricNamespace;
  const perTarget = (metrics: Readonly<Record<string, string>>) =>
    targets.flatMap((target) =>
      Object.entries(metrics).map(([name, what]): Metric => [ofTarget(environment, target), name, { label: `${target}: ${what}` }]),
    );
  return [
    graph('Guards: tripped, and what they hold back', 'Sum', [
      ...domains.map((domain): Metric => [namespace, 'GuardTripped', 'Domain', domain, { label: `${domain}: tripped, or holding` }]),
      ...perTarget({ GuardTripped: 'tripped', RevocationsStaged: 'held back' }),
      [namespace, 'GuardDecisionsRefused', { label: 'decisions refused' }],
    ]),
    graph('Drift: found, for a person, not compared', 'Sum', [
      ...perTarget({ Drift: 'found', DriftNeedsPerson: 'for a person', ReconcileIncomplete: 'not compared' }),
    ]),
  ];
}

function rotation({ environment, credentials }: Shown): readonly Picture[] {
  const metrics = (name: string): readonly Metric[] =>
    credentials.map((directory) => [`${environment.metricNamespace}/credentials/${directory}`, name, { label: directory }]);
  return [
    graph('Oldest password, days', 'Maximum', metrics('AgeDays')),
    graph('Password most overdue, days', 'Maximum', metrics('OverdueDays')),
    graph('Rotations that failed', 'Sum', metrics('RotationsFailed')),
  ];
}

function failures({ environment, functions, targets, deadLetters }: Shown): readonly Picture[] {
  return [
    graph('Errors of functions', 'Sum', perFunction(environment, functions, 'Errors')),
    graph(
      'Changes that failed at a target',
      'Sum',
      targets.map((target): Metric => [ofTarget(environment, target), 'ChangesFailed', { label: target }]),
    ),
    graph(
      'Messages in dead-letter queues',
      'Maximum',
      deadLetters.map((name) => ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'QueueName', name, { label: short(environment, name) }]),
    ),
  ];
}

function throttles({ environment, functions, targets, tables }: Shown): readonly Picture[] {
  return [
    graph('Throttled calls of functions', 'Sum', perFunction(environment, functions, 'Throttles')),
    graph('Calls at targets that were tried again', 'Sum', [
      ...targets.map((target): Metric => [ofTarget(environment, target), 'CallsRetried', { label: target }]),
    ]),
    graph('Throttled reads and writes of tables', 'Sum', [
      ...perTable(environment, tables, 'ReadThrottleEvents', 'reads'),
      ...perTable(environment, tables, 'WriteThrottleEvents', 'writes'),
    ]),
  ];
}

function calls({ environment, functions, queues }: Shown): readonly Picture[] {
  return [
    graph('Cost: calls of functions', 'Sum', perFunction(environment, functions, 'Invocations')),
    graph('Cost: time of functions, milliseconds', 'Sum', perFunction(environment, functions, 'Duration')),
    graph(
      'Cost: messages sent to queues',
      'Sum',
      queues.map((name) => ['AWS/SQS', 'NumberOfMessagesSent', 'QueueName', name, { label: short(environment, name) }]),
    ),
  ];
}

function stored({ environment, functions, tables, auditLogGroup }: Shown): readonly Picture[] {
  const bytes = (group: string, label: string): Metric => ['AWS/Logs', 'IncomingBytes', 'LogGroupName', group, { label }];
  return [
    graph('Cost: units read and written of tables', 'Sum', [
      ...perTable(environment, tables, 'ConsumedReadCapacityUnits', 'read'),
      ...perTable(environment, tables, 'ConsumedWriteCapacityUnits', 'written'),
    ]),
    graph('Cost: bytes of logs', 'Sum', [
      ...functions.map((name) => bytes(`/aws/lambda/${name}`, short(environment, name))),
      bytes(auditLogGroup, 'audit trail'),
    ]),
  ];
}

const ofTarget = (environment: IntegrationEnvironment, target: string): string => `${environment.metricNamespace}/${target}`;

/** A name without what all names of the environment begin with. */
const short = ({ prefix, name: environment }: IntegrationEnvironment, name: string): string =>
  name.startsWith(`${prefix}-${environment}-`) ? name.slice(prefix.length + environment.length + 2) : name;

const perFunction = (environment: IntegrationEnvironment, functions: readonly string[], metric: string): readonly Metric[] =>
  functions.map((name) => ['AWS/Lambda', metric, 'FunctionName', name, { label: short(environment, name) }]);

const perTable = (environment: IntegrationEnvironment, tables: readonly string[], metric: string, what: string): readonly Metric[] =>
  tables.map((name) => ['AWS/DynamoDB', metric, 'TableName', name, { label: `${short(environment, name)}, ${what}` }]);
