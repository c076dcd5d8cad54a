import { describe, expect, it } from 'vitest';
import { MalformedPolicyError, trusts } from '../../../sandbox/aws/iam/index.ts';
import { ACCOUNT, policy, ROLE, ROOT, SESSION } from './fixture.ts';

const trust = (principal: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
  Effect: 'Allow',
  Principal: principal,
  Action: 'sts:AssumeRole',
  ...more,
});
const LAMBDA = { Service: 'lambda.amazonaws.com' };

describe("GIVEN a role's trust policy, WHEN a party asks to assume it", () => {
  const service = { service: 'lambda.amazonaws.com' };
  const caller = { principalArn: ROLE };

  it.each<[string, Parameters<typeof trusts>[1], readonly object[], boolean]>([
    ['a service by name', service, [trust(LAMBDA)], true],
    ['one service of a list', service, [trust({ Service: ['scheduler.amazonaws.com', 'lambda.amazonaws.com'] })], true],
    ['another service', service, [trust({ Service: 'scheduler.amazonaws.com' })], false],
    ['a service by another action', service, [trust(LAMBDA, { Action: 'sts:TagSession' })], false],
    ['a service denied elsewhere', service, [trust(LAMBDA), trust(LAMBDA, { Effect: 'Deny' })], false],
    ['a service by an account', service, [trust({ AWS: ROOT })], false],
    ['a role by ARN', caller, [trust({ AWS: ROLE })], true],
    ['a role by its account', caller, [trust({ AWS: ACCOUNT })], true],
    ['a role of another account', caller, [trust({ AWS: 'arn:aws:iam::444455556666:root' })], false],
    ['a role, where its session is named', caller, [trust({ AWS: SESSION })], false],
    ['a session by ARN', { principalArn: SESSION }, [trust({ AWS: SESSION })], true],
    ['a session by its role', { principalArn: SESSION }, [trust({ AWS: ROLE })], true],
    ['the account root', { principalArn: ROOT }, [trust({ AWS: ACCOUNT })], true],
    ['the account root, where a role is named', { principalArn: ROOT }, [trust({ AWS: ROLE })], false],
    ['anybody', caller, [trust('*')], true],
    ['an OIDC provider', caller, [trust({ Federated: 'arn:aws:iam::111122223333:oidc-provider/idp.example.com' })], false],
  ])('%s', (_title, party, statements, expected) => {
    expect(trusts(policy('trust', statements as never), party, 'sts:AssumeRole', {})).toBe(expected);
  });

  it('conditions bind the service to a source', () => {
    const bound = policy('trust', trust(LAMBDA, { Condition: { StringEquals: { 'aws:SourceAccount': ACCOUNT } } }));
    expect(trusts(bound, service, 'sts:AssumeRole', { 'aws:SourceAccount': ACCOUNT })).toBe(true);
    expect(trusts(bound, service, 'sts:AssumeRole', { 'aws:SourceAccount': '444455556666' })).toBe(false);
    expect(trusts(bound, service, 'sts:AssumeRole', {})).toBe(false);
  });

  it.each<[string, object]>([
    ['a Resource', trust(LAMBDA, { Resource: '*' })],
    ['no Principal', { Effect: 'Allow', Action: 'sts:AssumeRole' }],
    ['NotPrincipal', { Effect: 'Allow', NotPrincipal: LAMBDA, Action: 'sts:AssumeRole' }],
  ])('fails on a trust policy with %s', (_title, statement) => {
    expect(() => trusts(policy('trust', statement as never), service, 'sts:AssumeRole', {})).toThrow(MalformedPolicyError);
  });

  it('fails on a party that is no principal', () => {
    expect(() => trusts(policy('trust', trust(LAMBDA)), { principalArn: 'sync-roles' }, 'sts:AssumeRole', {})).toThrow(
      '"sync-roles" is no account root, role or role session: pass such an ARN',
    );
  });
});
