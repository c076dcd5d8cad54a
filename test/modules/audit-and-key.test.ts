/** The audit trail, the key of all log groups, tags, and names. */
import { expect, test } from 'vitest';
import { auditRecord } from '../../handlers/audit/audit-record.ts';
import { deletion, revisions } from '../audit/audited.ts';
import { created, synthesize } from './integration.ts';

const directories = [{ created, securityLog: { managed: true } }] as const;
const template = synthesize({ tags: { CostCentre: 'identity' }, directories });

test('GIVEN the audit trail WHEN synthesized THEN it has an encrypted log group of its own, kept longer than twelve months', () => {
  const group = template.one('aws_cloudwatch_log_group', { name: '/ad-lambda/test/audit' });
  expect(group).toMatchObject({
    retention_in_days: 400,
    kms_key_id: template.reference('aws_kms_key', { description: 'log groups of ad-lambda test' }, 'arn'),
  });
  expect(template.lambda('ad-lambda-test-record-audit').environment.variables.AUDIT_LOG_GROUP).toBe(
    template.reference('aws_cloudwatch_log_group', { name: '/ad-lambda/test/audit' }, 'name'),
  );
  expect(
    synthesize({ auditRetentionDays: 3653 }).one('aws_cloudwatch_log_group', { name: '/ad-lambda/test/audit' }).retention_in_days,
  ).toBe(3653);
});

test('GIVEN every identity event WHEN synthesized THEN it reaches record-audit by a queue', () => {
  expect(
    template.one('aws_cloudwatch_event_target', {
      rule: template.reference('aws_cloudwatch_event_rule', { name: 'ad-lambda-test-record-audit' }, 'name'),
    }).arn,
  ).toBe(template.queueArn('ad-lambda-test-record-audit'));
  expect(
    template.one('aws_lambda_event_source_mapping', { function_name: template.lambdaArn('ad-lambda-test-record-audit') }),
  ).toMatchObject({
    event_source_arn: template.queueArn('ad-lambda-test-record-audit'),
    batch_size: 100,
    maximum_batching_window_in_seconds: 1,
    scaling_config: { maximum_concurrency: 5 },
  });
});

test("GIVEN the trail's bucket WHEN synthesized THEN each version is encrypted, and locked as long as the trail is kept", () => {
  const named = { bucket: 'ad-lambda-test-audit-111122223333-eu-central-1' };
  expect(template.one('aws_s3_bucket', named).object_lock_enabled).toBe(true);
  const bucket = template.reference('aws_s3_bucket', named, 'bucket');
  expect(template.one('aws_s3_bucket_object_lock_configuration', { bucket }).rule).toEqual({
    default_retention: { mode: 'GOVERNANCE', days: 400 },
  });
  expect(template.one('aws_s3_bucket_server_side_encryption_configuration', { bucket }).rule).toMatchObject([
    {
      apply_server_side_encryption_by_default: {
        sse_algorithm: 'aws:kms',
        kms_master_key_id: template.reference('aws_kms_key', { description: 'log groups of ad-lambda test' }, 'arn'),
      },
    },
  ]);
  const strict = synthesize({ auditRetentionDays: 3653, auditLock: 'compliance' });
  expect(strict.all('aws_s3_bucket_object_lock_configuration').map(({ rule }) => rule)).toEqual([
    { default_retention: { mode: 'COMPLIANCE', days: 3653 } },
  ]);
});

test('GIVEN digests WHEN synthesized THEN a key of its own signs them, which signs nothing else', () => {
  const key = template.one('aws_kms_key', { description: 'digests of the audit trail of ad-lambda test' });
  expect(key).toMatchObject({ key_usage: 'SIGN_VERIFY', customer_master_key_spec: 'ECC_NIST_P256' });
  const id = template.reference('aws_kms_key', { description: key.description }, 'key_id');
  expect(template.lambda('ad-lambda-test-close-audit').environment.variables.DIGEST_KEY_ID).toBe(id);
});

test('GIVEN the deployment WHEN synthesized THEN records name the revision of its code and of its mappings and policies', () => {
  const { CODE_REVISION, CONFIGURATION_REVISION } = template.lambda('ad-lambda-test-record-audit').environment.variables;
  expect(CODE_REVISION).toMatch(/^[0-9a-f]{64}$/);
  expect(template.all('aws_s3_object').map(({ key }) => key)).toContain(CONFIGURATION_REVISION);
});

test('GIVEN the table for Athena WHEN synthesized THEN its partitions are those of the keys, and its columns those of a record', () => {
  const table = template.one('aws_glue_catalog_table', { name: 'records' });
  expect(table.partition_keys.map(({ name }: { name: string }) => name)).toEqual(['year', 'month', 'day', 'hour']);
  const location = table.parameters['storage.location.template'] as string;
  expect(location.endsWith('/records/year=$${year}/month=$${month}/day=$${day}/hour=$${hour}/')).toBe(true);
  const columns = table.storage_descriptor.columns.map(({ name }: { name: string }) => name);
  const record = auditRecord(deletion, '2025-03-01T10:00:02.000Z', revisions);
  const unread = new Set(['category_name', 'category_uid', 'type_name']);
  expect(Object.keys(record).filter((name) => !unread.has(name) && !columns.includes(name))).toEqual([]);
});

