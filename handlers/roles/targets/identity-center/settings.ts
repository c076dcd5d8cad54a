/** What a team says about IAM Identity Center as a target. Checked at synth and again when a function opens the target. */
import * as v from 'valibot';
import { assumeRoleSettings } from './assume-role.ts';
import { known, unresolved } from './known.ts';

// Formats: Identity Store API Reference ("IdentityStoreId") and IAM Identity Center API Reference ("CreateAccountAssignment",
// "PermissionSet", "PutInlinePolicyToPermissionSet").
const partition = 'arn:aws(?:-[a-z]{1,5}){0,3}';
const instance = '(?:sso)?ins-[a-zA-Z0-9-.]{16}';
const storeId = /^(?:d-[0-9a-f]{10}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const regionName = /^[a-z]{2}(?:-[a-z]+)+-\d$/;
const instanceFormat = new RegExp(`^${partition}:sso:::instance/${instance}$`);
const permissionSetFormat = new RegExp(`^${partition}:sso:::permissionSet/${instance}/ps-[a-zA-Z0-9-./]{16}$`);

const wholeNumber = (least: number, most: number, remedy: string) =>
  v.pipe(
    v.number(),
    v.check(
      (value) => Number.isInteger(value) && value >= least && value <= most,
      ({ input }) => `${input}: ${remedy}`,
    ),
  );

/** Id of the instance that an ARN of it, or of one of its permission sets, names. */
const instanceOf = (arn: string): string | undefined => (unresolved.test(arn) ? undefined : arn.split('/')[1]);

export const identityCenterSettings = v.pipe(
  v.strictObject({
    identityStoreId: known(storeId, 'give the id from the settings of IAM Identity Center, such as d-1234567890'),
    /** With `permissionSets` and `accounts`: roles may bring access to these accounts with these permission sets, and to no others. */
    instanceArn: v.optional(
      known(instanceFormat, 'give the ARN from the settings of IAM Identity Center, arn:aws:sso:::instance/ssoins-…'),
    ),
    /** Region of IAM Identity Center. @default the environment's */
    region: v.optional(known(regionName, 'give a region such as eu-central-1')),
    /** Role of the account that IAM Identity Center is in, or is delegated to, where that is another one. @default the functions' own roles */
    assumeRole: v.optional(assumeRoleSettings),
    /** ARNs by the name that role mappings use. */
    permissionSets: v.optional(
      v.record(
        known(/^[\w+=,.@-]{1,32}$/, 'give the name of a permission set, 1 to 32 of letters, digits and _+=,.@-'),
        known(permissionSetFormat, 'give the ARN of a permission set, arn:aws:sso:::permissionSet/ssoins-…/ps-…'),
      ),
    ),
    /** Twelve digits each. */
    accounts: v.optional(v.array(known(/^\d{12}$/, 'give the twelve digits of an AWS account'))),
    /** Of each API of the identity store, and of all of IAM Identity Center's own together: one less than AWS allows. @default 19 */
    callsPerSecond: v.optional(wholeNumber(1, 20, 'give 1 to 20: AWS allows no more ("IAM Identity Center quotas")'), 19),
    /** The longest session of the permission sets: so long a removed person is denied what a session could still do. @default 12 */
    sessionHours: v.optional(wholeNumber(1, 12, 'give 1 to 12: no session of a permission set lasts longer'), 12),
  }),
  v.check(({ instanceArn, permissionSets, accounts }) => {
    const given = [instanceArn !== undefined, Object.keys(permissionSets ?? {}).length > 0, (accounts ?? []).length > 0];
    return given.every((one) => one) || (given.every((one) => !one) && permissionSets === undefined && accounts === undefined);
  }, 'assignments need instanceArn, permissionSets and accounts, each with a value: give all three or none of them'),
  v.check(
    ({ instanceArn, permissionSets }) => {
      const own = instanceArn && instanceOf(instanceArn);
      return !own || Object.values(permissionSets ?? {}).every((arn) => (instanceOf(arn) ?? own) === own);
    },
    ({ input }) => `a permission set is not of ${input.instanceArn}: give the ARNs of its own permission sets`,
  ),
);

export type IdentityCenterSettings = v.InferOutput<typeof identityCenterSettings>;

/** What of the settings concerns access to AWS accounts. */
export interface AccountAccess {
  readonly instanceArn: string;
  /** ARN by name. */
  readonly permissionSets: Readonly<Record<string, string>>;
  readonly accounts: readonly string[];
}

/** Undefined: roles bring no access to AWS accounts. */
export function accountAccess({ instanceArn, permissionSets, accounts }: IdentityCenterSettings): AccountAccess | undefined {
  if (instanceArn === undefined || permissionSets === undefined || accounts === undefined) return undefined;
  return { instanceArn, permissionSets, accounts };
}
