/** The regular check, and events after which a credential is rotated, on a real domain controller. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { check } from '../../handlers/credentials/check.ts';
import { reactToEvent, rotateCredential } from '../../handlers/credentials/rotate-credential/rotate-credential.ts';
import { rotate, steps } from '../../handlers/credentials/rotation.ts';
import { newPassword } from '../../sandbox/domain-controller/population.ts';
import { killedAfter } from '../platform/watched-calls.ts';
import { functionOf, passwordChanged } from './rotated-by-function.ts';
import { nameOf, RotationWorld } from './rotation-world.ts';

const world = new RotationWorld();
const minute = 60_000;
const day = 1440 * minute;

const resetting = async () => {
  const credential = await world.account();
  return { credential, one: world.rotating({ kind: 'reset', account: nameOf(credential), resetBy: 'arn:delegated' }, credential) };
};

describe('the check', () => {
  test("GIVEN a stored password that is the directory's THEN nothing is to be done, and its age is told", async () => {
    const { one } = await resetting();
    expect(await check(one.deps())).toEqual({ do: 'nothing' });
    one.clock.aheadMs = 42 * day;
    expect(await check(one.deps())).toEqual({ do: 'nothing' });
    expect(one.logged.at(-1)).toMatchObject({ code: 'CREDENTIAL_CHECKED', credential: 'billing', ageDays: 42, overdueDays: 12 });
  });

  test('GIVEN a password that somebody changed WHEN it is checked THEN it is to be rotated, asked for once, and what made it is told', async () => {
    const { credential, one } = await resetting();
    await check(one.deps());
    await world.changeOutside(nameOf(credential), newPassword());
    const { deps, requested } = functionOf(one);
    // Samba and AD let the one before bind for a while: its own time gives it away only after a rotation of ours.
    await rotate(one.deps(), randomUUID());
    await world.changeOutside(nameOf(credential), newPassword());
    await rotateCredential(deps, { check: true });
    await rotateCredential(deps, { check: true });
    expect(new Set(requested).size).toBe(1);
    const [version = ''] = requested;
    await rotate(one.deps(), version);
    expect(one.published.at(-1)).toMatchObject({ type: 'CredentialRotated', change: { reason: 'healed' } });
    expect(await check(one.deps())).toEqual({ do: 'nothing' });
  });

  test('GIVEN a password that a person put into the store after changing it THEN it is taken as it is', async () => {
    const { credential, one } = await resetting();
    await rotate(one.deps(), randomUUID());
    const password = newPassword();
    await world.changeOutside(nameOf(credential), password);
    one.store.putByHand({ ...credential, password });
    expect(await check(one.deps())).toEqual({ do: 'nothing' });
  });

  test('GIVEN a stored password that is refused THEN it is tried once a day, so that the check locks no account', async () => {
    const credential = await world.account();
    const wrong = { ...credential, password: newPassword() };
    const one = world.rotating({ kind: 'reset', account: nameOf(credential), resetBy: 'arn:delegated' }, wrong);
    expect(await check(one.deps())).toMatchObject({ do: 'rotate', request: { reason: 'healed' } });
    for (let hour = 1; hour < 24; hour += 1) {
      one.clock.aheadMs = hour * 60 * minute;
      expect(await check(one.deps())).toEqual({ do: 'nothing' });
    }
    one.clock.aheadMs = 25 * 60 * minute;
    expect(await check(one.deps())).toMatchObject({ do: 'rotate' });
    expect(await world.binds(credential)).toBe(true);
  });

  test('GIVEN a rotation that was cut short WHEN it is a quarter of an hour old THEN its own version is brought to its end', async () => {
    const { one } = await resetting();
    const version = randomUUID();
    one.store.startRotation(version);
    await steps.createSecret(one.deps(), version);
    await steps.setSecret(one.deps(killedAfter(9)), version).catch(() => {});
    expect(one.ledger.entries.get('billing')?.attempt?.version).toBe(version);
    const { deps, requested } = functionOf(one);
    await rotateCredential(deps, { check: true });
    expect((await one.store.current())?.version).not.toBe(version);
    one.clock.aheadMs = 16 * minute;
    await rotateCredential(deps, { check: true });
    expect((await one.store.current())?.version).toBe(version);
    expect(requested).toEqual([]);
    expect(one.published).toMatchObject([{ type: 'CredentialRotated', change: { reason: 'resumed' } }]);
  });

  test('GIVEN what a person has to mend THEN it is told once a day, with the remedy, and the check goes on with the others', async () => {
    const { credential, one } = await resetting();
    await world.change(nameOf(credential), 'userAccountControl', ['514']);
    const { deps } = functionOf(one);
    await rotateCredential(deps, { check: true });
    await rotateCredential(deps, { check: true });
    expect(one.published).toMatchObject([
      {
        type: 'CredentialRotationFailed',
        subject: { type: 'credential', name: 'billing' },
        change: { step: 'check', reason: expect.stringContaining('account disabled'), remedy: expect.stringContaining('mend the account') },
      },
    ]);
    one.clock.aheadMs = day;
    await rotateCredential(deps, { check: true });
    expect(one.published).toHaveLength(2);
  });

  test('GIVEN a credential at a vault, which has no schedule THEN it is rotated when it is due', async () => {
    const credential = await world.account();
    const strategy = { kind: 'single', account: nameOf(credential) } as const;
    const one = world.rotating(strategy, credential, { store: { vault: { path: 'teams/billing' } } });
    const { deps } = functionOf(one);
    await rotateCredential(deps, { check: true });
    expect(one.published).toHaveLength(1);
    await rotateCredential(deps, { check: true });
    expect(one.published).toHaveLength(1);
    one.clock.aheadMs = 31 * day;
    await rotateCredential(deps, { check: true });
    expect(one.published).toHaveLength(2);
  });
});

describe('an event', () => {
  test('GIVEN our own change WHEN the directory tells of it THEN nothing is asked for', async () => {
    const { one } = await resetting();
    await rotate(one.deps(), randomUUID());
    const [rotated] = one.published;
    if (rotated?.type !== 'CredentialRotated') throw new Error('it did not rotate');
    const { deps, requested } = functionOf(one);
    await reactToEvent(deps, passwordChanged(rotated.subject, rotated.change.passwordLastSet));
    expect(requested).toEqual([]);
  });

  test("GIVEN somebody else's change WHEN it is told, twice, THEN one rotation is asked for, and its cause is told", async () => {
    const { credential, one } = await resetting();
    await rotate(one.deps(), randomUUID());
    const guid = one.published[0]?.subject.guid ?? '';
    const { deps, requested } = functionOf(one);
    const later = new Date(Date.now() + minute).toISOString();
    const event = passwordChanged({ guid, samAccountName: nameOf(credential).toUpperCase() }, later, later);
    await reactToEvent(deps, event);
    await reactToEvent(deps, event);
    expect(new Set(requested).size).toBe(1);
    await rotate(one.deps(), requested[0] ?? '');
    expect(one.published.at(-1)).toMatchObject({ change: { reason: 'healed' }, cause: { type: 'PasswordChanged' } });
  });

  test('GIVEN a rotation under way WHEN a change is told THEN it waits for the end, for it may be its own', async () => {
    const { credential, one } = await resetting();
    const version = randomUUID();
    await steps.createSecret(one.deps(), version);
    await steps.setSecret(one.deps(), version);
    const guid = one.ledger.entries.get('billing')?.attempt?.subject.guid ?? '';
    const { deps } = functionOf(one);
    await expect(
      reactToEvent(deps, passwordChanged({ guid, samAccountName: nameOf(credential) }, new Date().toISOString())),
    ).rejects.toThrow(/is under way/);
  });

  test('GIVEN a scanner that found the credential WHEN it says so THEN it is rotated; a signal that a rotation since has answered is not', async () => {
    const { one } = await resetting();
    const { deps, requested } = functionOf(one);
    const signal = (time: string) =>
      JSON.stringify({
        id: 'signal-1',
        source: 'active-directory.signal',
        'detail-type': 'CredentialCompromised',
        time,
        detail: { credential: 'billing', reason: 'found in a repository' },
      });
    const found = new Date().toISOString();
    await reactToEvent(deps, signal(found));
    expect(requested).toHaveLength(1);
    await rotate(one.deps(), requested[0] ?? '');
    expect(one.published.at(-1)).toMatchObject({
      change: { reason: 'requested' },
      cause: { id: 'signal-1', type: 'CredentialCompromised' },
    });
    await reactToEvent(deps, signal(found));
    expect(requested).toHaveLength(1);
  });

  test.each([
    ['no JSON', 'no'],
    ['another event', JSON.stringify({ source: 'active-directory.directory', 'detail-type': 'GroupDeleted', detail: {} })],
    [
      'a signal without a credential',
      JSON.stringify({ id: '1', source: 'active-directory.signal', 'detail-type': 'CredentialCompromised', detail: {} }),
    ],
  ])('fails WHEN it is %s', async (_, body) => {
    const { deps } = functionOf((await resetting()).one);
    await expect(reactToEvent(deps, body)).rejects.toThrow(/not JSON|GroupDeleted|not a signal/);
  });

  test('WHEN it concerns no credential THEN nothing is done', async () => {
    const { one } = await resetting();
    const { deps, requested } = functionOf(one);
    await reactToEvent(deps, passwordChanged({ guid: '00000000-0000-4000-8000-000000000001', samAccountName: 'somebody' }, null));
    expect(requested).toEqual([]);
  });
});

describe('a step of Secrets Manager', () => {
  const stepOf = (Step: string, token: string, SecretId = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:billing-a1B2c3') => ({
    Step,
    SecretId,
    ClientRequestToken: token,
  });

  test('WHEN all four are asked for THEN the credential is rotated', async () => {
    const { one } = await resetting();
    const { deps } = functionOf(one);
    const version = randomUUID();
    one.store.startRotation(version);
    for (const step of Object.keys(steps)) await rotateCredential(deps, stepOf(step, version));
    expect((await one.store.current())?.version).toBe(version);
    // Repeated, it is as it was.
    await rotateCredential(deps, stepOf('finishSecret', version));
    expect(one.published).toHaveLength(1);
  });

  test('GIVEN a rotation that is only set up WHEN its test step alone is asked for THEN what consumers read is tested, with or without a value', async () => {
    const { one } = await resetting();
    const { deps } = functionOf(one);
    one.store.startRotation('00000000-0000-4000-8000-00000000c0de');
    await rotateCredential(deps, stepOf('testSecret', '00000000-0000-4000-8000-00000000c0de'));
    const empty = world.rotating({ kind: 'single', account: 'svc-later' }, undefined);
    empty.store.startRotation('00000000-0000-4000-8000-00000000c0de');
    await rotateCredential(functionOf(empty).deps, stepOf('testSecret', '00000000-0000-4000-8000-00000000c0de'));
    expect([...one.published, ...empty.published]).toEqual([]);
    // It proves nothing that could become current.
    await expect(rotateCredential(deps, stepOf('finishSecret', '00000000-0000-4000-8000-00000000c0de'))).rejects.toThrow(/was not tested/);
  });

  test('fails WHEN the version is not pending, the secret is none of ours or the request is none', async () => {
    const { one } = await resetting();
    const { deps } = functionOf(one);
    await expect(rotateCredential(deps, stepOf('setSecret', randomUUID()))).rejects.toThrow(/is neither pending nor current/);
    await expect(rotateCredential(deps, stepOf('setSecret', randomUUID(), 'arn:other'))).rejects.toThrow(/is none of the 1 credentials/);
    for (const wrong of [undefined, {}, { Step: 'deleteSecret' }, { check: false }])
      await expect(rotateCredential(deps, wrong)).rejects.toThrow(/not a step of a rotation: send/);
  });

  test('fails WHEN the directory refuses, after that is told once: a repeat is the same event', async () => {
    const credential = await world.account();
    const wrong = { ...credential, password: newPassword() };
    const one = world.rotating({ kind: 'single', account: nameOf(credential) }, wrong);
    const { deps } = functionOf(one);
    const version = randomUUID();
    one.store.startRotation(version);
    for (let attempt = 1; attempt <= 2; attempt += 1)
      await expect(rotateCredential(deps, stepOf('createSecret', version))).rejects.toThrow(/wrong user name or password/);
    expect(one.published).toMatchObject([{ type: 'CredentialRotationFailed', change: { step: 'createSecret' } }]);
    expect(JSON.stringify(one.published)).not.toContain(wrong.password);
  });
});
