/** Membership by primaryGroupID, which no value of `member` shows (MS-SAMR section 3.1.1.8.2). */
import { beforeEach, describe, expect, test } from 'vitest';
import { edgeKey, isEdgeRow } from '../../handlers/directory/mirror.ts';
import { dyingMirror, substance } from './memory-mirror.ts';
import { ada, bea, Polls, page } from './polls.ts';
import { changed, delta, domain, groupObject, referenceTo, sidOf, tombstone, userObject } from './rows.ts';

const everyone = groupObject(513, 'Domain Users');
const guests = groupObject(514, 'Domain Guests');
const inGroup = ({ sid = '' }: { sid?: string | undefined }) => ({ primaryGroupID: [sid.split('-').at(-1) ?? ''] });
const cleo = userObject(3, 'Cleo', inGroup(everyone));

/** GIVEN Cleo, whose primary group is Domain Users, and Domain Guests. */
async function given(): Promise<Polls> {
  const polls = new Polls();
  await polls.firstSync(everyone, guests, cleo);
  return polls;
}
const groupsOf = (polls: Polls, of = cleo) =>
  polls.mirror
    .all()
    .filter(isEdgeRow)
    .filter(({ member, present }) => present && member.guid === of.guid)
    .map(({ group, direct, primary }) => `${group.name}${direct ? ' member' : ''}${primary ? ' primary' : ''}`)
    .sort();

let polls: Polls;
beforeEach(async () => {
  polls = await given();
});

describe('a primary group', () => {
  test('THEN it is a membership like any other, and the snapshot tells nothing of it', () => {
    expect(groupsOf(polls)).toEqual(['Domain Users primary']);
    expect(polls.types()).toEqual(['DirectorySnapshotCompleted']);
  });

  test('WHEN a user is created in it THEN the membership is told', async () => {
    const dora = userObject(4, 'Dora', inGroup(everyone));
    expect((await polls.told(dora)).sort()).toEqual(['GroupMemberAdded', 'UserCreated']);
    expect(polls.eventsOf('GroupMemberAdded')).toMatchObject([
      { subject: { name: 'Domain Users', sid: everyone.sid }, change: { member: { ...referenceTo(dora) } } },
    ]);
  });

  test('WHEN it becomes another THEN one membership ends and one begins', async () => {
    expect((await polls.told(changed(cleo, inGroup(guests)))).sort()).toEqual(['GroupMemberAdded', 'GroupMemberRemoved']);
    expect(groupsOf(polls)).toEqual(['Domain Guests primary']);
  });

  test('WHEN member and primary group are swapped, as AD does within one page, THEN nothing is told', async () => {
    await polls.told(delta(guests, { membersAdded: [referenceTo(cleo)] }));
    const pageOfAd = [
      delta(guests, { membersRemoved: [referenceTo(cleo)] }),
      changed(cleo, inGroup(guests)),
      delta(everyone, { membersAdded: [referenceTo(cleo)] }),
    ];
    expect(await polls.told(...pageOfAd)).toEqual([]);
    expect(groupsOf(polls)).toEqual(['Domain Guests primary', 'Domain Users member']);
    // AND in any order of the page
    const back = [
      delta(everyone, { membersRemoved: [referenceTo(cleo)] }),
      delta(guests, { membersAdded: [referenceTo(cleo)] }),
      changed(cleo, inGroup(everyone)),
    ];
    expect(await polls.told(...back)).toEqual([]);
    expect(groupsOf(polls)).toEqual(['Domain Guests member', 'Domain Users primary']);
  });

  test('WHEN it ends while the account is a member as well THEN the membership goes on', async () => {
    await polls.told(delta(everyone, { membersAdded: [referenceTo(cleo)] }));
    expect(await polls.told(changed(cleo, inGroup(guests)))).toEqual(['GroupMemberAdded']);
    expect(groupsOf(polls)).toEqual(['Domain Guests primary', 'Domain Users member']);
  });

  test('WHEN the account is deleted THEN the membership ends with it', async () => {
    expect((await polls.told(tombstone(cleo))).sort()).toEqual(['GroupMemberRemoved', 'UserDeleted']);
    expect(groupsOf(polls)).toEqual([]);
  });

  test('WHEN a group was deleted and restored between two polls, and someone’s primary group since, THEN that one is in it', async () => {
    await polls.told(...[changed(ada, inGroup(guests)), changed(guests, { isDeleted: [] })]);
    expect(groupsOf(polls, ada)).toContain('Domain Guests primary');
  });

  test('WHEN nobody may read it THEN the log says so once a poll, there is no membership, and the old one ends', async () => {
    const unknown = { primaryGroupID: ['9999'] };
    expect(await polls.told(changed(cleo, unknown), changed(ada, unknown))).toEqual(['GroupMemberRemoved']);
    expect(polls.logged.filter(({ code }) => code === 'PRIMARY_GROUP_UNKNOWN')).toMatchObject([{ fields: { sid: sidOf(9999) } }]);
    expect(await polls.mirror.read([edgeKey(domain, ada.guid, everyone.guid)])).toEqual([]);
  });

  test('invariant 2: WHEN a poll dies at any write of it THEN the next ends in the same memberships and tells the same', async () => {
    const moves = page([changed(cleo, inGroup(guests)), changed(bea, inGroup(everyone)), changed(ada, inGroup(guests))], 'c2');
    const told = () => [...new Set(polls.events().map(({ id, type }) => `${type} ${id}`))].sort();
    polls.directory.set('c1', moves);
    await polls.poll();
    const [expected, events] = [substance(polls.mirror.all()), told()];
    for (let calls = 0; calls < 8; calls += 1) {
      polls = await given();
      polls.directory.set('c1', moves);
      await polls.poll({ mirror: dyingMirror(polls.mirror, calls) }).catch(() => undefined);
      polls.time += 300_001;
      await polls.poll();
      expect(substance(polls.mirror.all()), `killed after ${calls} writes`).toEqual(expected);
      expect(told(), `killed after ${calls} writes`).toEqual(events);
    }
  });
});
