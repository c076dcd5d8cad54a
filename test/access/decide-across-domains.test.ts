/** decide-access where several domains are watched: a group of one gives roles to users of another. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { DecideAccessDependencies } from '../../handlers/access/decide-access/decide-access.ts';
import { principalKey } from '../../handlers/access/grants.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { type MemoryMirror, memoryMirror } from '../directory/memory-mirror.ts';
import { delta, referenceTo, tombstone } from '../directory/rows.ts';
import { WatchedDomain } from '../directory/watched-domains.ts';
import { Deciding, delivered } from './deciding.ts';

let mirror: MemoryMirror;
let deciding: Deciding;
let corp: WatchedDomain;
let sales: WatchedDomain;
let partner: WatchedDomain;
/** Bea of another forest and her stand-in; Cy of a child domain. */
let bea: ChangedObject;
let standIn: ChangedObject;
let cy: ChangedObject;
let developers: ChangedObject;
let partners: ChangedObject;

beforeEach(async () => {
  mirror = memoryMirror();
  deciding = new Deciding(mirror);
  corp = new WatchedDomain(mirror, 'corp.example.com', 1);
  sales = new WatchedDomain(mirror, 'sales.corp.example.com', 2);
  partner = new WatchedDomain(mirror, 'partner.example.com', 3);
  [bea, cy] = [partner.user(3, 'Bea'), sales.user(2, 'Cy')];
  standIn = corp.foreignSecurityPrincipal(40, bea.sid);
  developers = corp.group(10, 'AWS-Developers');
  partners = partner.group(30, 'AWS-Team-blue', [bea]);
  await partner.page(bea, partners);
  await sales.page(cy);
  await corp.page(standIn, developers);
});

const join = (member: ChangedObject) => corp.page(delta(developers, { membersAdded: [referenceTo(member)] }));

/** Lets decide-access handle the events of some work, and what it sends to itself. */
async function decided(work: () => Promise<unknown>, change: Partial<DecideAccessDependencies> = {}): Promise<void> {
  const from = mirror.changes.length;
  await work();
  const events = mirror.changes.slice(from).flatMap(({ before, after }) => identityEvents(before, after));
  for (const event of events) await deciding.decide(delivered(event), change);
  await deciding.settle(change);
}

const held = (domain: WatchedDomain, of: ChangedObject): string[] => deciding.held(domain.name, of);

describe('a membership in a group of another domain', () => {
  test('of a foreign security principal WHEN it begins THEN the user of the other forest holds the role, with the group as its reason', async () => {
    await decided(() => join(standIn));
    expect(held(partner, bea)).toEqual(['developers', 'everybody', 'team-blue']);
    expect(deciding.published).toMatchObject([{ type: 'AccessDecided', domain: partner.name, subject: { guid: bea.guid } }]);
    expect(deciding.published[0]?.change).toMatchObject({
      holds: expect.arrayContaining([expect.objectContaining({ mapping: 'developers' })]),
    });
    // AND nobody else was decided on: the stand-in is no person
    expect([...deciding.grants.items.keys()]).toEqual([principalKey(partner.name, bea.guid)]);
  });

  test('of a user of a child domain WHEN it begins and ends THEN that user gets the role and loses it', async () => {
    await decided(() => join(cy));
    expect(held(sales, cy)).toEqual(['developers', 'everybody']);
    await decided(() => corp.leave(developers, cy));
    expect(held(sales, cy)).toEqual([]);
    expect(deciding.published.at(-1)?.cause).toMatchObject({ type: 'GroupMemberRemoved' });
  });

  test('WHEN the index does not show the stand-in yet THEN the role is decided on all the same', async () => {
    const here = `${corp.name}#`;
    const lagging = async (sid: string) => (await mirror.listBySid(sid)).filter(({ pk }) => !pk.startsWith(here));
    await decided(() => join(standIn), { mirror: { ...mirror, listBySid: lagging } });
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
    expect(deciding.grants.items.size).toBe(0);
    await decided(() => partner.page(dan));
    expect(held(partner, dan)).toEqual(['developers', 'everybody']);
  });
});

describe('a role that comes from another domain', () => {
  beforeEach(() => decided(() => join(standIn)));

  test('WHEN the membership ends THEN that role alone is revoked', async () => {
    await decided(() => corp.leave(developers, standIn));
    expect(held(partner, bea)).toEqual(['everybody', 'team-blue']);
    expect(deciding.published.at(-1)?.change).toMatchObject({ revoked: [{ role: 'developers' }] });
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
    expect(deciding.published.at(-1)?.change).toMatchObject({ state: 'deleted', holds: [] });
  });
});

describe('a group of another forest in a group of this one', () => {
  const standInOfPartners = () => corp.foreignSecurityPrincipal(41, partners.sid);

  test('WHEN it joins and leaves THEN everybody below it gets the role and loses it, with the way as the reason', async () => {
    await decided(() => corp.page(standInOfPartners()));
    await decided(() => join(standInOfPartners()));
    expect(held(partner, bea)).toEqual(['developers', 'everybody', 'team-blue']);
    const grants = Object.values(deciding.grants.items.get(principalKey(partner.name, bea.guid))?.grants ?? {});
    expect(grants.find(({ role }) => role === 'developers')).toMatchObject({
      group: { name: 'AWS-Developers' },
      path: [{ name: 'AWS-Team-blue' }],
    });
    await decided(() => corp.leave(developers, standInOfPartners()));
    expect(held(partner, bea)).toEqual(['everybody', 'team-blue']);
  });

  test('WHEN the index does not show its stand-in yet THEN everybody below it is decided on with it all the same', async () => {
    const here = `${corp.name}#`;
    const lagging = async (sid: string) => (await mirror.listBySid(sid)).filter(({ pk }) => !pk.startsWith(here));
    await decided(() => join(standInOfPartners()), { mirror: { ...mirror, listBySid: lagging } });
    expect(held(partner, bea)).toContain('developers');
  });

  test('WHEN the group above is renamed THEN everybody below it is looked at', async () => {
    await decided(() => join(standInOfPartners()));
    await decided(() => corp.page(delta(developers, { attributes: { name: ['AWS-Team-red'], sAMAccountName: ['AWS-Team-red'] } })));
    expect(held(partner, bea)).toEqual(['everybody', 'team-blue', 'team-red']);
  });

  test('WHEN one joins the group there THEN the role here is theirs', async () => {
    await decided(() => join(standInOfPartners()));
    const eve = partner.user(7, 'Eve');
    await decided(() => partner.page(eve, delta(partners, { membersAdded: [referenceTo(eve)] })));
    expect(held(partner, eve)).toEqual(['developers', 'everybody', 'team-blue']);
  });

  test('WHEN the first snapshot of the other forest comes last THEN those below are decided on with it', async () => {
    await join(standInOfPartners());
    const { guid } = developers;
    const event = { version: 1, id: 'snapshot', domain: partner.name, revision: 1, subject: { guid, type: 'domain', name: 'x', dn: 'x' } };
    const counts = { users: 1, computers: 0, serviceAccounts: 0, groups: 1, memberships: 1 };
    const at = '2025-03-01T10:00:00.000Z';
    const detail = { ...event, change: counts, occurredAt: at, detectedAt: at };
    await deciding.decide({ source: 'active-directory.directory', 'detail-type': 'DirectorySnapshotCompleted', detail });
    await deciding.settle();
    expect(held(partner, bea)).toEqual(['developers', 'everybody', 'team-blue']);
  });
});
