/** A complete integration with the least props, for tests to change one thing at a time. */
import { ActiveDirectoryIntegration, type ActiveDirectoryIntegrationProps } from '../../modules/index.ts';
import { Template } from './template.ts';

/** A self-signed CA made for these tests; nobody has its key. */
export const caCertificate = `-----BEGIN CERTIFICATE-----
MIIBlzCCAT2gAwIBAgIUewQU8MfUoRaQdfFSg+wSf/UonkwwCgYIKoZIzj0EAwIw
IDEeMBwGA1UEAwwVY29ycC5leGFtcGxlLmNvbSByb290MCAXDTI2MTEyMjIyNTc1
NFoYDzIxMjYxMDI5MjI1NzU0WjAgMR4wHAYDVQQDDBVjb3JwLmV4YW1wbGUuY29t
IHJvb3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQMaaQlACe1docQFBHa4AxZ
ootTfc+F4nPgNYxcUDEXEU2QE2fww4SsBjBjGh7za8Kwcv5W4Fi5UeZBFu7riUlh
o1MwUTAdBgNVHQ4EFgQUGB7le0YJTdUlRU3KC5KiitAmS3wwHwYDVR0jBBgwFoAU
GB7le0YJTdUlRU3KC5KiitAmS3wwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
AgNIADBFAiEAwo1adxLed+bIXqNgDDWoIZ0fLs6srlkbz+ZHl4suHAUCIEYPFvfM
YjIey6LKldoPhlwI5qIhX4IbcAw+RucSctKC
-----END CERTIFICATE-----
`;

export const existing = {
  domain: 'corp.example.com',
  ldapsUrls: ['ldaps://dc1.corp.example.com:636', 'ldaps://dc2.corp.example.com'],
  caCertificate,
  network: {
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    directorySecurityGroupId: 'sg-0123456789abcdef0',
    endpoints: { existing: { dynamodbPrefixListId: 'pl-66a5400f', secretsManagerSecurityGroupId: 'sg-0123456789abcdef1' } },
  },
} as const;

export const created = {
  domain: 'corp.example.com',
  shortName: 'CORP',
  edition: 'Standard',
  caCertificate,
  network: {
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    endpoints: { created: { routeTableIds: ['rtb-0123456789abcdef0'] } },
  },
} as const;

export const identityCenter = { identityStoreId: 'd-1234567890' } as const;

/** Identity Center where roles bring access to AWS accounts. */
export const accountAccess = {
  ...identityCenter,
  instanceArn: 'arn:aws:sso:::instance/ssoins-1234567890abcdef',
  permissionSets: { ReadOnly: 'arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef' },
  accounts: ['111122223333'],
};

export const scim = { endpoint: 'https://wiki.example.com/scim/v2', authentication: { bearer: true } } as const;

export const credentialEndpoints = { existing: { eventsSecurityGroupId: 'sg-0123456789abcdef2' } } as const;
export const wikiCredential = { name: 'wiki', strategy: { kind: 'single', account: 'svc-wiki' } } as const;

export const leastProps: ActiveDirectoryIntegrationProps = {
  name: 'test',
  account: '111122223333',
  region: 'eu-central-1',
  directories: [{ existing }],
  roleMappings: [{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' }],
  targets: [{ identityCenter }],
};

/** The mapping of the least props where there are several targets, or several directories: from groups of the first. */
export const mappedTo = (...targets: readonly string[]) =>
  [{ ...leastProps.roleMappings[0], targets, domains: [existing.domain] }] as const;

export function synthesize(changed: Partial<ActiveDirectoryIntegrationProps> = {}): Template {
  return Template.synthesize((stack) => {
    new ActiveDirectoryIntegration(stack, 'integration', { ...leastProps, ...changed });
  });
}

/** The error that synth ends with for these props, without which a test fails. */
export function refusal(props: object): Error {
  try {
    synthesize(props as Partial<ActiveDirectoryIntegrationProps>);
  } catch (error) {
    return error as Error;
  }
  throw new Error(`synthesized, and was to be refused: ${JSON.stringify(props)}`);
}
