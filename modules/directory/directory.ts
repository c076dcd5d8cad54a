/** The Active Directory to watch: one that exists, or an AWS Managed Microsoft AD to create. Either way what the functions that speak LDAP have to know of it. */
import { X509Certificate } from 'node:crypto';
import { Token } from 'cdktf';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { formats, matching, type NonEmpty, nonEmpty, present, WrongPropError } from '../platform/prop-checks.ts';
import { ownSecret, secretWithoutValue } from '../platform/secret.ts';
import { DirectoryNetwork, type DirectoryNetworkProps, type DomainControllers } from './directory-network.ts';
import { ManagedDirectory } from './managed-directory.ts';

/** A domain controller: `ldaps://dc1.corp.example.com:636`, by the name in its certificate. */
export type LdapsUrl = `ldaps://${string}`;

interface AnyDirectoryProps {
  /** DNS name of the domain: `corp.example.com`. */
  readonly domain: string;
  /** PEM of the CA that signed the domain controllers' certificates, at most 3,000 bytes: the issuing root alone. */
  readonly caCertificate: string;
}

export interface ExistingDirectoryProps extends AnyDirectoryProps {
  /** Domain controllers, tried in this order. */
  readonly ldapsUrls: NonEmpty<LdapsUrl>;
  /**
   * ARN of a secret with JSON `{"username", "password"}` of the account that binds, encrypted with Secrets Manager's own key.
   *
   * @default a secret is created without a value; a person puts it in after the first apply
   */
  readonly bindSecretArn?: string;
  /** Id of the directory when it is an AWS Managed Microsoft AD, `d-` and ten digits or letters a to f. @default it is none */
  readonly directoryId?: string;
  readonly network: DirectoryNetworkProps & {
    /** Security group of the domain controllers, or of whatever stands before them in the VPC. */
    readonly directorySecurityGroupId: string;
    /** Add rules to that security group which let detect-changes and, where credentials rotate, rotate-credential in at TCP 636. @default true */
    readonly openDirectorySecurityGroup?: boolean;
  };
}

export interface CreatedDirectoryProps extends AnyDirectoryProps {
  /** NetBIOS name of the domain, at most 15 characters: `CORP`. */
  readonly shortName: string;
  readonly edition: 'Standard' | 'Enterprise';
  /** The directory's and the function's network: two subnets in different availability zones. */
  readonly network: DirectoryNetworkProps & { readonly subnetIds: readonly [string, string] };
}

export type DirectoryProps =
  | { readonly existing: ExistingDirectoryProps; readonly created?: never }
  | { readonly created: CreatedDirectoryProps; readonly existing?: never };

/** A directory's place in an environment: its name is a part of its resources' names. */
export type PlacedDirectoryProps = DirectoryProps & { readonly environment: IntegrationEnvironment; readonly name: string };

/** Bytes of the CA that still leave room for the other variables in Lambda's 4 KB. */
const mostCaBytes = 3000;

export class Directory extends Construct {
  readonly domain: string;
  readonly ldapsUrls: readonly string[];
  readonly caCertificate: string;
  readonly bindSecretArn: string;
  /** The way of detect-changes. */
  readonly network: DirectoryNetwork;
  readonly controllers: DomainControllers;
  /** Id of the AWS Managed Microsoft AD, when it is one. */
  readonly directoryId: string | undefined;
  /** The created directory, when there is one. */
  readonly managed: ManagedDirectory | undefined;

