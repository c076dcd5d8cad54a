/** What Samba never does: pages, AD's reasons for a refused cookie and bind, hangs and lost connections. Against a scripted LDAPS server. */
import { describe, expect, test } from 'vitest';
import {
  type ChangedObject,
  CookieRefusedError,
  capturedAttributes,
  capturedFilter,
  DirectoryUnreachableError,
} from '../../handlers/directory/directory-source.ts';
import { toChangedObject } from '../../handlers/directory/ldap-entry.ts';
import { guidBytes } from '../../handlers/platform/object-identity.ts';
import { generatedPages } from '../ldap/generated-pages.ts';
import { bindFailures, type DirSyncAnswer, type ScriptedEntry } from '../ldap/scripted-server.ts';
import { base, guidOf } from './rows.ts';
import { scriptedEntry } from './scripted-entry.ts';
import { connectTo, credentials, failure, serve, sourceOf } from './scripted-source.ts';

const everything = Buffer.alloc(0);
const page = (...entries: readonly ScriptedEntry[]): DirSyncAnswer => ({ entries, moreResults: 0, cookie: Buffer.from('c') });

/** What the source makes of these entries. */
const changesOf = async (...entries: readonly ScriptedEntry[]): Promise<readonly ChangedObject[]> =>
  (await (await sourceOf({ dirSync: [page(...entries)] })).changesSince(everything)).objects;

describe('the question', () => {
  test.each([
    [false, '020480000000', 0x8000_0000],
    [true, '020480000001', 0x8000_0001],
  ])('THEN Flags travel in four bytes, as AD takes them; with object security %s they are %s', async (objectSecurity, bytes, flags) => {
    const server = await serve({ dirSync: [page()] });
    await (await connectTo([server], { objectSecurity })).changesSince(Buffer.from('c0'));
    const [search] = server.dirSyncSearches();
    // SEQUENCE { Flags INTEGER, …: the first element of the control's value.
    expect(search?.controls[0]?.value.subarray(2, 8).toString('hex')).toBe(bytes);
    expect(search?.dirSync).toMatchObject({ flags, flagsLength: 4, cookie: Buffer.from('c0') });
    expect(search?.dirSync.maxBytes).toBeGreaterThan(0);
  });

  test('THEN it is for the objects and attributes of the contract, below the naming context, and only to who knows both controls', async () => {
    const server = await serve({ dirSync: [page()] });
    await (await connectTo([server], { attributes: ['department', 'Mail', 'MEMBER'] })).changesSince(everything);
    const [search] = server.dirSyncSearches();
    expect(search).toMatchObject({ baseDn: base, scope: 'sub' });
    expect(search?.filter.toLowerCase()).toBe(capturedFilter.toLowerCase());
    // Asked for once, in whichever case somebody wrote it: a server may refuse a list that names one twice.
    expect(search?.attributes).toEqual([...capturedAttributes([]), 'department']);
    // AD would send the descriptor of every object.
    expect(search?.attributes).not.toContain('nTSecurityDescriptor');
    // Both are critical: a server that does not know one must not answer as if it did.
    expect(search?.controls.map(({ oid, critical }) => [oid, critical])).toEqual([
      ['1.2.840.113556.1.4.841', true],
      ['1.2.840.113556.1.4.529', true],
    ]);
  });
});

