// Starts real Samba domain controllers, from a cache of this file's own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Ber, type BerReader, BerWriter, Client, Control, type Entry, InsufficientAccessError } from 'ldapts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { claimLoopbackAddress } from '../../sandbox/domain-controller/address.ts';
import { explainLog } from '../../sandbox/domain-controller/command.ts';
import { type DomainController, startDomainController } from '../../sandbox/domain-controller/index.ts';

const sourceModule = new URL('../../sandbox/domain-controller/index.ts', import.meta.url).href;

// Other test files keep the machine busy.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

let cacheDirectory: string;
let first: DomainController;
let second: DomainController;

beforeAll(async () => {
  // GIVEN an empty cache WHEN two sandboxes start at once
  cacheDirectory = await mkdtemp(join(tmpdir(), 'domain-controller-test-'));
  [first, second] = await Promise.all([startDomainController({ cacheDirectory }), startDomainController({ cacheDirectory })]);
});

afterAll(async () => {
  await Promise.all([first?.stop(), second?.stop()]);
  await rm(cacheDirectory, { recursive: true, force: true });
});

describe('two domain controllers beside each other', () => {
  test('THEN each has an address and an administrator password of its own, and the cache holds one template and no debris', async () => {
    expect(first.address).not.toBe(second.address);
    expect(first.administratorPassword).not.toBe(second.administratorPassword);
    expect(await readdir(cacheDirectory)).toHaveLength(1);
  });

  test('THEN its administrator binds with the certificate verified by address, by host name and as localhost', async () => {
    for (const dc of [first, second]) {
      await withClient(dc, { url: dc.ldapsUrl }, (client) => client.bind(dc.administratorDn, dc.administratorPassword));
    }
    for (const servername of [first.host, 'localhost']) {
      await withClient(first, { url: first.ldapsUrl, servername }, (client) =>
        client.bind(first.administratorDn, first.administratorPassword),
      );
    }
  });

  test('fails to connect with the authority of the other one, and under a name the certificate lacks', async () => {
    expect(await tlsError({ host: first.address, ca: second.ca })).toMatch(/CERT|SIGNATURE|ISSUER/);
    expect(await tlsError({ host: first.address, ca: first.ca, servername: 'dc9.corp.example.com' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await tlsError({ host: first.address, ca: first.ca })).toBeUndefined();
  });

  test('THEN the authority cannot sign anything any more: its key is gone', async () => {
    const files = await readdir(dirname(first.caFile));
    expect(files.sort()).toEqual(['ca.pem', 'cert.pem', 'key.pem']);
  });

  test('fails to bind with the password of the other one', async () => {
    await withClient(first, { url: first.ldapsUrl }, async (client) => {
      await expect(client.bind(first.administratorDn, second.administratorPassword)).rejects.toMatchObject({ code: 49 });
    });
  });
});

test('GIVEN a delegated account WHEN grantDirSync is called THEN it sees a new user, and later the deletion, through DirSync', async () => {
  const dc = first;
  const accountDn = `CN=svc-directory-watch,CN=Users,${dc.baseDn}`;
  const accountPassword = `Watch-${dc.administratorPassword}`;
  const userDn = `CN=Ada Example,CN=Users,${dc.baseDn}`;
  await withClient(dc, { url: dc.ldapsUrl }, async (administrator) => {
    await administrator.bind(dc.administratorDn, dc.administratorPassword);
    await administrator.add(accountDn, {
      objectClass: 'user',
      sAMAccountName: 'svc-directory-watch',
      userAccountControl: '512',
      unicodePwd: Buffer.from(`"${accountPassword}"`, 'utf16le').toString('latin1'),
    });
    await administrator.add(userDn, { objectClass: 'user', sAMAccountName: 'ada' });
    const sid = await readSid(administrator, accountDn);

    await withClient(dc, { url: dc.ldapsUrl }, async (watcher) => {
      await watcher.bind(accountDn, accountPassword);
      await expect(dirSync(watcher, dc.baseDn)).rejects.toBeInstanceOf(InsufficientAccessError);

      await dc.grantDirSync(sid);

      const full = await dirSync(watcher, dc.baseDn);
      expect(full.entries.map((entry) => entry.dn)).toContain(userDn);
      const idle = await dirSync(watcher, dc.baseDn, full.cookie);
      expect(idle.entries).toEqual([]);

      await administrator.del(userDn);
      const after = await dirSync(watcher, dc.baseDn, idle.cookie);
      expect(after.entries).toHaveLength(1);
      expect(after.entries[0]).toMatchObject({ isDeleted: 'TRUE' });
      expect(after.entries[0]?.dn).toMatch(/^CN=Ada Example\\0ADEL:.*,CN=Deleted Objects,/);
    });
  });
});

test('GIVEN rights on one object WHEN dsacl grants them THEN that account may do what it could not', async () => {
  const dc = second;
  const accountDn = `CN=svc-writer,CN=Users,${dc.baseDn}`;
  const accountPassword = `Write-${dc.administratorPassword}`;
  await withClient(dc, { url: dc.ldapsUrl }, async (administrator) => {
    await administrator.bind(dc.administratorDn, dc.administratorPassword);
    await administrator.add(accountDn, {
      objectClass: 'user',
      sAMAccountName: 'svc-writer',
      userAccountControl: '512',
      unicodePwd: Buffer.from(`"${accountPassword}"`, 'utf16le').toString('latin1'),
    });
    const sid = await readSid(administrator, accountDn);
    await withClient(dc, { url: dc.ldapsUrl }, async (writer) => {
      await writer.bind(accountDn, accountPassword);
      const group = { objectClass: 'group', sAMAccountName: 'operators' };
      const groupDn = `CN=operators,CN=Users,${dc.baseDn}`;
      await expect(writer.add(groupDn, group)).rejects.toBeInstanceOf(InsufficientAccessError);
      await dc.dsacl(`CN=Users,${dc.baseDn}`, `(A;;CC;;;${sid})`);
      await writer.add(groupDn, group);
    });
  });
});

test('fails to grant rights on an object that does not exist, naming it', async () => {
  await expect(second.dsacl(`CN=Nobody,${second.baseDn}`, '(A;;RP;;;S-1-1-0)')).rejects.toThrow(/CN=Nobody,DC=corp.*exists/);
});

test('GIVEN a domain controller WHEN it is stopped, twice even, THEN no process, working directory or port is left', async () => {
  const dc = await startDomainController({ cacheDirectory });
  expect(await processesOf(dc.directory)).not.toHaveLength(0);

  await Promise.all([dc.stop(), dc.stop()]);
  await dc.stop();

  expect(await processesOf(dc.directory)).toEqual([]);
  expect(existsSync(dc.directory)).toBe(false);
  expect(await tlsError({ host: dc.address, ca: dc.ca })).toBe('ECONNREFUSED');
  expect(await readdir(cacheDirectory)).toHaveLength(1);
});

test('GIVEN an owner that is killed WHEN it can clean up nothing itself THEN its samba ends and its directory goes', async () => {
  const { directory, owner } = await startInAnotherProcess();
  expect(await processesOf(directory)).not.toHaveLength(0);

  process.kill(owner, 'SIGKILL');

  await eventually(async () => (await processesOf(directory)).length === 0 && !existsSync(directory));
});

test('GIVEN an owner and the shells that tidy up, all killed WHEN the next one starts THEN it removes the directory', async () => {
  const { directory, owner } = await startInAnotherProcess();
  const shells = (await processesOf(directory)).filter((found) => found.commandLine.startsWith('sh\0'));
  // One waits for samba, one for the owner.
  expect(shells).toHaveLength(2);

  for (const { pid } of shells) process.kill(pid, 'SIGKILL');
  process.kill(owner, 'SIGKILL');
  await eventually(async () => (await processesOf(directory)).length === 0);

  // Any domain controller that starts on this machine meanwhile, one of another test file too, removes it as well.
  const next = await startDomainController({ cacheDirectory });
  await next.stop();
  expect(existsSync(directory)).toBe(false);
  // Directories of living owners are left alone.
  expect(existsSync(first.directory)).toBe(true);
});

test('GIVEN an address whose port somebody else listens on WHEN one is claimed THEN it is another one', async () => {
  const [one, other] = await Promise.all([claimLoopbackAddress(), claimLoopbackAddress()]);
  expect(one.address).not.toBe(other.address);
  const occupant = createServer().listen(636, one.address);
  await once(occupant, 'listening');
  await Promise.all([one.release(), other.release()]);
  const next = await claimLoopbackAddress();
  occupant.close();
  await next.release();
  expect(next.address).not.toBe(one.address);
});

test('fails to start when the signal is aborted, leaving nothing in cache or temporary folder', async () => {
  const emptyCache = await mkdtemp(join(tmpdir(), 'domain-controller-test-'));
  const abort = new AbortController();
  const starting = startDomainController({
    cacheDirectory: emptyCache,
    signal: abort.signal,
    progress: (step) => {
      if (step.startsWith('provisioning')) setTimeout(() => abort.abort(new Error('interrupted')), 300);
    },
  });
  await expect(starting).rejects.toThrow('interrupted');
  expect(await readdir(emptyCache)).toEqual([]);
  await rm(emptyCache, { recursive: true });
});

test('GIVEN an owner that is killed while it provisions THEN its folder goes from the cache', async () => {
  const emptyCache = await mkdtemp(join(tmpdir(), 'domain-controller-test-'));
  const program = `
    const { startDomainController } = await import(${JSON.stringify(sourceModule)});
    await startDomainController({
      cacheDirectory: ${JSON.stringify(emptyCache)},
      progress: (step) => step.startsWith('provisioning') && setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300),
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
  await eventually(async () => (await processesOf(emptyCache)).length === 0);
  // What samba-tool writes after the removal is the next start's to remove.
  const next = await startDomainController({ cacheDirectory: emptyCache });
  await next.stop();
  expect(await readdir(emptyCache)).toHaveLength(1);
  await rm(emptyCache, { recursive: true });
});

test('fails to start with a cache that cannot be made, naming the folder and the variable', async () => {
  const inAFile = join(first.caFile, 'cache');
  await expect(startDomainController({ cacheDirectory: inAFile })).rejects.toThrow(
    `cannot make a folder in ${inAFile} (ENOTDIR): set XDG_CACHE_HOME to a folder that can be written to`,
  );
});

test('fails to provision with the reason samba-tool gives, when host and domain would share a name', async () => {
  const before = await readdir(cacheDirectory);
  const failure: unknown = await startDomainController({ cacheDirectory, hostName: 'corp' }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(String(failure)).toMatch(
    /could not provision the domain corp.example.com: samba-tool ended with exit code .*'CORP' must not be equal/,
  );
  expect(await readdir(cacheDirectory)).toEqual(before);
});

test.each([
  { realm: 'CORP', value: 'CORP' },
  { realm: 'CORP..COM', value: 'CORP..COM' },
  { hostName: 'dc one', value: 'dc one' },
])('fails to start with the name "$value", which it repeats with the remedy', async ({ value, ...names }) => {
  await expect(startDomainController({ cacheDirectory, ...names })).rejects.toThrow(new RegExp(`"${value}".*use one like`));
});

test('GIVEN a log with a password in it WHEN its end is shown THEN the password is not', () => {
  expect(explainLog('Admin password:    Secret-1\nserver role: dc\n')).toBe('server role: dc');
});

/** RFC 4511 controls of MS-ADTS, section 3.1.1.3.4.1.3. */
class DirSyncControl extends Control {
  cookie: Buffer;

  constructor(cookie: Buffer) {
    super('1.2.840.113556.1.4.841', { critical: true });
    this.cookie = cookie;
  }

  override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    // LDAP_DIRSYNC_INCREMENTAL_VALUES: Active Directory takes a signed integer of 4 bytes only.
    value.writeInt(0x80000000 | 0);
    value.writeInt(0x7fffffff);
    value.writeBuffer(this.cookie, Ber.OctetString);
    value.endSequence();
    writer.writeBuffer(value.buffer, Ber.OctetString);
  }

  override parseControl(reader: BerReader): void {
    reader.readSequence();
    reader.readInt();
    reader.readInt();
    this.cookie = reader.readString(Ber.OctetString, true) ?? Buffer.alloc(0);
  }
}

async function dirSync(client: Client, baseDn: string, cookie: Buffer = Buffer.alloc(0)): Promise<{ entries: Entry[]; cookie: Buffer }> {
  const control = new DirSyncControl(cookie);
  const result = await client.search(baseDn, { scope: 'sub', filter: '(objectClass=user)' }, [control]);
  return { entries: result.searchEntries, cookie: control.cookie };
}

async function withClient<Result>(
  dc: DomainController,
  target: { url: string; servername?: string },
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ url: target.url, tlsOptions: { ca: dc.ca, ...(target.servername && { servername: target.servername }) } });
  try {
    return await use(client);
  } finally {
    await client.unbind();
  }
}

/** The SID of an account as text (MS-DTYP, section 2.4.2). */
async function readSid(client: Client, dn: string): Promise<string> {
  const { searchEntries } = await client.search(dn, { scope: 'base', explicitBufferAttributes: ['objectSid'], attributes: ['objectSid'] });
  const sid = searchEntries[0]?.objectSid;
  if (!Buffer.isBuffer(sid)) throw new Error(`${dn} has no objectSid`);
  const subAuthorities = Array.from({ length: sid.readUInt8(1) }, (_, index) => sid.readUInt32LE(8 + 4 * index));
  return ['S', sid.readUInt8(0), sid.readUIntBE(2, 6), ...subAuthorities].join('-');
}

/** The code of the error a TLS client meets on port 636; undefined when the handshake succeeds. */
function tlsError(options: { host: string; ca: string; servername?: string }): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port: 636, ...options }, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

async function processesOf(directory: string): Promise<{ pid: number; commandLine: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(
    pids.map(async (pid) => ({ pid: Number(pid), commandLine: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })),
  );
  return all.filter(({ commandLine }) => commandLine.includes(directory));
}

async function startInAnotherProcess(): Promise<{ directory: string; owner: number }> {
  const program = `
    const { startDomainController } = await import(${JSON.stringify(sourceModule)});
    const { directory } = await startDomainController({ cacheDirectory: ${JSON.stringify(cacheDirectory)} });
    console.log(directory);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const directory of createInterface({ input: child.stdout })) {
    if (child.pid !== undefined) return { directory, owner: child.pid };
  }
  throw new Error(`the owning process ended with exit code ${child.exitCode} before its domain controller was up`);
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('still not so after 10 s');
    await delay(50);
  }
}
