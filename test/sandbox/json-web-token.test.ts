/** The tokens' own grammar, held to the examples of the RFCs, which others have signed. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isSignedBy, publicJwk, type ReadToken, readToken, signedToken, signingInputOf } from '../../sandbox/json-web-token.ts';

/** RFC 7515 appendix A.3: ES256. */
const example =
  'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q';
const exampleKey = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
};
const read = (token: string): ReadToken => {
  const found = readToken(token);
  if (found === undefined) throw new Error(`no token: ${token}`);
  return found;
};

describe('the example of RFC 7515', () => {
  test('THEN it is read, and its key has signed it', () => {
    const token = read(example);
    expect(token.claims).toEqual({ iss: 'joe', exp: 1_300_819_380, 'http://example.com/is_root': true });
    expect(isSignedBy(token, exampleKey)).toBe(true);
  });

  test('fails for a signature of which one bit differs, and for claims that do', () => {
    const token = read(example);
    const signature = Buffer.from(token.signature);
    signature[5] = (signature[5] ?? 0) ^ 1;
    expect(isSignedBy({ ...token, signature }, exampleKey)).toBe(false);
    expect(isSignedBy({ ...token, signingInput: token.signingInput.replace('eyJpc3Mi', 'eyJpc3Mj') }, exampleKey)).toBe(false);
  });

  test('fails for a key that is for something else', () => {
    const token = read(example);
    expect(isSignedBy(token, { ...exampleKey, use: 'enc' })).toBe(false);
    expect(isSignedBy(token, { ...exampleKey, alg: 'ES384' })).toBe(false);
  });
});

describe('what is signed here', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey;

  test.each([
    ['RS256', rsa, 256],
    ['RS512', rsa, 256],
    ['ES256', ec('P-256'), 64],
    ['ES384', ec('P-384'), 96],
    ['ES512', ec('P-521'), 132],
  ] as const)(
    'GIVEN %s WHEN signed THEN the signature has the length of RFC 7518, and the public key verifies it',
    (algorithm, key, bytes) => {
      const token = read(signedToken(algorithm, 'one', key, { sub: 'ä' }));
      expect(token).toMatchObject({ header: { alg: algorithm, kid: 'one', typ: 'JWT' }, claims: { sub: 'ä' } });
      expect(token.signature).toHaveLength(bytes);
      const jwk = publicJwk(key, 'one', algorithm);
      expect(isSignedBy(token, jwk)).toBe(true);
      expect(Object.keys(jwk)).not.toContain('d');
    },
  );

  test('fails for a key of another kind, whatever the header says', () => {
    const token = read(signedToken('RS256', 'one', rsa, {}));
    expect(isSignedBy(token, exampleKey)).toBe(false);
    expect(isSignedBy({ ...token, header: { ...token.header, alg: 'none' } }, publicJwk(rsa, 'one', 'RS256'))).toBe(false);
    expect(isSignedBy({ ...token, header: { ...token.header, alg: 'RS384' } }, publicJwk(rsa, 'one', 'RS256'))).toBe(false);
  });

  test.each([
    ['one part', 'e30'],
    ['four parts', 'e30.e30.e30.e30'],
    ['a header that is no JSON', `${Buffer.from('{').toString('base64url')}.e30.e30`],
    ['claims that are a list', `e30.${Buffer.from('[]').toString('base64url')}.e30`],
    ['padding', `${signingInputOf({ alg: 'ES256' }, {})}=.e30`],
    ['nothing', ''],
  ])('fails to read %s', (_, text) => {
    expect(readToken(text)).toBeUndefined();
  });
});
