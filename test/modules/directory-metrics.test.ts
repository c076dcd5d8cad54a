/** Metrics from the functions' logs, and the alarms on them. */
import { describe, expect, test } from 'vitest';
import { logFilter } from '../../sandbox/aws/services/log-filter.ts';
import { existing, synthesize } from './integration.ts';
import type { Arguments } from './template.ts';

const template = synthesize({
  alarmActions: ['arn:aws:sns:eu-central-1:111122223333:on-call'],
  directories: [{ existing, schedule: 'rate(5 minutes)', securityLog: { logGroupName: '/corp/security' } }],
});
const groupOf = (part: string) => template.reference('aws_cloudwatch_log_group', { name: `/aws/lambda/ad-lambda-test-${part}` }, 'name');

/** What the filters of a log group make of a line: metric and value. */
function counted(part: string, line: object): readonly (readonly [metric: string, value: string, dimensions: unknown])[] {
  return template
    .all('aws_cloudwatch_log_metric_filter')
    .filter((filter) => filter.log_group_name === groupOf(part) && logFilter(filter.pattern)(JSON.stringify(line)))
    .map(({ metric_transformation: metric }) => [metric.name, metric.value, metric.dimensions] as const);
}

describe('metrics of a directory', () => {
  const domain = 'corp.example.com';
  const Domain = { Domain: '$.domain' };

  test.each([
    [
      { message: 'POLL_DONE', domain, lagSeconds: 60, objects: 3, written: 2, pages: 1 },
      ['LagSeconds $.lagSeconds', 'Objects $.objects', 'Changes $.written', 'Pages $.pages'],
    ],
    [{ message: 'LEASE_HELD', domain }, ['Skipped 1']],
    [{ message: 'DIRECTORY_UNREACHABLE', domain, lagSeconds: 120 }, ['LagSeconds $.lagSeconds', 'Unreachable 1']],
    [{ message: 'FULL_SYNC', domain }, ['FullSyncs 1']],
    [{ message: 'CURSOR_REFUSED', domain }, ['FullSyncs 1']],
    [{ message: 'MIRROR_INCOMPLETE', domain }, ['FullSyncs 1']],
    [{ message: 'VERIFIED', domain, unproven: 0 }, ['Unproven $.unproven']],
    [{ message: 'GUARD_TRIPPED', domain, unproven: 0 }, ['GuardTripped 1']],
    [{ message: 'GUARD_HELD', domain, approval: 'a', gone: 3 }, ['GuardTripped 1']],
    [{ message: 'CONTAINER_MOVED', domain }, []],
  ])('GIVEN the line %j THEN it counts as %j', (line, expected) => {
    const found = counted('detect-changes-corp', line);
    expect(found.map(([metric, value]) => `${metric} ${value}`).sort()).toEqual([...expected].sort());
    for (const [, , dimensions] of found) expect(dimensions).toEqual(Domain);
  });

  test('GIVEN lines of the other two functions THEN they count by log group, and without a dimension', () => {
    const dropped = { 'not-an-event': 0, 'other-event-id': 1, 'cut-off': 2, 'too-large': 0, hostile: 0, malformed: 0 };
    const read = counted('read-security-log', { message: 'SECURITY_LOG_READ', logGroup: '/corp/security', events: 1, hints: 1, dropped });
    expect(read.map(([metric, value]) => `${metric} ${value}`).sort()).toEqual([
      'ActorHints $.hints',
      'SecurityEvents $.events',
      'SecurityEventsCutOff $.dropped.cut-off',
      'SecurityEventsHostile $.dropped.hostile',
      'SecurityEventsMalformed $.dropped.malformed',
      'SecurityEventsTooLarge $.dropped.too-large',
    ]);
    for (const [, , dimensions] of read) expect(dimensions).toEqual({ LogGroup: '$.logGroup' });
    expect(counted('publish-changes', { message: 'CHANGES_PUBLISHED', events: 4, actors: 1 })).toEqual([
      ['Events', '$.events', undefined],
      ['EventsWithActor', '$.actors', undefined],
    ]);
  });

  test('GIVEN the filters WHEN synthesized THEN they are in the namespace of the environment or of a target below it, and none with a dimension has a default', () => {
    for (const { metric_transformation: metric } of template.all('aws_cloudwatch_log_metric_filter')) {
      expect(metric.namespace).toMatch(/^ad-lambda\/test(?:\/identity-center)?$/);
      expect(metric).not.toHaveProperty('default_value');
    }
  });
});

describe('alarms of a directory', () => {
  const alarm = (kind: string): Arguments =>
    template.one('aws_cloudwatch_metric_alarm', { alarm_name: `ad-lambda-test-detect-changes-corp-${kind}` });

  test('GIVEN a poll each five minutes WHEN the third in a row fails, or three are missing THEN the lag alarm rings', () => {
    expect(alarm('lag')).toMatchObject({
      metric_name: 'LagSeconds',
      threshold: 750,
      comparison_operator: 'GreaterThanThreshold',
      period: 300,
      evaluation_periods: 3,
      datapoints_to_alarm: 1,
      treat_missing_data: 'breaching',
    });
  });

  test('GIVEN no domain controller answers in two of three polls THEN an alarm rings; silence is none', () => {
    expect(alarm('unreachable')).toMatchObject({
      metric_name: 'Unreachable',
      statistic: 'Sum',
      period: 300,
      evaluation_periods: 3,
      datapoints_to_alarm: 2,
      treat_missing_data: 'notBreaching',
    });
  });

  test('GIVEN the guard trips THEN an alarm rings at once, and stays while polls say that it holds something back', () => {
    expect(alarm('guard-tripped')).toMatchObject({
      metric_name: 'GuardTripped',
      datapoints_to_alarm: 1,
      treat_missing_data: 'notBreaching',
    });
  });

  test('GIVEN a poll each hour WHEN the guard holds something back THEN the alarm looks over more than an hour', () => {
    const hourly = synthesize({ directories: [{ existing, schedule: 'rate(60 minutes)' }] });
    const guard = hourly.one('aws_cloudwatch_metric_alarm', { alarm_name: 'ad-lambda-test-detect-changes-corp-guard-tripped' });
    expect(guard.period * guard.evaluation_periods).toBeGreaterThan(3600);
  });

  test.each(['lag', 'unreachable', 'guard-tripped'])(
    'GIVEN the alarm on %s THEN it is of the domain, reaches on-call, and says what to do first',
    (kind) => {
      const { dimensions, namespace, alarm_actions: actions, alarm_description: description } = alarm(kind);
      expect({ dimensions, namespace, actions }).toEqual({
        dimensions: { Domain: 'corp.example.com' },
        namespace: 'ad-lambda/test',
        actions: ['arn:aws:sns:eu-central-1:111122223333:on-call'],
      });
      expect(description).toMatch(/^(?:[a-z].*)?corp\.example\.com.*: read .*\/aws\/lambda\/ad-lambda-test-detect-changes-corp/);
      // CloudWatch API Reference, PutMetricAlarm.
      expect(description.length).toBeLessThanOrEqual(1024);
    },
  );
});
