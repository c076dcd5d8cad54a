/** Objects that enter the scope, leave it, or live outside of it. */
import { describe, expect, test } from 'vitest';
import { captureSettings } from '../../handlers/directory/capture-settings.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { isEdgeRow } from '../../handlers/directory/mirror.ts';
import type { Scope } from '../../handlers/directory/scope.ts';
import { dyingMirror, substance } from './memory-mirror.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { base, changed, delta, groupObject, referenceTo, sidOf, tombstone, userObject } from './rows.ts';

const [people, former] = [`OU=People,${base}`, `OU=Former,${base}`];
const cleo = { ...userObject(3, 'Cleo'), dn: `CN=Cleo,${former}` };
const temps = groupObject(11, 'Temps');
const moved = (of: ChangedObject, unit: string) =>
  delta(of, { dn: `CN=${of.attributes.name?.[0]},${unit}`, attributes: { name: of.attributes.name ?? [] } });
const joined = (of: ChangedObject, group = temps) => delta(group, { membersAdded: [referenceTo(of)] });
const left = (of: ChangedObject, group = temps) => delta(group, { membersRemoved: [referenceTo(of)] });

/** GIVEN Ada and Bea in People, members of Staff; Cleo in Former; Temps, without members. */
async function given(scope: Scope, ...others: ChangedObject[]): Promise<Polls> {
  const polls = new Polls({ scope });
  await polls.firstSync(cleo, temps, ...others);
  return polls;
}
const byUnit: Scope = { include: { organizationalUnits: [people, `OU=Groups,${base}`] } };
const withoutTemps: Scope = { exclude: { groups: [temps.sid ?? ''] } };
const withTemps: Scope = { include: { groups: [temps.sid ?? ''], organizationalUnits: [`OU=Groups,${base}`] } };
const byFilter: Scope = { exclude: { filter: '(employeeType=test)' } };

