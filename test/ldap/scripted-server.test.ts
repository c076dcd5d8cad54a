import { connect, type TLSSocket } from 'node:tls';
import { Ber, type BerReader, BerWriter, Client, Control, InvalidCredentialsError, NoSuchObjectError, ProtocolError } from 'ldapts';
import { afterEach, expect, test } from 'vitest';
import { generatedPages } from './generated-pages.ts';
import { bindFailures, type LdapScript, type ScriptedLdapServer, startScriptedLdapServer } from './scripted-server.ts';

const baseDn = 'DC=corp,DC=example,DC=com';
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

test('GIVEN a script of two pages WHEN a client pages by DirSync THEN it gets both, and the server recorded what it asked', async () => {
  const { server, client } = await start({
    dirSync: [
      { entries: [entry('Ada', Buffer.from([1, 0xff]))], moreResults: 1, cookie: Buffer.from('after page 1') },
      { entries: [entry('Bob', Buffer.from([2, 0xff]))], moreResults: 0, cookie: Buffer.from([0, 255, 128]) },
    ],
  });
  await client.bind('svc@corp.example.com', 'Example-1');

  const control = new DirSyncControl(int32);
  const first = await search(client, control);
  expect(first.map((found) => found.dn)).toEqual([`CN=Ada,${baseDn}`]);
  expect(first[0]?.objectGUID).toEqual(Buffer.from([1, 0xff]));
  expect(control).toMatchObject({ moreResults: 1, cookie: Buffer.from('after page 1') });
  const second = await search(client, control);
  expect(second.map((found) => found.dn)).toEqual([`CN=Bob,${baseDn}`]);
  expect(control).toMatchObject({ moreResults: 0, cookie: Buffer.from([0, 255, 128]) });

  expect(server.requests[0]).toEqual({ operation: 'bind', dn: 'svc@corp.example.com', password: 'Example-1' });
  const [firstSearch, secondSearch] = server.dirSyncSearches();
  expect(firstSearch).toMatchObject({ baseDn, scope: 'sub', filter: '(&(objectclass=user)(cn=A*))', attributes: ['objectGUID', 'name'] });
  expect(firstSearch?.dirSync).toEqual({ flags: 0x80000000, flagsLength: 4, maxBytes: 1_000_000, cookie: Buffer.alloc(0) });
  expect(firstSearch?.controls).toMatchObject([{ oid: '1.2.840.113556.1.4.841', critical: true }]);
  expect(secondSearch?.dirSync.cookie).toEqual(Buffer.from('after page 1'));
});

test('fails a DirSync search whose flags take five bytes, as Active Directory does, and one past the end of the script', async () => {
  const { server, client } = await start({ dirSync: [] });
  await client.bind('svc', 'Example-1');
  await expect(search(client, new DirSyncControl(fiveBytes))).rejects.toBeInstanceOf(ProtocolError);
  expect(server.dirSyncSearches()[0]?.dirSync).toMatchObject({ flags: 0x80000000, flagsLength: 5 });
  await expect(search(client, new DirSyncControl(int32))).rejects.toThrow('no further DirSync answer');
});

test('fails a search before a bind, but gives the rootDSE, whose values a test may change', async () => {
  const script: LdapScript = { rootDse: { highestCommittedUSN: ['41'] } };
  const { client } = await start(script);
  await expect(search(client, new DirSyncControl(int32))).rejects.toThrow('successful bind');
  expect(await rootDse(client)).toMatchObject({
    defaultNamingContext: baseDn,
    dnsHostName: 'dc1.corp.example.com',
    highestCommittedUSN: '41',
  });
  script.rootDse = { highestCommittedUSN: ['12'] };
  expect(await rootDse(client)).toMatchObject({ highestCommittedUSN: '12' });
});

test('GIVEN a script with an invocation id WHEN the object of dsServiceName is read THEN it carries it', async () => {
  const { client } = await start({ invocationId: Buffer.alloc(16, 0xfe) });
  await client.bind('svc', 'Example-1');
  const dsServiceName = (await rootDse(client))?.dsServiceName;
  const { searchEntries } = await client.search(String(dsServiceName), { scope: 'base', explicitBufferAttributes: ['invocationId'] });
  expect(searchEntries[0]?.invocationId).toEqual(Buffer.alloc(16, 0xfe));
});

