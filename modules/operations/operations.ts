/** Seeing an environment run: the dashboard, and the one alarm for "identity is not flowing". Every other alarm is beside what it watches. */
import { CloudwatchDashboard } from '@cdktf/provider-aws/lib/cloudwatch-dashboard/index.js';
import { Construct } from 'constructs';
import type { AuditTrail } from '../audit/audit-trail.ts';
import type { Credentials } from '../credentials/credentials.ts';
import type { DirectoryWatch } from '../directory/directory-watch.ts';
import { Alarm } from '../platform/alarm.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { DeadLetterQueue, MessageQueue } from '../platform/message-queue.ts';
import { Table } from '../platform/table.ts';
import type { RoleSync } from '../roles/role-sync.ts';
import { widgetsOf } from './dashboard.ts';
import { FlowAlarm } from './flow-alarm.ts';
import { pictures } from './pictures.ts';
import { TrailMetrics } from './trail-metrics.ts';

export interface OperationsProps {
  readonly environment: IntegrationEnvironment;
  readonly directory: DirectoryWatch;
  readonly roles: RoleSync;
  readonly audit: AuditTrail;
  /** @default none rotate */
  readonly credentials?: Credentials;
  /** False: no dashboard, for an environment that nobody looks at. @default true */
  readonly dashboard?: boolean;
}

export class Operations extends Construct {
  /** Rings while changes of the directory do not become roles. */
  readonly flowAlarm: FlowAlarm;
  /** Name of the dashboard; undefined where it is left out. */
  readonly dashboardName: string | undefined;

  /** @param scope what holds the parts of the environment: functions, queues, tables and alarms that it has by now are shown */
  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    const { environment, directory, roles, audit, credentials } = props;
    const all = scope.node.findAll();
    const alarms = all.filter((one) => one instanceof Alarm);
    this.flowAlarm = new FlowAlarm(this, 'flow', { environment, alarms: alarms.filter(({ stopsFlow }) => stopsFlow) });
    if (props.dashboard === false) return;
    new TrailMetrics(this, 'trail', { environment, audit });
    const queues = all.filter((one) => one instanceof MessageQueue);
    const isDeadLetters = (queue: MessageQueue) => queue instanceof DeadLetterQueue;
    const rows = pictures({
      environment,
      flowAlarm: this.flowAlarm.plainName,
      alarms: alarms.map(({ plainName }) => plainName),
      domains: directory.domains,
      targets: roles.targets.map(({ name }) => name),
      credentials: credentials?.rotations.map(({ directoryName }) => directoryName) ?? [],
      functions: all.filter((one) => one instanceof HandlerFunction).map(({ plainName }) => plainName),
      streamReader: directory.publishChanges.plainName,
      queues: queues.filter((queue) => !isDeadLetters(queue)).map(({ name }) => name),
      deadLetters: queues.filter(isDeadLetters).map(({ name }) => name),
      tables: all.filter((one) => one instanceof Table).map(({ plainName }) => plainName),
      auditLogGroup: environment.path('audit'),
    });
    this.dashboardName = environment.resourceName('dashboard', 'operations');
    new CloudwatchDashboard(this, 'dashboard', {
      dashboardName: this.dashboardName,
      dashboardBody: JSON.stringify({ widgets: widgetsOf(rows, environment.region) }),
    });
  }
}
