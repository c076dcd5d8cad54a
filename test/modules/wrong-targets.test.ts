/** Wrong targets fail at synth with the value and the remedy. What the type checker refuses too is forced past it here. */
import { describe, expect, test } from 'vitest';
import { WrongPropError } from '../../modules/index.ts';
import { accountAccess, identityCenter, refusal, scim, synthesize } from './integration.ts';

const target = (changes: object) => ({ targets: [{ identityCenter, ...changes }] });
const store = (changes: object) => ({ targets: [{ identityCenter: { ...identityCenter, ...changes } }] });
const server = (changes: object) => ({ targets: [{ scim: { ...scim, ...changes } }] });

const wrong: readonly (readonly [what: string, props: object, message: RegExp])[] = [
  ['missing targets', { targets: undefined }, /^targets is undefined: give a list; name at least one place/],
  ['no target', { targets: [] }, /^targets is empty: name at least one place .+ \{ identityCenter \} or \{ scim \}/],
  ['a target that is none', { targets: [null] }, /^targets has an entry that is null: give one of \{ identityCenter \}, \{ scim \}/],
  ['a target of no kind', { targets: [{ name: 'wiki' }] }, /^targets has an entry with no kind: give exactly one of/],
  [
    'a target of two kinds',
    { targets: [{ identityCenter, scim }] },
    /^targets has an entry with identityCenter and scim: give exactly one of/,
  ],
  ['a kind that there is not', { targets: [{ okta: {} }] }, /^targets has an entry with okta: give exactly one of/],
  [
    'settings that are none',
    { targets: [{ scim: 'https://wiki.example.com' }] },
    /^targets\.scim is "https:\/\/wiki\.example\.com": give exactly/,
  ],
  [
    'eleven targets',
    { targets: Array.from({ length: 11 }, (_, index) => ({ name: `t${index}`, scim })) },
    /^targets has 11 entries: 10 are allowed/,
  ],
  [
    'two of one name',
    { targets: [{ identityCenter }, { name: 'identity-center', scim }] },
    /^targets has two of the name "identity-center"/,
  ],
  [
    'two of one kind without names',
    { targets: [{ scim }, { scim }] },
    /^targets has two of the name "scim": give one of them another name/,
  ],
  ['a name with capitals', target({ name: 'Wiki' }), /^targets\.name is "Wiki": give 1 to 21 lower-case letters/],
  ['a name that begins with a digit', target({ name: '1wiki' }), /^targets\.name is "1wiki"/],
  ['a name too long', target({ name: 'w'.repeat(22) }), /^targets\.name is "w{22}"/],
  ['a name with a separator of keys', target({ name: 'wiki#1' }), /^targets\.name is "wiki#1"/],
  ['another fate of inactive accounts', target({ onInactive: 'delete' }), /^targets "identity-center" is wrong: onInactive: .*"delete"/],
  ['another fate of deleted accounts', target({ onDeleted: 'archive' }), /^targets "identity-center" is wrong: onDeleted: .*"archive"/],
  ['a guard that is none', target({ guard: 7 }), /^targets "identity-center" is wrong: guard: /],
  ['a guard by a percentage', target({ guard: { revocations: { hour: { share: 25 } } } }), /guard\.revocations\.hour\.share: .*25/],
  ['a guard below nothing', target({ guard: { accounts: { run: { most: -1 } } } }), /guard\.accounts\.run\.most: .*-1/],
  [
    'a guard of a window that there is not',
    target({ guard: { revocations: { week: { most: 5 } } } }),
    /guard\.revocations\.week: there is no such setting: leave it out/,
  ],
  ['a guard that waits for a month', target({ guard: { expiryHours: 720 } }), /guard\.expiryHours: .*720/],
  [
    'a reconcile each minute',
    target({ reconcile: { everyMinutes: 1 } }),
    /^reconcile\.everyMinutes of target "identity-center" is 1: give a whole/,
  ],
  [
    'a reconcile of another mode',
    target({ reconcile: { mode: 'dry' } }),
    /^reconcile\.mode of target "identity-center" is "dry": give "heal" or/,
  ],
  [
    'an attribute that profiles have not',
    target({ attributes: { shoeSize: 'shoeSize' } }),
    /^attributes of target "identity-center" name shoeSize: identity-center takes/,
  ],
  [
    'an attribute that the kind does not take',
    target({ attributes: { department: 'department' } }),
    /^attributes of target "identity-center" name department: identity-center takes userName, .+ leave the rest out/,
  ],

  [
    'an identity store by its ARN',
    store({ identityStoreId: 'arn:aws:sso:::instance/ssoins-1' }),
    /^targets "identity-center"\.identityCenter is wrong: identityStoreId: .+give the id from the settings/,
  ],
  ['an identity store too short', store({ identityStoreId: 'd-123' }), /identityStoreId: "d-123"/],
  ['an identity store elsewhere', store({ region: 'global' }), /region: "global": give a region/],
  [
    'an instance without accounts',
    store({ instanceArn: accountAccess.instanceArn }),
    /assignments need instanceArn, permissionSets and accounts/,
  ],
  ['a setting that the kind has not', store({ endpoint: scim.endpoint }), /identityCenter is wrong: endpoint: there is no such setting/],
  [
    'a secret for a kind without',
    store({ secretArn: 'arn:x' }),
    /^targets "identity-center"\.identityCenter\.secretArn is "arn:x": leave it out/,
  ],

  ['plain HTTP', server({ endpoint: 'http://wiki.example.com/scim/v2' }), /^targets "scim"\.scim is wrong: endpoint: .+ is no https URL/],
  ['a password in the URL', server({ endpoint: 'https://user:password@wiki.example.com' }), /endpoint: .+ is no https URL without user/],
  ['no endpoint', server({ endpoint: undefined }), /^targets "scim"\.scim is wrong: endpoint: /],
  [
    'no way to log on',
    { targets: [{ scim: { endpoint: scim.endpoint } }] },
    /^targets "scim"\.scim is wrong: authentication: is missing: give it$/,
  ],
  ['an unknown way to log on', server({ authentication: { basic: true } }), /authentication is wrong .+write one of \{bearer: true\}/],
  [
    'a token in the props',
    server({ authentication: { bearer: 'x'.repeat(20) } }),
    /authentication is wrong .+write one of \{bearer: true\}/,
  ],
  [
    'a token URL without TLS',
    server({ authentication: { clientCredentials: { tokenUrl: 'http://login.example.com' } } }),
    /token URL .+no https URL/,
  ],
  ['another profile', server({ profile: 'azure' }), /profile is neither "standard" nor "identity-center"/],
  ['a secret by its name', server({ secretArn: 'wiki' }), /^targets "scim"\.scim\.secretArn is "wiki": give the secret's full ARN/],
  [
    'a secret for what proves itself by a token',
    server({
      authentication: { webIdentity: { audience: 'x' } },
      secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:x-a1B2c3',
    }),
    /secretArn is .+: leave it out, scim with these settings reads none/,
  ],
  [
    'a secret of another account',
    server({ secretArn: 'arn:aws:secretsmanager:eu-central-1:444455556666:secret:wiki-a1B2c3' }),
    /secretArn is .+: give a secret of the environment's own account and region/,
  ],
  [
    'more accounts than a function can be told',
    store({ ...accountAccess, accounts: Array.from({ length: 300 }, (_, index) => String(100_000_000_000 + index)) }),
    /^environment variables of sync-roles take \d+ bytes, Lambda allows 4096: .*(?:accounts|longest)/,
  ],
  [
    'more accounts than a policy can name',
    store({ ...accountAccess, accounts: Array.from({ length: 190 }, (_, index) => String(100_000_000_000 + index)) }),
    /^policy of ad-lambda-test-sync-roles-identity-center has \d+ characters, IAM allows 10240: name fewer accounts/,
  ],
];

test.each(wrong)('fails WHEN given %s', (_, props, message) => {
  expect(refusal(props).message).toMatch(message);
});

test('GIVEN every message WHEN targets are wrong THEN it is lower case at its start, and has no full stop', () => {
  for (const [what, props] of wrong) {
    const { message } = refusal(props);
    expect(message, what).toMatch(/^[a-z]/);
    expect(message, what).not.toMatch(/\.$/);
  }
});

describe('GIVEN what is wrong WHEN synthesized THEN', () => {
  test('the error can be told by its class', () => {
    expect(() => synthesize({ targets: [] as never })).toThrow(WrongPropError);
  });

  test('invariant 10: a token that somebody wrote into the props by mistake is not in the message', () => {
    const token = 'q7Zt-not-for-anybody';
    for (const authentication of [{ bearer: token }, { bearer: true, token }, { clientCredentials: { clientSecret: token } }]) {
      expect(() => synthesize(server({ authentication }) as never)).toThrow(
        expect.objectContaining({ name: 'WrongPropError', message: expect.not.stringContaining(token) }),
      );
    }
  });
});
