/** The three environments of the example. They differ by these props alone. */
import type { ActiveDirectoryIntegrationProps, RoleMapping } from '../modules/index.ts';

/** What an environment has of its own; the CA comes from whoever deploys, as TF_VAR_directory_ca. */
export type EnvironmentProps = (caCertificate: string) => ActiveDirectoryIntegrationProps;

const roleMappings: readonly [RoleMapping, ...RoleMapping[]] = [
  { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' },
  { id: 'auditors', group: { dn: 'CN=AWS-Auditors,OU=Groups,DC=corp,DC=example,DC=com' }, role: 'auditors' },
  { id: 'teams', group: { pattern: '^AWS-Team-(?<team>[A-Za-z0-9]+)$' }, role: 'team-$<team>' },
];

const domain = 'corp.example.com';
const account = '111122223333';
const region = 'eu-central-2';
const identityCenter = { identityStoreId: 'd-1234567890' } as const;

/** Networks that exist before the integration does. */
const network = {
  vpcId: 'vpc-0d1e2f3a4b5c6d7e8',
  subnetIds: ['subnet-0a1b2c3d4e5f60718', 'subnet-0b2c3d4e5f6071829'],
  endpoints: { existing: { dynamodbPrefixListId: 'pl-66a5400f', secretsManagerSecurityGroupId: 'sg-0c3d4e5f60718293a' } },
} as const;

export const environments: Readonly<Record<'dev' | 'staging' | 'prod', EnvironmentProps>> = {
  dev: (caCertificate) => ({
    name: 'dev',
    account,
    region,
    directories: [
      {
        existing: {
          domain,
          ldapsUrls: ['ldaps://dc1.corp.example.com:636'],
          caCertificate,
          network: { ...network, directorySecurityGroupId: 'sg-0d4e5f60718293a4b' },
        },
      },
    ],
    roleMappings,
    identityCenter,
    logRetentionDays: 14,
    auditRetentionDays: 30,
    deletionProtection: false,
  }),

  staging: (caCertificate) => ({
    name: 'staging',
    account,
    region,
    directories: [
      {
        created: {
          domain,
          shortName: 'CORP',
          edition: 'Standard',
          caCertificate,
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
    roleMappings,
    identityCenter: { ...identityCenter, onDeleted: 'keep' },
  }),

  prod: (caCertificate) => ({
    name: 'prod',
    account,
    region,
    directories: [
      {
        existing: {
          domain,
          ldapsUrls: ['ldaps://dc1.corp.example.com:636', 'ldaps://dc2.corp.example.com:636'],
          caCertificate,
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
    roleMappings,
    identityCenter,
    alarmActions: [`arn:aws:sns:${region}:${account}:platform-on-call`],
    permissionsBoundaryArn: `arn:aws:iam::${account}:policy/platform-boundary`,
    archiveRetentionDays: 90,
    logRetentionDays: 180,
    tags: { CostCentre: 'identity' },
  }),
};
