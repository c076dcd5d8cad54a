/** Wrong credentials fail at synth with the value and the remedy. What the type checker refuses too is forced past it here. */
import { describe, expect, test } from 'vitest';
import { WrongPropError } from '../../modules/index.ts';
import { credentialEndpoints, existing, refusal, synthesize, wikiCredential } from './integration.ts';

const entry = (changes: object) => ({ credentials: [{ rotate: [wikiCredential], endpoints: credentialEndpoints, ...changes }] });
const rotate = (...credentials: readonly unknown[]) => entry({ rotate: credentials });
const wiki = (changes: object) => rotate({ ...wikiCredential, ...changes });
const strategy = (changes: object) => wiki({ strategy: { kind: 'single', account: 'svc-wiki', ...changes } });
const window = (schedule: unknown, hours?: number, more: object = {}) => wiki({ window: { schedule, hours }, ...more });
const unknown = `$\{TfToken[TOKEN.999]}`;
const secret = (name: string, place = 'eu-central-1:111122223333') => `arn:aws:secretsmanager:${place}:secret:${name}-a1B2c3`;
const resetter = { name: 'resetter', strategy: { kind: 'single', account: 'svc-reset' } };
const reset = (resetBy: unknown) => wiki({ strategy: { kind: 'reset', account: 'svc-wiki', resetBy } });
const alternating = (changes: object) => wiki({ strategy: { kind: 'alternating', accounts: ['svc-wiki-a', 'svc-wiki-b'], ...changes } });
const vault = {
  address: 'https://vault.example.com:8200',
  mount: 'kv',
  login: { jwt: { mount: 'jwt', role: 'rotate-credential', audience: 'https://vault.example.com' } },
  network: { cidr: '10.0.8.15/32' },
};
const inVault = { ...wikiCredential, secret: { vaultPath: 'apps/wiki' } };
const sts = { existing: { ...credentialEndpoints.existing, stsSecurityGroupId: 'sg-0123456789abcdef3' } };
const withVault = (changes: object) => entry({ rotate: [inVault], endpoints: sts, vault: { ...vault, ...changes } });
const key = 'arn:aws:kms:eu-central-1:111122223333:key/1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d';
const many = (count: number, changes: (n: number) => object) =>
  rotate(
    ...Array.from({ length: count }, (_, n) => ({ name: `app-${n}`, strategy: { kind: 'single', account: `svc-${n}` }, ...changes(n) })),
  );
