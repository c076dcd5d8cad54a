/** JSON Web Tokens (RFC 7519) in the compact form of JWS (RFC 7515), as issuers sign them and relying parties check them. */
import { createPublicKey, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto';

export type Claims = Readonly<Record<string, unknown>>;

/** Taken apart, and not verified yet. */
export interface ReadToken {
  readonly header: Claims;
  readonly claims: Claims;
  readonly signingInput: string;
  readonly signature: Buffer;
}

interface Algorithm {
  readonly hash: string;
  readonly kty: 'RSA' | 'EC';
  readonly crv?: string;
}

/** Of two keys, whose public half alone is known to who verifies (RFC 7518 section 3.1). */
const algorithms: Readonly<Record<string, Algorithm>> = {
  RS256: { hash: 'sha256', kty: 'RSA' },
  RS384: { hash: 'sha384', kty: 'RSA' },
  RS512: { hash: 'sha512', kty: 'RSA' },
  ES256: { hash: 'sha256', kty: 'EC', crv: 'P-256' },
  ES384: { hash: 'sha384', kty: 'EC', crv: 'P-384' },
  ES512: { hash: 'sha512', kty: 'EC', crv: 'P-521' },
};
export type SigningAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'ES256' | 'ES384' | 'ES512';

/** Such as `none` and HS256, which are not: who verifies could sign as well. */
export const isAsymmetric = (algorithm: unknown): algorithm is SigningAlgorithm =>
  typeof algorithm === 'string' && Object.hasOwn(algorithms, algorithm);

const encoded = (json: Claims): string => Buffer.from(JSON.stringify(json)).toString('base64url');

/** Header and claims as they are signed (RFC 7515 section 5.1). */
export const signingInputOf = (header: Claims, claims: Claims): string => `${encoded(header)}.${encoded(claims)}`;

export function signedToken(algorithm: SigningAlgorithm, keyId: string | undefined, key: KeyObject, claims: Claims): string {
  const input = signingInputOf({ alg: algorithm, typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) }, claims);
  // ECDSA's R and S one after the other (RFC 7518 section 3.4), not the ASN.1 that OpenSSL writes.
  const signature = sign(algorithms[algorithm]?.hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** @returns undefined for what is no token */
export function readToken(token: string): ReadToken | undefined {
  const [first, second, third, ...more] = token.split('.');
  if (first === undefined || second === undefined || third === undefined || more.length > 0) return undefined;
  const [header, claims] = [jsonObject(first), jsonObject(second)];
  if (header === undefined || claims === undefined) return undefined;
  return { header, claims, signingInput: `${first}.${second}`, signature: Buffer.from(third, 'base64url') };
}

function jsonObject(part: string): Claims | undefined {
  if (!/^[\w-]+$/.test(part)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
  } catch {
    // No JSON: no token.
    return undefined;
  }
}

/** Whether the key signed it. The key says what it is for: a token's header does not choose (RFC 8725 section 3.1). */
export function isSignedBy({ header, signingInput, signature }: ReadToken, jwk: JsonWebKey): boolean {
  const algorithm = isAsymmetric(header.alg) ? algorithms[header.alg] : undefined;
  if (algorithm === undefined || jwk.kty !== algorithm.kty || (algorithm.crv !== undefined && jwk.crv !== algorithm.crv)) return false;
  if ((jwk.alg !== undefined && jwk.alg !== header.alg) || (jwk.use !== undefined && jwk.use !== 'sig')) return false;
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return verify(algorithm.hash, Buffer.from(signingInput), { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** A public key as an issuer publishes it (RFC 7517). */
export function publicJwk(key: KeyObject, kid: string, alg: SigningAlgorithm): JsonWebKey {
  return { ...createPublicKey(key).export({ format: 'jwk' }), kid, alg, use: 'sig' };
}
