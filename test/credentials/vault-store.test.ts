import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CredentialError } from '../../handlers/credentials/credential-error.ts';
import { vaultPolicy } from '../../handlers/credentials/vault/permissions.ts';
import { pendingPath, vaultStore } from '../../handlers/credentials/vault/vault-store.ts';
import { ConfigurationError, RetryableError } from '../../handlers/platform/errors.ts';
import type { KvConfig } from '../../sandbox/vault/kv-engine.ts';
import { type CallWatch, watching } from '../platform/watched-calls.ts';
import { credentialOf, credentialStoreContract, refusal } from './credential-store-contract.ts';
import { mount, type VaultForTests, vaultForTests } from './vault-fixture.ts';

const path = 'ad/service';

/** With what the login needs for that one path, and nothing else: the contract holds with that. */
const vaultWith = (kv: KvConfig = {}): Promise<VaultForTests> => vaultForTests(vaultPolicy(mount, path), { kv });

const placeIn = (vault: VaultForTests) => {
  const client = vault.client();
  return {
    vault,
    open: (watch: CallWatch = {}) => vaultStore(watching(watch).wrap({ send: client.send }), vault.settings, path),
    putByHand: async (value: unknown) => {
      const { current_version: cas = 0 } = vault.secrets(mount).metadata(path).data ?? {};
      vault.secrets(mount).write(path, { data: value, options: { cas } });
    },
    consumed: async () => vault.secrets(mount).read(path, 0).data?.data,
  };
};

credentialStoreContract('in a vault', async () => placeIn(await vaultWith()));
credentialStoreContract('in a vault that requires check-and-set, below a namespace', async () => {
  const namespace = 'identity/prod';
  const vault = await vaultForTests(vaultPolicy(mount, path), { kv: { casRequired: true }, namespace });
  const client = vault.client({}, { namespace });
  return {
    ...placeIn(vault),
    open: (watch: CallWatch = {}) => vaultStore(watching(watch).wrap({ send: client.send }), { ...vault.settings, namespace }, path),
  };
});

/** One that is rotated from "old" to "new", and the id of that. */
async function rotated(kv: KvConfig = {}) {
  const place = placeIn(await vaultWith(kv));
  const id = randomUUID();
  await place.putByHand(credentialOf('old'));
  await place.open().putPending(id, credentialOf('hunter2-new'));
  await place.open().promote(id);
  return { ...place, id, engine: place.vault.secrets(mount) };
}

