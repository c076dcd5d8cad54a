/** The set-up of the connector's account on a real domain controller (Samba): what it may do, what it may not, and what a second run does. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Attribute, Change, Client, type Control } from 'ldapts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sddlText } from '../../handlers/directory/security-descriptor.ts';
import { DirSyncControl, dirSyncFlags, SecurityDescriptorFlagsControl } from '../../handlers/platform/ldap-controls.ts';
import { guidText, sidText } from '../../handlers/platform/object-identity.ts';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import { type DomainController, startDomainController } from '../../sandbox/domain-controller/index.ts';
import {
  changeAttribute,
  createConnectorAccount,
  createGroup,
  createUser,
  newPassword,
  type Population,
  populate,
  unicodePassword,
} from '../../sandbox/domain-controller/population.ts';
import { strictPasswordSettings } from './samba-operations.ts';

const setup = fileURLToPath(new URL('../../modules/directory/setup/', import.meta.url));
const insufficientAccess = { code: 50 };

let controller: DomainController;
let population: Population;
let connector: Client;
let base: string;

beforeAll(async () => {
  controller = await startDomainController();
  base = controller.baseDn;
  population = await populate(controller, ['Staff']);
  connector = await bound(population.bindDn, population.bindPassword);
});

afterAll(async () => {
  await connector?.unbind();
  await population?.admin.unbind();
  await controller?.stop();
});

async function bound(dn: string, password: string): Promise<Client> {
  const client = new Client({ url: controller.ldapsUrl, tlsOptions: { ca: [controller.ca] } });
  await client.bind(dn, password);
  return client;
}

const accountDn = (name: string): string => `CN=${name},CN=Users,${base}`;
const nothing: Buffer = Buffer.alloc(0);

/** One entry with its values as bytes. */
async function read(client: Client, dn: string, attributes: string[], controls: Control[] = []): Promise<Record<string, Buffer[]>> {
  const { searchEntries } = await client.search(dn, { scope: 'base', attributes, explicitBufferAttributes: attributes }, controls);
  const values = Object.entries(searchEntries[0] ?? {}).filter(([name]) => name !== 'dn');
  return Object.fromEntries(values.map(([name, value]) => [name, [value].flat() as Buffer[]]));
}

const text = (values: Buffer[] | undefined): string[] => (values ?? []).map(String);
const sidOf = async (dn: string): Promise<string> => sidText((await read(population.admin, dn, ['objectSid'])).objectSid?.[0] ?? nothing);

async function dirSync(client: Client, flags: number, cookie = nothing, attributes: string[] = []) {
  const control = new DirSyncControl({ flags, maxBytes: 0x7fffffff, cookie });
  const { searchEntries } = await client.search(base, { scope: 'sub', filter: '(objectClass=user)', attributes }, [control]);
  return { entries: searchEntries, cookie: control.nextCookie ?? nothing };
}

/** The descriptor (SDDL) in the database itself: CN=Deleted Objects shows its own to nobody over LDAP. */
async function descriptor(dn: string): Promise<string> {
  const database = ['-H', join(controller.directory, 'private', 'sam.ldb'), `--configfile=${join(controller.directory, 'smb.conf')}`];
  const ldif = await runCommand('ldbsearch', [...database, '--show-deleted', '-b', dn, '-s', 'base', 'nTSecurityDescriptor']);
  const [, sddl] = /^nTSecurityDescriptor: (.+)$/m.exec(ldif.replaceAll('\n ', '')) ?? [];
  if (sddl === undefined) throw new Error(`no descriptor of ${dn} in ${ldif}`);
  return sddl;
}

const policiesFolder = (): string => join(controller.directory, 'state', 'sysvol', controller.domain, 'Policies');
const template = ['MACHINE', 'Microsoft', 'Windows NT', 'SecEdit', 'GptTmpl.inf'];

