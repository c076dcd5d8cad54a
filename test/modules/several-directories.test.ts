/** Several directories in one environment: each with its own way, account, function and alarms; what they share is told apart by domain. */
import { expect, test } from 'vitest';
import { objectKey } from '../../handlers/directory/mirror.ts';
import { created, existing, synthesize } from './integration.ts';
import { tableCalls } from './table-calls.ts';

const sales = { ...existing, domain: 'sales.example.com', ldapsUrls: ['ldaps://dc1.sales.example.com'] } as const;
const template = synthesize({
  roleMappings: [{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers', domains: ['corp.example.com'] }],
  directories: [
    { existing, reaction: 'security-log', securityLog: { logGroupName: '/corp/security' } },
    { existing: sales, name: 'emea', schedule: 'rate(10 minutes)', securityLog: { logGroupName: '/sales/security' } },
    { created: { ...created, domain: 'lab.example.com', shortName: 'LAB' } },
  ],
});
const name = (part: string) => `ad-lambda-test-${part}`;
const directories = ['corp', 'emea', 'lab'];

test('GIVEN three directories WHEN synthesized THEN each has a detect-changes, and what follows the mirror is there once', () => {
  const functions = template.all('aws_lambda_function').map((lambda) => lambda.function_name);
  expect(functions.filter((one) => one.includes('detect-changes')).sort()).toEqual(directories.map((one) => name(`detect-changes-${one}`)));
  expect(functions).toHaveLength(directories.length + 9);
  for (const table of ['directory', 'actors', 'grants', 'roles']) template.one('aws_dynamodb_table', { name: name(table) });
});

test('GIVEN the domains WHEN synthesized THEN each function has its own domain, secret and way', () => {
  const settings = directories.map((one) => template.lambda(name(`detect-changes-${one}`)));
  expect(settings.map(({ environment }) => environment.variables.DIRECTORY_DOMAIN)).toEqual([
    'corp.example.com',
    'sales.example.com',
    'lab.example.com',
  ]);
  expect(new Set(settings.map(({ environment }) => environment.variables.BIND_SECRET_ARN)).size).toBe(3);
  expect(new Set(settings.map(({ vpc_config }) => vpc_config.security_group_ids[0])).size).toBe(3);
  expect(template.all('aws_secretsmanager_secret').map((secret) => secret.name)).toEqual(
    directories.map((one) => `/ad-lambda/test/bind/${one}`),
  );
});

test("GIVEN each directory's function WHEN synthesized THEN it may read its own bind secret and no other's", () => {
  for (const one of directories) {
    const { ReadBindSecret } = template.statements(name(`detect-changes-${one}`));
    expect(ReadBindSecret?.Resource).toEqual([
      template.reference('aws_secretsmanager_secret', { name: `/ad-lambda/test/bind/${one}` }, 'arn'),
    ]);
  }
});

test("GIVEN each directory's function WHEN it calls the shared table THEN it reaches the partitions of its own domain and no other's", () => {
  const allowed = tableCalls(template, name('detect-changes-corp'), name('directory'));
  for (const operation of ['BatchGetItem', 'PutItem', 'Query', 'UpdateItem']) {
    expect(allowed(operation, [objectKey('corp.example.com', 'a').pk]), operation).toBe(true);
    expect(allowed(operation, [objectKey('sales.example.com', 'a').pk]), operation).toBe(false);
    expect(allowed(operation, [objectKey('corp.example.com', 'a').pk, objectKey('sales.example.com', 'a').pk]), operation).toBe(false);
    expect(allowed(operation, []), `${operation} of no key`).toBe(false);
  }
  expect(allowed('Scan', [])).toBe(true);
  // The indexes hold keys alone.
  for (const index of ['listing', 'due']) expect(allowed('Query', [], index), index).toBe(true);
});

test('GIVEN the schedules WHEN synthesized THEN each polls its own directory as often as said, by a role that invokes nothing else', () => {
  const schedules = directories.map((one) => template.one('aws_scheduler_schedule', { name: name(`poll-directory-${one}`) }));
  expect(schedules.map((one) => one.schedule_expression)).toEqual(['rate(5 minutes)', 'rate(10 minutes)', 'rate(1 minute)']);
  for (const [index, one] of directories.entries()) {
    const arn = template.lambdaArn(name(`detect-changes-${one}`));
    expect(schedules[index]?.target.arn).toBe(arn);
    expect(template.statements(name(`poll-directory-${one}`)).InvokeFunction?.Resource).toEqual([arn]);
  }
});

test('GIVEN two Security logs WHEN synthesized THEN one function reads both, and wakes only the directory that reacts to its log', () => {
  const corp = template.reference('aws_lambda_function', { function_name: name('detect-changes-corp') }, 'function_name');
  expect(JSON.parse(template.lambda(name('read-security-log')).environment.variables.SECURITY_LOGS)).toEqual([
    { logGroup: '/corp/security', wake: corp },
    { logGroup: '/sales/security' },
  ]);
  expect(template.statements(name('read-security-log')).WakeDetectChanges?.Resource).toEqual([
    template.lambdaArn(name('detect-changes-corp')),
  ]);
  expect(template.all('aws_cloudwatch_log_subscription_filter')).toHaveLength(2);
  expect(template.all('aws_lambda_permission').map((one) => one.source_arn)).toEqual([
    'arn:aws:logs:eu-central-1:111122223333:log-group:/corp/security:*',
    'arn:aws:logs:eu-central-1:111122223333:log-group:/sales/security:*',
  ]);
});

test('GIVEN no name WHEN synthesized THEN a directory is called by the first label of its domain, in lower case', () => {
  const upper = synthesize({ directories: [{ existing: { ...existing, domain: 'CORP-2.Example.com' } }] });
  expect(upper.lambda(name('detect-changes-corp-2')).environment.variables.DIRECTORY_DOMAIN).toBe('CORP-2.Example.com');
});

test('GIVEN a directory named like a part of the watch WHEN synthesized THEN both are there', () => {
  for (const odd of ['table', 'security-log', 'publish-changes'])
    expect(synthesize({ directories: [{ existing, name: odd }] }).lambda(name(`detect-changes-${odd}`))).toBeDefined();
});
