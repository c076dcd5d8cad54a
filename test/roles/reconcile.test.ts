import * as v from 'valibot';
import { beforeEach, describe, expect, test } from 'vitest';
import { grantKey, type PrincipalGrants, type Profile, principalKey } from '../../handlers/access/grants.ts';
import { roleMessageSchema } from '../../handlers/access/role-message.ts';
import type { Grant } from '../../handlers/events/catalogue.ts';
import { InvalidEventError } from '../../handlers/platform/errors.ts';
import type { Target } from '../../handlers/roles/target.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { type Reconciling, reconciling } from './reconciling.ts';
import type { TargetWorld } from './target-world.ts';

const decidedAt = '2026-11-23T00:00:00.000Z';
const profileOf = (index: number): Profile => ({
  userName: `user${index}@corp.example.com`,
  displayName: `User ${index}`,
  givenName: 'User',
  familyName: String(index),
});

let world: TargetWorld;
let target: Target;
let all: Reconciling;
const accounts: string[] = [];
let developers = '';

function desire(index: number, roles: readonly string[], more: Partial<PrincipalGrants> = {}): void {
  const grants = roles.map(
    (role): Grant => ({
      role,
      target: target.name,
      mapping: 'mapping',
      group: { guid: guidOf(900), dn: 'CN=Group,DC=corp,DC=example,DC=com', name: 'Group' },
      policies: ['mapped-grants'],
      since: decidedAt,
    }),
  );
  const pk = principalKey(domain, guidOf(index));
  all.grants.items.set(pk, {
    pk,
    domain,
    subject: { guid: guidOf(index), type: 'user', name: `User ${index}`, dn: `CN=User ${index},DC=corp,DC=example,DC=com` },
    revision: 1,
    state: 'active',
    profiles: { [target.name]: profileOf(index) },
    grants: Object.fromEntries(grants.map((grant) => [grantKey(grant), grant])),
    denied: {},
    decidedAt,
    cause: { id: 'event', type: 'GroupMemberAdded' },
    unannounced: [],
    ...more,
  });
}

beforeEach(async () => {
  world = memoryTargetWorld();
  target = world.target();
  all = reconciling(target);
  accounts.length = 0;
  developers = await target.createRole('developers');
  for (let index = 0; index < 5; index += 1) {
    const { id } = await target.createAccount({ domain, guid: guidOf(index) }, profileOf(index));
    accounts.push(id);
    await target.addMember(developers, id);
    desire(index, ['developers']);
  }
});

const hour = 3_600_000;
/** What was sent about principals and roles. */
const healing = () => all.sent.filter((message) => !('sweep' in message));
const later = (milliseconds: number) => {
  all.time = new Date(all.time.getTime() + milliseconds);
};