describe('what lies in the vault', () => {
  test('GIVEN a promotion THEN consumers read plain fields, the id is beside them, and no pending value is kept', async () => {
    const { engine, id } = await rotated();
    expect(engine.read(path, 0).data?.data).toEqual({ ...credentialOf('hunter2-new'), rotationVersion: `2:${id}` });
    expect(engine.read(pendingPath(path), 0)).toMatchObject({ status: 404, data: { metadata: { destroyed: true } } });
    expect(engine.values().filter((value) => value.includes('hunter2-new'))).toHaveLength(1);
  });

  test('GIVEN many rotations on one path THEN each ends, and the previous one is the one before', async () => {
    const place = await rotated({ maxVersions: 2 });
    let before = place.id;
    for (let round = 0; round < 12; round += 1) {
      const id = randomUUID();
      await place.open().putPending(id, credentialOf(id));
      await place.open().promote(id);
      expect([(await place.open().current())?.version, (await place.open().previous())?.version]).toEqual([id, before]);
      before = id;
    }
    expect(await place.open().read(place.id)).toBeUndefined();
  });

  test('GIVEN hundreds of versions are kept THEN a rotation asks for no more than the newest', async () => {
    const { open, engine, vault } = await rotated({ maxVersions: 500 });
    for (let number = 2; number < 300; number += 1) engine.write(path, { data: credentialOf(`${number}`) });
    vault.requests.length = 0;
    const id = randomUUID();
    await open().putPending(id, credentialOf('new'));
    await open().promote(id);
    expect((await open().current())?.version).toBe(id);
    expect(vault.requests.length).toBeLessThan(40);
  });

  test('GIVEN only one version is kept THEN there is no previous one, and the current is right', async () => {
    const { open, id } = await rotated({ maxVersions: 1 });
    expect([(await open().current())?.version, await open().previous()]).toEqual([id, undefined]);
  });

  test('GIVEN somebody copies the fields with another password, or rolls back THEN the id is not taken along', async () => {
    const { open, engine, id, putByHand } = await rotated();
    await putByHand({ ...(engine.read(path, 0).data?.data as object), password: 'theirs' });
    expect(await open().current()).toEqual({ version: 'kv-3', credential: credentialOf('theirs') });
    await putByHand(engine.read(path, 2).data?.data);
    expect((await open().current())?.version).toBe('kv-4');
    expect((await open().read(id))?.credential).toEqual(credentialOf('hunter2-new'));
    expect(await open().read('kv-2')).toBeUndefined();
  });

  test.each(['delete', 'destroy'] as const)(
    'GIVEN somebody has used "%s" on the current version THEN there is none; a rotation goes on',
    async (what) => {
      const { open, engine } = await rotated();
      engine[what](path, [2]);
      expect(await open().current()).toBeUndefined();
      expect((await open().previous())?.credential).toEqual(credentialOf('old'));
      const next = randomUUID();
      await open().putPending(next, credentialOf('next'));
      await open().promote(next);
      expect([(await open().current())?.version, await open().previous()]).toEqual([next, undefined]);
    },
  );

  test('GIVEN somebody deletes the pending value THEN none is pending, and another can be put', async () => {
    const { open, engine } = await rotated();
    const [one, two] = [randomUUID(), randomUUID()];
    await open().putPending(one, credentialOf('one'));
    engine.delete(pendingPath(path), undefined);
    expect([await open().pending(), await open().read(one)]).toEqual([undefined, undefined]);
    await refusal(open().promote(one), CredentialError);
    await open().putPending(two, credentialOf('two'));
    await open().promote(two);
    expect((await open().current())?.version).toBe(two);
  });

  test('GIVEN the whole path was removed and written anew THEN the rotation goes on from there', async () => {
    const { open, engine, putByHand } = await rotated();
    for (const one of [path, pendingPath(path)]) engine.deleteMetadata(one);
    expect([await open().current(), await open().pending()]).toEqual([undefined, undefined]);
    await putByHand(credentialOf('again'));
    expect((await open().current())?.version).toBe('kv-1');
  });

  test('GIVEN a version deletes itself later THEN it is read until then', async () => {
    let now = new Date();
    const vault = await vaultForTests(vaultPolicy(mount, path), { kv: { deleteVersionAfter: 3600 }, now: () => now });
    const open = () => vaultStore(vault.client(), vault.settings, path, () => now);
    const [one, two] = [randomUUID(), randomUUID()];
    for (const id of [one, two]) await open().putPending(id, credentialOf(id));
    expect((await open().read(one))?.version).toBe(one);
    await open().promote(two);
    expect((await open().current())?.version).toBe(two);
    now = new Date(now.getTime() + 3_601_000);
    expect([await open().current(), await open().read(one)]).toEqual([undefined, undefined]);
  });

  test('fails GIVEN something else lies at the pending path; a new rotation replaces it', async () => {
    const { open, engine, id } = await rotated();
    engine.write(pendingPath(path), { data: { note: 'hunter2' } });
    expect((await refusal(open().pending(), CredentialError)).message).toContain('holds something else than a pending credential');
    const next = randomUUID();
    await open().putPending(next, credentialOf('next'));
    expect(await open().pending()).toBe(next);
    expect((await open().read(id))?.version).toBe(id);
  });
});

