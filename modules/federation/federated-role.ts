/** A role that tokens of an issuer open, with exactly the permissions that were granted to it. */
import { IamRole } from '@cdktf/provider-aws/lib/iam-role/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import { Lazy } from 'cdktf';
import { Construct } from 'constructs';
import { type Grantee, policyDocument, type Statement } from '../platform/policy.ts';
import { formats, matching, type NonEmpty, nonEmpty, WrongPropError, wholeNumber } from '../platform/prop-checks.ts';
import { checkedAudiences, kindOf } from './issuers.ts';
import { claimsOf, groupsOf, groupValues, type MappedRoleProps, type RoleClaim, tagKeyOf } from './mapped-role.ts';
import type { OidcFederation } from './oidc-federation.ts';
import { type Admission, roleTrust } from './role-trust.ts';
import { checkedSubject, type Subject } from './subjects.ts';

export interface FederatedRoleProps {
  /** Name of the IAM role, at most 64 characters. */
  readonly name: string;
  /** What it is for, for people: at most 1000 characters of Latin-1. */
  readonly description: string;
  /** Audiences of the issuer that open this role. @default all of the issuer's */
  readonly audiences?: NonEmpty<string>;
  /** Whose tokens: `subjects` has those of GitHub Actions and HCP Terraform. @default anybody's whom `role` lets in */
  readonly subject?: Subject;
  /** A role that the role mappings give, which the token has to state. @default none: `subject` says who comes */
  readonly role?: string;
  /**
   * Where the token states the role: in a session tag of its own, or by the group's name, SID or DN in `amr`. The second is for issuers that
   * let one write that claim; AD FS and Entra ID keep the methods of authentication there.
   *
   * @default 'session-tag'
   */
  readonly match?: 'session-tag' | 'group-claim';
  /** The issuer sees to `valid`, `exclude` and `unless` of the role's mappings, of which a token says nothing. @default false: such a mapping is refused */
  readonly issuerKeepsConditions?: boolean;
  /** Longest session, 1 to 12 hours. Who leaves a group keeps what a session has until it ends. @default 1 */
  readonly sessionHours?: number;
  /** Path of the IAM role, with a slash at both ends. @default '/' */
  readonly path?: string;
  /** @default none */
  readonly permissionsBoundaryArn?: string;
}

export class FederatedRole extends Construct implements Grantee {
  readonly roleName: string;
  readonly arn: string;
  /** Key of its session tag, where the token states it so. */
  readonly tagKey: string | undefined;
  /** Which groups have to lead to it. Empty where a subject alone opens it. */
  readonly claims: readonly RoleClaim[];
  readonly #name: string;
  readonly #statements: Statement[] = [];

  constructor(scope: Construct, id: string, props: FederatedRoleProps & { readonly federation: OidcFederation }) {
    super(scope, id);
    const { federation } = props;
    this.#name = matching('name', props.name, /^[\w+=,.@-]{1,64}$/, 'give 1 to 64 letters, digits and _+=,.@- for a role');
    const audiences = props.audiences === undefined ? federation.issuer.audiences : checkedAudiences('audiences', props.audiences);
    const foreign = audiences.find((audience) => !federation.issuer.audiences.includes(audience));
    if (foreign !== undefined) {
      throw new WrongPropError(`audiences has "${foreign}": give some of the issuer's, ${federation.issuer.audiences.join(', ')}`);
    }
    const bySubject =
      props.subject === undefined
        ? undefined
        : { by: 'subject' as const, ...checkedSubject('subject', props.subject, kindOf(federation.issuer)) };
    const mapped = props.role === undefined ? undefined : mappedRole(props.role, props, federation);
    this.tagKey = mapped?.tagKey;
    const admissions = (): readonly Admission[] => [...(bySubject ? [bySubject] : []), ...(mapped ? [mapped.admission()] : [])];
    nonEmpty('subject', admissions(), 'name a subject, or a role of the role mappings: a trust in an audience alone lets everybody in');

    const role = new IamRole(this, 'role', {
      name: this.#name,
      path: matching('path', props.path ?? '/', /^\/(?:[\w+=,.@-]+\/)*$/, 'give a path such as /deploy/'),
      // IAM API Reference, CreateRole: length and characters of `Description`.
      description: matching(
        'description',
        props.description,
        /^[\t\n\r\u0020-\u007e\u00a1-\u00ff]{1,1000}$/,
        'give 1 to 1000 characters of Latin-1, without dashes and quotes of print',
      ),
      maxSessionDuration: wholeNumber('sessionHours', props.sessionHours ?? 1, 1, 12) * 3600,
      // Roles that are added later bring keys of session tags that a token may carry besides.
      assumeRolePolicy: Lazy.stringValue({
        produce: () =>
          roleTrust({
            providerArn: federation.providerArn,
            issuer: federation.issuerName,
            audiences,
            admissions: nonEmpty('subject', admissions(), 'name one'),
          }),
      }),
      ...(props.permissionsBoundaryArn === undefined
        ? {}
        : {
            permissionsBoundary: matching(
              'permissionsBoundaryArn',
              props.permissionsBoundaryArn,
              formats.policyArn,
              'give the ARN of an IAM policy',
            ),
          }),
    });
    this.roleName = role.name;
    this.arn = role.arn;
    this.claims = mapped === undefined ? [] : claimsOf(mapped.props, this.arn, mapped.groups, mapped.admission());
  }

  allow(statement: Statement): void {
    if (this.#statements.some(({ Sid }) => Sid === statement.Sid)) {
      throw new WrongPropError(`statement "${statement.Sid}" was given to ${this.#name} twice: grant it once`);
    }
    this.#statements.push(statement);
    // IAM takes no policy without a statement: the first one brings it.
    if (this.#statements.length > 1) return;
    new IamRolePolicy(this, 'policy', {
      name: 'granted',
      role: this.roleName,
      policy: Lazy.stringValue({ produce: () => policyDocument(this.#statements) }),
    });
  }
}

function mappedRole(
  role: string,
  { match = 'session-tag', issuerKeepsConditions = false }: FederatedRoleProps,
  federation: OidcFederation,
) {
  matching('match', match, /^(?:session-tag|group-claim)$/, `give 'session-tag' or 'group-claim'`);
  const { issuer, roleMappings, tagPrefix } = federation;
  const kind = kindOf(issuer);
  if (kind === 'github-actions' || kind === 'hcp-terraform') {
    throw new WrongPropError(`role is "${role}": tokens of ${kind} are for pipelines and name no group, give a subject`);
  }
  if (match === 'group-claim' && kind !== 'other') {
    throw new WrongPropError(`match is "group-claim": ${kind} writes how somebody authenticated into amr, match by 'session-tag'`);
  }
  const props: MappedRoleProps = { role, match, issuerKeepsConditions };
  const groups = groupsOf(props, roleMappings);
  if (match === 'group-claim') {
    const admission: Admission = { by: 'group-claim', groups: groupValues(role, groups) };
    return { props, groups, tagKey: undefined, admission: () => admission };
  }
  const key = tagKeyOf(tagPrefix, role);
  return {
    props,
    groups,
    tagKey: key,
    admission: (): Admission => ({ by: 'session-tag', key, role, known: federation.tagKeys }),
  };
}
