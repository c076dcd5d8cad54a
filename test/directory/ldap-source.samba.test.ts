/** Change capture against a real domain controller (Samba): what a directory does, and what the source says of it. */
import { Attribute, Change, Control } from 'ldapts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type ChangePage,
  CookieRefusedError,
  type DirectorySource,
  DirectoryUnreachableError,
} from '../../handlers/directory/directory-source.ts';
import { connectLdapSource, type LdapSourceOptions } from '../../handlers/directory/ldap-source.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { type DomainController, startDomainController } from '../../sandbox/domain-controller/index.ts';
import {
  changeAttribute,
  createGroup,
  createUser,
  newPassword,
  type Population,
  populate,
} from '../../sandbox/domain-controller/population.ts';
import { startScriptedLdapServer } from '../ldap/scripted-server.ts';

let controller: DomainController;
let population: Population;
let options: LdapSourceOptions;
const open: DirectorySource[] = [];

beforeAll(async () => {
  controller = await startDomainController();
  population = await populate(controller, ['Staff']);
  options = {
    urls: [controller.ldapsUrl],
    ca: controller.ca,
    namingContext: controller.baseDn,
    credentials: { username: population.bindDn, password: population.bindPassword },
    timeoutMs: 10_000,
  };
});

afterEach(async () => {
  for (const source of open.splice(0)) await source.close();
});

afterAll(async () => {
  await population?.admin.unbind();
  await controller?.stop();
});

async function connect(change: Partial<LdapSourceOptions> = {}): Promise<DirectorySource> {
  const source = await connectLdapSource({ ...options, ...change });
  open.push(source);
  return source;
}

const everything = Buffer.alloc(0);
const named = (page: ChangePage, name: string) => page.objects.filter(({ dn }) => dn.startsWith(`CN=${name},`));

/** What changes between two polls. */
async function changesOf(work: () => Promise<unknown>): Promise<ChangePage> {
  const source = await connect();
  const { cookie } = await source.changesSince(everything);
  await work();
  return await source.changesSince(cookie);
}

async function failure(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason as Error,
  );
  // invariant 10: secrets appear in no error
  const shown = JSON.stringify([error.message, error.stack, String(error.cause), error]);
  expect(shown).not.toContain(population.bindPassword);
  return error;
}

