/** What others do in the middle of rotations: people, other systems, Secrets Manager's repeats and two runs at once. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Credential } from '../../handlers/credentials/credential-store.ts';
import { loginsThroughRotation } from '../../handlers/credentials/logins.ts';
import {
  type RotateCredentialDependencies,
  reactToEvent,
  rotateCredential,
} from '../../handlers/credentials/rotate-credential/rotate-credential.ts';
import { rotate, steps } from '../../handlers/credentials/rotation.ts';
import type { RotationDependencies } from '../../handlers/credentials/rotation-dependencies.ts';
import type { Subject } from '../../handlers/events/catalogue.ts';
import { makeEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { newPassword } from '../../sandbox/domain-controller/population.ts';
import { memoryStore } from './memory-store.ts';
import { nameOf, type Rotating, RotationWorld } from './rotation-world.ts';

const world = new RotationWorld();
const minute = 60_000;
/** One that was switched off. */
const gone = 'ldaps://127.0.0.1:1';

const resetting = async () => {
  const credential = await world.account();
  return { credential, one: world.rotating({ kind: 'reset', account: nameOf(credential), resetBy: 'arn:delegated' }, credential) };
};

function functionOf(one: Rotating, change: (deps: RotationDependencies) => RotationDependencies = (deps) => deps) {
  const requested: string[] = [];
  const deps: RotateCredentialDependencies = {
    ledger: one.ledger,
    rotation: () => change(one.deps()),
    requestRotation: async (_, version) => void requested.push(version),
    log: one.deps().log,
    millisecondsLeft: () => 300_000,
  };
  return { deps, requested };
}

