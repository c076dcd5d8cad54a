/** One directory that is watched: the way to it, the detect-changes that reads it and nothing else, its schedule, metrics and alarms. */
import { Construct } from 'constructs';
import type { detectChangesEnvironment } from '../../handlers/directory/detect-changes/environment.ts';
import type { Environment } from '../../handlers/platform/environment.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type Condition, onlyPartitions } from '../platform/policy.ts';
import { matching, WrongPropError } from '../platform/prop-checks.ts';
import { ScheduledCall } from '../platform/scheduled-call.ts';
import type { Table } from '../platform/table.ts';
import { type CaptureProps, captureVariable } from './capture.ts';
import { Directory, type DirectoryProps } from './directory.ts';
import { DirectoryMetrics } from './directory-metrics.ts';
import { directoryName } from './directory-name.ts';
import { listMirrorActions, maintainMirrorActions, readBindSecretActions, readHintsActions, scanMirrorActions } from './permissions.ts';
import { type PollSchedule, pollMinutes } from './poll-schedule.ts';
import { SecurityLog, type SecurityLogProps } from './security-log.ts';

/** What is reacted to, apart from the schedule. */
export type Reaction = 'schedule' | 'security-log';

export interface WatchProps {
  /** Lower-case letters, digits and "-", a part of the names of the directory's resources. @default the first label of its domain */
  readonly name?: string;
  /** What is read and told of. @default everything, with replication rights */
  readonly capture?: CaptureProps;
  /**
   * `schedule`: a change is seen by the next poll. `security-log`: its event in the Security log wakes detect-changes at once, and the schedule is
   * the net below.
   *
   * @default 'schedule'
   */
  readonly reaction?: Reaction;
  /** How often the directory is polled. @default 'rate(1 minute)', or 'rate(5 minutes)' with reaction 'security-log' */
  readonly schedule?: PollSchedule;
  /** Where its Security log is, which also tells who did it. @default it is not read */
  readonly securityLog?: SecurityLogProps;
}

/** The directory to follow, an existing one or an AWS Managed Microsoft AD to create, and how. */
export type WatchedDirectoryProps = DirectoryProps & WatchProps;

/** What the directories of an environment share. */
export interface SharedByDirectories {
  readonly environment: IntegrationEnvironment;
  readonly table: Table;
  /** Hints at who did it; there when any directory's Security log is read. */
  readonly actors: Table | undefined;
}

export class WatchedDirectory extends Construct {
  readonly name: string;
  readonly directory: Directory;
  /** Attributes that are mirrored besides those that every user and group has. */
  readonly attributes: readonly string[];
  /** It is read with the right "Replicating Directory Changes". */
  readonly replicates: boolean;
  readonly detectChanges: HandlerFunction;
  readonly securityLog: SecurityLog | undefined;
  /** Events of the Security log wake detect-changes. */
  readonly wakes: boolean;

  constructor(scope: Construct, id: string, shared: SharedByDirectories, props: WatchedDirectoryProps) {
    super(scope, id);
    const { environment } = shared;
    this.name = directoryName(props);
    // The longest of the names that hold the directory's, so the others fit too.
    const functionName = environment.resourceName(
      'function',
      `detect-changes-${this.name}`,
      "prefix, the environment's name or the directory's",
    );
    this.wakes = reaction(props, this.name) === 'security-log';
    const minutes = pollMinutes(props.schedule ?? (this.wakes ? 'rate(5 minutes)' : 'rate(1 minute)'));
    const { name } = this;
    this.directory = new Directory(this, 'directory', { environment, ...props, name });
    const { domain, directoryId } = this.directory;
    this.attributes = props.capture?.attributes ?? [];
    this.replicates = props.capture?.mode !== 'object-security';
    this.securityLog =
      props.securityLog && new SecurityLog(this, 'security-log', { environment, name, log: props.securityLog, directoryId });
    this.detectChanges = this.#detectChanges(shared, props.capture ?? {});
    const { detectChanges } = this;
    new ScheduledCall(this, 'poll', {
      environment,
      name: `poll-directory-${name}`,
      description: `polls ${domain}`,
      minutes,
      function: detectChanges,
    });
    new DirectoryMetrics(this, 'metrics', { environment, domain, detectChanges, functionName, minutes });
  }

  #detectChanges({ environment, table, actors }: SharedByDirectories, capture: CaptureProps): HandlerFunction {
    const { directory, name } = this;
    const hints = this.securityLog && actors;
    const variables: Environment<typeof detectChangesEnvironment> = {
      DIRECTORY_TABLE: table.name,
      DIRECTORY_DOMAIN: directory.domain,
      LDAPS_URLS: directory.ldapsUrls.join(','),
      LDAP_CA: directory.caCertificate,
      BIND_SECRET_ARN: directory.bindSecretArn,
      // The table's plain name, so that the variables' size is known at synth; the function comes after the table by its policy.
      CAPTURE: captureVariable({ name, domain: directory.domain }, capture, hints && environment.resourceName('table', 'actors')),
    };
    const detectChanges = new HandlerFunction(this, 'detect-changes', {
      environment,
      function: 'detect-changes',
      instance: name,
      variables,
      invocation: 'asynchronous',
      timeoutSeconds: 120,
      // One poll at a time: a second one would only find the first one's lease.
      reservedConcurrency: 1,
      network: { subnetIds: directory.network.subnetIds, securityGroupIds: [directory.network.securityGroupId] },
    });
    const allow = (Sid: string, Action: readonly string[], Resource: readonly string[], Condition?: Condition) =>
      detectChanges.allow({ Sid, Effect: 'Allow', Action, Resource, ...(Condition && { Condition }) });
    // The table is shared with the environment's other directories: their rows are neither written nor asked for.
    const { domain } = directory;
    allow('MaintainMirror', maintainMirrorActions, [table.arn], onlyPartitions(`${domain}#*`));
    // A full sync and a verification go through all rows. It reads the other directories' too, and writes nothing.
    allow('ScanMirror', scanMirrorActions, [table.arn]);
    // Keys alone. Whether LeadingKeys means an index's own key is not documented clearly enough to hang every poll on it.
    allow(
      'ListMirror',
      listMirrorActions,
      ['listing', 'due'].map((index) => `${table.arn}/index/${index}`),
    );
    if (hints) allow('ReadHints', readHintsActions, [hints.arn]);
    allow('ReadBindSecret', readBindSecretActions, [directory.bindSecretArn]);
    return detectChanges;
  }
}

function reaction(props: WatchedDirectoryProps, name: string): string {
  const wanted = matching('reaction', props.reaction ?? 'schedule', /^(?:schedule|security-log)$/, 'give "schedule" or "security-log"');
  if (wanted === 'security-log' && props.securityLog === undefined) {
    throw new WrongPropError(
      `reaction of directory "${name}" is "security-log": give its securityLog, { managed: true } or { logGroupName }`,
    );
  }
  return wanted;
}
