/** The identity bus: where every identity event passes, is archived, and reaches whoever has a rule for it. */
import { CloudwatchEventArchive } from '@cdktf/provider-aws/lib/cloudwatch-event-archive/index.js';
import { CloudwatchEventBus } from '@cdktf/provider-aws/lib/cloudwatch-event-bus/index.js';
import { CloudwatchEventRule } from '@cdktf/provider-aws/lib/cloudwatch-event-rule/index.js';
import { CloudwatchEventTarget } from '@cdktf/provider-aws/lib/cloudwatch-event-target/index.js';
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import { catalogue, type EventSource, type IdentityEventType } from '../../handlers/events/catalogue.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { DeadLetterQueue, type MessageQueue } from '../platform/message-queue.ts';
import { type Grantee, onlySource } from '../platform/policy.ts';
import { type NonEmpty, nonEmpty, wholeNumber } from '../platform/prop-checks.ts';
import { putEventsActions } from './permissions.ts';

export interface IdentityBusProps {
  readonly environment: IntegrationEnvironment;
  /** Days the archive keeps events for a replay. @default 30 */
  readonly archiveRetentionDays?: number;
}

/** Where others put what they want the integration to know: not in the catalogue, as we only listen to it. */
export const signalSource = 'active-directory.signal';

/**
 * Which events a rule takes: those of the types, all of the sources, or signals of others, by their detail-type. `domain` leaves events of
 * other directories out, and is written in any case.
 */
export type IdentityRuleProps = { readonly queue: MessageQueue } & (
  | { readonly types: NonEmpty<IdentityEventType>; readonly domain?: string; readonly sources?: never; readonly signals?: never }
  | { readonly sources: NonEmpty<EventSource>; readonly types?: never; readonly signals?: never }
  | { readonly signals: NonEmpty<string>; readonly types?: never; readonly sources?: never }
);

/**
 * @example
 * bus.rule(this, 'offboarding', { types: ['UserDisabled', 'UserDeleted'], queue });
 */
export class IdentityBus extends Construct {
  readonly name: string;
  readonly arn: string;
  readonly archiveRetentionDays: number;
  readonly #environment: IntegrationEnvironment;
  readonly #deadLetters: DeadLetterQueue;
  readonly #targets: CloudwatchEventTarget[] = [];
  /** Every rule's target, those added later too: an event that is raised before them reaches nobody. */
  readonly targets: string[] = Lazy.listValue({
    produce: () => this.#targets.map(({ terraformResourceType, friendlyUniqueId }) => `${terraformResourceType}.${friendlyUniqueId}`),
  });

  constructor(scope: Construct, id: string, props: IdentityBusProps) {
    super(scope, id);
    const { environment } = props;
    this.#environment = environment;
    const bus = new CloudwatchEventBus(this, 'bus', {
      name: environment.resourceName('bus', 'identity'),
      description: `identity events of ${environment.prefix} ${environment.name}`,
    });
    this.name = bus.name;
    this.arn = bus.arn;
    this.archiveRetentionDays = wholeNumber('archiveRetentionDays', props.archiveRetentionDays ?? 30, 1, 3650);
    new CloudwatchEventArchive(this, 'archive', {
      name: environment.resourceName('archive', 'identity'),
      description: 'every identity event, for a replay',
      eventSourceArn: bus.arn,
      retentionDays: this.archiveRetentionDays,
    });
    this.#deadLetters = new DeadLetterQueue(this, 'dead-letters', { environment, name: 'undeliverable', stopsFlow: true });
  }

  /**
   * Lets the grantee raise events of one source on this bus, and none in the name of another: what follows, and the audit trail, go by the
   * source. Others than the integration's functions raise signals, and who approves what a guard holds back, `active-directory.approval`.
   */
  grantPutEvents(grantee: Grantee, source: EventSource | typeof signalSource): void {
    grantee.allow({ Sid: 'RaiseEvents', Effect: 'Allow', Action: putEventsActions, Resource: [this.arn], Condition: onlySource(source) });
  }

  /**
   * Delivers events to a queue. What EventBridge cannot deliver within a day ends in the bus's dead-letter queue.
   *
   * @param id last part of the rule's name
   */
  rule(scope: Construct, id: string, props: IdentityRuleProps): CloudwatchEventRule {
    const rule = new CloudwatchEventRule(scope, `${id}-rule`, {
      name: this.#environment.resourceName('rule', id),
      description: `identity events for ${id}`,
      eventBusName: this.name,
      eventPattern: JSON.stringify(eventPattern(props)),
    });
    const target = new CloudwatchEventTarget(scope, `${id}-target`, {
      eventBusName: this.name,
      rule: rule.name,
      targetId: 'queue',
      arn: props.queue.arn,
      deadLetterConfig: { arn: this.#deadLetters.arn },
      // What EventBridge may not deliver is not retried, and lost when the dead-letter queue refuses it too.
      dependsOn: [props.queue.policy, this.#deadLetters.policy],
    });
    this.#targets.push(target);
    props.queue.allowRule(id, rule.arn);
    this.#deadLetters.allowRule(id, rule.arn);
    return rule;
  }
}

interface EventPattern {
  readonly source: readonly string[];
  readonly 'detail-type'?: readonly string[];
  readonly detail?: object;
}

function eventPattern(props: IdentityRuleProps): EventPattern {
  if (props.sources) return { source: nonEmpty('sources', props.sources, 'name the sources the rule is for') };
  if (props.signals)
    return { source: [signalSource], 'detail-type': nonEmpty('signals', props.signals, 'name the signals the rule is for') };
  const types = nonEmpty('types', props.types, 'name the event types the rule is for');
  return {
    source: [...new Set(types.map((type) => catalogue[type].source))],
    'detail-type': types,
    ...(props.domain === undefined ? {} : { detail: { domain: [{ 'equals-ignore-case': props.domain }] } }),
  };
}
