/** What every target has to hold of memberships. */
import { expect, test } from 'vitest';
import { domain, guidOf } from '../directory/rows.ts';
import { ada, everything, type Given, mark, person } from './contract-fixtures.ts';

export function memberContract(given: Given): void {
  const seen = async () => (await given().world.look()).accounts;

  test('WHEN a member is added twice THEN it is one membership, which is found and removed as often as one likes', async () => {
    const { target } = given();
    const { id } = await target.createAccount(mark, ada);
    const role = await target.createRole('developers');
    expect(await target.findMember(role, id)).toBeUndefined();
    const membership = await target.addMember(role, id);
    expect(await target.addMember(role, id)).toBe(membership);
    expect(await target.findMember(role, id)).toBe(membership);
    expect(await seen()).toMatchObject([{ roles: ['developers'] }]);
    await target.removeMember(membership);
    await target.removeMember(membership);
    expect(await seen()).toMatchObject([{ roles: [] }]);
  });

  test('fails to add a member when the account or the role is gone, saying which', async () => {
    const { world, target } = given();
    const { id } = await target.createAccount(mark, ada);
    const role = await target.createRole('developers');
    await world.removeRole(role);
    await expect(target.addMember(role, id)).rejects.toMatchObject({ name: 'TargetMissingError', missing: 'role' });
    expect(await target.findMember(role, id)).toBeUndefined();
    const other = await target.createRole('auditors');
    await world.removeAccount(id);
    await expect(target.addMember(other, id)).rejects.toMatchObject({ name: 'TargetMissingError', missing: 'account' });
  });

  test('fails to add a member who is no account, and the others are not held up', async () => {
    const { world, target } = given();
    const accounts = await Promise.all([1, 2, 3].map((number) => target.createAccount({ domain, guid: guidOf(number) }, person(number))));
    const role = await target.createRole('developers');
    const [first, gone, last] = accounts.map(({ id }) => id);
    await world.removeAccount(gone ?? '');
    const added = await Promise.allSettled([first, gone, last].map((id) => target.addMember(role, id ?? '')));
    expect(added.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await seen()).map(({ roles }) => roles)).toEqual([['developers'], ['developers']]);
  });

  test('WHEN members are listed THEN each is there once, whoever added it, under the id that removes it', async () => {
    const { world, target } = given();
    const role = await target.createRole('developers');
    expect(await everything((after) => target.listMembers(role, after))).toMatchObject({ items: [] });
    const { id } = await target.createAccount(mark, ada);
    const membership = await target.addMember(role, id);
    const others: string[] = [];
    for (let number = 2; number <= world.pageSize + 2; number += 1) {
      const other = await world.unmarkedAccount(person(number));
      await world.addMember(role, other);
      others.push(other);
    }
    const { items } = await everything((after) => target.listMembers(role, after));
    expect(items.map(({ accountId }) => accountId).sort()).toEqual([id, ...others].sort());
    expect(items.find(({ accountId }) => accountId === id)).toEqual({ membershipId: membership, accountId: id });
    for (const { membershipId, accountId } of items) if (accountId !== id) await target.removeMember(membershipId);
    expect((await everything((after) => target.listMembers(role, after))).items).toEqual([{ membershipId: membership, accountId: id }]);
  });

  test('GIVEN a member that somebody removed THEN it is not found, and can be added again', async () => {
    const { world, target } = given();
    const { id } = await target.createAccount(mark, ada);
    const role = await target.createRole('developers');
    const membership = await target.addMember(role, id);
    await world.removeMember(role, id);
    expect(await target.findMember(role, id)).toBeUndefined();
    await target.removeMember(membership);
    expect(await target.addMember(role, id)).toEqual(expect.any(String));
    expect(await seen()).toMatchObject([{ roles: ['developers'] }]);
  });
}
