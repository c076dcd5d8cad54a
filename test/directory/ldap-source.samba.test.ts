/** Change capture against a real domain controller (Samba): what a directory does, and what the source says of it. */
import { Attribute, Change, Control } from 'ldapts';
import { describe, expect, test } from 'vitest';
import { CookieRefusedError, DirectoryUnreachableError } from '../../handlers/directory/directory-source.ts';
import { secretAttributes } from '../../handlers/events/catalogue.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { changeAttribute, createGroup, createUser, newPassword, unicodePassword } from '../../sandbox/domain-controller/population.ts';
import { startScriptedLdapServer } from '../ldap/scripted-server.ts';
import { strictPasswordSettings } from './samba-operations.ts';
import { everything, named, SambaSource } from './samba-source.ts';

const samba = new SambaSource();
const connect: SambaSource['connect'] = (change) => samba.connect(change);
const changesOf: SambaSource['changesOf'] = (work, change) => samba.changesOf(work, change);
const user = (name: string, attributes?: Record<string, string>, enabled?: boolean) =>
  createUser(samba.population.admin, samba.population.usersDn, name, attributes, enabled);
const change = (dn: string, operation: 'add' | 'delete' | 'replace', type: string, values: readonly string[]) =>
  changeAttribute(samba.population.admin, dn, operation, type, values);