describe('a domain controller that answers', () => {
  test('WHEN all is asked for THEN users and groups come whole with their identities, and computers do not', async () => {
    const dn = await createUser(population.admin, population.usersDn, 'First Sync', { sAMAccountName: 'first', mail: 'first@example.com' });
    const page = await (await connect()).changesSince(everything);
    const [user] = named(page, 'First Sync');
    expect(user).toMatchObject({
      dn,
      guid: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      sid: expect.stringMatching(/^S-1-5-21-/),
      attributes: { name: ['First Sync'], sAMAccountName: ['first'], mail: ['first@example.com'], userAccountControl: ['512'] },
    });
    expect(named(page, 'Staff')).toMatchObject([{ attributes: { objectClass: expect.arrayContaining(['group']) } }]);
    expect(page.objects.filter(({ attributes }) => attributes.objectClass?.includes('computer'))).toEqual([]);
    expect(page.cookie.length).toBeGreaterThan(0);
    expect(page.moreResults).toBe(false);
  });

  test('WHEN nothing changed THEN nothing comes', async () => {
    expect((await changesOf(async () => undefined)).objects).toEqual([]);
  });

  test('WHEN an attribute is cleared THEN it comes empty, and what is unchanged does not come', async () => {
    const dn = await createUser(population.admin, population.usersDn, 'Cleared', { mail: 'c@example.com', displayName: 'C' });
    const page = await changesOf(() => changeAttribute(population.admin, dn, 'replace', 'mail', []));
    const attributes = named(page, 'Cleared')[0]?.attributes;
    expect(attributes?.mail).toEqual([]);
    for (const unchanged of ['displayName', 'sAMAccountName', 'userAccountControl', 'name'])
      expect(attributes).not.toHaveProperty(unchanged);
  });

  test('WHEN members are added and removed THEN only they come, with their identities and not the whole list', async () => {
    const group = await createGroup(population.admin, population.groupsDn, 'Incremental');
    const [one, two, three] = await Promise.all(
      ['Member One', 'Member Two', 'Member Three'].map((name) => createUser(population.admin, population.usersDn, name)),
    );
    await changeAttribute(population.admin, group, 'add', 'member', [one ?? '', two ?? '']);
    const page = await changesOf(async () => {
      await changeAttribute(population.admin, group, 'add', 'member', [three ?? '']);
      await changeAttribute(population.admin, group, 'delete', 'member', [one ?? '']);
    });
    const [change] = named(page, 'Incremental');
    expect(change?.membersAdded.map(({ dn }) => dn)).toEqual([three]);
    expect(change?.membersRemoved.map(({ dn }) => dn)).toEqual([one]);
    for (const member of change?.membersAdded ?? []) expect(member).toMatchObject({ guid: expect.any(String), sid: expect.any(String) });
  });

  test('invariant 4: WHEN a user is renamed, then moved, THEN the same GUID comes under another name', async () => {
    const dn = await createUser(population.admin, population.usersDn, 'Maiden');
    const [before] = named(await (await connect()).changesSince(everything), 'Maiden');
    const renamed = await changesOf(() => population.admin.modifyDN(dn, `CN=Married\\, Ms.,${population.usersDn}`));
    expect(renamed.objects).toMatchObject([
      { guid: before?.guid, dn: `CN=Married\\, Ms.,${population.usersDn}`, attributes: { name: ['Married, Ms.'] } },
    ]);
    const target = `CN=Married\\, Ms.,CN=Users,${controller.baseDn}`;
    const moved = await changesOf(() => population.admin.modifyDN(`CN=Married\\, Ms.,${population.usersDn}`, target));
    expect(moved.objects).toMatchObject([{ guid: before?.guid, dn: target }]);
  });

  test('WHEN a user is disabled THEN its flags come', async () => {
    const dn = await createUser(population.admin, population.usersDn, 'Leaving');
    const page = await changesOf(() => changeAttribute(population.admin, dn, 'replace', 'userAccountControl', ['514']));
    expect(named(page, 'Leaving')).toMatchObject([{ attributes: { userAccountControl: ['514'] } }]);
  });

  test('WHEN a member is deleted THEN the tombstone comes, and nothing from its groups', async () => {
    const dn = await createUser(population.admin, population.usersDn, 'Gone');
    await changeAttribute(population.admin, `CN=Staff,${population.groupsDn}`, 'add', 'member', [dn]);
    const [before] = named(await (await connect()).changesSince(everything), 'Gone');
    const page = await changesOf(() => population.admin.del(dn));
    expect(page.objects).toMatchObject([{ guid: before?.guid, attributes: { isDeleted: ['TRUE'] } }]);
  });

  test('WHEN a member is deleted and restored between two polls THEN only the cleared mark of deletion tells', async () => {
    const dn = await createUser(population.admin, population.usersDn, 'Back');
    await changeAttribute(population.admin, `CN=Staff,${population.groupsDn}`, 'add', 'member', [dn]);
    const [before] = named(await (await connect()).changesSince(everything), 'Back');
    const page = await changesOf(async () => {
      await population.admin.del(dn);
      const restoration = [
        new Change({ operation: 'delete', modification: new Attribute({ type: 'isDeleted', values: [] }) }),
        new Change({ operation: 'replace', modification: new Attribute({ type: 'distinguishedName', values: [dn] }) }),
      ];
      const deletedDn = `CN=Back\\0ADEL:${before?.guid},CN=Deleted Objects,${controller.baseDn}`;
      // LDAP_SERVER_SHOW_DELETED_OID (MS-ADTS section 3.1.1.3.4.1.14)
      await population.admin.modify(deletedDn, restoration, [new Control('1.2.840.113556.1.4.417', { critical: true })]);
    });
    expect(page.objects).toMatchObject([{ guid: before?.guid, dn, attributes: { isDeleted: [] } }]);
    expect(page.objects[0]?.attributes).not.toHaveProperty('objectClass');
  });

  test('WHEN a password is set THEN no password attribute comes (invariant 10)', async () => {
    const page = await changesOf(() => createUser(population.admin, population.usersDn, 'Secretive'));
    expect(Object.keys(named(page, 'Secretive')[0]?.attributes ?? {}).filter((name) => /pwd|password|credential/i.test(name))).toEqual([]);
  });
});