function passwordChanged({ guid, samAccountName: account = '' }: Subject, after: string, detectedAt: string): string {
  const event = makeEvent({
    type: 'PasswordChanged',
    domain: 'corp.example.com',
    subject: { guid, type: 'user', name: account, dn: `CN=${account},DC=corp,DC=example,DC=com`, samAccountName: account },
    change: { before: null, after },
    revision: 7,
    at: detectedAt,
    part: after,
  });
  const { Source, DetailType, Detail } = toEntry(event);
  return JSON.stringify({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
}

const signal = (time: string): string =>
  JSON.stringify({
    id: 'signal-1',
    source: 'active-directory.signal',
    'detail-type': 'CredentialCompromised',
    time,
    detail: { credential: 'billing' },
  });

/** A change takes the account's password and no earlier one. */
async function isPasswordOf({ username, password }: Credential): Promise<boolean> {
  const { session } = await world.directory().open({ username, password });
  if (session === undefined) return false;
  try {
    await session.changePassword(await session.account(nameOf({ username, password })), password, `${randomUUID()}aA1!`);
    return true;
  } catch {
    return false;
  } finally {
    await session.close();
  }
}

describe('a person', () => {
  test('fails WHEN the pair is swapped by hand between two steps: the account that consumers had until then keeps its password', async () => {
    const [first, second] = [await world.account(), await world.account()];
    const accounts: [string, string] = [nameOf(first), nameOf(second)];
    const one = world.rotating({ kind: 'alternating', accounts, resetBy: 'arn:delegated', differences: 'refuse' }, first);
    const version = randomUUID();
    await steps.createSecret(one.deps(), version);
    one.store.putByHand(second);
    await expect(steps.setSecret(one.deps(), version)).rejects.toThrow(
      `holds the user name "${second.username}", and the one to be rotated is "${nameOf(first)}": remove the label AWSPENDING`,
    );
    expect(await isPasswordOf(first)).toBe(true);
    expect(await isPasswordOf(second)).toBe(true);
  });

  test('fails WHEN somebody changes the password between set and test, while the one before still binds: it is not made current, and a repeat sets it again', async () => {
    const { credential, one } = await resetting();
    const version = randomUUID();
    await steps.createSecret(one.deps(), version);
    await steps.setSecret(one.deps(), version);
    await world.changeOutside(nameOf(credential), newPassword());
    await expect(steps.testSecret(one.deps(), version)).rejects.toThrow(/somebody else changed the password of "svc-\d+" meanwhile, at/);
    expect((await one.store.current())?.credential).toEqual(credential);
    await rotate(one.deps(), version);
    const current = (await one.store.current())?.credential ?? credential;
    expect(current.password).not.toBe(credential.password);
    expect(await isPasswordOf(current)).toBe(true);
  });
});

describe('repeats', () => {
  test('GIVEN a stored password that is wrong WHEN the rotation is repeated time and again THEN the account is not locked by it, and a new value is tried at once', async () => {
    const credential = await world.account();
    const one = world.rotating({ kind: 'single', account: nameOf(credential) }, { ...credential, password: newPassword() });
    // Six refused binds lock it.
    for (let repeat = 1; repeat <= 10; repeat += 1)
      await expect(rotate(one.deps(), randomUUID())).rejects.toThrow(/wrong user name or password/);
    expect(await world.binds(credential)).toBe(true);
    one.store.putByHand(credential);
    await rotate(one.deps(), randomUUID());
    expect(one.published).toHaveLength(1);
  });

  test('GIVEN a wrong password of the idle one of two accounts WHEN the rotation is repeated THEN it is not locked either', async () => {
    const [first, second] = [await world.account(), await world.account()];
    const accounts: [string, string] = [nameOf(first), nameOf(second)];
    const one = world.rotating({ kind: 'alternating', accounts, differences: 'refuse' }, { ...second, password: newPassword() });
    one.store.putByHand(first);
    const version = randomUUID();
    for (let repeat = 1; repeat <= 10; repeat += 1)
      await expect(rotate(one.deps(), version)).rejects.toThrow(/wrong user name or password/);
    expect(await world.binds(second)).toBe(true);
  });

  test('GIVEN a wrong password at a vault, where a rotation is due WHEN it is checked each hour THEN it is tried once a day', async () => {
    const credential = await world.account();
    const wrong = { ...credential, password: newPassword() };
    const one = world.rotating({ kind: 'single', account: nameOf(credential) }, wrong, { store: { vault: { path: 'teams/billing' } } });
    const { deps } = functionOf(one);
    for (let hour = 0; hour < 12; hour += 1) {
      one.clock.aheadMs = hour * 60 * minute;
      await rotateCredential(deps, { check: true });
    }
    expect(await world.binds(credential)).toBe(true);
    expect(one.published.filter(({ type }) => type === 'CredentialRotationFailed').length).toBeGreaterThanOrEqual(1);
  });
});

describe('the delegated account', () => {
  test('GIVEN its own rotation between set and finish WHEN it has to reset another account THEN it logs on with its pending password', async () => {
    const { one } = await resetting();
    const before = world.delegated;
    const store = memoryStore(before);
    const pending = newPassword();
    await store.putPending(randomUUID(), { ...before, password: pending });
    // Twice: the one before would still be taken for a while.
    for (const password of [newPassword(), pending]) await world.changeOutside('svc-reset', password);
    try {
      await rotate({ ...one.deps(), resetBy: () => loginsThroughRotation(store) }, randomUUID());
      expect(one.published).toMatchObject([{ type: 'CredentialRotated' }]);
    } finally {
      await world.changeOutside('svc-reset', before.password);
    }
  });
});

describe('a wrong password of the delegated account', () => {
  test('GIVEN many credentials that it resets WHEN each is rotated THEN it is tried once, not once for each: it is not locked', async () => {
    const wrong: Credential = { ...world.delegated, password: newPassword() };
    const { one } = await resetting();
    const binds: string[] = [];
    const failures: string[] = [];
    for (let number = 1; number <= 8; number += 1) {
      const { one: other } = await resetting();
      const deps = other.deps();
      const open: typeof deps.directory.open = (login, controller) => {
        binds.push(login.username);
        return deps.directory.open(login, controller);
      };
      const shared = { ...deps, ledger: one.ledger, directory: { ...deps.directory, open } };
      const settings = { ...deps.settings, name: `credential-${number}` };
      const resetBy = async () => [{ version: 'wrong', credential: wrong }];
      await rotate({ ...shared, settings, resetBy }, randomUUID()).catch((error: Error) => failures.push(error.message));
    }
    expect(failures).toHaveLength(8);
    for (const failure of failures) expect(failure).toMatch(/refused "svc-reset@.*wrong user name or password/);
    expect(binds).toEqual([wrong.username]);
    expect(await world.binds(world.delegated)).toBe(true);
  });
});

describe('the check', () => {
  test('GIVEN more credentials than it has time for WHEN it runs again THEN the others get their turn, and each that it did not reach is logged', async () => {
    const { one } = await resetting();
    const names = Array.from({ length: 12 }, (_, index) => `credential-${index + 1}`);
    const seen = new Set<string>();
    let left = 0;
    const deps: RotateCredentialDependencies = {
      ...functionOf(one).deps,
      ledger: { ...one.ledger, settings: async () => names.map((name) => ({ ...one.settings, name })) },
      rotation: (settings) => {
        seen.add(settings.name);
        left -= minute;
        return { ...one.deps(), settings };
      },
      millisecondsLeft: () => left,
    };
    for (let run = 1; run <= 30; run += 1) {
      left = 5 * minute;
      const { checked = 0 } = await rotateCredential(deps, { check: true });
      expect(checked).toBeLessThan(names.length);
    }
    expect(seen.size).toBe(names.length);
    expect(one.logged).toContainEqual(
      expect.objectContaining({ code: 'CREDENTIAL_UNCHECKED', reason: expect.stringContaining('no time was left') }),
    );
  });

  test('GIVEN a pair at a vault and a domain controller that is gone for good WHEN it is due THEN that it cannot be switched is told, once', async () => {
    const [first, second] = [await world.account(), await world.account()];
    const accounts: [string, string] = [nameOf(first), nameOf(second)];
    const store = { vault: { path: 'teams/billing' } };
    const one = world.rotating({ kind: 'alternating', accounts, resetBy: 'arn:delegated', differences: 'refuse' }, first, { store });
    const directory = world.directory();
    const { deps } = functionOf(one, (all) => ({
      ...all,
      directory: { ...directory, controllers: [...directory.controllers, gone] },
    }));
    await rotateCredential(deps, { check: true });
    one.clock.aheadMs = 20 * minute;
    await rotateCredential(deps, { check: true });
    expect(one.published).toMatchObject([
      { type: 'CredentialRotationFailed', change: { reason: `not every domain controller could be asked: ${gone} did not answer` } },
    ]);
    expect((await one.store.current())?.credential).toEqual(first);
  });
});

describe('an event', () => {
  const afterSet = async () => {
    const { credential, one } = await resetting();
    const version = randomUUID();
    await steps.createSecret(one.deps(), version);
    await steps.setSecret(one.deps(), version);
    const subject = one.ledger.entries.get('billing')?.attempt?.subject;
    if (subject === undefined) throw new Error('nothing was attempted');
    return { credential, one, version, subject };
  };

  test('GIVEN a rotation that has been stuck for hours WHEN its own change is told THEN the message is done: the check compares when it has ended', async () => {
    const { one, subject } = await afterSet();
    one.clock.aheadMs = 20 * minute;
    const { deps, requested } = functionOf(one);
    const at = new Date().toISOString();
    await reactToEvent(deps, passwordChanged(subject, at, at));
    expect(requested).toEqual([]);
  });

  test('GIVEN a rotation under way WHEN a leak is signalled THEN no second one is begun beside it', async () => {
    const { one } = await afterSet();
    const { deps, requested } = functionOf(one);
    await expect(reactToEvent(deps, signal(new Date().toISOString()))).rejects.toThrow(/is under way/);
    expect(requested).toEqual([]);
  });

  test("GIVEN somebody's change after ours, detected before the rotation ended WHEN it is told THEN it is healed", async () => {
    const { one, version, subject } = await afterSet();
    await steps.testSecret(one.deps(), version);
    const detectedAt = new Date().toISOString();
    await steps.finishSecret(one.deps(), version);
    const { deps, requested } = functionOf(one);
    await reactToEvent(deps, passwordChanged(subject, new Date(Date.now() + 1).toISOString(), detectedAt));
    expect(requested).toHaveLength(1);
  });

  test('GIVEN another system that rotates the same account WHEN each answers the other THEN they do not chase each other: a second one is healed an hour later', async () => {
    const { credential, one } = await resetting();
    await rotate(one.deps(), randomUUID());
    const [first] = one.published;
    if (first === undefined) throw new Error('it did not rotate');
    const { subject } = first;
    const { deps, requested } = functionOf(one);
    const told = async () => {
      await world.changeOutside(nameOf(credential), newPassword());
      const at = new Date(Date.now() + one.clock.aheadMs + minute).toISOString();
      await reactToEvent(deps, passwordChanged(subject, at, at));
    };
    await told();
    expect(requested).toHaveLength(1);
    await rotate(one.deps(), requested[0] ?? '');
    await expect(told()).rejects.toThrow(/was healed less than an hour ago/);
    expect(requested).toHaveLength(1);
    one.clock.aheadMs = 61 * minute;
    await told();
    expect(requested).toHaveLength(2);
  });
});
