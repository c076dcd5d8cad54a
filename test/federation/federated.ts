/** Federated roles in a stack, and whether a token opens them as IAM decides it. */
import type { TerraformStack } from 'cdktf';
import { type FederatedRoleProps, issuers, OidcFederation, type OidcFederationProps } from '../../modules/index.ts';
import { type PolicyDocument, trusts } from '../../sandbox/aws/iam/index.ts';
import type { ContextRecord } from '../../sandbox/aws/iam/request-context.ts';
import { Template } from '../modules/template.ts';

export const roleMappings = [
  { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' },
  { id: 'auditors', group: { dn: 'CN=AWS-Auditors,OU=Groups,DC=corp,DC=example,DC=com' }, role: 'auditors' },
  { id: 'teams', group: { pattern: '^AWS-Team-(?<team>[A-Za-z0-9]+)$' }, role: 'team-$<team>' },
] as const;

export const adFs = issuers.adFs({ host: 'adfs.example.com', clientIds: ['aws-cli'] });
export const anyIssuer = { url: 'https://login.example.com/realms/corp', audiences: ['aws'] } as const;

export interface Federated {
  readonly template: Template;
  readonly federation: OidcFederation;
}

/** A stack with one federation and these roles. */
export function federated(props: OidcFederationProps, roles: readonly Omit<FederatedRoleProps, 'description'>[]): Federated {
  let made: OidcFederation | undefined;
  const template = Template.synthesize((stack: TerraformStack) => {
    made = new OidcFederation(stack, 'federation', props);
    for (const role of roles) made.addRole(role.name, { description: role.name, ...role });
  });
  if (made === undefined) throw new Error('nothing was built');
  return { template, federation: made };
}

/** A token as STS puts it before the trust policy: claims that are keys, and session tags. */
export interface Token {
  readonly issuer: string;
  readonly aud?: string;
  readonly sub?: string;
  readonly amr?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
}

const account = '111122223333';

/** The role's trust policy as the account has it, the provider's ARN in place of the reference. */
export function trustPolicyOf({ template, federation }: Federated, name: string): PolicyDocument {
  const text = String(template.one('aws_iam_role', { name }).assume_role_policy);
  const own = `arn:aws:iam::${account}:oidc-provider/${federation.issuerName}`;
  return JSON.parse(text.replace(/\$\{aws_iam_openid_connect_provider\.[^}]*\}/, own));
}

/** Whether the token opens the role: with tags, both actions have to be allowed (IAM User Guide, "Pass session tags in AWS STS"). */
export function opens(made: Federated, name: string, token: Token): boolean {
  const host = token.issuer.replace('https://', '');
  const { issuer, tags = {}, ...claims } = token;
  const context: ContextRecord = {
    ...Object.fromEntries(Object.entries(claims).map(([claim, value]) => [`${host}:${claim}`, value])),
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(Object.keys(tags).length > 0 ? { 'aws:TagKeys': Object.keys(tags) } : {}),
  };
  const arn = `arn:aws:iam::${account}:oidc-provider/${host}`;
  const document = trustPolicyOf(made, name);
  const actions = ['sts:AssumeRoleWithWebIdentity', ...(Object.keys(tags).length > 0 ? ['sts:TagSession'] : [])];
  return actions.every((action) => trusts({ name, document }, { federated: arn }, action, context));
}
