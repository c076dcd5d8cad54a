import { randomBytes } from 'node:crypto';
import { AwsError } from './error.ts';
import type { PolicyDocument, PolicySource, Principal } from './iam/index.ts';
import type { Caller, SessionGrant } from './service.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface Role {
  readonly arn: string;
  readonly trustPolicy: PolicyDocument;
  readonly policies: readonly PolicySource[];
  readonly boundary?: PolicySource;
  readonly tags?: Readonly<Record<string, string>>;
  /** Longest session. @default 3600 */
  readonly maxSessionSeconds?: number;
}

type RoleSession = Extract<Caller, { roleArn: string }>;

/** `arn:aws:iam::111122223333:role/path/name` → `name`. */
export const roleName = (roleArn: string): string => roleArn.split('/').at(-1) ?? '';
/** `arn:aws:iam::111122223333:role/name` → `111122223333`. */
export const accountOf = (roleArn: string): string => roleArn.split(':')[4] ?? '';

/** How the session of a role appears in messages and policies. */
export const sessionArn = ({ roleArn, sessionName }: RoleSession): string =>
  `arn:aws:sts::${accountOf(roleArn)}:assumed-role/${roleName(roleArn)}/${sessionName}`;

const random = (prefix: string, length: number): string => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return prefix + [...randomBytes(length)].map((byte) => letters[byte % letters.length]).join('');
};

/** The roles that exist, those of other accounts among them, and whose credentials are whose. */
export class Identities {
  readonly operator: Credentials = { accessKeyId: random('AKIA', 16), secretAccessKey: randomBytes(30).toString('base64') };
  readonly roles = new Map<string, Role>();
  private readonly keys = new Map<string, { credentials: Credentials; caller: Caller; expires: number }>([
    [this.operator.accessKeyId, { credentials: this.operator, caller: 'operator', expires: Infinity }],
  ]);

  define(role: Role): void {
    // Cannot be evaluated here, so a policy that relies on it must not look as if it had been
    if (/"dynamodb:Attributes"/i.test(JSON.stringify([role.policies, role.boundary ?? null])))
      throw new Error(
        `${role.arn}: the sandbox does not know the condition key dynamodb:Attributes; scope by dynamodb:LeadingKeys or by resource`,
      );
    this.roles.set(role.arn, role);
  }

  role(arn: string): Role {
    const role = this.roles.get(arn);
    if (!role) throw new AwsError('NoSuchEntity', `the role ${arn} is not defined in the sandbox; call defineRole first`, 404);
    return role;
  }

  credentialsFor(roleArn: string, sessionName: string, given?: SessionGrant): Required<Credentials> {
    this.role(roleArn);
    const credentials = {
      accessKeyId: random('ASIA', 16),
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(96).toString('base64'),
    };
    const caller = { roleArn, sessionName, ...(given ? { given } : {}) };
    this.keys.set(credentials.accessKeyId, { credentials, caller, expires: given?.expires ?? Infinity });
    return credentials;
  }

  secretOf(accessKeyId: string): string | undefined {
    return this.keys.get(accessKeyId)?.credentials.secretAccessKey;
  }

  /** Whose verified signature this is; undefined when the session token is not the key's. */
  callerOf(accessKeyId: string, sessionToken: string | undefined): Caller | 'expired' | undefined {
    const key = this.keys.get(accessKeyId);
    if (!key || key.credentials.sessionToken !== sessionToken) return undefined;
    return key.expires < Date.now() ? 'expired' : key.caller;
  }

  principal(caller: Exclude<Caller, 'operator'>): Principal {
    if ('service' in caller) return { kind: 'service', service: caller.service };
    const role = this.role(caller.roleArn);
    return {
      kind: 'role',
      arn: role.arn,
      sessionArn: sessionArn(caller),
      account: accountOf(role.arn),
      identityPolicies: role.policies,
      ...(role.boundary ? { boundary: role.boundary } : {}),
      // Session tags win over the role's, whatever the case of their keys (IAM User Guide, "Pass session tags in AWS STS").
      tags: { ...role.tags, ...caller.given?.tags },
    };
  }
}
