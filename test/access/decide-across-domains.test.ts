/** decide-access where several domains are watched: a group of one gives roles to users of another. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type DecideAccessDependencies, decideAccess, type LookAt } from '../../handlers/access/decide-access/decide-access.ts';
import { principalKey } from '../../handlers/access/grants.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { type AnyIdentityEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { type MemoryMirror, memoryMirror } from '../directory/memory-mirror.ts';
import { delta, referenceTo, tombstone } from '../directory/rows.ts';
import { WatchedDomain } from '../directory/watched-domains.ts';
import { mappings } from './decisions.ts';
import { memoryGrants } from './memory-grants.ts';

let mirror: MemoryMirror;
let grants: ReturnType<typeof memoryGrants>;
let published: AnyIdentityEvent[];
let fanned: LookAt[];
let deps: DecideAccessDependencies;
let corp: WatchedDomain;
let sales: WatchedDomain;
let partner: WatchedDomain;
/** Bea of another forest and her stand-in; Cy of a child domain. */
let bea: ChangedObject;
let standIn: ChangedObject;
let cy: ChangedObject;
let developers: ChangedObject;

beforeEach(async () => {
  [mirror, grants, published, fanned] = [memoryMirror(), memoryGrants(), [], []];
  const log = () => undefined;
  deps = {
    mirror,
    grants,
    mappings: async () => mappings,
    fanOut: async (messages) => void fanned.push(...messages),
    syncRoles: async () => undefined,
    exclusive: (_, work) => work(),
    publish: async (events) => void published.push(...events),
    log: { info: log, warn: log, error: log },
    now: () => new Date('2025-03-01T10:00:01Z'),
  };
  corp = new WatchedDomain(mirror, 'corp.example.com', 1);
  sales = new WatchedDomain(mirror, 'sales.corp.example.com', 2);
  partner = new WatchedDomain(mirror, 'partner.example.com', 3);
  [bea, cy] = [partner.user(3, 'Bea'), sales.user(2, 'Cy')];
  standIn = corp.foreignSecurityPrincipal(40, bea.sid);
  developers = corp.group(10, 'AWS-Developers');
  await partner.page(bea, partner.group(30, 'AWS-Team-blue', [bea]));
  await sales.page(cy);
  await corp.page(standIn, developers);
});

const join = (member: ChangedObject) => corp.page(delta(developers, { membersAdded: [referenceTo(member)] }));

/** The events of some work, as they reach the queue. */
async function eventsOf(work: () => Promise<unknown>): Promise<string[]> {
  const from = mirror.changes.length;
  await work();
  return mirror.changes.slice(from).flatMap(({ before, after }) => identityEvents(before, after).map(delivered));
}

function delivered(event: AnyIdentityEvent): string {
  const { Source, DetailType, Detail } = toEntry(event);
  return JSON.stringify({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
}

/** Lets decide-access handle the events of some work, and what it sends to itself. */
async function decided(work: () => Promise<unknown>, with_ = deps): Promise<void> {
  for (const event of await eventsOf(work)) await decideAccess(with_, event);
  for (const message of fanned.splice(0)) await decideAccess(with_, JSON.stringify(message));
}

const held = (domain: WatchedDomain, { guid }: ChangedObject): string[] =>
  Object.values(grants.items.get(principalKey(domain.name, guid))?.grants ?? {})
    .map(({ role }) => role)
    .sort();

describe('a membership in a group of another domain', () => {
  test('of a foreign security principal WHEN it begins THEN the user of the other forest holds the role, with the group as its reason', async () => {
    await decided(() => join(standIn));
    expect(held(partner, bea)).toEqual(['developers', 'everybody', 'team-blue']);
    expect(published).toMatchObject([{ type: 'AccessDecided', domain: partner.name, subject: { guid: bea.guid } }]);
    expect(published[0]?.change).toMatchObject({ holds: expect.arrayContaining([expect.objectContaining({ mapping: 'developers' })]) });
    // AND nobody else was decided on: the stand-in is no person
    expect([...grants.items.keys()]).toEqual([principalKey(partner.name, bea.guid)]);
  });

  test('of a user of a child domain WHEN it begins and ends THEN that user gets the role and loses it', async () => {
    await decided(() => join(cy));
    expect(held(sales, cy)).toEqual(['developers', 'everybody']);
    await decided(() => corp.leave(developers, cy));
    expect(held(sales, cy)).toEqual([]);
    expect(published.at(-1)?.cause).toMatchObject({ type: 'GroupMemberRemoved' });
  });

  test('WHEN the index does not show the stand-in yet THEN the role is decided on all the same', async () => {
    const here = `${corp.name}#`;
    const lagging = async (sid: string) => (await mirror.listBySid(sid)).filter(({ pk }) => !pk.startsWith(here));
    await decided(() => join(standIn), { ...deps, mirror: { ...mirror, listBySid: lagging } });
    expect(held(partner, bea)).toContain('developers');
  });

  test('WHEN the membership came on a page before its stand-in THEN the role is decided on all the same', async () => {
    const dan = partner.user(4, 'Dan');
    await partner.page(dan);
    const late = corp.foreignSecurityPrincipal(41, dan.sid);
    await decided(() => join(late));
    await decided(() => corp.page(late));
    expect(held(partner, dan)).toEqual(['developers', 'everybody']);
  });

  test('WHEN the user came last THEN its own event decides', async () => {
    const dan = partner.user(4, 'Dan');
    const early = corp.foreignSecurityPrincipal(41, dan.sid);
    await decided(async () => {
      await corp.page(early);
      await join(early);
    });
    expect(grants.items.size).toBe(0);
    await decided(() => partner.page(dan));
    expect(held(partner, dan)).toEqual(['developers', 'everybody']);
  });
});

describe('a role that comes from another domain', () => {
  beforeEach(() => decided(() => join(standIn)));

  test('WHEN the membership ends THEN that role alone is revoked', async () => {
    await decided(() => corp.leave(developers, standIn));
    expect(held(partner, bea)).toEqual(['everybody', 'team-blue']);
    expect(published.at(-1)?.change).toMatchObject({ revoked: [{ role: 'developers' }] });
  });

  test('WHEN the stand-in is deleted THEN it is revoked', async () => {
    await decided(() => corp.page(tombstone(standIn)));
    expect(held(partner, bea)).toEqual(['everybody', 'team-blue']);
  });

  test('WHEN something else of the user changes THEN it stays', async () => {
    await decided(() => partner.page(delta(bea, { attributes: { mail: ['bea@partner.example.com'] } })));
    expect(held(partner, bea)).toEqual(['developers', 'everybody', 'team-blue']);
  });

  test('WHEN the group is renamed or deleted THEN its members from elsewhere are looked at too', async () => {
    await decided(() => corp.page(delta(developers, { attributes: { name: ['AWS-Team-red'], sAMAccountName: ['AWS-Team-red'] } })));
    expect(held(partner, bea)).toEqual(['everybody', 'team-blue', 'team-red']);
    await decided(() => corp.page(tombstone(developers)));
    expect(held(partner, bea)).toEqual(['everybody', 'team-blue']);
  });

  test('WHEN the user is deleted at home THEN nothing is left', async () => {
    await decided(() => partner.page(tombstone(bea)));
    expect(held(partner, bea)).toEqual([]);
    expect(published.at(-1)?.change).toMatchObject({ state: 'deleted', holds: [] });
  });
});
