/** Settings of a SCIM 2.0 target, as a team writes them. */
import * as v from 'valibot';
import { isTokenSafeUrl } from '../../../platform/token-safe-url.ts';

const text = v.pipe(v.string(), v.nonEmpty());

/** What Terraform knows only at apply is written `${…}` until then. */
const isKnownAtApply = (value: string): boolean => value.includes('${');

const isTokenSafe = (value: string): boolean => isKnownAtApply(value) || isTokenSafeUrl(value);

/** A token travels there. */
const url = (what: string) =>
  v.pipe(
    text,
    v.check(isTokenSafe, ({ input }) => `${what} "${input}" is no https URL without user, query and fragment: write one`),
  );

const authenticationSchema = v.union(
  [
    v.strictObject({ bearer: v.literal(true) }),
    v.strictObject({ clientCredentials: v.strictObject({ tokenUrl: url('token URL'), scope: v.optional(text) }) }),
    v.strictObject({ webIdentity: v.strictObject({ audience: text, tokenUrl: v.optional(url('token URL')) }) }),
  ],
  (issue) =>
    `authentication is wrong (${issue.issues?.map(({ message }) => message).join('; ') ?? issue.received}): write one of {bearer: true}, {clientCredentials: {tokenUrl, scope?}} and {webIdentity: {audience, tokenUrl?}}`,
);

/** IAM Identity Center lists at most so many at a time ("IAM Identity Center SCIM Implementation Developer Guide", ListUsers, ListGroups). */
export const identityCenterPage = 50;

const written = v.strictObject({
  endpoint: url('SCIM endpoint'),
  authentication: authenticationSchema,
  profile: v.optional(v.picklist(['standard', 'identity-center'], 'profile is neither "standard" nor "identity-center"'), 'standard'),
  callsPerSecond: v.optional(
    v.pipe(v.number(), v.minValue(0.1, 'callsPerSecond is below 0.1'), v.maxValue(1000, 'callsPerSecond is above 1000')),
    10,
  ),
  pageSize: v.optional(
    v.pipe(
      v.number(),
      v.integer('pageSize is no whole number'),
      v.minValue(2, 'pageSize is below 2'),
      v.maxValue(1000, 'pageSize is above 1000'),
    ),
  ),
});

export const settingsSchema = v.pipe(
  written,
  v.check(
    ({ profile, pageSize = 2 }) => profile === 'standard' || pageSize <= identityCenterPage,
    ({ input }) => `pageSize ${input.pageSize} is above ${identityCenterPage}, the most that Identity Center lists: leave it out`,
  ),
  v.transform((settings) => ({ ...settings, pageSize: settings.pageSize ?? (settings.profile === 'standard' ? 100 : identityCenterPage) })),
);

export type ScimSettings = v.InferOutput<typeof settingsSchema>;
export type ScimAuthentication = ScimSettings['authentication'];
/** What a server keeps to: the RFCs, or the part of them that IAM Identity Center implements. */
export type ScimProfile = ScimSettings['profile'];
