import { AwsError } from '../error.ts';
import { limit, optionalText, page, text } from '../input.ts';
import type { Input, Operation, Output, Service, Surroundings } from '../service.ts';
import { accountOf, type Identities, type Role, roleName } from '../session.ts';

/** IAM, read only: the roles that were defined, for whoever wants to see why a call was refused; and what it has to do with federation. */
export function iam({ account }: Surroundings, identities: Identities, federation: Service['operations']): Service {
  const own = () => [...identities.roles.values()].filter(({ arn }) => accountOf(arn) === account);
  const path = (role: Role): string => `/${role.arn.split(':role/')[1]?.split('/').slice(0, -1).join('/') ?? ''}/`.replace('//', '/');
  const named = (input: Input): Role => {
    const role = own().find((one) => roleName(one.arn) === text(input, 'RoleName'));
    if (!role) throw new AwsError('NoSuchEntity', `The role with name ${text(input, 'RoleName')} cannot be found.`, 404);
    return role;
  };
  const shown = (role: Role): Output => ({
    Path: path(role),
    RoleName: roleName(role.arn),
    RoleId: `AROASANDBOX${roleName(role.arn)}`,
    Arn: role.arn,
    CreateDate: new Date(0),
    AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(role.trustPolicy)),
    MaxSessionDuration: role.maxSessionSeconds ?? 3600,
  });
  const paged = (input: Input, member: string, all: readonly unknown[]): Output => {
    const { items, nextToken } = page(all, optionalText(input, 'Marker'), limit(input, 'MaxItems', 1, 1000, 100));
    return { [member]: items, IsTruncated: nextToken !== undefined, ...(nextToken ? { Marker: nextToken } : {}) };
  };
  const onRole = (action: string, run: Operation['run']): Operation => ({
    authorize: (input) => [{ action: `iam:${action}`, resource: named(input).arn }],
    run,
  });
  return {
    name: 'iam',
    operations: {
      ...federation,
      ListRoles: {
        authorize: () => [{ action: 'iam:ListRoles', resource: '*' }],
        run: (input) => paged(input, 'Roles', own().map(shown)),
      },
      GetRole: onRole('GetRole', (input) => ({ Role: shown(named(input)) })),
      ListRolePolicies: onRole('ListRolePolicies', (input) =>
        paged(
          input,
          'PolicyNames',
          named(input).policies.map((policy) => policy.name),
        ),
      ),
      GetRolePolicy: onRole('GetRolePolicy', (input) => {
        const role = named(input);
        const policy = role.policies.find((one) => one.name === text(input, 'PolicyName'));
        if (!policy) throw new AwsError('NoSuchEntity', `The role policy with name ${text(input, 'PolicyName')} cannot be found.`, 404);
        return {
          RoleName: roleName(role.arn),
          PolicyName: policy.name,
          PolicyDocument: encodeURIComponent(JSON.stringify(policy.document)),
        };
      }),
    },
  };
}
