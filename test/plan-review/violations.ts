/** For each rule: plans that violate it, and plans that come near and do not. */
import { stateful } from '../../modules/plan-review/checks/state.ts';
import {
  type Attributes,
  allow,
  created,
  deleted,
  forgotten,
  newRolePolicy,
  policy,
  queue,
  type ResourceChange,
  replaced,
  unchanged,
  updated,
} from './plans.ts';

interface Cases {
  readonly violating: readonly (readonly ResourceChange[])[];
  readonly fine: readonly (readonly ResourceChange[])[];
}

const each = (...changes: readonly ResourceChange[]): readonly (readonly ResourceChange[])[] => changes.map((change) => [change]);

const rolePolicy = (before: string, after: string) => updated('aws_iam_role_policy', { policy: before }, { policy: after });
const queuePolicy = (before: string, after: string) => updated('aws_sqs_queue_policy', { policy: before }, { policy: after });
const send = policy(allow('sqs:SendMessage', queue));
const denied = {
  Sid: 'DenyWithoutTls',
  Effect: 'Deny',
  Principal: '*',
  Action: ['sqs:*'],
  Resource: [queue],
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
};
const byEvents = allow('sqs:SendMessage', queue, { Principal: { Service: 'events.amazonaws.com' } });

const lambda = (before: Attributes, after: Attributes) =>
  updated('aws_lambda_function', { function_name: 'ad-lambda-prod-sync-roles', ...before }, after);
const variables = (one: Attributes) => ({ environment: [{ variables: one }] });
const target = (guard: object) => variables({ TARGET: JSON.stringify({ name: 'wiki', guard }) });
const guard = (most: number, share: number, expiryHours: number) => ({ revocations: { run: { most, share } }, expiryHours });

const rule = (direction: 'ingress' | 'egress', more: Attributes) =>
  created(`aws_vpc_security_group_${direction}_rule`, {
    ip_protocol: 'tcp',
    from_port: 636,
    to_port: 636,
    cidr_ipv4: null,
    cidr_ipv6: null,
    ...more,
  });
const group = { referenced_security_group_id: 'sg-0d4e5f60718293a4b' };

const alarm = {
  alarm_name: 'a',
  actions_enabled: true,
  alarm_actions: ['arn:aws:sns:eu-central-2:111122223333:on-call'],
  comparison_operator: 'GreaterThanOrEqualToThreshold',
  threshold: 1,
  evaluation_periods: 5,
  datapoints_to_alarm: 1,
  period: 60,
  metric_name: 'Errors',
};
const flowAlarm = { alarm_name: 'flow', alarm_rule: 'ALARM("lag") OR ALARM("errors")' };
const rotation = (schedule: string) => ({ rotation_rules: [{ automatically_after_days: null, schedule_expression: schedule }] });
const settings = (everyDays: number, length: number) => ({
  item: JSON.stringify({
    pk: { S: 'settings' },
    sk: { S: 'build' },
    settings: { S: JSON.stringify({ name: 'build', everyDays, password: { length } }) },
  }),
});
const lifecycle = (days: number, noncurrent = 7, status = 'Enabled') => ({
  rule: [{ id: 'expire', status, expiration: [{ days }], noncurrent_version_expiration: [{ noncurrent_days: noncurrent }] }],
});
const lock = (mode: string, days: number) => ({ rule: [{ default_retention: [{ mode, days, years: null }] }] });
const sse = (algorithm: string, key: string) => ({
  rule: [{ apply_server_side_encryption_by_default: [{ sse_algorithm: algorithm, kms_master_key_id: key }] }],
});
const table = {
  name: 't',
  deletion_protection_enabled: true,
  point_in_time_recovery: [{ enabled: true }],
  server_side_encryption: [{ enabled: true, kms_key_arn: 'arn:aws:kms:eu-central-2:111122223333:key/k' }],
};
const blocked = { block_public_acls: true, block_public_policy: true, ignore_public_acls: true, restrict_public_buckets: true };
const kept = (resources: object) => ({ template_body: JSON.stringify({ Resources: resources }) });
const own = { AWS: 'arn:aws:iam::111122223333:root' };

