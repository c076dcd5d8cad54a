/** SQS queues: encrypted, TLS only, and what keeps failing is kept in a dead-letter queue that raises an alarm. */
import { SqsQueue, type SqsQueueConfig } from '@cdktf/provider-aws/lib/sqs-queue/index.js';
import { SqsQueuePolicy } from '@cdktf/provider-aws/lib/sqs-queue-policy/index.js';
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import type { FunctionName } from '../../handlers/functions.ts';
import { Alarm } from './alarm.ts';
import type { IntegrationEnvironment } from './integration-environment.ts';
import { sendMessageActions } from './permissions.ts';
import { type Grantee, policyDocument, type Statement } from './policy.ts';
import { carriesFlow, runbookOf } from './runbooks.ts';

/** Failed messages are put off by 5 s to 2 min each time, so twenty receives take half an hour. */
const mostReceives = 20;
/** Longer than those: who fails alone has an alarm of its own, and ends in the dead-letter queue. */
const fifoWaitSeconds = 2700;
const waitSeconds = 900;

export interface MessageQueueProps {
  readonly environment: IntegrationEnvironment;
  /** Last part of the queue's name; `.fifo` is added where it belongs. */
  readonly name: string;
  /** Ordered by message group, deduplicated by the sender's id. @default false */
  readonly fifo?: boolean;
  /** How long a received message stays hidden; six times the consumer's timeout (AWS Lambda Developer Guide, "Configuring an Amazon SQS queue"). @default 30 */
  readonly visibilityTimeoutSeconds?: number;
  /** Where a message goes that failed twenty times. @default none */
  readonly deadLetters?: DeadLetterQueue;
  /** @default 4 days, as SQS has it */
  readonly retentionSeconds?: number;
  /** The function that works it off: an alarm rings when a message waits for it for long. @default none, and no alarm */
  readonly consumer?: FunctionName;
}

export class MessageQueue extends Construct {
  readonly arn: string;
  readonly url: string;
  readonly name: string;
  /** Who may send: whatever delivers to the queue comes after it. */
  readonly policy: SqsQueuePolicy;
  readonly #statements: Statement[] = [];

  constructor(scope: Construct, id: string, props: MessageQueueProps) {
    super(scope, id);
    const fifo: Partial<SqsQueueConfig> = {
      fifoQueue: true,
      contentBasedDeduplication: false,
      deduplicationScope: 'messageGroup',
      fifoThroughputLimit: 'perMessageGroupId',
    };
    this.name = props.environment.resourceName('queue', `${props.name}${props.fifo ? '.fifo' : ''}`);
    const queue = new SqsQueue(this, 'queue', {
      name: this.name,
      sqsManagedSseEnabled: true,
      messageRetentionSeconds: props.retentionSeconds ?? 345_600,
      visibilityTimeoutSeconds: props.visibilityTimeoutSeconds ?? 30,
      ...(props.fifo ? fifo : {}),
      ...(props.deadLetters
        ? { redrivePolicy: JSON.stringify({ deadLetterTargetArn: props.deadLetters.arn, maxReceiveCount: mostReceives }) }
        : {}),
    });
    this.arn = queue.arn;
    this.url = queue.url;
    this.#statements.push({
      Sid: 'DenyWithoutTls',
      Effect: 'Deny',
      Principal: '*',
      Action: ['sqs:*'],
      Resource: [queue.arn],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    });
    this.policy = new SqsQueuePolicy(this, 'policy', {
      queueUrl: queue.url,
      policy: Lazy.stringValue({ produce: () => policyDocument(this.#statements) }),
    });
    if (props.consumer !== undefined) this.#watch(props, props.consumer);
  }

  /**
   * A standard queue counts a message that keeps failing for three receives, a FIFO queue for as long as it is there (Amazon SQS Developer Guide,
   * "Available CloudWatch metrics for Amazon SQS"): only after that age stands for a queue that nothing works off.
   */
  #watch({ environment, fifo, visibilityTimeoutSeconds = 30 }: MessageQueueProps, consumer: FunctionName): void {
    const seconds = Math.max(fifo ? fifoWaitSeconds : waitSeconds, 3 * visibilityTimeoutSeconds);
    new Alarm(this, 'waiting', {
      environment,
      alarmName: `${this.name}-waiting`,
      meaning: `a message has waited in ${this.name} for ${Math.round(seconds / 60)} minutes: read the last lines of ${consumer}; when there are none, look at its throttles, its errors and its event source`,
      runbook: runbookOf[consumer],
      stopsFlow: carriesFlow.has(consumer),
      namespace: 'AWS/SQS',
      metricName: 'ApproximateAgeOfOldestMessage',
      dimensions: { QueueName: this.name },
      statistic: 'Maximum',
      period: 60,
      evaluationPeriods: 5,
      datapointsToAlarm: 5,
      threshold: seconds,
      comparisonOperator: 'GreaterThanOrEqualToThreshold',
      treatMissingData: 'notBreaching',
    });
  }

  /** Lets EventBridge deliver for this rule. */
  allowRule(name: string, ruleArn: string): void {
    this.#statements.push({
      Sid: `Deliver${name.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, first: string) => first.toUpperCase())}`,
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: sendMessageActions,
      Resource: [this.arn],
      Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } },
    });
  }

  /** Lets the grantee send messages. `sid` names the statement in the grantee's policy. */
  grantSendMessages(grantee: Grantee, sid: string): void {
    grantee.allow({ Sid: sid, Effect: 'Allow', Action: sendMessageActions, Resource: [this.arn] });
  }
}

export interface DeadLetterQueueProps {
  readonly environment: IntegrationEnvironment;
  /** Name of what fails into it. */
  readonly name: string;
  /** A FIFO queue's dead-letter queue is a FIFO queue too (Amazon SQS Developer Guide, "Using dead-letter queues"). @default false */
  readonly fifo?: boolean;
  /** SQS moves messages back to queues alone, not to a function or a bus (Amazon SQS API Reference, StartMessageMoveTask). @default false */
  readonly redrivable?: boolean;
  /** What is in it did not become a role, and nothing else of its kind will. @default false */
  readonly stopsFlow?: boolean;
}

/** Keeps what failed for 14 days, the longest SQS keeps anything, and raises an alarm as soon as it holds one message. */
export class DeadLetterQueue extends MessageQueue {
  constructor(scope: Construct, id: string, props: DeadLetterQueueProps) {
    super(scope, id, { ...props, name: `${props.name}-dead-letters`, retentionSeconds: 1_209_600 });
    new Alarm(this, 'alarm', {
      environment: props.environment,
      alarmName: `${this.name}-not-empty`,
      meaning: `${this.name} holds messages: read them, mend the cause, then ${props.redrivable ? 'redrive' : 'purge'} the queue`,
      runbook: 'dead-letter-queue',
      stopsFlow: props.stopsFlow ?? false,
      namespace: 'AWS/SQS',
      metricName: 'ApproximateNumberOfMessagesVisible',
      dimensions: { QueueName: this.name },
      statistic: 'Maximum',
      period: 60,
      evaluationPeriods: 1,
      threshold: 1,
      comparisonOperator: 'GreaterThanOrEqualToThreshold',
      treatMissingData: 'notBreaching',
    });
  }
}