describe('reconcile', () => {
  test('GIVEN a target as it should be THEN a run finds nothing, sends nothing, and writes a report that says so', async () => {
    expect(await all.run()).toMatchObject({ state: 'completed', findings: 0 });
    expect(healing()).toEqual([]);
    expect(all.published).toEqual([]);
    expect(all.held).toEqual([{ memberships: 5, accounts: 5, exactly: true }]);
    expect(all.runs.reports).toMatchObject([{ findings: [], compared: { principals: 5, accounts: 5, roles: 1, memberships: 5 } }]);
  });

  test('GIVEN a run a moment ago THEN the next is not due; an hour later, or asked for, it is', async () => {
    await all.run();
    later(59 * 60_000);
    expect(await all.run()).toEqual({ state: 'not-due' });
    expect(await all.run({ now: true })).toMatchObject({ state: 'completed' });
    later(hour);
    expect(await all.run()).toMatchObject({ state: 'completed' });
    expect(all.runs.reports).toHaveLength(3);
  });

  test('GIVEN drift THEN each difference is an event and a line of the report, and sync-roles is told in a form that it reads', async () => {
    await world.removeMember(developers, String(accounts[0]));
    await world.removeAccount(String(accounts[1]));
    const stranger = await world.unmarkedAccount(profileOf(77));
    await world.addMember(developers, stranger);
    expect(await all.run()).toMatchObject({ findings: 3 });
    expect(all.published.map(({ type, change }) => [type, 'kind' in change ? change.kind : '']).sort()).toEqual([
      ['DriftFound', 'account-missing'],
      ['DriftFound', 'membership-extra'],
      ['DriftFound', 'membership-missing'],
    ]);
    for (const message of healing()) expect(v.safeParse(roleMessageSchema, JSON.parse(JSON.stringify(message))).success).toBe(true);
    expect(healing()).toMatchObject([
      { role: 'developers', extraMembers: [stranger] },
      { guid: guidOf(1), drift: { kinds: ['account-missing'] } },
      { guid: guidOf(0), drift: { kinds: ['membership-missing'] } },
    ]);
    expect(all.runs.reports[0]?.findings.map(({ outcome }) => outcome)).toEqual(['healing', 'healing', 'healing']);
  });

  test('GIVEN a target with sessions THEN a run that heals has them looked after, and one that reports does not', async () => {
    await all.run();
    expect(all.sent).toMatchObject([{ sweep: 'sessions' }]);
    await all.run({ now: true, mode: 'report' });
    expect(all.sent).toHaveLength(1);
  });

  test('GIVEN a run that only reports THEN it tells, and nothing is sent or asked of the guard', async () => {
    await world.removeMember(developers, String(accounts[0]));
    await all.run({ now: true, mode: 'report' });
    expect(all.published).toHaveLength(1);
    expect(healing()).toEqual([]);
    expect(all.asked).toEqual([]);
    expect(all.runs.reports[0]).toMatchObject({ mode: 'report', findings: [{ outcome: 'reported' }] });
  });

  test('GIVEN a target that is set to report THEN nobody makes a run heal', async () => {
    await world.removeMember(developers, String(accounts[0]));
    await all.run({ now: true, mode: 'heal' }, { mode: 'report' });
    expect(healing()).toEqual([]);
  });

  test('invariant 6: GIVEN a guard that trips THEN nothing is sent that takes away, GuardTripped tells, and what is missing is healed', async () => {
    const stranger = await world.unmarkedAccount(profileOf(77));
    await world.addMember(developers, stranger);
    await world.removeMember(developers, String(accounts[0]));
    all.admission = {
      admitted: false,
      guard: 'guard-1',
      staged: true,
      tripped: {
        guard: 'guard-1',
        limit: { window: 'run', counted: 'revocations', count: 1, most: 0, share: 0, held: 5 },
        staged: [],
        expiresAt: '2026-11-24T12:00:00.000Z',
      },
    };
    await all.run();
    expect(all.asked).toMatchObject([{ key: 'role#developers', revocations: 1 }]);
    expect(healing()).toMatchObject([{ guid: guidOf(0) }]);
    expect(all.published.map(({ type }) => type)).toContain('GuardTripped');
    expect(all.logged).toContain('GUARD_TRIPPED');
    expect(all.runs.reports[0]?.findings.map(({ kind, outcome }) => [kind, outcome])).toContainEqual(['membership-extra', 'held-back']);
  });

  test('GIVEN time for a few pages only THEN the next invocations go on where it stood, and the run ends once', async () => {
    const stranger = await world.unmarkedAccount(profileOf(77));
    await world.addMember(developers, stranger);
    all.pages = 1;
    const states: string[] = [];
    for (let invocation = 0; invocation < 20 && states.at(-1) !== 'completed'; invocation += 1) {
      states.push((await all.run()).state);
      later(300_000);
    }
    expect(states.filter((state) => state === 'completed')).toHaveLength(1);
    expect(states.length).toBeGreaterThan(2);
    expect(healing()).toMatchObject([{ extraMembers: [stranger] }]);
    expect(all.runs.reports).toHaveLength(1);
  });

  test('invariant 3: GIVEN a listing that fails THEN nothing is concluded from it, and the next invocation goes on', async () => {
    let fails = true;
    const broken: Target = {
      ...target,
      listMembers: (id, after) => (fails ? Promise.reject(new Error('503')) : target.listMembers(id, after)),
    };
    await expect(all.run({}, { target: broken })).rejects.toThrow('503');
    expect([healing(), all.published, all.runs.reports]).toEqual([[], [], []]);
    fails = false;
    expect(await all.run({}, { target: broken })).toMatchObject({ state: 'completed', findings: 0 });
  });

  test('GIVEN a run that does not come to its end within six hours THEN it is given up with an error, and a new one begins', async () => {
    all.pages = 0;
    await all.run();
    const first = all.runs.state?.run?.id;
    later(7 * hour);
    all.pages = Number.POSITIVE_INFINITY;
    expect(await all.run()).toMatchObject({ state: 'completed' });
    expect(all.logged).toContain('RECONCILE_INCOMPLETE');
    expect(all.runs.reports[0]?.run).not.toBe(first);
  });

  test('GIVEN a run that dies after its report THEN the next invocation tells the same again under the same ids', async () => {
    await world.removeMember(developers, String(accounts[0]));
    const dying = { send: () => Promise.reject(new Error('killed')) };
    await expect(all.run({}, dying)).rejects.toThrow('killed');
    const ids = all.published.map(({ id }) => id);
    later(300_000);
    expect(await all.run()).toMatchObject({ state: 'completed' });
    expect(all.published.slice(ids.length).map(({ id }) => id)).toEqual(ids);
    expect(healing()).toHaveLength(1);
  });

  test('fails for a request that it cannot read', async () => {
    await expect(all.run({ mode: 'destroy' })).rejects.toThrow(InvalidEventError);
  });
});