test.each(Object.entries(bindFailures))('fails to bind with %s as data %s', async (failure, data) => {
  const { client } = await start({ bind: () => failure as keyof typeof bindFailures });
  const error: unknown = await client.bind('svc', 'Example-1').catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InvalidCredentialsError);
  expect(String(error)).toContain(`data ${data},`);
});

test('fails a search with the scripted result code and message', async () => {
  const { client } = await start({ dirSync: [{ error: 12, message: '0000202C: SvcErr: bad cookie' }] });
  await client.bind('svc', 'Example-1');
  await expect(search(client, new DirSyncControl(int32))).rejects.toMatchObject({ code: 12, message: expect.stringContaining('0000202C') });
});

test('fails a search on a hang by the time limit of the client, and on a lost connection at once', async () => {
  const { server } = await start({
    dirSync: [{ hang: true }, { closeConnection: true, entries: [entry('Ada', Buffer.from([1]))] }],
  });
  const impatient = open(server, 1_000);
  await impatient.bind('svc', 'Example-1');
  await expect(search(impatient, new DirSyncControl(int32))).rejects.toThrow('timed out');
  const other = open(server);
  await other.bind('svc', 'Example-1');
  await expect(search(other, new DirSyncControl(int32))).rejects.toThrow('Connection closed');
});

test('fails a search whose connection is cut within an entry, and gives no entry before it', async () => {
  const entries = [entry('Ada', Buffer.from([1, 0xff])), entry('Bob', Buffer.from([2, 0xff]))];
  const { client } = await start({ dirSync: [{ closeConnection: 'half', entries }] });
  await client.bind('svc', 'Example-1');
  await expect(search(client, new DirSyncControl(int32))).rejects.toThrow('Connection closed');
});

test('GIVEN a rootDSE that lacks an attribute THEN it is not sent', async () => {
  const { client } = await start({ rootDse: { highestCommittedUSN: [] } });
  expect(await rootDse(client)).not.toHaveProperty('highestCommittedUSN');
});

test('GIVEN a directory of 20,000 generated objects WHEN it is paged THEN each comes once, and no page is made ahead of its client', async () => {
  let made = 0;
  let most = 0;
  let taken = 0;
  const padding = 'x'.repeat(500);
  const directory = {
    objects: 20_000,
    pageSize: 3_000,
    entry: (number: number) => {
      made += 1;
      most = Math.max(most, made - taken);
      return { dn: `CN=User ${number},${baseDn}`, attributes: { objectGUID: [Buffer.alloc(16, number % 251)], description: [padding] } };
    },
  };
  const { server, client } = await start({ dirSync: generatedPages(directory) });
  await client.bind('svc', 'Example-1');
  const control = new DirSyncControl(int32);
  const names = new Set<string>();
  do {
    for (const { dn } of await search(client, control)) names.add(dn);
    taken = names.size;
  } while (control.moreResults !== 0);
  expect(names.size).toBe(directory.objects);
  expect(server.dirSyncSearches()).toHaveLength(7);
  expect(most).toBeLessThanOrEqual(directory.pageSize);
  // AND nothing more comes after the last page
  expect(await search(client, control)).toEqual([]);
  expect(control.moreResults).toBe(0);
});

test('GIVEN a client that does not read THEN a page of 100,000 objects waits for it, unmade', async () => {
  let made = 0;
  const entry = (number: number) => {
    made += 1;
    return { dn: `CN=User ${number},${baseDn}`, attributes: { description: ['x'.repeat(1_000)] } };
  };
  const { server } = await start({ dirSync: generatedPages({ objects: 100_000, pageSize: 100_000, entry }) });
  const sockets: TLSSocket[] = [];
  const createSecureConnection = ((...options: Parameters<typeof connect>) => {
    const socket = connect(...options);
    sockets.push(socket);
    return socket;
  }) as typeof connect;
  const client = new Client({ url: server.url, tlsOptions: { ca: server.ca }, createSecureConnection });
  await client.bind('svc', 'Example-1');
  for (const socket of sockets) socket.pause();
  const unread = search(client, new DirSyncControl(int32)).catch(() => undefined);
  await expect.poll(() => server.dirSyncSearches().length).toBe(1);
  // What fits the sockets' buffers is made, and then nothing more.
  const seen: number[] = [];
  await expect.poll(() => seen.push(made) > 1 && seen.at(-2) === made, { interval: 100 }).toBe(true);
  expect(made).toBeGreaterThan(0);
  expect(made).toBeLessThan(50_000);
  await client.unbind();
  await unread;
});