describe('an object that crosses the border', () => {
  test.each<[string, Scope, ChangedObject, ChangedObject]>([
    ['an included unit', byUnit, moved(ada, former), moved(ada, people)],
    ['an excluded unit', { exclude: { organizationalUnits: [former] } }, moved(ada, former), moved(ada, people)],
    ['an excluded group', withoutTemps, joined(ada), left(ada)],
    ['a filter', byFilter, changed(ada, { employeeType: ['Test'] }), changed(ada, { employeeType: [] })],
  ])('by %s THEN it leaves and enters with an event of its own, neither deleted nor created', async (_, scope, out, back) => {
    const polls = await given(scope);
    const crossing = async (change: ChangedObject) => (await polls.told(change)).filter((type) => !type.startsWith('GroupMember'));
    expect(await crossing(out)).toEqual(['UserLeftScope']);
    expect(await polls.row(ada)).toMatchObject({ deleted: false, outOfScope: true });
    expect(await crossing(back)).toEqual(['UserEnteredScope']);
    expect((await polls.row(ada)).outOfScope).toBeUndefined();
  });

  test('by joining a group of the scope THEN it enters, and leaves with it', async () => {
    const polls = await given(withTemps);
    expect(await polls.told(joined(ada))).toEqual(expect.arrayContaining(['UserEnteredScope', 'GroupMemberAdded']));
    expect(await polls.told(left(ada))).toEqual(expect.arrayContaining(['UserLeftScope', 'GroupMemberRemoved']));
  });

  test('by its primary group THEN it crosses as well', async () => {
    const polls = await given(withTemps);
    expect(await polls.told(changed(ada, { primaryGroupID: ['11'] }))).toContain('UserEnteredScope');
    expect(await polls.told(changed(ada, { primaryGroupID: ['10'] }))).toContain('UserLeftScope');
  });

  test('invariant 3: WHEN a group of the scope is not found THEN nobody leaves because of it', async () => {
    const polls = await given(withTemps);
    await polls.told(joined(ada));
    polls.directory.unreadable.add(temps.guid);
    expect(await polls.told(changed(ada, { mail: ['ada@example.com'] }))).toEqual(['UserUpdated']);
    expect(polls.codes).toContain('SCOPE_UNKNOWN');
  });

  test('invariant 3: WHEN a unit of the scope was renamed THEN nobody leaves because of it, and the log says so', async () => {
    const polls = await given(byUnit);
    polls.directory.missingUnits.add(people);
    expect(await polls.told(moved(ada, former))).toEqual(['UserMoved']);
    expect(polls.codes).toContain('SCOPE_UNKNOWN');
    // AND once the scope names what is there, it is as the scope says
    polls.directory.missingUnits.clear();
    const later = delta(ada, { dn: `CN=Ada,${former}`, attributes: { mail: ['ada@example.com'] } });
    expect(await polls.told(later)).toContain('UserLeftScope');
  });

  test('invariant 7: WHEN an excluded group cannot be read THEN who is new is not in scope, and it is settled once it can', async () => {
    const polls = await given(withoutTemps);
    polls.directory.unreadable.add(temps.guid);
    await polls.told(joined(ada));
    const dan = userObject(4, 'Dan');
    expect(await polls.told(dan, joined(dan))).not.toContain('UserCreated');
    expect(await polls.row(dan)).toMatchObject({ outOfScope: true });
    // AND who joined it meanwhile has left, who only came meanwhile has entered
    const eve = userObject(5, 'Eve');
    await polls.told(eve);
    polls.directory.unreadable.delete(temps.guid);
    polls.directory.set('', page([ada, bea, staff, cleo, dan, eve, { ...temps, membersAdded: [ada, dan].map(referenceTo) }], 'c9'));
    await polls.settle();
    expect(polls.logged.filter(({ code }) => code === 'FULL_SYNC').map(({ fields }) => fields.reason)).toEqual(['scope-known']);
    expect(await Promise.all([ada, dan, eve, bea].map(async (person) => (await polls.row(person)).outOfScope))).toEqual([
      ...[true, true],
      ...[undefined, undefined],
    ]);
  });

  test('GIVEN a name that cannot be read THEN its object is out of a scope by units, and the others of its page are told', async () => {
    const polls = await given(byUnit);
    const odd = { ...userObject(4, 'Odd'), dn: `CN=\\zz,${people}` };
    expect(await polls.told(odd, changed(ada, { userAccountControl: ['514'] }))).toEqual(['UserDisabled']);
    expect(await polls.row(odd)).toMatchObject({ outOfScope: true });
  });

  test('WHEN it leaves one group of the scope and another still holds it there THEN it stays', async () => {
    const crew = groupObject(12, 'Crew', [ada]);
    const groups = [temps.sid ?? '', crew.sid ?? ''];
    const polls = await given({ include: { groups } }, crew);
    expect(await polls.told(joined(ada))).not.toContain('UserEnteredScope');
    expect(await polls.told(left(ada))).not.toContain('UserLeftScope');
    expect(await polls.told(left(ada, crew))).toContain('UserLeftScope');
  });

  test('WHEN it is created and joins a group of the scope in one page, in any order, THEN it is created', async () => {
    const dora = userObject(4, 'Dora');
    for (const objects of [
      [dora, joined(dora)],
      [joined(dora), dora],
    ]) {
      const polls = await given(withTemps);
      expect((await polls.told(...objects)).filter((type) => type.startsWith('User'))).toEqual(['UserCreated']);
    }
  });

  test('invariant 2: WHEN the poll dies at any write THEN the crossing is told all the same, once', async () => {
    for (const change of [joined(ada), joined(bea)]) {
      let expected: readonly string[] = [];
      for (const calls of [99, 0, 1, 2, 3]) {
        const polls = await given(withoutTemps);
        polls.directory.set('c1', page([change], 'c2'));
        await polls.poll({ mirror: dyingMirror(polls.mirror, calls) }).catch(() => undefined);
        polls.time += 300_001;
        await polls.poll();
        expect(polls.eventsOf('UserLeftScope'), `killed after ${calls} writes`).toHaveLength(1);
        if (calls === 99) expected = substance(polls.mirror.all());
        expect(substance(polls.mirror.all()), `killed after ${calls} writes`).toEqual(expected);
      }
    }
  });
});

