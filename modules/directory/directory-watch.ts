/** Watches a directory: detect-changes mirrors it into the directory table, publish-changes turns each change of the table into events. */
import { CloudwatchMetricAlarm } from '@cdktf/provider-aws/lib/cloudwatch-metric-alarm/index.js';
import { IamRole } from '@cdktf/provider-aws/lib/iam-role/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import { LambdaFunctionEventInvokeConfig } from '@cdktf/provider-aws/lib/lambda-function-event-invoke-config/index.js';
import { SchedulerSchedule } from '@cdktf/provider-aws/lib/scheduler-schedule/index.js';
import { SchedulerScheduleGroup } from '@cdktf/provider-aws/lib/scheduler-schedule-group/index.js';
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import type { detectChangesEnvironment } from '../../handlers/directory/detect-changes/environment.ts';
import type { publishChangesEnvironment } from '../../handlers/directory/publish-changes/environment.ts';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type Grantee, policyDocument, trustPolicy } from '../platform/policy.ts';
import { WrongPropError } from '../platform/prop-checks.ts';
import { Table } from '../platform/table.ts';
import { Directory, type DirectoryProps } from './directory.ts';
import { invokeActions, listMirrorActions, maintainMirrorActions, readBindSecretActions, readMirrorActions } from './permissions.ts';

/** How often the directory is polled. EventBridge Scheduler knows no rate below a minute. */
export type PollSchedule = `rate(${number} minute${'' | 's'})`;

export interface DirectoryWatchProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly directory: DirectoryProps;
  /** @default 'rate(1 minute)' */
  readonly schedule?: PollSchedule;
}

export class DirectoryWatch extends Construct {
  readonly directory: Directory;
  /** The mirror of the directory, its cursor, and the outbox of its changes. */
  readonly table: Table;
  readonly detectChanges: HandlerFunction;
  readonly publishChanges: HandlerFunction;

  constructor(scope: Construct, id: string, props: DirectoryWatchProps) {
    super(scope, id);
    const { environment } = props;
    this.directory = new Directory(this, 'directory', environment, props.directory);
    this.table = new Table(this, 'table', {
      environment,
      name: 'directory',
      shape: {
        rangeKey: 'sk',
        attribute: [
          { name: 'pk', type: 'S' },
          { name: 'sk', type: 'S' },
          { name: 'listedUnder', type: 'S' },
        ],
        globalSecondaryIndex: [{ name: 'listing', hashKey: 'listedUnder', rangeKey: 'pk', projectionType: 'KEYS_ONLY' }],
        ttl: { attributeName: 'expiresAt', enabled: true },
        streamEnabled: true,
        streamViewType: 'NEW_AND_OLD_IMAGES',
      },
    });
    this.detectChanges = this.#detectChanges(environment);
    this.#poll(environment, pollSchedule(props.schedule ?? 'rate(1 minute)'));
    this.publishChanges = this.#publishChanges(environment, props.bus);
  }

  /** Lets the grantee read objects and edges, and list them. */
  grantReadMirror(grantee: Grantee): void {
    grantee.allow({ Sid: 'ReadMirror', Effect: 'Allow', Action: readMirrorActions, Resource: [this.table.arn] });
    this.#grantListMirror(grantee);
  }