describe('the answer', () => {
  test('WHEN there are several pages THEN each says whether more follow, and leads to the next', async () => {
    const cookies = [1, 2, 3].map((number) => Buffer.from([0, 255, number]));
    const server = await serve({
      dirSync: cookies.map((cookie, index) => ({ entries: [scriptedEntry(index, `User ${index}`)], moreResults: 2 - index, cookie })),
    });
    const source = await connectTo([server]);
    const seen: string[] = [];
    let cookie: Buffer = everything;
    for (let more = true; more; ) {
      const answer = await source.changesSince(cookie);
      seen.push(...answer.objects.map(({ dn }) => dn));
      cookie = answer.cookie;
      more = answer.moreResults;
    }
    expect(seen).toEqual([0, 1, 2].map((number) => `CN=User ${number},OU=People,${base}`));
    expect(server.dirSyncSearches().map(({ dirSync }) => [...dirSync.cookie])).toEqual([[], [0, 255, 1], [0, 255, 2]]);
  });

  test('GIVEN pages of 1,000 objects THEN each object comes once, and of each page all', async () => {
    const entry = (number: number) => scriptedEntry(number, `User ${number}`, { sAMAccountName: [`user${number}`] });
    const source = await sourceOf({ dirSync: generatedPages({ objects: 2_500, pageSize: 1_000, entry }) }, { timeoutMs: 10_000 });
    const sizes: number[] = [];
    const guids = new Set<string>();
    let [cookie, more]: [Buffer, boolean] = [everything, true];
    while (more) {
      const answer = await source.changesSince(cookie);
      for (const { guid } of answer.objects) guids.add(guid);
      sizes.push(answer.objects.length);
      [cookie, more] = [answer.cookie, answer.moreResults];
    }
    expect(sizes).toEqual([1_000, 1_000, 500]);
    expect(guids.size).toBe(2_500);
  });

  test('THEN cleared, unchanged, added and removed are told apart, and what was not asked for does no harm', async () => {
    const ada = `<GUID=${guidOf(1)}>;<SID=S-1-5-21-1-2-3-1>;CN=Ada,${base}`;
    const bea = `<GUID=${guidOf(2)}>;CN=Bea,${base}`;
    const attributes = { displayName: [], mail: [], 'member;range=1-1': [ada], 'member;range=0-0': [bea], instanceType: ['4'] };
    expect(await changesOf(scriptedEntry(10, 'Staff', attributes))).toEqual([
      {
        guid: guidOf(10),
        sid: 'S-1-5-21-1-2-3-10',
        dn: `CN=Staff,OU=People,${base}`,
        attributes: { displayName: [], mail: [], instanceType: ['4'] },
        membersAdded: [{ guid: guidOf(1), sid: 'S-1-5-21-1-2-3-1', dn: `CN=Ada,${base}` }],
        membersRemoved: [{ guid: guidOf(2), dn: `CN=Bea,${base}` }],
      },
    ]);
  });

  test('THEN whom a password policy applies to comes in the same way', async () => {
    const [ada, bea] = [1, 2].map((number) => `<GUID=${guidOf(number)}>;CN=${number},${base}`);
    const [policy] = await changesOf(
      scriptedEntry(20, 'Strict', { 'msDS-PSOAppliesTo;range=1-1': [ada ?? ''], 'msDS-PSOAppliesTo;range=0-0': [bea ?? ''] }),
    );
    expect(policy).toMatchObject({ appliesToAdded: [{ guid: guidOf(1) }], appliesToRemoved: [{ guid: guidOf(2) }], attributes: {} });
  });

  test('WHEN AD names attributes in another case THEN they are named as we asked', async () => {
    const dirSync = [page(scriptedEntry(1, 'Ada', { MAIL: ['a@example.com'], extensionattribute1: ['x'], Member: [] }))];
    const { objects } = await (await sourceOf({ dirSync }, { attributes: ['extensionAttribute1'] })).changesSince(everything);
    expect(objects[0]).toMatchObject({ attributes: { mail: ['a@example.com'], extensionAttribute1: ['x'] }, membersAdded: [] });
  });

  test('WHEN a value names another object THEN its name alone is kept', async () => {
    const names = [`<GUID=${guidOf(2)}>;<SID=S-1-5-21-1-2-3-2>;CN=Bea,${base}`, '<GUID=x>;no name', 'plain'];
    const [ada] = await changesOf(scriptedEntry(1, 'Ada', { manager: names }));
    expect(ada?.attributes.manager).toEqual(['<GUID=x>;no name', `CN=Bea,${base}`, 'plain']);
  });

  // AD leaves the name out for a reader without replication rights (MS-ADTS section 3.1.1.3.4.1.3).
  test.each([
    ['no name at all', ''],
    ['its GUID alone', `<GUID=${guidOf(1)}>`],
    ['GUID, SID and no name', `<GUID=${guidOf(1)}>;<SID=S-1-5-21-1-2-3-1>;`],
  ])('WHEN AD withholds a deleted object’s name and sends %s THEN its GUID is enough', async (_, dn) => {
    const server = await serve({ dirSync: [page({ ...scriptedEntry(1, 'Ada', { isDeleted: ['TRUE'] }), dn })] });
    const { objects } = await (await connectTo([server], { objectSecurity: true })).changesSince(everything);
    expect(objects).toMatchObject([{ guid: guidOf(1), dn: '', attributes: { isDeleted: ['TRUE'] } }]);
  });

  test.each<[string, ScriptedEntry]>([
    ['an entry without objectGUID', { dn: `CN=Ada,${base}`, attributes: { name: ['Ada'] } }],
    ['an objectGUID without a value', { ...scriptedEntry(1, 'Ada'), attributes: { objectGUID: [] } }],
    ['an objectGUID of 15 bytes', { ...scriptedEntry(1, 'Ada'), attributes: { objectGUID: [Buffer.alloc(15)] } }],
    ['an extended name without a GUID', { ...scriptedEntry(1, 'Ada'), dn: `<SID=S-1-5-21-1-2-3-1>;CN=Ada,${base}` }],
    ['a member that is no extended name', scriptedEntry(1, 'Ada', { 'member;range=1-1': ['CN=Bea,DC=example,DC=com'] })],
  ])('fails for %s: nothing of the page is used', async (_, entry) => {
    const error = await failure(changesOf(scriptedEntry(2, 'Bea'), entry));
    expect(['SyntaxError', 'RangeError']).toContain(error.name);
  });

  test('fails for a server that knows no DirSync but answers', async () => {
    const source = await sourceOf({ dirSync: [{ entries: [] } as never] });
    const error = await failure(source.changesSince(everything));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toContain('without the DirSync control');
  });

  // The second as Microsoft's "Polling for Changes Using the DirSync Control" has it, for a cookie of another version of Windows.
  test.each([
    [12, '0000202C: SvcErr: DSID-031401E0, problem 5010 (UNAVAIL_EXTENSION), data 0'],
    [2, '0000203D: LdapErr: DSID-0C090D0B, comment: Error processing control, data 0, v4563'],
    [12, '0000203D: LdapErr: DSID-0C090D0B, comment: Error processing control, data 0, v4563'],
  ])('fails for a cookie refused with code %i, %s, with CookieRefusedError', async (code, message) => {
    const source = await sourceOf({ dirSync: [{ error: code, message }, page(scriptedEntry(1, 'Ada'))] });
    const error = await failure(source.changesSince(Buffer.from('c')));
    expect(error).toBeInstanceOf(CookieRefusedError);
    expect(error.message).toContain(message.slice(0, 8));
    // AND a full sync on the same connection works
    expect((await source.changesSince(everything)).objects).toHaveLength(1);
  });

  test.each([
    [51, 'busy'],
    [32, '0000208D: NameErr'],
    [50, '00002098: SecErr'],
    [1, '000004DC: LdapErr: a successful bind must be completed'],
    [2, '00000057: LdapErr: Error decoding ldap message'],
    [3, 'time limit exceeded'],
    [4, 'size limit exceeded'],
    [10, '0000202B: RefErr'],
  ])('fails for code %i, %s, with DirectoryUnreachableError: the cookie stays good', async (code, message) => {
    const server = await serve({ dirSync: [{ error: code, message }] });
    const error = await failure((await connectTo([server])).changesSince(Buffer.from('c')));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toContain(message);
    expect(error.message).toContain(server.url);
  });

  test.each<[string, DirSyncAnswer]>([
    ['before it', { closeConnection: true }],
    ['after some of its objects', { closeConnection: true, entries: [scriptedEntry(1, 'Ada'), scriptedEntry(2, 'Bea')] }],
    ['in the middle of an object', { closeConnection: 'half', entries: [scriptedEntry(1, 'Ada'), scriptedEntry(2, 'Bea')] }],
  ])('fails when the connection is cut within a page, %s: nothing of it is used', async (_, answer) => {
    const server = await serve({ dirSync: [answer, page(scriptedEntry(1, 'Ada'))] });
    const error = await failure((await connectTo([server])).changesSince(Buffer.from('c1')));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    // AND the next poll reads the page once more from the same cookie
    expect((await (await connectTo([server])).changesSince(Buffer.from('c1'))).objects).toHaveLength(1);
    expect(server.dirSyncSearches().map(({ dirSync }) => dirSync.cookie.toString())).toEqual(['c1', 'c1']);
  });

  test('fails when no answer comes in time, saying so', async () => {
    const error = await failure((await sourceOf({ dirSync: [{ hang: true }] })).changesSince(everything));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toMatch(/timed out|timeout/i);
  });
});

