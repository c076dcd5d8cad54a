/** A credential in a vault, rotated by the real zip: logged in to with a token of STS, as the synthesized policies allow. */
import type { JsonWebKey } from 'node:crypto';
import { Client } from 'ldapts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { vaultPolicy } from '../../handlers/credentials/vault/permissions.ts';
import type { VaultProps } from '../../modules/credentials/vault-props.ts';
import type { SandboxVault } from '../../sandbox/credentials.ts';
import { startVaultServer, type VaultServer } from '../../sandbox/vault-server.ts';
import { type PlayedSandbox, playedSandbox } from '../sandbox/played-sandbox.ts';
import { resetBy } from './rotating-sandbox.ts';
import { searchForSecrets } from './secret-search.ts';

const audience = 'https://vault.example.com';
const path = 'teams/billing';
let server: VaultServer;
let played: PlayedSandbox;
let first: { readonly username: string; readonly password: string };

beforeAll(async () => {
  const method = { boundIssuer: '', keys: [] as (JsonWebKey & { kid?: string })[], roles: {} as Record<string, object> };
  server = await startVaultServer({
    kv: { secret: {} },
    policies: { rotation: { ...vaultPolicy('secret', path), 'auth/token/revoke-self': ['update'] } },
    jwt: { aws: method as never },
  });
  const vault: SandboxVault = {
    address: new URL(server.url).hostname,
    trust(issuer, keys) {
      Object.assign(method, { boundIssuer: issuer, keys });
      const boundSubject = 'arn:aws:iam::111122223333:role/ad-lambda-dev-rotate-credential-corp';
      method.roles['rotate-credential'] = { boundAudiences: [audience], boundSubject, policies: ['rotation'], seconds: 300 };
    },
    put(at, value) {
      if (at === path) first = value;
      server.secrets('secret').write(at, { data: { ...value, host: 'db.example.com' } });
    },
  };
  const props: VaultProps = {
    address: server.url,
    mount: 'secret',
    login: { jwt: { mount: 'aws', role: 'rotate-credential', audience } },
    network: { cidr: '127.0.0.1/32' },
  };
  played = await playedSandbox({
    environment: 'dev',
    vault,
    change: (given) => ({
      ...given,
      credentials: [
        {
          endpoints: { existing: { eventsSecurityGroupId: 'sg-0f60718293a4b5c6d', stsSecurityGroupId: 'sg-0a1b2c3d4e5f60718' } },
          vault: props,
          rotate: [
            { name: 'password-reset', strategy: { kind: 'single', account: 'svc-password-reset' } },
            { name: 'billing', strategy: { kind: 'reset', account: 'svc-billing', resetBy }, secret: { vaultPath: path } },
          ],
        },
      ],
    }),
  });
}, 120_000);
afterAll(async () => {
  await played?.stop();
  await server?.close();
});

const checkAll = () => played.sandbox.runtime.invoke('rotate-credential-corp', { check: true });

/** What consumers read. */
const stored = () => (server.secrets('secret').read(path, 0).data as { data: { username: string; password: string; host: string } }).data;

describe('a credential in a vault', () => {
  test('GIVEN one that is due WHEN it is checked THEN it is rotated, its consumers read the new one, and the login is given back', async () => {
    const { functionError } = await checkAll();
    expect(functionError).toBeUndefined();
    await played.sandbox.runtime.idle();
    const rotated = await played.told('CredentialRotated');
    expect(rotated.change).toMatchObject({ credential: 'billing', kept: `${server.url}/v1/secret/data/${path}`, reason: 'scheduled' });
    const now = stored();
    expect(now).toMatchObject({ username: first.username, host: 'db.example.com' });
    expect(now.password).not.toBe(first.password);
    const { controller } = played.sandbox;
    const client = new Client({ url: controller.ldapsUrl, tlsOptions: { ca: [controller.ca] } });
    await client.bind(now.username, now.password);
    await client.unbind();
    expect(server.requests.at(-1)).toMatchObject({ method: 'POST', path: 'auth/token/revoke-self' });
  });

  test('WHEN everything is searched for its passwords THEN none is found', async () => {
    const { endpoint, stack } = played.sandbox;
    expect((await searchForSecrets([first.password, stored().password], { endpoint, stack })).hits).toEqual([]);
  });

  test('GIVEN a scanner that found it WHEN it says so on the bus THEN it is rotated at once', async () => {
    const before = (await played.records('CredentialRotated')).length;
    const Detail = JSON.stringify({ credential: 'billing', reason: 'found in a repository' });
    await played.operator('events', 'PutEvents', {
      Entries: [{ EventBusName: 'ad-lambda-dev-identity', Source: 'active-directory.signal', DetailType: 'CredentialCompromised', Detail }],
    });
    const rotated = await played.told('CredentialRotated', ({ change }) => change.reason === 'requested');
    expect(rotated.cause?.type).toBe('CredentialCompromised');
    expect((await played.records('CredentialRotated')).length).toBe(before + 1);
  });
});
