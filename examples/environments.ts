/** The three environments of the example. They differ by these props alone. */
import { fileURLToPath } from 'node:url';
import { type ActiveDirectoryIntegrationProps, environmentBoundaryArn, type RoleMapping, starterPolicies } from '../modules/index.ts';

/** What comes from whoever deploys: a Terraform variable each, for the environments that ask for it. */
export interface Variables {
  readonly directoryCa: () => string;
  readonly scimEndpoint: () => string;
}

/** What an environment has of its own. */
export type EnvironmentProps = (variables: Variables) => ActiveDirectoryIntegrationProps;

const domain = 'corp.example.com';
const account = '111122223333';
const region = 'eu-central-2';

/** Roles without a target hold at an environment's only one. */
const roleMappings = (targets?: readonly string[]): readonly [RoleMapping, ...RoleMapping[]] => {
  const at = targets && { targets };
  return [
    { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers', ...at },
    { id: 'auditors', group: { dn: 'CN=AWS-Auditors,OU=Groups,DC=corp,DC=example,DC=com' }, role: 'auditors', ...at },
    { id: 'teams', group: { pattern: '^AWS-Team-(?<team>[A-Za-z0-9]+)$' }, role: 'team-$<team>', ...at },
  ];
};

/** A group's name says which access to which account its members have: AWS-111122223333-ReadOnly. */
const accountAccess: RoleMapping = {
  id: 'account-access',
  group: { pattern: '^AWS-(?<account>\\d{12})-(?<permissionSet>[\\w-]+)$' },
  role: 'AWS-$<account>-$<permissionSet>',
  targets: ['identity-center'],
  assignments: [{ account: '$<account>', permissionSet: '$<permissionSet>' }],
};

const administrators: RoleMapping = {
  id: 'administrators',
  group: { name: 'Cloud-Administrators' },
  role: 'cloud-administrators',
  targets: ['identity-center'],
  assignments: [{ account, permissionSet: 'Administration' }],
  labels: ['privileged'],
  unless: ['lockedOut', 'passwordMustChange'],
};

const identityStore = { identityStoreId: 'd-1234567890' } as const;

/** IAM Identity Center where roles also bring access to AWS accounts. */
const identityCenter = {
  ...identityStore,
  instanceArn: 'arn:aws:sso:::instance/ssoins-1234567890abcdef',
  permissionSets: {
    ReadOnly: 'arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef',
    Administration: 'arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-234567890abcdef1',
  },
  accounts: [account, '444455556666'],
};

/** What must hold whatever the mappings say. */
const policies = [starterPolicies.mappedGrants, starterPolicies.stalePasswords, fileURLToPath(new URL('policies', import.meta.url))];

/** Networks that exist before the integration does. */
const network = {
  vpcId: 'vpc-0d1e2f3a4b5c6d7e8',
  subnetIds: ['subnet-0a1b2c3d4e5f60718', 'subnet-0b2c3d4e5f6071829'],
  endpoints: { existing: { dynamodbPrefixListId: 'pl-66a5400f', secretsManagerSecurityGroupId: 'sg-0c3d4e5f60718293a' } },
} as const;

export const environments: Readonly<Record<'dev' | 'staging' | 'prod', EnvironmentProps>> = {
  dev: ({ directoryCa, scimEndpoint }) => ({
    name: 'dev',
    account,
    region,
    directories: [
      {
        existing: {
          domain,
          ldapsUrls: ['ldaps://dc1.corp.example.com:636'],
          caCertificate: directoryCa(),
          network: { ...network, directorySecurityGroupId: 'sg-0d4e5f60718293a4b' },
        },
      },
    ],
    credentials: [
      {
        endpoints: { existing: { eventsSecurityGroupId: 'sg-0f60718293a4b5c6d' } },
        rotate: [
          { name: 'password-reset', strategy: { kind: 'single', account: 'svc-password-reset' } },
          {
            name: 'build',
            strategy: { kind: 'alternating', accounts: ['svc-build-a', 'svc-build-b'], resetBy: { credential: 'password-reset' } },
          },
        ],
      },
    ],
    roleMappings: roleMappings(['identity-center', 'wiki']),
    targets: [{ identityCenter: identityStore }, { name: 'wiki', scim: { endpoint: scimEndpoint(), authentication: { bearer: true } } }],
    logRetentionDays: 14,
    auditRetentionDays: 30,
    deletionProtection: false,
    permissionsBoundaryArn: environmentBoundaryArn({ account, name: 'dev' }),
  }),

  staging: ({ directoryCa }) => ({
    name: 'staging',
    account,
    region,
    directories: [
      {
        created: {
          domain,
          shortName: 'CORP',
          edition: 'Standard',
          caCertificate: directoryCa(),
          network: {
            vpcId: 'vpc-0e2f3a4b5c6d7e8f9',
            subnetIds: ['subnet-0c3d4e5f607182930', 'subnet-0d4e5f60718293041'],
            endpoints: { created: { routeTableIds: ['rtb-0e5f6071829304152'] } },
          },
        },
        reaction: 'security-log',
        securityLog: { managed: true },
      },
    ],
    roleMappings: [...roleMappings(), accountAccess],
    policies,
    targets: [{ identityCenter, onDeleted: 'keep' }],
    permissionsBoundaryArn: environmentBoundaryArn({ account, name: 'staging' }),
  }),

  prod: ({ directoryCa, scimEndpoint }) => ({
    name: 'prod',
    account,
    region,
    directories: [
      {
        existing: {
          domain,
          ldapsUrls: ['ldaps://dc1.corp.example.com:636', 'ldaps://dc2.corp.example.com:636'],
          caCertificate: directoryCa(),
          bindSecretArn: `arn:aws:secretsmanager:${region}:${account}:secret:directory/reader-a1B2c3`,
          network: { ...network, directorySecurityGroupId: 'sg-0e5f60718293a4b5c', openDirectorySecurityGroup: false },
        },
        reaction: 'security-log',
        // Windows events as XML, which the CloudWatch agent on the domain controllers sends.
        securityLog: { logGroupName: '/corp/domain-controllers/security' },
        capture: {
          attributes: ['department', 'title'],
          scope: { exclude: { organizationalUnits: ['OU=Training,DC=corp,DC=example,DC=com'] } },
        },
      },
    ],
    credentials: [
      {
        endpoints: { existing: { eventsSecurityGroupId: 'sg-0f60718293a4b5c6d' } },
        rotate: [
          // The connector's own: two accounts that take turns, so that no poll binds with a password that has just changed.
          {
            name: 'directory-reader',
            strategy: { kind: 'alternating', accounts: ['svc-directory-a', 'svc-directory-b'] },
            secret: { bindSecret: true },
            window: { schedule: 'cron(0 2 ? * SUN *)', hours: 3 },
          },
          { name: 'password-reset', strategy: { kind: 'single', account: 'svc-password-reset' }, everyDays: 7 },
          {
            name: 'orders',
            strategy: { kind: 'alternating', accounts: ['svc-orders-a', 'svc-orders-b'], resetBy: { credential: 'password-reset' } },
            password: { alphabet: 'safe' },
            kmsKeyArn: `arn:aws:kms:${region}:${account}:key/1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d`,
            replicas: [{ region: 'eu-west-1' }],
          },
          {
            name: 'backup',
            strategy: { kind: 'reset', account: 'svc-backup', resetBy: { credential: 'password-reset' } },
            everyDays: 90,
            window: { schedule: 'rate(30 days)', hours: 4 },
          },
        ],
      },
    ],
    roleMappings: [...roleMappings(['identity-center', 'wiki']), accountAccess, administrators],
    policies,
    targets: [
      {
        identityCenter,
        attributes: { title: 'title' },
        // Half of what is allowed by default: more than that is nobody's ordinary working day.
        guard: {
          revocations: { run: { most: 25 }, hour: { most: 50 }, day: { most: 250 } },
          accounts: { run: { most: 10 }, hour: { most: 25 }, day: { most: 100 } },
        },
        reconcile: { everyMinutes: 30 },
      },
      {
        name: 'wiki',
        scim: {
          endpoint: scimEndpoint(),
          authentication: { bearer: true },
          secretArn: `arn:aws:secretsmanager:${region}:${account}:secret:wiki/scim-token-d4E5f6`,
        },
        attributes: { title: 'title', department: 'department' },
        onDeleted: 'deactivate',
        // Other people keep accounts there, too: what differs is told, and mended by hand.
        reconcile: { everyMinutes: 240, mode: 'report' },
      },
    ],
    alarmActions: [`arn:aws:sns:${region}:${account}:platform-on-call`],
    permissionsBoundaryArn: environmentBoundaryArn({ account, name: 'prod' }),
    archiveRetentionDays: 90,
    logRetentionDays: 180,
    tags: { CostCentre: 'identity' },
  }),
};
