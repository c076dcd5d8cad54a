/** The source's look-ups where a domain controller does not do its part. Against a scripted LDAPS server. */
import { describe, expect, test } from 'vitest';
import { type DirectorySource, DirectoryUnreachableError } from '../../handlers/directory/directory-source.ts';
import { guidBytes } from '../../handlers/platform/object-identity.ts';
import type { LdapScript, ScriptedEntry, SearchAnswer } from '../ldap/scripted-server.ts';
import { base, guidOf } from './rows.ts';
import { scriptedEntry } from './scripted-entry.ts';
import { connectTo, failure, serve, sourceOf } from './scripted-source.ts';

const answering = (answer: SearchAnswer) => sourceOf({ search: () => answer });
const found = (...entries: readonly ScriptedEntry[]): SearchAnswer => ({ entries });
const noSuchObject: SearchAnswer = { error: 32, message: '0000208D: NameErr: DSID-0310020A, problem 2001 (NO_OBJECT)' };

async function collected<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

describe('the domain controller', () => {
  test('THEN it is told by its name in lower case, and by a USN of 64 bits', async () => {
    const source = await sourceOf({ rootDse: { dnsHostName: ['DC1.Corp.Example.COM'], highestCommittedUSN: ['18446744073709551615'] } });
    expect(await source.controller()).toEqual({ host: 'dc1.corp.example.com', usn: 18446744073709551615n });
  });

  test('WHEN it is asked again THEN it is read again', async () => {
    const script: LdapScript = { rootDse: { highestCommittedUSN: ['41'] } };
    const source = await sourceOf(script);
    expect((await source.controller()).usn).toBe(41n);
    script.rootDse = { highestCommittedUSN: ['12'] };
    expect((await source.controller()).usn).toBe(12n);
  });

  test.each<[string, Record<string, string[]>]>([
    ['no highestCommittedUSN', { highestCommittedUSN: [] }],
    ['a highestCommittedUSN that is no number', { highestCommittedUSN: ['many'] }],
    ['no dnsHostName', { dnsHostName: [] }],
  ])('fails for a rootDSE with %s: what answers is no domain controller', async (_, rootDse) => {
    const error = await failure((await sourceOf({ rootDse })).controller());
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toContain('point LDAPS_URLS at domain controllers');
  });

  test('THEN its invocationId is a GUID, read from the settings that the rootDSE names', async () => {
    const source = await sourceOf({ invocationId: guidBytes(guidOf(7)) });
    expect(await source.invocationId()).toBe(guidOf(7));
  });

  test('fails when its settings are not shown, with the remedy', async () => {
    const error = await failure((await sourceOf({ invocationId: null })).invocationId());
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toContain('let the account read CN=Sites');
  });

  test.each([
    ['180', 180],
    ['2', 2],
    // Less than two days or not a number: AD falls back to its default (MS-ADTS section 6.1.1.2.4.1.1).
    ['1', 60],
    ['', 60],
    ['soon', 60],
  ])('WHEN the forest says %j of its tombstones THEN they are kept %i days', async (text, days) => {
    const asked: string[] = [];
    const search: LdapScript['search'] = ({ baseDn }) => {
      asked.push(baseDn);
      return found({ dn: baseDn, attributes: text === '' ? {} : { tombstoneLifetime: [text] } });
    };
    const source = await sourceOf({ search, rootDse: { configurationNamingContext: [`CN=Configuration,${base}`] } });
    expect(await source.tombstoneLifetimeDays()).toBe(days);
    expect(asked).toEqual([`CN=Directory Service,CN=Windows NT,CN=Services,CN=Configuration,${base}`]);
  });
});

