/** The dashboard: that every picture has something to show, that pictures fit the grid, and that CloudWatch takes it. */
import { describe, expect, test } from 'vitest';
import { auditRecord } from '../../handlers/audit/audit-record.ts';
import { makeEvent } from '../../handlers/events/identity-event.ts';
import { gridColumns, type Row, widgetsOf } from '../../modules/operations/dashboard.ts';
import { nonEmpty } from '../../modules/platform/prop-checks.ts';
import { logFilter } from '../../sandbox/aws/services/log-filter.ts';
import { metricsOf, notEmitted } from './emitted-metrics.ts';
import { credentialEndpoints, existing, identityCenter, mappedTo, scim, synthesize, wikiCredential } from './integration.ts';
import type { Arguments, Template } from './template.ts';

const usual = synthesize({
  directories: [{ existing, securityLog: { logGroupName: '/corp/security' } }],
  targets: [{ identityCenter }, { name: 'wiki', scim }],
  roleMappings: mappedTo('identity-center', 'wiki'),
  credentials: [{ rotate: [wikiCredential], endpoints: credentialEndpoints }],
});
/** As many targets as there may be, and several directories. */
const wikis = Array.from({ length: 10 }, (_, index) => `wiki-${index}`);
const large = synthesize({
  directories: [{ existing }, { existing: { ...existing, domain: 'sales.example.com' } }],
  targets: nonEmpty(
    'targets',
    wikis.map((name) => ({ name, scim })),
    'there are ten',
  ),
  roleMappings: mappedTo(...wikis),
});
const least = synthesize();

const body = (template: Template): { readonly widgets: readonly Arguments[] } =>
  JSON.parse(template.one('aws_cloudwatch_dashboard', { dashboard_name: 'ad-lambda-test-operations' }).dashboard_body);
const titles = (template: Template) => body(template).widgets.map(({ properties }) => properties.title);

