/** Two forests (Samba) in one mirror: each with its cursor, fence and scope, and members of the one in groups of the other. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isEdgeRow, isObjectRow } from '../../handlers/directory/mirror.ts';
import { principalsOf, readPrincipal } from '../../handlers/directory/principals.ts';
import { administratorClient, changeAttribute, createUser } from '../../sandbox/domain-controller/population.ts';
import { directoryContents, mirrorContents } from './ldapsearch.ts';
import { memoryMirror } from './memory-mirror.ts';
import { lines, ofType, type SambaPolls, startSambaPolls } from './samba-polls.ts';

const mirror = memoryMirror();
let corp: SambaPolls;
let partner: SambaPolls;

beforeAll(async () => {
  [corp, partner] = await Promise.all([
    startSambaPolls({ mirror, groups: ['Staff'] }),
    startSambaPolls({ mirror, groups: ['Staff'], realm: 'PARTNER.EXAMPLE.ORG' }),
  ]);
  await Promise.all([corp.poll(), partner.poll()]);
});

afterAll(async () => {
  await corp?.stop();
  await partner?.stop();
});

const sync = async (polls: SambaPolls) => lines(await polls.eventsOf(async () => {}));
const staffOf = ({ population }: SambaPolls) => `CN=Staff,${population.groupsDn}`;
const member = ({ population, ...polls }: SambaPolls, operation: 'add' | 'delete', value: string) =>
  changeAttribute(population.admin, staffOf({ population, ...polls } as SambaPolls), operation, 'member', [value]);

async function expectBothAreTheirDirectories(): Promise<void> {
  for (const { controller, domain } of [corp, partner]) {
    expect(mirrorContents(mirror.all(), domain)).toEqual(await directoryContents(controller));
  }
}

describe('GIVEN two forests', () => {
  test('THEN each has its own snapshot, cursor, fence and account', async () => {
    expect(corp.eventsSince(0)).toMatchObject([{ type: 'DirectorySnapshotCompleted', domain: 'corp.example.com' }]);
    expect(partner.eventsSince(0)).toMatchObject([{ type: 'DirectorySnapshotCompleted', domain: 'partner.example.org' }]);
    expect(corp.cursor?.controllers).not.toEqual(partner.cursor?.controllers);
    expect(corp.cursor?.cookie).not.toEqual(partner.cursor?.cookie);
    // While one is polled the other can be.
    const lease = await mirror.acquireLease(corp.domain, 'another function', 60_000);
    expect(await corp.poll()).toEqual({ outcome: 'lease-held' });
    expect(await partner.poll()).toMatchObject({ outcome: 'done' });
    await mirror.release(corp.domain, lease?.fence ?? 0, undefined);
    await expectBothAreTheirDirectories();
  });

  test('WHEN both have an Ada THEN they are two people, and what one does is not told of the other', async () => {
    for (const { population } of [corp, partner]) await createUser(population.admin, population.usersDn, 'Ada');
    expect(await sync(corp)).toContain('UserCreated Ada');
    expect(await sync(partner)).toContain('UserCreated Ada');
    expect(corp.row('Ada').guid).not.toBe(partner.row('Ada').guid);
    expect(corp.row('Ada').sid).not.toBe(partner.row('Ada').sid);
    const disabled = await partner.eventsOf(() =>
      changeAttribute(partner.population.admin, `CN=Ada,${partner.population.usersDn}`, 'replace', 'userAccountControl', ['514']),
    );
    expect(disabled).toMatchObject([{ type: 'UserDisabled', domain: 'partner.example.org', subject: { guid: partner.row('Ada').guid } }]);
    expect(await sync(corp)).toEqual([]);
    expect(corp.row('Ada').attributes.userAccountControl).toEqual(['512']);
  });

  test('WHEN one has a scope THEN the other has none', async () => {
    partner.settings = { scope: { exclude: { filter: '(employeeType=guest)' } } };
    for (const { population } of [corp, partner]) await createUser(population.admin, population.usersDn, 'Gus', { employeeType: 'guest' });
    expect(await sync(partner)).not.toContain('UserCreated Gus');
    expect(await sync(corp)).toContain('UserCreated Gus');
    partner.settings = {};
    expect(await sync(partner)).toEqual(['UserEnteredScope Gus']);
  });
});

describe('a member from the other forest', () => {
  test.each([
    ['a partner in a group of corp', () => ({ home: partner, away: corp })],
    ['a colleague in a group of the partner', () => ({ home: corp, away: partner })],
  ])('%s is found from the membership and from the user, until it ends', async (_, directories) => {
    const { home, away } = directories();
    const { guid, sid = '' } = home.row('Ada');
    // AD makes a foreign security principal of it (MS-ADTS section 6.1.1.4.10).
    const joined = await away.eventsOf(() => member(away, 'add', `<SID=${sid}>`));
    expect(ofType(joined, 'GroupMemberAdded')).toMatchObject([{ subject: { name: 'Staff' }, change: { member: { sid } } }]);
    const standIn = ofType(joined, 'GroupMemberAdded')[0]?.change.member.guid ?? '';
    expect(standIn).not.toBe(guid);

    expect(await principalsOf(mirror, away.domain, standIn)).toMatchObject([{ domain: home.domain, guid }]);
    const seenThere = (await principalsOf(mirror, away.domain, standIn))[0]?.seenAt ?? '';
    for (const seenAt of [seenThere, home.row('Ada').pk]) {
      const { principal, groups } = await readPrincipal(mirror, home.domain, guid, seenAt);
      expect(principal).toMatchObject({ guid, domain: home.domain });
      expect(groups.map(({ row }) => [row.domain, row.attributes.name?.[0]])).toEqual(
        expect.arrayContaining([
          [home.domain, 'Domain Users'],
          [away.domain, 'Staff'],
        ]),
      );
    }
    // Nobody of the group's own directory is meant by it.
    const namesake = await readPrincipal(mirror, away.domain, away.row('Ada').guid, away.row('Ada').pk);
    expect(namesake.groups.map(({ row }) => row.attributes.name?.[0])).not.toContain('Staff');

    const left = await away.eventsOf(() => member(away, 'delete', `<SID=${sid}>`));
    expect(ofType(left, 'GroupMemberRemoved')).toMatchObject([{ subject: { name: 'Staff' }, change: { member: { sid } } }]);
    const { groups } = await readPrincipal(mirror, home.domain, guid, home.row('Ada').pk);
    expect(groups.map(({ row }) => row.domain)).not.toContain(away.domain);
  });
});

describe('GIVEN two directories that share GUIDs, as copies of one do', () => {
  test('THEN domain and GUID together tell them apart', async () => {
    const copy = 'copy.example.com';
    await corp.poll({ domain: copy });
    const guid = corp.row('Ada').guid;
    const rows = mirror.all().filter((row) => isObjectRow(row) && row.guid === guid);
    expect(rows.map(({ domain }) => domain).sort()).toEqual([copy, corp.domain]);
    const mark = corp.mark();
    await changeAttribute(corp.population.admin, `CN=Ada,${corp.population.usersDn}`, 'replace', 'displayName', ['Ada of Corp']);
    await corp.poll();
    expect(mirror.changes.slice(mark).map(({ after }) => after.domain)).toEqual([corp.domain]);
    await corp.poll({ domain: copy });
    expect(new Set(mirror.changes.slice(mark).map(({ after }) => after.pk)).size).toBe(2);
  });
});

describe('GIVEN one of them is rolled back', () => {
  test('THEN it is read in full, and the other does not notice', async () => {
    const before = await corp.controller.copy();
    for (const { population } of [corp, partner]) await createUser(population.admin, population.usersDn, 'Newcomer');
    await Promise.all([corp.poll(), partner.poll()]);
    await corp.controller.rollBack(before);
    const theirs = partner.mark();
    const undisturbed = mirror.all().filter(({ domain }) => domain === partner.domain);
    const ours = await corp.troubleOf(async () => expect(await sync(corp)).toContain('UserDeleted Newcomer'));
    expect(ours).toMatchObject([{ code: 'FULL_SYNC', fields: { reason: 'controller-rolled-back' } }]);
    expect(await partner.troubleOf(() => partner.poll())).toEqual([]);
    expect(partner.eventsSince(theirs)).toEqual([]);
    expect(mirror.all().filter(({ domain }) => domain === partner.domain)).toEqual(undisturbed);
    expect(partner.row('Newcomer')).toMatchObject({ deleted: false });
    expect(
      mirror
        .all()
        .filter(isEdgeRow)
        .filter((edge) => edge.pk === partner.row('Newcomer').pk),
    ).toMatchObject([{ present: true }]);
    await expectBothAreTheirDirectories();
    // Its connections were cut.
    await (await administratorClient(corp.controller)).unbind();
  });
});
