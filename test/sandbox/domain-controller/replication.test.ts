// Two domain controllers of one domain.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DomainController, joinDomainController, replicate, startDomainController } from '../../../sandbox/domain-controller/index.ts';
import { addUser, asAdministrator, replicaOf, sidOf, userDn } from './administrator.ts';

let dc1: DomainController;
let dc2: DomainController;

beforeAll(async () => {
  // GIVEN a domain controller WHEN another one joins its domain
  dc1 = await startDomainController({ replication: true });
  await addUser(dc1, 'ada');
  dc2 = await joinDomainController(dc1, { hostName: 'dc2' });
});
afterAll(async () => {
  await Promise.all([dc1?.stop(), dc2?.stop()]);
});

test('THEN it is another one with the same directory', async () => {
  expect([dc2.host, dc2.baseDn]).toEqual(['dc2.corp.example.com', dc1.baseDn]);
  expect(dc2.address).not.toBe(dc1.address);
  expect((await replicaOf(dc2)).invocationId).not.toBe((await replicaOf(dc1)).invocationId);
  expect(await sidOf(dc2, 'ada')).toBe(await sidOf(dc1, 'ada'));
});

test('GIVEN changes on each WHEN they replicate THEN both have both, deletions included', async () => {
  await addUser(dc1, 'one');
  await addUser(dc2, 'two');
  await asAdministrator(dc1, (client) => client.del(userDn(dc1, 'ada')));
  expect([await sidOf(dc2, 'one'), await sidOf(dc1, 'two'), await sidOf(dc2, 'ada')]).toEqual([undefined, undefined, expect.any(String)]);

  await replicate(dc1, dc2);
  await replicate(dc2, dc1);

  for (const dc of [dc1, dc2])
    expect([await sidOf(dc, 'one'), await sidOf(dc, 'two'), await sidOf(dc, 'ada')]).toEqual([
      expect.any(String),
      expect.any(String),
      undefined,
    ]);
});

test('GIVEN one halted WHEN the other is asked THEN it answers alone, and the first catches up after', async () => {
  await dc1.halt();
  await addUser(dc2, 'meanwhile');
  await dc1.resume();
  await replicate(dc2, dc1);
  expect(await sidOf(dc1, 'meanwhile')).toBeDefined();
});

test('GIVEN a joined one WHEN it is copied and rolled back THEN it is as it was', async () => {
  const copy = await dc2.copy();
  const atCopy = await replicaOf(dc2);
  await addUser(dc2, 'reverted');
  await dc2.rollBack(copy);
  expect(await replicaOf(dc2)).toEqual(atCopy);
});

test('fails to join or replicate with one that answers LDAP alone, saying how to start it', async () => {
  const plain = await startDomainController();
  await expect(joinDomainController(plain, { hostName: 'dc2' })).rejects.toThrow(/replication: true/);
  await expect(replicate(plain, dc2)).rejects.toThrow(/replication: true/);
  await plain.stop();
});

test.each(['dc1', 'dc one'])('fails to join under the host name "%s", which is taken or none', async (hostName) => {
  await expect(joinDomainController(dc1, { hostName })).rejects.toThrow(new RegExp(`"${hostName}".*use one like`));
});
