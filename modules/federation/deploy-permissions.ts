/**
 * What a deployment calls at AWS: for each type of resource, the actions that Terraform's AWS provider (5.100) makes for it, and on what.
 * A type that is not here cannot be deployed by a generated role; add its row, and record Terraform's calls anew (docs/federation.md).
 * Checked against the calls of a real apply, update and destroy, and for what no test server has against the Service Authorization Reference.
 */
import type { Condition } from '../platform/policy.ts';
import type { DeployTarget, ResourceArguments } from './deploy-target.ts';
import {
  adopting,
  alarms,
  anything,
  bounded,
  buckets,
  ec2,
  eventSources,
  functions,
  glueTables,
  keys,
  known,
  logGroups,
  named,
  notOfOthers,
  objects,
  prefixed,
  queues,
  roles,
  rules,
  scheduleGroups,
  secrets,
  tables,
  tagged,
  tagging,
  workgroups,
} from './environment-arns.ts';

/** Actions on the same ARNs under the same condition. */
export interface DeployPermission {
  readonly actions: readonly string[];
  /** ARNs, by the names of the environment; of a resource that was there before, by what the arguments say. */
  readonly on: (target: DeployTarget, resource: ResourceArguments) => readonly string[];
  readonly when?: (target: DeployTarget, resource: ResourceArguments) => Condition;
  /** Why it is not held to the environment's own. */
  readonly reason?: string;
}

const createdWith = ['CreateSecurityGroup', 'AuthorizeSecurityGroupIngress', 'AuthorizeSecurityGroupEgress', 'CreateVpcEndpoint'];
const ec2Tags: readonly DeployPermission[] = [
  {
    actions: ['ec2:CreateTags'],
    on: ec2('security-group', 'security-group-rule', 'vpc-endpoint'),
    when: (target) => ({ StringEquals: { ...prefixed('aws:RequestTag/', target.tags), 'ec2:CreateAction': createdWith } }),
  },
  { actions: ['ec2:CreateTags', 'ec2:DeleteTags'], on: ec2('security-group', 'security-group-rule', 'vpc-endpoint'), when: tagged },
];

const readNetwork: DeployPermission = {
  actions: [
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribePrefixLists',
    'ec2:DescribeSecurityGroupRules',
    'ec2:DescribeSecurityGroups',
    'ec2:DescribeSubnets',
    'ec2:DescribeVpcEndpoints',
    'ec2:DescribeVpcs',
  ],
  on: anything,
  reason: 'EC2 describes on all resources or not at all',
};

const securityGroupRule = (direction: 'Ingress' | 'Egress'): readonly DeployPermission[] => [
  { actions: [`ec2:AuthorizeSecurityGroup${direction}`, `ec2:RevokeSecurityGroup${direction}`], on: ec2('security-group'), when: tagged },
  {
    // The directory's group, or an endpoint's, to which a rule is added: by its id, since it carries tags of others.
    actions: [`ec2:AuthorizeSecurityGroup${direction}`, `ec2:RevokeSecurityGroup${direction}`, 'ec2:ModifySecurityGroupRules'],
    on: (target, { security_group_id: id }) => known(id).map((group) => target.arn('ec2', `security-group/${group}`)),
  },
  { actions: [`ec2:AuthorizeSecurityGroup${direction}`], on: ec2('security-group-rule'), when: tagging },
  { actions: ['ec2:ModifySecurityGroupRules'], on: ec2('security-group', 'security-group-rule'), when: tagged },
  ...ec2Tags,
  readNetwork,
];

const manageSecret: DeployPermission = {
  // Never GetSecretValue: values enter neither plan nor state.
  actions: [
    'secretsmanager:CreateSecret',
    'secretsmanager:DeleteSecret',
    'secretsmanager:DescribeSecret',
    'secretsmanager:GetResourcePolicy',
    'secretsmanager:RemoveRegionsFromReplication',
    'secretsmanager:ReplicateSecretToRegions',
    'secretsmanager:TagResource',
    'secretsmanager:UntagResource',
    'secretsmanager:UpdateSecret',
  ],
  on: secrets,
};

const byCloudFormation = (): Condition => ({ StringEquals: { 'aws:CalledViaFirst': 'cloudformation.amazonaws.com' } });

