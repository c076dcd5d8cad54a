/**
 * The way of rotate-credential to the domain controllers, to the AWS services it calls, and to the vault where there is one; and nowhere else.
 * Its security group is its own: what detect-changes may reach is not its business, and the other way round.
 */
import { Construct } from 'constructs';
import type { Directory } from '../directory/directory.ts';
import { DirectoryNetwork } from '../directory/directory-network.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { interfaceEndpoint } from '../platform/interface-endpoint.ts';
import { formats, matching, present, WrongPropError } from '../platform/prop-checks.ts';
import type { VaultDefinition } from './vault-props.ts';

/**
 * Interface endpoints besides the directory's own: those of the VPC, or created here. Their DNS names count for the whole VPC, so where
 * anything else in it uses the service, create the endpoint with the VPC and name it as an existing one.
 */
export type CredentialEndpoints =
  | {
      /** Security groups of the endpoints. They, and that of Secrets Manager's, have to let the function in at TCP 443. */
      readonly existing: {
        readonly eventsSecurityGroupId: string;
        /** Needed where a vault is logged in to with a token of AWS. @default none */
        readonly stsSecurityGroupId?: string;
      };
      readonly created?: never;
    }
  | { readonly created: true; readonly existing?: never };

export interface CredentialNetworkProps {
  readonly environment: IntegrationEnvironment;
  /** Name of the directory. */
  readonly name: string;
  readonly directory: Directory;
  readonly endpoints: CredentialEndpoints;
  readonly vault: VaultDefinition | undefined;
}

const services = {
  events: { id: 'events', title: 'EventBridge', prop: 'eventsSecurityGroupId' },
  sts: { id: 'sts', title: 'STS', prop: 'stsSecurityGroupId' },
} as const;

export class CredentialNetwork extends Construct {
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
  readonly #way: DirectoryNetwork;
  readonly #props: CredentialNetworkProps;

  constructor(scope: Construct, id: string, props: CredentialNetworkProps) {
    super(scope, id);
    this.#props = props;
    const { environment, name, directory, vault } = props;
    const { vpcId, subnetIds, endpoints, createsEndpoints } = directory.network;
    checkEndpoints(name, props.endpoints);
    this.#way = new DirectoryNetwork(this, 'directory', {
      environment,
      function: 'rotate-credential',
      name,
      network: { vpcId, subnetIds: [subnetIds[0] ?? '', ...subnetIds.slice(1)], endpoints: { existing: endpoints } },
      // The same with and without a vault: Terraform replaces a group whose description changes.
      reaches: 'HTTPS to its endpoints and to a vault where there is one',
      ...directory.controllers,
    });
    this.subnetIds = this.#way.subnetIds;
    this.securityGroupId = this.#way.securityGroupId;
    // Where the VPC had the endpoint already, its group lets in whom the team lets in.
    if (createsEndpoints) this.#way.allowIn('secrets-manager-from-function', 443, endpoints.secretsManagerSecurityGroupId);
    this.#allowService('events');
    if (vault?.needsSts) this.#allowService('sts');
    if (vault) this.#way.allowOut('to-vault', vault.port, 'the vault', vault.destination);
  }

  #allowService(service: keyof typeof services): void {
    const { id, title } = services[service];
    this.#way.allowOut(`to-${id}`, 443, `${title}, by its interface endpoint`, { referencedSecurityGroupId: this.#endpoint(service) });
  }

  /** Id of the endpoint's security group. */
  #endpoint(service: keyof typeof services): string {
    const { environment, name, endpoints } = this.#props;
    const { id, title, prop } = services[service];
    if (endpoints.existing) {
      const group = endpoints.existing[prop];
      if (group === undefined) {
        throw new WrongPropError(
          `endpoints.existing.${prop} of credentials of "${name}" is missing: give the security group of the VPC's endpoint of ${title}`,
        );
      }
      return matching(
        `endpoints.existing.${prop} of credentials of "${name}"`,
        group,
        formats.securityGroup,
        'give an id such as sg-0123456789abcdef0',
      );
    }
    const { vpcId, subnetIds } = this.#way;
    const group = interfaceEndpoint(this, id, {
      environment,
      vpcId,
      subnetIds,
      service,
      groupName: `${id}-${name}`,
      description: `interface endpoint of ${title}: HTTPS from rotate-credential`,
    });
    this.#way.allowIn(`${id}-from-function`, 443, group);
    return group;
  }
}

function checkEndpoints(name: string, endpoints: CredentialEndpoints): void {
  const prop = `endpoints of credentials of "${name}"`;
  const remedy = 'give { existing: { eventsSecurityGroupId } } or { created: true }';
  const { existing, created } = present(prop, endpoints, remedy);
  if ((existing === undefined) === (created === undefined)) throw new WrongPropError(`${prop} is ${JSON.stringify(endpoints)}: ${remedy}`);
  if (existing !== undefined) present(`${prop}.existing`, existing, remedy);
  else if (created !== true) throw new WrongPropError(`${prop} is ${JSON.stringify(endpoints)}: ${remedy}`);
}