describe.each([
  ['the usual environment', usual],
  ['a large one', large],
  ['the least one', least],
] as const)('the dashboard of %s', (_, template) => {
  const { widgets } = body(template);

  test('shows metrics that a metric filter or a service emits for a resource of the same stack, and no other', () => {
    const asked = widgets.flatMap(metricsOf);
    expect(asked.length).toBeGreaterThan(50);
    expect(notEmitted(template, asked)).toEqual([]);
  });

  test('shows every function, queue, table and alarm of the stack', () => {
    const text = JSON.stringify(widgets);
    const names = [
      ...template.all('aws_lambda_function').map((one) => one.function_name),
      ...template.all('aws_sqs_queue').map((one) => one.name),
      ...template.all('aws_dynamodb_table').map((one) => one.name),
    ];
    expect(names.filter((name) => !text.includes(`"${name}"`))).toEqual([]);
    const shown = widgets.flatMap(({ properties }) => properties.alarms ?? []);
    const alarms = [...template.all('aws_cloudwatch_metric_alarm'), ...template.all('aws_cloudwatch_composite_alarm')];
    const arn = (name: string) => `arn:aws:cloudwatch:eu-central-1:111122223333:alarm:${name}`;
    expect([...shown].sort()).toEqual(alarms.map((alarm) => arn(alarm.alarm_name)).sort());
  });

  test('fits the grid: no widget overlaps another or leaves the columns, and each row is full', () => {
    const taken = new Set<string>();
    for (const { x, y, width, height, properties } of widgets) {
      expect(x + width, properties.title).toBeLessThanOrEqual(gridColumns);
      for (let column = x; column < x + width; column += 1) {
        for (let row = y; row < y + height; row += 1) {
          expect(taken, `${properties.title} at ${column},${row}`).not.toContain(`${column},${row}`);
          taken.add(`${column},${row}`);
        }
      }
    }
    const lowest = Math.max(...widgets.map(({ y, height }) => y + height));
    expect(taken.size).toBe(gridColumns * lowest);
  });

  test("is within CloudWatch's limits, and its names are plain", () => {
    // Amazon CloudWatch User Guide, "CloudWatch service quotas"; API Reference, "Dashboard body structure and syntax".
    expect(widgets.length).toBeLessThanOrEqual(500);
    const counts = widgets.map((widget) => metricsOf(widget).length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(500);
    expect(counts.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(2500);
    for (const { type, properties } of widgets) {
      if (type === 'metric') expect(properties.metrics.length, properties.title).toBeGreaterThan(0);
      if (type === 'alarm') expect(properties.alarms.length, properties.title).toBeGreaterThan(0);
      if (type === 'alarm') expect(properties.alarms.length, properties.title).toBeLessThanOrEqual(100);
    }
    expect(JSON.stringify(widgets)).not.toContain('${');
  });
});

test('the pictures come in the order of need: alarms, lag, changes, what is held back, failures, throttles, cost', () => {
  expect(titles(usual)).toEqual([
    undefined,
    'Identity is flowing',
    'All alarms',
    'Directory: seconds since it was up to date',
    'From a change seen to the role at the target, seconds',
    'Oldest message of each queue, seconds; oldest record of the stream, milliseconds',
    'Changes of the directory, by type',
    'Granted, revoked, denied, failed',
    'Guards: tripped, and what they hold back',
    'Drift: found, for a person, not compared',
    'Oldest password, days',
    'Password most overdue, days',
    'Rotations that failed',
    'Errors of functions',
    'Changes that failed at a target',
    'Messages in dead-letter queues',
    'Throttled calls of functions',
    'Calls at targets that were tried again',
    'Throttled reads and writes of tables',
    'Cost: calls of functions',
    'Cost: time of functions, milliseconds',
    'Cost: messages sent to queues',
    'Cost: units read and written of tables',
    'Cost: bytes of logs',
  ]);
  // GIVEN no credentials THEN no empty picture of them.
  expect(titles(least)).not.toContain('Oldest password, days');
});

describe('the check of metrics itself', () => {
  const widget = (...metrics: readonly unknown[]) => metricsOf({ properties: { metrics } });
  const lambda = ['AWS/Lambda', 'Errors', 'FunctionName', 'ad-lambda-test-decide-access', {}];
  const lag = ['ad-lambda/test', 'LagSeconds', 'Domain', 'corp.example.com', {}];
  const search = (schema: string, terms: string) => [{ expression: `SEARCH('{${schema}} ${terms}', 'Sum', 300)` }];

  test('lets what is emitted pass', () => {
    const found = search('ad-lambda/test,Source,Type', 'MetricName="IdentityEvents" Source="active-directory.directory"');
    expect(notEmitted(usual, widget(lambda, lag, found))).toEqual([]);
  });

  test.each([
    ['a function that is not there', ['AWS/Lambda', 'Errors', 'FunctionName', 'ad-lambda-test-decide-acces', {}]],
    ['a metric that Lambda does not have', ['AWS/Lambda', 'Error', 'FunctionName', 'ad-lambda-test-decide-access', {}]],
    ['a metric without a filter', ['ad-lambda/test', 'LagSecond', 'Domain', 'corp.example.com', {}]],
    ['a missing dimension', ['ad-lambda/test', 'LagSeconds', {}]],
    ['a dimension too many', ['ad-lambda/test', 'Events', 'Domain', 'corp.example.com', {}]],
    ['a directory that is not watched', ['ad-lambda/test', 'LagSeconds', 'Domain', 'sales.example.com', {}]],
    ['a target that is not there', ['ad-lambda/test/wikis', 'RoleLagSeconds', {}]],
    ['an event of another source', ['ad-lambda/test', 'IdentityEvents', 'Source', 'active-directory.access', 'Type', 'RoleGranted', {}]],
    [
      'an event that is not in the catalogue',
      ['ad-lambda/test', 'IdentityEvents', 'Source', 'active-directory.roles', 'Type', 'RoleGrant', {}],
    ],
    ['a search by other dimensions', search('ad-lambda/test,Type', 'MetricName="IdentityEvents" Source="active-directory.directory"')],
    ['a search for another source', search('ad-lambda/test,Source,Type', 'MetricName="IdentityEvents" Source="active-directory"')],
    ['a search that is none', [{ expression: 'SEARCH(x)' }]],
  ])('fails %s', (_, metric) => {
    expect(notEmitted(usual, widget(metric))).toHaveLength(1);
  });
});

describe('identity events by type', () => {
  const filter = usual.one('aws_cloudwatch_log_metric_filter', { name: 'IdentityEvents' });

  test('GIVEN a record of the audit trail THEN it is counted by its source and type', () => {
    const event = makeEvent({
      type: 'AccountDeactivated',
      domain: 'corp.example.com',
      subject: { guid: 'g', type: 'user', name: 'ada', dn: 'CN=ada' },
      change: { account: { target: 'wiki', id: '1', userName: 'ada' } },
      revision: 2,
      at: '2025-03-01T10:00:00.000Z',
    });
    const line = auditRecord(event, '2025-03-01T10:00:01.000Z', { code: 'a', configuration: 'b' });
    expect(logFilter(filter.pattern)(JSON.stringify(line))).toBe(true);
    expect(filter.metric_transformation.dimensions).toEqual({ Source: '$.unmapped.source', Type: '$.metadata.event_code' });
    expect([line.unmapped.source, line.metadata.event_code]).toEqual(['active-directory.roles', 'AccountDeactivated']);
    expect(logFilter(filter.pattern)(JSON.stringify({ message: 'another line' }))).toBe(false);
  });

  test('GIVEN its log group THEN it is that of the trail', () => {
    expect(filter.log_group_name).toBe(usual.reference('aws_cloudwatch_log_group', { name: '/ad-lambda/test/audit' }, 'name'));
  });
});

describe('an environment that nobody looks at', () => {
  const dark = synthesize({ dashboard: false });

  test('GIVEN dashboard false THEN there is none, nor metrics for it alone; the alarms are there', () => {
    expect(dark.all('aws_cloudwatch_dashboard')).toEqual([]);
    expect(dark.all('aws_cloudwatch_log_metric_filter').map(({ name }) => name)).not.toContain('IdentityEvents');
    expect(dark.all('aws_cloudwatch_composite_alarm')).toHaveLength(1);
    expect(dark.all('aws_cloudwatch_metric_alarm')).toHaveLength(least.all('aws_cloudwatch_metric_alarm').length);
  });
});

describe('rows', () => {
  const text = { kind: 'text', markdown: 'x' } as const;
  const empty = { kind: 'metrics', title: 'nothing', stat: 'Sum', metrics: [] } as const;

  test('GIVEN pictures without metrics THEN they are left out, and the others take their place', () => {
    const rows: readonly Row[] = [
      { height: 2, pictures: [empty] },
      { height: 3, pictures: [text, empty, text] },
      { height: 4, pictures: [text, text], columns: [6, 18] },
    ];
    expect(widgetsOf(rows, 'eu-central-1').map(({ x, y, width, height }) => [x, y, width, height])).toEqual([
      [0, 0, 12, 3],
      [12, 0, 12, 3],
      [0, 3, 6, 4],
      [6, 3, 18, 4],
    ]);
  });
});
