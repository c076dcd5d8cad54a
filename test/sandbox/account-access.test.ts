/** Roles that bring access to AWS accounts, end to end: assignments in their terminal state, sessions cut, and failures that heal. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProvisioningRequest } from '../../sandbox/aws/endpoint.ts';
import { changeAttribute, createGroup, createUser } from '../../sandbox/domain-controller/population.ts';
import { reconcileNow } from '../../sandbox/reconciliation.ts';
import { targetsOf } from '../../sandbox/role-targets.ts';
import { until } from '../../sandbox/waiting.ts';
import { type PlayedSandbox, playedSandbox } from './played-sandbox.ts';

const account = '111122223333';
const otherAccount = '444455556666';
const role = `AWS-${account}-ReadOnly`;
const target = 'identity-center';

describe('groups whose names give access to accounts', () => {
  let played: PlayedSandbox;
  let ada = '';
  let userId = '';

  const accountOfAda = () => played.account(target, ada);
  const newGroup = (name: string) => createGroup(played.sandbox.population.admin, played.sandbox.population.groupsDn, name);
  const disable = (disabled: boolean) =>
    changeAttribute(played.sandbox.population.admin, ada, 'replace', 'userAccountControl', [disabled ? '514' : '512']);
  const settings = () => {
    const found = targetsOf(played.sandbox.stack).find(({ name }) => name === target)?.settings;
    if (found?.instanceArn === undefined) throw new Error('the target assigns no permission sets');
    return { InstanceArn: found.instanceArn, PermissionSetArn: found.permissionSets?.ReadOnly };
  };
  const groups = async () => {
    const { Groups } = await played.operator('identitystore', 'ListGroups', { IdentityStoreId: played.sandbox.endpoint.identityStoreId });
    return Groups as { GroupId: string; DisplayName: string }[];
  };
  /** Names of the groups that hold the permission set in the account, once Identity Center is done with it. */
  const assigned = async (AccountId: string) => {
    const { AccountAssignments } = await played.operator('sso', 'ListAccountAssignments', { ...settings(), AccountId });
    const all = await groups();
    return (AccountAssignments as { PrincipalType: string; PrincipalId: string }[]).map(({ PrincipalType, PrincipalId }) => {
      const name = all.find(({ GroupId }) => GroupId === PrincipalId)?.DisplayName;
      return `${PrincipalType} ${name}`;
    });
  };
  /** Accounts in which the permission set denies this user everything. */
  const deniedIn = () =>
    played.sandbox.endpoint
      .provisionedPolicies()
      .filter(({ inlinePolicy }) => userId !== '' && inlinePolicy.includes(userId))
      .map(({ accountId, inlinePolicy }) => [accountId, JSON.parse(inlinePolicy) as { Statement: object[] }] as const);

  beforeAll(async () => {
    played = await playedSandbox({ environment: 'staging' });
    const { admin, usersDn } = played.sandbox.population;
    ada = await createUser(admin, usersDn, 'Ada Example', { sAMAccountName: 'ada', displayName: 'Ada Example' });
  }, 90_000);

  afterAll(() => played?.stop());

  it('WHEN somebody joins such a group THEN the role is a group that holds the assignment, and nobody is assigned directly', async () => {
    await played.member('add', await newGroup(role), [ada]);
    await played.seen();
    const granted = await played.told('RoleGranted');
    expect(granted.change.grant).toMatchObject({ role, assignments: [{ account, permissionSet: 'ReadOnly' }] });
    const { change } = await played.told('RoleAssigned');
    expect(change).toMatchObject({ target, role, assignment: { account, permissionSet: 'ReadOnly' } });
    expect(await assigned(account)).toEqual([`GROUP ${role}`]);
    const viewed = await accountOfAda();
    expect(viewed?.roles).toEqual([role]);
    userId = viewed?.id ?? '';
  });

  it.each([
    ['an account that is not ours', 'AWS-999900001111-ReadOnly', 'account', '999900001111'],
    ['a permission set that is not ours', `AWS-${account}-Everything`, 'permission-set', 'Everything'],
  ])('fails for a group of %s: denied with the reason, and nothing is granted', async (_, name, reason, wrong) => {
    await played.member('add', await newGroup(name), [ada]);
    await played.seen();
    const { change, subject } = await played.told('AccessDenied', (record) => record.change.group.name === name);
    expect(subject.name).toBe('Ada Example');
    expect(change).toMatchObject({ mapping: 'account-access', target, reason, detail: expect.stringContaining(wrong) });
    expect((await accountOfAda())?.roles).toEqual([role]);
    expect(await assigned(account)).toEqual([`GROUP ${role}`]);
  });

  it('invariant 8: WHEN she is disabled THEN her membership ends, her sessions are cut in the account, and the evidence tells when', async () => {
    await disable(true);
    await played.seen();
    expect((await accountOfAda())?.roles).toEqual([]);
    expect(deniedIn().map(([accountId]) => accountId)).toEqual([account]);
    expect(deniedIn()[0]?.[1].Statement).toEqual([
      expect.objectContaining({
        Effect: 'Deny',
        Action: ['*'],
        Resource: ['*'],
        Condition: { StringEquals: { 'identitystore:userId': [userId] } },
      }),
    ]);
    const { change } = await played.told('AccessEnded');
    expect(change).toMatchObject({ account: { target, id: userId }, state: 'disabled', ended: [{ role }] });
    expect(change.steps.map(({ step }) => step)).toEqual(['memberships-ended', 'sessions-cut', 'absence-verified']);
    const times = change.steps.map(({ at }) => at);
    expect(times).toEqual([...times].sort());
  });

  it('WHEN she is enabled again THEN she has the role with the same user id, and the denial is gone', async () => {
    await disable(false);
    await played.seen();
    expect(await accountOfAda()).toMatchObject({ id: userId, roles: [role] });
    expect(deniedIn()).toEqual([]);
  });

  it('fails for an assignment that Identity Center does not carry out: it is told, and a later run makes it', async () => {
    const { endpoint, runtime } = played.sandbox;
    const reason = 'the account is being moved';
    endpoint.provisioning = { failure: ({ kind }: ProvisioningRequest) => (kind === 'create' ? reason : undefined) };
    await played.member('add', await newGroup(`AWS-${otherAccount}-ReadOnly`), [ada]);
    await played.poll();
    const { change } = await played.told('RoleChangeFailed');
    expect(change).toMatchObject({ target, reason: expect.stringContaining(reason) });
    expect(await assigned(otherAccount)).toEqual([]);
    endpoint.provisioning = {};
    await played.told('RoleAssigned', (record) => record.change.assignment.account === otherAccount);
    await runtime.idle();
    expect(await assigned(otherAccount)).toEqual([`GROUP AWS-${otherAccount}-ReadOnly`]);
    expect((await accountOfAda())?.roles).toEqual([role, `AWS-${otherAccount}-ReadOnly`]);
  });

  it('GIVEN an assignment that somebody removed by hand WHEN reconcile runs THEN it is found, made again and told', async () => {
    const { GroupId } = (await groups()).find(({ DisplayName }) => DisplayName === role) ?? {};
    await played.operator('sso', 'DeleteAccountAssignment', {
      ...settings(),
      TargetId: account,
      TargetType: 'AWS_ACCOUNT',
      PrincipalType: 'GROUP',
      PrincipalId: GroupId,
    });
    await until('the end of the assignment', async () => ((await assigned(account)).length === 0 ? true : undefined));
    expect((await reconcileNow(played.sandbox, target)).page).toContain('assignment-missing');
    await played.told('DriftHealed', (record) => record.change.kind === 'assignment-missing');
    await played.sandbox.runtime.idle();
    expect(await assigned(account)).toEqual([`GROUP ${role}`]);
  });
});
