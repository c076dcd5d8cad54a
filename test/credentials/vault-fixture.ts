/** A vault for one test file, and clients that log in to it as the function does. */
import { afterAll } from 'vitest';
import type { VaultClient } from '../../handlers/credentials/vault/vault-client.ts';
import { vaultClient } from '../../handlers/credentials/vault/vault-client.ts';
import type { LoginSources } from '../../handlers/credentials/vault/vault-login.ts';
import type { RequestOptions } from '../../handlers/credentials/vault/vault-request.ts';
import type { VaultSettings } from '../../handlers/credentials/vault/vault-settings.ts';
import type { KvConfig } from '../../sandbox/vault/kv-engine.ts';
import type { Policy } from '../../sandbox/vault/token-store.ts';
import { startVaultServer, type VaultServer, type VaultServerOptions } from '../../sandbox/vault-server.ts';
import { type TokenIssuer, tokenIssuer } from './token-issuer.ts';

export const audience = 'https://vault.example.com';
export const mount = 'secret';
export const issuer: TokenIssuer = tokenIssuer();

export const quick: RequestOptions = {
  limits: { timeoutMs: 1000, maxBytes: 100_000 },
  patience: { retries: 3, firstWaitMs: 1, longestWaitMs: 2000 },
};

export interface VaultForTests extends VaultServer {
  readonly settings: VaultSettings;
  client(sources?: Partial<LoginSources>, settings?: Partial<VaultSettings>, options?: RequestOptions): VaultClient;
}

/** @param policy what the role may do @param more of the server */
export async function vaultForTests(
  policy: Policy,
  { kv = {}, ...more }: Partial<Omit<VaultServerOptions, 'kv'>> & { readonly kv?: KvConfig } = {},
): Promise<VaultForTests> {
  const role = { boundAudiences: [audience], boundSubject: issuer.subject, policies: ['rotation'], seconds: 900 };
  const server = await startVaultServer({
    kv: { [mount]: kv },
    policies: { rotation: policy },
    jwt: { 'jwt-aws': { boundIssuer: issuer.issuer, keys: issuer.keys, roles: { 'rotate-credential': role } } },
    ...more,
  });
  afterAll(() => server.close());
  const settings: VaultSettings = {
    address: server.url,
    mount,
    login: { jwt: { mount: 'jwt-aws', role: 'rotate-credential', audience } },
  };
  const now = more.now ?? (() => new Date());
  const usual: LoginSources = {
    webIdentityToken: async (of) => issuer.token(of, {}, {}, now()),
    signer: { region: 'eu-central-2', credentials: { accessKeyId: 'none', secretAccessKey: 'none' } },
    now,
  };
  return Object.assign(server, {
    settings,
    client: (sources: Partial<LoginSources> = {}, changed: Partial<VaultSettings> = {}, options = quick) =>
      vaultClient({ ...settings, ...changed }, { ...usual, ...sources }, options),
  });
}