describe('a domain controller that refuses', () => {
  test.each([
    ['garbled', (cookie: Buffer) => Buffer.from(cookie.map((byte) => byte ^ 0x5a))],
    ['cut off', (cookie: Buffer) => cookie.subarray(0, cookie.length - 7)],
    ['no cookie at all', () => Buffer.from('not a cookie')],
  ])('fails for a cookie that is %s with CookieRefusedError, and answers an empty one after it', async (_, garble) => {
    const source = await connect();
    const { cookie, objects } = await source.changesSince(everything);
    expect(await failure(source.changesSince(garble(cookie)))).toBeInstanceOf(CookieRefusedError);
    expect((await source.changesSince(everything)).objects).toHaveLength(objects.length);
  });

  test('fails for a wrong password with the reason and the remedy', async () => {
    const wrong = newPassword();
    const error = await failure(connect({ credentials: { ...options.credentials, password: wrong } }));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toMatch(/bind of "CN=svc-directory-watch,.*refused: .*bind secret/);
    expect(`${error.message}${error.stack}`).not.toContain(wrong);
  });

  test('fails for a certificate of another CA, saying so', async () => {
    const other = await startScriptedLdapServer({});
    try {
      const error = await failure(connect({ ca: other.ca }));
      expect(error).toBeInstanceOf(DirectoryUnreachableError);
      expect(error.message).toContain('its certificate is signed by another CA');
    } finally {
      await other.close();
    }
  });

  test.each([
    'ldap://127.0.0.1:389',
    'ldap://127.0.0.1:636',
    '127.0.0.1',
    'ldaps://',
    'https://127.0.0.1',
    ' ldaps://127.0.0.1',
    'ldaps://127.0.0.1/dc=x',
  ])('fails for the URL %j before it says a word, also where another one answers', async (url) => {
    for (const urls of [[url], [controller.ldapsUrl, url]]) {
      const error = await failure(connect({ urls }));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain(`"${url}" is not ldaps://`);
    }
  });

  test('fails for a naming context that does not exist, naming it', async () => {
    const source = await connect({ namingContext: 'DC=nowhere,DC=example,DC=com' });
    const error = await failure(source.changesSince(everything));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toContain('DirSync of "DC=nowhere,DC=example,DC=com"');
  });

  test('fails for an account that may not replicate changes', async () => {
    const password = newPassword();
    const dn = await createUser(population.admin, population.usersDn, 'Ordinary', {}, false);
    const quoted = Buffer.from(`"${password}"`, 'utf16le');
    await population.admin.modify(
      dn,
      new Change({ operation: 'replace', modification: new Attribute({ type: 'unicodePwd', values: [quoted] }) }),
    );
    await changeAttribute(population.admin, dn, 'replace', 'userAccountControl', ['512']);
    const source = await connect({ credentials: { username: dn, password } });
    const error = await failure(source.changesSince(everything));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toContain('InsufficientAccess');
  });

  test('WHEN the first domain controller is down THEN the second answers, and takes the cookie of the other', async () => {
    const { cookie } = await (await connect()).changesSince(everything);
    const down = await startScriptedLdapServer({});
    await down.close();
    const source = await connect({ urls: [down.url, controller.ldapsUrl] });
    expect(source.url).toBe(controller.ldapsUrl);
    expect((await source.changesSince(cookie)).objects).toEqual([]);
  });
});
