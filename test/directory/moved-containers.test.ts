/** A container that moves or is renamed: everything below it has another name, and DirSync reports the container alone. */
import { beforeEach, describe, expect, test } from 'vitest';
import { dyingMirror, substance } from './memory-mirror.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { accountObject, base, changed, delta, objectOf, unitObject, userObject } from './rows.ts';

const people = unitObject(50, 'People');
const inner = objectOf('organizationalUnit', 51, `OU=Inner,OU=People,${base}`);
const cleo = { ...userObject(3, 'Cleo'), dn: `CN=Cleo,OU=Inner,OU=People,${base}` };
const pc = accountObject('computer', 4, 'PC4$');
/** Another unit whose name only ends alike. */
const otherPeople = unitObject(52, 'Other People');
const eva = { ...userObject(5, 'Eva'), dn: `CN=Eva,OU=Other People,${base}` };

const staffUnit = `OU=Staff,${base}`;
const renamed = delta(people, { dn: staffUnit, attributes: { name: ['Staff'] } });
const below = [inner, cleo, pc, ada, bea];
const nowIn = (dn: string) => dn.replace(people.dn, staffUnit);

/** GIVEN a unit with users, a computer and a unit in it. */
async function given(): Promise<Polls> {
  const polls = new Polls();
  await polls.firstSync(people, inner, cleo, pc, otherPeople, eva);
  return polls;
}
/** People becomes Staff in the directory, and with it the names of all that it holds. */
function rename(polls: Polls): void {
  polls.directory.set('c1', page([renamed], 'c2'));
  for (const object of below) polls.directory.happen(delta(object, { dn: nowIn(object.dn) }));
}

let polls: Polls;
beforeEach(async () => {
  polls = await given();
  rename(polls);
});

describe('a renamed unit', () => {
  test('THEN everything below it has its new name, at any depth, and each account that moved is told', async () => {
    const moved = await polls.since(polls.poll);
    expect(moved.sort()).toEqual(['ComputerMoved', 'UserMoved', 'UserMoved', 'UserMoved']);
    for (const object of [...below, people]) expect((await polls.row(object)).dn).toBe(nowIn(object.dn));
    expect(polls.eventsOf('UserMoved').find(({ subject }) => subject.name === 'Cleo')?.change).toEqual({
      before: cleo.dn,
      after: nowIn(cleo.dn),
    });
    expect(polls.logged.find(({ code }) => code === 'CONTAINER_MOVED')?.fields).toMatchObject({ container: people.guid, renamed: 5 });
  });

  test('THEN nothing else is touched', async () => {
    await polls.poll();
    expect(await polls.row(eva)).toMatchObject({ dn: eva.dn, revision: 1 });
    expect(await polls.row(staff)).toMatchObject({ dn: staff.dn, revision: 1 });
  });

  test('WHEN a poll says nothing of it THEN nothing below it is looked for', async () => {
    await polls.poll();
    polls.directory.searches.length = 0;
    expect(
      await polls.told(changed(people, { gPOptions: ['1'] }), delta(people, { dn: staffUnit, attributes: { name: ['Staff'] } })),
    ).toEqual(['PolicyChanged']);
    expect(polls.directory.searches.filter((search) => search.startsWith('below'))).toEqual([]);
  });

  test('invariants 1 and 2: WHEN the poll dies at any write THEN the next has every name, and told every move', async () => {
    await polls.poll();
    const expected = substance(polls.mirror.all());
    const told = () => new Set(polls.events().map(({ id, type, subject }) => `${type} ${subject.guid} ${id}`));
    const events = told();
    for (let calls = 0; calls < 8; calls += 1) {
      polls = await given();
      rename(polls);
      await polls.poll({ mirror: dyingMirror(polls.mirror, calls) }).catch(() => undefined);
      polls.time += 300_001;
      await polls.poll();
      expect(substance(polls.mirror.all()), `killed after ${calls} writes`).toEqual(expected);
      expect(told(), `killed after ${calls} writes`).toEqual(events);
    }
  });

  test('WHEN it happens between two pages of a full read THEN those that came before have their new names too', async () => {
    // GIVEN a first snapshot of two pages, of which the second brings the unit again
    polls = new Polls();
    polls.directory.set('', page([people, inner, ada, bea, cleo, pc], 'a1', true)).set('a1', page([renamed], 'a2'));
    for (const object of below) polls.directory.happen(delta(object, { dn: nowIn(object.dn) }));
    await polls.poll();
    for (const object of below) expect((await polls.row(object)).dn).toBe(nowIn(object.dn));
  });
});

describe('a moved unit', () => {
  test('WHEN a unit in it moves out in the same page THEN each has the name that the directory gives', async () => {
    polls = await given();
    const away = `OU=Inner,${base}`;
    polls.directory.set(
      'c1',
      page(
        [delta(inner, { dn: away, attributes: { name: ['Inner'] } }), delta(people, { dn: staffUnit, attributes: { name: ['Staff'] } })],
        'c2',
      ),
    );
    polls.directory.happen(delta(cleo, { dn: `CN=Cleo,${away}` }));
    for (const object of [pc, ada, bea]) polls.directory.happen(delta(object, { dn: nowIn(object.dn) }));
    await polls.poll();
    expect((await polls.row(cleo)).dn).toBe(`CN=Cleo,${away}`);
    expect((await polls.row(ada)).dn).toBe(nowIn(ada.dn));
  });

  test('WHEN what is in it is not known to the mirror THEN its own change brings it', async () => {
    polls.directory.happen({ ...userObject(8, 'Finn'), dn: `CN=Finn,${staffUnit}` });
    expect(await polls.since(polls.poll)).not.toContain('UserCreated');
  });
});