describe('a domain controller that answers', () => {
  test('WHEN all is asked for THEN people, groups, computers, containers and policies come whole with their identities', async () => {
    const dn = await user('First Sync', { sAMAccountName: 'first', mail: 'first@example.com' });
    const page = await (await connect()).changesSince(everything);
    expect(named(page, 'First Sync')[0]).toMatchObject({
      dn,
      guid: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      sid: expect.stringMatching(/^S-1-5-21-/),
      attributes: {
        name: ['First Sync'],
        sAMAccountName: ['first'],
        mail: ['first@example.com'],
        userAccountControl: ['512'],
        primaryGroupID: ['513'],
        objectClass: expect.arrayContaining(['user']),
      },
    });
    expect(named(page, 'Staff')).toMatchObject([{ attributes: { objectClass: expect.arrayContaining(['group']) } }]);
    const classes = new Set(page.objects.map(({ attributes }) => attributes.objectClass?.at(-1)));
    for (const one of ['computer', 'organizationalUnit', 'container', 'domainDNS', 'groupPolicyContainer']) expect(classes).toContain(one);
    expect(page.objects.find(({ dn }) => dn === samba.controller.baseDn)?.attributes).toMatchObject({ lockoutThreshold: ['0'] });
    expect(page.cookie.length).toBeGreaterThan(0);
    expect(page.moreResults).toBe(false);
  });

  test('WHEN nothing changed THEN nothing comes', async () => {
    expect((await changesOf(async () => undefined)).objects).toEqual([]);
  });

  test('WHEN several attributes are cleared THEN they come empty, and what is unchanged does not come', async () => {
    const dn = await user('Cleared', { mail: 'c@example.com', displayName: 'C', sn: 'Clear', givenName: 'Ed', userPrincipalName: 'c@x' });
    const page = await changesOf(async () => {
      const cleared = ['mail', 'sn', 'userPrincipalName'].map(
        (type) => new Change({ operation: 'delete', modification: new Attribute({ type, values: [] }) }),
      );
      await samba.population.admin.modify(dn, cleared);
    });
    const attributes = named(page, 'Cleared')[0]?.attributes ?? {};
    expect(attributes).toMatchObject({ mail: [], sn: [], userPrincipalName: [] });
    for (const unchanged of ['displayName', 'givenName', 'sAMAccountName', 'userAccountControl', 'name', 'accountExpires'])
      expect(attributes).not.toHaveProperty(unchanged);
  });

  test('WHEN an attribute was never set THEN a full read does not call it cleared', async () => {
    await user('Sparse');
    const attributes = named(await (await connect()).changesSince(everything), 'Sparse')[0]?.attributes;
    for (const unset of ['mail', 'displayName', 'isDeleted', 'msDS-LockoutDuration']) expect(attributes).not.toHaveProperty(unset);
  });

  test('WHEN members are added and removed THEN only they come, with their identities and not the whole list', async () => {
    const group = await createGroup(samba.population.admin, samba.population.groupsDn, 'Incremental');
    const [one, two, three] = await Promise.all(['Member One', 'Member Two', 'Member Three'].map((name) => user(name)));
    await change(group, 'add', 'member', [one ?? '', two ?? '']);
    const page = await changesOf(async () => {
      await change(group, 'add', 'member', [three ?? '']);
      await change(group, 'delete', 'member', [one ?? '']);
    });
    const [incremental] = named(page, 'Incremental');
    expect(incremental?.membersAdded.map(({ dn }) => dn)).toEqual([three]);
    expect(incremental?.membersRemoved.map(({ dn }) => dn)).toEqual([one]);
    for (const member of incremental?.membersAdded ?? [])
      expect(member).toMatchObject({ guid: expect.any(String), sid: expect.any(String) });
  });

  test('invariant 4: WHEN a user is renamed, then moved, THEN the same GUID comes under another name', async () => {
    const dn = await user('Maiden');
    const [before] = named(await (await connect()).changesSince(everything), 'Maiden');
    const renamed = await changesOf(() => samba.population.admin.modifyDN(dn, `CN=Married\\, Ms.,${samba.population.usersDn}`));
    expect(renamed.objects).toMatchObject([
      { guid: before?.guid, dn: `CN=Married\\, Ms.,${samba.population.usersDn}`, attributes: { name: ['Married, Ms.'] } },
    ]);
    const target = `CN=Married\\, Ms.,CN=Users,${samba.controller.baseDn}`;
    const moved = await changesOf(() => samba.population.admin.modifyDN(`CN=Married\\, Ms.,${samba.population.usersDn}`, target));
    expect(moved.objects).toMatchObject([{ guid: before?.guid, dn: target }]);
  });

  test('WHEN a user is disabled THEN its flags come', async () => {
    const dn = await user('Leaving');
    const page = await changesOf(() => change(dn, 'replace', 'userAccountControl', ['514']));
    expect(named(page, 'Leaving')).toMatchObject([{ attributes: { userAccountControl: ['514'] } }]);
  });

  test('WHEN a member is deleted THEN the tombstone comes, and nothing from its groups', async () => {
    const dn = await user('Gone');
    await change(`CN=Staff,${samba.population.groupsDn}`, 'add', 'member', [dn]);
    const [before] = named(await (await connect()).changesSince(everything), 'Gone');
    const page = await changesOf(() => samba.population.admin.del(dn));
    expect(page.objects).toMatchObject([{ guid: before?.guid, attributes: { isDeleted: ['TRUE'] } }]);
  });

  test('WHEN a member is deleted and restored between two polls THEN only the cleared mark of deletion tells', async () => {
    const dn = await user('Back');
    await change(`CN=Staff,${samba.population.groupsDn}`, 'add', 'member', [dn]);
    const [before] = named(await (await connect()).changesSince(everything), 'Back');
    const page = await changesOf(async () => {
      await samba.population.admin.del(dn);
      const restoration = [
        new Change({ operation: 'delete', modification: new Attribute({ type: 'isDeleted', values: [] }) }),
        new Change({ operation: 'replace', modification: new Attribute({ type: 'distinguishedName', values: [dn] }) }),
      ];
      const deletedDn = `CN=Back\\0ADEL:${before?.guid},CN=Deleted Objects,${samba.controller.baseDn}`;
      // LDAP_SERVER_SHOW_DELETED_OID (MS-ADTS section 3.1.1.3.4.1.14)
      await samba.population.admin.modify(deletedDn, restoration, [new Control('1.2.840.113556.1.4.417', { critical: true })]);
    });
    expect(page.objects).toMatchObject([{ guid: before?.guid, dn, attributes: { isDeleted: [] } }]);
    expect(page.objects[0]?.attributes).not.toHaveProperty('objectClass');
  });

  test('GIVEN 5,000 objects WHEN all become members in one modify THEN they arrive in one page', async () => {
    const group = await createGroup(samba.population.admin, samba.population.groupsDn, 'Large');
    const unit = `OU=Large,${samba.population.usersDn}`;
    await samba.population.admin.add(unit, { objectClass: ['organizationalUnit'] });
    const members = Array.from({ length: 5_000 }, (_, number) => `CN=Contact ${number},${unit}`);
    await samba.add(members.map((dn) => ({ dn, objectClass: 'contact' })));
    const page = await changesOf(() => change(group, 'add', 'member', members));
    const [large] = named(page, 'Large');
    expect(new Set(large?.membersAdded.map(({ dn }) => dn))).toEqual(new Set(members));
    expect(new Set(large?.membersAdded.map(({ guid }) => guid)).size).toBe(5_000);
    expect(large?.membersRemoved).toEqual([]);
    expect(page.moreResults).toBe(false);
  }, 120_000);

  test('WHEN a principal of another forest joins a group THEN the membership tells its SID; its stand-in comes where we may read it', async () => {
    const group = await createGroup(samba.population.admin, samba.population.groupsDn, 'Guests of Ours');
    const container = `CN=ForeignSecurityPrincipals,${samba.controller.baseDn}`;
    const join = async (sid: string) => {
      const page = await changesOf(() => change(group, 'add', 'member', [`<SID=${sid}>`]));
      expect(named(page, 'Guests of Ours')[0]?.membersAdded).toMatchObject([{ sid, dn: `CN=${sid},${container}` }]);
      return named(page, sid);
    };
    const sid = 'S-1-5-21-1111111111-2222222222-3333333333-1104';
    // The class default lets authenticated users read little of it.
    expect(await join(sid)).toEqual([]);
    const account = await (await connect()).find(samba.population.bindDn);
    await samba.controller.dsacl(container, `(A;CI;RPLC;;;${account?.sid})`);
    expect(await join(`${sid}5`)).toMatchObject([
      { sid: `${sid}5`, attributes: { objectClass: expect.arrayContaining(['foreignSecurityPrincipal']) } },
    ]);
  });

  test.each([
    ['msDS-GroupManagedServiceAccount', { 'msDS-ManagedPasswordInterval': '30' }],
    ['msDS-ManagedServiceAccount', {}],
    ['computer', {}],
  ])('WHEN a %s is made THEN its class tells it from a person', async (objectClass, attributes: Record<string, string>) => {
    const name = `Machine ${objectClass.length}`;
    const account = { sAMAccountName: `m${objectClass.length}$`, userAccountControl: '4096', ...attributes };
    const page = await changesOf(() =>
      samba.population.admin.add(`CN=${name},CN=Computers,${samba.controller.baseDn}`, { objectClass: [objectClass], ...account }),
    );
    const [made] = named(page, name);
    expect(made?.attributes.objectClass).toContain(objectClass);
    expect(made).toMatchObject({ sid: expect.stringMatching(/^S-1-5-21-/), attributes: { primaryGroupID: ['515'] } });
  });

  test('WHEN a password policy gets and loses those it applies to THEN they come as added and removed', async () => {
    const dn = `CN=Strict,CN=Password Settings Container,CN=System,${samba.controller.baseDn}`;
    const [one, two] = [await user('Strict One'), await user('Strict Two')];
    const made = await changesOf(() => samba.population.admin.add(dn, { ...strictPasswordSettings, 'msDS-PSOAppliesTo': [one] }));
    expect(named(made, 'Strict')).toMatchObject([
      {
        attributes: { 'msDS-MinimumPasswordLength': ['16'], 'msDS-PasswordSettingsPrecedence': ['10'] },
        appliesToAdded: [{ dn: one, guid: await samba.guidOf(one) }],
      },
    ]);
    expect(named(made, 'Strict')[0]).not.toHaveProperty('appliesToRemoved');
    const moved = await changesOf(async () => {
      await change(dn, 'add', 'msDS-PSOAppliesTo', [two]);
      await change(dn, 'delete', 'msDS-PSOAppliesTo', [one]);
    });
    expect(named(moved, 'Strict')).toMatchObject([{ attributes: {}, appliesToAdded: [{ dn: two }], appliesToRemoved: [{ dn: one }] }]);
  });

  test('WHEN attributes are asked for in another case than the schema’s THEN they come as they were asked for', async () => {
    const dn = await user('Case', { department: 'Sales', employeeType: 'staff' });
    const attributes = ['DEPARTMENT', 'employeetype', 'MAIL'];
    const { objects } = await changesOf(() => change(dn, 'replace', 'department', ['Support']), { attributes });
    // As the contract names it where it is part of it, in whichever case the list repeats it.
    expect(objects).toMatchObject([{ attributes: { DEPARTMENT: ['Support'] } }]);
    const page = await (await connect({ attributes })).changesSince(everything);
    expect(named(page, 'Case')[0]?.attributes).toMatchObject({ DEPARTMENT: ['Support'], employeetype: ['staff'] });
    const [found] = await (await connect({ attributes })).lookUp([await samba.guidOf(dn)]);
    expect(found?.attributes).toMatchObject({ DEPARTMENT: ['Support'], employeetype: ['staff'], mail: [] });
  });

  test('GIVEN a value longer than a row holds WHEN it changes near its end THEN its short form changes too', async () => {
    const addresses = Array.from({ length: 80 }, (_, number) => `smtp:${'x'.repeat(80)}${number}@example.com`);
    const dn = await user('Long');
    const read = async (values: readonly string[]) => {
      const page = await changesOf(() => change(dn, 'replace', 'proxyAddresses', values), { attributes: ['proxyAddresses'] });
      return named(page, 'Long')[0]?.attributes.proxyAddresses ?? [];
    };
    const first = await read(addresses);
    expect(first).toEqual([expect.stringMatching(/… \(80 values, \d+ bytes, sha256 [0-9a-f]{16}\)$/)]);
    expect(Buffer.byteLength(first[0] ?? '')).toBeLessThanOrEqual(4_096);
    const second = await read([...addresses.slice(0, -1), 'smtp:other@example.com']);
    expect(second).toHaveLength(1);
    expect(second).not.toEqual(first);
    expect(await read(['smtp:short@example.com'])).toEqual(['smtp:short@example.com']);
  });

  test('WHEN a password is set THEN its time comes, and no password attribute (invariant 10)', async () => {
    const page = await changesOf(() => user('Secretive'));
    const names = Object.keys(named(page, 'Secretive')[0]?.attributes ?? {});
    expect(names).toContain('pwdLastSet');
    expect(names.filter((name) => secretAttributes.some((secret) => secret.toLowerCase() === name.toLowerCase()))).toEqual([]);
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
    expect(await samba.failure(source.changesSince(garble(cookie)))).toBeInstanceOf(CookieRefusedError);
    expect((await source.changesSince(everything)).objects).toHaveLength(objects.length);
  });

  test('fails for a wrong password with the reason and the remedy', async () => {
    const wrong = newPassword();
    const error = await samba.failure(connect({ credentials: { ...samba.options().credentials, password: wrong } }));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toMatch(/bind of "CN=svc-directory-watch,.*refused: .*bind secret/);
    expect(`${error.message}${error.stack}`).not.toContain(wrong);
  });

  test('fails for a certificate of another CA, saying so', async () => {
    const other = await startScriptedLdapServer({});
    try {
      const error = await samba.failure(connect({ ca: other.ca }));
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
    for (const urls of [[url], [samba.controller.ldapsUrl, url]]) {
      const error = await samba.failure(connect({ urls }));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain(`"${url}" is not ldaps://`);
    }
  });

  test('fails for a naming context that does not exist, naming it', async () => {
    const source = await connect({ namingContext: 'DC=nowhere,DC=example,DC=com' });
    const error = await samba.failure(source.changesSince(everything));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toContain('search of "DC=nowhere,DC=example,DC=com"');
  });

  test('fails for an account that may not replicate changes; with object security it reads what it may', async () => {
    const password = newPassword();
    const dn = await user('Ordinary', {}, false);
    await change(dn, 'replace', 'unicodePwd', [unicodePassword(password)] as never);
    await change(dn, 'replace', 'userAccountControl', ['512']);
    const credentials = { username: dn, password };
    const error = await samba.failure((await connect({ credentials })).changesSince(everything));
    expect(error).toBeInstanceOf(DirectoryUnreachableError);
    expect(error.message).toContain('InsufficientAccess');

    const seen = await user('Seen By All', { mail: 'seen@example.com' });
    const source = await connect({ credentials, objectSecurity: true });
    const page = await source.changesSince(everything);
    expect(named(page, 'Seen By All')).toMatchObject([{ attributes: { mail: ['seen@example.com'] } }]);
    await change(seen, 'replace', 'mail', ['other@example.com']);
    expect((await source.changesSince(page.cookie)).objects).toMatchObject([{ dn: seen, attributes: { mail: ['other@example.com'] } }]);
    // AND a deletion is not shown to it: verification has to find it
    await samba.population.admin.del(seen);
    expect((await source.changesSince(page.cookie)).objects).toEqual([]);
  });

  test('WHEN the first domain controller is down THEN the second answers, and takes the cookie of the other', async () => {
    const { cookie } = await (await connect()).changesSince(everything);
    const down = await startScriptedLdapServer({});
    await down.close();
    const source = await connect({ urls: [down.url, samba.controller.ldapsUrl] });
    expect(source.url).toBe(samba.controller.ldapsUrl);
    expect((await source.changesSince(cookie)).objects).toEqual([]);
  });
});
