/** Targets: what each has of its own, what they share, and that none reaches what is another's. */
import { TerraformVariable } from 'cdktf';
import { describe, expect, test } from 'vitest';
import { parseTargetSettings } from '../../handlers/roles/target-settings.ts';
import { ActiveDirectoryIntegration, checkedTargets, RoleSync, type TargetProps } from '../../modules/index.ts';
import { accountAccess, leastProps, scim, synthesize } from './integration.ts';
import { tableCalls } from './table-calls.ts';
import { Template } from './template.ts';

const name = (part: string) => `ad-lambda-test-${part}`;
const roleMappings = [
  { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers', targets: ['identity-center', 'wiki'] },
] as const;
const targets = [{ identityCenter: accountAccess }, { name: 'wiki', scim }] as const;
const template = synthesize({ targets, roleMappings: roleMappings as never });
const both = ['identity-center', 'wiki'] as const;
const targetOf = (from: Template, function_: string) => parseTargetSettings(from.lambda(name(function_)).environment.variables.TARGET);

test('GIVEN a target that was taken out WHEN access is reviewed THEN what was made there is still looked up, and nothing of it written', () => {
  const ledger = tableCalls(template, name('review-access'), name('roles'));
  const asked = ['identity-center#corp.example.com#a', 'taken-out#corp.example.com#a'];
  expect(ledger('BatchGetItem', asked)).toBe(true);
  expect(['PutItem', 'UpdateItem', 'DeleteItem', 'Scan'].filter((operation) => ledger(operation, asked))).toEqual([]);
});

describe.each(both)('the target %s', (target) => {
  const queue = name(`sync-roles-${target}.fifo`);

  test('GIVEN decisions WHEN synthesized THEN they go to a FIFO queue of its own, ordered by principal, that its sync-roles consumes', () => {
    expect(template.one('aws_sqs_queue', { name: queue })).toMatchObject({
      fifo_queue: true,
      content_based_deduplication: false,
      deduplication_scope: 'messageGroup',
      fifo_throughput_limit: 'perMessageGroupId',
      visibility_timeout_seconds: 720,
    });
    expect(
      template.one('aws_lambda_event_source_mapping', { function_name: template.lambdaArn(name(`sync-roles-${target}`)) }),
    ).toMatchObject({ event_source_arn: template.queueArn(queue), batch_size: 10, scaling_config: { maximum_concurrency: 5 } });
    const url = template.reference('aws_sqs_queue', { name: queue }, 'url');
    for (const one of ['decide-access', 'settle-guard']) {
      expect(JSON.parse(template.lambda(name(one)).environment.variables.ROLE_QUEUES)[target], one).toBe(url);
    }
    for (const one of ['sync-roles', 'reconcile'])
      expect(template.lambda(name(`${one}-${target}`)).environment.variables.ROLE_QUEUE_URL, one).toBe(url);
  });

  test('GIVEN a schedule WHEN synthesized THEN reconcile is called each five minutes, and decides itself whether a run is due', () => {
    expect(template.one('aws_scheduler_schedule', { name: name(`schedule-reconcile-${target}`) })).toMatchObject({
      schedule_expression: 'rate(5 minutes)',
      target: { arn: template.lambdaArn(name(`reconcile-${target}`)), input: '{}', retry_policy: { maximum_retry_attempts: 0 } },
    });
    const reconcile = template.lambda(name(`reconcile-${target}`));
    expect(reconcile.timeout).toBeLessThan(300);
    expect(reconcile.environment.variables).toMatchObject({ RECONCILE_MODE: 'heal', RECONCILE_EVERY_MINUTES: '60' });
    const functionName = template.reference('aws_lambda_function', { function_name: name(`reconcile-${target}`) }, 'function_name');
    expect(template.one('aws_lambda_function_event_invoke_config', { function_name: functionName }).maximum_retry_attempts).toBe(0);
  });

  test('invariant 9: GIVEN its functions WHEN they call the shared tables THEN they reach what is the target’s own, and no other’s', () => {
    const other = both.find((one) => one !== target) ?? '';
    const ledger = tableCalls(template, name(`sync-roles-${target}`), name('roles'));
    const run = tableCalls(template, name(`reconcile-${target}`), name('roles'));
    for (const operation of ['GetItem', 'PutItem', 'UpdateItem']) {
      expect(ledger(operation, [`${target}#corp.example.com#a`]), operation).toBe(true);
      expect(ledger(operation, [`${other}#corp.example.com#a`]), operation).toBe(false);
      expect(ledger(operation, []), operation).toBe(false);
      for (const own of ['reconcile', 'budget#identitystore:ListUsers']) expect(run(operation, [`${target}#${own}`]), own).toBe(true);
      for (const key of [`${other}#reconcile`, `${other}#corp.example.com#a`]) expect(run(operation, [key]), key).toBe(false);
      // What sync-roles made, reconcile reads and never writes.
      expect(run(operation, [`${target}#corp.example.com#a`]), operation).toBe(operation === 'GetItem');
    }
    for (const one of ['sync-roles', 'reconcile']) {
      const grants = tableCalls(template, name(`${one}-${target}`), name('grants'));
      for (const operation of ['PutItem', 'UpdateItem', 'Query']) {
        expect(grants(operation, [`guard#${target}`]), `${one} ${operation}`).toBe(true);
        for (const key of [`guard#${other}`, `guard#${target}-2`, 'corp.example.com#a', 'revalidation'])
          expect(grants(operation, [key]), `${one} ${operation} ${key}`).toBe(false);
      }
      expect(grants('GetItem', ['corp.example.com#a']), one).toBe(one === 'sync-roles');
      expect(grants('Scan', []), one).toBe(one === 'reconcile');
    }
  });

  test('GIVEN drift reports WHEN synthesized THEN reconcile writes those of its target alone', () => {
    const reports = template.reference('aws_s3_bucket', { bucket: name('reports-111122223333-eu-central-1') }, 'arn');
    expect(template.statements(name(`reconcile-${target}`)).KeepReports?.Resource).toEqual([`${reports}/reconcile/${target}/*`]);
  });

  test('GIVEN what its functions log WHEN synthesized THEN each of it that a person has to see raises an alarm', () => {
    const namespace = `ad-lambda/test/${target}`;
    const alarms = template.all('aws_cloudwatch_metric_alarm').filter((alarm) => alarm.namespace === namespace);
    expect(alarms.map((alarm) => alarm.metric_name).sort()).toEqual([
      'ChangesFailed',
      'DriftNeedsPerson',
      'GuardTripped',
      'ReconcileIncomplete',
      'RoleLagSeconds',
    ]);
    const counted = template
      .all('aws_cloudwatch_log_metric_filter')
      .filter((filter) => filter.metric_transformation.namespace === namespace)
      .map((filter) => filter.metric_transformation.name);
    for (const alarm of alarms) expect(counted, alarm.metric_name).toContain(alarm.metric_name);
    for (const alarm of alarms) expect(alarm.alarm_description.length, alarm.alarm_name).toBeLessThanOrEqual(1024);
    const tripped = alarms.find(({ metric_name }) => metric_name === 'GuardTripped');
    expect(tripped?.alarm_description).toContain('"npm run guard -- list --environment test --prefix ad-lambda"');
  });
});

describe('the settings', () => {
  test('GIVEN nothing but the kind WHEN synthesized THEN both functions of the target read the same settings, complete with their defaults', () => {
    const least = synthesize();
    const settings = targetOf(least, 'sync-roles-identity-center');
    expect(settings).toMatchObject({
      name: 'identity-center',
      kind: 'identity-center',
      settings: { identityStoreId: 'd-1234567890', callsPerSecond: 19 },
      onInactive: 'deactivate',
      onDeleted: 'delete',
      guard: { revocations: { hour: { most: 100, share: 0.1 } }, accounts: { run: { most: 20, share: 0.1 } }, expiryHours: 24 },
    });
    expect(targetOf(least, 'reconcile-identity-center')).toEqual(settings);
    expect(least.lambda(name('sync-roles-identity-center')).environment.variables.TARGET_SECRET_ARN).toBe('none');
  });

  test('GIVEN everything WHEN synthesized THEN the functions are told it as it was written', () => {
    const props: TargetProps = {
      name: 'people',
      identityCenter: accountAccess,
      onInactive: 'keep',
      onDeleted: 'deactivate',
      attributes: { userName: 'mail' },
      guard: { revocations: { run: { most: 5 } }, expiryHours: 8 },
      reconcile: { everyMinutes: 30, mode: 'report' },
    };
    const given = synthesize({ targets: [props] });
    expect(targetOf(given, 'sync-roles-people')).toMatchObject({
      name: 'people',
      settings: accountAccess,
      onInactive: 'keep',
      onDeleted: 'deactivate',
      attributes: { userName: 'mail' },
      guard: { revocations: { run: { most: 5, share: 0.25 } }, accounts: { run: { most: 20 } }, expiryHours: 8 },
    });
    expect(given.lambda(name('reconcile-people')).environment.variables).toMatchObject({
      RECONCILE_MODE: 'report',
      RECONCILE_EVERY_MINUTES: '30',
    });
  });

  test('GIVEN an endpoint that is known only at apply WHEN synthesized THEN the settings refer to it', () => {
    const later = Template.synthesize((stack) => {
      const endpoint = new TerraformVariable(stack, 'scim_endpoint', { type: 'string' }).stringValue;
      new ActiveDirectoryIntegration(stack, 'integration', { ...leastProps, targets: [{ scim: { ...scim, endpoint } }] });
    });
    expect(targetOf(later, 'sync-roles-scim').settings).toMatchObject({ endpoint: `\${var.scim_endpoint}` });
  });

  test('GIVEN a setting with what Terraform reads as a template WHEN synthesized THEN it is doubled and so stands for itself', () => {
    const authentication = { clientCredentials: { tokenUrl: 'https://login.example.com/token', scope: 'a%{b}' } };
    const odd = synthesize({ targets: [{ scim: { ...scim, authentication } }] });
    expect(odd.lambda(name('sync-roles-scim')).environment.variables.TARGET).toContain('a%%{b}');
  });
});

describe('secrets', () => {
  test('invariant 10: GIVEN a kind that needs one WHEN synthesized THEN it is created without a value, and only its own functions read it', () => {
    const secret = template.reference('aws_secretsmanager_secret', { name: '/ad-lambda/test/target/wiki' }, 'arn');
    for (const one of ['sync-roles-wiki', 'reconcile-wiki']) {
      expect(template.lambda(name(one)).environment.variables.TARGET_SECRET_ARN, one).toBe(secret);
      expect(template.statements(name(one)).ReadTargetSecret?.Resource, one).toEqual([secret]);
    }
    const readers = template
      .all('aws_iam_role')
      .map((role) => role.name)
      .filter((role) => JSON.stringify(template.statements(role)).includes(secret));
    expect(readers.sort()).toEqual([name('reconcile-wiki'), name('sync-roles-wiki')]);
    expect(template.types).not.toContain('aws_secretsmanager_secret_version');
  });

  test("GIVEN a team's own WHEN synthesized THEN none is created", () => {
    const secretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:wiki/scim-d4E5f6';
    const own = synthesize({ targets: [{ scim: { ...scim, secretArn } }] });
    expect(own.lambda(name('sync-roles-scim')).environment.variables.TARGET_SECRET_ARN).toBe(secretArn);
    expect(own.lambda(name('sync-roles-scim')).environment.variables.TARGET).not.toContain('secretArn');
    expect(own.all('aws_secretsmanager_secret').map((secret) => secret.name)).toEqual(['/ad-lambda/test/bind/corp']);
  });
});

describe('approvals', () => {
  const approvalKey = {
    key_usage: 'SIGN_VERIFY',
    description: 'approvals of ad-lambda test: whoever may sign with it may approve what a guard holds back',
  };
  test('GIVEN the key WHEN synthesized THEN it signs, stays, and settle-guard may only verify with it', () => {
    const key = template.one('aws_kms_key', approvalKey);
    expect(key).toMatchObject({
      customer_master_key_spec: 'ECC_NIST_P256',
      deletion_window_in_days: 30,
      lifecycle: { prevent_destroy: true },
    });
    // Rotation is for symmetric keys (AWS KMS Developer Guide, "Rotate AWS KMS keys").
    expect(key.enable_key_rotation).toBeUndefined();
    expect(template.one('aws_kms_alias', { name: 'alias/ad-lambda-test-approvals' })).toBeDefined();
    const signing = template
      .all('aws_iam_role')
      .flatMap((role) => Object.values(template.statements(role.name)).flatMap(({ Action }) => Action))
      .filter((action) => /^kms:(?:Sign|\*)/.test(action));
    // close-audit signs digests of the audit trail, with a key of its own.
    expect(signing).toEqual(['kms:Sign']);
    const closing = Object.values(template.statements(name('close-audit'))).find(({ Action }) => Action.includes('kms:Sign'));
    expect(closing?.Resource).toEqual([
      template.reference('aws_kms_key', { description: 'digests of the audit trail of ad-lambda test' }, 'arn'),
    ]);
  });

  test('GIVEN an environment made to be thrown away WHEN synthesized THEN the key goes with it', () => {
    const key = synthesize({ deletionProtection: false }).one('aws_kms_key', approvalKey);
    expect(key).toMatchObject({ deletion_window_in_days: 7, lifecycle: { prevent_destroy: false } });
  });

  test('GIVEN GuardDecided on the bus WHEN synthesized THEN settle-guard gets it and nothing else', () => {
    expect(JSON.parse(template.one('aws_cloudwatch_event_rule', { name: name('settle-guard') }).event_pattern)).toEqual({
      source: ['active-directory.approval'],
      'detail-type': ['GuardDecided'],
    });
    const guards = tableCalls(template, name('settle-guard'), name('grants'));
    for (const target of both) expect(guards('UpdateItem', [`guard#${target}`])).toBe(true);
    expect(guards('GetItem', ['corp.example.com#a'])).toBe(false);
  });
});

test('GIVEN drift reports WHEN synthesized THEN they are kept for 400 days', () => {
  const bucket = template.reference('aws_s3_bucket', { bucket: 'ad-lambda-test-reports-111122223333-eu-central-1' }, 'bucket');
  expect(template.one('aws_s3_bucket_lifecycle_configuration', { bucket }).rule).toMatchObject([
    { status: 'Enabled', expiration: [{ days: 400 }] },
  ]);
});

test('GIVEN targets that are called like parts of the integration WHEN synthesized THEN no two resources of a kind have one name', () => {
  const names = ['settle-guard', 'decide-access', 'corp', 'roles', 'reconcile', 'identity-center'];
  const odd = synthesize({
    targets: names.map((one) => ({ name: one, scim })) as never,
    roleMappings: roleMappings.map((mapping) => ({ ...mapping, targets: names })) as never,
  });
  for (const type of odd.types.filter((one) => !['aws_iam_role_policy', 'aws_cloudwatch_log_metric_filter'].includes(one))) {
    const taken = odd.all(type).flatMap((one) => one.function_name ?? one.alarm_name ?? one.name ?? []);
    if (type === 'aws_lambda_event_source_mapping' || type === 'aws_lambda_function_event_invoke_config') continue;
    expect(new Set(taken).size, type).toBe(taken.length);
  }
  // Within a log group.
  const filters = odd.all('aws_cloudwatch_log_metric_filter').map((filter) => `${filter.log_group_name} ${filter.name}`);
  expect(new Set(filters).size).toBe(filters.length);
});

test('fails WHEN two RoleSyncs want the same decisions', () => {
  const twice = () =>
    Template.synthesize((stack) => {
      const { environment, bus, access } = new ActiveDirectoryIntegration(stack, 'integration', leastProps);
      new RoleSync(stack, 'more-roles', { environment, bus, access, targets: checkedTargets(leastProps.targets, environment) });
    });
  expect(twice).toThrow(/decisions of test\/integration\/access are delivered to .+: one RoleSync makes them so/);
});