export const cases: Readonly<Record<string, Cases>> = {
  'state-destroyed': {
    violating: Object.keys(stateful).flatMap((type) =>
      each(deleted(type, { name: 'x' }), replaced(type, { name: 'x' }, { name: 'y' }), forgotten(type, { name: 'x' })),
    ),
    fine: each(
      updated('aws_sqs_queue', { delay_seconds: 0 }, { delay_seconds: 1 }),
      replaced('aws_s3_object', { key: 'x' }, { key: 'y' }),
      deleted('aws_cloudwatch_event_target', {}),
    ),
  },
  'deletion-protection-removed': {
    violating: each(
      updated('aws_dynamodb_table', table, { deletion_protection_enabled: false }),
      updated('aws_s3_bucket', { force_destroy: false }, { force_destroy: true }),
      updated('aws_secretsmanager_secret', { recovery_window_in_days: 30 }, { recovery_window_in_days: 0 }),
      updated('aws_kms_key', { deletion_window_in_days: 30 }, { deletion_window_in_days: 7 }),
      updated('aws_cloudformation_stack', kept({ D: { DeletionPolicy: 'Retain' } }), kept({ D: { DeletionPolicy: 'Delete' } })),
    ),
    fine: each(
      updated('aws_dynamodb_table', { ...table, deletion_protection_enabled: false }, { deletion_protection_enabled: true }),
      created('aws_dynamodb_table', { ...table, deletion_protection_enabled: false }),
    ),
  },
  'recovery-off': {
    violating: each(
      updated('aws_dynamodb_table', table, { point_in_time_recovery: [{ enabled: false }] }),
      created('aws_dynamodb_table', { ...table, point_in_time_recovery: [] }),
    ),
    fine: each(created('aws_dynamodb_table', table), updated('aws_dynamodb_table', { ...table, point_in_time_recovery: [] }, table)),
  },
  'retention-lowered': {
    violating: each(
      updated('aws_cloudwatch_log_group', { retention_in_days: 400 }, { retention_in_days: 30 }),
      updated('aws_cloudwatch_log_group', { retention_in_days: 0 }, { retention_in_days: 3653 }),
      updated('aws_cloudwatch_event_archive', { retention_days: 90 }, { retention_days: 30 }),
      updated('aws_cloudwatch_event_archive', { retention_days: null }, { retention_days: 30 }),
      updated('aws_sqs_queue', { message_retention_seconds: 1_209_600 }, { message_retention_seconds: 60 }),
      updated('aws_s3_bucket_lifecycle_configuration', lifecycle(400), lifecycle(30)),
      updated('aws_s3_bucket_lifecycle_configuration', lifecycle(400, 7), lifecycle(400, 1)),
      updated('aws_s3_bucket_lifecycle_configuration', lifecycle(30, 7, 'Disabled'), lifecycle(30)),
      updated('aws_s3_bucket_object_lock_configuration', lock('COMPLIANCE', 400), lock('GOVERNANCE', 400)),
      updated('aws_s3_bucket_object_lock_configuration', lock('COMPLIANCE', 400), lock('COMPLIANCE', 30)),
      deleted('aws_s3_bucket_object_lock_configuration', lock('COMPLIANCE', 400)),
    ),
    fine: each(
      updated('aws_cloudwatch_log_group', { retention_in_days: 400 }, { retention_in_days: 0 }),
      updated('aws_cloudwatch_event_archive', { retention_days: 90 }, { retention_days: 0 }),
      updated('aws_s3_bucket_lifecycle_configuration', lifecycle(30), lifecycle(400)),
      updated('aws_s3_bucket_lifecycle_configuration', lifecycle(400), lifecycle(30, 7, 'Disabled')),
      created('aws_s3_bucket_lifecycle_configuration', lifecycle(30)),
      updated('aws_s3_bucket_object_lock_configuration', lock('GOVERNANCE', 30), lock('COMPLIANCE', 400)),
    ),
  },
  'versioning-off': {
    violating: each(
      updated(
        'aws_s3_bucket_versioning',
        { versioning_configuration: [{ status: 'Enabled' }] },
        { versioning_configuration: [{ status: 'Suspended' }] },
      ),
      deleted('aws_s3_bucket_versioning', {}),
    ),
    fine: each(
      updated(
        'aws_s3_bucket_versioning',
        { versioning_configuration: [{ status: 'Suspended' }] },
        { versioning_configuration: [{ status: 'Enabled' }] },
      ),
    ),
  },
  'encryption-weakened': {
    violating: each(
      updated('aws_cloudwatch_log_group', { kms_key_id: 'arn:aws:kms:eu-central-2:111122223333:key/k' }, { kms_key_id: null }),
      updated('aws_secretsmanager_secret', { kms_key_id: 'arn:aws:kms:eu-central-2:111122223333:key/k' }, { kms_key_id: '' }),
      updated(
        'aws_sqs_queue',
        { kms_master_key_id: 'alias/x', sqs_managed_sse_enabled: false },
        { kms_master_key_id: null, sqs_managed_sse_enabled: true },
      ),
      updated('aws_sqs_queue', { kms_master_key_id: null, sqs_managed_sse_enabled: true }, { sqs_managed_sse_enabled: false }),
      created('aws_sqs_queue', { kms_master_key_id: null, sqs_managed_sse_enabled: false }),
      updated('aws_sns_topic', { kms_master_key_id: 'alias/x' }, { kms_master_key_id: null }),
      updated('aws_dynamodb_table', table, { server_side_encryption: [{ enabled: true, kms_key_arn: '' }] }),
      updated('aws_dynamodb_table', table, {
        server_side_encryption: [{ enabled: false, kms_key_arn: table.server_side_encryption[0]?.kms_key_arn }],
      }),
      updated('aws_kms_key', { enable_key_rotation: true, is_enabled: true }, { enable_key_rotation: false }),
      updated('aws_kms_key', { enable_key_rotation: true, is_enabled: true }, { is_enabled: false }),
      updated('aws_s3_bucket_server_side_encryption_configuration', sse('aws:kms', 'k'), sse('AES256', '')),
      updated('aws_s3_bucket_server_side_encryption_configuration', sse('aws:kms', 'k'), sse('aws:kms', '')),
      deleted('aws_s3_bucket_server_side_encryption_configuration', sse('AES256', '')),
    ),
    fine: each(
      updated('aws_cloudwatch_log_group', { kms_key_id: null }, { kms_key_id: 'arn:aws:kms:eu-central-2:111122223333:key/k' }),
      updated('aws_s3_bucket_server_side_encryption_configuration', sse('AES256', ''), sse('aws:kms', 'k')),
      created('aws_sqs_queue', { kms_master_key_id: null, sqs_managed_sse_enabled: true }),
    ),
  },
  'public-access-opened': {
    violating: each(
      ...Object.keys(blocked).map((name) => updated('aws_s3_bucket_public_access_block', blocked, { [name]: false })),
      created('aws_s3_bucket_public_access_block', { ...blocked, block_public_acls: null }),
      deleted('aws_s3_bucket_public_access_block', blocked),
      created('aws_s3_bucket_acl', { acl: 'public-read' }),
      created('aws_lambda_function_url', { authorization_type: 'NONE' }),
    ),
    fine: each(
      created('aws_s3_bucket_public_access_block', blocked),
      created('aws_s3_bucket_acl', { acl: 'private' }),
      created('aws_lambda_function_url', { authorization_type: 'AWS_IAM' }),
    ),
  },
  'permission-widens': {
    violating: each(
      created('aws_iam_role_policy', { role: 'ad-lambda-prod-decide-access', policy: send }),
      rolePolicy(send, policy(allow(['sqs:SendMessage', 'sqs:ReceiveMessage'], queue))),
      rolePolicy(send, policy(allow('sqs:SendMessage', `${queue}*`))),
      rolePolicy(send, policy(allow('sqs:Send*', queue))),
      rolePolicy(policy(allow('sqs:SendMessage', queue, { Condition: { StringEquals: { 'aws:SourceAccount': '111122223333' } } })), send),
      rolePolicy(
        send,
        policy(allow('sqs:SendMessage', queue), { Sid: 'More', Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::a/x' }),
      ),
      rolePolicy(
        policy({ Effect: 'Allow', NotAction: ['iam:*', 'sqs:*'], Resource: queue }),
        policy({ Effect: 'Allow', NotAction: 'iam:*', Resource: queue }),
      ),
      queuePolicy(policy(byEvents), policy({ ...byEvents, Principal: { Service: ['events.amazonaws.com', 'sns.amazonaws.com'] } })),
      updated(
        'aws_iam_role',
        { assume_role_policy: policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } }) },
        {
          assume_role_policy: policy({
            Effect: 'Allow',
            Action: 'sts:AssumeRole',
            Principal: { Service: ['lambda.amazonaws.com', 'ec2.amazonaws.com'] },
          }),
        },
      ),
      updated(
        'aws_lambda_permission',
        {
          function_name: 'f',
          action: 'lambda:InvokeFunction',
          principal: 'events.amazonaws.com',
          source_arn: 'arn:aws:events:x:1:rule/a',
          statement_id: 's',
        },
        { source_arn: null },
      ),
    ),
    fine: each(
      rolePolicy(policy(allow('sqs:Send*', queue)), send),
      rolePolicy(send, policy({ ...allow(['SQS:sendmessage'], [queue]), Sid: 'Renamed' })),
      rolePolicy(
        policy(allow(['sqs:SendMessage', 'sqs:GetQueueUrl'], queue)),
        policy({ ...allow('sqs:GetQueueUrl', queue), Sid: 'A' }, { ...allow('sqs:SendMessage', queue), Sid: 'B' }),
      ),
      rolePolicy(send, policy(allow('sqs:SendMessage', queue, { Condition: { StringEquals: { 'aws:SourceAccount': '111122223333' } } }))),
      newRolePolicy(send),
      created('aws_sqs_queue_policy', { queue_url: '‹aws_sqs_queue.x.url›', policy: policy(byEvents) }),
    ),
  },
  'permission-broad-action': {
    violating: each(
      created('aws_iam_role_policy', { policy: policy(allow('*', queue)) }),
      created('aws_iam_policy', { policy: policy(allow(['sqs:SendMessage', 'dynamodb:*'], queue)) }),
      rolePolicy(send, policy({ Effect: 'Allow', NotAction: 'iam:*', Resource: queue })),
    ),
    fine: each(
      created('aws_kms_key', {
        policy: policy({ Effect: 'Allow', Principal: own, Action: 'kms:*', Resource: '*' }),
        arn: 'arn:aws:kms:eu-central-2:111122223333:key/k',
      }),
      created('aws_iam_role_policy', { policy: policy(allow('logs:Describe*', queue)) }),
      rolePolicy(policy(allow('*', queue)), policy(allow('*', queue), { Sid: 'Less', Effect: 'Deny', Action: 'iam:*', Resource: '*' })),
      created('aws_sqs_queue_policy', { policy: policy(denied) }),
    ),
  },
  'permission-every-resource': {
    violating: each(
      created('aws_iam_role_policy', { policy: policy(allow('xray:PutTraceSegments', '*')) }),
      created('aws_iam_role_policy', { policy: policy({ Effect: 'Allow', Action: 's3:GetObject', NotResource: 'arn:aws:s3:::a/*' }) }),
    ),
    fine: each(created('aws_iam_role_policy', { policy: send })),
  },
  'permission-public': {
    violating: each(
      created('aws_sqs_queue_policy', { policy: policy({ ...byEvents, Principal: '*' }) }),
      created('aws_sns_topic_policy', { policy: policy({ ...byEvents, Principal: { AWS: '*' } }) }),
      created('aws_s3_bucket_policy', { policy: policy({ ...byEvents, NotPrincipal: own, Principal: undefined }) }),
      created('aws_secretsmanager_secret_policy', {
        policy: policy({ ...byEvents, Principal: '*', Condition: { StringNotEquals: { 'aws:PrincipalAccount': '111122223333' } } }),
      }),
      created('aws_iam_role', { assume_role_policy: policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '*' } }) }),
      created('aws_lambda_permission', { function_name: 'f', action: 'lambda:InvokeFunction', principal: '*', statement_id: 's' }),
    ),
    fine: each(
      created('aws_sqs_queue_policy', {
        policy: policy({ ...byEvents, Principal: '*', Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1234567890' } } }),
      }),
      created('aws_sqs_queue_policy', { policy: policy(denied) }),
      created('aws_sqs_queue_policy', { policy: policy(byEvents) }),
    ),
  },
  'permission-other-account': {
    violating: [
      [
        created('aws_secretsmanager_secret_policy', {
          policy: policy({ ...byEvents, Principal: { AWS: 'arn:aws:iam::444455556666:role/wiki' } }),
        }),
      ],
      [
        updated(
          'aws_sqs_queue_policy',
          { policy: policy({ ...byEvents, Principal: own }) },
          { policy: policy({ ...byEvents, Principal: { AWS: ['111122223333', '444455556666'] } }) },
        ),
      ],
      [
        unchanged('aws_sqs_queue', { arn: queue }),
        created('aws_iam_role', {
          assume_role_policy: policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '444455556666' } }),
        }),
      ],
    ],
    fine: each(
      created('aws_sqs_queue_policy', { policy: policy({ ...byEvents, Principal: own }) }),
      updated(
        'aws_sqs_queue_policy',
        { policy: policy({ ...byEvents, Principal: { AWS: '444455556666' } }) },
        { policy: policy({ ...byEvents, Principal: own }) },
      ),
    ),
  },
  'permission-deny-lost': {
    violating: each(
      queuePolicy(policy(denied, byEvents), policy(byEvents)),
      deleted('aws_sqs_queue_policy', { queue_url: 'q', policy: policy(denied) }),
      queuePolicy(policy(denied), policy({ ...denied, Action: ['sqs:SendMessage'] })),
      queuePolicy(
        policy(denied),
        policy({
          ...denied,
          Condition: { Bool: { 'aws:SecureTransport': 'false' }, StringEquals: { 'aws:SourceAccount': '111122223333' } },
        }),
      ),
    ),
    fine: [
      [queuePolicy(policy(byEvents), policy(denied, byEvents))],
      [queuePolicy(policy(denied), policy({ ...denied, Condition: undefined }))],
      [deleted('aws_sqs_queue_policy', { queue_url: 'q', policy: policy(denied) }), deleted('aws_sqs_queue', { url: 'q' }, 'access_queue')],
    ],
  },
  'permission-unknown': {
    violating: each(
      rolePolicy(send, 'no JSON'),
      rolePolicy(send, policy({ Effect: 'Perhaps' })),
      updated('aws_iam_role_policy', { policy: send }, {}, 'access_thing', { after: {}, after_unknown: { policy: true } }),
    ),
    fine: each(updated('aws_sqs_queue', { policy: send }, {}, 'access_thing', { after: {}, after_unknown: { policy: true } })),
  },
  'boundary-removed': {
    violating: each(
      updated('aws_iam_role', { permissions_boundary: 'arn:aws:iam::111122223333:policy/b' }, { permissions_boundary: null }),
    ),
    fine: each(updated('aws_iam_role', { permissions_boundary: null }, { permissions_boundary: 'arn:aws:iam::111122223333:policy/b' })),
  },
  'boundary-changed': {
    violating: each(
      updated(
        'aws_iam_role',
        { permissions_boundary: 'arn:aws:iam::111122223333:policy/b' },
        { permissions_boundary: 'arn:aws:iam::111122223333:policy/c' },
      ),
    ),
    fine: each(created('aws_iam_role', { permissions_boundary: 'arn:aws:iam::111122223333:policy/b' })),
  },
  'sweeping-policy-attached': {
    violating: each(
      created('aws_iam_role_policy_attachment', { policy_arn: 'arn:aws:iam::aws:policy/AdministratorAccess' }),
      created('aws_iam_role_policy_attachment', { policy_arn: 'arn:aws:iam::aws:policy/AmazonSQSFullAccess' }),
    ),
    fine: each(
      created('aws_iam_role_policy_attachment', { policy_arn: 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole' }),
    ),
  },
  'policy-attached': {
    violating: each(
      created('aws_iam_role_policy_attachment', { policy_arn: 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole' }),
    ),
    fine: each(deleted('aws_iam_role_policy_attachment', { policy_arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' })),
  },
  'long-lived-key': {
    violating: each(created('aws_iam_access_key', { user: 'build' })),
    fine: each(deleted('aws_iam_access_key', { user: 'build' })),
  },
  'network-open': {
    violating: each(
      rule('ingress', { cidr_ipv4: '0.0.0.0/0' }),
      rule('ingress', { cidr_ipv6: '::/0' }),
      created('aws_security_group_rule', { type: 'ingress', protocol: 'tcp', from_port: 636, to_port: 636, cidr_blocks: ['0.0.0.0/0'] }),
      updated(
        'aws_security_group',
        { ingress: [] },
        { ingress: [{ protocol: 'tcp', from_port: 443, to_port: 443, cidr_blocks: ['0.0.0.0/0'] }] },
      ),
    ),
    fine: each(
      rule('ingress', group),
      rule('ingress', { cidr_ipv4: '10.0.0.0/16' }),
      deleted('aws_vpc_security_group_ingress_rule', { cidr_ipv4: '0.0.0.0/0' }),
    ),
  },
  'network-egress-open': {
    violating: each(
      rule('egress', { cidr_ipv4: '0.0.0.0/0' }),
      created('aws_security_group', { egress: [{ protocol: '-1', from_port: 0, to_port: 0, cidr_blocks: ['0.0.0.0/0'] }] }),
    ),
    fine: each(rule('egress', group)),
  },
  'network-wide-ports': {
    violating: each(
      rule('egress', { ...group, ip_protocol: '-1', from_port: null, to_port: null }),
      rule('egress', { ...group, from_port: 1, to_port: 65_535 }),
    ),
    fine: each(
      rule('egress', group),
      updated('aws_vpc_security_group_egress_rule', { ...group, ip_protocol: '-1' }, { description: 'told anew' }),
    ),
  },
  'network-plain-ldap': {
    violating: each(
      rule('egress', { ...group, from_port: 389, to_port: 389 }),
      rule('egress', { ...group, from_port: 3268, to_port: 3269 }),
    ),
    fine: each(rule('egress', group), rule('egress', { ...group, from_port: 3269, to_port: 3269 })),
  },
  'ldap-url-plain': {
    violating: each(
      lambda(
        variables({ LDAPS_URLS: 'ldaps://dc1.corp.example.com:636' }),
        variables({ LDAPS_URLS: 'ldaps://dc1.corp.example.com:636,ldap://dc2.corp.example.com' }),
      ),
    ),
    fine: each(lambda(variables({}), variables({ LDAPS_URLS: 'ldaps://dc1.corp.example.com:636' }))),
  },
  'network-path-added': {
    violating: each(
      rule('egress', group),
      updated('aws_vpc_security_group_egress_rule', { ...group, ip_protocol: 'tcp', from_port: 636, to_port: 636 }, { to_port: 637 }),
    ),
    fine: each(
      deleted('aws_vpc_security_group_egress_rule', group),
      updated('aws_vpc_security_group_egress_rule', { ...group, ip_protocol: 'tcp', from_port: 636, to_port: 640 }, { to_port: 637 }),
    ),
  },
  'function-leaves-vpc': {
    violating: each(lambda({ vpc_config: [{ subnet_ids: ['subnet-1'], security_group_ids: ['sg-1'] }] }, { vpc_config: [] })),
    fine: each(lambda({ vpc_config: [] }, { vpc_config: [{ subnet_ids: ['subnet-1'], security_group_ids: ['sg-1'] }] })),
  },
  'endpoint-open': {
    violating: each(
      created('aws_vpc_endpoint', { vpc_endpoint_type: 'Interface' }, 'directory_x', { after_unknown: { policy: true } }),
      updated(
        'aws_vpc_endpoint',
        {
          policy: policy({
            Effect: 'Allow',
            Principal: '*',
            Action: '*',
            Resource: '*',
            Condition: { StringEquals: { 'aws:PrincipalAccount': '111122223333' } },
          }),
        },
        { policy: policy({ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }) },
      ),
    ),
    fine: each(
      created('aws_vpc_endpoint', {
        policy: policy({
          Effect: 'Allow',
          Principal: '*',
          Action: '*',
          Resource: '*',
          Condition: { StringEquals: { 'aws:PrincipalAccount': '111122223333' } },
        }),
      }),
    ),
  },
  'function-code': {
    violating: each(
      lambda({ source_code_hash: 'a', runtime: 'nodejs22.x' }, { source_code_hash: 'b' }),
      lambda({ runtime: 'nodejs22.x' }, { runtime: 'nodejs24.x' }),
      lambda({ layers: null }, { layers: ['arn:aws:lambda:eu-central-2:444455556666:layer:x:1'] }),
    ),
    fine: each(lambda({ timeout: 60 }, { timeout: 30 })),
  },
  'concurrency-raised': {
    violating: each(
      lambda({ reserved_concurrent_executions: 1 }, { reserved_concurrent_executions: -1 }),
      lambda({ reserved_concurrent_executions: 1 }, { reserved_concurrent_executions: 5 }),
    ),
    fine: each(lambda({ reserved_concurrent_executions: -1 }, { reserved_concurrent_executions: 1 })),
  },
  'dead-letters-removed': {
    violating: each(
      lambda({ dead_letter_config: [{ target_arn: queue }] }, { dead_letter_config: [] }),
      updated('aws_sqs_queue', { redrive_policy: '{}' }, { redrive_policy: '' }),
      updated(
        'aws_lambda_event_source_mapping',
        { destination_config: [{ on_failure: [{ destination_arn: queue }] }] },
        { destination_config: [] },
      ),
    ),
    fine: each(lambda({ dead_letter_config: [] }, { dead_letter_config: [{ target_arn: queue }] })),
  },
  'alarm-weakened': {
    violating: each(
      deleted('aws_cloudwatch_metric_alarm', alarm),
      ...[
        { actions_enabled: false },
        { alarm_actions: [] },
        { threshold: 100 },
        { evaluation_periods: 9 },
        { datapoints_to_alarm: 3 },
        { period: 3600 },
        { metric_name: 'Invocations' },
      ].map((after) => updated('aws_cloudwatch_metric_alarm', alarm, after)),
      updated('aws_cloudwatch_metric_alarm', { ...alarm, comparison_operator: 'LessThanThreshold' }, { threshold: 0 }),
      deleted('aws_cloudwatch_composite_alarm', flowAlarm),
      updated('aws_cloudwatch_composite_alarm', flowAlarm, { alarm_rule: 'ALARM("errors")' }),
      updated('aws_cloudwatch_composite_alarm', flowAlarm, { alarm_rule: 'ALARM("errors") AND ALARM("lag")' }),
    ),
    fine: each(
      updated('aws_cloudwatch_composite_alarm', flowAlarm, { alarm_rule: 'ALARM("waiting") OR ALARM("lag") OR ALARM("errors")' }),
      updated('aws_cloudwatch_metric_alarm', { ...alarm, threshold: 5 }, { threshold: 1 }),
      created('aws_cloudwatch_metric_alarm', alarm),
    ),
  },
  'schedule-stretched': {
    violating: each(
      updated(
        'aws_scheduler_schedule',
        { schedule_expression: 'rate(1 minute)', state: 'ENABLED' },
        { schedule_expression: 'rate(1 hours)' },
      ),
      updated('aws_scheduler_schedule', { schedule_expression: 'rate(1 minute)', state: 'ENABLED' }, { state: 'DISABLED' }),
      updated(
        'aws_scheduler_schedule',
        { schedule_expression: 'cron(0 1 * * ? *)', state: 'ENABLED' },
        { schedule_expression: 'cron(0 1 1 * ? *)' },
      ),
      deleted('aws_scheduler_schedule', { schedule_expression: 'rate(1 minute)' }),
    ),
    fine: each(
      updated(
        'aws_scheduler_schedule',
        { schedule_expression: 'rate(60 minutes)', state: 'ENABLED' },
        { schedule_expression: 'rate(1 hour)' },
      ),
      updated(
        'aws_scheduler_schedule',
        { schedule_expression: 'rate(1 day)', state: 'ENABLED' },
        { schedule_expression: 'rate(23 hours)' },
      ),
    ),
  },
  'source-stopped': {
    violating: each(
      deleted('aws_cloudwatch_event_target', {}),
      updated('aws_lambda_event_source_mapping', { enabled: true }, { enabled: false }),
      updated('aws_cloudwatch_event_rule', { state: 'ENABLED', event_pattern: '{}' }, { state: 'DISABLED' }),
      updated('aws_cloudwatch_event_rule', { state: 'ENABLED', event_pattern: '{"source":["a"]}' }, { event_pattern: '{"source":["b"]}' }),
    ),
    fine: each(
      created('aws_cloudwatch_event_rule', { event_pattern: '{}' }),
      updated('aws_lambda_event_source_mapping', { enabled: true, batch_size: 1 }, { batch_size: 10 }),
    ),
  },
  'guard-raised': {
    violating: each(
      ...[guard(100, 0.25, 24), guard(50, 0.5, 24), guard(50, 0.25, 48)].map((after) => lambda(target(guard(50, 0.25, 24)), target(after))),
    ),
    fine: each(lambda(target(guard(50, 0.25, 24)), target(guard(10, 0.1, 24)))),
  },
  'rotation-weakened': {
    violating: each(
      deleted('aws_secretsmanager_secret_rotation', rotation('rate(30 days)')),
      updated('aws_secretsmanager_secret_rotation', rotation('rate(30 days)'), rotation('rate(90 days)')),
      updated(
        'aws_secretsmanager_secret_rotation',
        { rotation_rules: [{ automatically_after_days: 30 }] },
        { rotation_rules: [{ automatically_after_days: 365 }] },
      ),
      updated('aws_secretsmanager_secret_rotation', { rotation_enabled: true }, { rotation_enabled: false }),
      updated('aws_dynamodb_table_item', settings(30, 32), settings(90, 32)),
      updated('aws_dynamodb_table_item', settings(30, 32), settings(30, 12)),
      deleted('aws_dynamodb_table_item', settings(30, 32)),
    ),
    fine: each(
      updated('aws_secretsmanager_secret_rotation', rotation('rate(30 days)'), rotation('rate(7 days)')),
      updated('aws_dynamodb_table_item', settings(30, 32), settings(7, 40)),
    ),
  },
  'secret-in-plan': {
    violating: each(
      created('aws_secretsmanager_secret_version', { secret_string: 'hunter2-not-to-be-told' }),
      created('aws_secretsmanager_secret_version', { secret_string: 'hunter2-not-to-be-told' }, 'credentials_x', {
        after_sensitive: { secret_string: true },
      }),
      created('aws_lambda_function', variables({ VAULT_TOKEN: 'hunter2-not-to-be-told' })),
      created('aws_lambda_function', variables({ SETTINGS: JSON.stringify({ ldap: { password: 'hunter2-not-to-be-told' } }) })),
      created('aws_lambda_function', variables({ NOTE: 'key AKIAIOSFODNN7EXAMPLE' })),
      created('aws_directory_service_directory', { name: 'corp', password: 'hunter2-not-to-be-told' }),
    ),
    fine: each(
      created('aws_secretsmanager_secret', { name: 'x', description: '{"username", "password"}' }),
      created(
        'aws_lambda_function',
        variables({
          TARGET_SECRET_ARN: 'arn:aws:secretsmanager:eu-central-2:111122223333:secret:x-a1B2c3',
          BIND_SECRET: 'arn:aws:secretsmanager:eu-central-2:111122223333:secret:x-a1B2c3',
        }),
      ),
      created('aws_cloudformation_stack', {
        template_body: JSON.stringify({ Resources: { D: { Properties: { Password: '{{resolve:secretsmanager:x}}' } } } }),
      }),
      unchanged('aws_lambda_function', variables({ VAULT_TOKEN: 'hunter2-not-to-be-told' })),
    ),
  },
};
