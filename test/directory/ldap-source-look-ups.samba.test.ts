/** The source's look-ups on a real domain controller (Samba), as the connector's account. */
import { Client } from 'ldapts';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ObjectReference } from '../../handlers/platform/object-identity.ts';
import { changeAttribute, createGroup, createUser } from '../../sandbox/domain-controller/population.ts';
import { replicaOf } from '../sandbox/domain-controller/administrator.ts';
import { SambaSource } from './samba-source.ts';

const samba = new SambaSource();
const user = (name: string, attributes?: Record<string, string>) =>
  createUser(samba.population.admin, samba.population.usersDn, name, attributes);
const group = (name: string) => createGroup(samba.population.admin, samba.population.groupsDn, name);
const change = (dn: string, operation: 'add' | 'delete' | 'replace', type: string, values: readonly string[]) =>
  changeAttribute(samba.population.admin, dn, operation, type, values);
const unknown = '0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0';

/** Keeps the connector's account from something. */
async function deny(dn: string, rights: string): Promise<void> {
  const account = await (await samba.connect()).find(samba.population.bindDn);
  await samba.controller.dsacl(dn, rights.replace('ACCOUNT', account?.sid ?? ''));
}

describe('the domain controller', () => {
  test('THEN it tells its name, its USN and the identity of its database', async () => {
    const source = await samba.connect();
    const before = await source.controller();
    const { highestCommittedUsn, invocationId } = await replicaOf(samba.controller);
    expect(before).toEqual({ host: samba.controller.host, usn: BigInt(highestCommittedUsn) });
    expect(await source.invocationId()).toBe(invocationId);
    // AND the USN grows with a write, and with nothing else
    expect((await source.controller()).usn).toBe(before.usn);
    await group('Written');
    expect((await source.controller()).usn).toBeGreaterThan(before.usn);
  });

  test('THEN it tells how long the forest keeps tombstones', async () => {
    const source = await samba.connect();
    expect(await source.tombstoneLifetimeDays()).toBe(180);
    const place = `CN=Directory Service,CN=Windows NT,CN=Services,CN=Configuration,${samba.controller.baseDn}`;
    await change(place, 'replace', 'tombstoneLifetime', ['90']);
    expect(await source.tombstoneLifetimeDays()).toBe(90);
    await change(place, 'delete', 'tombstoneLifetime', []);
    expect(await source.tombstoneLifetimeDays()).toBe(60);
  });
});

describe('one object', () => {
  test('by its name or its SID THEN it is found with its identities', async () => {
    const source = await samba.connect();
    const dn = await user('Found', { sAMAccountName: 'found' });
    const found = await source.find(dn);
    expect(found).toEqual({
      ...{ guid: expect.stringMatching(/^[0-9a-f-]{36}$/), sid: expect.stringMatching(/^S-1-5-21-/), dn },
      ...{ type: 'user', name: 'Found', samAccountName: 'found' },
    });
    expect(await source.find(`<SID=${found?.sid}>`)).toEqual(found);
    const domainUsers = `${found?.sid?.replace(/-\d+$/, '')}-513`;
    expect(await source.find(`<SID=${domainUsers}>`)).toMatchObject({ sid: domainUsers, type: 'group', name: 'Domain Users' });
  });

  test('that does not exist THEN it is nobody', async () => {
    const source = await samba.connect();
    expect(await source.find(`CN=Nobody,${samba.population.usersDn}`)).toBeUndefined();
    expect(await source.find('<SID=S-1-5-21-1-2-3-4>')).toBeUndefined();
  });
});

describe('what lies below a container', () => {
  /** An organizational unit with 1,200 others in it: more than a page of AD. */
  let unit: string;
  let batches: readonly (readonly ObjectReference[])[];

  async function below(guid: string): Promise<(readonly ObjectReference[])[]> {
    const all: (readonly ObjectReference[])[] = [];
    for await (const batch of (await samba.connect()).below(guid)) all.push(batch);
    return all;
  }

  beforeAll(async () => {
    unit = `OU=Many,${samba.population.usersDn}`;
    await samba.population.admin.add(unit, { objectClass: ['organizationalUnit'] });
    await samba.add(Array.from({ length: 1_200 }, (_, number) => ({ dn: `OU=${number},${unit}`, objectClass: 'organizationalUnit' })));
    await createUser(samba.population.admin, `OU=7,${unit}`, 'Deep');
    batches = await below(await samba.guidOf(unit));
  }, 120_000);

  test('THEN all of it comes once, page by page, and the container itself does not', () => {
    const names = batches.flat().map(({ dn }) => dn);
    expect(batches.length).toBeGreaterThan(1);
    expect(names).toHaveLength(1_201);
    expect(new Set(names).size).toBe(1_201);
    expect(names).toContain(`CN=Deep,OU=7,${unit}`);
    expect(names).not.toContain(unit);
    expect(batches.flat().find(({ dn }) => dn.startsWith('CN=Deep'))?.sid).toMatch(/^S-1-5-21-/);
  });

  test('WHEN the container is renamed THEN the same objects come under their new names', async () => {
    const renamed = `OU=Renamed,${samba.population.usersDn}`;
    await samba.population.admin.modifyDN(unit, renamed);
    const after = (await below(await samba.guidOf(renamed))).flat();
    const old = new Map(batches.flat().map(({ guid, dn }) => [guid, dn]));
    expect(after).toHaveLength(1_201);
    for (const { guid, dn } of after) expect(dn).toBe(old.get(guid)?.replace(unit, renamed));
    await samba.population.admin.modifyDN(renamed, unit);
  });

  test('THEN 150 of them are looked up in one call', async () => {
    const guids = batches
      .flat()
      .slice(0, 150)
      .map(({ guid }) => guid);
    const found = await (await samba.connect()).lookUp([...guids, unknown]);
    expect(found.map(({ guid }) => guid).sort()).toEqual([...guids].sort());
  });

  test('WHEN the container is deleted, or never was, THEN there is nothing', async () => {
    const gone = `OU=Gone,${samba.population.usersDn}`;
    await samba.population.admin.add(gone, { objectClass: ['organizationalUnit'] });
    const guid = await samba.guidOf(gone);
    await samba.population.admin.del(gone);
    expect(await below(guid)).toEqual([]);
    expect(await below(unknown)).toEqual([]);
  });
});

