import { AwsError } from '../error.ts';
import { trusts } from '../iam/index.ts';
import { limit, optionalText, text } from '../input.ts';
import type { Caller, Input, Output, Service, Surroundings } from '../service.ts';
import { type Identities, roleName, sessionArn } from '../session.ts';

// STS: who am I, and AssumeRole. A role is assumed when its trust policy names the caller, and the caller's own policies allow it unless
// the trust policy names the caller directly.

export function sts({ account }: Surroundings, identities: Identities): Service {
  const uniqueId = (caller: Exclude<Caller, 'operator'>): string =>
    'service' in caller ? caller.service : `AROASANDBOX${roleName(caller.roleArn)}:${caller.sessionName}`;

  function assume(input: Input, caller: Caller): Output {
    const roleArn = text(input, 'RoleArn');
    const sessionName = text(input, 'RoleSessionName');
    if (!/^[\w+=,.@-]{2,64}$/.test(sessionName))
      throw new AwsError('ValidationError', `roleSessionName '${sessionName}': 2 to 64 of letters, digits and _+=,.@-`);
    for (const name of ['Policy', 'PolicyArns', 'SerialNumber'])
      if (input[name] !== undefined) throw new AwsError('NotImplemented', `the sandbox does not implement AssumeRole with ${name}`, 501);
    const role = identities.roles.get(roleArn);
    const who = caller === 'operator' ? `arn:aws:iam::${account}:root` : 'service' in caller ? caller.service : sessionArn(caller);
    const party =
      caller !== 'operator' && 'service' in caller
        ? { service: caller.service }
        : { principalArn: caller === 'operator' ? who : caller.roleArn };
    const externalId = optionalText(input, 'ExternalId');
    const context = {
      'sts:RoleSessionName': sessionName,
      'aws:PrincipalArn': caller === 'operator' ? who : 'service' in caller ? caller.service : caller.roleArn,
      'aws:PrincipalAccount': account,
      ...(externalId ? { 'sts:ExternalId': externalId } : {}),
      ...(caller !== 'operator' && 'service' in caller
        ? { 'aws:SourceAccount': account, ...(caller.sourceArn ? { 'aws:SourceArn': caller.sourceArn } : {}) }
        : {}),
    };
    const trusted =
      role && trusts({ name: `trust policy of ${roleName(roleArn)}`, document: role.trustPolicy }, party, 'sts:AssumeRole', context);
    if (!trusted)
      throw new AwsError('AccessDenied', `User: ${who} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`, 403);
    const lifetime = limit(input, 'DurationSeconds', 900, 43_200, 3600) * 1000;
    const credentials = identities.credentialsFor(roleArn, sessionName, lifetime);
    const session = { roleArn, sessionName };
    return {
      Credentials: {
        AccessKeyId: credentials.accessKeyId,
        SecretAccessKey: credentials.secretAccessKey,
        SessionToken: credentials.sessionToken,
        Expiration: new Date(Date.now() + lifetime),
      },
      AssumedRoleUser: { AssumedRoleId: uniqueId(session), Arn: sessionArn(session) },
    };
  }

  return {
    name: 'sts',
    operations: {
      // "No permissions are required to perform this operation" (API Reference)
      GetCallerIdentity: {
        authorize: () => [],
        run: (_input, caller) =>
          caller === 'operator'
            ? { UserId: account, Account: account, Arn: `arn:aws:iam::${account}:root` }
            : { UserId: uniqueId(caller), Account: account, Arn: 'service' in caller ? caller.service : sessionArn(caller) },
      },
      AssumeRole: {
        authorize: (input, caller) =>
          caller !== 'operator' && 'service' in caller
            ? [] // the trust policy alone decides on a service
            : [{ action: 'sts:AssumeRole', resource: text(input, 'RoleArn') }],
        run: assume,
      },
    },
  };
}
