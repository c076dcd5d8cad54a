/**
 * What every function may do, whatever its domain, and what Lambda does in a function's name.
 * Constructs and tests share these lists.
 */
import type { ActionReason } from './policy.ts';

/** Writing to the function's own log group. The group is Terraform's, so creating one is not among them. */
export const logActions = ['logs:CreateLogStream', 'logs:PutLogEvents'] as const;

/**
 * On the key of an encrypted log group: CloudWatch Logs calls KMS in the writer's name (Amazon CloudWatch Logs User Guide, "Encrypt log data
 * in CloudWatch Logs using AWS Key Management Service", step 2; the three are those of AWS's own CloudWatchLogsAPIKeyAccess).
 */
export const useLogKeyActions = ['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey'] as const;

/** Active tracing (AWS Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray"). */
export const traceActions = ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'] as const;

/** What Lambda's poller needs to consume a queue in the function's name. */
export const consumeQueueActions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'] as const;
/** What the consumer itself does: it puts a failed message off. */
export const postponeMessageActions = ['sqs:ChangeMessageVisibility'] as const;

export const sendMessageActions = ['sqs:SendMessage'] as const;

/** What a schedule's role may do, and read-security-log at the functions it wakes. */
export const invokeActions = ['lambda:InvokeFunction'] as const;

/** What Lambda's poller needs to consume a table's stream. */
export const consumeStreamActions = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'] as const;
export const listStreamsActions = ['dynamodb:ListStreams'] as const;

/**
 * Lambda's attachment of a function to a VPC, by what IAM can scope (AWS Lambda Developer Guide, "Giving Lambda functions access to
 * resources in an Amazon VPC", section on execution role permissions).
 */
export const networkInterfaceActions = [
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
] as const;
export const describeNetworkActions = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'] as const;

/** What IAM cannot scope to a resource. */
export const unscoped: readonly ActionReason[] = [
  ...traceActions.map((action) => ({ action, reason: 'X-Ray has no resource to name: a segment belongs to no ARN' })),
  ...describeNetworkActions.map((action) => ({ action, reason: 'EC2 describes work on all resources or not at all' })),
  ...listStreamsActions.map((action) => ({ action, reason: "DynamoDB lists an account's streams: the action takes no resource" })),
];

/** What an ordinary run of the function's code never calls. */
export const rarelyUsed: readonly ActionReason[] = [
  ...logActions.map((action) => ({ action, reason: "Lambda ships a function's output to its log group in the role's name" })),
  ...useLogKeyActions.map((action) => ({ action, reason: "CloudWatch Logs encrypts with the key in the role's name" })),
  ...traceActions.map((action) => ({ action, reason: "Lambda sends a function's trace segments in the role's name" })),
  ...consumeQueueActions.map((action) => ({ action, reason: "Lambda's poller consumes the queue in the role's name" })),
  ...postponeMessageActions.map((action) => ({ action, reason: 'puts a message that failed off by seconds, not by minutes' })),
  ...[...consumeStreamActions, ...listStreamsActions].map((action) => ({
    action,
    reason: "Lambda's poller consumes the stream in the role's name",
  })),
  ...[...networkInterfaceActions, ...describeNetworkActions].map((action) => ({
    action,
    reason: "Lambda attaches the function to the VPC in the role's name; a Deny on lambda:SourceFunctionArn keeps the code from it",
  })),
  ...sendMessageActions.map((action) => ({ action, reason: 'Lambda sends what finally failed to the dead-letter queue' })),
];
