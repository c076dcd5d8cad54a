/** What holds state: whether it is destroyed, and what protects it. */
import type { PlannedChange } from '../plan.ts';
import { textAt, unknownText, valueAt } from '../plan-values.ts';
import type { Check } from '../reviewed.ts';
import { emptied, fromTo, isEmpty, isGone, isPlanned, lowered, ofEach, stays, turned } from './changed-values.ts';

/** Types that hold what no apply brings back, and what that is. */
export const stateful: Readonly<Record<string, string>> = {
  aws_dynamodb_table: 'its items',
  aws_s3_bucket: 'its objects',
  aws_kms_key: 'everything that it encrypted',
  aws_kms_replica_key: 'everything that it encrypted',
  aws_secretsmanager_secret: 'its versions',
  aws_secretsmanager_secret_version: 'the value',
  aws_cloudwatch_log_group: 'its log events',
  aws_cloudwatch_event_archive: 'the archived events',
  aws_sqs_queue: 'the messages that wait in it',
  aws_directory_service_directory: 'the directory',
  aws_cloudformation_stack: 'what the stack made: the directory',
};

export const stateDestroyed: Check = ofEach(Object.keys(stateful), ({ type, action, forcedBy }) => {
  const lost = `${stateful[type]} would be lost`;
  if (action === 'replace') return `it is replaced${forcedBy.length === 0 ? '' : ` because of ${forcedBy.join(', ')}`}: ${lost}`;
  if (action === 'forget') return 'it is taken out of the state, and nobody manages it any more';
  return action === 'delete' ? `it is deleted: ${lost}` : undefined;
});

export const deletionProtectionRemoved: Check = ofEach(Object.keys(stateful), (change) => {
  if (!stays(change)) return undefined;
  return [
    turned(change, 'deletion_protection_enabled', true),
    turned(change, 'force_destroy', false),
    lowered(change, 'recovery_window_in_days'),
    lowered(change, 'deletion_window_in_days'),
    fewerKept(change),
  ].filter((one) => one !== undefined);
});

/** Resources that a stack keeps when it goes (AWS CloudFormation User Guide, "DeletionPolicy attribute"). */
function fewerKept({ type, before, after }: PlannedChange): string | undefined {
  if (type !== 'aws_cloudformation_stack') return undefined;
  const kept = (text: string | undefined) => (text ?? '').match(/"(?:Deletion|UpdateReplace)Policy"\s*:\s*"Retain"/g)?.length ?? 0;
  const [old, next] = [kept(textAt(before, 'template_body')), kept(textAt(after, 'template_body'))];
  return next < old && textAt(after, 'template_body') !== undefined
    ? fromTo('DeletionPolicy Retain in the template', old, next)
    : undefined;
}

export const recoveryOff: Check = ofEach(['aws_dynamodb_table'], (change) => {
  if (stays(change)) return turned(change, 'point_in_time_recovery.0.enabled', true);
  return change.action === 'create' && valueAt(change.after, 'point_in_time_recovery.0.enabled') !== true
    ? 'it is created without point-in-time recovery'
    : undefined;
});

const retentionTypes = [
  ...['aws_cloudwatch_log_group', 'aws_cloudwatch_event_archive', 'aws_sqs_queue'],
  ...['aws_s3_bucket_lifecycle_configuration', 'aws_s3_bucket_object_lock_configuration'],
];

export const retentionLowered: Check = ofEach(retentionTypes, (change) => {
  if (change.type === 'aws_s3_bucket_object_lock_configuration') return lockWeakened(change);
  // A rule that is new expires what was kept for good.
  if (change.type === 'aws_s3_bucket_lifecycle_configuration') return expiresSooner(change);
  if (!stays(change)) return undefined;
  return [
    lowered(change, 'retention_in_days', true),
    lowered(change, 'retention_days', true),
    lowered(change, 'message_retention_seconds'),
  ].filter((one) => one !== undefined);
});

function lockWeakened(change: PlannedChange): readonly string[] {
  if (isGone(change)) return ['Object Lock is taken off'];
  const retention = 'rule.0.default_retention.0';
  const [old, next] = [change.before, change.after].map((values) => textAt(values, `${retention}.mode`));
  return [
    old === 'COMPLIANCE' && next !== 'COMPLIANCE' && stays(change) ? fromTo('mode', old, next) : undefined,
    lowered(change, `${retention}.days`),
    lowered(change, `${retention}.years`),
  ].filter((one) => one !== undefined);
}