describe('lockouts', () => {
  const addPolicy = (name: string, duration: string, appliesTo: string) =>
    samba.population.admin.add(`CN=${name},CN=Password Settings Container,CN=System,${samba.controller.baseDn}`, {
      objectClass: ['top', 'msDS-PasswordSettings'],
      'msDS-PasswordSettingsPrecedence': '10',
      'msDS-PasswordReversibleEncryptionEnabled': 'FALSE',
      'msDS-PasswordHistoryLength': '24',
      'msDS-PasswordComplexityEnabled': 'TRUE',
      'msDS-MinimumPasswordLength': '7',
      'msDS-MinimumPasswordAge': '0',
      'msDS-MaximumPasswordAge': '-864000000000',
      'msDS-LockoutThreshold': '2',
      'msDS-LockoutObservationWindow': duration === '0' ? '-6000000000' : duration,
      'msDS-LockoutDuration': duration,
      'msDS-PSOAppliesTo': appliesTo,
    });

  async function lockOut(dn: string): Promise<void> {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const client = new Client({ url: samba.controller.ldapsUrl, tlsOptions: { ca: [samba.controller.ca] } });
      await expect(client.bind(dn, 'not the password')).rejects.toThrow('data 52e');
      await client.unbind();
    }
  }

  test('THEN each ends as the policy says that is in force for the account: of the domain, a fine-grained one, or never', async () => {
    await change(samba.controller.baseDn, 'replace', 'lockoutThreshold', ['2']);
    const [domain, hour, forever, free] = [await user('Domain'), await user('Hour'), await user('Forever'), await user('Free')];
    await addPolicy('hour', '-36000000000', hour);
    // 0: until an administrator ends it.
    await addPolicy('forever', '0', forever);
    const began = Date.now();
    for (const dn of [domain, hour, forever]) await lockOut(dn);

    const source = await samba.connect();
    const guids = await Promise.all([domain, hour, forever, free].map((dn) => samba.guidOf(dn)));
    const ends = await source.lockouts([...guids, unknown]);
    expect(ends.size).toBe(3);
    // The domain's 30 minutes and the policy's hour, from the bind that locked the account.
    for (const [index, minutes] of [30, 60].entries()) {
      const since = Date.parse(ends.get(guids[index] ?? '') ?? '') - minutes * 60_000;
      expect(since).toBeGreaterThanOrEqual(began - 1_000);
      expect(since).toBeLessThanOrEqual(Date.now());
    }
    expect(ends.get(guids[2] ?? '')).toBe('never');

    // WHEN an administrator ends one
    await change(forever, 'replace', 'lockoutTime', ['0']);
    expect([...(await source.lockouts(guids)).keys()].sort()).toEqual(guids.slice(0, 2).sort());
    // AND the domain's own last for ever
    await change(samba.controller.baseDn, 'replace', 'lockoutDuration', ['-9223372036854775808']);
    expect((await (await samba.connect()).lockouts(guids)).get(guids[0] ?? '')).toBe('never');
  });

  test('WHEN a lockout’s time is over THEN it is none, though lockoutTime still stands', async () => {
    const dn = await user('Short');
    // 3 s
    await addPolicy('short', '-30000000', dn);
    await lockOut(dn);
    const source = await samba.connect();
    const guid = await samba.guidOf(dn);
    expect((await source.lockouts([guid])).size).toBe(1);
    await expect.poll(async () => (await source.lockouts([guid])).size, { timeout: 20_000, interval: 200 }).toBe(0);
    const [found] = await source.lookUp([guid]);
    expect(Number(found?.attributes.lockoutTime?.[0])).toBeGreaterThan(0);
  });

  test('of nobody THEN are none', async () => {
    expect(await (await samba.connect()).lockouts([])).toEqual(new Map());
  });
});