/** Of what AWS Directory Service makes, ids are unknown and tags none; a template of the deployer's could name anything else as well. */
const directoryNetwork = 'AWS Directory Service puts its controllers into the VPC in the name of whoever creates the directory';

/** By the type's name in Terraform. */
export const deployPermissions: Readonly<Record<string, readonly DeployPermission[]>> = {
  aws_athena_named_query: [
    { actions: ['athena:CreateNamedQuery', 'athena:DeleteNamedQuery', 'athena:GetNamedQuery', 'athena:UpdateNamedQuery'], on: workgroups },
  ],
  aws_athena_workgroup: [
    {
      actions: [
        'CreateWorkGroup',
        'DeleteWorkGroup',
        'GetWorkGroup',
        'ListTagsForResource',
        'TagResource',
        'UntagResource',
        'UpdateWorkGroup',
      ].map((action) => `athena:${action}`),
      on: workgroups,
    },
  ],
  aws_cloudformation_stack: [
    {
      actions: [
        'cloudformation:CreateStack',
        'cloudformation:DeleteStack',
        'cloudformation:DescribeStackEvents',
        'cloudformation:DescribeStacks',
        'cloudformation:GetStackPolicy',
        'cloudformation:GetTemplate',
        'cloudformation:SetStackPolicy',
        'cloudformation:TagResource',
        'cloudformation:UntagResource',
        'cloudformation:UpdateStack',
      ],
      on: ({ arn, own }) => [arn('cloudformation', `stack/${own}-*/*`)],
    },
    // What the stack makes, CloudFormation makes in the deployer's name: the directory and its administrator's secret.
    {
      actions: ['ds:CreateMicrosoftAD', 'ds:DeleteDirectory', 'ds:DescribeDirectories', 'secretsmanager:GetRandomPassword'],
      on: anything,
      when: byCloudFormation,
      reason: 'a directory has no name before it is there; only CloudFormation may call it',
    },
    { ...manageSecret, actions: [...manageSecret.actions, 'secretsmanager:PutSecretValue'], when: byCloudFormation },
    {
      actions: ['secretsmanager:GetSecretValue'],
      on: ({ arn, path }) => [arn('secretsmanager', `secret:${path}/directory-admin/*`)],
      when: byCloudFormation,
    },
    {
      // VPC and subnets are asked about too, and carry whatever tags their team gives them.
      actions: ['ec2:CreateNetworkInterface', 'ec2:CreateSecurityGroup'],
      on: ({ arn }) => [arn('ec2', '*')],
      when: byCloudFormation,
      reason: directoryNetwork,
    },
    {
      actions: [
        'ec2:AuthorizeSecurityGroupEgress',
        'ec2:AuthorizeSecurityGroupIngress',
        'ec2:CreateTags',
        'ec2:DeleteNetworkInterface',
        'ec2:DeleteSecurityGroup',
        'ec2:RevokeSecurityGroupEgress',
        'ec2:RevokeSecurityGroupIngress',
      ],
      on: ({ arn }) => [arn('ec2', '*')],
      when: (target) => ({ ...byCloudFormation(), ...notOfOthers(target) }),
      reason: directoryNetwork,
    },
    readNetwork,
  ],
  aws_cloudwatch_event_archive: [
    {
      actions: ['events:CreateArchive', 'events:DeleteArchive', 'events:DescribeArchive', 'events:UpdateArchive'],
      on: ({ arn, own }) => [arn('events', `archive/${own}-*`), arn('events', `event-bus/${own}-*`)],
    },
  ],
  aws_cloudwatch_event_bus: [
    {
      actions: [
        'events:CreateEventBus',
        'events:DeleteEventBus',
        'events:DescribeEventBus',
        'events:ListTagsForResource',
        'events:TagResource',
        'events:UntagResource',
        'events:UpdateEventBus',
      ],
      on: ({ arn, own }) => [arn('events', `event-bus/${own}-*`)],
    },
  ],
  aws_cloudwatch_event_rule: [
    {
      actions: [
        'events:DeleteRule',
        'events:DescribeRule',
        'events:ListTagsForResource',
        'events:PutRule',
        'events:TagResource',
        'events:UntagResource',
      ],
      on: rules,
    },
  ],
  aws_cloudwatch_event_target: [{ actions: ['events:ListTargetsByRule', 'events:PutTargets', 'events:RemoveTargets'], on: rules }],
  aws_cloudwatch_log_data_protection_policy: [
    { actions: ['logs:DeleteDataProtectionPolicy', 'logs:GetDataProtectionPolicy', 'logs:PutDataProtectionPolicy'], on: logGroups },
  ],
  aws_cloudwatch_log_group: [
    {
      actions: [
        'logs:AssociateKmsKey',
        'logs:CreateLogGroup',
        'logs:DeleteLogGroup',
        'logs:DeleteRetentionPolicy',
        'logs:DisassociateKmsKey',
        'logs:ListTagsForResource',
        'logs:PutRetentionPolicy',
        'logs:TagResource',
        'logs:UntagResource',
      ],
      on: logGroups,
    },
    {
      actions: ['logs:DescribeLogGroups'],
      on: anything,
      reason: 'CloudWatch Logs lists the log groups of an account: the action takes no resource',
    },
  ],
  aws_cloudwatch_log_metric_filter: [
    { actions: ['logs:DeleteMetricFilter', 'logs:DescribeMetricFilters', 'logs:PutMetricFilter'], on: logGroups },
  ],
  aws_cloudwatch_log_resource_policy: [
    {
      actions: ['logs:DeleteResourcePolicy', 'logs:DescribeResourcePolicies', 'logs:PutResourcePolicy'],
      on: anything,
      reason: 'policies of CloudWatch Logs are the account’s: the actions take no resource',
    },
  ],
  aws_cloudwatch_log_subscription_filter: [
    {
      actions: ['logs:DeleteSubscriptionFilter', 'logs:DescribeSubscriptionFilters', 'logs:PutSubscriptionFilter'],
      on: logGroups,
    },
  ],
  aws_cloudwatch_composite_alarm: [
    {
      actions: ['cloudwatch:DescribeAlarms', 'cloudwatch:PutCompositeAlarm'],
      on: anything,
      reason: 'CloudWatch refuses both for composite alarms where the permission is narrower than * (API Reference, PutCompositeAlarm)',
    },
    {
      actions: ['cloudwatch:DeleteAlarms', 'cloudwatch:ListTagsForResource', 'cloudwatch:TagResource', 'cloudwatch:UntagResource'],
      on: alarms,
    },
  ],
  aws_cloudwatch_dashboard: [
    {
      actions: ['cloudwatch:DeleteDashboards', 'cloudwatch:GetDashboard', 'cloudwatch:PutDashboard'],
      // Dashboards are an account's, of no Region (Service Authorization Reference, "… for Amazon CloudWatch").
      on: ({ partition, account, own }) => [`arn:${partition}:cloudwatch::${account}:dashboard/${own}-*`],
    },
  ],
  aws_cloudwatch_metric_alarm: [
    {
      actions: [
        'cloudwatch:DeleteAlarms',
        'cloudwatch:DescribeAlarms',
        'cloudwatch:ListTagsForResource',
        'cloudwatch:PutMetricAlarm',
        'cloudwatch:TagResource',
        'cloudwatch:UntagResource',
      ],
      on: alarms,
    },
  ],
  aws_cloudwatch_query_definition: [
    {
      actions: ['logs:DeleteQueryDefinition', 'logs:DescribeQueryDefinitions', 'logs:PutQueryDefinition'],
      on: anything,
      reason: 'saved queries of CloudWatch Logs are the account’s: the actions take no resource',
    },
  ],
  aws_directory_service_log_subscription: [
    {
      actions: ['ds:CreateLogSubscription', 'ds:DeleteLogSubscription', 'ds:ListLogSubscriptions'],
      on: ({ arn }) => [arn('ds', 'directory/*')],
      when: notOfOthers,
      reason: 'the directory’s id is made when it is created, and CloudFormation gives it no tags of ours',
    },
  ],
  aws_dynamodb_table: [
    {
      actions: [
        'dynamodb:CreateTable',
        'dynamodb:DeleteTable',
        'dynamodb:DescribeContinuousBackups',
        'dynamodb:DescribeTable',
        'dynamodb:DescribeTimeToLive',
        'dynamodb:ListTagsOfResource',
        'dynamodb:TagResource',
        'dynamodb:UntagResource',
        'dynamodb:UpdateContinuousBackups',
        'dynamodb:UpdateTable',
        'dynamodb:UpdateTimeToLive',
      ],
      on: tables,
    },
    // The provider tells a table of DynamoDB's own key by that key's ARN.
    { actions: ['kms:DescribeKey'], on: keys, when: () => ({ StringEquals: { 'kms:RequestAlias': 'alias/aws/dynamodb' } }) },
  ],
  aws_glue_catalog_database: [
    {
      actions: ['CreateDatabase', 'DeleteDatabase', 'GetDatabase', 'GetTags', 'TagResource', 'UntagResource', 'UpdateDatabase'].map(
        (action) => `glue:${action}`,
      ),
      on: glueTables,
    },
  ],
  aws_glue_catalog_table: [
    {
      actions: ['CreateTable', 'DeleteTable', 'GetPartitionIndexes', 'GetTable', 'UpdateTable'].map((action) => `glue:${action}`),
      on: glueTables,
    },
  ],
  aws_dynamodb_table_item: [
    {
      // Of all that a table holds only what a deployment writes there, settings (DynamoDB Developer Guide, "Using IAM policy conditions for
      // fine-grained access control"). ForAllValues also holds where the request names no key.
      actions: ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      on: tables,
      when: () => ({ 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': 'settings' }, Null: { 'dynamodb:LeadingKeys': 'false' } }),
    },
  ],
  aws_iam_role: [
    {
      actions: [
        'iam:CreateRole',
        'iam:DeleteRole',
        'iam:PutRolePermissionsBoundary',
        'iam:UpdateAssumeRolePolicy',
        'iam:UpdateRole',
        'iam:UpdateRoleDescription',
      ],
      on: roles,
      when: bounded,
    },
    {
      actions: [
        'iam:GetRole',
        'iam:ListAttachedRolePolicies',
        'iam:ListInstanceProfilesForRole',
        'iam:ListRolePolicies',
        'iam:TagRole',
        'iam:UntagRole',
      ],
      on: roles,
    },
    {
      actions: ['iam:PassRole'],
      on: roles,
      when: ({ passedTo }) => ({ StringEquals: { 'iam:PassedToService': passedTo } }),
    },
  ],
  aws_iam_role_policy: [
    { actions: ['iam:DeleteRolePolicy', 'iam:PutRolePolicy'], on: roles, when: bounded },
    { actions: ['iam:GetRolePolicy'], on: roles },
  ],
  aws_kms_alias: [
    // KMS asks for the right on both the alias and the key (AWS KMS Developer Guide, "Controlling access to aliases").
    { actions: ['kms:CreateAlias', 'kms:DeleteAlias', 'kms:UpdateAlias'], on: ({ arn, own }) => [arn('kms', `alias/${own}-*`)] },
    { actions: ['kms:CreateAlias', 'kms:DeleteAlias', 'kms:UpdateAlias'], on: keys, when: tagged },
    { actions: ['kms:ListAliases'], on: anything, reason: 'KMS lists the aliases of an account: the action takes no resource' },
  ],
  aws_kms_key: [
    {
      actions: ['kms:CreateKey'],
      on: anything,
      when: tagging,
      reason: 'a key has no ARN before it is there; it has to be created with our tags',
    },
    { actions: ['kms:TagResource'], on: keys, when: adopting },
    {
      actions: [
        'kms:TagResource',
        'kms:DescribeKey',
        'kms:DisableKeyRotation',
        'kms:EnableKeyRotation',
        'kms:GetKeyPolicy',
        'kms:GetKeyRotationStatus',
        'kms:ListResourceTags',
        'kms:PutKeyPolicy',
        'kms:ScheduleKeyDeletion',
        'kms:UntagResource',
        'kms:UpdateKeyDescription',
      ],
      on: keys,
      when: tagged,
    },
  ],
  aws_lambda_event_source_mapping: [
    {
      actions: ['lambda:CreateEventSourceMapping'],
      on: anything,
      when: (target) => ({ ArnLike: { 'lambda:FunctionArn': functions(target) } }),
      reason: 'a mapping has no ARN before it is there; it has to be one of our functions',
    },
    {
      actions: ['lambda:DeleteEventSourceMapping', 'lambda:GetEventSourceMapping', 'lambda:UpdateEventSourceMapping'],
      on: eventSources,
      when: (target) => ({ ArnLike: { 'lambda:FunctionArn': functions(target) } }),
    },
    { actions: ['lambda:TagResource'], on: eventSources, when: adopting },
    { actions: ['lambda:ListTags'], on: eventSources },
    { actions: ['lambda:TagResource', 'lambda:UntagResource'], on: eventSources, when: tagged },
  ],
  aws_lambda_function: [
    {
      actions: [
        'lambda:CreateFunction',
        'lambda:DeleteFunction',
        'lambda:DeleteFunctionConcurrency',
        'lambda:GetFunction',
        'lambda:GetFunctionCodeSigningConfig',
        'lambda:GetFunctionConfiguration',
        'lambda:ListTags',
        'lambda:ListVersionsByFunction',
        'lambda:PutFunctionConcurrency',
        'lambda:TagResource',
        'lambda:UntagResource',
        'lambda:UpdateFunctionCode',
        'lambda:UpdateFunctionConfiguration',
      ],
      on: functions,
    },
    // Lambda checks the network that a function is attached to in the deployer's name (AWS Lambda Developer Guide, "Giving Lambda functions
    // access to resources in an Amazon VPC").
    readNetwork,
  ],
  aws_lambda_function_event_invoke_config: [
    {
      actions: [
        'lambda:DeleteFunctionEventInvokeConfig',
        'lambda:GetFunctionEventInvokeConfig',
        'lambda:PutFunctionEventInvokeConfig',
        'lambda:UpdateFunctionEventInvokeConfig',
      ],
      on: functions,
    },
  ],
  aws_lambda_permission: [{ actions: ['lambda:AddPermission', 'lambda:GetPolicy', 'lambda:RemovePermission'], on: functions }],
  aws_s3_bucket: [
    {
      actions: [
        's3:CreateBucket',
        's3:DeleteBucket',
        's3:GetAccelerateConfiguration',
        's3:GetBucketAcl',
        's3:GetBucketCORS',
        's3:GetBucketLogging',
        's3:GetBucketObjectLockConfiguration',
        's3:GetBucketPolicy',
        's3:GetBucketRequestPayment',
        's3:GetBucketTagging',
        's3:GetBucketVersioning',
        's3:GetBucketWebsite',
        's3:GetEncryptionConfiguration',
        's3:GetLifecycleConfiguration',
        's3:GetReplicationConfiguration',
        's3:ListBucket',
        's3:ListBucketVersions',
        's3:PutBucketTagging',
      ],
      on: buckets,
    },
    // A bucket that does not outlive the environment is emptied first.
    { actions: ['s3:DeleteObject', 's3:DeleteObjectVersion'], on: objects },
  ],
  aws_s3_bucket_lifecycle_configuration: [{ actions: ['s3:GetLifecycleConfiguration', 's3:PutLifecycleConfiguration'], on: buckets }],
  aws_s3_bucket_policy: [{ actions: ['s3:DeleteBucketPolicy', 's3:GetBucketPolicy', 's3:PutBucketPolicy'], on: buckets }],
  aws_s3_bucket_public_access_block: [{ actions: ['s3:GetBucketPublicAccessBlock', 's3:PutBucketPublicAccessBlock'], on: buckets }],
  aws_s3_bucket_server_side_encryption_configuration: [
    { actions: ['s3:GetEncryptionConfiguration', 's3:PutEncryptionConfiguration'], on: buckets },
  ],
  aws_s3_bucket_object_lock_configuration: [
    { actions: ['s3:GetBucketObjectLockConfiguration', 's3:PutBucketObjectLockConfiguration'], on: buckets },
  ],
  aws_s3_bucket_versioning: [{ actions: ['s3:GetBucketVersioning', 's3:PutBucketVersioning'], on: buckets }],
  aws_s3_object: [
    { actions: ['s3:ListBucket', 's3:ListBucketVersions'], on: buckets },
    {
      actions: ['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:GetObject', 's3:GetObjectTagging', 's3:PutObject', 's3:PutObjectTagging'],
      on: objects,
    },
  ],
  aws_scheduler_schedule: [
    {
      actions: ['scheduler:CreateSchedule', 'scheduler:DeleteSchedule', 'scheduler:GetSchedule', 'scheduler:UpdateSchedule'],
      on: ({ arn, own }) => [arn('scheduler', `schedule/${own}-*/${own}-*`)],
    },
  ],
  aws_scheduler_schedule_group: [
    {
      actions: [
        'scheduler:CreateScheduleGroup',
        'scheduler:DeleteScheduleGroup',
        'scheduler:GetScheduleGroup',
        'scheduler:ListTagsForResource',
        'scheduler:TagResource',
        'scheduler:UntagResource',
      ],
      on: scheduleGroups,
    },
  ],
  aws_secretsmanager_secret: [manageSecret],
  aws_secretsmanager_secret_policy: [
    {
      actions: [
        'secretsmanager:DeleteResourcePolicy',
        'secretsmanager:GetResourcePolicy',
        'secretsmanager:PutResourcePolicy',
        'secretsmanager:ValidateResourcePolicy',
      ],
      on: secrets,
    },
  ],
  aws_secretsmanager_secret_rotation: [
    { actions: ['secretsmanager:CancelRotateSecret', 'secretsmanager:DescribeSecret', 'secretsmanager:RotateSecret'], on: secrets },
    // Secrets Manager tries the function in the deployer's name (Service Authorization Reference, RotateSecret's dependent action).
    { actions: ['lambda:InvokeFunction'], on: ({ arn, own }) => [arn('lambda', `function:${own}-rotate-credential-*`)] },
  ],
  aws_security_group: [
    { actions: ['ec2:CreateSecurityGroup'], on: ec2('security-group'), when: tagging },
    { actions: ['ec2:CreateSecurityGroup'], on: named('vpc', 'vpc_id') },
    {
      // A new group has a rule that lets everything out, which the provider takes away.
      actions: ['ec2:DeleteSecurityGroup', 'ec2:RevokeSecurityGroupEgress', 'ec2:RevokeSecurityGroupIngress'],
      on: ec2('security-group'),
      when: tagged,
    },
    {
      // Interfaces of deleted functions hold a group for a while; the provider removes those that are free.
      actions: ['ec2:DeleteNetworkInterface', 'ec2:DetachNetworkInterface'],
      on: ec2('network-interface'),
      when: (target, resource) => ({ ArnLike: { 'ec2:Vpc': named('vpc', 'vpc_id')(target, resource) }, ...notOfOthers(target) }),
    },
    ...ec2Tags,
    readNetwork,
  ],
  aws_sqs_queue: [
    {
      actions: [
        'sqs:CreateQueue',
        'sqs:DeleteQueue',
        'sqs:GetQueueAttributes',
        'sqs:GetQueueUrl',
        'sqs:ListQueueTags',
        'sqs:SetQueueAttributes',
        'sqs:TagQueue',
        'sqs:UntagQueue',
      ],
      on: queues,
    },
  ],
  aws_sqs_queue_policy: [{ actions: ['sqs:GetQueueAttributes', 'sqs:SetQueueAttributes'], on: queues }],
  aws_vpc_endpoint: [
    { actions: ['ec2:CreateVpcEndpoint'], on: ec2('vpc-endpoint'), when: tagging },
    { actions: ['ec2:CreateVpcEndpoint'], on: named('vpc', 'vpc_id') },
    { actions: ['ec2:CreateVpcEndpoint', 'ec2:ModifyVpcEndpoint'], on: named('subnet', 'subnet_ids') },
    { actions: ['ec2:CreateVpcEndpoint', 'ec2:ModifyVpcEndpoint'], on: named('route-table', 'route_table_ids') },
    { actions: ['ec2:CreateVpcEndpoint', 'ec2:ModifyVpcEndpoint'], on: ec2('security-group'), when: tagged },
    { actions: ['ec2:DeleteVpcEndpoints', 'ec2:ModifyVpcEndpoint'], on: ec2('vpc-endpoint'), when: tagged },
    {
      actions: ['route53:AssociateVPCWithHostedZone'],
      on: anything,
      reason: 'the hosted zone of an endpoint’s private name is AWS’s own',
    },
    ...ec2Tags,
    readNetwork,
  ],
  aws_vpc_security_group_egress_rule: securityGroupRule('Egress'),
  aws_vpc_security_group_ingress_rule: securityGroupRule('Ingress'),
};

/** Data sources. */
export const readPermissions: Readonly<Record<string, readonly DeployPermission[]>> = {
  aws_directory_service_directory: [
    {
      actions: ['ds:DescribeDirectories', 'ds:ListTagsForResource'],
      on: anything,
      reason: 'AWS Directory Service describes the directories of an account: the action takes no resource',
    },
    readNetwork,
  ],
};
