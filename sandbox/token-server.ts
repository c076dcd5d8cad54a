/**
 * An OpenID Connect issuer on loopback: discovery, keys, and tokens with whatever claims a test asks for; also forged ones, which nobody may
 * take.
 */
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Claims, publicJwk, type SigningAlgorithm, signedToken, signingInputOf } from './json-web-token.ts';

export interface TokenOptions {
  /** @default RS256 */
  readonly algorithm?: IssuerAlgorithm;
}
export type IssuerAlgorithm = 'RS256' | 'ES256';

/** Tokens as an attacker makes them; claims are those of a right one but for what is given. */
export interface ForgedTokens {
  /** `alg: none` (RFC 8725 section 2.1). */
  unsigned(claims?: Claims): string;
  /** HS256 with the issuer's public key as the secret, which everybody has. */
  signedWithPublicKey(claims?: Claims): string;
  /** Another key under the name of the issuer's. */
  signedWithOtherKey(claims?: Claims): string;
  /** A key that the issuer does not publish. */
  signedWithUnknownKey(claims?: Claims): string;
  /** Right but for its header, which names no key. */
  withoutKeyId(claims?: Claims): string;
  /** Claims that were changed after it was signed. */
  altered(claims: Claims): string;
}

export interface TokenServer {
  /** `iss` of its tokens. */
  readonly issuer: string;
  /** Where discovery and keys are. */
  readonly url: string;
  /** A token of five minutes, with these claims beside or in place of the usual ones; `undefined` leaves one out. */
  token(claims?: Claims, options?: TokenOptions): string;
  readonly forged: ForgedTokens;
  /** Signs with new keys from now on. Those before stay published, so that tokens in circulation remain good. */
  rotateKeys(): void;
  /** Takes all keys but the present ones back. */
  withdrawOldKeys(): void;
  /** Answers nothing but 503 while it is true. */
  down: boolean;
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export interface TokenServerSettings {
  /** @default its own URL */
  readonly issuer?: string;
  /** What the discovery document says in place of the issuer, for one that contradicts itself. */
  readonly discovered?: Claims;
}

/** `aud` of tokens for AWS by convention, and the subject of GitHub Actions' form. */
export const usualAudience = 'sts.amazonaws.com';
export const usualSubject = 'repo:example/platform:ref:refs/heads/main';
const lifetimeSeconds = 300;

interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly algorithm: IssuerAlgorithm;
}

const newKey = (algorithm: IssuerAlgorithm): SigningKey => ({
  id: randomUUID(),
  algorithm,
  privateKey:
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
      : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
});
const newKeys = () => ({ RS256: newKey('RS256'), ES256: newKey('ES256') });

export async function startTokenServer(settings: TokenServerSettings = {}): Promise<TokenServer> {
  let current = newKeys();
  let published: readonly SigningKey[] = Object.values(current);
  const requests: string[] = [];
  let down = false;
  const server: Server = createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push(path);
    const document = down ? undefined : documents().get(path);
    response.writeHead(document === undefined ? (down ? 503 : 404) : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? { error: down ? 'temporarily_unavailable' : 'not_found' }));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = settings.issuer ?? url;

  const documents = (): ReadonlyMap<string, unknown> =>
    new Map<string, unknown>([
      // OpenID Connect Discovery 1.0, section 3: what a provider has to say.
      [
        '/.well-known/openid-configuration',
        {
          issuer,
          jwks_uri: `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256', 'ES256'],
          ...settings.discovered,
        },
      ],
      ['/.well-known/jwks.json', { keys: published.map(({ id, privateKey, algorithm }) => publicJwk(privateKey, id, algorithm)) }],
    ]);

  const claimsOf = (given: Claims = {}): Claims => {
    const now = Math.floor(Date.now() / 1000);
    const usual = { iss: issuer, sub: usualSubject, aud: usualAudience, iat: now, exp: now + lifetimeSeconds, jti: randomUUID() };
    return Object.fromEntries(Object.entries({ ...usual, ...given }).filter(([, value]) => value !== undefined));
  };
  const signed = (
    claims: Claims | undefined,
    { id, privateKey, algorithm }: Omit<SigningKey, 'id'> & { readonly id: string | undefined },
  ) => signedToken(algorithm satisfies SigningAlgorithm, id, privateKey, claimsOf(claims));

  const forged: ForgedTokens = {
    unsigned: (claims) => `${signingInputOf({ alg: 'none', typ: 'JWT' }, claimsOf(claims))}.`,
    signedWithPublicKey(claims) {
      const secret = createPublicKey(current.RS256.privateKey).export({ format: 'pem', type: 'spki' });
      const input = signingInputOf({ alg: 'HS256', typ: 'JWT', kid: current.RS256.id }, claimsOf(claims));
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    },
    signedWithOtherKey: (claims) => signed(claims, { ...newKey('RS256'), id: current.RS256.id }),
    signedWithUnknownKey: (claims) => signed(claims, newKey('RS256')),
    withoutKeyId: (claims) => signed(claims, { ...current.RS256, id: undefined }),
    altered(claims) {
      const [header, , signature] = signed({}, current.RS256).split('.');
      return `${header}.${signingInputOf({}, claimsOf(claims)).split('.')[1]}.${signature}`;
    },
  };

  return {
    issuer,
    url,
    token: (claims, { algorithm = 'RS256' } = {}) => signed(claims, current[algorithm]),
    forged,
    rotateKeys() {
      current = newKeys();
      published = [...published, ...Object.values(current)];
    },
    withdrawOldKeys() {
      published = Object.values(current);
    },
    get down() {
      return down;
    },
    set down(next) {
      down = next;
    },
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
