/** What assignments at IAM Identity Center have of their own, besides the contract of targets. */
import { afterAll, beforeEach, expect, test } from 'vitest';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { TargetConflictError } from '../../handlers/roles/target.ts';
import { AwsError } from '../../sandbox/aws/endpoint.ts';
import { endpointForTests, eventually } from '../sandbox/aws/endpoint-fixture.ts';
import { accounts, identityCenterWorld } from './identity-center-world.ts';
import { memoryBudgets } from './memory-budget.ts';

const endpoint = await endpointForTests();
const center = identityCenterWorld(endpoint);

const [account = ''] = accounts;
const one = { account, permissionSet: 'ReadOnly' };
const given = async () => {
  const target = center.function();
  const { assignments } = target;
  if (assignments === undefined) throw new Error('assignments were to be offered');
  return { assignments, role: await target.createRole('developers') };
};

beforeEach(async () => {
  await center.clear();
  endpoint.provisioning = {};
});
afterAll(() => center.close());

test('GIVEN work that takes longer THEN the request says so until it has ended, also to another function', async () => {
  const { assignments, role } = await given();
  endpoint.provisioning = { milliseconds: 400 };
  const request = (await assignments.create(role, one)) ?? '';
  expect(request).not.toBe('');
  expect(await assignments.state(request, 'create')).toEqual({ state: 'under-way' });
  const { assignments: other } = center.function();
  await eventually(async () => ((await other?.state(request, 'create'))?.state === 'done' ? true : undefined));
  expect(await center.assignments.look(role)).toEqual([one]);
});

test.each(['create', 'remove'] as const)('fails, with the reason, when Identity Center cannot %s it', async (way) => {
  const { assignments, role } = await given();
  if (way === 'remove') await center.assignments.add(role, one);
  endpoint.provisioning = { failure: () => 'the account is suspended' };
  const request = (await assignments[way](role, one)) ?? '';
  expect(await assignments.state(request, way)).toEqual({ state: 'failed', reason: 'the account is suspended' });
});

test('GIVEN fifteen under way at two functions THEN the next one waits for its turn, and gets the place that one of them gives back', async () => {
  const shared = memoryBudgets();
  const [first, second] = [center.function({ budget: shared() }), center.function({ budget: shared() })];
  const roles: string[] = [];
  for (let count = 0; count < 16; count += 1) roles.push(await first.createRole(`role-${count}`));
  endpoint.provisioning = { milliseconds: 60_000 };
  const requests: string[] = [];
  for (const [index, role] of roles.slice(0, 15).entries())
    requests.push((await (index % 2 === 0 ? first : second).assignments?.create(role, one)) ?? '');
  const next = () => second.assignments?.create(roles[15] ?? '', one);
  await expect(next()).rejects.toThrow(RetryableError);
  await expect(next()).rejects.toThrow('waits for its turn');
  endpoint.endProvisioning();
  expect(await first.assignments?.state(requests[0] ?? '', 'create')).toEqual({ state: 'done' });
  endpoint.provisioning = {};
  expect(await next()).toBeUndefined();
});

test('fails for a request that nobody knows any more', async () => {
  const { assignments } = await given();
  expect(await assignments.state('00000000-0000-4000-8000-000000000000', 'create')).toMatchObject({
    state: 'failed',
    reason: expect.stringMatching(/\S/),
  });
});

test('GIVEN a removal under way WHEN the assignment is made THEN it waits for its end, and the assignment is there', async () => {
  const { assignments, role } = await given();
  await center.assignments.add(role, one);
  endpoint.provisioning = { milliseconds: 300 };
  await assignments.remove(role, one);
  endpoint.provisioning = {};
  await assignments.create(role, one);
  expect(await center.assignments.look(role)).toEqual([one]);
});

test('fails, to be tried again, when another change does not end', async () => {
  const { assignments, role } = await given();
  const heal = endpoint.inject({
    match: ({ operation }) => operation === 'CreateAccountAssignment',
    times: 1000,
    effect: { error: new AwsError('ConflictException', 'another one is under way') },
  });
  await expect(assignments.create(role, one)).rejects.toThrow(RetryableError);
  heal();
}, 10_000);

test('fails when the group is gone, and when the permission set is, saying which', async () => {
  const { assignments, role } = await given();
  const missing = endpoint.inject({
    match: ({ operation }) => operation === 'CreateAccountAssignment',
    effect: { error: new AwsError('ResourceNotFoundException', 'PermissionSet not found') },
  });
  await expect(assignments.create(role, one)).rejects.toThrow(TargetConflictError);
  missing();
  await center.removeRole(role);
  await expect(assignments.create(role, one)).rejects.toMatchObject({ name: 'TargetMissingError', missing: 'role' });
  expect(await assignments.remove(role, one)).toBeUndefined();
});

test('GIVEN an assignment of the group in an account that is not ours THEN it is not shown: it is none of our business', async () => {
  const { assignments, role } = await given();
  await center.assignments.add(role, { account: '999988887777', permissionSet: 'ReadOnly' });
  await center.assignments.add(role, one);
  expect(await assignments.list(role)).toEqual([one]);
});
