/** The bus: archive, rules by the catalogue, and nothing undeliverable lost. */
import type { Construct } from 'constructs';
import { expect, test } from 'vitest';
import { catalogue, type EventSource, eventSources, type IdentityEventType } from '../../handlers/events/catalogue.ts';
import { IdentityBus, type IdentityRuleProps, IntegrationEnvironment, MessageQueue } from '../../modules/index.ts';
import { leastProps, synthesize } from './integration.ts';
import { Template } from './template.ts';

const template = synthesize();

function build(rules: (scope: Construct, bus: IdentityBus, queue: MessageQueue) => void, archiveRetentionDays?: number): Template {
  return Template.synthesize((stack) => {
    const environment = new IntegrationEnvironment(stack, 'environment', leastProps);
    const bus = new IdentityBus(stack, 'bus', { environment, ...(archiveRetentionDays === undefined ? {} : { archiveRetentionDays }) });
    rules(stack, bus, new MessageQueue(stack, 'queue', { environment, name: 'offboarding' }));
  });
}

const pattern = (from: Template, rule: string) => JSON.parse(from.one('aws_cloudwatch_event_rule', { name: rule }).event_pattern);

test('GIVEN the rule of decide-access WHEN synthesized THEN it takes the directory events of people and groups, their passwords, and the snapshot', () => {
  const types = Object.entries(catalogue).flatMap(([type, { source }]) => (source === 'active-directory.directory' ? [type] : []));
  const { source, 'detail-type': detailTypes } = pattern(template, 'ad-lambda-test-decide-access');
  expect(source).toEqual(['active-directory.directory']);
  const decisive = types.filter((type) => type.startsWith('User') || type.startsWith('Group'));
  expect(decisive.length).toBeGreaterThan(20);
  expect([...detailTypes].sort()).toEqual([...decisive, 'PasswordChanged', 'DirectorySnapshotCompleted'].sort());
  // Amazon EventBridge User Guide, "Quotas": an event pattern has up to 2,048 characters.
  expect(template.one('aws_cloudwatch_event_rule', { name: 'ad-lambda-test-decide-access' }).event_pattern.length).toBeLessThan(2048);
});

test('GIVEN the rule of record-audit WHEN synthesized THEN it takes every event of the catalogue', () => {
  const { source, ...others } = pattern(template, 'ad-lambda-test-record-audit');
  expect(others).toEqual({});
  for (const event of Object.values(catalogue)) expect(source).toContain(event.source);
});

test('GIVEN a rule by types of two domains WHEN synthesized THEN its pattern names both sources and just these types', () => {
  const own = build((scope, bus, queue) =>
    bus.rule(scope, 'offboarding', { types: ['UserDeleted', 'RoleRevoked', 'UserDisabled'], queue }),
  );
  expect(pattern(own, 'ad-lambda-test-offboarding')).toEqual({
    source: ['active-directory.directory', 'active-directory.roles'],
    'detail-type': ['UserDeleted', 'RoleRevoked', 'UserDisabled'],
  });
});

test.each([
  ['decide-access', 'DeliverDecideAccess'],
  ['record-audit', 'DeliverRecordAudit'],
])('GIVEN the rule of %s WHEN synthesized THEN EventBridge may deliver for it alone, and keep what it cannot', (part, sid) => {
  const name = `ad-lambda-test-${part}`;
  const rule = template.reference('aws_cloudwatch_event_rule', { name }, 'arn');
  const deliver = (queue: string) => ({
    Sid: sid,
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: ['sqs:SendMessage'],
    Resource: [template.queueArn(queue)],
    Condition: { ArnEquals: { 'aws:SourceArn': rule } },
  });
  const { DenyWithoutTls, ...others } = template.queueStatements(name);
  expect(DenyWithoutTls).toBeDefined();
  expect(others).toEqual({ [sid]: deliver(name) });
  expect(template.queueStatements('ad-lambda-test-undeliverable-dead-letters')[sid]).toEqual(
    deliver('ad-lambda-test-undeliverable-dead-letters'),
  );
  expect(template.one('aws_cloudwatch_event_target', { arn: template.queueArn(name) })).toMatchObject({
    rule: template.reference('aws_cloudwatch_event_rule', { name }, 'name'),
    event_bus_name: template.reference('aws_cloudwatch_event_bus', {}, 'name'),
    dead_letter_config: { arn: template.queueArn('ad-lambda-test-undeliverable-dead-letters') },
  });
});

test('GIVEN two rules to one queue WHEN synthesized THEN its policy has a statement for each', () => {
  const two = build((scope, bus, queue) => {
    bus.rule(scope, 'leavers', { types: ['UserDeleted'], queue });
    bus.rule(scope, 'roles', { sources: ['active-directory.roles'], queue });
  });
  expect(Object.keys(two.queueStatements('ad-lambda-test-offboarding'))).toEqual(['DenyWithoutTls', 'DeliverLeavers', 'DeliverRoles']);
});

test('GIVEN the bus WHEN synthesized THEN its archive keeps events for 30 days, or as long as said', () => {
  const bus = template.reference('aws_cloudwatch_event_bus', {}, 'arn');
  expect(template.one('aws_cloudwatch_event_archive')).toMatchObject({ event_source_arn: bus, retention_days: 30 });
  expect(build(() => {}, 365).one('aws_cloudwatch_event_archive').retention_days).toBe(365);
});

test('GIVEN the bus WHEN undeliverable events are kept THEN an alarm says so', () => {
  const alarm = template.one('aws_cloudwatch_metric_alarm', { alarm_name: 'ad-lambda-test-undeliverable-dead-letters-not-empty' });
  expect(alarm).toMatchObject({ metric_name: 'ApproximateNumberOfMessagesVisible', threshold: 1, treat_missing_data: 'notBreaching' });
});

test('fails WHEN a rule names no type or no source', () => {
  const rule = (props: Omit<IdentityRuleProps, 'queue'>) =>
    build((scope, bus, queue) => bus.rule(scope, 'nothing', { ...props, queue } as IdentityRuleProps));
  expect(() => rule({ types: [] as unknown as [IdentityEventType] })).toThrow(/types is empty: name the event types/);
  expect(() => rule({ sources: [] as unknown as [EventSource] })).toThrow(/sources is empty: name the sources/);
});

test('GIVEN the catalogue WHEN modules build patterns THEN its sources are the ones its events have', () => {
  expect([...new Set(Object.values(catalogue).map(({ source }) => source))].sort()).toEqual([...eventSources].sort());
});