async function logOnPolicy() {
  const { searchEntries } = await population.admin.search(`CN=Policies,CN=System,${base}`, {
    scope: 'one',
    filter: '(displayName=Active Directory Lambda: connector account)',
  });
  expect(searchEntries).toHaveLength(1);
  const policy = searchEntries[0] ?? { dn: '' };
  const folder = join(policiesFolder(), String(policy.cn));
  const file = await readFile(join(folder, ...template));
  // MS-GPSB section 2.2: UTF-16LE with a byte order mark.
  expect([...file.subarray(0, 2)]).toEqual([0xff, 0xfe]);
  const rights = Object.fromEntries(
    [...file.toString('utf16le').matchAll(/^(Se\w+) = (.*)\r$/gm)].map(([, right = '', list = '']) => [right, list.split(',').sort()]),
  );
  return { policy, folder, rights, gptIni: await readFile(join(folder, 'GPT.INI'), 'utf8') };
}

describe('GIVEN the account that the set-up made THEN it reads', () => {
  test('the whole domain through DirSync, and then a deletion', async () => {
    const dn = await createUser(population.admin, population.usersDn, 'Short Lived');
    const full = await dirSync(connector, dirSyncFlags.incrementalValues);
    expect(full.entries.map((entry) => entry.dn)).toContain(dn);
    await population.admin.del(dn);
    const { entries } = await dirSync(connector, dirSyncFlags.incrementalValues, full.cookie);
    expect(entries).toMatchObject([{ dn: expect.stringMatching(/^CN=Short Lived\\0ADEL:.*CN=Deleted Objects,/), isDeleted: 'TRUE' }]);
  });

  test('a fine-grained password policy and whom it holds for, which an ordinary user does not see', async () => {
    const user = await createUser(population.admin, population.usersDn, 'Strict');
    const policy = `CN=Strict,CN=Password Settings Container,CN=System,${base}`;
    await population.admin.add(policy, { ...strictPasswordSettings, 'msDS-PSOAppliesTo': user });
    expect(text((await read(connector, policy, ['msDS-MinimumPasswordLength']))['msDS-MinimumPasswordLength'])).toEqual(['16']);
    expect(text((await read(connector, user, ['msDS-ResultantPSO']))['msDS-ResultantPSO'])).toEqual([policy]);

    const password = newPassword();
    const ordinary = await createUser(population.admin, population.usersDn, 'Ordinary', {}, false);
    await changeAttribute(population.admin, ordinary, 'replace', 'unicodePwd', [unicodePassword(password)] as never);
    await changeAttribute(population.admin, ordinary, 'replace', 'userAccountControl', ['512']);
    const client = await bound(ordinary, password);
    expect(Object.values(await read(client, policy, ['cn', 'msDS-MinimumPasswordLength'])).flat()).toEqual([]);
    await client.unbind();
  });

  test("AdminSDHolder's descriptor, without an entry of its own", async () => {
    const dn = `CN=AdminSDHolder,CN=System,${base}`;
    const { nTSecurityDescriptor } = await read(connector, dn, ['nTSecurityDescriptor'], [new SecurityDescriptorFlagsControl(7)]);
    expect(sddlText(nTSecurityDescriptor?.[0] ?? nothing)).toMatch(/^O:.*G:.*D:.*\(A;/);
    expect(await descriptor(dn)).not.toContain(await sidOf(population.bindDn));
  });

  test('an object by its GUID', async () => {
    const { objectGUID } = await read(connector, population.usersDn, ['objectGUID']);
    const found = await connector.search(`<GUID=${guidText(objectGUID?.[0] ?? nothing)}>`, { scope: 'base', attributes: ['cn'] });
    expect(found.searchEntries.map(({ dn }) => dn)).toEqual([population.usersDn]);
  });
});

describe('GIVEN the account that the set-up made THEN it cannot', () => {
  const secrets = ['unicodePwd', 'dBCSPwd', 'ntPwdHistory', 'lmPwdHistory', 'supplementalCredentials', 'initialAuthIncoming'];
  let victim: string;
  let tombstone: string;

  beforeAll(async () => {
    victim = await createUser(population.admin, population.usersDn, 'Victim');
    const deleted = await createUser(population.admin, population.usersDn, 'Deleted');
    const { objectGUID } = await read(population.admin, deleted, ['objectGUID']);
    await population.admin.del(deleted);
    tombstone = `<GUID=${guidText(objectGUID?.[0] ?? nothing)}>`;
  });

  const replace = (dn: string, type: string, value: string | Buffer) =>
    changeAttribute(connector, dn, 'replace', type, [value] as string[]);

  /** As it is: writing it back takes the right to change it. */
  const ownDescriptor = async () => {
    const controls = [new SecurityDescriptorFlagsControl(4)];
    return (await read(connector, population.bindDn, ['nTSecurityDescriptor'], controls)).nTSecurityDescriptor?.[0] ?? nothing;
  };

  test.each<[string, () => Promise<unknown>]>([
    ['change its own description', () => replace(population.bindDn, 'description', 'x')],
    ['change its own telephone number, which every user may', () => replace(population.bindDn, 'telephoneNumber', '1')],
    ['change its own flags', () => replace(population.bindDn, 'userAccountControl', '512')],
    ['give itself a service principal name', () => replace(population.bindDn, 'servicePrincipalName', 'http/x.example.com')],
    ['change its own rights', async () => replace(population.bindDn, 'nTSecurityDescriptor', await ownDescriptor())],
    ['join Domain Admins', () => changeAttribute(connector, accountDn('Domain Admins'), 'add', 'member', [population.bindDn])],
    ['join a group', () => changeAttribute(connector, `CN=Staff,${population.groupsDn}`, 'add', 'member', [population.bindDn])],
    ['create a user', () => createUser(connector, population.usersDn, 'Made')],
    ['create a group', () => createGroup(connector, population.groupsDn, 'Made')],
    [
      'create a computer',
      () =>
        connector.add(`CN=Made,CN=Computers,${base}`, { objectClass: ['computer'], sAMAccountName: 'made$', userAccountControl: '4096' }),
    ],
    ['create an organizational unit', () => connector.add(`OU=Made,${base}`, { objectClass: ['organizationalUnit'] })],
    ["reset a user's password", () => replace(victim, 'unicodePwd', unicodePassword(newPassword()))],
    ['change a user', () => replace(victim, 'description', 'x')],
    ['unlock a user', () => replace(victim, 'lockoutTime', '0')],
    ['rename a user', () => connector.modifyDN(victim, `CN=Renamed,${population.usersDn}`)],
    ['delete a user', () => connector.del(victim)],
    ["change the domain's password policy", () => replace(base, 'minPwdLength', '0')],
    ['link a group policy', () => replace(base, 'gPLink', '[LDAP://cn=x;0]')],
    ['change AdminSDHolder', () => replace(`CN=AdminSDHolder,CN=System,${base}`, 'description', 'x')],
    ['change its own group policy', async () => replace((await logOnPolicy()).policy.dn, 'versionNumber', '9')],
  ])('%s', async (_, attempt) => {
    await expect(attempt()).rejects.toMatchObject(insufficientAccess);
  });

  test('bring a deleted user back', async () => {
    const change = changeAttribute(connector, tombstone, 'delete', 'isDeleted', []);
    await expect(change).rejects.toMatchObject({ code: expect.toBeOneOf([50, 32, 53]) });
  });

  test('read a secret, by search or through DirSync', async () => {
    expect(await read(connector, victim, secrets).then((entry) => Object.values(entry).flat())).toEqual([]);
    const { entries } = await dirSync(connector, dirSyncFlags.incrementalValues, nothing, [...secrets, 'name']);
    const found = entries.find(({ dn }) => dn === victim);
    expect(found).toBeDefined();
    expect(
      secrets
        .flatMap((name) => found?.[name] ?? [])
        .map(String)
        .join(''),
    ).toBe('');
  });
});

test('THEN it can change its own password, as rotation needs', async () => {
  const old = newPassword();
  const password = newPassword();
  await createConnectorAccount(controller, old, ['--name', 'svc-rotated', '--without-log-on-policy']);
  await changeAttribute(population.admin, base, 'replace', 'minPwdAge', ['0']);
  const client = await bound(accountDn('svc-rotated'), old);
  const values = (value: string) => new Attribute({ type: 'unicodePwd', values: [unicodePassword(value)] });
  await client.modify(accountDn('svc-rotated'), [
    new Change({ operation: 'delete', modification: values(old) }),
    new Change({ operation: 'add', modification: values(password) }),
  ]);
  await client.unbind();
  await (await bound(accountDn('svc-rotated'), password)).unbind();
});

test('THEN it is an ordinary user that nothing may impersonate, in Domain Users alone', async () => {
  const account = await read(population.admin, population.bindDn, ['*', 'tokenGroups']);
  // NORMAL_ACCOUNT and NOT_DELEGATED (MS-ADTS section 2.2.16)
  expect(text(account.userAccountControl)).toEqual([String(0x200 | 0x100000)]);
  expect(text(account.primaryGroupID)).toEqual(['513']);
  expect(account).not.toHaveProperty('memberOf');
  expect(account).not.toHaveProperty('servicePrincipalName');
  const domainSid = await sidOf(base);
  // Domain Users, and what Domain Users is in: the domain controller's local Users.
  const groups = (account.tokenGroups ?? []).map(sidText);
  expect(groups.filter((sid) => sid !== 'S-1-5-32-545')).toEqual([`${domainSid}-513`]);
});

describe('the policy that denies interactive log-on', () => {
  test('THEN file, container and link say the same', async () => {
    const sid = await sidOf(population.bindDn);
    const { policy, rights, gptIni } = await logOnPolicy();
    expect(rights).toEqual({
      SeDenyInteractiveLogonRight: expect.arrayContaining([`*${sid}`, '*S-1-5-32-546']),
      SeDenyRemoteInteractiveLogonRight: expect.arrayContaining([`*${sid}`]),
    });
    expect(gptIni).toBe(`[General]\r\nVersion=${policy.versionNumber}\r\n`);
    expect(Number(policy.versionNumber)).toBeGreaterThan(0);
    expect(policy).toMatchObject({
      gPCFunctionalityVersion: '2',
      flags: '0',
      gPCFileSysPath: `\\\\${controller.domain}\\sysvol\\${controller.domain}\\Policies\\${policy.cn}`,
      gPCMachineExtensionNames: '[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]',
    });
    // In front, where the lowest precedence is.
    const [gPLink = ''] = text((await read(population.admin, base, ['gPLink'])).gPLink);
    expect(gPLink.toLowerCase()).toMatch(new RegExp(`^\\[ldap://${policy.dn};0\\]\\[ldap://cn=\\{31b2f340`, 'i'));
  });

  test('WHEN a second account is set up THEN both are denied, and the version counts up on both sides', async () => {
    const before = await logOnPolicy();
    await createConnectorAccount(controller, newPassword(), ['--name', 'svc-second']);
    const { policy, rights, gptIni } = await logOnPolicy();
    for (const dn of [population.bindDn, accountDn('svc-second')]) {
      expect(rights.SeDenyInteractiveLogonRight).toContain(`*${await sidOf(dn)}`);
      expect(rights.SeDenyRemoteInteractiveLogonRight).toContain(`*${await sidOf(dn)}`);
    }
    expect(Number(policy.versionNumber)).toBe(Number(before.policy.versionNumber) + 1);
    expect(gptIni).toContain(`Version=${policy.versionNumber}\r`);
  });

  test('WHEN another policy sets the same rights THEN the set-up says that it wins', async () => {
    const other = join(policiesFolder(), '{6AC1786C-016F-11D2-945F-00C04FB984F9}');
    await mkdir(join(other, ...template.slice(0, -1)), { recursive: true });
    await writeFile(join(other, ...template), '\ufeff[Privilege Rights]\r\nSeDenyInteractiveLogonRight = *S-1-5-32-546\r\n', 'utf16le');
    expect(await createConnectorAccount(controller, '')).toMatch(/^note: policy \{6AC1786C.* wins where it applies; add \*S-1-5-21-/m);
    await rm(join(other, ...template));
  });
});

describe('WHEN the set-up runs again', () => {
  test('THEN it changes nothing, and says so', async () => {
    const objects = [base, 'Deleted Objects', 'Password Settings Container,CN=System', 'AdminSDHolder,CN=System'].map((name, index) =>
      index === 0 ? name : `CN=${name},${base}`,
    );
    const state = async () => ({
      descriptors: await Promise.all([...objects, population.bindDn].map(descriptor)),
      account: await read(population.admin, population.bindDn, ['uSNChanged', 'pwdLastSet']),
      policy: (await logOnPolicy()).policy,
      written: (await stat(join((await logOnPolicy()).folder, ...template))).mtimeMs,
    });
    const before = await state();
    expect(await createConnectorAccount(controller, newPassword())).toBe('no change: svc-directory-watch is set up\n');
    expect(await state()).toEqual(before);
    const sid = await sidOf(population.bindDn);
    const ours = before.descriptors.map((sddl) => sddl.match(new RegExp(`\\([^()]*;(${sid}|WP;;;PS)\\)`, 'g')));
    expect(ours).toEqual([
      [`(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;${sid})`],
      [`(A;CI;RPLC;;;${sid})`],
      [`(A;CI;RPLCLORC;;;${sid})`],
      null,
      ['(D;;WP;;;PS)'],
    ]);
    // The old password still works: it was left alone.
    await (await bound(population.bindDn, population.bindPassword)).unbind();
  });

  test('with --without-replication THEN the right is taken away, DirSync is refused, and OBJECT_SECURITY works', async () => {
    const name = 'svc-without';
    const password = newPassword();
    const replication = ['--name', name, '--without-log-on-policy'];
    await createConnectorAccount(controller, password, replication);
    const before = await descriptor(base);
    expect(await createConnectorAccount(controller, '', [...replication, '--without-replication'])).toMatch(
      /^took away \(OA;;CR;1131f6aa-/,
    );
    expect(await descriptor(base)).toBe(
      before.replace(`(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;${await sidOf(accountDn(name))})`, ''),
    );

    const client = await bound(accountDn(name), password);
    await expect(dirSync(client, dirSyncFlags.incrementalValues)).rejects.toMatchObject(insufficientAccess);
    const flags = dirSyncFlags.incrementalValues | dirSyncFlags.objectSecurity;
    const dn = await createUser(population.admin, population.usersDn, 'Seen Anyway');
    const full = await dirSync(client, flags);
    expect(full.entries.map((entry) => entry.dn)).toContain(dn);
    await population.admin.del(dn);
    expect((await dirSync(client, flags, full.cookie)).entries).toMatchObject([{ isDeleted: 'TRUE' }]);
    await client.unbind();
  });

  test('where AdminSDHolder is closed to authenticated users THEN the account may read its descriptor, and no more of it', async () => {
    const dn = `CN=AdminSDHolder,CN=System,${base}`;
    const password = newPassword();
    const program = [
      'import sys',
      'from access_rights import remove_entry',
      'from samba.auth import system_session',
      'from samba.param import LoadParm',
      'from samba.samdb import SamDB',
      'parameters = LoadParm(filename_for_non_global_lp=sys.argv[1] + "/smb.conf")',
      'database = SamDB(sys.argv[1] + "/private/sam.ldb", session_info=system_session(), lp=parameters)',
      'assert remove_entry(database, sys.argv[2], "(A;;RPLCLORC;;;AU)")',
    ].join('\n');
    await runCommand('/usr/bin/python3', ['-B', '-c', program, controller.directory, dn], { variables: { PYTHONPATH: setup } });
    const output = await createConnectorAccount(controller, password, ['--name', 'svc-hardened', '--without-log-on-policy']);
    expect(output).toMatch(/^granted \(A;;RC;;;S-1-5-21-[0-9-]+\) on CN=AdminSDHolder/m);
    const client = await bound(accountDn('svc-hardened'), password);
    const entry = await read(client, dn, ['nTSecurityDescriptor', 'whenCreated'], [new SecurityDescriptorFlagsControl(7)]);
    expect(sddlText(entry.nTSecurityDescriptor?.[0] ?? nothing)).toContain('(A;;RC;;;S-1-5-21-');
    await client.unbind();
  });
});
