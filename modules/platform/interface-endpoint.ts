/** An interface endpoint of an AWS service in a function's VPC, behind a security group of its own. Whoever may reach it adds a rule to that group. */
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import { VpcEndpoint } from '@cdktf/provider-aws/lib/vpc-endpoint/index.js';
import type { Construct } from 'constructs';
import type { IntegrationEnvironment } from './integration-environment.ts';
import { policyDocument } from './policy.ts';

export interface InterfaceEndpointProps {
  readonly environment: IntegrationEnvironment;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  /** Last part of the service's name: `secretsmanager` in `com.amazonaws.eu-central-1.secretsmanager`. */
  readonly service: 'secretsmanager' | 'events' | 'sts';
  /** Last part of the security group's name. */
  readonly groupName: string;
  /** Of the security group. Terraform replaces a group whose description changes. */
  readonly description: string;
}

/** Creates it in the scope and returns the id of its security group, which lets nobody in yet. */
export function interfaceEndpoint(scope: Construct, id: string, props: InterfaceEndpointProps): string {
  const { environment, vpcId } = props;
  const group = new SecurityGroup(scope, `${id}-security-group`, {
    name: environment.resourceName('securityGroup', props.groupName),
    description: props.description,
    vpcId,
  });
  new VpcEndpoint(scope, id, {
    vpcId,
    serviceName: `com.amazonaws.${environment.region}.${props.service}`,
    vpcEndpointType: 'Interface',
    subnetIds: [...props.subnetIds],
    securityGroupIds: [group.id],
    privateDnsEnabled: true,
    policy: ownAccountPolicy(environment),
  });
  return group.id;
}

/** A data perimeter: nobody carries another account's credentials out through an endpoint that has it. */
export function ownAccountPolicy(environment: IntegrationEnvironment): string {
  return policyDocument([
    {
      Sid: 'OwnAccount',
      Effect: 'Allow',
      Principal: '*',
      Action: ['*'],
      Resource: ['*'],
      Condition: { StringEquals: { 'aws:PrincipalAccount': environment.account } },
    },
  ]);
}
