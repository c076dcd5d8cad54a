/** An issuer of JSON Web Tokens for tests, as AWS is one by sts:GetWebIdentityToken. */
import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';

export interface TokenIssuer {
  readonly issuer: string;
  /** Its JSON Web Key Set. */
  readonly keys: readonly (JsonWebKey & { readonly kid: string })[];
  readonly subject: string;
  /** @param claims besides or instead of the usual ones @param header likewise @param at when it is issued */
  token(audience: string, claims?: object, header?: object, at?: Date): string;
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function tokenIssuer(algorithm: 'RS256' | 'ES384' = 'ES384', kid = 'key-1'): TokenIssuer {
  const { publicKey, privateKey } =
    algorithm === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const issuer = 'https://11112222-3333-4444-5555-666677778888.tokens.sts.global.api.aws';
  const subject = 'arn:aws:iam::111122223333:role/rotate-credential';
  return {
    issuer,
    keys: [{ ...publicKey.export({ format: 'jwk' }), kid }],
    subject,
    token(audience, claims = {}, header = {}, at = new Date()) {
      const now = Math.floor(at.getTime() / 1000);
      const head = encoded({ alg: algorithm, typ: 'JWT', kid, ...header });
      const payload = encoded({ iss: issuer, sub: subject, aud: audience, iat: now, nbf: now, exp: now + 300, ...claims });
      return `${head}.${payload}.${signature(algorithm, privateKey, `${head}.${payload}`)}`;
    },
  };
}

const signature = (algorithm: 'RS256' | 'ES384', key: KeyObject, text: string): string =>
  sign(algorithm === 'RS256' ? 'sha256' : 'sha384', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