describe('an object out of scope', () => {
  test('THEN nothing is told of its changes, its deletion and its restoration', async () => {
    const polls = await given(byUnit);
    const life = [
      changed(cleo, { userAccountControl: ['514'], mail: ['c@example.com'], pwdLastSet: ['133000000000000000'] }),
      delta(cleo, { dn: `CN=Cleopatra,${former}`, attributes: { name: ['Cleopatra'] } }),
      changed(cleo, { accountExpires: ['130000000000000000'] }),
      tombstone(cleo),
      changed(cleo, { isDeleted: [], name: ['Cleo'] }),
    ];
    for (const change of life) expect(await polls.told(change)).toEqual([]);
    // AND the mirror has it as it is
    expect(await polls.row(cleo)).toMatchObject({ deleted: false, outOfScope: true });
  });

  test('WHEN one is created there, and comes in, THEN it enters', async () => {
    const polls = await given(byUnit);
    const dora = { ...userObject(4, 'Dora'), dn: `CN=Dora,${former}` };
    expect(await polls.told(dora)).toEqual([]);
    expect(await polls.told(moved(dora, people))).toEqual(['UserEnteredScope']);
  });

  test('WHEN it is a group THEN nothing is told of its members, those by primary group and those of its deletion among them', async () => {
    const polls = await given({ include: { organizationalUnits: [people] } });
    expect(await polls.told(joined(ada))).toEqual([]);
    expect(await polls.told(left(ada))).toEqual([]);
    expect(await polls.told(changed(ada, { primaryGroupID: ['11'] }))).toEqual([]);
    expect(await polls.told(tombstone(staff))).toEqual([]);
  });

  test('WHEN a group came into the scope THEN what ends of its memberships is told, though they began out of it', async () => {
    const polls = await given({ exclude: { organizationalUnits: [`OU=Groups,${base}`] } });
    const there = moved(staff, `OU=Roles,${base}`);
    expect(await polls.told(there)).toEqual(['GroupEnteredScope']);
    expect(await polls.told(left(ada, there))).toEqual(['GroupMemberRemoved']);
    // AND those that end with the member
    expect((await polls.told(tombstone(bea))).sort()).toEqual(['GroupMemberRemoved', 'UserDeleted']);
  });

  test('WHEN a group left the scope THEN the end of a membership that began in it is not told', async () => {
    const polls = await given({ exclude: { organizationalUnits: [former] } });
    const there = moved(staff, former);
    expect(await polls.told(there)).toEqual(['GroupLeftScope']);
    expect(await polls.told(left(ada, there))).toEqual([]);
    expect(await polls.told(tombstone(bea))).toEqual(['UserDeleted']);
  });
});

describe('the scope itself', () => {
  test('GIVEN a first snapshot THEN nothing of either side is told', async () => {
    for (const scope of [byUnit, withTemps, withoutTemps, byFilter]) {
      const polls = await given(scope, { ...temps, membersAdded: [referenceTo(ada)] });
      expect(polls.types()).toEqual(['DirectorySnapshotCompleted']);
    }
  });

  test('WHEN it changes THEN a full sync tells who left and who entered', async () => {
    const polls = await given(byUnit);
    polls.directory.set('', page([ada, bea, staff, cleo, temps], 'c9'));
    polls.settings = captureSettings({ scope: { exclude: { organizationalUnits: [people] } } });
    expect((await polls.since(polls.poll)).sort()).toEqual(['UserEnteredScope', 'UserLeftScope', 'UserLeftScope']);
    expect(polls.logged.find(({ code }) => code === 'FULL_SYNC')?.fields).toMatchObject({ reason: 'query-changed' });
  });

  test('WHEN it names a group that is not there THEN the log says so', async () => {
    const polls = await given({ exclude: { groups: [sidOf(999)] } });
    expect(polls.codes).toContain('SCOPE_UNKNOWN');
    expect(polls.mirror.all().filter(isEdgeRow)).toHaveLength(2);
  });
});
