/** Carries out what people decide on guards: settle-guard takes each GuardDecided from the bus, and checks its signature before anything else. */
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { settleGuardEnvironment } from '../../handlers/roles/settle-guard/environment.ts';
import type { AccessDecision } from '../access/access-decision.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import { Alarm } from '../platform/alarm.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { LogMetrics } from '../platform/log-metrics.ts';
import { MessageQueue } from '../platform/message-queue.ts';
import { sendMessageActions } from '../platform/permissions.ts';
import type { ApprovalKey } from './approval-key.ts';

export interface GuardSettlementProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly access: AccessDecision;
  readonly approvals: ApprovalKey;
  /** Queue of each target's decisions, by its name. */
  readonly roleQueues: Readonly<Record<string, MessageQueue>>;
}

export class GuardSettlement extends Construct {
  readonly queue: MessageQueue;
  readonly settleGuard: HandlerFunction;

  constructor(scope: Construct, id: string, props: GuardSettlementProps) {
    super(scope, id);
    const { environment, bus, access, approvals, roleQueues } = props;
    const variables: Environment<typeof settleGuardEnvironment> = {
      GRANTS_TABLE: access.grants.name,
      ROLE_QUEUES: JSON.stringify(Object.fromEntries(Object.entries(roleQueues).map(([target, { url }]) => [target, url]))),
      IDENTITY_BUS: bus.name,
      APPROVAL_KEY_ID: approvals.keyId,
      GUARD_QUEUE_URL: Lazy.stringValue({ produce: () => this.queue.url }),
    };
    this.settleGuard = new HandlerFunction(this, 'settle-guard', {
      environment,
      function: 'settle-guard',
      variables,
      invocation: 'queue',
      timeoutSeconds: 120,
    });
    this.queue = new MessageQueue(this, 'queue', {
      environment,
      name: 'settle-guard',
      consumer: 'settle-guard',
      visibilityTimeoutSeconds: 6 * this.settleGuard.timeoutSeconds,
      deadLetters: this.settleGuard.deadLetters,
    });
    bus.rule(this, 'settle-guard', { types: ['GuardDecided'], queue: this.queue });
    this.settleGuard.consumeQueue(this.queue, { batchSize: 1, maximumConcurrency: 2 });

    access.grantKeepGuards(this.settleGuard, Object.keys(roleQueues));
    const Resource = Object.values(roleQueues).map(({ arn }) => arn);
    this.settleGuard.allow({ Sid: 'SendWhatWasDecided', Effect: 'Allow', Action: sendMessageActions, Resource });
    approvals.grantVerify(this.settleGuard);
    bus.grantPutEvents(this.settleGuard, 'active-directory.roles');
    this.#watch(environment);
  }

  #watch(environment: IntegrationEnvironment): void {
    new LogMetrics(this, 'metrics', {
      environment,
      function: this.settleGuard,
      metrics: [
        { name: 'GuardDecisionsRefused', messages: ['GUARD_DECISION_REFUSED'] },
        { name: 'GuardTrippedAgain', messages: ['GUARD_TRIPPED'] },
      ],
    });
    const log = `/aws/lambda/${environment.resourceName('function', 'settle-guard')}`;
    const alarm = (name: string, metricName: string, meaning: string) =>
      new Alarm(this, name, {
        environment,
        alarmName: `${environment.prefix}-${environment.name}-${name}`,
        meaning,
        runbook: 'guard-tripped',
        namespace: environment.metricNamespace,
        metricName,
        statistic: 'Sum',
        period: 300,
        evaluationPeriods: 1,
        threshold: 1,
        comparisonOperator: 'GreaterThanOrEqualToThreshold',
        treatMissingData: 'notBreaching',
      });
    alarm(
      'guard-decision-refused',
      'GuardDecisionsRefused',
      `a decision about a guard was not carried out: read GUARD_DECISION_REFUSED in ${log}; with the reason "signature" somebody without the right to approve has tried to`,
    );
    alarm(
      'guard-tripped-again',
      'GuardTrippedAgain',
      `more came to be held back while a decision was made: read GUARD_TRIPPED in ${log}, and decide on the guard that it names, too`,
    );
  }
}
