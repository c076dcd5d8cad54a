import { CreateGroupCommand, IdentitystoreClient } from '@aws-sdk/client-identitystore';
import {
  CreateAccountAssignmentCommand,
  CreatePermissionSetCommand,
  DeleteAccountAssignmentCommand,
  DescribeAccountAssignmentCreationStatusCommand,
  DescribeAccountAssignmentDeletionStatusCommand,
  DescribePermissionSetProvisioningStatusCommand,
  GetInlinePolicyForPermissionSetCommand,
  ListAccountAssignmentsCommand,
  ListAccountAssignmentsForPrincipalCommand,
  ProvisionPermissionSetCommand,
  PutInlinePolicyToPermissionSetCommand,
  SSOAdminClient,
} from '@aws-sdk/client-sso-admin';
import { describe, expect, test } from 'vitest';
import { until } from '../../../sandbox/waiting.ts';
import { account, allow, clientOf, endpointForTests, failure, identityStoreId, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new SSOAdminClient(clientOf(endpoint));
const store = new IdentitystoreClient(clientOf(endpoint));
const InstanceArn = 'arn:aws:sso:::instance/ssoins-1234567890abcdef';

let sets = 0;
const newSet = async () => {
  sets += 1;
  const { PermissionSet } = await client.send(new CreatePermissionSetCommand({ InstanceArn, Name: `Set${sets}` }));
  return PermissionSet?.PermissionSetArn ?? '';
};
let groups = 0;
const newGroup = async () => {
  groups += 1;
  return (await store.send(new CreateGroupCommand({ IdentityStoreId: identityStoreId, DisplayName: `assigned-${groups}` }))).GroupId ?? '';
};
const assignment = (PermissionSetArn: string, PrincipalId: string) => ({
  InstanceArn,
  PermissionSetArn,
  PrincipalId,
  PrincipalType: 'GROUP' as const,
  TargetId: account,
  TargetType: 'AWS_ACCOUNT' as const,
});
const created = async (set: string, group: string) => {
  const { AccountAssignmentCreationStatus: started } = await client.send(new CreateAccountAssignmentCommand(assignment(set, group)));
  return await until('the end of the request', async () => {
    const { AccountAssignmentCreationStatus: now } = await client.send(
      new DescribeAccountAssignmentCreationStatusCommand({ InstanceArn, AccountAssignmentCreationRequestId: started?.RequestId }),
    );
    return now?.Status === 'IN_PROGRESS' ? undefined : now;
  });
};
const listed = async (set: string) =>
  (await client.send(new ListAccountAssignmentsCommand({ InstanceArn, AccountId: account, PermissionSetArn: set }))).AccountAssignments ??
  [];

describe('account assignments', () => {
  test('GIVEN a request WHEN it is made THEN it is in progress, and the assignment is there only once it has succeeded', async () => {
    endpoint.provisioning = { milliseconds: 60 };
    const [set, group] = [await newSet(), await newGroup()];
    const { AccountAssignmentCreationStatus: started } = await client.send(new CreateAccountAssignmentCommand(assignment(set, group)));
    expect(started).toMatchObject({ Status: 'IN_PROGRESS', TargetId: account, PrincipalId: group });
    expect(await listed(set)).toEqual([]);
    await until('the assignment', async () => ((await listed(set)).length === 1 ? true : undefined));
    const ofPrincipal = await client.send(
      new ListAccountAssignmentsForPrincipalCommand({ InstanceArn, PrincipalId: group, PrincipalType: 'GROUP' }),
    );
    expect(ofPrincipal.AccountAssignments).toMatchObject([{ AccountId: account, PermissionSetArn: set, PrincipalId: group }]);
  });

  test('GIVEN an assignment WHEN it is deleted THEN it ends; a second deletion finds nothing', async () => {
    endpoint.provisioning = {};
    const [set, group] = [await newSet(), await newGroup()];
    expect(await created(set, group)).toMatchObject({ Status: 'SUCCEEDED' });
    const { AccountAssignmentDeletionStatus: started } = await client.send(new DeleteAccountAssignmentCommand(assignment(set, group)));
    await until('the end of the deletion', async () => {
      const { AccountAssignmentDeletionStatus: now } = await client.send(
        new DescribeAccountAssignmentDeletionStatusCommand({ InstanceArn, AccountAssignmentDeletionRequestId: started?.RequestId }),
      );
      return now?.Status === 'SUCCEEDED' ? now : undefined;
    });
    expect(await listed(set)).toEqual([]);
    expect(await failure(client.send(new DeleteAccountAssignmentCommand(assignment(set, group))))).toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  test('fails as AWS does: for who is not there, for two at once, and beyond fifteen under way', async () => {
    endpoint.provisioning = { milliseconds: 600 };
    const set = await newSet();
    const create = (group: string) => client.send(new CreateAccountAssignmentCommand(assignment(set, group)));
    expect(await failure(create('1234567890-00000000-0000-4000-8000-000000000000'))).toMatchObject({ name: 'ResourceNotFoundException' });
    const first = await newGroup();
    await create(first);
    expect(await failure(create(first))).toMatchObject({ name: 'ConflictException' });
    for (let count = 1; count < 15; count += 1) await create(await newGroup());
    expect(await failure(client.send(new CreateAccountAssignmentCommand(assignment(set, await newGroup()))))).toMatchObject({
      name: 'ThrottlingException',
    });
    await new Promise((resolve) => setTimeout(resolve, 700));
    await create(await newGroup());
  });

  test('fails later where the request itself fails, with the reason', async () => {
    endpoint.provisioning = { failure: ({ kind }) => (kind === 'create' ? 'too many roles in the account' : undefined) };
    const [set, group] = [await newSet(), await newGroup()];
    expect(await created(set, group)).toMatchObject({ Status: 'FAILED', FailureReason: 'too many roles in the account' });
    expect(await listed(set)).toEqual([]);
  });
});

describe('permission sets', () => {
  test('GIVEN a changed inline policy THEN accounts have it only after ProvisionPermissionSet has succeeded', async () => {
    endpoint.provisioning = {};
    const [set, group] = [await newSet(), await newGroup()];
    await created(set, group);
    const InlinePolicy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
    await client.send(new PutInlinePolicyToPermissionSetCommand({ InstanceArn, PermissionSetArn: set, InlinePolicy }));
    expect((await client.send(new GetInlinePolicyForPermissionSetCommand({ InstanceArn, PermissionSetArn: set }))).InlinePolicy).toBe(
      InlinePolicy,
    );
    const there = () => endpoint.provisionedPolicies().find(({ permissionSetArn }) => permissionSetArn === set)?.inlinePolicy;
    expect(there()).toBe('');
    const { PermissionSetProvisioningStatus: started } = await client.send(
      new ProvisionPermissionSetCommand({ InstanceArn, PermissionSetArn: set, TargetType: 'ALL_PROVISIONED_ACCOUNTS' }),
    );
    await until('the end of the provisioning', async () => {
      const { PermissionSetProvisioningStatus: now } = await client.send(
        new DescribePermissionSetProvisioningStatusCommand({ InstanceArn, ProvisionPermissionSetRequestId: started?.RequestId }),
      );
      return now?.Status === 'SUCCEEDED' ? now : undefined;
    });
    expect(there()).toBe(InlinePolicy);
  });

  test('fails without permission on the instance, the permission set and the account together', async () => {
    const [set, group] = [await newSet(), await newGroup()];
    const instanceOnly = roleAllowed(endpoint, 'instance-only', [allow('sso:CreateAccountAssignment', InstanceArn)]);
    const call = (roleArn: string) =>
      endpoint.call({ roleArn, sessionName: 'test' }, 'sso', 'CreateAccountAssignment', assignment(set, group));
    expect(await failure(call(instanceOnly))).toMatchObject({ code: 'AccessDeniedException' });
    const all = roleAllowed(endpoint, 'all-three', [
      allow('sso:CreateAccountAssignment', [InstanceArn, set, `arn:aws:sso:::account/${account}`]),
    ]);
    await call(all);
  });
});
