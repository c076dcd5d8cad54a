/** Rotation where two domain controllers replicate: one lags, is down, or comes back between the steps. */
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { rotate, steps } from '../../handlers/credentials/rotation.ts';
import { replicate } from '../../sandbox/domain-controller/index.ts';
import { nameOf, RotationWorld } from './rotation-world.ts';

const world = new RotationWorld(2);
const pair = () => {
  const [first, second] = world.controllers;
  if (first === undefined || second === undefined) throw new Error('two domain controllers run while tests do');
  return [first, second] as const;
};
/** An account that both know. */
async function shared() {
  const credential = await world.account();
  await replicate(...pair());
  return credential;
}

afterEach(() => world.resume());

describe('rotation with two domain controllers', () => {
  test('GIVEN a second one that takes it over a moment later WHEN tested THEN it waits, and the version becomes current when both take it', async () => {
    const credential = await shared();
    const one = world.rotating({ kind: 'reset', account: nameOf(credential), resetBy: 'arn:delegated' }, credential);
    const version = randomUUID();
    await steps.createSecret(one.deps(), version);
    await steps.setSecret(one.deps(), version);
    const later = replicate(...pair());
    await steps.testSecret(one.deps(), version);
    await later;
    await steps.finishSecret(one.deps(), version);
    expect(one.published).toMatchObject([{ change: { tested: world.controllers.map(({ ldapsUrl }) => ldapsUrl), unreachable: [] } }]);
    const current = (await one.store.current())?.credential ?? credential;
    for (const controller of world.controllers) expect(await world.binds(current, controller)).toBe(true);
  });

  test('fails WHEN the second one does not take it over in time: the current version stays, no more binds are refused than half of what locks the account, and the next run goes on', async () => {
    const credential = await shared();
    const one = world.rotating({ kind: 'reset', account: nameOf(credential), resetBy: 'arn:delegated' }, credential, {
      replicationSeconds: 1,
    });
    const version = randomUUID();
    await expect(rotate(one.deps(), version)).rejects.toThrow(/does not take the new password of ".*" after 1 s: look after replication/);
    expect((await one.store.current())?.credential).toEqual(credential);
    expect(one.waits.length).toBeLessThanOrEqual(3);
    expect(one.waits.reduce((sum, wait) => sum + wait, 0)).toBeCloseTo(1000);
    // Half of the threshold of six, and the one refused bind more with which it gives up: the account is not locked.
    await replicate(...pair());
    await rotate(one.deps(), version);
    expect((await one.store.current())?.version).toBe(version);
  });

  test('GIVEN one that is down between set and test WHEN the account has no other password THEN the version becomes current, and who was not asked is told', async () => {
    const credential = await shared();
    const [first, second] = pair();
    const one = world.rotating({ kind: 'single', account: nameOf(credential) }, credential);
    const version = randomUUID();
    await steps.createSecret(one.deps(), version);
    await steps.setSecret(one.deps(), version);
    await second.halt();
    await steps.testSecret(one.deps(), version);
    await steps.finishSecret(one.deps(), version);
    expect(one.published).toMatchObject([{ change: { tested: [first.ldapsUrl], unreachable: [second.ldapsUrl] } }]);
  });

  test('GIVEN one that is down WHEN the other of two accounts still works for everybody THEN it is not switched until all have been asked', async () => {
    const [credential, other] = [await world.account(), await shared()];
    const [, second] = pair();
    const accounts: [string, string] = [nameOf(credential), nameOf(other)];
    const one = world.rotating({ kind: 'alternating', accounts, resetBy: 'arn:delegated', differences: 'refuse' }, credential);
    const version = randomUUID();
    await second.halt();
    await expect(rotate(one.deps(), version)).rejects.toThrow(/not every domain controller could be asked: ldaps:.* did not answer/);
    expect((await one.store.current())?.credential).toEqual(credential);
    await second.resume();
    await replicate(...pair());
    await rotate(one.deps(), version);
    expect((await one.store.current())?.version).toBe(version);
  });

  test('fails WHEN the one that got the password is down before it could be asked or replicate: the next run goes on once it is back', async () => {
    const credential = await shared();
    const [first] = pair();
    const one = world.rotating({ kind: 'single', account: nameOf(credential) }, credential, { replicationSeconds: 0 });
    const version = randomUUID();
    await steps.createSecret(one.deps(), version);
    await steps.setSecret(one.deps(), version);
    await first.halt();
    await expect(steps.testSecret(one.deps(), version)).rejects.toThrow(/does not take the new password|refused/);
    expect((await one.store.current())?.credential).toEqual(credential);
    await first.resume();
    await replicate(...pair());
    await rotate(one.deps(), version);
    expect((await one.store.current())?.version).toBe(version);
  });

  test('fails WHEN no domain controller answers, and nothing is made', async () => {
    const credential = await shared();
    for (const controller of world.controllers) await controller.halt();
    const one = world.rotating({ kind: 'single', account: nameOf(credential) }, credential);
    await expect(rotate(one.deps(), randomUUID())).rejects.toThrow(/no domain controller answers: ldaps:/);
    expect(await one.store.pending()).toBeUndefined();
  });
});
