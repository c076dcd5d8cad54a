/** The Security log: who may write it, who is told of it, and what a change in it wakes. */
import { describe, expect, test } from 'vitest';
import { eventIdsOfInterest } from '../../handlers/directory/security-log/event-ids.ts';
import type { WatchedDirectoryProps } from '../../modules/index.ts';
import { logFilter } from '../../sandbox/aws/services/log-filter.ts';
import { created, existing, synthesize } from './integration.ts';

const name = (part: string) => `ad-lambda-test-${part}`;
const logGroupName = '/corp/domain-controllers/security';
const watching = (...directories: readonly [WatchedDirectoryProps, ...WatchedDirectoryProps[]]) => synthesize({ directories });

const own = watching({ existing, reaction: 'security-log', securityLog: { logGroupName } });
const managed = watching({ created, reaction: 'security-log', securityLog: { managed: true } });
const hintsOnly = watching({ existing, securityLog: { logGroupName } });
const none = synthesize();

describe('a log group that exists', () => {
  test('GIVEN its name WHEN synthesized THEN CloudWatch Logs may invoke read-security-log for it, before its filter is made', () => {
    const reader = own.lambdaArn(name('read-security-log'));
    expect(own.one('aws_lambda_permission')).toMatchObject({
      function_name: own.reference('aws_lambda_function', { function_name: name('read-security-log') }, 'function_name'),
      action: 'lambda:InvokeFunction',
      principal: 'logs.amazonaws.com',
      source_arn: `arn:aws:logs:eu-central-1:111122223333:log-group:${logGroupName}:*`,
      source_account: '111122223333',
    });
    const [permission] = Object.keys(own.json.resource.aws_lambda_permission ?? {});
    expect(own.one('aws_cloudwatch_log_subscription_filter')).toMatchObject({
      log_group_name: logGroupName,
      destination_arn: reader,
      depends_on: [`aws_lambda_permission.${permission}`],
    });
    expect(own.types).not.toContain('aws_cloudwatch_log_resource_policy');
    expect(own.all('aws_cloudwatch_log_group').map((group) => group.name)).not.toContain(logGroupName);
  });

  test('GIVEN the filter WHEN a Security log passes it THEN events that read-security-log knows come through, and log-ons do not', () => {
    const { filter_pattern: pattern } = own.one('aws_cloudwatch_log_subscription_filter');
    // CloudWatch Logs API Reference, PutSubscriptionFilter.
    expect(pattern.length).toBeLessThanOrEqual(1024);
    const passes = logFilter(pattern);
    expect(eventIdsOfInterest.length).toBeGreaterThan(30);
    for (const id of eventIdsOfInterest) {
      expect(passes(`<System><EventID>${id}</EventID></System>`), String(id)).toBe(true);
      expect(passes(`<System>\n  <EventID Qualifiers=''>${id}</EventID>\n</System>`), String(id)).toBe(true);
    }
    for (const id of [4624, 4634, 4768, 4769]) expect(passes(`<EventID>${id}</EventID>`), String(id)).toBe(false);
  });
});

