/** The connector while its own password is rotated, on a real domain controller. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { steps } from '../../handlers/credentials/rotation.ts';
import { BindRefusedError } from '../../handlers/directory/directory-source.ts';
import { connectLdapSource } from '../../handlers/directory/ldap-source.ts';
import { connectThroughRotation } from '../../handlers/directory/rotated-bind.ts';
import type { BindSecret } from '../../handlers/platform/secret.ts';
import { nameOf, type Rotating, RotationWorld } from '../credentials/rotation-world.ts';

const world = new RotationWorld();

/** What the connector reads, and how often it binds. */
function connecting({ store }: Rotating, spoil: (secret: BindSecret) => BindSecret = (secret) => secret) {
  const binds: string[] = [];
  const read = async (version: string | undefined) => (version === undefined ? undefined : (await store.read(version))?.credential);
  const secrets = {
    current: async () => spoil((await store.current())?.credential ?? { username: '', password: '' }),
    pending: async () => read(await store.pending()),
  };
  const connect = () =>
    connectThroughRotation(secrets, async (credentials) => {
      binds.push(credentials.password);
      const { controller } = world;
      return connectLdapSource({ urls: [controller.ldapsUrl], ca: controller.ca, namingContext: controller.baseDn, credentials });
    });
  return { connect, binds };
}

describe('the connector', () => {
  test.each(['single', 'reset'] as const)(
    'GIVEN strategy %s WHEN it polls before and after each step of its rotation THEN no poll is missed',
    async (kind) => {
      const credential = await world.account();
      const account = nameOf(credential);
      const one = world.rotating(kind === 'single' ? { kind, account } : { kind, account, resetBy: 'arn:delegated' }, credential);
      const { connect } = connecting(one);
      for (let rotation = 1; rotation <= 2; rotation += 1) {
        const version = randomUUID();
        for (const step of Object.values(steps)) {
          await step(one.deps(), version);
          await (await connect()).close();
        }
      }
    },
  );

  test('GIVEN a directory that takes the new password alone WHEN the secret still tells the old one THEN the pending one is tried, once', async () => {
    const credential = await world.account();
    const one = world.rotating({ kind: 'reset', account: nameOf(credential), resetBy: 'arn:delegated' }, credential);
    const version = randomUUID();
    await steps.createSecret(one.deps(), version);
    await steps.setSecret(one.deps(), version);
    // Samba takes the password before for a while: one that it never had stands for it.
    const { connect, binds } = connecting(one, (secret) => ({ ...secret, password: `${secret.password}x` }));
    await (await connect()).close();
    expect(binds).toEqual([`${credential.password}x`, (await one.store.read(version))?.credential.password]);
  });

  test('fails WHEN no rotation is under way, with the refusal, after one bind', async () => {
    const credential = await world.account();
    const one = world.rotating({ kind: 'single', account: nameOf(credential) }, { ...credential, password: 'wrong' });
    const { connect, binds } = connecting(one);
    await expect(connect()).rejects.toThrow(BindRefusedError);
    expect(binds).toHaveLength(1);
  });

  test('fails WHEN the pending one is refused too, with the first refusal', async () => {
    const credential = await world.account();
    const one = world.rotating({ kind: 'single', account: nameOf(credential) }, { ...credential, password: 'wrong' });
    await one.store.putPending(randomUUID(), { ...credential, password: 'wrong too' });
    const { connect, binds } = connecting(one);
    await expect(connect()).rejects.toThrow(/bind of .* refused: wrong user name or password/);
    expect(binds).toHaveLength(2);
  });
});
