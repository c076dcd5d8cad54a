/** invariant 10: secrets appear in no log, event, plan, state or error, nor on a disk. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeAttribute, newPassword } from '../../sandbox/domain-controller/population.ts';
import { until } from '../../sandbox/waiting.ts';
import { type RotatingSandbox, resetBy, rotatingSandbox } from './rotating-sandbox.ts';
import { searchForSecrets } from './secret-search.ts';

let all: RotatingSandbox;

beforeAll(async () => {
  all = await rotatingSandbox([
    { name: 'orders', strategy: { kind: 'reset', account: 'svc-orders', resetBy } },
    { name: 'build', strategy: { kind: 'alternating', accounts: ['svc-build-a', 'svc-build-b'], resetBy } },
  ]);
}, 120_000);
afterAll(() => all?.played.stop());

describe('invariant 10', () => {
  test('GIVEN rotations that came out, and some that failed, WHEN everything is searched for every password ever set THEN none is found', async () => {
    const { played, credentials } = all;
    for (const credential of credentials) {
      await all.rotate(credential);
      expect(await all.binds(await all.read(credential))).toBe(true);
    }
    const orders = credentials.find(({ settings }) => settings.name === 'orders');
    if (orders === undefined) throw new Error('there is no credential "orders"');
    const { place: SecretId } = orders;
    const { admin } = played.sandbox.population;
    // A disabled account, a secret that is no JSON, and one with a wrong password: each fails somewhere else.
    const dn = `CN=svc-orders,OU=Services,${played.sandbox.controller.baseDn}`;
    const failing = async (work: () => Promise<unknown>) => {
      const before = (await played.records('CredentialRotationFailed')).length;
      await work();
      // A rotation that failed is not over: asked again, Secrets Manager refuses, and takes it up again.
      await played.operator('secretsmanager', 'RotateSecret', { SecretId }).catch((error: Error) => {
        if (!/previous rotation/.test(error.message)) throw error;
      });
      // The same failure of a version is one event: what is broken next must not meet a repeat of this one that is still under way.
      await until('the end of the rotation', async () => (played.sandbox.endpoint.pendingRotations === 0 ? true : undefined), 60_000);
      await until(
        'the failure',
        async () => ((await played.records('CredentialRotationFailed')).length > before ? true : undefined),
        60_000,
      );
    };
    await failing(() => changeAttribute(admin, dn, 'replace', 'userAccountControl', ['514']));
    await changeAttribute(admin, dn, 'replace', 'userAccountControl', ['512']);
    const [plain, wrong] = [newPassword(), newPassword()];
    await failing(() => played.operator('secretsmanager', 'PutSecretValue', { SecretId, SecretString: `password ${plain}` }));
    await failing(() =>
      played.operator('secretsmanager', 'PutSecretValue', {
        SecretId,
        SecretString: JSON.stringify({ username: 'nobody', password: wrong }),
      }),
    );
    await played.seen();

    const { controller, population, endpoint, stack } = played.sandbox;
    const passwords = [
      ...all.passwords,
      plain,
      wrong,
      population.bindPassword,
      controller.administratorPassword,
      endpoint.operator.secretAccessKey,
    ];
    expect(passwords.length).toBeGreaterThan(10);
    const { hits, searched } = await searchForSecrets(passwords, { endpoint, stack });
    expect(hits).toEqual([]);
    for (const kind of ['logs', 'tables', 'state', 'files', 'processes']) expect(searched[kind], kind).toBeGreaterThan(1000);
  }, 120_000);

  test('GIVEN a password that lies about WHEN it is searched for THEN it is found, in whatever form', async () => {
    const { endpoint, stack } = all.played.sandbox;
    const folder = mkdtempSync(join(tmpdir(), 'secret-search-'));
    try {
      const password = newPassword();
      const forms = [password, Buffer.from(`{"password":"${password}"}`).toString('base64'), `?p=${encodeURIComponent(password)}`];
      for (const [index, form] of forms.entries()) writeFileSync(join(folder, `form-${index}`), form);
      writeFileSync(join(folder, 'ldap'), Buffer.from(`"${password}"`, 'utf16le'));
      await all.played.operator('logs', 'PutLogEvents', {
        logGroupName: '/ad-lambda/dev/audit',
        logStreamName: await aStream(),
        logEvents: [{ timestamp: Date.now(), message: JSON.stringify({ eventId: 'x', password }) }],
      });
      const { hits } = await searchForSecrets([password], { endpoint, stack, folders: [folder] });
      expect(hits.map((hit) => hit.replace(folder, ''))).toEqual([
        'password 0 in log group /ad-lambda/dev/audit',
        ...['form-0', 'form-1', 'form-2', 'ldap'].map((name) => `password 0 in /${name}`),
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

async function aStream(): Promise<string> {
  const { logStreams } = await all.played.operator('logs', 'DescribeLogStreams', { logGroupName: '/ad-lambda/dev/audit' });
  return (logStreams as readonly { logStreamName: string }[])[0]?.logStreamName ?? '';
}