describe('values longer than a row holds', () => {
  const read = (description: string | string[]) =>
    toChangedObject({ dn: `<GUID=${guidOf(1)}>;CN=Ada,${base}`, objectGUID: guidBytes(guidOf(1)), description }).attributes.description ??
    [];

  test('THEN up to 4,096 bytes stay as they are', () => {
    expect(read('x'.repeat(4_096))).toEqual(['x'.repeat(4_096)]);
    expect(read(['ä'.repeat(1_024), 'ö'.repeat(1_024)])).toEqual(['ä'.repeat(1_024), 'ö'.repeat(1_024)]);
  });

  test('THEN more of them are one value of at most 4,096 bytes that tells how much it was', () => {
    const [first = '', ...others] = read(['ä'.repeat(1_024), 'ö'.repeat(1_025)]);
    expect(others).toEqual([]);
    expect(first).toMatch(/^ä+\nö+.*… \(2 values, 4098 bytes, sha256 [0-9a-f]{16}\)$/);
    expect(Buffer.byteLength(first)).toBeLessThanOrEqual(4_096);
  });

  test('THEN a change anywhere in them shows, and none changes nothing', () => {
    const long = 'x'.repeat(100_000);
    expect(read(long)).toEqual(read(long));
    expect(read(long)).not.toEqual(read(`${long.slice(0, -1)}y`));
    expect(read([long, 'a'])).not.toEqual(read([long, 'b']));
    expect(read([long, 'a b'])).not.toEqual(read([long, 'a', 'b']));
  });
});

