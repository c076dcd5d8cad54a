/** What every place of a credential has to do, whatever it is made of. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CredentialError } from '../../handlers/credentials/credential-error.ts';
import type { Credential, CredentialStore } from '../../handlers/credentials/credential-store.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { type CallWatch, killedAfter } from '../platform/watched-calls.ts';

/** One credential's place, empty at first. */
export interface Place {
  /** As another process has it, its calls watched. */
  open(watch?: CallWatch): CredentialStore;
  /** Somebody else makes that the current value. */
  putByHand(value: unknown): Promise<void>;
  /** What a consumer reads. */
  consumed(): Promise<unknown>;
}

const secret = 'corréct "horse" \\ båttery 🔑';
export const credentialOf = (password: string, more: object = {}): Credential => ({ username: 'svc@example.com', password, ...more });

/** The call fails with one of these, and shows no value. */
export async function refusal(promise: Promise<unknown>, kind: typeof CredentialError | typeof RetryableError): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(kind);
  expect(`${error} ${JSON.stringify(error)} ${(error as Error).cause}`).not.toContain('hunter2');
  return error as Error;
}

/** @param calls whether there are calls at all that a process could die in */
export function credentialStoreContract(name: string, open: () => Promise<Place>, { calls = true } = {}): void {
  describe(name, () => {
    test('GIVEN nothing was ever put THEN there is neither current, previous nor pending', async () => {
      const store = (await open()).open();
      expect([await store.current(), await store.previous(), await store.pending()]).toEqual([undefined, undefined, undefined]);
      expect(await store.read(randomUUID())).toBeUndefined();
    });

    test('GIVEN a value of somebody else THEN it is current with all its fields, under an id that finds it', async () => {
      const place = await open();
      const value = credentialOf(secret, { host: 'db.example.com', port: 1433, nested: { a: [1, null] } });
      await place.putByHand(value);
      const current = await place.open().current();
      expect(current?.credential).toEqual(value);
      expect(await place.open().current()).toEqual(current);
      expect(await place.open().read(current?.version ?? '')).toEqual(current);
    });

    test('GIVEN a pending value THEN consumers read the old one, and it is found by its id', async () => {
      const place = await open();
      const [before, after, id] = [credentialOf('old'), credentialOf(secret, { port: 1433 }), randomUUID()];
      await place.putByHand(before);
      const old = await place.open().current();
      await place.open().putPending(id, after);
      await place.open().putPending(id, after);
      expect(await place.open().pending()).toBe(id);
      expect(await place.open().read(id)).toEqual({ version: id, credential: after });
      expect(await place.open().current()).toEqual(old);
      expect(await place.consumed()).toMatchObject(before);
      expect(await place.open().previous()).toBeUndefined();
    });

    test('GIVEN a promotion THEN the new one is current under its id, the old one previous, nothing pending; a repeat changes nothing', async () => {
      const place = await open();
      const [after, id] = [credentialOf(secret, { port: 1433 }), randomUUID()];
      await place.putByHand(credentialOf('old'));
      const old = await place.open().current();
      await place.open().putPending(id, after);
      for (const _ of [1, 2]) {
        await place.open().promote(id);
        expect(await place.open().current()).toEqual({ version: id, credential: after });
        expect(await place.open().previous()).toEqual(old);
        expect(await place.open().pending()).toBeUndefined();
        expect(await place.open().read(id)).toEqual({ version: id, credential: after });
        expect(await place.open().read(old?.version ?? '')).toEqual(old);
        expect(await place.consumed()).toMatchObject(after);
        await place.open().putPending(id, after);
      }
    });

    test('GIVEN no value yet WHEN one is put and promoted THEN it is pending until then', async () => {
      const store = (await open()).open();
      const id = randomUUID();
      await store.putPending(id, credentialOf('first'));
      expect(await store.pending()).toBe(id);
      await store.promote(id);
      expect(await store.current()).toEqual({ version: id, credential: credentialOf('first') });
      expect([await store.previous(), await store.pending()]).toEqual([undefined, undefined]);
    });

    test.each([
      ['quotes and escapes', '"\\\'`$x%00&<>'],
      ['other scripts', 'пароль密码🔐é'],
      ['spaces at its ends', '  a  '],
      ['20,000 characters', 'x"y'.repeat(6667)],
    ])('GIVEN a password with %s THEN it comes back as it was', async (_, password) => {
      const store = (await open()).open();
      const id = randomUUID();
      await store.putPending(id, credentialOf(password, { 'k"ey': password }));
      await store.promote(id);
      expect((await store.current())?.credential).toEqual(credentialOf(password, { 'k"ey': password }));
    });

    test('GIVEN an interrupted rotation WHEN another begins THEN both values are found to the end, and the older can be taken up again', async () => {
      const place = await open();
      const [one, two] = [randomUUID(), randomUUID()];
      await place.putByHand(credentialOf('old'));
      const store = place.open();
      await store.putPending(one, credentialOf('one'));
      await store.putPending(two, credentialOf('two'));
      expect(await store.pending()).toBe(two);
      expect((await store.read(one))?.credential).toEqual(credentialOf('one'));
      expect((await store.read(two))?.credential).toEqual(credentialOf('two'));
      await store.putPending(one, credentialOf('one'));
      expect(await store.pending()).toBe(one);
      await store.promote(two);
      expect((await store.current())?.version).toBe(two);
      expect((await store.read(one))?.credential).toEqual(credentialOf('one'));
    });

    test('GIVEN a newer pending value WHEN an older one is promoted THEN the newer stays', async () => {
      const place = await open();
      const [one, two] = [randomUUID(), randomUUID()];
      await place.putByHand(credentialOf('old'));
      const store = place.open();
      await store.putPending(one, credentialOf('one'));
      await store.putPending(two, credentialOf('two'));
      await store.promote(one);
      expect((await store.current())?.version).toBe(one);
      expect((await store.read(two))?.credential).toEqual(credentialOf('two'));
      await store.promote(two);
      expect([(await store.current())?.version, (await store.previous())?.version]).toEqual([two, one]);
    });

    test('GIVEN somebody puts a value after a promotion WHEN the promotion is repeated THEN theirs stays', async () => {
      const place = await open();
      const id = randomUUID();
      await place.putByHand(credentialOf('old'));
      await place.open().putPending(id, credentialOf('new'));
      await place.open().promote(id);
      await place.putByHand(credentialOf('theirs'));
      await place.open().promote(id);
      expect((await place.open().current())?.credential).toEqual(credentialOf('theirs'));
      expect((await place.open().previous())?.version).toBe(id);
      expect(await place.open().pending()).toBeUndefined();
    });

    test('GIVEN a current value that is no credential THEN a rotation still makes it one', async () => {
      const place = await open();
      const id = randomUUID();
      await place.putByHand({ user: 'hunter2' });
      await place.open().putPending(id, credentialOf('new'));
      expect(await place.open().pending()).toBe(id);
      await place.open().promote(id);
      expect((await place.open().current())?.version).toBe(id);
    });

    test.each([
      ['without a password', { username: 'svc', secret: 'hunter2' }],
      ['with an empty user name', { username: '', password: 'hunter2' }],
      ['with a number for a password', { username: 'svc', password: 4711, note: 'hunter2' }],
    ])('fails GIVEN a current value %s, and shows none of it', async (_, value) => {
      const place = await open();
      await place.putByHand(value);
      const error = await refusal(place.open().current(), CredentialError);
      expect(error.message).toContain('is not a JSON object with username and password');
      expect(error.message).not.toContain('svc');
    });

    test('fails GIVEN the id has another value already, pending or current', async () => {
      const place = await open();
      const id = randomUUID();
      await place.putByHand(credentialOf('old'));
      await place.open().putPending(id, credentialOf('hunter2'));
      await refusal(place.open().putPending(id, credentialOf('hunter2-other')), CredentialError);
      await refusal(place.open().putPending(id, credentialOf('hunter2', { port: 1 })), CredentialError);
      await place.open().promote(id);
      await refusal(place.open().putPending(id, credentialOf('hunter2-other')), CredentialError);
      expect((await place.open().current())?.credential).toEqual(credentialOf('hunter2'));
    });

    test('fails GIVEN what is to be promoted has no value', async () => {
      const place = await open();
      await place.putByHand(credentialOf('old'));
      await refusal(place.open().promote(randomUUID()), CredentialError);
      expect((await place.open().current())?.credential).toEqual(credentialOf('old'));
    });

    test('GIVEN the process dies after any single call of a put WHEN it is repeated THEN the value is pending, and the old one current', async () => {
      const deaths = await forEachDeath(open, async (place, id, watch) => {
        await place.open(watch).putPending(id, credentialOf('new'));
      });
      expect(deaths.length > 0).toBe(calls);
      for (const { place, id, old } of deaths) {
        expect(await place.open().current()).toEqual(old);
        await place.open().putPending(id, credentialOf('new'));
        expect(await place.open().pending()).toBe(id);
        expect(await place.open().read(id)).toEqual({ version: id, credential: credentialOf('new') });
        expect(await place.open().current()).toEqual(old);
      }
    });

    test('GIVEN the process dies after any single call of a promotion THEN the value is found; repeated THEN all is as without a death', async () => {
      const deaths = await forEachDeath(open, async (place, id, watch) => {
        await place.open().putPending(id, credentialOf('new'));
        await place.open(watch).promote(id);
      });
      expect(deaths.length > 0).toBe(calls);
      for (const { place, id, old } of deaths) {
        expect(await place.open().read(id)).toEqual({ version: id, credential: credentialOf('new') });
        const [current, pending] = [await place.open().current(), await place.open().pending()];
        expect(current?.version === id ? pending : [pending, current]).toEqual(current?.version === id ? undefined : [id, old]);
        await place.open().promote(id);
        expect(await place.open().current()).toEqual({ version: id, credential: credentialOf('new') });
        expect(await place.open().previous()).toEqual(old);
        expect(await place.open().pending()).toBeUndefined();
      }
    });

    test('GIVEN somebody puts a value before any single call of a promotion THEN theirs is kept, and the rotation can go on', async () => {
      for (let moment = 1; ; moment += 1) {
        const place = await open();
        const id = randomUUID();
        await place.putByHand(credentialOf('old'));
        await place.open().putPending(id, credentialOf('new'));
        let happened = false;
        const before = async (number: number): Promise<void> => {
          if (number !== moment) return;
          happened = true;
          await place.putByHand(credentialOf('theirs'));
        };
        const error = await place
          .open({ before })
          .promote(id)
          .catch((reason: unknown) => reason);
        if (!happened) break;
        if (error !== undefined) {
          expect(error).toBeInstanceOf(RetryableError);
          expect((await place.open().current())?.credential).toEqual(credentialOf('theirs'));
          await place.open().promote(id);
        }
        const kept = [(await place.open().current())?.credential.password, (await place.open().previous())?.credential.password];
        expect(kept.toSorted()).toEqual(['new', 'theirs']);
        expect(await place.open().pending()).toBeUndefined();
      }
    });

    test('GIVEN two rotations at once THEN each value is found, and the one that is promoted last is current', async () => {
      const place = await open();
      const ids = [randomUUID(), randomUUID()];
      await place.putByHand(credentialOf('old'));
      for (const id of ids) await untilDone(() => place.open().putPending(id, credentialOf(id)));
      const ends = await Promise.allSettled(ids.map((id) => place.open().promote(id)));
      for (const end of ends) if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(RetryableError);
      for (const id of ids) await untilDone(() => place.open().promote(id));
      for (const id of ids) expect((await place.open().read(id))?.credential).toEqual(credentialOf(id));
      const [current, previous] = [await place.open().current(), await place.open().previous()];
      expect([current?.version, previous?.version].toSorted()).toEqual(ids.toSorted());
      expect(await place.open().pending()).toBeUndefined();
    });
  });
}

async function untilDone(call: () => Promise<void>): Promise<void> {
  for (let left = 5; ; left -= 1) {
    const error = await call().catch((reason: unknown) => reason);
    if (error === undefined) return;
    if (left === 0 || !(error instanceof RetryableError)) throw error;
  }
}

type Death = { readonly place: Place; readonly id: string; readonly old: Awaited<ReturnType<CredentialStore['current']>> };

/** A place each, in which the process died after the first, the second, … call. */
async function forEachDeath(
  open: () => Promise<Place>,
  run: (place: Place, id: string, watch: CallWatch) => Promise<void>,
): Promise<readonly Death[]> {
  const deaths: Death[] = [];
  for (let call = 1; call < 100; call += 1) {
    const place = await open();
    const id = randomUUID();
    await place.putByHand(credentialOf('old'));
    const old = await place.open().current();
    const died = await run(place, id, killedAfter(call)).then(
      () => false,
      () => true,
    );
    if (!died) return deaths;
    deaths.push({ place, id, old });
  }
  throw new Error('it does not end');
}
