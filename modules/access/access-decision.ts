/**
 * Decides who should have what: decide-access reads the mirror, the role mappings and the policies, and keeps its decisions in the grants
 * table.
 */
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import type { decideAccessEnvironment } from '../../handlers/access/decide-access/environment.ts';
import { eventTypes, type IdentityEventType } from '../../handlers/events/catalogue.ts';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { DirectoryWatch } from '../directory/directory-watch.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import type { ConfigurationBucket, ConfigurationObject } from '../platform/configuration-bucket.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { MessageQueue } from '../platform/message-queue.ts';
import { sendMessageActions } from '../platform/permissions.ts';
import { type Grantee, onlyPartitions } from '../platform/policy.ts';
import { nonEmpty, WrongPropError } from '../platform/prop-checks.ts';
import { ScheduledCall } from '../platform/scheduled-call.ts';
import { Table } from '../platform/table.ts';
import { type AccessProps, addAccessConfiguration, type TargetOfRoles } from './access-configuration-objects.ts';
import {
  countHeldActions,
  keepGrantsActions,
  keepGuardsActions,
  readConfigurationActions,
  readGrantsActions,
  readKnownConfigurationActions,
  readMappingsActions,
  scanGrantsActions,
} from './permissions.ts';

export interface AccessDecisionProps extends AccessProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly directory: DirectoryWatch;
  readonly configuration: ConfigurationBucket;
  /** Where roles are made so, by name. */
  readonly targets: Readonly<Record<string, TargetOfRoles>>;
}

/**
 * Of people and groups, and the one after which all of them are looked at. Computers, services and policies hold no role; only of passwords the
 * type does not tell whose they are. Mappings and policies ask for those: an old one, one that has to be changed.
 */
const isDecisive = (type: IdentityEventType): boolean =>
  /^(?:User|Group)/.test(type) || type === 'PasswordChanged' || type === 'DirectorySnapshotCompleted';

/** Events of the directory that can change what somebody should have. */
export const decisiveEvents = nonEmpty(
  'decisiveEvents',
  eventTypes('active-directory.directory').filter(isDecisive),
  'the catalogue has to have events of the directory',
);

export class AccessDecision extends Construct {
  /** What every principal should have, and the decision that says so; and what guards hold back. */
  readonly grants: Table;
  readonly queue: MessageQueue;
  readonly decideAccess: HandlerFunction;
  /** Key of the object with mappings and the names of policies, which holds their hash: their revision. */
  readonly configurationRevision: string;
  /** The object with role mappings and the names of policies. */
  readonly configuration: ConfigurationObject;
  readonly #targets: readonly string[];
  #roleQueues: Readonly<Record<string, MessageQueue>> | undefined;

