/**
 * The audit trail: every identity event, of whatever domain, as a record. record-audit writes it to a locked bucket, which is the evidence,
 * and to a log group, which answers questions within seconds; close-audit closes each hour into a signed digest.
 */
import { CloudwatchLogDataProtectionPolicy } from '@cdktf/provider-aws/lib/cloudwatch-log-data-protection-policy/index.js';
import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group/index.js';
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import type { closeAuditEnvironment } from '../../handlers/audit/close-audit/environment.ts';
import type { recordAuditEnvironment } from '../../handlers/audit/record-audit/environment.ts';
import { eventSources } from '../../handlers/events/catalogue.ts';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import { Alarm } from '../platform/alarm.ts';
import { codeRevision, HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { LogMetrics } from '../platform/log-metrics.ts';
import { MessageQueue } from '../platform/message-queue.ts';
import { onlyPartitions } from '../platform/policy.ts';
import { type ObjectLock, PrivateBucket } from '../platform/private-bucket.ts';
import { type LogRetentionDays, logRetention, nonEmpty, WrongPropError } from '../platform/prop-checks.ts';
import { ScheduledCall } from '../platform/scheduled-call.ts';
import { Table } from '../platform/table.ts';
import { dataProtection } from './data-protection.ts';
import { DigestKey } from './digest-key.ts';
import {
  keepClaimsActions,
  listEvidenceActions,
  readClaimsActions,
  readEvidenceActions,
  useTrailKeyActions,
  writeEvidenceActions,
  writeTrailActions,
} from './permissions.ts';
import { SavedQueries } from './saved-queries.ts';
import { TrailTable } from './trail-table.ts';

export interface AuditTrailProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  /** Revision of role mappings and policies, which every record names: `configurationRevision` of the access decision. */
  readonly configurationRevision: string;
  /** Days the trail is kept, in the log group and locked in the bucket: longer than a SOC 2 period of twelve months. @default 400 */
  readonly retentionDays?: LogRetentionDays;
  /** `compliance`: nobody at all can delete from the bucket while it is locked; neither can an environment be destroyed then. @default 'governance' */
  readonly lock?: ObjectLock['mode'];
}

/** Of an event that is replayed from the archive: a day in EventBridge, four in the queue, and fourteen in the dead-letter queue of each. */
const mostDaysOnTheWay = 35;

/** Minutes between two looks for hours that are over. */
const closeEveryMinutes = 15;

export class AuditTrail extends Construct {
  readonly logGroupName: string;
  readonly bucket: PrivateBucket;
  /** Claims of events, and what was written. */
  readonly claims: Table;
  readonly digestKey: DigestKey;
  readonly athena: TrailTable;
  readonly queries: SavedQueries;
  readonly queue: MessageQueue;
  readonly recordAudit: HandlerFunction;
  readonly closeAudit: HandlerFunction;

  constructor(scope: Construct, id: string, props: AuditTrailProps) {
    super(scope, id);
    const { environment, bus } = props;
    const days = logRetention('auditRetentionDays', props.retentionDays ?? 400);
    const logGroup = new CloudwatchLogGroup(this, 'log-group', {
      name: environment.path('audit'),
      retentionInDays: days,
      kmsKeyId: environment.key.arn,
      // The trail outlives a mistaken destroy or a new name of the environment.
      lifecycle: { preventDestroy: environment.deletionProtection },
    });
    this.logGroupName = logGroup.name;
    new CloudwatchLogDataProtectionPolicy(this, 'data-protection', {
      logGroupName: logGroup.name,
      policyDocument: dataProtection(environment.partition),
    });
    this.bucket = new PrivateBucket(this, 'bucket', {
      environment,
      name: 'audit',
      keyArn: environment.key.arn,
      lock: { mode: checkedLock(props.lock ?? 'governance'), days },
    });
    this.claims = new Table(this, 'claims', {
      environment,
      name: 'audit',
      shape: {
        rangeKey: 'sk',
        attribute: ['pk', 'sk'].map((name) => ({ name, type: 'S' })),
        ttl: { attributeName: 'expires', enabled: true },
      },
    });
    this.digestKey = new DigestKey(this, 'digest-key', { environment });
    this.athena = new TrailTable(this, 'athena', { environment, bucket: this.bucket.name });
    this.queries = new SavedQueries(this, 'queries', { environment, logGroupName: logGroup.name, table: this.athena });

    const variables: Environment<typeof recordAuditEnvironment> = {
      AUDIT_LOG_GROUP: logGroup.name,
      AUDIT_BUCKET: this.bucket.name,
      AUDIT_TABLE: this.claims.name,
      AUDIT_KEY_ARN: environment.key.arn,
      AUDIT_KEEP_DAYS: String(Math.max(days, bus.archiveRetentionDays + mostDaysOnTheWay)),
      AUDIT_QUEUE_URL: Lazy.stringValue({ produce: () => this.queue.url }),
      CODE_REVISION: codeRevision(),
      CONFIGURATION_REVISION: props.configurationRevision,
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
      consumer: 'record-audit',
      visibilityTimeoutSeconds: 6 * this.recordAudit.timeoutSeconds,
      deadLetters: this.recordAudit.deadLetters,
    });
    bus.rule(this, 'record-audit', { sources: nonEmpty('sources', eventSources, 'the catalogue has to have sources'), queue: this.queue });
    // A transaction claims a hundred events at most; a second's wait makes segments of many records where there are many.
    this.recordAudit.consumeQueue(this.queue, { batchSize: 100, maximumConcurrency: 5, windowSeconds: 1 });
    this.recordAudit.allow({ Sid: 'WriteTrail', Effect: 'Allow', Action: writeTrailActions, Resource: [`${logGroup.arn}:*`] });
    this.recordAudit.allow({ Sid: 'KeepClaims', Effect: 'Allow', Action: keepClaimsActions, Resource: [this.claims.arn] });
    this.#allowEvidence(this.recordAudit, environment, ['records'], 'records');

