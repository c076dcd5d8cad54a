/**
 * An AWS Managed Microsoft AD, created by a CloudFormation stack. Terraform's own resource takes the administrator's password as an
 * argument and keeps it in the state; here Secrets Manager makes it up and CloudFormation hands it over (AWS CloudFormation User Guide,
 * "Get a secret or secret value from Secrets Manager"), so it is in no plan and in no state.
 *
 * What AWS leaves to the team, and what has to be done before the first poll succeeds: install certificates for LDAPS on the domain
 * controllers (AWS Directory Service Administration Guide, "Enabling server-side LDAPS"), point the VPC's DNS at the directory, create the
 * account that binds with its delegated rights, and put its name and password into the bind secret.
 */
import { CloudformationStack } from '@cdktf/provider-aws/lib/cloudformation-stack/index.js';
import { DataAwsDirectoryServiceDirectory } from '@cdktf/provider-aws/lib/data-aws-directory-service-directory/index.js';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { matching } from '../platform/prop-checks.ts';

export interface ManagedDirectoryProps {
  readonly environment: IntegrationEnvironment;
  /** Last part of the stack's name and of the secret's. */
  readonly name: string;
  /** DNS name of the domain. */
  readonly domain: string;
  /** NetBIOS name of the domain, at most 15 characters: `CORP`. */
  readonly shortName: string;
  readonly edition: 'Standard' | 'Enterprise';
  readonly vpcId: string;
  /** Two subnets in different availability zones. */
  readonly subnetIds: readonly string[];
}

export class ManagedDirectory extends Construct {
  /** `d-` and ten digits or letters a to f, known when the directory is there. */
  readonly directoryId: string;
  readonly securityGroupId: string;
  /** Comma-separated addresses of the directory's DNS servers, for a Route 53 Resolver rule. In DHCP options they would cut detect-changes off: its security group opens no port 53. */
  readonly dnsIpAddresses: string;
  /** ARN of the secret with the administrator's password, `{"username": "Admin", "password"}`. */
  readonly adminSecretArn: string;

  constructor(scope: Construct, id: string, props: ManagedDirectoryProps) {
    super(scope, id);
    const { environment } = props;
    matching(
      'created.shortName',
      props.shortName,
      /^(?!-)[A-Za-z0-9-]{1,15}$/,
      'give a NetBIOS name of at most 15 letters, digits and "-"',
    );
    matching('created.edition', props.edition, /^(?:Standard|Enterprise)$/, 'give "Standard" or "Enterprise"');
    const survival = environment.deletionProtection ? 'Retain' : 'Delete';
    const stack = new CloudformationStack(this, 'stack', {
      name: `${environment.prefix}-${environment.name}-directory-${props.name}`,
      templateBody: JSON.stringify(template(props, survival)),
      policyBody: JSON.stringify(stackPolicy),
      timeoutInMinutes: 90,
      onFailure: 'ROLLBACK',
      timeouts: { create: '100m', delete: '60m' },
    });
    this.dnsIpAddresses = stack.outputs.lookup('DnsIpAddresses');
    this.adminSecretArn = stack.outputs.lookup('AdminSecretArn');
    this.directoryId = stack.outputs.lookup('DirectoryId');
    const directory = new DataAwsDirectoryServiceDirectory(this, 'directory', { directoryId: this.directoryId });
    this.securityGroupId = directory.securityGroupId;
  }
}

/** Nobody replaces or deletes the directory by an update of its stack. */
const stackPolicy = {
  Statement: [
    { Effect: 'Allow', Action: 'Update:*', Principal: '*', Resource: '*' },
    { Effect: 'Deny', Action: ['Update:Replace', 'Update:Delete'], Principal: '*', Resource: '*' },
  ],
};

function template({ environment, ...props }: ManagedDirectoryProps, survival: 'Retain' | 'Delete'): object {
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `AWS Managed Microsoft AD ${props.domain} of ${environment.prefix} ${environment.name}`,
    Resources: {
      AdminSecret: {
        Type: 'AWS::SecretsManager::Secret',
        DeletionPolicy: survival,
        UpdateReplacePolicy: survival,
        Properties: {
          Name: environment.path(`directory-admin/${props.name}`),
          Description: `administrator of ${props.domain}; made up here and known to nobody`,
          // 8 to 64 characters of three kinds at least (AWS Directory Service API Reference, CreateMicrosoftAD); without those that shells and JSON take for themselves.
          GenerateSecretString: {
            SecretStringTemplate: '{"username":"Admin"}',
            GenerateStringKey: 'password',
            PasswordLength: 48,
            ExcludeCharacters: '"\'\\/@$`{} ',
          },
        },
      },
      Directory: {
        Type: 'AWS::DirectoryService::MicrosoftAD',
        DeletionPolicy: survival,
        UpdateReplacePolicy: survival,
        Properties: {
          Name: props.domain,
          ShortName: props.shortName,
          Edition: props.edition,
          Password: { 'Fn::Join': ['', ['{{resolve:secretsmanager:', { Ref: 'AdminSecret' }, ':SecretString:password}}']] },
          VpcSettings: { VpcId: props.vpcId, SubnetIds: props.subnetIds },
        },
      },
    },
    Outputs: {
      DirectoryId: { Value: { Ref: 'Directory' } },
      DnsIpAddresses: { Value: { 'Fn::Join': [',', { 'Fn::GetAtt': ['Directory', 'DnsIpAddresses'] }] } },
      AdminSecretArn: { Value: { Ref: 'AdminSecret' } },
    },
  };
}