describe('a log that AWS Directory Service forwards', () => {
  const group = managed.one('aws_cloudwatch_log_group', { name: '/aws/directoryservice/ad-lambda-test-corp' });
  const reference = (attribute: string) => managed.reference('aws_cloudwatch_log_group', { name: group.name }, attribute);

  test('GIVEN a created directory WHEN synthesized THEN the service may write to its group alone, for this account, before it is told to', () => {
    const [policy, ...others] = managed.all('aws_cloudwatch_log_resource_policy');
    expect(others).toEqual([]);
    expect(JSON.parse(policy?.policy_document).Statement).toEqual([
      {
        Sid: 'DirectoryServiceForwards',
        Effect: 'Allow',
        Principal: { Service: 'ds.amazonaws.com' },
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: [`${reference('arn')}:*`],
        Condition: { StringEquals: { 'aws:SourceAccount': '111122223333' } },
      },
    ]);
    const [stack] = Object.keys(managed.json.resource.aws_cloudformation_stack ?? {});
    const [policyName] = Object.keys(managed.json.resource.aws_cloudwatch_log_resource_policy ?? {});
    expect(managed.one('aws_directory_service_log_subscription')).toMatchObject({
      directory_id: `\${aws_cloudformation_stack.${stack}.outputs["DirectoryId"]}`,
      log_group_name: reference('name'),
      depends_on: [`aws_cloudwatch_log_resource_policy.${policyName}`],
    });
  });

  test('GIVEN its group WHEN synthesized THEN it is kept as long as other logs, and read-security-log is told of it', () => {
    expect(group.retention_in_days).toBe(90);
    expect(managed.one('aws_cloudwatch_log_subscription_filter').log_group_name).toBe(reference('name'));
    expect(managed.one('aws_lambda_permission').source_arn).toBe(`${reference('arn')}:*`);
    expect(JSON.parse(managed.lambda(name('read-security-log')).environment.variables.SECURITY_LOGS)).toEqual([
      {
        logGroup: reference('name'),
        wake: managed.reference('aws_lambda_function', { function_name: name('detect-changes-corp') }, 'function_name'),
      },
    ]);
  });

  test('GIVEN an existing AWS Managed Microsoft AD WHEN it is named by its id THEN its log is forwarded too', () => {
    const template = watching({ existing: { ...existing, directoryId: 'd-9067f0a1b2' }, securityLog: { managed: true } });
    expect(template.one('aws_directory_service_log_subscription').directory_id).toBe('d-9067f0a1b2');
  });
});

describe('the reaction', () => {
  const schedule = (template: typeof own) =>
    template.one('aws_scheduler_schedule', { name: 'ad-lambda-test-poll-directory-corp' }).schedule_expression;

  test('GIVEN reaction "security-log" WHEN synthesized THEN the schedule is the net below, unless said otherwise', () => {
    expect([none, hintsOnly, own].map(schedule)).toEqual(['rate(1 minute)', 'rate(1 minute)', 'rate(5 minutes)']);
    const often = watching({ existing, reaction: 'security-log', securityLog: { logGroupName }, schedule: 'rate(2 minutes)' });
    expect(schedule(often)).toBe('rate(2 minutes)');
  });

  test('GIVEN a Security log without that reaction WHEN synthesized THEN it tells who did it, and may wake nobody', () => {
    expect(JSON.parse(hintsOnly.lambda(name('read-security-log')).environment.variables.SECURITY_LOGS)).toEqual([
      { logGroup: logGroupName },
    ]);
    expect(Object.keys(hintsOnly.statements(name('read-security-log')))).not.toContain('WakeDetectChanges');
    expect(Object.keys(hintsOnly.statements(name('read-security-log')))).not.toContain('TakeTurns');
    expect(Object.keys(hintsOnly.statements(name('detect-changes-corp')))).toContain('ReadHints');
  });

  test('GIVEN read-security-log WHEN synthesized THEN it is outside the VPC, short, and its hints are forgotten by themselves', () => {
    expect(own.lambda(name('read-security-log'))).toMatchObject({ timeout: 30 });
    expect(own.lambda(name('read-security-log'))).not.toHaveProperty('vpc_config');
    expect(own.one('aws_dynamodb_table', { name: name('actors') })).toMatchObject({
      hash_key: 'pk',
      range_key: 'sk',
      ttl: { attribute_name: 'expiresAt', enabled: true },
    });
    expect(JSON.parse(own.lambda(name('detect-changes-corp')).environment.variables.CAPTURE)).toEqual({ actorsTable: name('actors') });
  });

  test('GIVEN no Security log WHEN synthesized THEN there is nothing of it', () => {
    expect(none.all('aws_dynamodb_table').map((table) => table.name)).not.toContain(name('actors'));
    expect(none.all('aws_lambda_function').map((lambda) => lambda.function_name)).not.toContain(name('read-security-log'));
    expect(none.types).not.toContain('aws_cloudwatch_log_subscription_filter');
    expect(none.lambda(name('detect-changes-corp')).environment.variables.CAPTURE).toBe('{}');
  });
});