    this.closeAudit = this.#close(environment);
  }

  #close(environment: IntegrationEnvironment): HandlerFunction {
    const variables: Environment<typeof closeAuditEnvironment> = {
      TRAIL: `${environment.prefix}-${environment.name}`,
      AUDIT_BUCKET: this.bucket.name,
      AUDIT_TABLE: this.claims.name,
      AUDIT_KEY_ARN: environment.key.arn,
      DIGEST_KEY_ID: this.digestKey.keyId,
    };
    const closeAudit = new HandlerFunction(this, 'close-audit', {
      environment,
      function: 'close-audit',
      variables,
      invocation: 'asynchronous',
      // Less than from one call of the schedule to the next.
      timeoutSeconds: 840,
    });
    const hours = onlyPartitions('hour#*');
    closeAudit.allow({ Sid: 'ReadWritten', Effect: 'Allow', Action: readClaimsActions, Resource: [this.claims.arn], Condition: hours });
    this.#allowEvidence(closeAudit, environment, ['digests', 'records'], 'digests');
    this.digestKey.grantSign(closeAudit);
    new ScheduledCall(this, 'schedule', {
      environment,
      name: 'schedule-close-audit',
      description: 'closes hours of the audit trail that are over',
      minutes: closeEveryMinutes,
      function: closeAudit,
    });
    new LogMetrics(this, 'metrics', {
      environment,
      function: closeAudit,
      metrics: [{ name: 'AuditTrailBroken', messages: ['AUDIT_TRAIL_BROKEN'] }],
    });
    new Alarm(this, 'broken', {
      environment,
      alarmName: `${environment.prefix}-${environment.name}-audit-trail-broken`,
      meaning: `the audit trail is not what was written: read AUDIT_TRAIL_BROKEN in /aws/lambda/${environment.resourceName('function', 'close-audit')}, then verify (npm run audit -- verify)`,
      runbook: 'audit-trail-broken',
      namespace: environment.metricNamespace,
      metricName: 'AuditTrailBroken',
      statistic: 'Sum',
      period: 300,
      evaluationPeriods: 1,
      threshold: 1,
      comparisonOperator: 'GreaterThanOrEqualToThreshold',
      treatMissingData: 'notBreaching',
    });
    // Whoever stops the schedule stops what would find out about the rest: no value is the bad news here.
    new Alarm(this, 'open', {
      environment,
      alarmName: `${environment.prefix}-${environment.name}-audit-trail-open`,
      meaning: `close-audit was not called for two hours, so no digest proves the hours since: look at its schedule and its concurrency (npm run status)`,
      runbook: 'audit-trail-broken',
      namespace: 'AWS/Lambda',
      metricName: 'Invocations',
      dimensions: { FunctionName: closeAudit.plainName },
      statistic: 'Sum',
      period: 3600,
      evaluationPeriods: 2,
      threshold: 1,
      comparisonOperator: 'LessThanThreshold',
      treatMissingData: 'breaching',
    });
    return closeAudit;
  }

  #allowEvidence(
    grantee: HandlerFunction,
    environment: IntegrationEnvironment,
    reads: readonly ('records' | 'digests')[],
    writes: 'records' | 'digests',
  ): void {
    const { arn } = this.bucket;
    grantee.allow({ Sid: 'WriteEvidence', Effect: 'Allow', Action: writeEvidenceActions, Resource: [`${arn}/${writes}/*`] });
    grantee.allow({ Sid: 'ReadEvidence', Effect: 'Allow', Action: readEvidenceActions, Resource: reads.map((one) => `${arn}/${one}/*`) });
    grantee.allow({ Sid: 'ListEvidence', Effect: 'Allow', Action: listEvidenceActions, Resource: [arn] });
    grantee.allow({
      Sid: 'UseTrailKey',
      Effect: 'Allow',
      Action: useTrailKeyActions,
      Resource: [environment.key.arn],
      Condition: { StringEquals: { 'kms:ViaService': `s3.${environment.region}.amazonaws.com` } },
    });
  }
}

function checkedLock(mode: ObjectLock['mode']): ObjectLock['mode'] {
  if (mode !== 'governance' && mode !== 'compliance')
    throw new WrongPropError(`auditLock is ${JSON.stringify(mode)}: give "governance" or "compliance"`);
  return mode;
}