  #grantListMirror(grantee: Grantee): void {
    grantee.allow({ Sid: 'ListMirror', Effect: 'Allow', Action: listMirrorActions, Resource: [`${this.table.arn}/index/listing`] });
  }

  #detectChanges(environment: IntegrationEnvironment): HandlerFunction {
    const { directory, table } = this;
    const variables: Environment<typeof detectChangesEnvironment> = {
      DIRECTORY_TABLE: table.name,
      DIRECTORY_DOMAIN: directory.domain,
      LDAPS_URLS: directory.ldapsUrls.join(','),
      LDAP_CA: directory.caCertificate,
      BIND_SECRET_ARN: directory.bindSecretArn,
    };
    const detectChanges = new HandlerFunction(this, 'detect-changes', {
      environment,
      function: 'detect-changes',
      variables,
      invocation: 'asynchronous',
      timeoutSeconds: 120,
      // One poll at a time: a second one would only find the first one's lease.
      reservedConcurrency: 1,
      network: { subnetIds: directory.network.subnetIds, securityGroupIds: [directory.network.securityGroupId] },
    });
    detectChanges.allow({ Sid: 'MaintainMirror', Effect: 'Allow', Action: maintainMirrorActions, Resource: [table.arn] });
    this.#grantListMirror(detectChanges);
    detectChanges.allow({ Sid: 'ReadBindSecret', Effect: 'Allow', Action: readBindSecretActions, Resource: [directory.bindSecretArn] });
    return detectChanges;
  }

  /** A poll that fails is not repeated: the next one is due before a retry would be, and carries on from the same cursor. */
  #poll(environment: IntegrationEnvironment, schedule: string): void {
    const { functionName, arn } = this.detectChanges;
    new LambdaFunctionEventInvokeConfig(this, 'invocation', {
      functionName,
      maximumRetryAttempts: 0,
      // Longer than two polls of a large directory: an event that waits for its turn is no failure.
      maximumEventAgeInSeconds: 900,
    });
    // A schedule, role or function that is gone fails nowhere: there are only no polls any more.
    const minutes = Number(/\d+/.exec(schedule)?.[0]);
    new CloudwatchMetricAlarm(this, 'silent', {
      alarmName: `${environment.resourceName('function', 'detect-changes')}-silent`,
      alarmDescription: 'the directory was not polled for three turns: look at the schedule, its role and the throttles of detect-changes',
      namespace: 'AWS/Lambda',
      metricName: 'Invocations',
      dimensions: { FunctionName: environment.resourceName('function', 'detect-changes') },
      statistic: 'Sum',
      period: 60 * minutes,
      evaluationPeriods: 3,
      threshold: 1,
      comparisonOperator: 'LessThanThreshold',
      treatMissingData: 'breaching',
      alarmActions: [...environment.alarmActions],
    });
    const group = new SchedulerScheduleGroup(this, 'schedule-group', { name: environment.resourceName('schedule', 'directory') });
    const role = new IamRole(this, 'schedule-role', {
      name: environment.resourceName('role', 'poll-directory'),
      description: 'invokes detect-changes on schedule',
      // EventBridge Scheduler User Guide, "Confused deputy prevention": the source is the schedule's group.
      assumeRolePolicy: trustPolicy('scheduler.amazonaws.com', {
        StringEquals: { 'aws:SourceAccount': environment.account },
        ArnEquals: { 'aws:SourceArn': group.arn },
      }),
      ...(environment.permissionsBoundaryArn ? { permissionsBoundary: environment.permissionsBoundaryArn } : {}),
    });
    const policy = new IamRolePolicy(this, 'schedule-policy', {
      name: 'poll-directory',
      role: role.name,
      policy: policyDocument([{ Sid: 'InvokeDetectChanges', Effect: 'Allow', Action: invokeActions, Resource: [arn] }]),
    });
    new SchedulerSchedule(this, 'schedule', {
      name: environment.resourceName('schedule', 'poll-directory'),
      groupName: group.name,
      description: `polls ${this.directory.domain}`,
      scheduleExpression: schedule,
      flexibleTimeWindow: { mode: 'OFF' },
      target: { arn, roleArn: role.arn, retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 } },
      dependsOn: [policy],
    });
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
    bus.grantPutEvents(publishChanges);
    // The cursor moves with every poll and is nobody's event.
    publishChanges.consumeStream(this.table, { dynamodb: { Keys: { sk: { S: [{ 'anything-but': ['cursor'] }] } } } }, bus.targets);
    return publishChanges;
  }
}

function pollSchedule(schedule: string): string {
  const minutes = Number(/^rate\((\d+) minutes?\)$/.exec(schedule)?.[1] ?? Number.NaN);
  if (!(minutes >= 1 && minutes <= 60)) {
    throw new WrongPropError(
      `schedule is "${schedule}": give rate(1 minute) up to rate(60 minutes), EventBridge Scheduler knows nothing shorter`,
    );
  }
  return minutes === 1 ? 'rate(1 minute)' : `rate(${minutes} minutes)`;
}
