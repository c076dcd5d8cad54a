/** The role of another account, where IAM Identity Center is not in the functions' own, as a team writes it. */
import * as v from 'valibot';
import { known } from './known.ts';

/** Environment, target and function: who acts shows in the other account's CloudTrail, and its role's policies can tell functions apart. */
export const sessionTagKeys = ['Environment', 'Target', 'Function'] as const;

/** Which function of which environment opens a target. */
export interface TargetOpener {
  readonly environment: string;
  readonly function: 'sync-roles' | 'reconcile';
}

/** `arn:aws:iam::444455556666:role/path/name` in its parts. */
export const roleArnFormat =
  /^arn:(?<partition>aws(?:-[a-z]{1,5}){0,3}):iam::(?<account>\d{12}):role(?<path>\/(?:[\w+=,.@-]+\/)*)(?<name>[\w+=,.@-]{1,64})$/;

export const assumeRoleSettings = v.strictObject({
  roleArn: known(roleArnFormat, 'give the ARN of the role in the other account, arn:aws:iam::444455556666:role/…'),
  /**
   * What that account's trust policy asks for ("The confused deputy problem", IAM User Guide): not a secret, but nobody else's and not to be
   * guessed.
   */
  externalId: v.pipe(
    known(/^[\w+=,.@:/-]{2,1224}$/, 'give 2 to 1224 letters, digits and _+=,.@:/- (AWS STS API Reference, AssumeRole)'),
    v.check(
      (value) => !/^(?:arn:.*:)?\d{12}(?::.*)?$/.test(value),
      ({ input }) => `"${input}" is an account's id, which anybody can guess: give a random one, such as a UUID`,
    ),
  ),
});

export type AssumeRoleSettings = v.InferOutput<typeof assumeRoleSettings>;