describe('a network that loses answers', () => {
  test.each(['nothing', 'part', 'half'] as const)(
    'GIVEN %s of any single answer arrives THEN each call still ends as it should',
    async (lose) => {
      for (let nth = 1; ; nth += 1) {
        const place = placeIn(await vaultWith());
        await place.putByHand(credentialOf('old'));
        const id = randomUUID();
        let seen = 0;
        let lost = false;
        place.vault.inject({
          match: ({ path: of }) => {
            seen += of.startsWith('auth/') ? 0 : 1;
            if (seen !== nth || lost) return false;
            lost = true;
            return true;
          },
          effect: { lose },
        });
        const store = place.open();
        await store.putPending(id, credentialOf('new'));
        await store.promote(id);
        if (!lost) break;
        expect(await store.current()).toEqual({ version: id, credential: credentialOf('new') });
        expect((await store.previous())?.credential).toEqual(credentialOf('old'));
        expect(await store.pending()).toBeUndefined();
        expect(place.vault.secrets(mount).metadata(path).data?.current_version).toBe(2);
      }
    },
  );

  test('fails GIVEN somebody else writes the pending path meanwhile: another try, and theirs is kept', async () => {
    const { open, vault, engine } = await rotated();
    const theirs = { version: randomUUID(), credential: credentialOf('theirs') };
    vault.inject({
      match: ({ method, path: of }) => method === 'POST' && of.endsWith(pendingPath(path)),
      effect: { before: () => void engine.write(pendingPath(path), { data: theirs }) },
    });
    const id = randomUUID();
    expect((await refusal(open().putPending(id, credentialOf('hunter2')), RetryableError)).message).toContain('somebody else wrote');
    expect(await open().pending()).toBe(theirs.version);
    await open().putPending(id, credentialOf('hunter2'));
    expect((await open().read(theirs.version))?.credential).toEqual(theirs.credential);
  });
});

describe('what a login may do', () => {
  test.each(Object.keys(vaultPolicy(mount, path)))('fails GIVEN the policy lacks %s: the error names it', async (missing) => {
    const policy = { ...vaultPolicy(mount, path), [missing]: [] };
    const vault = await vaultForTests(policy);
    vault.secrets(mount).write(path, { data: credentialOf('old') });
    vault.secrets(mount).write(path, { data: credentialOf('older') });
    vault.secrets(mount).write(pendingPath(path), { data: { version: randomUUID(), credential: credentialOf('left') } });
    vault.secrets(mount).write(pendingPath(path), { data: { version: randomUUID(), credential: credentialOf('left too') } });
    const store = vaultStore(vault.client(), vault.settings, path);
    const rotation = async (): Promise<void> => {
      const id = randomUUID();
      await store.putPending(id, credentialOf('hunter2'));
      await store.promote(id);
    };
    const error = await refusal(rotation(), CredentialError);
    expect(error.message).toContain('403: permission denied');
    expect(error.message).toContain(`on "${missing}"`);
  });

  test.each(['../sys/policy', 'a/..', 'a//b', '/a', 'a.', 'ad/service-pending', ''])('fails GIVEN the path "%s"', async (wrong) => {
    const vault = await vaultWith();
    expect(() => vaultStore(vault.client(), vault.settings, wrong)).toThrow(ConfigurationError);
  });

  test('fails GIVEN a mount that is none, or an engine of version 1 behind it', async () => {
    const vault = await vaultForTests({ '*': ['create', 'read', 'update'] });
    const elsewhere = { ...vault.settings, mount: 'elsewhere' };
    const error = await refusal(vaultStore(vault.client(), elsewhere, path).current(), CredentialError);
    expect(error.message).toContain('no handler for route');
    expect(error.message).toContain('check the mount');
    const unversioned = { status: 200, text: JSON.stringify({ data: { username: 'svc', password: 'hunter2' } }) };
    vault.inject({ match: ({ method }) => method === 'GET', effect: { answer: unversioned } });
    await refusal(vaultStore(vault.client(), vault.settings, path).current(), CredentialError);
    vault.inject({
      match: ({ method, path: of }) => method === 'POST' && !of.startsWith('auth/'),
      effect: { answer: { status: 204, text: '' } },
    });
    const put = vaultStore(vault.client(), vault.settings, path).putPending(randomUUID(), credentialOf('hunter2'));
    expect((await refusal(put, CredentialError)).message).toContain('set the mount of a KV version 2 engine');
  });

  test('fails GIVEN an id of the form that the store gives itself', async () => {
    const { open } = await rotated();
    await refusal(open().putPending('kv-7', credentialOf('hunter2')), CredentialError);
  });
});
