/** A role, policies and requests of account 111122223333, for the tests of policy evaluation. */

import type { AuthorizationRequest, PolicySource, Principal, Statement } from '../../../sandbox/aws/iam/index.ts';

export const ACCOUNT = '111122223333';
export const ROLE = `arn:aws:iam::${ACCOUNT}:role/sync-roles`;
export const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/sync-roles/sync-roles`;
export const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
export const TABLE = `arn:aws:dynamodb:eu-central-1:${ACCOUNT}:table/grants`;
export const QUEUE = `arn:aws:sqs:eu-central-1:${ACCOUNT}:decisions`;

/** Statements in the form a JSON file holds them, mistakes included. */
export type Draft = Statement | Readonly<Record<string, unknown>>;

export function policy(name: string, statements: Draft | readonly Draft[], version: string | undefined = '2012-10-17'): PolicySource {
  const document = { ...(version === undefined ? {} : { Version: version }), Statement: statements };
  return { name, document: document as unknown as PolicySource['document'] };
}

export function allow(more: Readonly<Record<string, unknown>> = {}): Draft {
  return { Effect: 'Allow', Action: 'dynamodb:GetItem', Resource: TABLE, ...more };
}

export function deny(more: Readonly<Record<string, unknown>> = {}): Draft {
  return { ...allow(more), Effect: 'Deny' };
}

type Role = Extract<Principal, { kind: 'role' }>;

export function role(identity: readonly Draft[], more: Partial<Role> = {}): Role {
  const identityPolicies = identity.map((statement, i) => policy(`identity-${i}`, statement));
  return { kind: 'role', arn: ROLE, sessionArn: SESSION, account: ACCOUNT, identityPolicies, ...more };
}

export function request(principal: Principal, more: Partial<AuthorizationRequest> = {}): AuthorizationRequest {
  return { principal, action: 'dynamodb:GetItem', resource: TABLE, context: {}, resourceAccount: ACCOUNT, ...more };
}
