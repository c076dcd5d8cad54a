/** Two domain controllers (Samba) that replicate, of which one fails: the polls go on at the other, with the same cookie. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type DirectorySource, DirectoryUnreachableError } from '../../handlers/directory/directory-source.ts';
import { type DomainController, joinDomainController, replicate } from '../../sandbox/domain-controller/index.ts';
import { administratorClient, changeAttribute, createGroup, createUser } from '../../sandbox/domain-controller/population.ts';
import { directoryContents, mirrorContents } from './ldapsearch.ts';
import { lines, ofType, type SambaPolls, startSambaPolls, watched } from './samba-polls.ts';

let polls: SambaPolls;
let dc1: DomainController;
let dc2: DomainController;
let people: string;
let staff: string;
let round = 0;

beforeAll(async () => {
  polls = await startSambaPolls({ replication: true });
  dc1 = polls.controller;
  people = polls.population.usersDn;
  staff = await createGroup(polls.population.admin, polls.population.groupsDn, 'Staff');
  dc2 = await joinDomainController(dc1, { hostName: 'dc2' });
  polls.urls = [dc1.ldapsUrl, dc2.ldapsUrl];
  polls.ca = `${dc1.ca}\n${dc2.ca}`;
  await polls.poll();
});

afterEach(async () => {
  polls.between = (source) => source;
  for (const controller of [dc1, dc2]) await controller.resume();
});

afterAll(async () => {
  await dc2?.stop();
  await polls?.stop();
});

/** Somebody new in Staff, written at one controller. @returns what has to be told of it, sorted */
async function change(at: DomainController): Promise<string[]> {
  round += 1;
  const admin = await administratorClient(at);
  const dn = await createUser(admin, people, `Person ${round}`);
  await changeAttribute(admin, staff, 'add', 'member', [dn]);
  await admin.unbind();
  return ['GroupMemberAdded Domain Users', 'GroupMemberAdded Staff', `UserCreated Person ${round}`];
}

/** Both controllers hold everything. */
async function settle(): Promise<void> {
  await replicate(dc1, dc2);
  await replicate(dc2, dc1);
}

const told = async () => lines(await polls.eventsOf(async () => {})).sort();
const servers = (since: number) => polls.log.slice(since).flatMap(({ code, fields }) => (code === 'POLL_DONE' ? fields.server : []));
const codes = (since: number) => polls.log.slice(since).map(({ code }) => code);

describe('GIVEN two domain controllers', () => {
  test('WHEN the first is halted between two polls THEN the second answers the same cookie, without a full sync; and back', async () => {
    const start = polls.log.length;
    const first = await change(dc1);
    await settle();
    expect(await told()).toEqual(first);
    const missed = await change(dc1);
    await settle();

    await dc1.halt();
    expect(await told()).toEqual(missed);
    const there = await change(dc2);
    expect(await told()).toEqual(there);
    expect(await told()).toEqual([]);

    await dc1.resume();
    // dc1 does not have it yet: nothing is told as gone.
    expect(await told()).toEqual([]);
    await settle();
    expect(await told()).toEqual([]);
    const back = await change(dc1);
    expect(await told()).toEqual(back);
    expect(codes(start).filter((code) => code !== 'POLL_DONE')).toEqual([]);
    expect(new Set(servers(start))).toEqual(new Set([dc1.ldapsUrl, dc2.ldapsUrl]));
    await settle();
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(dc1));
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(dc2));
  });

  test('WHEN the first fails at its nth call THEN the second finishes the poll: nothing is lost, nothing is told under another id', async () => {
    for (let failing = 1, calls = failing; calls >= failing; failing += 1) {
      const expected = await change(dc1);
      await settle();
      const start = polls.log.length;
      calls = 0;
      polls.between = (source) =>
        source.url === dc1.ldapsUrl
          ? watched(source, (name) => {
              if (name === 'close') return;
              calls += 1;
              if (calls === failing) throw new DirectoryUnreachableError(`call ${failing}, ${name}, was cut`);
            })
          : source;
      const events = await polls.eventsOf(async () => {});
      expect([failing, lines(events).sort()]).toEqual([failing, expected]);
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
      const cut = calls >= failing;
      expect(codes(start)).toEqual(cut ? ['CONTROLLER_FAILED', 'POLL_DONE'] : ['POLL_DONE']);
      expect(servers(start)).toEqual([cut ? dc2.ldapsUrl : dc1.ldapsUrl]);
    }
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(dc1));
  });

  test('WHEN the first is halted in the middle, after rows of a page were written THEN the second brings the page again, told once', async () => {
    const expected = await change(dc1);
    await settle();
    let halted: Promise<void> | undefined;
    polls.between = (source: DirectorySource) =>
      source.url === dc1.ldapsUrl
        ? watched(source, (name) => {
            // Asked for after the page's rows were written.
            if (name === 'adminSdHolder') halted = dc1.halt();
            return halted;
          })
        : source;
    const mirror = {
      ...polls.mirror,
      write: async (...parameters: Parameters<typeof polls.mirror.write>) => {
        await polls.mirror.write(...parameters);
        await halted;
      },
    };
    const events = await polls.eventsOf(async () => {}, { mirror });
    await halted;
    expect(halted).toBeDefined();
    expect(lines(events).sort()).toEqual(expected);
  });

  test('WHEN both are down THEN DirectoryUnreachable is told once, DirectoryRecovered once, and then what was missed', async () => {
    const expected = await change(dc1);
    await settle();
    await Promise.all([dc1.halt(), dc2.halt()]);
    const mark = polls.mark();
    for (let poll = 0; poll < 3; poll += 1) await expect(polls.poll()).rejects.toThrow(DirectoryUnreachableError);
    const [unreachable, ...more] = polls.eventsSince(mark);
    expect(more).toEqual([]);
    expect(unreachable).toMatchObject({ type: 'DirectoryUnreachable', subject: { type: 'domain', dn: dc1.baseDn } });
    const { reason, since } = ofType(polls.eventsSince(mark), 'DirectoryUnreachable')[0]?.change ?? {};
    for (const { ldapsUrl } of [dc1, dc2]) expect(reason).toContain(ldapsUrl);
    expect(JSON.stringify([polls.eventsSince(mark), polls.log])).not.toContain(polls.population.bindPassword);

    await dc2.resume();
    const recovery = await polls.eventsOf(async () => {});
    expect(ofType(recovery, 'DirectoryRecovered')).toMatchObject([{ change: { since } }]);
    expect(lines(recovery.filter(({ type }) => type !== 'DirectoryRecovered')).sort()).toEqual(expected);
    await dc1.resume();
    expect(await told()).toEqual([]);
  });

  test('WHEN one deletes what the other, not knowing of it, still changes THEN it stays deleted', async () => {
    const expected = await change(dc1);
    await settle();
    expect(await told()).toEqual(expected);
    const dn = `CN=Person ${round},${people}`;
    const [one, other] = [await administratorClient(dc1), await administratorClient(dc2)];
    await changeAttribute(other, dn, 'replace', 'displayName', ['Changed']);
    await one.del(dn);
    await Promise.all([one.unbind(), other.unbind()]);
    const deleted = await told();
    expect(deleted).toContain(`UserDeleted Person ${round}`);
    // dc2 has not heard of it and tells its change of the living object: no restoration, for which `isDeleted` would have been cleared.
    await dc1.halt();
    expect(await told()).toEqual([]);
    await dc1.resume();
    await settle();
    expect(await told()).toEqual([]);
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(dc1));
  });
});