describe('a look-up', () => {
  test('of 250 GUIDs THEN goes out in filters of at most 100', async () => {
    let searches = 0;
    const search: LdapScript['search'] = ({ filter }) => {
      searches += 1;
      const terms = filter.match(/objectguid=/gi)?.length ?? 0;
      expect(terms).toBeLessThanOrEqual(100);
      return found(scriptedEntry(searches, `User ${searches}`));
    };
    const source = await sourceOf({ search });
    expect(await source.lookUp(Array.from({ length: 250 }, (_, index) => guidOf(index)))).toHaveLength(3);
    expect(searches).toBe(3);
    expect(await source.lookUp([])).toEqual([]);
    expect(searches).toBe(3);
  });

  test('THEN tells the groups by GUID, whether one, several or none', async () => {
    const name = (number: number) => `<GUID=${guidOf(number)}>;<SID=S-1-5-21-1-2-3-${number}>;CN=${number},${base}`;
    const entries = [
      scriptedEntry(1, 'Ada', { memberOf: [name(10)], mail: ['ada@example.com'] }),
      scriptedEntry(2, 'Bea', { memberOf: [name(10), name(11)] }),
      scriptedEntry(3, 'Cy'),
    ];
    const objects = await (await answering(found(...entries))).lookUp([1, 2, 3].map(guidOf));
    expect(objects.map(({ memberOf }) => memberOf)).toEqual([[guidOf(10)], [guidOf(10), guidOf(11)], []]);
    expect(objects[0]).toMatchObject({ guid: guidOf(1), dn: `CN=Ada,OU=People,${base}`, attributes: { mail: ['ada@example.com'] } });
    // What is not shown is empty here: it may be unreadable, and proves nothing.
    expect(objects[0]?.attributes.displayName).toEqual([]);
    expect(objects[0]).not.toHaveProperty('membersAdded');
  });

  test.each<[string, SearchAnswer, string]>([
    ['lives', found({ dn: '', attributes: { objectGUID: [guidBytes(guidOf(1))] } }), 'living'],
    ['is a tombstone', found({ dn: '', attributes: { objectGUID: [guidBytes(guidOf(1))], isDeleted: ['TRUE'] } }), 'deleted'],
    ['shows nothing of itself', found({ dn: `CN=Ada,${base}`, attributes: {} }), 'living'],
    ['is not there', noSuchObject, 'none'],
  ])('of an object that %s THEN says %s', async (_, answer, existence) => {
    expect(await (await answering(answer)).existence(guidOf(1))).toBe(existence);
  });

  test('fails for the group’s list when what is searched is no answer, and never proves a member gone by it', async () => {
    const states = async (member: SearchAnswer, group: SearchAnswer) => {
      const source = await sourceOf({ search: ({ filter }) => (filter.startsWith('(member=') ? member : group) });
      return source.memberState(guidOf(10), guidOf(1));
    };
    const shown = (attributes: ScriptedEntry['attributes']) => found({ dn: `CN=Staff,${base}`, attributes });
    expect(await states(shown({}), shown({}))).toBe('there');
    // AD names the range that it sends (MS-ADTS section 3.1.1.3.1.3.3).
    expect(await states(found(), shown({ 'member;range=0-0': [`CN=Bea,${base}`] }))).toBe('gone');
    expect(await states(found(), shown({ 'member;range=0-*': [`CN=Bea,${base}`] }))).toBe('gone');
    expect(await states(found(), shown({}))).toBe('unproven');
    expect(await states(found(), shown({ 'member;range=0-*': [] }))).toBe('unproven');
    expect(await states(noSuchObject, noSuchObject)).toBe('unproven');
  });

  test('of a container that is gone THEN finds nothing below it', async () => {
    expect(await collected((await answering(noSuchObject)).below(guidOf(1)))).toEqual([]);
  });

  test('of one object that shows no GUID THEN finds nobody', async () => {
    const source = await answering(found({ dn: `CN=Ada,${base}`, attributes: { name: ['Ada'] } }));
    expect(await source.find(`CN=Ada,${base}`)).toBeUndefined();
  });

  test('of AdminSDHolder whose descriptor may not be read THEN there is none', async () => {
    expect(await (await answering(found(scriptedEntry(1, 'AdminSDHolder')))).adminSdHolder()).toBeUndefined();
    expect(await (await answering(noSuchObject)).adminSdHolder()).toBeUndefined();
  });
});

const calls: readonly [string, (source: DirectorySource) => Promise<unknown>][] = [
  ['tombstoneLifetimeDays', (source) => source.tombstoneLifetimeDays()],
  ['adminSdHolder', (source) => source.adminSdHolder()],
  ['find', (source) => source.find(`CN=Ada,${base}`)],
  ['below', (source) => collected(source.below(guidOf(1)))],
  ['lockouts', (source) => source.lockouts([guidOf(1)])],
  ['lookUp', (source) => source.lookUp([guidOf(1)])],
  ['withoutValue', (source) => source.withoutValue([guidOf(1)], 'mail')],
  ['existence', (source) => source.existence(guidOf(1))],
  ['memberState', (source) => source.memberState(guidOf(1), guidOf(2))],
];

describe.each(calls)('%s', (_, call) => {
  test.each<[string, SearchAnswer]>([
    ['is busy', { error: 51, message: '00002024: SvcErr' }],
    ['wants a bind', { error: 1, message: '000004DC: LdapErr' }],
    ['hangs', { hang: true }],
    ['ends the connection', { closeConnection: true }],
  ])('fails when the domain controller %s, with DirectoryUnreachableError: silence proves nothing', async (_, answer) => {
    const rootDse = { configurationNamingContext: [`CN=Configuration,${base}`] };
    const source = await sourceOf({ rootDse, search: () => answer }, { timeoutMs: 300 });
    expect(await failure(call(source))).toBeInstanceOf(DirectoryUnreachableError);
  });

  test('fails when the connection was lost before it: no search goes out without a bind', async () => {
    const rootDse = { configurationNamingContext: [`CN=Configuration,${base}`] };
    const server = await serve({ rootDse, dirSync: [{ closeConnection: true }] });
    const source = await connectTo([server]);
    await failure(source.changesSince(Buffer.alloc(0)));
    const before = server.requests.length;
    expect(await failure(call(source))).toBeInstanceOf(DirectoryUnreachableError);
    expect(server.requests.slice(before)).toEqual([]);
  });
});