describe('a look-up by GUID', () => {
  test('THEN it brings attributes and groups, and not the primary group', async () => {
    const dn = await user('Looked Up', { mail: 'l@example.com' });
    const groups = [await group('First'), await group('Second')];
    for (const one of groups) await change(one, 'add', 'member', [dn]);
    const source = await samba.connect();
    const [found] = await source.lookUp([await samba.guidOf(dn)]);
    expect(found).toMatchObject({ dn, attributes: { mail: ['l@example.com'], userAccountControl: ['512'], displayName: [] } });
    expect([...(found?.memberOf ?? [])].sort()).toEqual((await Promise.all(groups.map((one) => samba.guidOf(one)))).sort());
    await change(groups[0] ?? '', 'delete', 'member', [dn]);
    expect((await source.lookUp([await samba.guidOf(dn)]))[0]?.memberOf).toEqual([await samba.guidOf(groups[1] ?? '')]);
  });

  test('THEN what is deleted or unknown does not come', async () => {
    const [living, dead] = [await user('Living'), await user('Dead')];
    const guids = [await samba.guidOf(living), await samba.guidOf(dead)];
    await samba.population.admin.del(dead);
    const source = await samba.connect();
    expect((await source.lookUp([...guids, unknown])).map(({ guid }) => guid)).toEqual(guids.slice(0, 1));
  });

  test('of its existence THEN living, deleted and none are told apart', async () => {
    const dn = await user('Exists');
    const guid = await samba.guidOf(dn);
    const source = await samba.connect();
    expect(await source.existence(guid)).toBe('living');
    await samba.population.admin.del(dn);
    expect(await source.existence(guid)).toBe('deleted');
    expect(await source.existence(unknown)).toBe('none');
  });

  test('invariant 3: WHEN the account may read nothing of an object THEN it lives all the same', async () => {
    const dn = await user('Unreadable');
    const guid = await samba.guidOf(dn);
    await deny(dn, '(D;;RPLCLORC;;;ACCOUNT)');
    const source = await samba.connect();
    expect(await source.lookUp([guid])).toEqual([]);
    expect(await source.existence(guid)).toBe('living');
  });

  test('of what has no value THEN those without one come', async () => {
    const [mailed, bare] = [await user('Mailed', { mail: 'm@example.com' }), await user('Bare')];
    const guids = [await samba.guidOf(mailed), await samba.guidOf(bare), unknown];
    const source = await samba.connect();
    expect(await source.withoutValue(guids, 'mail')).toEqual(new Set(guids.slice(1, 2)));
    expect(await source.withoutValue(guids, 'sAMAccountName')).toEqual(new Set());
  });
});

describe('whether a member is there', () => {
  test('THEN the group’s list tells, unless it is empty: that proves nothing', async () => {
    const [one, other] = [await user('Member A'), await user('Member B')];
    const dn = await group('Shown');
    await change(dn, 'add', 'member', [one, other]);
    const source = await samba.connect();
    const [guid, first, second] = [await samba.guidOf(dn), await samba.guidOf(one), await samba.guidOf(other)];
    expect(await source.memberState(guid, first)).toBe('there');
    await change(dn, 'delete', 'member', [one]);
    expect(await source.memberState(guid, first)).toBe('gone');
    expect(await source.memberState(guid, second)).toBe('there');
    await change(dn, 'delete', 'member', [other]);
    expect(await source.memberState(guid, second)).toBe('unproven');
    await samba.population.admin.del(dn);
    expect(await source.memberState(guid, second)).toBe('unproven');
  });

  test('invariant 3: WHEN the account may not read the list THEN nobody is proven gone', async () => {
    const [one, other] = [await user('Hidden A'), await user('Hidden B')];
    const dn = await group('Hidden');
    await change(dn, 'add', 'member', [one]);
    const [guid, member, stranger] = [await samba.guidOf(dn), await samba.guidOf(one), await samba.guidOf(other)];
    // schemaIDGUID of member (MS-ADA2 section 2.44)
    await deny(dn, '(OD;;RP;bf9679c0-0de6-11d0-a285-00aa003049e2;;ACCOUNT)');
    const source = await samba.connect();
    expect(await source.memberState(guid, stranger)).toBe('unproven');
    expect(await source.memberState(guid, member)).not.toBe('gone');
  });
});

describe('AdminSDHolder', () => {
  test('THEN its descriptor comes as text, and changes with an entry of its list', async () => {
    const source = await samba.connect();
    const before = await source.adminSdHolder();
    expect(before).toMatchObject({
      dn: `CN=AdminSDHolder,CN=System,${samba.controller.baseDn}`,
      attributes: {
        name: ['AdminSDHolder'],
        objectClass: ['adminSDHolder'],
        nTSecurityDescriptor: [expect.stringMatching(/^O:.+D:.*\(A;/)],
      },
    });
    expect(await source.adminSdHolder()).toEqual(before);
    await samba.controller.dsacl(before?.dn ?? '', '(A;;GA;;;S-1-5-21-1-2-3-1104)');
    const after = await source.adminSdHolder();
    expect(after?.guid).toBe(before?.guid);
    expect(after?.attributes.nTSecurityDescriptor).not.toEqual(before?.attributes.nTSecurityDescriptor);
  });
});