describe('the bind', () => {
  test.each([
    ['noSuchUser', 'no such account'],
    ['wrongPassword', 'wrong user name or password'],
    ['passwordExpired', 'password expired'],
    ['accountDisabled', 'account disabled'],
    ['accountExpired', 'account expired'],
    ['mustChangePassword', 'password must be changed'],
    ['accountLocked', 'account locked out'],
  ] as const)(
    'fails for %s with AD’s reason, and asks no second domain controller: that would lock the account',
    async (answer, reason) => {
      const first = await serve({ bind: () => answer });
      const second = await serve({});
      const error = await failure(connectTo([first, second]));
      expect(error).toBeInstanceOf(DirectoryUnreachableError);
      expect(error.message).toContain(`refused: ${reason} (data ${bindFailures[answer]})`);
      expect(error.message).toContain(credentials.username);
      expect(second.requests).toEqual([]);
    },
  );

  test('WHEN the first domain controller is down THEN the second answers', async () => {
    const [first, second] = [await serve({}), await serve({})];
    await first.close();
    expect((await connectTo([first, second])).url).toBe(second.url);
  });

  test('fails when all are down, naming each and why', async () => {
    const [first, second] = [await serve({}), await serve({})];
    await Promise.all([first.close(), second.close()]);
    const error = await failure(connectTo([first, second]));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    for (const { url } of [first, second]) expect(error.message).toContain(`${url}: `);
    expect(error.message).toContain('ECONNREFUSED');
  });
});

test('GIVEN values that are no text THEN another value of theirs is a change, and each can be read back', () => {
  const ofBytes = (logonHours: Buffer) =>
    toChangedObject({ dn: `<GUID=${guidOf(1)}>;CN=Ada,${base}`, objectGUID: guidBytes(guidOf(1)), logonHours }).attributes.logonHours;
  const [always, notAtFirst] = [Buffer.alloc(21, 0xff), Buffer.alloc(21, 0xfe)];
  expect(ofBytes(always)).not.toEqual(ofBytes(notAtFirst));
  expect(ofBytes(notAtFirst)).toEqual([`base64:${notAtFirst.toString('base64')}`]);
});
