/**
 * IAM Identity Center as a target: accounts are users, roles are groups, through the Identity Store API. Where the settings name permission
 * sets and accounts, roles bring access to AWS accounts, too, and what a person is logged on to can be ended.
 */
import { DescribeGroupCommand, type IdentitystoreClient } from '@aws-sdk/client-identitystore';
import type { SSOAdminClient } from '@aws-sdk/client-sso-admin';
import type { Budget } from '../../budget.ts';
import type { Target } from '../../target.ts';
import { accounts } from './accounts.ts';
import { assignments } from './assignments.ts';
import { members, roles } from './groups.ts';
import type { SessionLedger } from './session-ledger.ts';
import { sessions } from './sessions.ts';
import type { AccountAccess } from './settings.ts';
import { absentAsUndefined, withinBudget } from './store.ts';

export interface IdentityCenterParts {
  readonly name: string;
  readonly store: IdentitystoreClient;
  readonly identityStoreId: string;
  readonly budget: Budget;
  /** Undefined: roles bring no access to AWS accounts. */
  readonly singleSignOn?:
    | {
        readonly client: SSOAdminClient;
        readonly access: AccountAccess;
        readonly sessionLedger: SessionLedger;
        readonly sessionHours: number;
        readonly now: () => Date;
      }
    | undefined;
}

/** Takes both clients over: from then on their calls wait for the budget. */
export function identityCenterTarget({ name, store, identityStoreId, budget, singleSignOn }: IdentityCenterParts): Target {
  // Quotas are of each API of the identity store, but of all of IAM Identity Center's own together ("IAM Identity Center quotas").
  withinBudget(store.middlewareStack, budget, (operation) => `identitystore:${operation}`);
  const identities = { client: store, IdentityStoreId: identityStoreId };
  const target = { name, ...accounts(identities), ...roles(identities), ...members(identities) };
  if (singleSignOn === undefined) return target;
  const { client } = singleSignOn;
  withinBudget(client.middlewareStack, budget, () => 'sso');
  const group = (GroupId: string) => new DescribeGroupCommand({ IdentityStoreId: identityStoreId, GroupId });
  const roleIsThere = async (roleId: string) => (await absentAsUndefined(store.send(group(roleId)))) !== undefined;
  return {
    ...target,
    assignments: assignments({ client, access: singleSignOn.access, budget, roleIsThere }),
    sessions: sessions({ ...singleSignOn, ledger: singleSignOn.sessionLedger }),
  };
}
