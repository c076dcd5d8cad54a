/** The environment's vault, as a function opens it: one client for all of its credentials. */
import { ConfigurationError } from '../../platform/errors.ts';
import type { CredentialStore } from '../credential-store.ts';
import { vaultClient } from './vault-client.ts';
import type { LoginSources } from './vault-login.ts';
import type { VaultSettings } from './vault-settings.ts';
import { vaultStore } from './vault-store.ts';

export interface OpenVault {
  /** @throws ConfigurationError where there is no vault */
  store(path: string): CredentialStore;
  /** Ends the login: no token outlives an invocation. */
  signOut(): Promise<void>;
}

export function openVault(settings: VaultSettings | undefined, sources: LoginSources): OpenVault {
  if (settings === undefined) {
    return {
      store: (path) => {
        throw new ConfigurationError(
          `a credential lies at "${path}" of a vault, and VAULT is none: deploy the function with the module that owns it`,
        );
      },
      signOut: async () => {},
    };
  }
  const client = vaultClient(settings, sources);
  return { store: (path) => vaultStore(client, settings, path, sources.now), signOut: () => client.signOut() };
}
