/** What Samba never does: pages, AD's reasons for a refused bind, hangs and lost connections. Against a scripted LDAPS server. */
import { afterEach, describe, expect, test } from 'vitest';
import { CookieRefusedError, capturedAttributes, DirectoryUnreachableError } from '../../handlers/directory/directory-source.ts';
import { connectLdapSource } from '../../handlers/directory/ldap-source.ts';
import { bindFailures, type LdapScript, type ScriptedLdapServer, startScriptedLdapServer } from '../ldap/scripted-server.ts';
import { base } from './rows.ts';
import { scriptedEntry } from './scripted-entry.ts';

const credentials = { username: 'CN=svc,DC=example,DC=com', password: 'Hunter2-Hunter2' };
const cleanup: (() => Promise<void>)[] = [];
const everything = Buffer.alloc(0);

afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

async function serve(script: LdapScript): Promise<ScriptedLdapServer> {
  const server = await startScriptedLdapServer(script);
  cleanup.push(() => server.close());
  return server;
}

async function connect(...servers: ScriptedLdapServer[]) {
  const source = await connectLdapSource({
    urls: servers.map(({ url }) => url),
    ca: servers.map(({ ca }) => ca).join('\n'),
    namingContext: base,
    credentials,
    connectTimeoutMs: 1_000,
    timeoutMs: 300,
  });
  cleanup.push(() => source.close());
  return source;
}

async function failure(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason as Error,
  );
  expect(JSON.stringify([error.message, error.stack, String(error.cause), error])).not.toContain('Hunter2');
  return error;
}

describe('the question', () => {
  test('THEN Flags travel in four bytes, as AD takes them, with incremental values and the attributes of the contract', async () => {
    const server = await serve({ dirSync: [{ entries: [], moreResults: 0, cookie: Buffer.from('c1') }] });
    await (await connect(server)).changesSince(Buffer.from('c0'));
    const [search] = server.dirSyncSearches();
    expect(search?.dirSync).toMatchObject({ flags: 0x8000_0000, flagsLength: 4, cookie: Buffer.from('c0') });
    expect(search?.dirSync.maxBytes).toBeGreaterThan(0);
    expect(search).toMatchObject({ baseDn: base, scope: 'sub', attributes: [...capturedAttributes] });
    // Both controls are critical: a server that does not know one must not answer as if it did.
    expect(search?.controls.map(({ oid, critical }) => [oid, critical])).toEqual([
      ['1.2.840.113556.1.4.841', true],
      ['1.2.840.113556.1.4.529', true],
    ]);
  });
});

