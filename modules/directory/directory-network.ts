/**
 * The way of a function to the domain controllers: TCP 636 to their security group, TCP 443 to DynamoDB's gateway endpoint and to Secrets
 * Manager's interface endpoint, and nowhere else but where it is let out by name. Nothing may open a connection to it.
 */
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import { VpcEndpoint } from '@cdktf/provider-aws/lib/vpc-endpoint/index.js';
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule/index.js';
import { VpcSecurityGroupIngressRule } from '@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js';
import { Construct } from 'constructs';
import type { FunctionName } from '../../handlers/functions.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { interfaceEndpoint, ownAccountPolicy } from '../platform/interface-endpoint.ts';
import { formats, matching, type NonEmpty, nonEmpty, present, WrongPropError } from '../platform/prop-checks.ts';

/** Endpoints that the VPC has already. */
export interface ExistingEndpoints {
  /** Prefix list of DynamoDB's gateway endpoint in this region; the subnets' route tables lead there. */
  readonly dynamodbPrefixListId: string;
  /** Security group of Secrets Manager's interface endpoint. It has to let the function in at TCP 443. */
  readonly secretsManagerSecurityGroupId: string;
}

/**
 * Endpoints to create, in a VPC that has none. Their DNS names and routes count for the whole VPC, so where anything else in the VPC
 * uses Secrets Manager, create the endpoint with the VPC and name it as an existing one.
 */
export interface CreatedEndpoints {
  /** Route tables of the function's subnets. */
  readonly routeTableIds: NonEmpty<string>;
}

export interface DirectoryNetworkProps {
  readonly vpcId: string;
  /** Subnets of the function, with a route to the domain controllers. */
  readonly subnetIds: NonEmpty<string>;
  readonly endpoints:
    | { readonly existing: ExistingEndpoints; readonly created?: never }
    | { readonly created: CreatedEndpoints; readonly existing?: never };
}

/** The domain controllers' side of the way. */
export interface DomainControllers {
  readonly securityGroupId: string;
  /** Adds a rule to the domain controllers' security group that lets the function in. */
  readonly openSecurityGroup: boolean;
}

export interface DomainControllersProps extends DomainControllers {
  readonly environment: IntegrationEnvironment;
  /** Whose way it is. */
  readonly function: FunctionName;
  /** Name of the directory, the last part of the security groups' names. */
  readonly name: string;
  readonly network: DirectoryNetworkProps;
  /** What else it reaches, for people, in the description of its security group. @default 'HTTPS to its two endpoints' */
  readonly reaches?: string;
}

/** Where a function may be let out to. */
export type Destination =
  | { readonly referencedSecurityGroupId: string }
  | { readonly prefixListId: string }
  | { readonly cidrIpv4: string };

export class DirectoryNetwork extends Construct {
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
  /** The endpoints it uses, of the VPC or created here. */
  readonly endpoints: ExistingEndpoints;
  readonly createsEndpoints: boolean;
  readonly #function: FunctionName;
  readonly #environment: IntegrationEnvironment;

