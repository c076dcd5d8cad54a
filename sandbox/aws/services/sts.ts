import { AwsError } from '../error.ts';
import { checkTrustPolicy, trusts } from '../iam/index.ts';
import { optionalText, text } from '../input.ts';
import { type Authorization, anonymous, type Caller, type Input, type Output, type Service, type Surroundings } from '../service.ts';
import { accountOf, type Identities, type Role, roleName, sessionArn } from '../session.ts';
import type { IdentityTokens } from './identity-tokens.ts';
import { chainedTags, passedTags, tagContext } from './session-tags.ts';
import { checkedSessionName, refuseParameters, sessionAnswer, sessionSeconds, uniqueId } from './sts-request.ts';
import type { WebIdentity } from './web-identity.ts';

// STS: who am I, and AssumeRole. A role is assumed when its trust policy allows the caller and the caller's own policies allow it, too; within
// an account the first is enough where the trust policy names the caller itself.

export function sts(
  { account }: Surroundings,
  identities: Identities,
  federation: { readonly webIdentity: WebIdentity; readonly identityTokens: IdentityTokens },
): Service {
  /** What IAM is asked: the role is the resource, and its trust policy the resource's. */
  function questions(input: Input, caller: Caller): readonly Authorization[] {
    const roleArn = text(input, 'RoleArn');
    const role = identities.roles.get(roleArn);
    // As a resource's policy it would be held to a looser grammar.
    if (role) checkTrustPolicy(trustPolicyOf(role));
    const passed = passedTags(input);
    const externalId = checkedExternalId(input);
    const about = {
      resource: roleArn,
      resourceAccount: accountOf(roleArn),
      delegationRequired: true,
      ...(role ? { resourcePolicy: trustPolicyOf(role) } : {}),
    };
    const context = { ...tagContext(passed), ...resourceTags(role) };
    const assume: Authorization = {
      ...about,
      action: 'sts:AssumeRole',
      context: {
        ...context,
        'sts:RoleSessionName': text(input, 'RoleSessionName'),
        ...(externalId === undefined ? {} : { 'sts:ExternalId': externalId }),
      },
    };
    // No key of the request but its tags is listed for it (Service Authorization Reference, "AWS Security Token Service").
    const tag: Authorization = { ...about, action: 'sts:TagSession', context };
    const tags = Object.keys(passed.tags).length > 0 && !(caller !== 'operator' && 'service' in caller);
    return tags ? [assume, tag] : [assume];
  }

  function assume(input: Input, caller: Caller): Output {
    const roleArn = text(input, 'RoleArn');
    const sessionName = checkedSessionName(input);
    refuseParameters('AssumeRole', input, ['Policy', 'PolicyArns', 'SerialNumber', 'SourceIdentity', 'ProvidedContexts']);
    const role = identities.roles.get(roleArn);
    if (!role || (caller === 'operator' && !operatorIsTrusted(role, input)))
      throw new AwsError(
        'AccessDenied',
        `User: ${nameOf(caller)} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
        403,
      );
    const before = caller !== 'operator' && 'roleArn' in caller ? caller : undefined;
    const lifetime = sessionSeconds(input, role, before !== undefined);
    const expires = Date.now() + lifetime * 1000;
    const credentials = identities.credentialsFor(roleArn, sessionName, { ...chainedTags(passedTags(input), before?.given), expires });
    return sessionAnswer({ roleArn, sessionName }, credentials, expires);
  }

  /** IAM is not asked about the operator: the trust policy is, all the same. */
  function operatorIsTrusted(role: Role, input: Input): boolean {
    const root = `arn:aws:iam::${account}:root`;
    const asked = questions(input, 'operator');
    const own = { 'aws:PrincipalArn': root, 'aws:PrincipalAccount': account };
    return asked.every(({ action, context }) => trusts(trustPolicyOf(role), { principalArn: root }, action, { ...context, ...own }));
  }

  const nameOf = (caller: Caller): string =>
    caller === 'operator' ? `arn:aws:iam::${account}:root` : 'service' in caller ? caller.service : sessionArn(caller);

  return {
    name: 'sts',
    operations: {
      // "No permissions are required to perform this operation" (API Reference)
      GetCallerIdentity: {
        authorize: () => [],
        run: (_input, caller) => {
          if (caller === 'operator') return { UserId: account, Account: account, Arn: nameOf(caller) };
          return 'service' in caller
            ? { UserId: caller.service, Account: account, Arn: caller.service }
            : { UserId: uniqueId(caller), Account: accountOf(caller.roleArn), Arn: sessionArn(caller) };
        },
      },
      AssumeRole: { authorize: questions, run: assume },
      // The token says who calls: a signature is neither needed nor looked at (API Reference).
      AssumeRoleWithWebIdentity: { authorize: () => [], run: (input) => federation.webIdentity.assume(input) },
      GetWebIdentityToken: {
        authorize: (input) => federation.identityTokens.questions(input),
        run: (input, caller) => federation.identityTokens.issue(input, caller),
      },
    },
  };
}

/** Operations that are called without credentials, by the action's name. */
export const unsignedOperations: ReadonlyMap<string, { readonly service: 'sts'; readonly caller: typeof anonymous }> = new Map([
  ['AssumeRoleWithWebIdentity', { service: 'sts', caller: anonymous }],
]);

/** AWS STS API Reference, AssumeRole. @throws AwsError ValidationError */
function checkedExternalId(input: Input): string | undefined {
  const externalId = optionalText(input, 'ExternalId');
  if (externalId === undefined || /^[\w+=,.@:/-]{2,1224}$/.test(externalId)) return externalId;
  throw new AwsError('ValidationError', 'externalId: 2 to 1224 of letters, digits and _+=,.@:/-');
}

const trustPolicyOf = (role: Role) => ({ name: `trust policy of ${roleName(role.arn)}`, document: role.trustPolicy });

const resourceTags = (role: Role | undefined) =>
  Object.fromEntries(
    Object.entries(role?.tags ?? {}).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`iam:ResourceTag/${key}`, value],
    ]),
  );
