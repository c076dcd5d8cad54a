/**
 * The decision on one call ("Determining whether a request is allowed or denied within an account"): an explicit deny anywhere wins;
 * then a resource policy may allow by itself; then an identity policy may, within the permissions boundary.
 */

import { type ParsedStatement, type PolicySource, parsePolicy } from './policy-document.ts';
import { type Asker, denies, type Reach, reachOf } from './principal-element.ts';
import { type ContextRecord, requestContext } from './request-context.ts';
import { isAbout } from './statement-match.ts';

export type Principal =
  | {
      readonly kind: 'role';
      /** arn:aws:iam::111122223333:role/path/name */
      readonly arn: string;
      /** arn:aws:sts::111122223333:assumed-role/name/session */
      readonly sessionArn: string;
      readonly account: string;
      readonly identityPolicies: readonly PolicySource[];
      readonly boundary?: PolicySource;
      /** Become aws:PrincipalTag/name. */
      readonly tags?: Readonly<Record<string, string>>;
    }
  /** A service acting for itself, such as events.amazonaws.com: it has no identity policies. */
  | { readonly kind: 'service'; readonly service: string };

export interface AuthorizationRequest {
  readonly principal: Principal;
  /** `service:Action`, case-insensitive. */
  readonly action: string;
  /** ARN, or `*` for an action that knows no resource. */
  readonly resource: string;
  /** Condition keys; those that follow from the principal and the resource's account are added. A list is a multivalued key. */
  readonly context: ContextRecord;
  readonly resourcePolicy?: PolicySource;
  readonly resourceAccount: string;
  /**
   * True for KMS keys and roles: identity policies count only where the resource policy allows the account, role or session
   * (AWS KMS developer guide, "Key policies"; IAM User Guide, "Policy evaluation logic").
   */
  readonly delegationRequired?: boolean;
}

export interface StatementReference {
  readonly policy: string;
  readonly sid?: string;
  /** Of the statement in its document, from 0. */
  readonly index: number;
}

export type Decision =
  /** The statements that allow the call; a boundary's are not among them, since it allows nothing by itself. */
  | { readonly allowed: true; readonly statements: readonly StatementReference[] }
  | {
      readonly allowed: false;
      readonly reason: 'explicit deny' | 'implicit deny' | 'boundary';
      /** In the words of AWS ("Troubleshoot access denied error messages"). */
      readonly message: string;
      /** The statement that denies, of an explicit deny. */
      readonly statement?: StatementReference;
    };

/** @throws MalformedPolicyError @throws UnknownPolicyElementError when a policy cannot be evaluated as a whole */
export function authorize(request: AuthorizationRequest): Decision {
  const { principal } = request;
  const context = requestContext(request.context, derivedKeys(request));
  const policiesOf = (sources: readonly PolicySource[], type: 'identity' | 'resource') =>
    sources.flatMap((source) => parsePolicy(source, type)).filter((statement) => isAbout(statement, request, context));

  const asker = askerOf(principal);
  const boundarySource = principal.kind === 'role' ? principal.boundary : undefined;
  const identity = policiesOf(principal.kind === 'role' ? principal.identityPolicies : [], 'identity');
  const boundary = boundarySource && policiesOf([boundarySource], 'identity');
  const resource = policiesOf(request.resourcePolicy ? [request.resourcePolicy] : [], 'resource');

  const denial =
    explicitDeny(identity, 'an identity-based policy') ??
    explicitDeny(boundary ?? [], 'a permissions boundary') ??
    explicitDeny(
      resource.filter((statement) => statement.principal && denies(statement.principal, asker)),
      'a resource-based policy',
    );
  if (denial) {
    const message = refusal(request, `with an explicit deny in ${denial.place}`);
    return { allowed: false, reason: 'explicit deny', message, statement: reference(denial.statement) };
  }

  const grants = resource.filter(allows);
  const granted = (...reaches: readonly Reach[]) =>
    grants.filter(({ principal: element }) => {
      const reach = element && reachOf(element, asker);
      return reach !== undefined && reaches.includes(reach);
    });
  const direct = granted('direct');
  const any = granted('direct', 'role', 'account');
  const owns = identity.filter(allows);
  const because = (kind: string) => refusal(request, `because no ${kind} allows the ${request.action} action`);

  if ('service' in asker) {
    return direct.length > 0 ? allowed(direct) : { allowed: false, reason: 'implicit deny', message: because('resource-based policy') };
  }

  // Across accounts both sides must allow ("Cross-account policy evaluation logic").
  const foreign = asker.account !== request.resourceAccount;
  // A grant to the session itself, or to everyone, is not limited by the boundary; one to the role is.
  if (direct.length > 0 && !foreign) return allowed([...direct, ...owns]);

  const resourceMustAllow = foreign || request.delegationRequired === true;
  const byIdentity = resourceMustAllow && any.length === 0 ? [] : owns;
  const byRole = foreign ? [] : granted('role');
  if (byIdentity.length + byRole.length === 0) {
    const missing = owns.length > 0 ? 'resource-based policy' : 'identity-based policy';
    return { allowed: false, reason: 'implicit deny', message: because(missing) };
  }
  if (boundary && !boundary.some(allows)) return { allowed: false, reason: 'boundary', message: because('permissions boundary') };
  return allowed([...byIdentity, ...(resourceMustAllow ? any : byRole)]);
}

const allows = (statement: ParsedStatement): boolean => statement.effect === 'Allow';

function allowed(statements: readonly ParsedStatement[]): Decision {
  return { allowed: true, statements: statements.map(reference) };
}

function explicitDeny(statements: readonly ParsedStatement[], place: string) {
  const statement = statements.find(({ effect }) => effect === 'Deny');
  return statement && { statement, place };
}

function reference({ policy, sid, index }: ParsedStatement): StatementReference {
  return sid === undefined ? { policy, index } : { policy, sid, index };
}

function askerOf(principal: Principal): Exclude<Asker, { federated: string }> {
  if (principal.kind === 'service') return { service: principal.service };
  const { account, arn, sessionArn, boundary } = principal;
  return { account, roleArn: arn, sessionArn, bounded: boundary !== undefined };
}

/** "AWS global condition context keys": those that the caller of `authorize` need not repeat. */
function derivedKeys({ principal, resourceAccount }: AuthorizationRequest): ContextRecord {
  if (principal.kind === 'service') {
    return { 'aws:PrincipalIsAWSService': 'true', 'aws:PrincipalServiceName': principal.service, 'aws:ResourceAccount': resourceAccount };
  }
  const tags = Object.entries(principal.tags ?? {}).map(([name, value]) => [`aws:PrincipalTag/${name}`, value] as const);
  return {
    'aws:PrincipalIsAWSService': 'false',
    'aws:PrincipalType': 'AssumedRole',
    // Of the role, not of its session.
    'aws:PrincipalArn': principal.arn,
    'aws:PrincipalAccount': principal.account,
    'aws:ResourceAccount': resourceAccount,
    ...Object.fromEntries(tags),
  };
}

function refusal({ principal, action, resource }: AuthorizationRequest, why: string): string {
  const who = principal.kind === 'role' ? principal.sessionArn : principal.service;
  return `User: ${who} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
}