test('GIVEN a search without DirSync THEN the script answers it, and without a script there is no such object', async () => {
  const script: LdapScript = {};
  const { client } = await start(script);
  await client.bind('svc', 'Example-1');
  const lookUp = () => client.search(`CN=Ada,${baseDn}`, { scope: 'base', attributes: ['cn'] });
  await expect(lookUp()).rejects.toBeInstanceOf(NoSuchObjectError);
  script.search = (request) => ({ entries: [{ dn: request.baseDn, attributes: { cn: ['Ada'] } }] });
  expect((await lookUp()).searchEntries).toEqual([{ dn: `CN=Ada,${baseDn}`, cn: 'Ada' }]);
});

test('fails a connection that does not trust its authority, and one after close', async () => {
  const { server } = await start({});
  const { hostname: host, port } = new URL(server.url);
  const handshake = (ca: string[]): Promise<string | undefined> =>
    new Promise((resolve) => {
      const socket = connect({ host, port: Number(port), ca }, () => {
        socket.destroy();
        resolve('trusted');
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
  expect(await handshake([server.ca])).toBe('trusted');
  expect(await handshake([])).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  await server.close();
  expect(await handshake([server.ca])).toBe('ECONNREFUSED');
});

const int32 = (writer: BerWriter) => writer.writeInt(0x80000000 | 0);
const fiveBytes = (writer: BerWriter) => writer.writeBuffer(Buffer.from([0, 0x80, 0, 0, 0]), Ber.Integer);

class DirSyncControl extends Control {
  moreResults = 0;
  cookie: Buffer = Buffer.alloc(0);
  readonly #writeFlags: (writer: BerWriter) => void;

  constructor(writeFlags: (writer: BerWriter) => void) {
    super('1.2.840.113556.1.4.841', { critical: true });
    this.#writeFlags = writeFlags;
  }

  override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    this.#writeFlags(value);
    value.writeInt(1_000_000);
    value.writeBuffer(this.cookie, Ber.OctetString);
    value.endSequence();
    writer.writeBuffer(value.buffer, Ber.OctetString);
  }

  override parseControl(reader: BerReader): void {
    reader.readSequence();
    this.moreResults = reader.readInt() ?? 0;
    reader.readInt();
    this.cookie = reader.readString(Ber.OctetString, true) ?? Buffer.alloc(0);
  }
}

async function start(script: LdapScript): Promise<{ server: ScriptedLdapServer; client: Client }> {
  const server = await startScriptedLdapServer(script);
  opened.push(server);
  return { server, client: open(server) };
}

function open(server: ScriptedLdapServer, timeout = 5_000): Client {
  const client = new Client({ url: server.url, tlsOptions: { ca: server.ca }, timeout });
  opened.push({ close: () => client.unbind() });
  return client;
}

async function search(client: Client, control: DirSyncControl) {
  const options = { scope: 'sub', filter: '(&(objectClass=user)(cn=A*))', attributes: ['objectGUID', 'name'] } as const;
  const result = await client.search(
    baseDn,
    { ...options, attributes: [...options.attributes], explicitBufferAttributes: ['objectGUID'] },
    [control],
  );
  return result.searchEntries;
}

async function rootDse(client: Client) {
  return (await client.search('', { scope: 'base', filter: '(objectClass=*)' })).searchEntries[0];
}

function entry(name: string, objectGUID: Buffer) {
  return { dn: `CN=${name},${baseDn}`, attributes: { objectGUID: [objectGUID], name: [name] } };
}
