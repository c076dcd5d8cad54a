/** What IAM Identity Center's accounts have of their own, besides the contract of targets. */
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Profile } from '../../handlers/access/grants.ts';
import type { Budget } from '../../handlers/roles/budget.ts';
import { identityCenter } from '../../handlers/roles/targets/identity-center/index.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { ada, mark, person } from './contract-fixtures.ts';
import { identityCenterWorld } from './identity-center-world.ts';

const endpoint = await endpointForTests();
const center = identityCenterWorld(endpoint);

beforeEach(() => center.clear());
afterAll(() => center.close());

const full: Profile = { ...ada, title: 'Engineer', phoneNumber: '+49 30 123456' };

test('WHEN title and phone number come, change and go THEN the user shows it, and so do listing and reading', async () => {
  const target = center.target();
  const { id } = await target.createAccount(mark, full);
  const profileNow = async () => (await center.look()).accounts[0]?.profile;
  expect(await profileNow()).toEqual(full);
  const promoted = { ...full, title: 'Architect', phoneNumber: '+49 30 654321' };
  await target.updateAccount(id, full, promoted);
  expect(await profileNow()).toEqual(promoted);
  expect(await target.readAccount(id)).toEqual({ id, profile: promoted, mark });
  expect((await target.listAccounts(undefined)).items).toEqual([{ id, profile: promoted, mark }]);
  await target.updateAccount(id, promoted, ada);
  expect(await profileNow()).toEqual(ada);
});

test('GIVEN attributes that the identity store does not keep THEN they are none of its own, and cost no call', async () => {
  const target = center.target();
  const { id } = await target.createAccount(mark, { ...ada, department: 'Research', employeeNumber: '7' });
  expect(await target.readAccount(id)).toMatchObject({ profile: ada });
  endpoint.clearCalls();
  await target.updateAccount(id, ada, { ...ada, department: 'Sales', employeeNumber: '8' });
  expect(endpoint.calls).toEqual([]);
  expect(identityCenter.attributes).not.toContain('department');
  expect(identityCenter.attributes).not.toContain('employeeNumber');
});

const creations = ({ operation }: { operation: string }) => operation === 'CreateUser';

test('GIVEN throttles, then a refusal WHEN a user is made THEN nothing of ours can have come to be', async () => {
  await center.unmarkedAccount(person(1));
  endpoint.inject({ match: creations, times: 2, effect: { throttle: true } });
  await expect(center.target().createAccount(mark, person(1))).rejects.toMatchObject({ name: 'TargetConflictError', nothingMade: true });
});

test('GIVEN a lost answer, then a refusal WHEN a user is made THEN it may be ours', async () => {
  endpoint.inject({ match: creations, times: 1, effect: { loseResponse: true } });
  await expect(center.target().createAccount(mark, person(1))).rejects.toMatchObject({ name: 'TargetConflictError', nothingMade: false });
  expect((await center.look()).accounts).toMatchObject([{ profile: person(1), mark: undefined }]);
});

test('WHEN a call is throttled THEN each attempt takes a slot of its own, by the quota that it counts against', async () => {
  const slots: string[] = [];
  const budget: Budget = {
    call: (api, make) => {
      slots.push(api);
      return make();
    },
    place: async () => undefined,
  };
  const target = center.function({ budget });
  endpoint.inject({ match: creations, times: 2, effect: { throttle: true } });
  const { id } = await target.createAccount(mark, ada);
  expect(slots).toEqual([...Array(3).fill('identitystore:CreateUser'), 'identitystore:UpdateUser']);
  slots.length = 0;
  await target.assignments?.list(id);
  await target.sessions?.cut(id, ['ReadOnly']);
  expect(new Set(slots)).toEqual(new Set(['sso']));
});

test('fails for a page that is not complete, and takes it for no empty one', async () => {
  // The sandbox's pages are complete: a client whose answers are cut off stands for the target.
  const { accounts } = await import('../../handlers/roles/targets/identity-center/accounts.ts');
  const { members, roles } = await import('../../handlers/roles/targets/identity-center/groups.ts');
  const store = { client: { send: async () => ({ $metadata: {} }) } as never, IdentityStoreId: 'd-1234567890' };
  await expect(accounts(store).listAccounts(undefined)).rejects.toThrow('not complete');
  await expect(roles(store).listRoles(undefined)).rejects.toThrow('not complete');
  await expect(members(store).listMembers('group', undefined)).rejects.toThrow('not complete');
});
