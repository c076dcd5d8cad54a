/** Vault with a login: every request carries a token, and a refused token is replaced once. */
import { CredentialError } from '../credential-error.ts';
import { type LoginSources, vaultLogin } from './vault-login.ts';
import { type RequestOptions, saidOf, type VaultAnswer, type VaultRequest, vaultRequests } from './vault-request.ts';
import type { VaultSettings } from './vault-settings.ts';

/** What may be done, and is not: 200 and 204 are done, 400 is refused as it stands, 404 is not there. */
export type ClientAnswer = VaultAnswer & { readonly status: 200 | 204 | 400 | 404 };

export interface VaultClient {
  /**
   * @throws CredentialError when Vault refuses the login, or the login's policies do not allow the request
   * @throws RetryableError when Vault does not get to it
   */
  send(request: VaultRequest): Promise<ClientAnswer>;
  /** Revokes the token, if there is one; the next request logs in anew. */
  signOut(): Promise<void>;
}

export function vaultClient(settings: VaultSettings, sources: LoginSources, options: RequestOptions = {}): VaultClient {
  const request = vaultRequests(settings, options);
  const login = vaultLogin(settings.login, request, sources);
  return {
    async send(sent) {
      let token = await login.token();
      let answer = await request(sent, token);
      // A token that was revoked or has expired is refused in the same words as one whose policies do not allow the request.
      if (answer.status === 403) {
        token = await login.renew(token);
        answer = await request(sent, token);
      }
      if (answer.status === 403) throw notAllowed(sent, answer);
      return answer as ClientAnswer;
    },
    async signOut() {
      const token = await login.end();
      // It ends with its lease anyhow: whether Vault was there to hear of it earlier changes nothing for the caller.
      if (token !== undefined) await request({ method: 'POST', path: 'auth/token/revoke-self' }, token).catch(() => undefined);
    },
  };
}

function notAllowed({ method, path }: VaultRequest, answer: VaultAnswer): CredentialError {
  const capabilities = method === 'GET' ? '"read"' : '"create" and "update"';
  return new CredentialError(`vault refused ${method} ${path} (${saidOf(answer)})`, `give the login's policy ${capabilities} on "${path}"`);
}
