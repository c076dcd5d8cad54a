/** IAM policy evaluation, as the IAM user guide documents it ("Policy evaluation logic"). */

export { type AuthorizationRequest, authorize, type Decision, type Principal, type StatementReference } from './authorize.ts';
export type { PolicyDocument, PolicySource, Statement } from './policy-document.ts';
export { MalformedPolicyError, UnknownPolicyElementError } from './policy-errors.ts';
export { type SeenCall, type SurplusPermission, surplus } from './surplus.ts';
export { checkTrustPolicy, type TrustedParty, trusts } from './trust.ts';
