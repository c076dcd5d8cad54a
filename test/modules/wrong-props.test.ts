/** Wrong props fail at synth with the value and the remedy. What the type checker refuses too is forced past it here. */
import { Fn, TerraformVariable } from 'cdktf';
import { describe, expect, test } from 'vitest';
import {
  ActiveDirectoryIntegration,
  type ActiveDirectoryIntegrationProps,
  type CaptureProps,
  type DirectoryProps,
  type HandlerFunctionProps,
  type LdapsUrl,
  type LogRetentionDays,
  type PollSchedule,
  type SecurityLogProps,
  type TargetProps,
  WrongPropError,
} from '../../modules/index.ts';
import { created, existing, identityCenter, leastProps, refusal, scim, synthesize } from './integration.ts';
import { Template } from './template.ts';

const given = (changes: object) => ({ directories: [{ existing: { ...existing, ...changes } }] });
const watched = (changes: object) => ({ directories: [{ existing, ...changes }] });
const network = (changes: object) => given({ network: { ...existing.network, ...changes } });
const newDirectory = (changes: object) => ({ directories: [{ created: { ...created, ...changes } }] });
const endpoints = (value: object) => network({ endpoints: value });

const wrong: readonly (readonly [what: string, props: object, message: RegExp])[] = [
  ['a name with capitals', { name: 'Dev' }, /^name is "Dev": give lower-case letters/],
  ['an empty name', { name: '' }, /^name is "": give lower-case/],
  [
    'a name too long for a bucket',
    { name: 'a'.repeat(45) },
    /has \d+ characters, 63 are allowed: shorten prefix or the environment's name/,
  ],
  ['a prefix that AWS keeps for itself', { prefix: 'aws-identity' }, /^prefix is "aws-identity": AWS reserves names/],
  ['an account with dashes', { account: '1111-2222-3333' }, /^account is "1111-2222-3333": give the 12 digits/],
  ['an account of 11 digits', { account: '11112222333' }, /^account is "11112222333"/],
  ['a region that is none', { region: 'frankfurt' }, /^region is "frankfurt": give a region such as/],
  ['an alarm action that is no ARN', { alarmActions: ['on-call'] }, /^alarmActions is "on-call": give the ARN/],
  [
    'a boundary that is no policy',
    { permissionsBoundaryArn: 'arn:aws:iam::111122223333:role/x' },
    /^permissionsBoundaryArn is .+: give the ARN of an IAM policy/,
  ],
  [
    'a retention CloudWatch does not know',
    { logRetentionDays: 31 },
    /^logRetentionDays is 31: give one that CloudWatch Logs accepts \(1, 3, 5/,
  ],
  ['an audit retention of none', { auditRetentionDays: 0 }, /^auditRetentionDays is 0: give one/],
  ['an audit lock of no kind', { auditLock: 'legal' }, /^auditLock is "legal": give "governance" or "compliance"/],
  ['an archive kept for half a day', { archiveRetentionDays: 0.5 }, /^archiveRetentionDays is 0.5: give a whole number from 1/],
  ['a schedule below a minute', watched({ schedule: 'rate(0 minutes)' }), /^schedule is "rate\(0 minutes\)": give rate\(1 minute\)/],
  ['a schedule in seconds', watched({ schedule: 'rate(30 seconds)' }), /^schedule is "rate\(30 seconds\)"/],
  ['a schedule of half minutes', watched({ schedule: 'rate(0.5 minutes)' }), /^schedule is "rate\(0.5 minutes\)"/],
  [
    'a schedule of two hours',
    watched({ schedule: 'rate(120 minutes)' }),
    /^schedule is "rate\(120 minutes\)": give .+ up to rate\(60 minutes\)/,
  ],
  ['a reserved tag', { tags: { 'aws:owner': 'x' } }, /^tags has "aws:owner": AWS reserves/],
  ['nine tags', { tags: Object.fromEntries([...'abcdefghi'].map((key) => [key, key])) }, /^tags has 9 entries: an S3 object takes eight/],
  ['a tag too long', { tags: { note: 'x'.repeat(257) } }, /^tags has "note": keys take 128 characters and values 256/],

  ['a tag with a sign AWS refuses', { tags: { owner: 'R&D <x>' } }, /^tags has "owner": keys and values take letters/],
  ['a tag that Terraform would run', { tags: { owner: `$\{file("/etc/hostname")}` } }, /^tags has "owner": keys and values/],
  ['a partition that is none', { partition: 'aws-x"' }, /^partition is "aws-x"": give "aws"/],
  ['a partition of another region', { partition: 'aws-cn' }, /^partition is "aws-cn": region .+ is in "aws", give that/],
  ['six alarm actions', { alarmActions: Array(6).fill('arn:aws:sns:eu-central-1:111122223333:on-call') }, /^alarmActions has 6 entries/],
  ['an alarm action for all topics', { alarmActions: ['arn:aws:sns:eu-central-1:111122223333:*'] }, /^alarmActions is /],
  [
    'a bind secret for all secrets',
    given({ bindSecretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:*-a1B2c3' }),
    /^bindSecretArn is /,
  ],
  [
    'a bind secret of another account',
    given({ bindSecretArn: 'arn:aws:secretsmanager:eu-central-1:444455556666:secret:reader-a1B2c3' }),
    /^bindSecretArn is .+: give a secret of the environment's own account and region/,
  ],
  ['an existing and a created directory', { directories: [{ existing, created }] }, /^directory has both existing and created: give one/],
  [
    'a directory of another edition',
    newDirectory({ edition: 'Ultimate' }),
    /^created.edition is "Ultimate": give "Standard" or "Enterprise"/,
  ],
  ['a missing name', { name: undefined }, /^name is undefined: give lower-case/],
  ['missing directories', { directories: undefined }, /^directories is undefined: give a list; name at least one/],
  ['no directory', { directories: [] }, /^directories is empty: name at least one, \{ existing \} or \{ created \}/],
  ['a directory that is none', { directories: [{ existing }, null] }, /^directory is null: give \{ existing \} or \{ created \}/],
  ['a missing network', given({ network: undefined }), /^network is undefined: give vpcId/],
  ['missing role mappings', { roleMappings: undefined }, /^role/],
  [
    'alarm actions that are no list',
    { alarmActions: 'arn:aws:sns:eu-central-1:111122223333:on-call' },
    /^alarmActions is ".+": give a list/,
  ],
  ['a tag without a value', { tags: { owner: undefined } }, /^tags has "owner" as undefined: give text/],
  ['a directory of neither kind', { directories: [{}] }, /^directory is empty: give either/],
  ['a domain of one label', given({ domain: 'corp' }), /^directory.domain is "corp": give the domain's DNS name/],
  ['a domain as a distinguished name', given({ domain: 'DC=corp,DC=example,DC=com' }), /^directory.domain is "DC=corp/],
  ['a domain with an empty label', given({ domain: 'corp..com' }), /^directory.domain is "corp..com"/],
  [
    'plain LDAP',
    given({ ldapsUrls: ['ldap://dc1.corp.example.com'] }),
    /^ldapsUrls has "ldap:\/\/dc1.corp.example.com", which is not encrypted: give ldaps:/,
  ],
  [
    'StartTLS on 389',
    given({ ldapsUrls: ['ldaps://dc1.corp.example.com:389'] }),
    /^ldapsUrls has "ldaps:\/\/dc1.corp.example.com:389": .+ port 636 alone/,
  ],
  ['the global catalogue', given({ ldapsUrls: ['ldaps://dc1.corp.example.com:3269'] }), /port 636 alone/],
  [
    'an address for a host',
    given({ ldapsUrls: ['ldaps://10.0.0.1:636'] }),
    /^ldapsUrls has "ldaps:\/\/10.0.0.1:636": its host has to be the name in the domain controller's certificate/,
  ],
  ['a path', given({ ldapsUrls: ['ldaps://dc1.corp.example.com/dc=corp'] }), /its host has to be the name/],
  ['credentials in a URL', given({ ldapsUrls: ['ldaps://cn=reader:secret@dc1.corp.example.com:636'] }), /ldapsUrls has /],
  ['two controllers in one string', given({ ldapsUrls: ['ldaps://dc1.corp.example.com,ldaps://dc2.corp.example.com'] }), /ldapsUrls has /],
  ['no domain controller', given({ ldapsUrls: [] }), /^ldapsUrls is empty: name at least one/],
  ['a CA that is no PEM', given({ caCertificate: 'ca.pem' }), /^caCertificate is "ca.pem": give the PEM of the CA/],
  ['an empty CA', given({ caCertificate: '' }), /^caCertificate is "": give the PEM/],
  [
    'a PEM that is no certificate',
    given({ caCertificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }),
    /is no X.509 certificate: give the PEM/,
  ],
  [
    'a CA with its private key',
    given({ caCertificate: `${existing.caCertificate}-----BEGIN PRIVATE KEY-----` }),
    /^caCertificate holds a private key/,
  ],
  [
    'a chain too long for the environment',
    given({ caCertificate: existing.caCertificate.repeat(6) }),
    /^caCertificate has \d+ bytes, 3000 are allowed: give only the issuing root/,
  ],
  [
    'a secret by its name',
    given({ bindSecretArn: 'directory/reader' }),
    /^bindSecretArn is "directory\/reader": give the secret's full ARN/,
  ],
  ['a partial secret ARN', given({ bindSecretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:x' }), /six last characters/],
  ['no subnet', network({ subnetIds: [] }), /^network.subnetIds is empty: name the subnets/],
  ['a subnet by its name', network({ subnetIds: ['private-a'] }), /^network.subnetIds is "private-a": give ids/],
  ['a VPC by its name', network({ vpcId: 'main' }), /^network.vpcId is "main": give an id/],
  ['no security group', network({ directorySecurityGroupId: '' }), /^network.directorySecurityGroupId is "": give an id/],
  ['no endpoints', endpoints({}), /^network.endpoints is empty: give either existing or created endpoints/],
  [
    'a prefix list that is none',
    endpoints({ existing: { dynamodbPrefixListId: '10.0.0.0/8', secretsManagerSecurityGroupId: 'sg-0123456789abcdef1' } }),
    /dynamodbPrefixListId is "10.0.0.0\/8": give an id/,
  ],
  [
    'an endpoint group that is none',
    endpoints({ existing: { dynamodbPrefixListId: 'pl-66a5400f', secretsManagerSecurityGroupId: 'x' } }),
    /secretsManagerSecurityGroupId is "x": give an id/,
  ],
  ['no route tables', endpoints({ created: { routeTableIds: [] } }), /routeTableIds is empty: name the subnets' route tables/],
  ['a route table that is none', endpoints({ created: { routeTableIds: ['main'] } }), /routeTableIds is "main": give ids/],
  [
    'a created directory in one subnet',
    newDirectory({ network: { ...created.network, subnetIds: ['subnet-0123456789abcdef0'] } }),
    /^network.subnetIds has 1 entries: a created directory takes two/,
  ],
  [
    'a NetBIOS name too long',
    newDirectory({ shortName: 'CORPORATEDIRECTORY' }),
    /^created.shortName is "CORPORATEDIRECTORY": give a NetBIOS name/,
  ],

  ['no role mappings', { roleMappings: [] }, /^roleMappings is empty: give at least one/],
  ['a mapping without a role', { roleMappings: [{ id: 'x', group: { name: 'X' } }] }, /^access configuration is wrong: mappings\.0\.role/],
  [
    'two mappings of one id',
    { roleMappings: [1, 2].map((n) => ({ id: 'x', group: { name: `X${n}` }, role: 'x' })) },
    /two role mappings have the same id/,
  ],
  ['a mapping by two selectors', { roleMappings: [{ id: 'x', group: { name: 'X', sid: 'S-1-5-21-1' }, role: 'x' }] }, /exactly one of/],
  [
    'a group by no distinguished name',
    { roleMappings: [{ id: 'x', group: { dn: 'Developers' }, role: 'x' }] },
    /access configuration is wrong/,
  ],
  ['a pattern without anchors', { roleMappings: [{ id: 'x', group: { pattern: 'AWS-.*' }, role: 'x' }] }, /access configuration is wrong/],
  ['a reserved role', { roleMappings: [{ id: 'x', group: { name: 'X' }, role: 'Administrator' }] }, /is reserved by IAM Identity Center/],
];

test.each(wrong)('fails WHEN given %s', (_, props, message) => {
  expect(refusal(props).message).toMatch(message);
});

test('GIVEN every message WHEN props are wrong THEN it is lower case at its start, has a remedy and no full stop', () => {
  for (const [what, props] of wrong) {
    const { message } = refusal(props);
    expect(message, what).toMatch(/^[a-z]/);
    expect(message, what).not.toMatch(/\.$/);
  }
});

test('GIVEN a wrong prop WHEN synthesized THEN the error can be told by its class', () => {
  expect(() => synthesize({ account: '1' })).toThrow(WrongPropError);
});

describe('GIVEN values known only at apply WHEN synthesized THEN they pass', () => {
  test('a CA and ids from variables', () => {
    const template = Template.synthesize((stack) => {
      const variable = new TerraformVariable(stack, 'value', { type: 'string' }).stringValue;
      new ActiveDirectoryIntegration(stack, 'integration', {
        ...leastProps,
        directories: [
          {
            existing: { ...existing, caCertificate: variable, bindSecretArn: variable, network: { ...existing.network, vpcId: variable } },
          },
        ],
      });
    });
    expect(template.lambda('ad-lambda-test-detect-changes-corp').environment.variables.LDAP_CA).toBe(`\${var.value}`);
  });

  test('but role mappings have to be known', () => {
    const roleMappings = Fn.jsondecode('[]') as unknown as ActiveDirectoryIntegrationProps['roleMappings'];
    expect(() => synthesize({ roleMappings })).toThrow(/^roleMappings is known only at apply: write the mappings in the props/);
  });
});

test('GIVEN the types WHEN a consumer errs THEN the type checker refuses what it can tell, before any synth', () => {
  // Each line below has to be a type error: the type check of this project fails if one is not.
  const refused: readonly ((props: HandlerFunctionProps) => unknown)[] = [
    // @ts-expect-error plain LDAP
    (): LdapsUrl => 'ldap://dc1.corp.example.com',
    // @ts-expect-error a schedule in seconds
    (): PollSchedule => 'rate(30 seconds)',
    // @ts-expect-error a retention CloudWatch does not know
    (): LogRetentionDays => 31,
    // @ts-expect-error no role mapping
    (): ActiveDirectoryIntegrationProps['roleMappings'] => [],
    // @ts-expect-error no target
    (): ActiveDirectoryIntegrationProps['targets'] => [],
    // @ts-expect-error a target of two kinds
    (): TargetProps => ({ identityCenter, scim }),
    // @ts-expect-error a target of no kind
    (): TargetProps => ({ name: 'wiki' }),
    // @ts-expect-error a setting that the kind has not
    (): TargetProps => ({ identityCenter: { ...identityCenter, endpoint: scim.endpoint } }),
    // @ts-expect-error a directory that exists and is to be created
    (): DirectoryProps => ({ existing, created }),
    // @ts-expect-error no directory
    (): ActiveDirectoryIntegrationProps['directories'] => [],
    // @ts-expect-error a log both managed and its own
    (): SecurityLogProps => ({ managed: true, logGroupName: '/corp/security' }),
    // @ts-expect-error the module's own setting
    (): CaptureProps => ({ actorsTable: 'mine' }),
    // @ts-expect-error code of the consumer's own
    (props: HandlerFunctionProps): HandlerFunctionProps => ({ ...props, code: 'mine.zip' }),
    // @ts-expect-error a runtime of the consumer's own
    (props: HandlerFunctionProps): HandlerFunctionProps => ({ ...props, runtime: 'nodejs24.x' }),
  ];
  expect(refused).toHaveLength(14);
});