test('GIVEN the log group WHEN synthesized THEN what looks like a credential is masked in it', () => {
  const policy = JSON.parse(template.one('aws_cloudwatch_log_data_protection_policy', {}).policy_document);
  const [audited, masked] = policy.Statement;
  expect(masked.Operation).toEqual({ Deidentify: { MaskConfig: {} } });
  expect(masked.DataIdentifier).toEqual(audited.DataIdentifier);
  expect(masked.DataIdentifier).toContain('arn:aws:dataprotection::aws:data-identifier/AwsSecretKey');
});

test("GIVEN the key WHEN synthesized THEN it rotates, and CloudWatch Logs may use it for this environment's log groups alone", () => {
  const key = template.one('aws_kms_key', { description: 'log groups of ad-lambda test' });
  expect(key.enable_key_rotation).toBe(true);
  const logs = JSON.parse(key.policy).Statement.find((statement: { Sid: string }) => statement.Sid === 'CloudWatchLogsEncrypts');
  expect(logs.Principal).toEqual({ Service: 'logs.eu-central-1.amazonaws.com' });
  const patterns: string[] = logs.Condition.ArnLike['kms:EncryptionContext:aws:logs:arn'];
  const matches = (name: string) =>
    patterns.some((pattern) =>
      new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(`arn:aws:logs:eu-central-1:111122223333:log-group:${name}`),
    );
  const encrypted = template.all('aws_cloudwatch_log_group').filter((group) => group.kms_key_id !== undefined);
  expect(encrypted.length).toBeGreaterThan(5);
  for (const group of encrypted) expect(matches(group.name), group.name).toBe(true);
  expect(matches('/aws/lambda/another')).toBe(false);
  expect(matches('/ad-lambda/prod/audit')).toBe(false);
});

test('GIVEN tags WHEN synthesized THEN every resource that takes tags has them', () => {
  const untagged = new Set([
    'aws_athena_named_query',
    'aws_cloudwatch_event_archive',
    'aws_cloudwatch_event_target',
    'aws_cloudwatch_log_data_protection_policy',
    'aws_cloudwatch_log_metric_filter',
    'aws_cloudwatch_log_resource_policy',
    'aws_cloudwatch_log_subscription_filter',
    'aws_cloudwatch_query_definition',
    'aws_directory_service_log_subscription',
    'aws_cloudwatch_dashboard',
    'aws_glue_catalog_table',
    'aws_iam_role_policy',
    'aws_kms_alias',
    'aws_lambda_function_event_invoke_config',
    'aws_lambda_permission',
    'aws_s3_bucket_lifecycle_configuration',
    'aws_s3_bucket_object_lock_configuration',
    'aws_s3_bucket_policy',
    'aws_s3_bucket_public_access_block',
    'aws_s3_bucket_server_side_encryption_configuration',
    'aws_s3_bucket_versioning',
    'aws_scheduler_schedule',
    'aws_sqs_queue_policy',
  ]);
  for (const type of template.types) {
    if (untagged.has(type)) continue;
    for (const resource of template.all(type)) {
      expect(resource.tags, type).toEqual({ Project: 'ad-lambda', Environment: 'test', CostCentre: 'identity' });
    }
  }
});

test('GIVEN another environment and prefix WHEN synthesized THEN no name of one is a name of the other', () => {
  // Their names count within their role, log group or database.
  const named = (type: string) => !['aws_iam_role_policy', 'aws_cloudwatch_log_metric_filter', 'aws_glue_catalog_table'].includes(type);
  const names = (from: typeof template) =>
    from.types
      .filter(named)
      .flatMap((type) => from.all(type).flatMap((one) => [one.name, one.bucket, one.function_name, one.alarm_name, one.policy_name]))
      .filter((name) => name && !name.startsWith('$'));
  const other = new Set(names(synthesize({ name: 'prod', prefix: 'corp-identity', directories })));
  expect(names(template).length).toBeGreaterThan(40);
  for (const name of names(template)) expect(other, name).not.toContain(name);
});

test('GIVEN an environment WHEN synthesized THEN no data source asks an account at plan time', () => {
  expect(synthesize().json.data).toBeUndefined();
});

test.each([
  [{}, '400'],
  [{ auditRetentionDays: 7 }, '65'],
  [{ archiveRetentionDays: 730 }, '765'],
] as const)('GIVEN %j WHEN synthesized THEN an event that is replayed from the archive is still known as recorded', (props, days) => {
  expect(synthesize(props).lambda('ad-lambda-test-record-audit').environment.variables.AUDIT_KEEP_DAYS).toBe(days);
});
