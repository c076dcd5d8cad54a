/** What every target has to hold, whatever its kind. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Profile } from '../../handlers/access/grants.ts';
import { type Target, TargetConflictError, TargetMissingError } from '../../handlers/roles/target.ts';
import { guidOf } from '../directory/rows.ts';
import { assignmentContract, sessionContract } from './assignment-contract.ts';
import { ada, everything, type Given, intentAt, mark, person, tenMinutes } from './contract-fixtures.ts';
import { memberContract } from './member-contract.ts';
import { roleContract } from './role-contract.ts';
import type { TargetWorld } from './target-world.ts';

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
      expect(await target.findAccount(mark, { ...ada, userName: 'other@corp.example.com' }, undefined)).toMatchObject({
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
      expect(await target.findAccount(mark, ada, intentAt(0))).toMatchObject({ id, profile: ada });
      expect(await seen()).toMatchObject([{ id, mark: mark.guid }]);
    });

    test('GIVEN a half-made account WHEN the person has another name by now THEN it is found by the name it was to have', async () => {
      const id = await world.unmarkedAccount(ada);
      const now = { ...ada, userName: 'ada.b@corp.example.com' };
      expect(await target.findAccount(mark, now, { ...intentAt(0), userName: ada.userName })).toMatchObject({ id, profile: ada });
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

    test('invariant 4: GIVEN two people who swap their user names WHEN each is tried again THEN each has the own name', async () => {
      const named = (userName: string): Profile => ({ userName, displayName: userName, givenName: userName, familyName: userName });
      const [sa, sb] = [named('sa@corp.example.com'), named('sb@corp.example.com')];
      const a = await target.createAccount(mark, sa);
      const b = await target.createAccount({ ...mark, guid: guidOf(2) }, sb);
      await expect(target.updateAccount(a.id, sa, sb)).rejects.toThrow(TargetConflictError);
      await target.updateAccount(b.id, sb, sa);
      await target.updateAccount(a.id, sa, sb);
      const now = await seen();
      expect(now.find(({ id }) => id === a.id)).toMatchObject({ profile: sb, mark: mark.guid });
      expect(now.find(({ id }) => id === b.id)).toMatchObject({ profile: sa, mark: guidOf(2) });
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

    test('WHEN an account is read THEN it is shown as it is, whoever made it', async () => {
      const { id } = await target.createAccount(mark, ada);
      expect(await target.readAccount(id)).toMatchObject({ id, profile: ada, mark });
      const other = await world.unmarkedAccount(person(2));
      expect(await target.readAccount(other)).toMatchObject({ id: other, profile: person(2) });
      expect((await target.readAccount(other))?.mark).toBeUndefined();
      await world.removeAccount(id);
      expect(await target.readAccount(id)).toBeUndefined();
    });

    test('GIVEN more accounts than a page holds WHEN they are listed THEN each is there once, ours or not', async () => {
      const ours = await target.createAccount(mark, ada);
      const others: string[] = [];
      for (let number = 2; number <= world.pageSize + 2; number += 1) others.push(await world.unmarkedAccount(person(number)));
      const { items, pages } = await everything((after) => target.listAccounts(after));
      expect(pages).toBeGreaterThan(1);
      expect(items.map(({ id }) => id).sort()).toEqual([ours.id, ...others].sort());
      expect(items.find(({ id }) => id === ours.id)).toMatchObject({ profile: ada, mark });
      expect(items.filter((account) => account.mark !== undefined)).toHaveLength(1);
    });

    test('THEN it offers what its world says, and no more', () => {
      const { setActive, assignments, sessions } = target;
      const offered = Object.entries({ setActive, assignments, sessions }).flatMap(([part, value]) => (value === undefined ? [] : [part]));
      expect(offered).toEqual([...world.offers]);
    });

    const first = worldOf();
    const given = () => ({ world, target });
    roleContract(given);
    memberContract(given);
    if (first.offers.includes('setActive')) activeContract(given);
    if (first.duplicate) {
      test('invariant 5: fails to choose between two accounts with one mark, and shows both in the list', async () => {
        const { id } = await target.createAccount(mark, ada);
        const copy = await world.duplicate?.(id, person(2));
        await expect(target.findAccount(mark, ada, undefined)).rejects.toThrow(TargetConflictError);
        const { items } = await everything((after) => target.listAccounts(after));
        expect(
          items
            .filter((account) => account.mark?.guid === mark.guid)
            .map((account) => account.id)
            .sort(),
        ).toEqual([id, copy].sort());
      });
    }
    if (first.offers.includes('assignments')) assignmentContract(given);
    if (first.offers.includes('sessions')) sessionContract(given);
  });
}

function activeContract(given: Given): void {
  test('WHEN an account is made inactive and active again THEN it is the same one all along, with its profile and roles', async () => {
    const { world, target } = given();
    const { id } = await target.createAccount(mark, ada);
    await target.addMember(await target.createRole('developers'), id);
    for (const active of [false, false, true]) {
      await target.setActive?.(id, mark, active);
      expect(await target.readAccount(id)).toMatchObject({ id, profile: ada, mark, active });
      const { accounts } = await world.look();
      expect(accounts).toMatchObject([{ id, profile: ada, mark: mark.guid, roles: ['developers'] }]);
      expect(accounts[0]?.active ?? true).toBe(active);
    }
  });

  test('GIVEN an account that somebody made inactive THEN it is found so', async () => {
    const { world, target } = given();
    const { id } = await target.createAccount(mark, ada);
    expect(await target.findAccount(mark, ada, undefined)).toMatchObject({ active: true });
    await world.setActive?.(id, false);
    expect(await target.findAccount(mark, ada, undefined)).toMatchObject({ id, active: false });
    expect((await target.listAccounts(undefined)).items).toMatchObject([{ id, active: false }]);
  });

  test('invariant 5: fails to make an account inactive that is gone or does not carry our mark', async () => {
    const { world, target } = given();
    const { id } = await target.createAccount(mark, ada);
    await expect(target.setActive?.(id, { ...mark, guid: guidOf(2) }, false)).rejects.toThrow(TargetConflictError);
    await world.removeMarkOf(id);
    await expect(target.setActive?.(id, mark, false)).rejects.toThrow(TargetConflictError);
    expect((await world.look()).accounts[0]?.active).toBeUndefined();
    await world.removeAccount(id);
    await expect(target.setActive?.(id, mark, false)).rejects.toMatchObject({ name: 'TargetMissingError', missing: 'account' });
  });
}
