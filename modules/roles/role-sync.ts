/** Makes decisions so: sync-roles keeps users, groups and memberships of IAM Identity Center as the grants table says. */
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { syncRolesEnvironment } from '../../handlers/roles/sync-roles/environment.ts';
import type { AccessDecision } from '../access/access-decision.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { MessageQueue } from '../platform/message-queue.ts';
import { formats, matching } from '../platform/prop-checks.ts';
import { Table } from '../platform/table.ts';
import {
  createIdentityActions,
  createMembershipActions,
  deleteUserActions,
  keepGroupActions,
  keepLedgerActions,
  keepMembershipActions,
  keepUserActions,
} from './permissions.ts';

/** IAM Identity Center as a target. Its users and groups live in an identity store of the same account. */
export interface IdentityCenterProps {
  /** `d-` and ten digits or letters a to f. */
  readonly identityStoreId: string;
  /** Region of IAM Identity Center. @default the environment's */
  readonly region?: string;
  /** What becomes of the target's user when the directory's is deleted; its memberships go in either case. @default 'delete' */
  readonly onDeleted?: 'delete' | 'keep';
}

export interface RoleSyncProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly access: AccessDecision;
  readonly identityCenter: IdentityCenterProps;
}

export class RoleSync extends Construct {
  /** One message group a principal: changes of one are made in order, those of others meanwhile. */
  readonly queue: MessageQueue;
  /** What was made at the target, and under which id. */
  readonly ledger: Table;
  readonly syncRoles: HandlerFunction;

  constructor(scope: Construct, id: string, props: RoleSyncProps) {
    super(scope, id);
    const { environment, access, bus, identityCenter } = props;
    const storeId = matching(
      'identityStoreId',
      identityCenter.identityStoreId,
      formats.identityStore,
      'give the id from the settings of IAM Identity Center, such as d-1234567890',
    );
    const region = matching(
      'identityCenter.region',
      identityCenter.region ?? environment.region,
      formats.region,
      'give a region such as eu-central-1',
    );
    const onDeleted = matching('onDeleted', identityCenter.onDeleted ?? 'delete', /^(?:delete|keep)$/, 'give "delete" or "keep"');
    this.ledger = new Table(this, 'ledger', { environment, name: 'roles' });

    const variables: Environment<typeof syncRolesEnvironment> = {
      GRANTS_TABLE: access.grants.name,
      ROLES_TABLE: this.ledger.name,
      IDENTITY_STORE_ID: storeId,
      IDENTITY_STORE_REGION: region,
      ON_DELETED: onDeleted,
      ROLE_QUEUE_URL: Lazy.stringValue({ produce: () => this.queue.url }),
      IDENTITY_BUS: bus.name,
    };
    this.syncRoles = new HandlerFunction(this, 'sync-roles', {
      environment,
      function: 'sync-roles',
      variables,
      invocation: 'fifo-queue',
      timeoutSeconds: 60,
    });
    this.queue = new MessageQueue(this, 'queue', {
      environment,
      name: 'sync-roles',
      fifo: true,
      visibilityTimeoutSeconds: 6 * this.syncRoles.timeoutSeconds,
      deadLetters: this.syncRoles.deadLetters,
    });
    access.deliverTo(this.queue);
    // Two at a time stay within the 20 calls a second that IAM Identity Center allows an API (IAM Identity Center User Guide, "Quotas").
    this.syncRoles.consumeQueue(this.queue, { batchSize: 10, maximumConcurrency: 2 });

    access.grantReadGrants(this.syncRoles);
    this.syncRoles.allow({ Sid: 'KeepLedger', Effect: 'Allow', Action: keepLedgerActions, Resource: [this.ledger.arn] });
    this.#allowTarget(environment, storeId, onDeleted === 'delete');
    bus.grantPutEvents(this.syncRoles);
  }

  #allowTarget(environment: IntegrationEnvironment, storeId: string, deletesUsers: boolean): void {
    // The store's ARN has no region, its objects' ARNs neither region nor account.
    const store = `arn:${environment.partition}:identitystore::${environment.account}:identitystore/${storeId}`;
    const every = (kind: 'user' | 'group' | 'membership') => `arn:${environment.partition}:identitystore:::${kind}/*`;
    const allow = (Sid: string, Action: readonly string[], Resource: readonly string[]) =>
      this.syncRoles.allow({ Sid, Effect: 'Allow', Action, Resource });
    allow('CreateIdentities', createIdentityActions, [store]);
    allow('KeepUsers', deletesUsers ? [...keepUserActions, ...deleteUserActions] : keepUserActions, [store, every('user')]);
    allow('KeepGroups', keepGroupActions, [store, every('group')]);
    allow('CreateMemberships', createMembershipActions, [store, every('group'), every('user')]);
    allow('KeepMemberships', keepMembershipActions, [store, every('group'), every('user'), every('membership')]);
  }
}
