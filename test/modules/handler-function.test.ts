/** What holds for every function, whatever its domain. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { decideAccessEnvironment } from '../../handlers/access/decide-access/environment.ts';
import { closeAuditEnvironment } from '../../handlers/audit/close-audit/environment.ts';
import { recordAuditEnvironment } from '../../handlers/audit/record-audit/environment.ts';
import { rotateCredentialEnvironment } from '../../handlers/credentials/rotate-credential/environment.ts';
import { detectChangesEnvironment } from '../../handlers/directory/detect-changes/environment.ts';
import { publishChangesEnvironment } from '../../handlers/directory/publish-changes/environment.ts';
import { readSecurityLogEnvironment } from '../../handlers/directory/read-security-log/environment.ts';
import { type FunctionName, functions } from '../../handlers/functions.ts';
import { reconcileEnvironment } from '../../handlers/roles/reconcile/environment.ts';
import { reviewAccessEnvironment } from '../../handlers/roles/review-access/environment.ts';
import { settleGuardEnvironment } from '../../handlers/roles/settle-guard/environment.ts';
import { syncRolesEnvironment } from '../../handlers/roles/sync-roles/environment.ts';
import { HandlerFunction, IntegrationEnvironment } from '../../modules/index.ts';
import { credentialEndpoints, existing, leastProps, synthesize, wikiCredential } from './integration.ts';
import { Template } from './template.ts';

const template = synthesize({
  alarmActions: ['arn:aws:sns:eu-central-1:111122223333:on-call'],
  logRetentionDays: 30,
  directories: [{ existing, securityLog: { logGroupName: '/corp/domain-controllers/security' } }],
  credentials: [{ rotate: [wikiCredential], endpoints: credentialEndpoints }],
});
const names = Object.keys(functions) as FunctionName[];
/** Each directory has a detect-changes of its own, each target the functions that speak with it. */
const instances: Partial<Record<FunctionName, string>> = {
  'detect-changes': '-corp',
  'sync-roles': '-identity-center',
  reconcile: '-identity-center',
  'rotate-credential': '-corp',
};
const deployed = (name: FunctionName) => `ad-lambda-test-${name}${instances[name] ?? ''}`;
const variables: Readonly<Record<FunctionName, readonly string[]>> = {
  'detect-changes': detectChangesEnvironment,
  'publish-changes': publishChangesEnvironment,
  'read-security-log': readSecurityLogEnvironment,
  'decide-access': decideAccessEnvironment,
  'sync-roles': syncRolesEnvironment,
  reconcile: reconcileEnvironment,
  'settle-guard': settleGuardEnvironment,
  'review-access': reviewAccessEnvironment,
  'rotate-credential': rotateCredentialEnvironment,
  'record-audit': recordAuditEnvironment,
  'close-audit': closeAuditEnvironment,
};

test('GIVEN an integration WHEN synthesized THEN it has each function of the project once', () => {
  expect(
    template
      .all('aws_lambda_function')
      .map((lambda) => lambda.function_name)
      .sort(),
  ).toEqual(names.map(deployed).sort());
});

describe.each(names)('GIVEN %s WHEN synthesized THEN', (name) => {
  const lambda = template.lambda(deployed(name));
  const deadLetters = `${deployed(name)}-dead-letters${name === 'sync-roles' ? '.fifo' : ''}`;

  test('its environment is exactly the list it reads', () => {
    expect(Object.keys(lambda.environment.variables).sort()).toEqual([...variables[name]].sort());
    for (const value of Object.values(lambda.environment.variables)) expect(value).not.toBe('');
  });

  test('its code is the built zip, told by the hash of its bytes', () => {
    const zip = readFileSync(new URL(`../../dist/handlers/${functions[name]}/${name}.zip`, import.meta.url));
    const hash = createHash('sha256').update(zip);
    expect(lambda.source_code_hash).toBe(hash.copy().digest('base64'));
    expect(lambda.filename).toMatch(new RegExp(`^assets/[^/]+/${hash.digest('hex')}/${name}\\.zip$`));
  });

  test('it runs on Node 22, arm64, traced, with JSON logs', () => {
    expect(lambda).toMatchObject({
      runtime: 'nodejs22.x',
      architectures: ['arm64'],
      handler: 'index.handler',
      tracing_config: { mode: 'Active' },
      logging_config: {
        log_format: 'JSON',
        log_group: template.reference('aws_cloudwatch_log_group', { name: `/aws/lambda/${deployed(name)}` }, 'name'),
      },
    });
  });

  test('its log group is its own, encrypted and kept as long as said', () => {
    expect(template.one('aws_cloudwatch_log_group', { name: `/aws/lambda/${deployed(name)}` })).toMatchObject({
      retention_in_days: 30,
      kms_key_id: template.reference('aws_kms_key', { description: 'log groups of ad-lambda test' }, 'arn'),
    });
  });

  test('its role is its own, taken by Lambda alone', () => {
    expect(lambda.role).toBe(template.reference('aws_iam_role', { name: deployed(name) }, 'arn'));
    const trust = JSON.parse(template.one('aws_iam_role', { name: deployed(name) }).assume_role_policy);
    expect(trust.Statement).toEqual([
      { Sid: 'AssumedByService', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: ['sts:AssumeRole'] },
    ]);
  });

  test('its errors and its dead letters raise alarms that reach the alarm actions', () => {
    const alarms = [
      template.one('aws_cloudwatch_metric_alarm', { alarm_name: `${deployed(name)}-errors` }),
      template.one('aws_cloudwatch_metric_alarm', { alarm_name: `${deadLetters}-not-empty` }),
    ];
    expect(alarms[0]?.dimensions).toEqual({ FunctionName: deployed(name) });
    expect(alarms[1]?.dimensions).toEqual({ QueueName: deadLetters });
    // A call each five minutes is in one of five datapoints.
    expect(alarms[0]).toMatchObject({ evaluation_periods: 5, datapoints_to_alarm: lambda.dead_letter_config ? 1 : 2 });
    for (const alarm of alarms) expect(alarm.alarm_actions).toEqual(['arn:aws:sns:eu-central-1:111122223333:on-call']);
  });

  test('what finally fails ends in its dead-letter queue', () => {
    const arn = template.queueArn(deadLetters);
    const asynchronous = lambda.dead_letter_config?.target_arn;
    const stream = template
      .all('aws_lambda_event_source_mapping')
      .find((source) => source.function_name === template.lambdaArn(deployed(name)))?.destination_config?.on_failure.destination_arn;
    const queues = template
      .all('aws_sqs_queue')
      .filter((queue) => queue.redrive_policy && JSON.parse(queue.redrive_policy).deadLetterTargetArn === arn);
    // rotate-credential is called both ways.
    expect(new Set([asynchronous, stream, ...queues.map(() => arn)].filter(Boolean))).toEqual(new Set([arn]));
  });
});

