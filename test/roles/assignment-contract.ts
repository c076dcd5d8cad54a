/** What a target has to hold that brings access to AWS accounts. */
import { expect, test } from 'vitest';
import type { Assignment } from '../../handlers/events/catalogue.ts';
import { type Assignments, TargetConflictError } from '../../handlers/roles/target.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { ada, type Given, mark, person } from './contract-fixtures.ts';
import type { AssignmentWorld, SessionWorld } from './target-world.ts';

const sorted = (assignments: readonly Assignment[]) =>
  assignments.map(({ account, permissionSet }) => `${permissionSet} in ${account}`).sort();

/** Asks until the request has ended. */
async function ended(assignments: Assignments, request: string | undefined, kind: 'create' | 'remove') {
  if (request === undefined) return { state: 'done' };
  for (let question = 0; question < 100; question += 1) {
    const answer = await assignments.state(request, kind);
    if (answer.state !== 'under-way') return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`request ${request} is under way for ever`);
}

export function assignmentContract(given: Given): void {
  const start = async () => {
    const { target, world } = given();
    const { assignments } = target;
    const { assignments: administrator } = world as { assignments: AssignmentWorld };
    if (assignments === undefined) throw new Error('the target offers no assignments');
    const [account = '', secondAccount = ''] = administrator.accounts;
    const [permissionSet = '', secondSet = ''] = administrator.permissionSets;
    const role = await target.createRole('developers');
    return {
      target,
      assignments,
      administrator,
      role,
      one: { account, permissionSet },
      two: { account: secondAccount, permissionSet: secondSet },
    };
  };

  test('WHEN assignments are made and removed THEN they are so when their requests say so, as often as one asks', async () => {
    const { assignments, administrator, role, one, two } = await start();
    for (const assignment of [one, two, one]) {
      expect(await ended(assignments, await assignments.create(role, assignment), 'create')).toMatchObject({ state: 'done' });
    }
    expect(await assignments.create(role, one)).toBeUndefined();
    expect(sorted(await administrator.look(role))).toEqual(sorted([one, two]));
    expect(sorted(await assignments.list(role))).toEqual(sorted([one, two]));
    for (let time = 0; time < 2; time += 1) {
      expect(await ended(assignments, await assignments.remove(role, one), 'remove')).toMatchObject({ state: 'done' });
    }
    expect(sorted(await administrator.look(role))).toEqual(sorted([two]));
    expect(sorted(await assignments.list(role))).toEqual(sorted([two]));
  });

  test('GIVEN two roles THEN each has its own assignments', async () => {
    const { target, assignments, role, one } = await start();
    const other = await target.createRole('auditors');
    await ended(assignments, await assignments.create(role, one), 'create');
    expect(await assignments.list(other)).toEqual([]);
  });

  test('GIVEN assignments that somebody made and removed WHEN they are listed THEN the list shows what is there', async () => {
    const { assignments, administrator, role, one, two } = await start();
    await ended(assignments, await assignments.create(role, one), 'create');
    await administrator.add(role, two);
    await administrator.remove(role, one);
    expect(sorted(await assignments.list(role))).toEqual(sorted([two]));
  });

  test('fails for an account or a permission set that is not ours', async () => {
    const { assignments, administrator, role, one } = await start();
    await expect(assignments.create(role, { ...one, account: '999988887777' })).rejects.toThrow(TargetConflictError);
    await expect(assignments.create(role, { ...one, permissionSet: 'NobodysOwn' })).rejects.toThrow(TargetConflictError);
    expect(await administrator.look(role)).toEqual([]);
  });
}

export function sessionContract(given: Given): void {
  test('WHEN sessions are cut and restored, each twice, THEN nobody else is cut off', async () => {
    const { target, world } = given();
    const { sessions: cuts } = world as { sessions: SessionWorld };
    const permissionSet = world.assignments?.permissionSets[0] ?? '';
    const [{ id: first }, { id: second }] = [
      await target.createAccount(mark, ada),
      await target.createAccount({ domain, guid: guidOf(2) }, person(2)),
    ];
    for (const id of [first, second, first]) {
      const until = await target.sessions?.cut(id, [permissionSet]);
      expect(Date.parse(until ?? '')).toBeGreaterThan(Date.now());
    }
    expect((await cuts.look()).map(({ accountId }) => accountId).sort()).toEqual([first, second].sort());
    for (let time = 0; time < 2; time += 1) await target.sessions?.restore(first, [permissionSet]);
    expect(await cuts.look()).toEqual([{ accountId: second, permissionSet }]);
    await target.sessions?.restore(second, [permissionSet]);
    expect(await cuts.look()).toEqual([]);
  });
}
