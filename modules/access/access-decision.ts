/** Decides who should have what: decide-access reads the mirror and the role mappings, and keeps its decisions in the grants table. */
import { Lazy, Token } from 'cdktf';
import { Construct } from 'constructs';
import type { decideAccessEnvironment } from '../../handlers/access/decide-access/environment.ts';
import { parseRoleMappings, type RoleMapping } from '../../handlers/access/role-mapping.ts';
import { eventTypes, type IdentityEventType } from '../../handlers/events/catalogue.ts';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { DirectoryWatch } from '../directory/directory-watch.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import type { ConfigurationBucket } from '../platform/configuration-bucket.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { MessageQueue } from '../platform/message-queue.ts';
import type { Grantee } from '../platform/policy.ts';
import { type NonEmpty, nonEmpty, WrongPropError } from '../platform/prop-checks.ts';
import { Table } from '../platform/table.ts';
import { keepGrantsActions, readGrantsActions, readRoleMappingsActions } from './permissions.ts';

export interface AccessDecisionProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly directory: DirectoryWatch;
  readonly configuration: ConfigurationBucket;
  /** Which group of the directory gives which role. */
  readonly roleMappings: NonEmpty<RoleMapping>;
}

/** Of people and groups, and the one after which all of them are looked at. Computers, services and policies hold no role. */
const isDecisive = (type: IdentityEventType): boolean => /^(?:User|Group)/.test(type) || type === 'DirectorySnapshotCompleted';

/** Events of the directory that can change what somebody should have. */
export const decisiveEvents = nonEmpty(
  'decisiveEvents',
  eventTypes('active-directory.directory').filter(isDecisive),
  'the catalogue has to have events of the directory',
);

export class AccessDecision extends Construct {
  /** What every principal should have, and the decision that says so. */
  readonly grants: Table;
  readonly queue: MessageQueue;
  readonly decideAccess: HandlerFunction;
  #roleQueue: MessageQueue | undefined;

  constructor(scope: Construct, id: string, props: AccessDecisionProps) {
    super(scope, id);
    const { environment, bus } = props;
    const mappings = props.configuration.addJson('role-mappings', 'role-mappings', checkedMappings(props.roleMappings));
    this.grants = new Table(this, 'grants', { environment, name: 'grants' });

    const variables: Environment<typeof decideAccessEnvironment> = {
      DIRECTORY_TABLE: props.directory.table.name,
      GRANTS_TABLE: this.grants.name,
      ROLE_MAPPINGS_BUCKET: mappings.bucket,
      ROLE_MAPPINGS_KEY: mappings.key,
      DECISION_QUEUE_URL: Lazy.stringValue({ produce: () => this.queue.url }),
      ROLE_QUEUE_URL: Lazy.stringValue({ produce: () => this.#roleQueue?.url }),
      IDENTITY_BUS: bus.name,
    };
    this.decideAccess = new HandlerFunction(this, 'decide-access', {
      environment,
      function: 'decide-access',
      variables,
      invocation: 'queue',
      timeoutSeconds: 60,
    });
    this.queue = new MessageQueue(this, 'queue', {
      environment,
      name: 'decide-access',
      visibilityTimeoutSeconds: 6 * this.decideAccess.timeoutSeconds,
      deadLetters: this.decideAccess.deadLetters,
    });
    bus.rule(this, 'decide-access', { types: decisiveEvents, queue: this.queue });
    this.decideAccess.consumeQueue(this.queue, { batchSize: 10, maximumConcurrency: 10 });

    props.directory.grantReadMirror(this.decideAccess);
    this.decideAccess.allow({ Sid: 'KeepGrants', Effect: 'Allow', Action: keepGrantsActions, Resource: [this.grants.arn] });
    this.decideAccess.allow({ Sid: 'ReadRoleMappings', Effect: 'Allow', Action: readRoleMappingsActions, Resource: [mappings.arn] });
    this.queue.grantSendMessages(this.decideAccess, 'FanOutToPrincipals');
    bus.grantPutEvents(this.decideAccess);
    this.node.addValidation({
      validate: () => (this.#roleQueue ? [] : [`decisions of ${this.node.path} reach nobody: add a RoleSync with this access decision`]),
    });
  }

  /** Sends every decision to this queue. RoleSync calls it for its own. */
  deliverTo(queue: MessageQueue): void {
    if (this.#roleQueue)
      throw new WrongPropError(`decisions of ${this.node.path} are delivered to ${this.#roleQueue.name}: one RoleSync makes them so`);
    this.#roleQueue = queue;
    queue.grantSendMessages(this.decideAccess, 'DeliverDecisions');
  }

  /** Lets the grantee read what a principal should have. */
  grantReadGrants(grantee: Grantee): void {
    grantee.allow({ Sid: 'ReadGrants', Effect: 'Allow', Action: readGrantsActions, Resource: [this.grants.arn] });
  }
}

function checkedMappings(mappings: readonly RoleMapping[]): readonly RoleMapping[] {
  if (Token.isUnresolved(mappings))
    throw new WrongPropError('roleMappings is known only at apply: write the mappings in the props, so that a plan shows them');
  nonEmpty('roleMappings', mappings, 'give at least one mapping of a group to a role');
  return parseRoleMappings(mappings);
}
