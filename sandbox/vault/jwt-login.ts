/** The JWT auth method: roles of type jwt, keys given as a JSON Web Key Set ("JWT/OIDC auth method (API)", RFC 7515, RFC 7519). */
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import type { Lease } from './token-store.ts';
import { badRequest } from './vault-error.ts';

export interface JwtRole extends Lease {
  readonly boundAudiences: readonly string[];
  readonly boundSubject?: string;
  /** Each claim has to have one of the values. */
  readonly boundClaims?: Readonly<Record<string, readonly string[]>>;
  /** @default sub */
  readonly userClaim?: string;
  /** Seconds by which clocks may differ. @default 60 */
  readonly clockSkewLeeway?: number;
}

export interface JwtMethod {
  readonly boundIssuer: string;
  /** Public keys; a test may change them. */
  readonly keys: readonly (JsonWebKey & { readonly kid?: string })[];
  readonly roles: Readonly<Record<string, JwtRole>>;
}

type Claims = Readonly<Record<string, unknown>>;

const hashes: Readonly<Record<string, string>> = { RS256: 'sha256', ES256: 'sha256', ES384: 'sha384' };
/** For a token that says only when it was issued, or only when it ends. */
const unsaidSeconds = 150;

/** @throws VaultError 400 with what is wrong with the token */
export function jwtLogin(method: JwtMethod, { role: name, jwt }: Readonly<Record<string, unknown>>, now: Date): Lease {
  if (typeof name !== 'string' || name === '') throw badRequest('missing role');
  const role = Object.hasOwn(method.roles, name) ? method.roles[name] : undefined;
  if (role === undefined) throw badRequest(`role "${name}" could not be found`);
  if (typeof jwt !== 'string' || jwt === '') throw badRequest('missing token');
  const claims = verified(method, jwt);
  const invalid = (what: string) => badRequest(`error validating token: ${what}`);

  const { iss, sub, aud, exp = 0, nbf = 0, iat = 0 } = claims;
  const [expires, notBefore, issued] = [Number(exp), Number(nbf), Number(iat)];
  if (!expires && !notBefore && !issued) throw invalid('no issued at (iat), not before (nbf), or expiration time (exp) claims in token');
  const seconds = now.getTime() / 1000;
  const leeway = role.clockSkewLeeway ?? 60;
  const ends = expires || Math.max(notBefore, issued) + unsaidSeconds;
  const begins = notBefore || issued || expires - unsaidSeconds;
  if (seconds > ends + leeway) throw invalid('invalid expiration time (exp) claim: token is expired');
  if (seconds < begins - leeway) throw invalid('invalid not before (nbf) claim: token not yet valid');
  if (issued && seconds < issued - leeway) throw invalid('invalid issued at (iat) claim: token issued in the future');

  if (iss !== method.boundIssuer) throw invalid('invalid issuer (iss) claim');
  if (role.boundSubject !== undefined && sub !== role.boundSubject) throw invalid('invalid subject (sub) claim');
  const audiences = aud === undefined ? [] : [aud].flat();
  if (role.boundAudiences.length === 0 && audiences.length > 0)
    throw badRequest('audience claim found in JWT but no audiences bound to the role');
  if (role.boundAudiences.length > 0 && !audiences.some((audience) => role.boundAudiences.includes(String(audience))))
    throw invalid('invalid audience (aud) claim: audience claim does not match any bound audience');
  for (const [claim, values] of Object.entries(role.boundClaims ?? {})) {
    if (claims[claim] === undefined) throw badRequest(`error validating claims: claim "${claim}" is missing`);
    if (![claims[claim]].flat().some((value) => values.includes(String(value))))
      throw badRequest(`error validating claims: claim "${claim}" does not match any associated bound claim values`);
  }
  const user = claims[role.userClaim ?? 'sub'];
  if (typeof user !== 'string' || user === '') throw badRequest(`claim "${role.userClaim ?? 'sub'}" not found in token`);
  return role;
}

function verified({ keys }: JwtMethod, jwt: string): Claims {
  const [head = '', payload = '', signature = '', ...more] = jwt.split('.');
  const header = decoded(head);
  const claims = decoded(payload);
  if (header === undefined || claims === undefined || more.length > 0) throw badRequest('error parsing token: not a compact JWS');
  const algorithm = String(header.alg);
  const hash = Object.hasOwn(hashes, algorithm) ? hashes[algorithm] : undefined;
  if (hash === undefined) throw badRequest(`error verifying token signature: unsupported signing algorithm "${algorithm}"`);
  const signed = Buffer.from(`${head}.${payload}`);
  const good = keys
    .filter(({ kid, kty }) => (header.kid === undefined || kid === header.kid) && kty === (algorithm.startsWith('RS') ? 'RSA' : 'EC'))
    .some((key) => {
      const publicKey = createPublicKey({ key, format: 'jwk' });
      return verify(hash, signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
    });
  if (!good) throw badRequest('error verifying token signature: no known key successfully validated the token signature');
  return claims;
}

function decoded(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}