  constructor(scope: Construct, id: string, props: AccessDecisionProps) {
    super(scope, id);
    const { environment, bus, directory } = props;
    this.#targets = Object.keys(props.targets);
    const objects = addAccessConfiguration(props.configuration, props, {
      targets: props.targets,
      attributes: directory.attributes,
      domains: directory.domains,
    });
    this.configuration = objects.configuration;
    this.configurationRevision = objects.configuration.key;
    this.grants = new Table(this, 'grants', {
      environment,
      name: 'grants',
      shape: { rangeKey: 'sk', attribute: ['pk', 'sk'].map((name) => ({ name, type: 'S' })) },
    });

    const variables: Environment<typeof decideAccessEnvironment> = {
      DIRECTORY_TABLE: directory.table.name,
      DIRECTORY_DOMAINS: directory.domains.join(','),
      GRANTS_TABLE: this.grants.name,
      ACCESS_BUCKET: objects.configuration.bucket,
      ACCESS_KEY: objects.configuration.key,
      DECISION_QUEUE_URL: Lazy.stringValue({ produce: () => this.queue.url }),
      ROLE_QUEUES: Lazy.stringValue({ produce: () => queueUrls(this.#roleQueues ?? {}) }),
      IDENTITY_BUS: bus.name,
    };
    this.decideAccess = new HandlerFunction(this, 'decide-access', {
      environment,
      function: 'decide-access',
      variables,
      invocation: 'queue',
      timeoutSeconds: 60,
      after: [objects.configuration, ...objects.policies].map(({ resource }) => resource),
    });
    this.queue = new MessageQueue(this, 'queue', {
      environment,
      name: 'decide-access',
      consumer: 'decide-access',
      visibilityTimeoutSeconds: 6 * this.decideAccess.timeoutSeconds,
      deadLetters: this.decideAccess.deadLetters,
    });
    bus.rule(this, 'decide-access', { types: decisiveEvents, queue: this.queue });
    this.decideAccess.consumeQueue(this.queue, { batchSize: 10, maximumConcurrency: 10 });
    // Validity windows begin and end, and a deployment changes mappings and policies, without an event of the directory.
    new ScheduledCall(this, 'revalidation', {
      environment,
      name: 'revalidate-access',
      description: 'looks whether access has to be decided anew',
      minutes: 1,
      queue: this.queue,
      input: { revalidate: true },
    });

    directory.grantReadMirror(this.decideAccess);
    this.#allowGrants();
    const read = [objects.configuration, ...objects.policies].map(({ arn }) => arn);
    this.decideAccess.allow({ Sid: 'ReadConfiguration', Effect: 'Allow', Action: readConfigurationActions, Resource: read });
    this.queue.grantSendMessages(this.decideAccess, 'FanOutToPrincipals');
    bus.grantPutEvents(this.decideAccess, 'active-directory.access');
    this.node.addValidation({
      validate: () => (this.#roleQueues ? [] : [`decisions of ${this.node.path} reach nobody: add a RoleSync with this access decision`]),
    });
  }

  /** Sends every decision to the queues of the targets it concerns. RoleSync calls it for its own. */
  deliverTo(queues: Readonly<Record<string, MessageQueue>>): void {
    if (this.#roleQueues) {
      const names = Object.values(this.#roleQueues).map(({ name }) => name);
      throw new WrongPropError(`decisions of ${this.node.path} are delivered to ${names.join(', ')}: one RoleSync makes them so`);
    }
    const missing = this.#targets.filter((target) => queues[target] === undefined);
    if (missing.length > 0) {
      throw new WrongPropError(`decisions for ${missing.join(', ')} have no queue: give RoleSync the targets of the access decision`);
    }
    this.#roleQueues = queues;
    const Resource = Object.values(queues).map(({ arn }) => arn);
    this.decideAccess.allow({ Sid: 'DeliverDecisions', Effect: 'Allow', Action: sendMessageActions, Resource });
  }

  /** Lets the grantee read what a principal should have. */
  grantReadGrants(grantee: Grantee): void {
    grantee.allow({ Sid: 'ReadGrants', Effect: 'Allow', Action: readGrantsActions, Resource: [this.grants.arn] });
  }

  /** Lets the grantee read what all principals should have. A scan names no partition, so it also reads what guards hold back. */
  grantScanGrants(grantee: Grantee): void {
    grantee.allow({ Sid: 'ScanGrants', Effect: 'Allow', Action: scanGrantsActions, Resource: [this.grants.arn] });
  }

  /** Lets the grantee read role mappings, and no policy. */
  grantReadMappings(grantee: Grantee): void {
    grantee.allow({ Sid: 'ReadMappings', Effect: 'Allow', Action: readMappingsActions, Resource: [this.configuration.arn] });
  }

  /** Lets the grantee keep the guards of these targets, and no principal's grants. */
  grantKeepGuards(grantee: Grantee, targets: readonly string[]): void {
    this.#allowGuards(grantee, 'KeepGuards', keepGuardsActions, targets);
  }

  /** Lets the grantee note how much these targets hold, which is what their guards' shares are of. */
  grantCountHeld(grantee: Grantee, targets: readonly string[]): void {
    this.#allowGuards(grantee, 'CountHeld', countHeldActions, targets);
  }

  #allowGuards(grantee: Grantee, Sid: string, Action: readonly string[], targets: readonly string[]): void {
    const Condition = onlyPartitions(...targets.map((target) => `guard#${target}`));
    grantee.allow({ Sid, Effect: 'Allow', Action, Resource: [this.grants.arn], Condition });
  }

  #allowGrants(): void {
    const Resource = [this.grants.arn];
    this.decideAccess.allow({ Sid: 'KeepGrants', Effect: 'Allow', Action: keepGrantsActions, Resource });
    this.grantScanGrants(this.decideAccess);
    this.decideAccess.allow({
      Sid: 'ReadKnownConfiguration',
      Effect: 'Allow',
      Action: readKnownConfigurationActions,
      Resource,
      Condition: onlyPartitions('configuration'),
    });
    // Denied, not left out of what is allowed: principals of a directory that is not watched any more are still decided for.
    this.decideAccess.allow({
      Sid: 'TouchesNoGuard',
      Effect: 'Deny',
      Action: keepGrantsActions,
      Resource,
      Condition: { 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': ['guard#*'] } },
    });
  }
}

/** JSON of each target's queue. */
const queueUrls = (queues: Readonly<Record<string, MessageQueue>>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(queues).map(([target, { url }]) => [target, url])));
