import { AwsError } from '../error.ts';
import { optionalNumber, text } from '../input.ts';
import type { Input, Output } from '../service.ts';
import { type Credentials, type Role, roleName, sessionArn } from '../session.ts';

// What the operations that give a session have in common: its name, its length, its id.

/** @throws AwsError ValidationError */
export function checkedSessionName(input: Input): string {
  const name = text(input, 'RoleSessionName');
  if (/^[\w+=,.@-]{2,64}$/.test(name)) return name;
  throw new AwsError('ValidationError', `roleSessionName '${name}': 2 to 64 of letters, digits and _+=,.@-`);
}

/** @throws AwsError 501: what would narrow a session must not look as if it had */
export function refuseParameters(operation: string, input: Input, names: readonly string[]): void {
  const given = names.find((name) => input[name] !== undefined);
  if (given !== undefined) throw new AwsError('NotImplemented', `the sandbox does not implement ${operation} with ${given}`, 501);
}

const mostChainedSeconds = 3600;

/** @param chained whether a role assumes it: then it ends after an hour ("Roles terms and concepts", role chaining). @throws AwsError */
export function sessionSeconds(input: Input, role: Role, chained: boolean): number {
  const seconds = optionalNumber(input, 'DurationSeconds') ?? 3600;
  const refused = (why: string) => new AwsError('ValidationError', `The requested DurationSeconds ${why}`);
  if (!Number.isInteger(seconds) || seconds < 900 || seconds > 43_200) throw refused('is no whole number from 900 to 43200');
  if (seconds > (role.maxSessionSeconds ?? 3600)) throw refused('exceeds the MaxSessionDuration set for this role.');
  if (chained && seconds > mostChainedSeconds) throw refused('exceeds the 1 hour session limit for roles assumed by role chaining.');
  return seconds;
}

export const uniqueId = ({ roleArn, sessionName }: { readonly roleArn: string; readonly sessionName: string }): string =>
  `AROASANDBOX${roleName(roleArn)}:${sessionName}`;

/** What both ways to a session answer. @param expires epoch milliseconds */
export const sessionAnswer = (
  session: { readonly roleArn: string; readonly sessionName: string },
  { accessKeyId, secretAccessKey, sessionToken }: Credentials,
  expires: number,
): Output => ({
  Credentials: { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken, Expiration: new Date(expires) },
  AssumedRoleUser: { AssumedRoleId: uniqueId(session), Arn: sessionArn(session) },
});