test('GIVEN the functions WHEN synthesized THEN only those that speak LDAP are in the VPC and only detect-changes is limited to one at a time', () => {
  const inVpc = template.all('aws_lambda_function').filter((lambda) => lambda.vpc_config);
  expect(inVpc.map((lambda) => lambda.function_name).sort()).toEqual([
    'ad-lambda-test-detect-changes-corp',
    'ad-lambda-test-rotate-credential-corp',
  ]);
  const limited = template.all('aws_lambda_function').filter((lambda) => lambda.reserved_concurrent_executions !== undefined);
  expect(limited.map((lambda) => [lambda.function_name, lambda.reserved_concurrent_executions])).toEqual([
    ['ad-lambda-test-detect-changes-corp', 1],
  ]);
});

test('GIVEN each event source WHEN synthesized THEN failures are reported item by item', () => {
  expect(template.all('aws_lambda_event_source_mapping')).toHaveLength(6);
  for (const source of template.all('aws_lambda_event_source_mapping')) {
    expect(source.function_response_types).toEqual(['ReportBatchItemFailures']);
  }
});

test('GIVEN each queue WHEN synthesized THEN it is encrypted and refuses calls without TLS', () => {
  for (const queue of template.all('aws_sqs_queue')) {
    expect(queue.sqs_managed_sse_enabled, queue.name).toBe(true);
    expect(template.queueStatements(queue.name).DenyWithoutTls, queue.name).toMatchObject({
      Effect: 'Deny',
      Principal: '*',
      Action: ['sqs:*'],
      Resource: [template.queueArn(queue.name)],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    });
  }
});

test('GIVEN a queue that feeds a function WHEN synthesized THEN a message stays hidden six times as long as the function may run', () => {
  for (const source of template.all('aws_lambda_event_source_mapping')) {
    const queue = template.all('aws_sqs_queue').find(({ name }) => template.queueArn(name) === source.event_source_arn);
    if (!queue) continue;
    const lambda = template.all('aws_lambda_function').find((one) => template.lambdaArn(one.function_name) === source.function_name);
    expect(queue.visibility_timeout_seconds, queue.name).toBe(6 * lambda?.timeout);
    expect(JSON.parse(queue.redrive_policy).maxReceiveCount).toBe(20);
  }
});

const build = (variables: Readonly<Record<string, string>>, grantTwice = false) =>
  Template.synthesize((stack) => {
    const scope = new Construct(stack, 'scope');
    const environment = new IntegrationEnvironment(scope, 'environment', leastProps);
    const lambda = new HandlerFunction(scope, 'function', {
      environment,
      function: 'record-audit',
      variables,
      invocation: 'queue',
      timeoutSeconds: 60,
    });
    const statement = {
      Sid: 'Once',
      Effect: 'Allow',
      Action: ['sqs:SendMessage'],
      Resource: ['arn:aws:sqs:eu-central-1:111122223333:x'],
    } as const;
    lambda.allow(statement);
    if (grantTwice) lambda.allow(statement);
  });

test('fails WHEN environment variables exceed the 4 KB of Lambda', () => {
  expect(() => build({ AUDIT_LOG_GROUP: 'x'.repeat(4082) })).toThrow(
    /environment variables of record-audit take 4097 bytes, Lambda allows 4096/,
  );
  expect(() => build({ AUDIT_LOG_GROUP: 'x'.repeat(4081) })).not.toThrow();
});

test('fails WHEN one statement is granted twice', () => {
  expect(() => build({ AUDIT_LOG_GROUP: 'x' }, true)).toThrow(
    /statement "Once" was given to ad-lambda-test-record-audit twice: grant it once/,
  );
});
