/** What a team may write of a SCIM target, and what its functions may do in AWS for it. */
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import type { TargetKind } from '../../handlers/roles/targets/kind.ts';
import { scim as kind } from '../../handlers/roles/targets/scim/index.ts';
import type { ScimSettings } from '../../handlers/roles/targets/scim/settings.ts';

const scim: TargetKind<ScimSettings> = kind;
const endpoint = 'https://scim.example.com/v2';
const bearer = { bearer: true };
/** As CDKTF writes it. */
const knownAtApply = '$'.concat('{TfToken[TOKEN.1]}');
const refusal = (settings: unknown): string => {
  const { success, issues } = v.safeParse(scim.settings, settings);
  if (success) throw new Error('it was taken');
  return issues.map(({ message }) => message).join('; ');
};

describe('settings', () => {
  test('GIVEN the least THEN defaults are filled in', () => {
    expect(v.parse(scim.settings, { endpoint, authentication: bearer })).toEqual({
      endpoint,
      authentication: bearer,
      profile: 'standard',
      callsPerSecond: 10,
      pageSize: 100,
    });
    expect(v.parse(scim.settings, { endpoint, authentication: bearer, profile: 'identity-center' })).toMatchObject({ pageSize: 50 });
  });

  test.each([endpoint, 'http://127.0.0.1:8080/scim', 'http://localhost/', 'http://[::1]:1/', knownAtApply, `https://${knownAtApply}/v2`])(
    'THEN the endpoint %s is taken',
    (url) => {
      expect(v.parse(scim.settings, { endpoint: url, authentication: bearer }).endpoint).toBe(url);
    },
  );

  test.each([
    '',
    'scim.example.com',
    'http://scim.example.com',
    'http://127.0.0.1.example.com/',
    'ftp://x/',
    'https://me:pw@x/',
    'https://x/?a=b',
    'https://x/#a',
  ])('fails for the endpoint %j, naming it', (url) => {
    expect(refusal({ endpoint: url, authentication: bearer })).toContain(url);
  });

  test.each<[string, object, RegExp]>([
    ['no authentication', { authentication: undefined }, /authentication/],
    ['bearer that is false', { authentication: { bearer: false } }, /write one of/],
    ['two ways at once', { authentication: { bearer: true, webIdentity: { audience: 'x' } } }, /write one of/],
    [
      'a token URL without TLS',
      { authentication: { clientCredentials: { tokenUrl: 'http://x.example.com/' } } },
      /http:\/\/x\.example\.com\/.*no https URL/,
    ],
    ['no audience', { authentication: { webIdentity: {} } }, /write one of/],
    ['an unknown profile', { profile: 'entra' }, /profile is neither/],
    ['pages of one', { pageSize: 1 }, /pageSize is below 2/],
    ['pages that Identity Center does not give', { profile: 'identity-center', pageSize: 51 }, /pageSize 51 is above 50/],
    ['no calls', { callsPerSecond: 0 }, /callsPerSecond is below/],
    ['a misspelt name', { endpiont: 'x' }, /endpiont/],
  ])('fails for %s', (_, wrong, message) => {
    expect(refusal({ endpoint, authentication: bearer, ...wrong })).toMatch(message);
  });
});

describe('the kind', () => {
  const settings = (authentication: object) => v.parse(scim.settings, { endpoint, authentication });
  const place = { partition: 'aws', account: '111122223333', region: 'eu-central-1' };

  test('THEN roles bring no access to AWS accounts', () => {
    expect(scim.assignable(settings(bearer))).toBeUndefined();
  });

  test('invariant 9: GIVEN a token from a secret THEN nothing in AWS is allowed besides it', () => {
    expect(scim.permissions(settings(bearer), place, 'keep')).toEqual([]);
    const credentials = { clientCredentials: { tokenUrl: 'https://login.example.com/token' } };
    expect(scim.permissions(settings(credentials), place, 'keep')).toEqual([]);
  });

  test('invariant 9: GIVEN an identity token THEN only one for that audience, that short and signed that way is allowed', () => {
    for (const use of ['keep', 'read'] as const) {
      expect(scim.permissions(settings({ webIdentity: { audience: 'scim.example.com' } }), place, use)).toEqual([
        {
          Sid: 'ProveIdentityToTarget',
          Effect: 'Allow',
          Action: ['sts:GetWebIdentityToken'],
          Resource: ['*'],
          Condition: {
            'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': ['scim.example.com'] },
            Null: { 'sts:IdentityTokenAudience': 'false' },
            NumericLessThanEquals: { 'sts:DurationSeconds': '300' },
            StringEquals: { 'sts:SigningAlgorithm': 'RS256' },
          },
        },
      ]);
    }
  });
});