function expiresSooner({ before, after, action }: PlannedChange): readonly string[] {
  if (action !== 'update' && action !== 'replace') return [];
  const daysOf = (rules: unknown) =>
    new Map(
      (Array.isArray(rules) ? rules : []).flatMap((rule) =>
        valueAt(rule, 'status') === 'Disabled'
          ? []
          : ['expiration.0.days', 'noncurrent_version_expiration.0.noncurrent_days'].map((path) => {
              const days = valueAt(rule, path);
              return [`${textAt(rule, 'id')}: ${path}`, typeof days === 'number' && days > 0 ? days : Number.POSITIVE_INFINITY] as const;
            }),
      ),
    );
  const [old, next] = [daysOf(before?.rule), daysOf(after?.rule)];
  return [...next].flatMap(([name, days]) => {
    const was = old.get(name) ?? Number.POSITIVE_INFINITY;
    return days < was ? [fromTo(name, Number.isFinite(was) ? was : null, days)] : [];
  });
}

const keyAttributes: Readonly<Record<string, string>> = {
  aws_cloudwatch_log_group: 'kms_key_id',
  aws_sqs_queue: 'kms_master_key_id',
  aws_sns_topic: 'kms_master_key_id',
  aws_secretsmanager_secret: 'kms_key_id',
  aws_dynamodb_table: 'server_side_encryption.0.kms_key_arn',
  aws_lambda_function: 'kms_key_arn',
  aws_cloudwatch_event_bus: 'kms_key_identifier',
};

const encryption = 'aws_s3_bucket_server_side_encryption_configuration';

export const encryptionWeakened: Check = ofEach([...Object.keys(keyAttributes), 'aws_kms_key', encryption], (change) => {
  const { type, action, before, after } = change;
  if (type === encryption) return bucketEncryption(change);
  if (type === 'aws_sqs_queue' && isPlanned(change) && valueAt(after, 'sqs_managed_sse_enabled') === false) {
    const key = valueAt(after, 'kms_master_key_id');
    const wasPlain =
      action === 'update' && valueAt(before, 'sqs_managed_sse_enabled') === false && isEmpty(valueAt(before, 'kms_master_key_id'));
    if (isEmpty(key) && !wasPlain) return 'messages are not encrypted at rest';
  }
  if (!stays(change)) return undefined;
  return [
    emptied(change, keyAttributes[type] ?? 'kms_key_id'),
    turned(change, 'server_side_encryption.0.enabled', true),
    turned(change, 'enable_key_rotation', true),
    turned(change, 'is_enabled', true),
  ].filter((one) => one !== undefined);
});

function bucketEncryption(change: PlannedChange): string | undefined {
  if (isGone(change)) return 'the encryption of the bucket is taken off';
  const path = 'rule.0.apply_server_side_encryption_by_default.0';
  const [old, next] = [change.before, change.after].map((values) => textAt(values, `${path}.sse_algorithm`));
  if (old?.startsWith('aws:kms') && !next?.startsWith('aws:kms') && next !== unknownText) return fromTo('sse_algorithm', old, next);
  return stays(change) ? emptied(change, `${path}.kms_master_key_id`) : undefined;
}

const blocks = ['block_public_acls', 'block_public_policy', 'ignore_public_acls', 'restrict_public_buckets'];

export const publicAccessOpened: Check = ofEach(
  [
    'aws_s3_bucket_public_access_block',
    'aws_s3_account_public_access_block',
    'aws_s3_bucket_acl',
    'aws_s3_bucket',
    'aws_lambda_function_url',
  ],
  (change) => {
    const { type, after } = change;
    if (type === 'aws_lambda_function_url')
      return isPlanned(change) && valueAt(after, 'authorization_type') === 'NONE'
        ? 'the URL of a function asks for no credentials'
        : undefined;
    if (type === 'aws_s3_bucket_acl' || type === 'aws_s3_bucket') {
      const acl = textAt(after, 'acl');
      return acl?.startsWith('public-') || acl === 'authenticated-read' ? `the ACL is ${acl}` : undefined;
    }
    if (isGone(change)) return 'the block of public access is taken off';
    return blocks
      .filter((name) => valueAt(after, name) !== true && valueAt(after, name) !== unknownText)
      .map((name) => `${name} is not true`);
  },
);

export const versioningOff: Check = ofEach(['aws_s3_bucket_versioning'], (change) => {
  if (isGone(change)) return 'versioning is taken off';
  const path = 'versioning_configuration.0.status';
  const [old, next] = [valueAt(change.before, path), valueAt(change.after, path)];
  return old === 'Enabled' && next !== 'Enabled' ? fromTo(path, old, next) : undefined;
});