const lab = { existing: { ...existing, domain: 'lab.example.com' } };
const two = (...credentials: readonly object[]) => ({
  directories: [{ existing }, lab],
  roleMappings: [{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers', domains: ['corp.example.com'] }],
  credentials: credentials.map((changes) => ({ rotate: [wikiCredential], endpoints: credentialEndpoints, ...changes })),
});

const wrong: readonly (readonly [what: string, props: object, message: RegExp])[] = [
  ['no entry', { credentials: [] }, /^credentials is empty: give an entry for a directory/],
  ['an entry that is none', { credentials: [null] }, /^credentials has an entry that is null: give \{ rotate, endpoints \}/],
  [
    'another directory',
    entry({ directory: 'lab' }),
    /^credentials has an entry for directory "lab", which is not watched: name one of corp/,
  ],
  ['none of two directories', two({}), /^credentials has an entry without directory: name one of corp, lab/],
  ['two entries for one directory', two({ directory: 'lab' }, { directory: 'lab' }), /^credentials has two entries for directory "lab"/],
  [
    'one name in two directories',
    two({ directory: 'corp' }, { directory: 'lab' }),
    /^credentials has two of the name "wiki": give one of them another name/,
  ],
  [
    'endpoints of one VPC created twice',
    two({ directory: 'corp', endpoints: { created: true } }, { directory: 'lab', endpoints: { created: true }, rotate: [resetter] }),
    /^endpoints of credentials of two directories are to be created in vpc-0123456789abcdef0/,
  ],
  ['no credential', rotate(), /^rotate of credentials of "corp" is empty: give at least one/],
  ['a credential that is none', rotate(null), /^rotate has an entry that is null: give \{ name, strategy \}/],
  [
    'checks each minute',
    entry({ checkEveryMinutes: 1 }),
    /^checkEveryMinutes of credentials of "corp" is 1: give a whole number from 5 to 1440/,
  ],

  [
    'a name that is none',
    wiki({ name: 'Wiki Bot' }),
    /^name of a credential is "Wiki Bot": give 1 to 64 lower-case letters, digits and "-"/,
  ],
  ['a name of 65 characters', wiki({ name: 'a'.repeat(65) }), /^name of a credential is "a+": give 1 to 64/],
  ['a missing name', wiki({ name: undefined }), /^name of a credential is undefined: give 1 to 64/],
  ['a name known only at apply', wiki({ name: unknown }), /^name of a credential is known only at apply: write it in the props/],
  ['two of one name', rotate(wikiCredential, { ...resetter, name: 'wiki' }), /^rotate of credentials of "corp" has two of the name "wiki"/],
  [
    'one account in two credentials',
    rotate(wikiCredential, { name: 'again', strategy: { kind: 'alternating', accounts: ['svc-other', 'SVC-Wiki'] } }),
    /^rotate of credentials of "corp" has the account "svc-wiki" in two credentials: an account has one password/,
  ],

  ['a missing strategy', wiki({ strategy: undefined }), /^strategy of credential "wiki" is undefined: give \{ kind: 'single'/],
  [
    'another strategy',
    strategy({ kind: 'random' }),
    /^kind of strategy of credential "wiki" is "random": give "single" or "reset" or "alternating"/,
  ],
  [
    'an account with its domain',
    strategy({ account: 'CORP\\svc-wiki' }),
    /^account of strategy of credential "wiki" is "CORP\\svc-wiki": give a sAMAccountName/,
  ],
  [
    'an account of 21 characters',
    strategy({ account: 'a'.repeat(21) }),
    /^account of strategy of credential "wiki" is "a+": give a sAMAccountName of at most 20/,
  ],
  ['a missing account', strategy({ account: undefined }), /^account of strategy of credential "wiki" is undefined/],
  ['an account known only at apply', strategy({ account: unknown }), /^account of strategy of credential "wiki" is known only at apply/],
  [
    'the same account twice',
    alternating({ accounts: ['svc-wiki', 'SVC-WIKI'] }),
    /^accounts of strategy of credential "wiki" has "svc-wiki" twice: give two accounts/,
  ],
  [
    'one account to alternate',
    alternating({ accounts: ['svc-wiki'] }),
    /^accounts of strategy of credential "wiki" is \["svc-wiki"\]: give the two accounts/,
  ],
  [
    'three accounts',
    alternating({ accounts: ['a', 'b', 'c'] }),
    /^accounts of strategy of credential "wiki" is \["a","b","c"\]: give the two/,
  ],
  [
    'other differences',
    alternating({ differences: 'ignore' }),
    /^differences of strategy of credential "wiki" is "ignore": give "refuse" or "report"/,
  ],
  ['a reset by nobody', reset(undefined), /^resetBy of strategy of credential "wiki" is missing: give \{ secretArn \}/],
  ['a reset by no object', reset('resetter'), /^resetBy of strategy of credential "wiki" is "resetter": give \{ secretArn \}/],
  [
    'a reset by two',
    reset({ secretArn: secret('reset'), credential: 'resetter' }),
    /^resetBy of strategy of credential "wiki" is \{.+\}: give \{ secretArn \}/,
  ],
  [
    'a reset by a secret that is none',
    reset({ secretArn: 'reset' }),
    /^resetBy.secretArn of strategy of credential "wiki" is "reset": give the secret's full ARN/,
  ],
  [
    'a reset by a secret of another region',
    reset({ secretArn: secret('reset', 'eu-west-1:111122223333') }),
    /^resetBy.secretArn of strategy of credential "wiki" is "arn:.+": give a secret of the environment's own account and region/,
  ],
  ['a reset by itself', reset({ credential: 'wiki' }), /^resetBy.credential of credential "wiki" is "wiki", itself: name the credential/],
  [
    'a reset by a credential that there is not',
    reset({ credential: 'nobody' }),
    /^resetBy.credential of credential "wiki" is "nobody", which the directory does not have/,
  ],
  [
    'a reset by its own secret',
    wiki({ secret: { arn: secret('wiki') }, strategy: { kind: 'reset', account: 'svc-wiki', resetBy: { secretArn: secret('wiki') } } }),
    /^resetBy.secretArn of credential "wiki" is its own secret: name that of the account that resets it/,
  ],
  [
    'a reset by a credential in the vault',
    entry({
      rotate: [
        { ...resetter, secret: { vaultPath: 'reset' } },
        { ...wikiCredential, strategy: { kind: 'reset', account: 'svc-wiki', resetBy: { credential: 'resetter' } } },
      ],
      endpoints: sts,
      vault,
    }),
    /^resetBy.credential of credential "wiki" is "resetter", which is kept in a vault/,
  ],
  [
    'a single strategy with a reset',
    strategy({ resetBy: { secretArn: secret('reset') } }),
    /^resetBy of strategy of credential "wiki" is given, but with the strategy single/,
  ],

  ['no days between rotations', wiki({ everyDays: 0 }), /^everyDays of credential "wiki" is 0: give a whole number from 1 to 1000/],
  ['half days', wiki({ everyDays: 1.5 }), /^everyDays of credential "wiki" is 1.5: give a whole number/],
  ['a short password', wiki({ password: { length: 8 } }), /^password.length of credential "wiki" is 8: give a whole number from 16 to 127/],
  ['a long password', wiki({ password: { length: 128 } }), /^password.length of credential "wiki" is 128/],
  [
    'another alphabet',
    wiki({ password: { alphabet: 'digits' } }),
    /^password.alphabet of credential "wiki" is "digits": give "printable" or "safe"/,
  ],
  [
    'an hour of replication',
    wiki({ replicationSeconds: 3600 }),
    /^replicationSeconds of credential "wiki" is 3600: give a whole number from 0 to 600/,
  ],
  [
    'a test that reads no name',
    wiki({ test: { reads: ['Apps'] } }),
    /^test.reads of credential "wiki" is "Apps": give distinguished names/,
  ],
  ['a test that reads no list', wiki({ test: { reads: 'OU=Apps' } }), /^test.reads of credential "wiki" is "OU=Apps": give a list of/],
  [
    'a test that is a word',
    wiki({ test: { replicates: 'yes' } }),
    /^settings of credential "wiki" are wrong: test\.replicates: .+; give what its props say/,
  ],

  [
    'an empty place',
    wiki({ secret: {} }),
    /^secret of credential "wiki" is \{\}: give one of \{ arn \}, \{ bindSecret: true \} and \{ vaultPath \}/,
  ],
  ['two places', wiki({ secret: { arn: secret('wiki'), bindSecret: true } }), /^secret of credential "wiki" is \{.+\}: give one of/],
  ['no bind secret', wiki({ secret: { bindSecret: false } }), /^secret of credential "wiki" is \{"bindSecret":false\}: give one of/],
  [
    'a secret by its name',
    wiki({ secret: { arn: 'apps/wiki' } }),
    /^secret.arn of credential "wiki" is "apps\/wiki": give the secret's full ARN/,
  ],
  [
    'a secret of another account',
    wiki({ secret: { arn: secret('wiki', 'eu-central-1:444455556666') } }),
    /^secret.arn of credential "wiki" is "arn:.+": give a secret of the environment's own account and region/,
  ],
  [
    'two credentials in one secret',
    rotate({ ...wikiCredential, secret: { bindSecret: true } }, { ...resetter, secret: { bindSecret: true } }),
    /^secret of credentials "wiki" and "resetter" is the same: give each a place of its own/,
  ],
  [
    'two credentials at one path',
    entry({ rotate: [inVault, { ...resetter, secret: inVault.secret }], endpoints: sts, vault }),
    /^secret of credentials "wiki" and "resetter" is the same/,
  ],
  ['a path without a vault', rotate(inVault), /^secret.vaultPath of credential "wiki" is "apps\/wiki", but there is no vault/],
  [
    'a path that is none',
    entry({ rotate: [{ ...inVault, secret: { vaultPath: '/apps/wiki' } }], endpoints: sts, vault }),
    /^secret.vaultPath of credential "wiki" is "\/apps\/wiki": give a path such as/,
  ],
  [
    'a window of a vault',
    entry({ rotate: [{ ...inVault, window: { hours: 3 } }], endpoints: sts, vault }),
    /^window of credential "wiki" is given, but a vault has none/,
  ],
  [
    'a key that is none',
    wiki({ kmsKeyArn: 'alias/wiki' }),
    /^kmsKeyArn of credential "wiki" is "alias\/wiki": give the ARN of a key of eu-central-1/,
  ],
  [
    'a key of another region',
    wiki({ kmsKeyArn: key.replace('eu-central-1', 'eu-west-1') }),
    /^kmsKeyArn of credential "wiki" is ".+", of another region/,
  ],
  [
    'a key of the bind secret',
    wiki({ kmsKeyArn: key, secret: { bindSecret: true } }),
    /^kmsKeyArn of credential "wiki" is given: leave it out, the bind secret/,
  ],
  ['replicas that are none', wiki({ replicas: 'eu-west-1' }), /^replicas of credential "wiki" is "eu-west-1": give a list/],
  [
    'a replica where the secret is',
    wiki({ replicas: [{ region: 'eu-central-1' }] }),
    /^replicas of credential "wiki" has "eu-central-1", where the secret itself is/,
  ],
  [
    'a replica twice',
    wiki({ replicas: [{ region: 'eu-west-1' }, { region: 'eu-west-1' }] }),
    /^replicas of credential "wiki" has "eu-west-1" twice/,
  ],
  ['a replica that is none', wiki({ replicas: [null] }), /^replicas of credential "wiki" has an entry that is null: give \{ region \}/],
  ['a replica by its name', wiki({ replicas: ['eu-west-1'] }), /^replicas of credential "wiki" has an entry that is "eu-west-1": give/],
  ['a replica nowhere', wiki({ replicas: [{ region: 'Ireland' }] }), /^replicas of credential "wiki".region is "Ireland": give a region/],
  [
    'a replica under a key of elsewhere',
    wiki({ replicas: [{ region: 'eu-west-1', kmsKeyArn: key }] }),
    /^replicas of credential "wiki".kmsKeyArn is ".+", of another region/,
  ],
  [
    'replicas of a secret that is not ours',
    wiki({ secret: { arn: secret('wiki') }, replicas: [{ region: 'eu-west-1' }] }),
    /^replicas of credential "wiki" are of a secret that is not created here/,
  ],

  [
    'a schedule that is none',
    window('weekly'),
    /^window of credential "wiki".schedule is "weekly", no schedule of Secrets Manager: give cron/,
  ],
  ['a rate of minutes', window('rate(30 minutes)'), /^window of credential "wiki".schedule is "rate\(30 minutes\)", no schedule/],
  [
    'a rate below four hours',
    window('rate(3 hours)'),
    /^window of credential "wiki".schedule is "rate\(3 hours\)": Secrets Manager rotates every four hours at most/,
  ],
  [
    'a rate longer than everyDays',
    window('rate(31 days)'),
    /^window of credential "wiki".schedule is "rate\(31 days\)", which is longer than everyDays \(30\)/,
  ],
  ['a rate of a thousand days', window('rate(1000 days)', undefined, { everyDays: 1000 }), /takes up to 999 days/],
  ['a cron of five fields', window('cron(0 2 ? * SUN)'), /no schedule of Secrets Manager/],
  ['a cron on the half hour', window('cron(30 2 ? * SUN *)'), /whose minutes are not 0: windows open on the hour/],
  ['a cron of one year', window('cron(0 2 ? * SUN 2030)'), /whose year is not "\*"/],
  ['a cron of no hour', window('cron(0 24 ? * SUN *)'), /whose hours are not 0 to 23/],
  ['a cron of two days', window('cron(0 2 1 * SUN *)'), /whose days contradict each other/],
  ['a cron of neither day', window('cron(0 2 ? * ? *)'), /whose days contradict each other/],
  ['a cron of no month', window('cron(0 2 1 ! ? *)'), /whose days or months are none/],
  ['a cron each hour', window('cron(0 * * * ? *)'), /which opens windows less than four hours apart/],
  ['a cron around midnight', window('cron(0 1,23 * * ? *)'), /which opens windows less than four hours apart/],
  ['a cron of the 32nd', window('cron(0 2 32 * ? *)'), /whose days or months are none/],
  ['a cron of the month 13', window('cron(0 2 1 13 ? *)'), /whose days or months are none/],
  ['a cron of a month that is none', window('cron(0 2 1 FOO ? *)'), /whose days or months are none/],
  ['a cron of the eighth day of a week', window('cron(0 2 ? * 8 *)'), /whose days or months are none/],
  ['a cron of a day that is none', window('cron(0 2 ? * SON *)'), /whose days or months are none/],
  [
    'a window that is a schedule',
    wiki({ window: 'cron(0 2 ? * SUN *)' }),
    /^window of credential "wiki" is "cron.+": give \{ schedule, hours \}/,
  ],
  ['a window that is null', wiki({ window: null }), /^window of credential "wiki" is null: give \{ schedule, hours \}/],
  ['no hours', window(undefined, 0), /^window of credential "wiki".hours is 0: give a whole number from 1 to 24/],
  [
    'a window beyond midnight',
    window('cron(0 22 ? * SUN *)', 3),
    /^window of credential "wiki".hours is 3, but 2 hours after 22:00 UTC the next window opens or the day ends: give 2/,
  ],
  [
    'a window into the next one',
    window('cron(0 4/12 * * ? *)', 13),
    /^window of credential "wiki".hours is 13, but 12 hours after 4:00 UTC/,
  ],
  [
    'a window of a rate into the next one',
    window('rate(6 hours)', 7),
    /^window of credential "wiki".hours is 7, but 6 hours after 0:00 UTC/,
  ],

  ['missing endpoints', entry({ endpoints: undefined }), /^endpoints of credentials of "corp" is undefined: give \{ existing/],
  ['empty endpoints', entry({ endpoints: {} }), /^endpoints of credentials of "corp" is \{\}: give \{ existing/],
  [
    'endpoints both ways',
    entry({ endpoints: { ...credentialEndpoints, created: true } }),
    /^endpoints of credentials of "corp" is \{.+\}: give \{ existing/,
  ],
  ['endpoints not created', entry({ endpoints: { created: false } }), /^endpoints of credentials of "corp" is \{"created":false\}/],
  [
    'no endpoint of EventBridge',
    entry({ endpoints: { existing: {} } }),
    /^endpoints.existing.eventsSecurityGroupId of credentials of "corp" is missing/,
  ],
  [
    'an endpoint by its name',
    entry({ endpoints: { existing: { eventsSecurityGroupId: 'events' } } }),
    /^endpoints.existing.eventsSecurityGroupId of credentials of "corp" is "events": give an id/,
  ],
  [
    'no endpoint of STS where a token is asked for',
    entry({ rotate: [inVault], vault }),
    /^endpoints.existing.stsSecurityGroupId of credentials of "corp" is missing/,
  ],

  ['a vault that keeps nothing', entry({ vault, endpoints: sts }), /^vault of credentials of "corp" keeps none of them/],
  [
    'a vault without TLS',
    withVault({ address: 'http://vault.example.com:8200' }),
    /^vault of credentials of "corp" is wrong: address: .+ no https URL/,
  ],
  ['a vault with a token', withVault({ token: 'hvs.secret' }), /^vault of credentials of "corp" is wrong: token: /],
  ['a vault without a login', withVault({ login: undefined }), /^vault of credentials of "corp" is wrong: login: /],
  [
    'a vault without TLS behind a template',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what Terraform would read as a reference
    withVault({ address: 'http://vault.example.com:8200/${var.path}' }),
    /^vault of credentials of "corp" is wrong: address: .+ no https URL/,
  ],
  ['a vault known only at apply', withVault({ address: unknown }), /^vault of credentials of "corp".address is known only at apply/],
  [
    'a vault without a network',
    withVault({ network: undefined }),
    /^vault of credentials of "corp".network is undefined: give \{ cidr \} or/,
  ],
  ['a vault nowhere', withVault({ network: {} }), /^vault of credentials of "corp".network is empty/],
  [
    'a vault in two places',
    withVault({ network: { cidr: '10.0.8.15/32', securityGroupId: 'sg-0123456789abcdef4' } }),
    /^vault of credentials of "corp".network has both/,
  ],
  [
    'a vault anywhere',
    withVault({ network: { cidr: '0.0.0.0/0' } }),
    /^prefix of vault of credentials of "corp".network.cidr "0.0.0.0\/0" is 0: give a whole number from 8 to 32/,
  ],
  [
    'a vault at no address',
    withVault({ network: { cidr: '10.0.8.999/32' } }),
    /network.cidr "10.0.8.999\/32" is 999: give a whole number from 0 to 255/,
  ],
  [
    'a vault by its name',
    withVault({ network: { cidr: 'vault.example.com' } }),
    /network.cidr is "vault.example.com": give a range of IPv4 addresses/,
  ],
  [
    'a vault in a group by its name',
    withVault({ network: { securityGroupId: 'vault' } }),
    /network.securityGroupId is "vault": give an id/,
  ],
  [
    'more secrets of others than fit into the policy of the function',
    many(41, (n) => ({ secret: { arn: secret(`apps/app-${n}`) } })),
    /^rotate of credentials of "corp" has 41 secrets that are not created here, 40 fit into the function's policy: let the others be created/,
  ],
  [
    'so many keys that the policy of the role is too large',
    many(130, (n) => ({ kmsKeyArn: key.replace('1a2b', (0x1000 + n).toString(16)) })),
    /^policy of ad-lambda-test-rotate-credential-corp has \d+ characters, IAM allows 10240/,
  ],
];

test.each(wrong)('fails WHEN given %s', (_, props, message) => {
  const error = refusal(props);
  expect(error.message).toMatch(message);
  expect(error).toBeInstanceOf(WrongPropError);
  expect(error.message).toMatch(/^[a-z](?:.|\n)*[^.]$/);
  // Whatever somebody wrote by mistake, no message repeats a token.
  expect(error.message).not.toContain('hvs.secret');
});

describe('windows that Secrets Manager takes', () => {
  test.each([
    ['rate(4 hours)', 4],
    ['rate(30 days)', 24],
    ['cron(0 0 1 * ? *)', 24],
    ['cron(0 4/12 * * ? *)', undefined],
    ['cron(0 8-16/4 ? * MON-FRI *)', 4],
    ['cron(0 2 ? JAN,JUL 2#1 *)', 22],
  ])('GIVEN %s of %s hours WHEN synthesized THEN it is deployed as it is', (schedule, hours) => {
    const window = { schedule, ...(hours === undefined ? {} : { hours }) };
    const template = synthesize({ credentials: [{ rotate: [{ ...wikiCredential, window }], endpoints: credentialEndpoints }] });
    expect(template.one('aws_secretsmanager_secret_rotation').rotation_rules).toEqual({
      schedule_expression: schedule,
      ...(hours === undefined ? {} : { duration: `${hours}h` }),
    });
  });
});
