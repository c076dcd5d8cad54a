/** What every target has to hold: the one in memory and IAM Identity Center. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Profile } from '../../handlers/access/grants.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { type Intent, type Mark, type Target, TargetConflictError, TargetMissingError } from '../../handlers/roles/target.ts';
import { domain, guidOf } from '../directory/rows.ts';
import type { TargetWorld } from './target-world.ts';

const mark: Mark = { domain, guid: guidOf(1) };
const ada: Profile = {
  userName: 'ada@corp.example.com',
  displayName: 'Ada Example',
  givenName: 'Ada',
  familyName: 'Example',
  email: 'ada@example.com',
};
const intentAt = (milliseconds: number): Intent => ({ at: new Date(Date.now() + milliseconds).toISOString() });
const tenMinutes = 600_000;

export function targetContract(name: string, worldOf: () => TargetWorld): void {
  describe(name, () => {
    let world: TargetWorld;
    let target: Target;
    const seen = async () => (await world.look()).accounts;

    beforeEach(async () => {
      world = worldOf();
      await world.clear();
      target = world.target();
    });

    test('invariant 5: WHEN an account is made THEN it carries the objectGUID as its mark and is found by it under any name', async () => {
      const account = await target.createAccount(mark, ada);
      expect(await seen()).toEqual([{ id: account.id, profile: ada, mark: mark.guid, roles: [] }]);
      expect(await target.findAccount(mark, { ...ada, userName: 'other@corp.example.com' }, undefined)).toEqual({
        id: account.id,
        profile: ada,
      });
    });

    test('WHEN nobody has the mark or the name THEN no account is found', async () => {
      expect(await target.findAccount(mark, ada, undefined)).toBeUndefined();
      expect(await target.findAccount(mark, ada, intentAt(0))).toBeUndefined();
    });

    test('GIVEN a mark of another domain THEN it is another principal', async () => {
      await target.createAccount({ ...mark, domain: 'other.example.com' }, ada);
      expect(await target.findAccount(mark, { ...ada, userName: 'else@corp.example.com' }, undefined)).toBeUndefined();
    });

    test('GIVEN a half-made account of the time of our intent WHEN it is looked for THEN it is adopted, no second one made', async () => {
      const id = await world.unmarkedAccount(ada);
      expect(await target.findAccount(mark, ada, intentAt(0))).toEqual({ id, profile: ada });
      expect(await seen()).toMatchObject([{ id, mark: mark.guid }]);
    });

    test('GIVEN a half-made account WHEN the person has another name by now THEN it is found by the name it was to have', async () => {
      const id = await world.unmarkedAccount(ada);
      const now = { ...ada, userName: 'ada.b@corp.example.com' };
      expect(await target.findAccount(mark, now, { ...intentAt(0), userName: ada.userName })).toEqual({ id, profile: ada });
      expect(await seen()).toMatchObject([{ id, mark: mark.guid }]);
    });

    test.each([
      ['without an intent', () => undefined],
      ['made long before our intent', () => intentAt(tenMinutes)],
      ['made long after our intent', () => intentAt(-tenMinutes)],
    ])('invariant 5: fails for an unmarked account with that user name, %s, and leaves it alone', async (_, intent) => {
      const id = await world.unmarkedAccount(ada);
      await expect(target.findAccount(mark, ada, intent())).rejects.toThrow(TargetConflictError);
      await expect(target.findAccount(mark, ada, intent())).rejects.toMatchObject({ remedy: expect.stringMatching(/\S/) });
      expect(await seen()).toEqual([{ id, profile: ada, mark: undefined, roles: [] }]);
    });

    test('invariant 5: fails for an account with the mark of another principal, intent or not', async () => {
      await target.createAccount({ ...mark, guid: guidOf(2) }, ada);
      await expect(target.findAccount(mark, ada, intentAt(0))).rejects.toThrow(TargetConflictError);
      expect(await seen()).toMatchObject([{ mark: guidOf(2) }]);
    });

    test.each([
      ['the user name', { ...ada, email: 'else@example.com' }],
      ['the mail address', { ...ada, userName: 'else@corp.example.com' }],
    ])('fails when another account has %s, with a remedy', async (_, taken) => {
      await world.unmarkedAccount(ada);
      const creating = target.createAccount(mark, taken);
      await expect(creating).rejects.toThrow(TargetConflictError);
      await expect(creating).rejects.toMatchObject({ remedy: expect.stringMatching(/\S/) });
    });

    test('fails for a user name that the target refuses, with a remedy, when made and when updated', async () => {
      await expect(target.createAccount(mark, { ...ada, userName: 'ada example' })).rejects.toThrow(TargetConflictError);
      const { id } = await target.createAccount(mark, ada);
      await expect(target.updateAccount(id, ada, { ...ada, userName: 'ada example' })).rejects.toThrow(TargetConflictError);
      expect(await seen()).toMatchObject([{ id, profile: ada }]);
    });

    test('invariant 4: WHEN a person is renamed THEN the same account is updated in place', async () => {
      const { id } = await target.createAccount(mark, ada);
      const renamed: Profile = {
        userName: 'ada.b@corp.example.com',
        displayName: 'Ada B',
        givenName: 'A',
        familyName: 'B',
        email: 'b@example.com',
      };
      await target.updateAccount(id, ada, renamed);
      expect(await seen()).toEqual([{ id, profile: renamed, mark: mark.guid, roles: [] }]);
      // AND once more, as after a crash
      await target.updateAccount(id, ada, renamed);
      expect(await seen()).toMatchObject([{ id, profile: renamed }]);
    });

    test('WHEN the mail address goes and comes back THEN the account shows it', async () => {
      const { id } = await target.createAccount(mark, ada);
      const { email: _, ...without } = ada;
      await target.updateAccount(id, ada, without);
      expect(await seen()).toMatchObject([{ profile: without }]);
      expect((await seen())[0]?.profile).not.toHaveProperty('email');
      await target.updateAccount(id, without, ada);
      expect(await seen()).toMatchObject([{ profile: ada }]);
    });

    test('fails to update an account that is gone, or to a user name that another has', async () => {
      const { id } = await target.createAccount(mark, ada);
      await world.unmarkedAccount({ ...ada, userName: 'else@corp.example.com', email: 'else@example.com' });
      await expect(target.updateAccount(id, ada, { ...ada, userName: 'ELSE@corp.example.com' })).rejects.toThrow(TargetConflictError);
      await world.removeAccount(id);
      await expect(target.updateAccount(id, ada, { ...ada, givenName: 'A' })).rejects.toThrow(TargetMissingError);
      await expect(target.updateAccount(id, ada, { ...ada, givenName: 'A' })).rejects.toMatchObject({ missing: 'account' });
    });

    test('WHEN an account is deleted twice THEN it is gone, with its memberships', async () => {
      const { id } = await target.createAccount(mark, ada);
      await target.addMember(await target.createRole('developers'), id);
      await target.deleteAccount(id, mark);
      await target.deleteAccount(id, mark);
      expect(await seen()).toEqual([]);
    });

    test('invariant 5: fails to delete an account that does not carry our mark', async () => {
      const { id } = await target.createAccount(mark, ada);
      await expect(target.deleteAccount(id, { ...mark, guid: guidOf(2) })).rejects.toThrow(TargetConflictError);
      await world.removeMarkOf(id);
      await expect(target.deleteAccount(id, mark)).rejects.toThrow(TargetConflictError);
      expect(await seen()).toMatchObject([{ id }]);
    });

    test.each(['developers', 'Developers of Example', '100% Ärzte & "Pflege"', 'a'.repeat(80), `a${' %'.repeat(39)}`])(
      'WHEN the role %j is made THEN it is marked and found',
      async (role) => {
        expect(await target.findRole(role, undefined)).toBeUndefined();
        const id = await target.createRole(role);
        expect(await target.findRole(role, undefined)).toBe(id);
        expect((await world.look()).roles).toEqual([{ id, name: role, marked: true }]);
      },
    );

    test('GIVEN a half-made role of the time of our intent WHEN it is looked for THEN it is adopted', async () => {
      const id = await world.unmarkedRole('developers');
      expect(await target.findRole('developers', intentAt(0))).toBe(id);
      expect((await world.look()).roles).toEqual([{ id, name: 'developers', marked: true }]);
    });

    test('invariant 5: fails for a role of that name that is not ours, and leaves it alone', async () => {
      const id = await world.unmarkedRole('developers');
      for (const intent of [undefined, intentAt(tenMinutes), intentAt(-tenMinutes)]) {
        await expect(target.findRole('developers', intent)).rejects.toThrow(TargetConflictError);
      }
      expect((await world.look()).roles).toEqual([{ id, name: 'developers', marked: false }]);
    });

    test('fails, to be tried again, when two runs make one role', async () => {
      await target.createRole('developers');
      await expect(target.createRole('developers')).rejects.toThrow(RetryableError);
    });

    test('WHEN a member is added twice THEN it is one membership, which is found and removed as often as one likes', async () => {
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
      const { id } = await target.createAccount(mark, ada);
      const role = await target.createRole('developers');
      await world.removeRole(role);
      await expect(target.addMember(role, id)).rejects.toMatchObject({ name: 'TargetMissingError', missing: 'role' });
      expect(await target.findMember(role, id)).toBeUndefined();
      const other = await target.createRole('auditors');
      await world.removeAccount(id);
      await expect(target.addMember(other, id)).rejects.toMatchObject({ name: 'TargetMissingError', missing: 'account' });
    });
  });
}