describe('the answer', () => {
  test('WHEN there are several pages THEN each says whether more follow, and leads to the next', async () => {
    const server = await serve({
      dirSync: [1, 2, 3].map((number) => ({
        entries: [scriptedEntry(number, `User ${number}`)],
        moreResults: 3 - number,
        cookie: Buffer.from([0, 255, number]),
      })),
    });
    const source = await connect(server);
    const seen: string[] = [];
    let cookie: Buffer = everything;
    for (let more = true; more; ) {
      const page = await source.changesSince(cookie);
      seen.push(...page.objects.map(({ dn }) => dn));
      cookie = page.cookie;
      more = page.moreResults;
    }
    expect(seen).toEqual([1, 2, 3].map((number) => `CN=User ${number},OU=People,${base}`));
    expect(server.dirSyncSearches().map(({ dirSync }) => [...dirSync.cookie])).toEqual([[], [0, 255, 1], [0, 255, 2]]);
  });

  test('THEN cleared, unchanged, added and removed are told apart, and what was not asked for does no harm', async () => {
    const ada = `<GUID=00000000-0000-4000-8000-000000000001>;<SID=S-1-5-21-1-2-3-1>;CN=Ada,${base}`;
    const bea = `<GUID=00000000-0000-4000-8000-000000000002>;CN=Bea,${base}`;
    const entry = scriptedEntry(10, 'Staff', {
      displayName: [],
      'member;range=1-1': [ada],
      'member;range=0-0': [bea],
      instanceType: ['4'],
    });
    const server = await serve({ dirSync: [{ entries: [entry], moreResults: 0, cookie: Buffer.from('c') }] });
    const { objects } = await (await connect(server)).changesSince(everything);
    expect(objects).toEqual([
      {
        guid: '00000000-0000-4000-8000-000000000010',
        sid: 'S-1-5-21-1-2-3-10',
        dn: `CN=Staff,OU=People,${base}`,
        attributes: { displayName: [], instanceType: ['4'] },
        membersAdded: [{ guid: '00000000-0000-4000-8000-000000000001', sid: 'S-1-5-21-1-2-3-1', dn: `CN=Ada,${base}` }],
        membersRemoved: [{ guid: '00000000-0000-4000-8000-000000000002', dn: `CN=Bea,${base}` }],
      },
    ]);
  });

  test('WHEN AD withholds a deleted object’s name THEN its GUID is enough', async () => {
    const entry = { ...scriptedEntry(1, 'Ada', { isDeleted: ['TRUE'] }), dn: '' };
    const server = await serve({ dirSync: [{ entries: [entry], moreResults: 0, cookie: Buffer.from('c') }] });
    const { objects } = await (await connect(server)).changesSince(everything);
    expect(objects).toMatchObject([{ guid: '00000000-0000-4000-8000-000000000001', dn: '', attributes: { isDeleted: ['TRUE'] } }]);
  });

  test.each([
    ['an entry without objectGUID', { dn: `CN=Ada,${base}`, attributes: { name: ['Ada'] } }],
    ['an objectGUID of 15 bytes', { ...scriptedEntry(1, 'Ada'), attributes: { objectGUID: [Buffer.alloc(15)] } }],
    ['a member that is no extended name', scriptedEntry(1, 'Ada', { 'member;range=1-1': ['CN=Bea,DC=example,DC=com'] })],
    ['a plain name', { ...scriptedEntry(1, 'Ada'), dn: `CN=Ada,${base}` }],
  ])('fails for %s: nothing of the page is used', async (_, entry) => {
    const good = scriptedEntry(2, 'Bea');
    const server = await serve({ dirSync: [{ entries: [good, entry], moreResults: 0, cookie: Buffer.from('c') }] });
    const error = await failure((await connect(server)).changesSince(everything));
    expect(['SyntaxError', 'RangeError']).toContain(error.name);
  });

  test('fails for a server that knows no DirSync but answers', async () => {
    const server = await serve({ dirSync: [{ entries: [] } as never] });
    const error = await failure((await connect(server)).changesSince(everything));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toContain('without the DirSync control');
  });

  test('fails for a refused cookie with CookieRefusedError, for anything else with DirectoryUnreachableError', async () => {
    const server = await serve({
      dirSync: [
        { error: 12, message: '0000202C: the cookie is no good' },
        { error: 51, message: 'busy' },
        { error: 32, message: '0000208D: NameErr' },
        { error: 50, message: '00002098: SecErr' },
      ],
    });
    const source = await connect(server);
    expect(await failure(source.changesSince(Buffer.from('c')))).toBeInstanceOf(CookieRefusedError);
    for (const text of ['busy', 'NameErr', 'SecErr']) {
      const error = await failure(source.changesSince(everything));
      expect(error).toBeInstanceOf(DirectoryUnreachableError);
      expect(error.message).toContain(text);
      expect(error.message).toContain(server.url);
    }
  });

  test('fails when the connection is lost within a page: nothing of it is used', async () => {
    const server = await serve({ dirSync: [{ closeConnection: true, entries: [scriptedEntry(1, 'Ada')] }] });
    expect(await failure((await connect(server)).changesSince(everything))).toBeInstanceOf(DirectoryUnreachableError);
  });

  test('fails when no answer comes in time', async () => {
    const server = await serve({ dirSync: [{ hang: true }] });
    expect(await failure((await connect(server)).changesSince(everything))).toBeInstanceOf(DirectoryUnreachableError);
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
      const error = await failure(connect(first, second));
      expect(error).toBeInstanceOf(DirectoryUnreachableError);
      expect(error.message).toContain(`refused: ${reason} (data ${bindFailures[answer]})`);
      expect(error.message).toContain(credentials.username);
      expect(second.requests).toEqual([]);
    },
  );

  test('WHEN the first domain controller is down THEN the second answers', async () => {
    const [first, second] = [await serve({}), await serve({})];
    await first.close();
    expect((await connect(first, second)).url).toBe(second.url);
  });

  test('fails when all are down, naming each and why', async () => {
    const [first, second] = [await serve({}), await serve({})];
    await Promise.all([first.close(), second.close()]);
    const error = await failure(connect(first, second));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    for (const { url } of [first, second]) expect(error.message).toContain(`${url}: `);
    expect(error.message).toContain('ECONNREFUSED');
  });
});
