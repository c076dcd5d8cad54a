/**
 * Access to AWS accounts: assignments of permission sets in accounts to a role's group. Identity Center carries them out some time after it
 * accepted them, 15 at a time ("IAM Identity Center quotas"): each takes a place of the budget until its end has been seen.
 */
import { setTimeout } from 'node:timers/promises';
import {
  type AccountAssignmentOperationStatus,
  CreateAccountAssignmentCommand,
  DeleteAccountAssignmentCommand,
  DescribeAccountAssignmentCreationStatusCommand,
  DescribeAccountAssignmentDeletionStatusCommand,
  ListAccountAssignmentsForPrincipalCommand,
  ResourceNotFoundException,
  type SSOAdminClient,
} from '@aws-sdk/client-sso-admin';
import type { Assignment } from '../../../events/catalogue.ts';
import { RetryableError } from '../../../platform/errors.ts';
import type { Budget } from '../../budget.ts';
import { type Assignments, TargetConflictError, TargetMissingError } from '../../target.ts';
import type { AccountAccess } from './settings.ts';
import { afterOthers } from './waiting.ts';

export interface AssignmentsDependencies {
  readonly client: Pick<SSOAdminClient, 'send'>;
  readonly access: AccountAccess;
  readonly budget: Pick<Budget, 'place'>;
  /** Whether the identity store has the role's group. */
  readonly roleIsThere: (roleId: string) => Promise<boolean>;
}

/** The most that ListAccountAssignmentsForPrincipal answers (IAM Identity Center API Reference). */
const pageSize = 100;
const firstLookMs = 100;
/** A place that nobody gives back, because its run died or ran out of time, is free again after this. */
const placeSeconds = 300;

export function assignments({ client, access, budget, roleIsThere }: AssignmentsDependencies): Assignments {
  const { instanceArn: InstanceArn, permissionSets } = access;
  const nameOf = new Map(Object.entries(permissionSets).map(([name, arn]) => [arn, name]));

  /** By request: what gives its place back. */
  const places = new Map<string, () => Promise<void>>();

  function asked(roleId: string, { account, permissionSet }: Assignment) {
    const PermissionSetArn = Object.hasOwn(permissionSets, permissionSet) ? permissionSets[permissionSet] : undefined;
    if (PermissionSetArn === undefined || !access.accounts.includes(account)) {
      const wrong = PermissionSetArn === undefined ? `permission set "${permissionSet}"` : `account "${account}"`;
      throw new TargetConflictError(
        `${wrong} of an assignment to group ${roleId} is none of the target's`,
        `add it to the target's ${PermissionSetArn === undefined ? 'permissionSets' : 'accounts'}, or take it out of the role mapping`,
      );
    }
    return {
      InstanceArn,
      PermissionSetArn,
      TargetId: account,
      TargetType: 'AWS_ACCOUNT',
      PrincipalId: roleId,
      PrincipalType: 'GROUP',
    } as const;
  }

  /**
   * Starts a request and looks at it once: what is so already is done at once, and needs nobody to follow it.
   *
   * @returns the request's id, or undefined when it is done
   * @throws RetryableError while as many as Identity Center takes are under way
   */
  async function start(
    kind: 'create' | 'remove',
    roleId: string,
    { account, permissionSet }: Assignment,
    send: () => Promise<AccountAssignmentOperationStatus | undefined>,
  ): Promise<string | undefined> {
    const what = `permission set "${permissionSet}" in account ${account}`;
    const giveBack = await budget.place('assignments', `${kind} ${roleId} ${account} ${permissionSet}`, placeSeconds);
    if (giveBack === undefined)
      throw new RetryableError(`as many account assignments as IAM Identity Center takes are under way: ${what} waits for its turn`);
    let request: string | undefined;
    try {
      const { RequestId, Status } = (await afterOthers(`the end of another change of ${what}`, 5, send)) ?? {};
      if (RequestId === undefined) throw new Error(`the answer to a change of ${what} is not complete`);
      if (Status === 'SUCCEEDED') return undefined;
      request = RequestId;
      places.set(request, giveBack);
    } finally {
      if (request === undefined) await giveBack();
    }
    await setTimeout(firstLookMs);
    return (await state(request, kind)).state === 'done' ? undefined : request;
  }

  const state: Assignments['state'] = async (request, kind) => {
    const status = await statusOf(request, kind);
    if (status.Status === 'IN_PROGRESS') return { state: 'under-way' };
    const giveBack = places.get(request);
    places.delete(request);
    await giveBack?.();
    if (status.Status === 'SUCCEEDED') return { state: 'done' };
    return { state: 'failed', reason: status.FailureReason ?? `request ${request} is not known any more` };
  };

  return {
    async create(roleId, assignment) {
      const input = asked(roleId, assignment);
      try {
        return await start('create', roleId, assignment, async () => {
          const { AccountAssignmentCreationStatus: status } = await client.send(new CreateAccountAssignmentCommand(input));
          return status;
        });
      } catch (cause) {
        if (!(cause instanceof ResourceNotFoundException)) throw cause;
        // The answer does not say reliably what is missing.
        if (!(await roleIsThere(roleId))) throw new TargetMissingError('role', `group ${roleId} is gone`, { cause });
        throw new TargetConflictError(
          `permission set "${assignment.permissionSet}" or account ${assignment.account} is not there: ${cause.message}`,
          "take it out of the target's settings, or make it again",
          { cause },
        );
      }
    },

    async remove(roleId, assignment) {
      const input = asked(roleId, assignment);
      try {
        return await start('remove', roleId, assignment, async () => {
          const { AccountAssignmentDeletionStatus: status } = await client.send(new DeleteAccountAssignmentCommand(input));
          return status;
        });
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },

    state,

    /** One call a hundred assignments; account by account and permission set by permission set it would be one for each pair of them. */
    async list(PrincipalId) {
      const found: Assignment[] = [];
      let NextToken: string | undefined;
      do {
        const page = await client.send(
          new ListAccountAssignmentsForPrincipalCommand({
            InstanceArn,
            PrincipalId,
            PrincipalType: 'GROUP',
            MaxResults: pageSize,
            NextToken,
          }),
        );
        if (page.AccountAssignments === undefined) throw new Error('the list of account assignments is not complete');
        for (const { AccountId: account = '', PermissionSetArn = '' } of page.AccountAssignments) {
          const permissionSet = nameOf.get(PermissionSetArn);
          if (permissionSet !== undefined && access.accounts.includes(account)) found.push({ account, permissionSet });
        }
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return found;
    },
  };

  async function statusOf(request: string, kind: 'create' | 'remove'): Promise<AccountAssignmentOperationStatus> {
    try {
      if (kind === 'create') {
        const input = { InstanceArn, AccountAssignmentCreationRequestId: request };
        return (await client.send(new DescribeAccountAssignmentCreationStatusCommand(input))).AccountAssignmentCreationStatus ?? {};
      }
      const input = { InstanceArn, AccountAssignmentDeletionRequestId: request };
      return (await client.send(new DescribeAccountAssignmentDeletionStatusCommand(input))).AccountAssignmentDeletionStatus ?? {};
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return {};
      throw error;
    }
  }
}
