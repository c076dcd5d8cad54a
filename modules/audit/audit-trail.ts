/** The audit trail: every identity event, of whatever domain, as a record in a log group of its own. */
import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group/index.js';
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import type { recordAuditEnvironment } from '../../handlers/audit/record-audit/environment.ts';
import { eventSources } from '../../handlers/events/catalogue.ts';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { MessageQueue } from '../platform/message-queue.ts';
import { type LogRetentionDays, logRetention, nonEmpty } from '../platform/prop-checks.ts';
import { writeTrailActions } from './permissions.ts';

export interface AuditTrailProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  /** Days the trail is kept: longer than a SOC 2 period of twelve months. @default 400 */
  readonly retentionDays?: LogRetentionDays;
}

export class AuditTrail extends Construct {
  readonly logGroupName: string;
  readonly queue: MessageQueue;
  readonly recordAudit: HandlerFunction;

  constructor(scope: Construct, id: string, props: AuditTrailProps) {
    super(scope, id);
    const { environment, bus } = props;
    const logGroup = new CloudwatchLogGroup(this, 'log-group', {
      name: environment.path('audit'),
      retentionInDays: logRetention('auditRetentionDays', props.retentionDays ?? 400),
      kmsKeyId: environment.key.arn,
      // The trail outlives a mistaken destroy or a new name of the environment.
      lifecycle: { preventDestroy: environment.deletionProtection },
    });
    this.logGroupName = logGroup.name;
    const variables: Environment<typeof recordAuditEnvironment> = {
      AUDIT_LOG_GROUP: logGroup.name,
      AUDIT_QUEUE_URL: Lazy.stringValue({ produce: () => this.queue.url }),
    };
    this.recordAudit = new HandlerFunction(this, 'record-audit', {
      environment,
      function: 'record-audit',
      variables,
      invocation: 'queue',
      timeoutSeconds: 60,
    });
    this.queue = new MessageQueue(this, 'queue', {
      environment,
      name: 'record-audit',
      visibilityTimeoutSeconds: 6 * this.recordAudit.timeoutSeconds,
      deadLetters: this.recordAudit.deadLetters,
    });
    bus.rule(this, 'record-audit', { sources: nonEmpty('sources', eventSources, 'the catalogue has to have sources'), queue: this.queue });
    this.recordAudit.consumeQueue(this.queue, { batchSize: 10, maximumConcurrency: 5 });
    this.recordAudit.allow({ Sid: 'WriteTrail', Effect: 'Allow', Action: writeTrailActions, Resource: [`${logGroup.arn}:*`] });
  }
}
