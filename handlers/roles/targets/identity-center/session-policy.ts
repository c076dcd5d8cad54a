/**
 * The denial in a permission set's inline policy (IAM Identity Center User Guide, "Use a Deny policy to revoke active user permissions"):
 * one statement of ours, known by its Sid. What else stands in the policy is the team's, and stays as it is.
 */
import * as v from 'valibot';
import { TargetConflictError } from '../../target.ts';

export const denialSid = 'ActiveDirectoryLambdaCutSessions';

/** Characters (IAM Identity Center API Reference, PutInlinePolicyToPermissionSet). */
export const longestPolicy = 32_768;

const statement = v.looseObject({ Sid: v.optional(v.string()) });
const policySchema = v.pipe(v.string(), v.parseJson(), v.looseObject({ Statement: v.union([v.array(statement), statement]) }));

/**
 * The inline policy with exactly these users denied.
 *
 * @param current text as Identity Center has it; empty: there is none
 * @param users ids; none: our statement goes
 * @returns undefined when the policy says so already, an empty text when nothing is left of it
 * @throws TargetConflictError when it is no policy that we can read, or would be too long
 */
export function withDenial(permissionSet: string, current: string, users: readonly string[]): string | undefined {
  const policy = current === '' ? { Version: '2012-10-17', Statement: [] } : read(permissionSet, current);
  const statements = Array.isArray(policy.Statement) ? policy.Statement : [policy.Statement];
  const ours = statements.findIndex(({ Sid }) => Sid === denialSid);
  const others = statements.filter(({ Sid }) => Sid !== denialSid);
  const next = users.length === 0 ? others : others.toSpliced(ours === -1 ? others.length : ours, 0, denialOf(users));
  if (JSON.stringify(next) === JSON.stringify(statements)) return undefined;
  if (next.length === 0) return '';
  const text = JSON.stringify({ ...policy, Statement: next });
  if (text.length <= longestPolicy) return text;
  throw new TargetConflictError(
    `the inline policy of permission set "${permissionSet}" would have ${text.length} characters to deny the sessions of ${users.length} users, at most ${longestPolicy}`,
    "move the policy's own statements into a managed policy, or deny the users in a service control policy until their sessions end",
  );
}

const denialOf = (users: readonly string[]) => ({
  Sid: denialSid,
  Effect: 'Deny',
  Action: ['*'],
  Resource: ['*'],
  Condition: { StringEquals: { 'identitystore:userId': users.toSorted() } },
});

function read(permissionSet: string, text: string): v.InferOutput<typeof policySchema> {
  const parsed = v.safeParse(policySchema, text);
  if (parsed.success) return parsed.output;
  throw new TargetConflictError(
    `the inline policy of permission set "${permissionSet}" is no policy: ${parsed.issues.map(({ message }) => message).join('; ')}`,
    'correct it at Identity Center',
  );
}
