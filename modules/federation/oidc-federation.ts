/**
 * Inbound federation: an account trusts an issuer of OpenID Connect tokens, and whoever the issuer names takes a role for hours. Nobody
 * holds a key. A role says who may come by the token's subject (a pipeline) or by a role of the role mappings (people).
 */
import { IamOpenidConnectProvider } from '@cdktf/provider-aws/lib/iam-openid-connect-provider/index.js';
import { Construct } from 'constructs';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import { matching, type NonEmpty, WrongPropError } from '../platform/prop-checks.ts';
import { FederatedRole, type FederatedRoleProps } from './federated-role.ts';
import { checkedIssuer, type Issuer } from './issuers.ts';
import { federatedMappings, type RoleClaim } from './mapped-role.ts';

export interface OidcFederationProps {
  /** Whom the account trusts; `issuers` has those of AD FS, Entra ID, GitHub Actions and HCP Terraform. */
  readonly issuer: Issuer;
  /** ARN of the account's provider for this issuer, of which it can have only one. @default one is created */
  readonly existingProviderArn?: string;
  /** The role mappings of the integration, for roles that people take. @default none: roles name a subject */
  readonly roleMappings?: NonEmpty<RoleMapping>;
  /** First part of the key of each role's session tag, before a colon and the role's name. @default 'role' */
  readonly tagPrefix?: string;
}

/**
 * @example
 * const federation = new OidcFederation(stack, 'corporate', {
 *   issuer: issuers.adFs({ host: 'adfs.example.com', clientIds: ['aws-console'] }),
 *   roleMappings: [{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' }],
 * });
 * const developers = federation.addRole('developers', { name: 'developers', description: 'reads what runs', role: 'developers' });
 * developers.allow({ Sid: 'ReadLogs', Effect: 'Allow', Action: ['logs:FilterLogEvents'], Resource: [logGroupArn] });
 */
export class OidcFederation extends Construct {
  readonly providerArn: string;
  readonly issuer: Issuer;
  /** Host and path of the issuer, with which its condition keys begin. */
  readonly issuerName: string;
  readonly roleMappings: readonly RoleMapping[];
  readonly tagPrefix: string;
  readonly #roles: FederatedRole[] = [];

  constructor(scope: Construct, id: string, props: OidcFederationProps) {
    super(scope, id);
    this.issuerName = checkedIssuer(props.issuer);
    this.issuer = props.issuer;
    this.roleMappings = props.roleMappings === undefined ? [] : federatedMappings(props.roleMappings);
    this.tagPrefix = matching(
      'tagPrefix',
      props.tagPrefix ?? 'role',
      /^[A-Za-z][A-Za-z0-9_-]{0,31}$/,
      'give up to 32 letters, digits, "_" and "-"',
    );
    this.providerArn =
      props.existingProviderArn === undefined
        ? new IamOpenidConnectProvider(this, 'provider', {
            url: props.issuer.url,
            clientIdList: [...props.issuer.audiences],
            ...(props.issuer.thumbprints === undefined ? {} : { thumbprintList: [...props.issuer.thumbprints] }),
          }).arn
        : this.#existing(props.existingProviderArn);
  }

  /** Adds a role that the issuer's tokens open, if they are for the audience and for whom the props name. */
  addRole(id: string, props: FederatedRoleProps): FederatedRole {
    const role = new FederatedRole(this, id, { ...props, federation: this });
    const same = this.#roles.find(({ tagKey }) => tagKey !== undefined && tagKey.toLowerCase() === role.tagKey?.toLowerCase());
    // Keys of tags are one whatever their case (IAM User Guide, "Pass session tags in AWS STS").
    if (same !== undefined && same.tagKey !== role.tagKey) {
      throw new WrongPropError(`role is "${props.role}", and another differs from it by case alone: one tag would be both, rename one`);
    }
    this.#roles.push(role);
    return role;
  }

  /** Keys of session tags that a token may carry: those of all its roles, since a person can hold several. */
  get tagKeys(): readonly string[] {
    return [...new Set(this.#roles.flatMap(({ tagKey }) => (tagKey === undefined ? [] : [tagKey])))].sort();
  }

  /** For the issuer's administrator, as a Terraform output: members of which group must get which claim with which value. */
  get claims(): readonly RoleClaim[] {
    return this.#roles.flatMap(({ claims }) => claims);
  }

  #existing(arn: string): string {
    const remedy = 'give the ARN of the IAM OIDC provider';
    matching('existingProviderArn', arn, /^arn:aws(?:-us-gov|-cn)?:iam::\d{12}:oidc-provider\/\S+$/, remedy);
    // A token passes: which issuer it stands for is then the team's to see to.
    if (arn.startsWith('arn:') && arn.slice(arn.indexOf('/') + 1) !== this.issuerName) {
      throw new WrongPropError(
        `existingProviderArn is "${arn}", which is not the issuer's: give the one that ends with /${this.issuerName}`,
      );
    }
    return arn;
  }
}