  constructor(scope: Construct, id: string, props: PlacedDirectoryProps) {
    super(scope, id);
    const { environment, name, existing, created } = props;
    const given = givenDirectory(props);
    present('network', given.network, 'give vpcId, subnetIds and endpoints');
    this.domain = matching('directory.domain', given.domain, formats.domain, "give the domain's DNS name, such as corp.example.com");
    this.caCertificate = caCertificate(given.caCertificate);

    if (created) {
      if (created.network.subnetIds.length !== 2) {
        throw new WrongPropError(
          `network.subnetIds has ${created.network.subnetIds.length} entries: a created directory takes two, in different availability zones`,
        );
      }
      // AWS names the domain controllers: the domain's own name leads to all of them and is in their certificates.
      this.ldapsUrls = [`ldaps://${this.domain}:636`];
      const { vpcId, subnetIds } = created.network;
      this.managed = new ManagedDirectory(this, 'managed', { ...created, environment, name, vpcId, subnetIds });
    } else {
      this.ldapsUrls = nonEmpty('ldapsUrls', existing?.ldapsUrls ?? [], 'name at least one domain controller').map(ldapsUrl);
    }
    this.controllers = {
      securityGroupId: this.managed?.securityGroupId ?? existing?.network.directorySecurityGroupId ?? '',
      // AWS opens LDAPS within the VPC when it creates a directory.
      openSecurityGroup: existing !== undefined && (existing.network.openDirectorySecurityGroup ?? true),
    };
    this.network = new DirectoryNetwork(this, 'network', {
      environment,
      function: 'detect-changes',
      name,
      network: given.network,
      ...this.controllers,
    });
    this.directoryId = this.managed?.directoryId ?? (existing?.directoryId && managedDirectoryId(existing.directoryId));
    this.bindSecretArn = existing?.bindSecretArn
      ? ownSecret('bindSecretArn', existing.bindSecretArn, environment)
      : secretWithoutValue(this, 'bind-secret', {
          environment,
          name: `bind/${name}`,
          description: `account that reads ${this.domain}: {"username": distinguished name or user principal name, "password"}`,
        });
  }
}

/** @throws WrongPropError when it is not exactly one of the two */
export function givenDirectory({ existing, created }: DirectoryProps): ExistingDirectoryProps | CreatedDirectoryProps {
  if (existing && created) throw new WrongPropError('directory has both existing and created: give one of them');
  const given = existing ?? created;
  if (given === undefined) throw new WrongPropError('directory is empty: give either an existing directory or one to create');
  return given;
}

const managedDirectoryId = (id: string): string =>
  matching('directoryId', id, formats.managedDirectory, 'give the id of an AWS Managed Microsoft AD, such as d-1234567890');

function ldapsUrl(url: string): string {
  if (Token.isUnresolved(url)) return url;
  const remedy = 'give ldaps://<DNS name of a domain controller>:636';
  if (!url.startsWith('ldaps://')) throw new WrongPropError(`ldapsUrls has "${url}", which is not encrypted: ${remedy}`);
  const [host = '', port = '636', ...rest] = url.slice('ldaps://'.length).split(':');
  if (port !== '636' || rest.length > 0) {
    throw new WrongPropError(`ldapsUrls has "${url}": the function's security group opens port 636 alone, ${remedy}`);
  }
  if (!formats.domain.test(host)) {
    throw new WrongPropError(`ldapsUrls has "${url}": its host has to be the name in the domain controller's certificate, ${remedy}`);
  }
  return `ldaps://${host}:636`;
}

function caCertificate(pem: string): string {
  if (Token.isUnresolved(pem)) return pem;
  const remedy = 'give the PEM of the CA that signed the domain controllers\' certificates ("-----BEGIN CERTIFICATE-----…")';
  const bytes = Buffer.byteLength(pem);
  if (bytes > mostCaBytes)
    throw new WrongPropError(`caCertificate has ${bytes} bytes, ${mostCaBytes} are allowed: give only the issuing root`);
  if (/PRIVATE KEY/.test(pem)) throw new WrongPropError(`caCertificate holds a private key: ${remedy}`);
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw new WrongPropError(`caCertificate is "${pem.slice(0, 40)}": ${remedy}`);
  for (const certificate of certificates) {
    if (!readable(certificate)) throw new WrongPropError(`caCertificate "${certificate.slice(0, 60)}" is no X.509 certificate: ${remedy}`);
  }
  return pem;
}

function readable(certificate: string): boolean {
  try {
    return new X509Certificate(certificate).raw.length > 0;
  } catch {
    return false;
  }
}
