/**
 * Who issues tokens that AWS may trust: what an issuer calls itself, for whom its tokens are, and how it names who asks.
 * The URL is the token's `iss` to the letter; IAM compares it so (OpenID Connect Core 1.0 section 3.1.3.7).
 */
import { hasToken, matching, type NonEmpty, nonEmpty, present, WrongPropError } from '../platform/prop-checks.ts';

export type IssuerKind = 'ad-fs' | 'entra-id' | 'github-actions' | 'hcp-terraform' | 'other';

export interface Issuer {
  /** `iss` of its tokens: `https://adfs.example.com/adfs`. */
  readonly url: string;
  /** Audiences that its tokens may be for, at most 100: client ids, as a rule. A role takes all of them unless it names its own. */
  readonly audiences: NonEmpty<string>;
  /** SHA-1 of the CA certificate under which the issuer's keys are served, 40 hex digits, at most five. @default none: AWS goes by its own trusted CAs */
  readonly thumbprints?: readonly string[];
  /** Which forms of subjects it has. @default that of a maker's URL, and else 'other' */
  readonly kind?: IssuerKind;
}

/** Issuers that whole worlds share: what is known of them holds whoever writes the URL. */
const kindsByUrl: readonly (readonly [url: RegExp, kind: IssuerKind])[] = [
  // An enterprise can have a path of its own (GitHub Docs, "OpenID Connect reference").
  [/^https:\/\/token\.actions\.githubusercontent\.com(?:\/|$)/, 'github-actions'],
  [/^https:\/\/app(?:\.eu)?\.terraform\.io(?:\/|$)/, 'hcp-terraform'],
  // With the national clouds (Microsoft Learn, "Microsoft Entra authentication and national clouds").
  [
    /^https:\/\/(?:sts\.windows\.net|login\.microsoftonline\.(?:com|us)|(?:login|sts)\.(?:partner\.microsoftonline|chinacloudapi)\.cn)\//,
    'entra-id',
  ],
  [/^https:\/\/[^/]+\/adfs$/, 'ad-fs'],
];

/** @throws WrongPropError for a maker's URL under another name, whose subjects would go unchecked */
export function kindOf({ url, kind }: Issuer): IssuerKind {
  const [, byUrl] = kindsByUrl.find(([form]) => form.test(url)) ?? [];
  if (byUrl !== undefined && kind !== undefined && kind !== byUrl) {
    throw new WrongPropError(`issuer.kind is "${kind}", and ${url} is of ${byUrl}: leave kind out`);
  }
  return byUrl ?? kind ?? 'other';
}

/** Issuers by their makers' documentation. Any other one is an object of its own. */
export const issuers = {
  /**
   * AD FS 2016 and later. The issuer is the federation service's name with `/adfs` (Microsoft Learn, "AD FS OpenID Connect/OAuth concepts").
   * IAM fetches its keys over the internet: a service that only the inside reaches cannot be an issuer.
   */
  adFs: (props: { readonly host: string; readonly clientIds: NonEmpty<string>; readonly thumbprints?: readonly string[] }): Issuer => ({
    kind: 'ad-fs',
    url: `https://${props.host}/adfs`,
    audiences: props.clientIds,
    ...(props.thumbprints === undefined ? {} : { thumbprints: props.thumbprints }),
  }),

  /**
   * Microsoft Entra ID. Which version a token has is the application's setting, and the issuer differs, the slash at the end included
   * (Microsoft Learn, "Access token claims reference", `iss`).
   */
  entraId: (props: { readonly tenantId: string; readonly clientIds: NonEmpty<string>; readonly version?: '1.0' | '2.0' }): Issuer => {
    matching('tenantId', props.tenantId, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'give the GUID of the tenant, not its domain');
    const url =
      props.version === '1.0' ? `https://sts.windows.net/${props.tenantId}/` : `https://login.microsoftonline.com/${props.tenantId}/v2.0`;
    return { kind: 'entra-id', url, audiences: props.clientIds };
  },

  /** GitHub Actions, of github.com unless a server of one's own is named (GitHub Docs, "OpenID Connect reference"). */
  gitHubActions: (props: { readonly serverHost?: string } = {}): Issuer => ({
    kind: 'github-actions',
    url: props.serverHost === undefined ? 'https://token.actions.githubusercontent.com' : `https://${props.serverHost}/_services/token`,
    audiences: ['sts.amazonaws.com'],
  }),

  /** HCP Terraform, or Terraform Enterprise (HashiCorp, "Use dynamic credentials with the AWS provider"). */
  hcpTerraform: (props: { readonly host?: string; readonly audience?: string } = {}): Issuer => ({
    kind: 'hcp-terraform',
    url: `https://${props.host ?? 'app.terraform.io'}`,
    audiences: [props.audience ?? 'aws.workload.identity'],
  }),
} as const;

/**
 * The issuer as IAM will take it: https, a host name in lower case, no port, no query, no fragment (IAM API Reference,
 * CreateOpenIDConnectProvider), at most 255 characters; 100 audiences of 255 characters, five thumbprints.
 *
 * @returns host and path of the URL, as condition keys and the provider's ARN begin and end
 * @throws WrongPropError
 */
export function checkedIssuer(issuer: Issuer): string {
  present('issuer', issuer, 'give { url, audiences }, or one of issuers');
  if (hasToken(issuer))
    throw new WrongPropError('issuer is known only at apply: write it in the props, a reviewer has to see who is trusted');
  const remedy = 'give https:// with a host name in lower case and a path if there is one; no port, query or fragment';
  matching('issuer.url', issuer.url, /^https:\/\/(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+(?:\/[A-Za-z0-9._~/-]*)?$/, remedy);
  if (issuer.url.length > 255) throw new WrongPropError(`issuer.url has ${issuer.url.length} characters: IAM takes 255`);
  if (issuer.url.includes('/.well-known')) {
    throw new WrongPropError(`issuer.url is "${issuer.url}": give the issuer alone, IAM adds /.well-known/openid-configuration itself`);
  }
  checkedAudiences('issuer.audiences', issuer.audiences);
  const thumbprints = issuer.thumbprints ?? [];
  for (const thumbprint of thumbprints)
    matching('issuer.thumbprints', thumbprint, /^[0-9a-f]{40}$/, 'give SHA-1 as 40 hex digits in lower case');
  if (thumbprints.length > 5) throw new WrongPropError(`issuer.thumbprints has ${thumbprints.length} entries: IAM takes five`);
  return issuer.url.slice('https://'.length);
}

/** @throws WrongPropError for none, too many, or one that is no plain text: `*` and `${` would make a pattern of it */
export function checkedAudiences(prop: string, audiences: readonly string[]): NonEmpty<string> {
  const given = nonEmpty(prop, audiences, 'name for whom tokens are, a trust without audience takes those for anybody');
  if (given.length > 100) throw new WrongPropError(`${prop} has ${given.length} entries: IAM takes 100`);
  for (const audience of given) {
    matching(prop, audience, /^[^\s*?$]{1,255}$/, 'give an audience in full: 1 to 255 characters without spaces, "*", "?" and "$"');
  }
  return given;
}
