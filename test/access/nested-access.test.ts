/** A change deep in the nesting: exactly those whom it affects are looked at, and hold what they should. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { principalKey } from '../../handlers/access/grants.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { type MemoryMirror, memoryMirror } from '../directory/memory-mirror.ts';
import { delta, referenceTo, tombstone } from '../directory/rows.ts';
import { WatchedDomain } from '../directory/watched-domains.ts';
import { accessOf, Deciding, delivered } from './deciding.ts';

let mirror: MemoryMirror;
let corp: WatchedDomain;
let deciding: Deciding;
let user: Record<'ada' | 'bea' | 'cy' | 'dan', ChangedObject>;
/** AWS-Developers holds department, which holds team and Bea; team holds Ada. Cy is a developer himself, Dan in other alone. */
let developers: ChangedObject;
let department: ChangedObject;
let team: ChangedObject;
let other: ChangedObject;

beforeEach(async () => {
  mirror = memoryMirror();
  corp = new WatchedDomain(mirror, 'corp.example.com', 1);
  deciding = new Deciding(mirror, ['corp.example.com']);
  user = { ada: corp.user(1, 'Ada'), bea: corp.user(2, 'Bea'), cy: corp.user(3, 'Cy'), dan: corp.user(4, 'Dan') };
  team = corp.group(12, 'Team', [user.ada]);
  department = corp.group(11, 'Department', [team, user.bea]);
  developers = corp.group(10, 'AWS-Developers', [department, user.cy]);
  other = corp.group(13, 'Other', [user.dan]);
  await decided(() => corp.page(...Object.values(user), team, department, developers, other));
});

/** The work of the directory, and all that follows. @returns names of the users who were looked at */
async function decided(work: () => Promise<unknown>): Promise<string[]> {
  const from = mirror.changes.length;
  await work();
  const events = mirror.changes.slice(from).flatMap(({ before, after }) => identityEvents(before, after));
  const looked = new Set<string>();
  const grants = {
    ...deciding.grants,
    read: async (pk: string) => {
      looked.add(pk);
      return deciding.grants.read(pk);
    },
  };
  for (const event of events) await deciding.decide(delivered(event), { grants });
  await deciding.settle({ grants });
  return Object.entries(user).flatMap(([name, { guid }]) => (looked.has(principalKey(corp.name, guid)) ? [name] : []));
}

const join = (group: ChangedObject, member: ChangedObject) => corp.page(delta(group, { membersAdded: [referenceTo(member)] }));
const held = () => Object.fromEntries(Object.entries(user).map(([name, of]) => [name, deciding.held(corp.name, of)]));
const both = ['developers', 'everybody'];
const start: Record<keyof typeof user, readonly string[]> = { ada: both, bea: both, cy: both, dan: [] };

describe('GIVEN groups in groups', () => {
  test('THEN who is below a mapped group holds its role, with the way to it', () => {
    expect(held()).toEqual(start);
    const grant = deciding.grants.items.get(principalKey(corp.name, user.ada.guid))?.grants['identity-center/developers'];
    expect(grant).toMatchObject({ group: { name: 'AWS-Developers' }, path: [{ name: 'Team' }, { name: 'Department' }] });
    const direct = deciding.grants.items.get(principalKey(corp.name, user.cy.guid))?.grants['identity-center/developers'];
    expect(direct).not.toHaveProperty('path');
  });

  const changes: Record<string, [work: () => Promise<unknown>, looked: string[], change: Partial<typeof start>]> = {
    'the innermost group leaves its group': [() => corp.leave(department, team), ['ada'], { ada: [] }],
    'the group in between leaves the mapped one': [() => corp.leave(developers, department), ['ada', 'bea'], { ada: [], bea: [] }],
    'another group joins the innermost one': [() => join(team, other), ['dan'], { dan: both }],
    'the group in between becomes one for mail': [
      () => corp.page(delta(department, { attributes: { groupType: ['2'] } })),
      ['ada', 'bea'],
      { ada: [], bea: [] },
    ],
    'the group in between is deleted': [() => corp.page(tombstone(department)), ['ada', 'bea'], { ada: [], bea: [] }],
    'the mapped group is deleted': [() => corp.page(tombstone(developers)), ['ada', 'bea', 'cy'], { ada: [], bea: [], cy: [] }],
    'the mapped group is renamed': [
      () => corp.page(delta(developers, { attributes: { name: ['Devs'], sAMAccountName: ['Devs'] } })),
      ['ada', 'bea', 'cy'],
      { ada: [], bea: [], cy: [] },
    ],
    'a group below is described otherwise': [() => corp.page(delta(team, { attributes: { mail: ['team@example.com'] } })), [], {}],
    'a cycle comes to be': [() => join(team, developers), ['ada', 'bea', 'cy'], {}],
    'somebody joins the innermost group': [() => join(team, user.dan), ['dan'], { dan: both }],
    'a group that gives nothing changes': [() => corp.leave(other, user.dan), ['dan'], {}],
  };
  test.each(Object.entries(changes))('WHEN %s THEN those below are looked at, and nobody else', async (_, [work, looked, change]) => {
    expect(await decided(work)).toEqual(looked);
    expect(held()).toEqual({ ...start, ...change });
  });

  test('WHEN a cycle ends THEN nobody keeps a role by it', async () => {
    await decided(() => join(team, developers));
    await decided(() => corp.leave(developers, department));
    // Ada is a developer no more; the team, which Cy is in by way of the developers, gives nothing.
    expect(held()).toEqual({ ...start, ada: [], bea: [] });
  });

  test('WHEN an effective member of an excluded group is looked at THEN the role is not theirs', async () => {
    const mapping: RoleMapping = {
      ...{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' },
      exclude: { groups: [{ name: 'Other' }] },
    };
    deciding.deps = { ...deciding.deps, access: async () => accessOf({ mappings: [mapping] }) };
    expect(await decided(() => join(other, team))).toEqual(['ada']);
    expect(held().ada).toEqual([]);
    expect(await decided(() => corp.leave(other, team))).toEqual(['ada']);
    expect(held().ada).toEqual(['developers']);
  });
});

describe('any walk of memberships', () => {
  const names = ['ada', 'bea', 'team', 'department', 'developers', 'other'] as const;
  const steps = fc.array(fc.record({ member: fc.constantFrom(...names), group: fc.constantFrom(...names.slice(2)) }), {
    minLength: 1,
    maxLength: 12,
  });

  test('THEN after every step each holds what a decision from nothing says', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (walk) => {
        const objects: Record<(typeof names)[number], ChangedObject> = {
          ada: user.ada,
          bea: user.bea,
          team,
          department,
          developers,
          other,
        };
        for (const { member, group } of walk) {
          const there = mirror
            .all()
            .some(
              (row) => row.pk.endsWith(objects[member].guid) && row.sk.endsWith(objects[group].guid) && 'present' in row && row.present,
            );
          await decided(() => (there ? corp.leave(objects[group], objects[member]) : join(objects[group], objects[member])));
        }
        const fresh = new Deciding(mirror, ['corp.example.com']);
        await fresh.decide({
          lookAt: { domain: corp.name, guids: Object.values(user).map(({ guid }) => guid) },
          cause: { id: 'x', type: 'x' },
        });
        for (const of of Object.values(user)) expect(deciding.held(corp.name, of)).toEqual(fresh.held(corp.name, of));
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
