/**
 * Watches directories: each one's detect-changes mirrors it into the directory table, publish-changes turns each change of the table into
 * events, and read-security-log keeps who did it.
 */
import { Lazy, Token } from 'cdktf';
import { Construct } from 'constructs';
import type { publishChangesEnvironment } from '../../handlers/directory/publish-changes/environment.ts';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type LogMetric, LogMetrics } from '../platform/log-metrics.ts';
import type { Grantee } from '../platform/policy.ts';
import { type NonEmpty, nonEmpty, present, WrongPropError } from '../platform/prop-checks.ts';
import { Table } from '../platform/table.ts';
import { checkDistinct, directoryName, repeated } from './directory-name.ts';
import { listMirrorActions, lookUpObjectsActions, readMirrorActions } from './permissions.ts';
import { SecurityLogReader } from './security-log-reader.ts';
import { WatchedDirectory, type WatchedDirectoryProps } from './watched-directory.ts';

export interface DirectoryWatchProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly directories: NonEmpty<WatchedDirectoryProps>;
}

const publishMetrics: readonly LogMetric[] = [
  { name: 'Events', messages: ['CHANGES_PUBLISHED'], field: '$.events' },
  { name: 'EventsWithActor', messages: ['CHANGES_PUBLISHED'], field: '$.actors' },
];

export class DirectoryWatch extends Construct {
  /** The mirror of the directories, their cursors, and the outbox of their changes. */
  readonly table: Table;
  readonly directories: readonly WatchedDirectory[];
  readonly publishChanges: HandlerFunction;
  /** What reads the Security logs, when there is one to read. */
  readonly securityLogReader: SecurityLogReader | undefined;

  constructor(scope: Construct, id: string, props: DirectoryWatchProps) {
    super(scope, id);
    const { environment } = props;
    const directories = nonEmpty('directories', props.directories, 'name at least one, { existing } or { created }');
    for (const directory of directories) present('directory', directory, 'give { existing } or { created }');
    checkDistinct(directories);
    checkEndpoints(directories);
    this.table = this.#mirrorTable(environment);
    const readsLogs = directories.some(({ securityLog }) => securityLog !== undefined);
    const actors = readsLogs ? actorsTable(this, environment) : undefined;
    this.directories = directories.map(
      (one) => new WatchedDirectory(this, `watched-${directoryName(one)}`, { environment, table: this.table, actors }, one),
    );
    this.securityLogReader = actors && this.#securityLogReader(environment, actors);
    this.publishChanges = this.#publishChanges(environment, props.bus);
  }

  /** Domain names of the directories. */
  get domains(): readonly string[] {
    return this.directories.map(({ directory }) => directory.domain);
  }

  /** Attributes that any of the directories mirrors besides those that every user and group has, in one spelling each, sorted. */
  get attributes(): readonly string[] {
    const spelt = this.directories.flatMap(({ attributes }) => attributes).map((name) => [name.toLowerCase(), name] as const);
    return [...new Map(spelt.reverse()).values()].sort();
  }

  /** Lets the grantee read objects and edges, and list them by group and by security identifier. */
  grantReadMirror(grantee: Grantee): void {
    grantee.allow({ Sid: 'ReadMirror', Effect: 'Allow', Action: readMirrorActions, Resource: [this.table.arn] });
    const indexes = ['listing', 'sid'].map((index) => `${this.table.arn}/index/${index}`);
    grantee.allow({ Sid: 'ListMirror', Effect: 'Allow', Action: listMirrorActions, Resource: indexes });
  }

  /** Lets the grantee look up objects that it knows the keys of, and list none. */
  grantLookUpObjects(grantee: Grantee): void {
    grantee.allow({ Sid: 'LookUpObjects', Effect: 'Allow', Action: lookUpObjectsActions, Resource: [this.table.arn] });
  }

  #mirrorTable(environment: IntegrationEnvironment): Table {
    const index = (name: string, hashKey: string, rangeKey: string) => ({ name, hashKey, rangeKey, projectionType: 'KEYS_ONLY' });
    return new Table(this, 'table', {
      environment,
      name: 'directory',
      shape: {
        rangeKey: 'sk',
        attribute: ['pk', 'sk', 'listedUnder', 'dueUnder', 'dueAt', 'sid'].map((name) => ({ name, type: 'S' })),
        globalSecondaryIndex: [index('listing', 'listedUnder', 'pk'), index('due', 'dueUnder', 'dueAt'), index('sid', 'sid', 'pk')],
        ttl: { attributeName: 'expiresAt', enabled: true },
        streamEnabled: true,
        streamViewType: 'NEW_AND_OLD_IMAGES',
      },
    });
  }

  #securityLogReader(environment: IntegrationEnvironment, actors: Table): SecurityLogReader {
    const logs = this.directories.flatMap(({ name, securityLog, wakes, detectChanges }) =>
      securityLog === undefined ? [] : [{ name, log: securityLog, ...(wakes ? { wake: detectChanges } : {}) }],
    );
    const shared = repeated(logs.map(({ log }) => log.logGroupName));
    if (shared !== undefined) {
      throw new WrongPropError(`securityLog.logGroupName "${shared}" is given to two directories: give each a log group of its own`);
    }
    return new SecurityLogReader(this, 'security-log', { environment, actors, logs });
  }

  #publishChanges(environment: IntegrationEnvironment, bus: IdentityBus): HandlerFunction {
    const variables: Environment<typeof publishChangesEnvironment> = {
      IDENTITY_BUS: bus.name,
      DEAD_LETTER_QUEUE_URL: Lazy.stringValue({ produce: () => this.publishChanges.deadLetters.url }),
    };
    const publishChanges = new HandlerFunction(this, 'publish-changes', {
      environment,
      function: 'publish-changes',
      variables,
      invocation: 'stream',
      timeoutSeconds: 60,
    });
    bus.grantPutEvents(publishChanges, 'active-directory.directory');
    // Objects, memberships and the directory's status. Cursors and the notes of a full sync are nobody's event.
    const pattern = { dynamodb: { Keys: { sk: { S: ['object', 'status', { prefix: 'memberOf#' }] } } } };
    publishChanges.consumeStream(this.table, pattern, bus.targets);
    new LogMetrics(this, 'metrics', { environment, function: publishChanges, metrics: publishMetrics });
    return publishChanges;
  }
}

/** Hints at who did it, and the turns of waking; both are forgotten soon. */
function actorsTable(scope: Construct, environment: IntegrationEnvironment): Table {
  return new Table(scope, 'actors', {
    environment,
    name: 'actors',
    shape: {
      rangeKey: 'sk',
      attribute: ['pk', 'sk'].map((name) => ({ name, type: 'S' })),
      ttl: { attributeName: 'expiresAt', enabled: true },
    },
  });
}

/** A VPC has one endpoint of a service with private DNS, so of two directories in it only the first can create it. */
function checkEndpoints(directories: readonly WatchedDirectoryProps[]): void {
  const vpcs = directories.flatMap(({ existing, created }) => {
    const network = (existing ?? created)?.network;
    return network?.endpoints?.created && !Token.isUnresolved(network.vpcId) ? [network.vpcId] : [];
  });
  const vpc = repeated(vpcs);
  if (vpc === undefined) return;
  throw new WrongPropError(
    `network.endpoints of two directories are to be created in ${vpc}: create them with the VPC, and name them as existing ones`,
  );
}