  constructor(scope: Construct, id: string, props: DomainControllersProps) {
    super(scope, id);
    const { environment, network } = props;
    present('network.endpoints', network.endpoints, 'give { existing } or { created }');
    this.#environment = environment;
    this.#function = props.function;
    this.vpcId = matching('network.vpcId', network.vpcId, formats.vpc, 'give an id such as vpc-0123456789abcdef0');
    this.subnetIds = nonEmpty(
      'network.subnetIds',
      network.subnetIds,
      'name the subnets from which the domain controllers can be reached',
    ).map((subnet) => matching('network.subnetIds', subnet, formats.subnet, 'give ids such as subnet-0123456789abcdef0'));
    const group = new SecurityGroup(this, 'security-group', {
      name: environment.resourceName('securityGroup', `${props.function}-${props.name}`),
      description: `${props.function}: LDAPS to the domain controllers, ${props.reaches ?? 'HTTPS to its two endpoints'}, nothing inbound`,
      vpcId: this.vpcId,
    });
    this.securityGroupId = group.id;

    const controllers = matching(
      'network.directorySecurityGroupId',
      props.securityGroupId,
      formats.securityGroup,
      'give an id such as sg-0123456789abcdef0',
    );
    this.allowOut('to-directory', 636, 'LDAPS to the domain controllers', { referencedSecurityGroupId: controllers });
    if (props.openSecurityGroup) this.allowIn('directory-from-function', 636, controllers);

    this.createsEndpoints = network.endpoints.created !== undefined;
    this.endpoints = this.#endpoints(network, props.name);
    const { dynamodbPrefixListId, secretsManagerSecurityGroupId } = this.endpoints;
    this.allowOut('to-dynamodb', 443, 'DynamoDB, by its gateway endpoint', { prefixListId: dynamodbPrefixListId });
    this.allowOut('to-secrets-manager', 443, 'Secrets Manager, by its interface endpoint', {
      referencedSecurityGroupId: secretsManagerSecurityGroupId,
    });
  }

  /** Lets the function out. */
  allowOut(id: string, port: number, description: string, to: Destination): void {
    new VpcSecurityGroupEgressRule(this, id, {
      securityGroupId: this.securityGroupId,
      description,
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      ...to,
    });
  }

  /** Adds a rule to another security group that lets the function in. */
  allowIn(id: string, port: number, securityGroupId: string): void {
    new VpcSecurityGroupIngressRule(this, id, {
      securityGroupId,
      description: `${this.#function} of ${this.#environment.prefix} ${this.#environment.name}`,
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      referencedSecurityGroupId: this.securityGroupId,
    });
  }

  #endpoints({ endpoints }: DirectoryNetworkProps, name: string): ExistingEndpoints {
    if (endpoints.existing && endpoints.created)
      throw new WrongPropError('network.endpoints has both existing and created: give one of them');
    if (endpoints.existing) {
      const { dynamodbPrefixListId, secretsManagerSecurityGroupId } = endpoints.existing;
      matching(
        'network.endpoints.existing.dynamodbPrefixListId',
        dynamodbPrefixListId,
        formats.prefixList,
        'give an id such as pl-6ea54007',
      );
      matching(
        'network.endpoints.existing.secretsManagerSecurityGroupId',
        secretsManagerSecurityGroupId,
        formats.securityGroup,
        'give an id such as sg-0123456789abcdef0',
      );
      return endpoints.existing;
    }
    if (!endpoints.created) throw new WrongPropError('network.endpoints is empty: give either existing or created endpoints');
    const routeTableIds = nonEmpty(
      'network.endpoints.created.routeTableIds',
      endpoints.created.routeTableIds,
      "name the subnets' route tables",
    ).map((table) =>
      matching('network.endpoints.created.routeTableIds', table, formats.routeTable, 'give ids such as rtb-0123456789abcdef0'),
    );
    return this.#createEndpoints(routeTableIds, name);
  }

  #createEndpoints(routeTableIds: readonly string[], name: string): ExistingEndpoints {
    const environment = this.#environment;
    const { vpcId, subnetIds } = this;
    const gateway = new VpcEndpoint(this, 'dynamodb', {
      vpcId,
      serviceName: `com.amazonaws.${environment.region}.dynamodb`,
      vpcEndpointType: 'Gateway',
      routeTableIds: [...routeTableIds],
      policy: ownAccountPolicy(environment),
    });
    const secretsManagerSecurityGroupId = interfaceEndpoint(this, 'secrets-manager', {
      environment,
      vpcId,
      subnetIds,
      service: 'secretsmanager',
      groupName: `secrets-manager-${name}`,
      description: `interface endpoint of Secrets Manager: HTTPS from ${this.#function}`,
    });
    this.allowIn('secrets-manager-from-function', 443, secretsManagerSecurityGroupId);
    return { dynamodbPrefixListId: gateway.prefixListId, secretsManagerSecurityGroupId };
  }
}
