/** Makes decisions so, at every target, and keeps them so; with what the targets share. */
import { Construct } from 'constructs';
import type { AccessDecision } from '../access/access-decision.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { PrivateBucket } from '../platform/private-bucket.ts';
import type { NonEmpty } from '../platform/prop-checks.ts';
import { Table } from '../platform/table.ts';
import { ApprovalKey } from './approval-key.ts';
import { GuardSettlement } from './guard-settlement.ts';
import { RoleTarget } from './role-target.ts';
import type { TargetDefinition } from './target-props.ts';

export interface RoleSyncProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly access: AccessDecision;
  /** As `checkedTargets` gives them. */
  readonly targets: NonEmpty<TargetDefinition>;
}

/** Days a drift report is kept: longer than a SOC 2 period of twelve months, as the audit trail is. */
const reportDays = 400;

export class RoleSync extends Construct {
  /** What was made at the targets, and under which id; and their budgets of calls. */
  readonly ledger: Table;
  /** Drift reports, under `reconcile/<target>/`. */
  readonly reports: PrivateBucket;
  /** Whoever may sign with it may approve what a guard holds back. */
  readonly approvals: ApprovalKey;
  readonly targets: readonly RoleTarget[];
  readonly guard: GuardSettlement;

  constructor(scope: Construct, id: string, props: RoleSyncProps) {
    super(scope, id);
    const { environment, bus, access } = props;
    this.ledger = new Table(this, 'ledger', { environment, name: 'roles' });
    this.reports = new PrivateBucket(this, 'reports', { environment, name: 'reports', expireAfterDays: reportDays });
    this.approvals = new ApprovalKey(this, 'approvals', { environment });
    const { ledger, reports, approvals } = this;
    this.targets = props.targets.map(
      (target) => new RoleTarget(this, `target-${target.settings.name}`, { environment, bus, access, ledger, reports, target }),
    );
    const roleQueues = Object.fromEntries(this.targets.map(({ name, queue }) => [name, queue]));
    access.deliverTo(roleQueues);
    this.guard = new GuardSettlement(this, 'guard', { environment, bus, access, approvals, roleQueues });
  }
}
