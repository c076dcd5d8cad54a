/** One target: the queue of its decisions, the sync-roles that alone changes it, and the reconcile that compares all of it. */
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { reconcileEnvironment } from '../../handlers/roles/reconcile/environment.ts';
import type { syncRolesEnvironment } from '../../handlers/roles/sync-roles/environment.ts';
import type { AccessDecision } from '../access/access-decision.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { MessageQueue } from '../platform/message-queue.ts';
import { onlyPartitions } from '../platform/policy.ts';
import type { PrivateBucket } from '../platform/private-bucket.ts';
import { ScheduledCall } from '../platform/scheduled-call.ts';
import { secretWithoutValue } from '../platform/secret.ts';
import type { Table } from '../platform/table.ts';
import {
  forgetProgressActions,
  keepLedgerActions,
  keepReportsActions,
  keepRunActions,
  missReportsActions,
  readLedgerActions,
  readTargetSecretActions,
} from './permissions.ts';
import { TargetMetrics } from './target-metrics.ts';
import { permissionsAt, type TargetDefinition, targetVariable } from './target-props.ts';

export interface RoleTargetProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly access: AccessDecision;
  /** What was made at the targets, and their budgets of calls. */
  readonly ledger: Table;
  /** Where drift reports lie, under `reconcile/<target>/`. */
  readonly reports: PrivateBucket;
  readonly target: TargetDefinition;
}

export class RoleTarget extends Construct {
  readonly name: string;
  /** One message group a principal: changes of one are made in order, those of others meanwhile. */
  readonly queue: MessageQueue;
  /** The target's secret, where its kind needs one. */
  readonly secretArn: string | undefined;
  readonly syncRoles: HandlerFunction;
  readonly reconcile: HandlerFunction;

  constructor(scope: Construct, id: string, props: RoleTargetProps) {
    super(scope, id);
    const { environment, target } = props;
    this.name = target.settings.name;
    this.secretArn = this.#secret(environment, target);
    this.syncRoles = this.#syncRoles(props);
    this.queue = new MessageQueue(this, 'queue', {
      environment,
      name: `sync-roles-${this.name}`,
      consumer: 'sync-roles',
      fifo: true,
      visibilityTimeoutSeconds: 6 * this.syncRoles.timeoutSeconds,
      deadLetters: this.syncRoles.deadLetters,
    });
    // The budget in the ledger keeps them within what the target allows; more of them would only wait for it.
    this.syncRoles.consumeQueue(this.queue, { batchSize: 10, maximumConcurrency: 5 });
    this.reconcile = this.#reconcile(props);
    new ScheduledCall(this, 'reconciliation', {
      environment,
      name: `schedule-reconcile-${this.name}`,
      description: `compares ${this.name} with the decisions`,
      // The function knows whether a run is due, or under way: a long one takes several invocations.
      minutes: 5,
      function: this.reconcile,
      input: {},
    });
    new TargetMetrics(this, 'metrics', { environment, target, syncRoles: this.syncRoles, reconcile: this.reconcile });
  }

  #secret(environment: IntegrationEnvironment, { secret, settings }: TargetDefinition): string | undefined {
    if (secret === 'none') return undefined;
    if (secret !== 'created') return secret.arn;
    return secretWithoutValue(this, 'secret', {
      environment,
      name: `target/${this.name}`,
      description: `what the functions log on to ${this.name} (${settings.kind}) with`,
    });
  }

  #syncRoles({ environment, bus, access, ledger, target }: RoleTargetProps): HandlerFunction {
    const variables: Environment<typeof syncRolesEnvironment> = {
      ENVIRONMENT: environment.name,
      TARGET: targetVariable(target),
      TARGET_SECRET_ARN: this.secretArn ?? 'none',
      GRANTS_TABLE: access.grants.name,
      ROLES_TABLE: ledger.name,
      ROLE_QUEUE_URL: Lazy.stringValue({ produce: () => this.queue.url }),
      IDENTITY_BUS: bus.name,
    };
    const syncRoles = new HandlerFunction(this, 'sync-roles', {
      environment,
      function: 'sync-roles',
      instance: this.name,
      variables,
      invocation: 'fifo-queue',
      timeoutSeconds: 120,
    });
    access.grantReadGrants(syncRoles);
    this.#allowTarget(syncRoles, 'keep', environment, target);
    access.grantKeepGuards(syncRoles, [this.name]);
    syncRoles.allow({
      Sid: 'KeepLedger',
      Effect: 'Allow',
      Action: keepLedgerActions,
      Resource: [ledger.arn],
      Condition: onlyPartitions(`${this.name}#*`),
    });
    bus.grantPutEvents(syncRoles, 'active-directory.roles');
    return syncRoles;
  }

  #reconcile({ environment, bus, access, ledger, reports, target }: RoleTargetProps): HandlerFunction {
    const variables: Environment<typeof reconcileEnvironment> = {
      ENVIRONMENT: environment.name,
      TARGET: targetVariable(target),
      TARGET_SECRET_ARN: this.secretArn ?? 'none',
      GRANTS_TABLE: access.grants.name,
      ROLES_TABLE: ledger.name,
      ROLE_QUEUE_URL: this.queue.url,
      IDENTITY_BUS: bus.name,
      REPORT_BUCKET: reports.name,
      RECONCILE_MODE: target.reconcile.mode,
      RECONCILE_EVERY_MINUTES: String(target.reconcile.everyMinutes),
    };
    const reconcile = new HandlerFunction(this, 'reconcile', {
      environment,
      function: 'reconcile',
      instance: this.name,
      variables,
      invocation: 'asynchronous',
      // Less than from one call of the schedule to the next.
      timeoutSeconds: 240,
    });
    access.grantScanGrants(reconcile);
    this.#allowTarget(reconcile, 'read', environment, target);
    reconcile.allow({
      Sid: 'ReadLedger',
      Effect: 'Allow',
      Action: readLedgerActions,
      Resource: [ledger.arn],
      Condition: onlyPartitions(`${this.name}#*`),
    });
    reconcile.allow({
      Sid: 'KeepRun',
      Effect: 'Allow',
      Action: keepRunActions,
      Resource: [ledger.arn],
      Condition: onlyPartitions(`${this.name}#reconcile`, `${this.name}#budget#*`),
    });
    const folder = `${reports.arn}/reconcile/${this.name}`;
    const allow = (Sid: string, Action: readonly string[], resource: string) =>
      reconcile.allow({ Sid, Effect: 'Allow', Action, Resource: [resource] });
    allow('KeepReports', keepReportsActions, `${folder}/*`);
    allow('ForgetProgress', forgetProgressActions, `${folder}/progress.json`);
    allow('MissReports', missReportsActions, reports.arn);
    bus.grantPutEvents(reconcile, 'active-directory.roles');
    if (target.reconcile.mode === 'report') access.grantCountHeld(reconcile, [this.name]);
    else {
      access.grantKeepGuards(reconcile, [this.name]);
      this.queue.grantSendMessages(reconcile, 'HealDrift');
    }
    return reconcile;
  }

  #allowTarget(grantee: HandlerFunction, use: 'keep' | 'read', environment: IntegrationEnvironment, target: TargetDefinition): void {
    for (const statement of permissionsAt(target, environment, use)) grantee.allow(statement);
    if (this.secretArn === undefined) return;
    grantee.allow({ Sid: 'ReadTargetSecret', Effect: 'Allow', Action: readTargetSecretActions, Resource: [this.secretArn] });
  }
}
