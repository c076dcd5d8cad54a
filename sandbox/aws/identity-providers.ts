import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { AwsError } from './error.ts';

// The OpenID Connect providers that accounts have registered, and how STS comes by their keys.

export interface IdentityProvider {
  /** `arn:aws:iam::111122223333:oidc-provider/idp.example.com/tenant` */
  readonly arn: string;
  /** Its URL without the scheme: how policies call it, `idp.example.com/tenant:sub`. */
  readonly name: string;
  /** `iss` of its tokens. */
  readonly issuer: string;
  /** Audiences that it may be asked for. */
  readonly clientIds: readonly string[];
  readonly thumbprints: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

/** AWS gives an identity provider five seconds ("AWS STS AssumeRoleWithWebIdentity: InvalidIdentityToken", AWS re:Post). */
const patienceMs = 5_000;
const mostCharacters = 1_000_000;
const loopback = /^http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?(?:\/|$)/;

export class IdentityProviders {
  /** By ARN. */
  readonly all = new Map<string, IdentityProvider>();
  /** Where on loopback an issuer answers, in place of the name that DNS would resolve. */
  readonly #addresses = new Map<string, string>();

  /** Takes `https://idp.example.com` to answer at `http://127.0.0.1:41234` from now on. */
  resolve(issuer: string, url: string): void {
    this.#addresses.set(issuer, url);
  }

  /** The issuer's key of that id, asked for each time: AWS caches keys, and a rotation would show later. @throws AwsError */
  async key(issuer: string, keyId: string): Promise<JsonWebKey | undefined> {
    const discovery = await this.#read(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    // OpenID Connect Discovery 1.0, section 4.3: the document speaks for the issuer that it names.
    if (discovery.issuer !== issuer || typeof discovery.jwks_uri !== 'string') throw noKey('the discovery document is another issuer’s');
    const { keys } = await this.#read(discovery.jwks_uri);
    if (!Array.isArray(keys)) throw noKey('the key set has no keys');
    const found = (keys as JsonWebKey[]).find(({ kid }) => kid === keyId);
    if (found !== undefined && !isUsable(found)) throw noKey(`the key ${keyId} is no key`);
    return found;
  }

  async #read(url: string): Promise<Readonly<Record<string, unknown>>> {
    const answer = await fetch(this.#located(url), { redirect: 'error', signal: AbortSignal.timeout(patienceMs) }).catch(
      (error: unknown) => {
        throw unreachable(`${url}: ${error instanceof Error ? error.message : String(error)}`);
      },
    );
    const body = await answer.text();
    if (answer.status >= 500) throw unreachable(`${url} answered ${answer.status}`);
    if (answer.status !== 200 || body.length > mostCharacters) throw noKey(`${url} answered ${answer.status}`);
    try {
      const json: unknown = JSON.parse(body);
      if (typeof json === 'object' && json !== null) return json as Readonly<Record<string, unknown>>;
    } catch {
      // Falls through to the same refusal.
    }
    throw noKey(`${url} is no JSON object`);
  }

  /** Nothing leaves the machine. */
  #located(url: string): string {
    for (const [issuer, address] of this.#addresses) {
      if (url.startsWith(`${issuer.replace(/\/$/, '')}/`)) return address + url.slice(issuer.replace(/\/$/, '').length);
    }
    if (!loopback.test(url))
      throw unreachable(`${url}: the sandbox reaches no issuer beyond loopback, name its address with resolveIssuer`);
    return url;
  }
}

/** Registered over https alone (IAM API Reference, CreateOpenIDConnectProvider); on one machine there is loopback. */
export const isIssuerUrl = (url: string): boolean => {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.search || parsed.hash || parsed.username || url.length > 255) return false;
  return parsed.protocol === 'https:' || loopback.test(url);
};

function isUsable(jwk: JsonWebKey): boolean {
  try {
    createPublicKey({ key: jwk, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}

const unreachable = (why: string): AwsError => new AwsError('IDPCommunicationError', `The identity provider could not be reached: ${why}`);
const noKey = (why: string): AwsError =>
  new AwsError('InvalidIdentityToken', `Couldn't retrieve verification key from your identity provider: ${why}`);
