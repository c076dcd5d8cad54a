// A domain controller is copied, rolled back, restored and halted: what happens to real ones, on a real Samba.
import { Client } from 'ldapts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DomainController, startDomainController } from '../../../sandbox/domain-controller/index.ts';
import { addUser, asAdministrator, replicaOf, sidOf } from './administrator.ts';

let dc: DomainController;
let other: DomainController;

beforeAll(async () => {
  [dc, other] = await Promise.all([startDomainController(), startDomainController({ realm: 'PARTNER.EXAMPLE.ORG' })]);
});
afterAll(() => Promise.all([dc?.stop(), other?.stop()]));

describe('two forests beside each other', () => {
  test('THEN each has a domain, a certificate and an administrator of its own', async () => {
    expect([dc.baseDn, other.baseDn]).toEqual(['DC=corp,DC=example,DC=com', 'DC=partner,DC=example,DC=org']);
    for (const one of [dc, other]) {
      const contexts = await asAdministrator(one, async (client) => {
        const { searchEntries } = await client.search('', { scope: 'base', attributes: ['defaultNamingContext'] });
        return searchEntries.map((entry) => entry.defaultNamingContext);
      });
      expect(contexts).toEqual([one.baseDn]);
    }
  });

  test('fails to trust one with the authority of the other', async () => {
    const client = new Client({ url: other.ldapsUrl, tlsOptions: { ca: [dc.ca] } });
    await expect(client.bind(other.administratorDn, other.administratorPassword)).rejects.toThrow(/certificate/);
  });

  test('GIVEN a user in one WHEN the other is asked THEN it does not know them', async () => {
    await addUser(other, 'grace');
    expect(await sidOf(other, 'grace')).toBeDefined();
    expect(await sidOf(dc, 'grace')).toBeUndefined();
  });
});

describe('a copy', () => {
  test('GIVEN an open connection WHEN a copy is taken THEN the connection stays', async () => {
    await asAdministrator(dc, async (client) => {
      await dc.copy();
      const { searchEntries } = await client.search(dc.administratorDn, { scope: 'base', attributes: ['cn'] });
      expect(searchEntries).toHaveLength(1);
    });
  });

  test('GIVEN changes after a copy WHEN rolled back THEN they are gone, USNs go back, and the invocationId stays', async () => {
    await addUser(dc, 'before');
    const copy = await dc.copy();
    const atCopy = await replicaOf(dc);
    await addUser(dc, 'after');
    const sid = await sidOf(dc, 'after');
    const changed = await replicaOf(dc);

    await dc.rollBack(copy);

    const now = await replicaOf(dc);
    expect(changed.highestCommittedUsn).toBeGreaterThan(atCopy.highestCommittedUsn);
    expect(now).toEqual(atCopy);
    expect([await sidOf(dc, 'before'), await sidOf(dc, 'after')]).toEqual([expect.any(String), undefined]);
    // The danger of it: what was handed out once is handed out again.
    await addUser(dc, 'another');
    expect(await sidOf(dc, 'another')).toBe(sid);
  });

  test('GIVEN changes after a copy WHEN restored THEN they are gone, and invocationId and RID pool are new ones', async () => {
    const copy = await dc.copy();
    const atCopy = await replicaOf(dc);
    await addUser(dc, 'later');
    const sid = await sidOf(dc, 'later');

    await dc.restore(copy);

    const now = await replicaOf(dc);
    expect(now.invocationId).not.toBe(atCopy.invocationId);
    expect(await sidOf(dc, 'later')).toBeUndefined();
    await addUser(dc, 'newcomer');
    const newSid = await sidOf(dc, 'newcomer');
    expect(newSid).toBeDefined();
    expect(newSid).not.toBe(sid);
  });

  test('GIVEN one copy WHEN it is used twice THEN the second time does the same', async () => {
    const copy = await dc.copy();
    const atCopy = await replicaOf(dc);
    for (const name of ['first', 'second']) {
      await addUser(dc, name);
      await dc.rollBack(copy);
      expect(await replicaOf(dc)).toEqual(atCopy);
    }
  });

  test('GIVEN writers at work WHEN copies are taken THEN each is a state that was: whole, with no write half in it', async () => {
    const members = Array.from({ length: 40 }, (_, index) => `writer${index}`);
    const written: string[] = [];
    const writing = asAdministrator(dc, async (client) => {
      for (const name of members) {
        await client.add(`CN=${name},CN=Users,${dc.baseDn}`, { objectClass: 'user', sAMAccountName: name });
        written.push(name);
      }
    });
    while (written.length < 5) await new Promise((resolve) => setTimeout(resolve, 2));
    const known = written.length;
    const copy = await dc.copy();
    await writing;
    await dc.rollBack(copy);

    const found: string[] = [];
    for (const name of members) if ((await sidOf(dc, name)) !== undefined) found.push(name);
    expect(found).toEqual(members.slice(0, found.length));
    expect(found.length).toBeGreaterThanOrEqual(known);
  });

  test('fails to put back the copy of another domain controller, and goes on running', async () => {
    const foreign = await other.copy();
    await expect(dc.rollBack(foreign)).rejects.toThrow(/is not of the domain controller/);
    expect(await sidOf(dc, 'Administrator')).toBeDefined();
  });
});

describe('an outage', () => {
  test('GIVEN a halted domain controller THEN nobody connects; WHEN resumed THEN it answers at the same address, unchanged', async () => {
    const before = await replicaOf(dc);
    const { address } = dc;
    await dc.halt();
    await dc.halt();
    await expect(replicaOf(dc)).rejects.toThrow(/ECONNREFUSED/);
    await dc.resume();
    await dc.resume();
    expect([dc.address, await replicaOf(dc)]).toEqual([address, before]);
  });

  test('fails to copy or resume what was stopped', async () => {
    const short = await startDomainController();
    await short.halt();
    await short.stop();
    await expect(short.resume()).rejects.toThrow(/was stopped/);
    await expect(short.copy()).rejects.toThrow(/was stopped/);
  });
});
