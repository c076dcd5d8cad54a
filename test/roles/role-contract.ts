/** What every target has to hold of roles. */
import { expect, test } from 'vitest';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { TargetConflictError } from '../../handlers/roles/target.ts';
import { everything, type Given, intentAt, tenMinutes } from './contract-fixtures.ts';

export function roleContract(given: Given): void {
  test.each(['developers', 'Developers of Example', '100% Ärzte & "Pflege"', 'a'.repeat(80), `a${' %'.repeat(39)}`])(
    'WHEN the role %j is made THEN it is marked and found',
    async (role) => {
      const { world, target } = given();
      expect(await target.findRole(role, undefined)).toBeUndefined();
      const id = await target.createRole(role);
      expect(await target.findRole(role, undefined)).toBe(id);
      expect((await world.look()).roles).toEqual([{ id, name: role, marked: true }]);
    },
  );

  test('GIVEN a half-made role of the time of our intent WHEN it is looked for THEN it is adopted', async () => {
    const { world, target } = given();
    const id = await world.unmarkedRole('developers');
    expect(await target.findRole('developers', intentAt(0))).toBe(id);
    expect((await world.look()).roles).toEqual([{ id, name: 'developers', marked: true }]);
  });

  test('invariant 5: fails for a role of that name that is not ours, and leaves it alone', async () => {
    const { world, target } = given();
    const id = await world.unmarkedRole('developers');
    for (const intent of [undefined, intentAt(tenMinutes), intentAt(-tenMinutes)]) {
      await expect(target.findRole('developers', intent)).rejects.toThrow(TargetConflictError);
    }
    expect((await world.look()).roles).toEqual([{ id, name: 'developers', marked: false }]);
  });

  test('fails, to be tried again, when two runs make one role', async () => {
    const { target } = given();
    await target.createRole('developers');
    await expect(target.createRole('developers')).rejects.toThrow(RetryableError);
  });

  test('GIVEN a role that somebody renamed THEN it is ours still, and gets its name back', async () => {
    const { world, target } = given();
    const id = await target.createRole('Developers');
    await world.renameRole(id, 'Hackers');
    expect(await target.findRole('Developers', undefined)).toBe(id);
    expect((await target.listRoles(undefined)).items).toEqual([{ id, name: 'Hackers', mark: 'developers' }]);
    await target.renameRole(id, 'Developers');
    await target.renameRole(id, 'Developers');
    expect((await world.look()).roles).toEqual([{ id, name: 'Developers', marked: true }]);
  });

  test('invariant 5: fails to rename a role that is gone, not ours, or whose name another has', async () => {
    const { world, target } = given();
    const gone = await target.createRole('gone');
    await world.removeRole(gone);
    await expect(target.renameRole(gone, 'gone')).rejects.toMatchObject({ name: 'TargetMissingError', missing: 'role' });
    const others = await world.unmarkedRole('others');
    await expect(target.renameRole(others, 'ours')).rejects.toThrow(TargetConflictError);
    const taken = await target.createRole('taken');
    await expect(target.renameRole(taken, 'of-another-mark')).rejects.toThrow(TargetConflictError);
    await world.renameRole(taken, 'elsewhere');
    await world.unmarkedRole('taken');
    const renaming = target.renameRole(taken, 'taken');
    await expect(renaming).rejects.toThrow(TargetConflictError);
    await expect(renaming).rejects.toMatchObject({ remedy: expect.stringMatching(/\S/) });
    expect((await world.look()).roles.map(({ name }) => name).sort()).toEqual(['elsewhere', 'others', 'taken']);
  });

  test('GIVEN more roles than a page holds WHEN they are listed THEN each is there once, ours or not', async () => {
    const { world, target } = given();
    const ours = await target.createRole('Developers of Example');
    const others: string[] = [];
    for (let number = 1; number <= world.pageSize + 1; number += 1) others.push(await world.unmarkedRole(`others ${number}`));
    const { items, pages } = await everything((after) => target.listRoles(after));
    expect(pages).toBeGreaterThan(1);
    expect(items.map(({ id }) => id).sort()).toEqual([ours, ...others].sort());
    expect(items.filter((role) => role.mark !== undefined)).toEqual([
      { id: ours, name: 'Developers of Example', mark: 'developers of example' },
    ]);
  });
}
