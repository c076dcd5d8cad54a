import { describe, expect, it } from 'vitest';
import { authorize, MalformedPolicyError, UnknownPolicyElementError } from '../../../sandbox/aws/iam/index.ts';
import { allow, deny, policy, ROLE, request, role } from './fixture.ts';

type Values = string | number | boolean | readonly (string | number | boolean)[];
type Context = Readonly<Record<string, string | readonly string[]>>;

/** Whether a statement with this one condition on the key `app:key` applies. */
function holds(operator: string, values: Values, found?: string | readonly string[]): boolean {
  const context = found === undefined ? {} : { 'app:key': found };
  return allowedBy({ [operator]: { 'app:key': values } }, context);
}

function allowedBy(condition: unknown, context: Context): boolean {
  return authorize(request(role([allow({ Condition: condition })]), { context })).allowed;
}

describe('GIVEN a condition operator, WHEN the key has one value', () => {
  const cases: readonly [operator: string, values: Values, found: string, holds: boolean][] = [
    ['StringEquals', 'a', 'a', true],
    ['StringEquals', 'a', 'A', false],
    ['StringEquals', ['a', 'b'], 'b', true],
    ['StringEquals', 'a*', 'ab', false],
    ['StringEquals', 'a*', 'a*', true],
    ['StringNotEquals', 'a', 'b', true],
    ['StringNotEquals', ['a', 'b'], 'b', false],
    ['StringNotEquals', ['a', 'b'], 'c', true],
    ['StringEqualsIgnoreCase', 'aB', 'Ab', true],
    ['StringEqualsIgnoreCase', 'aB', 'Abc', false],
    ['StringNotEqualsIgnoreCase', 'aB', 'Ab', false],
    ['StringNotEqualsIgnoreCase', 'aB', 'c', true],
    ['StringLike', 'a*c?', 'abbcd', true],
    ['StringLike', 'a*c?', 'abbc', false],
    ['StringLike', 'A*', 'ab', false],
    ['StringNotLike', 'a*', 'ab', false],
    ['StringNotLike', 'a*', 'ba', true],
    ['NumericEquals', 10, '10.0', true],
    ['NumericEquals', '10', '11', false],
    ['NumericEquals', '10', 'ten', false],
    ['NumericNotEquals', '10', '11', true],
    ['NumericNotEquals', '10', '10', false],
    ['NumericLessThan', '10', '9.5', true],
    ['NumericLessThan', '10', '10', false],
    ['NumericLessThanEquals', '10', '10', true],
    ['NumericLessThanEquals', '10', '10.1', false],
    ['NumericGreaterThan', '10', '11', true],
    ['NumericGreaterThan', '10', '10', false],
    ['NumericGreaterThan', '9', '10', true],
    ['NumericGreaterThanEquals', '10', '10', true],
    ['NumericGreaterThanEquals', '10', '9', false],
    ['DateEquals', '2026-01-31T00:00:00Z', '2026-01-31T01:00:00+01:00', true],
    ['DateEquals', '2026-01-31', '2026-01-31T00:00:01Z', false],
    ['DateNotEquals', '2026-01-31', '2026-02-01', true],
    ['DateNotEquals', '2026-01-31', '2026-01-31T00:00:00.000Z', false],
    ['DateLessThan', '2026', '2025-12-31T23:59:59Z', true],
    ['DateLessThan', '2026', '2026-01-01', false],
    ['DateLessThanEquals', '2026-01-01', '2026-01-01', true],
    ['DateGreaterThan', '2026-01-01', '1767225601', true],
    ['DateGreaterThan', '1767225600', '2026-01-01', false],
    ['DateGreaterThanEquals', '1767225600', '2026-01-01', true],
    ['DateGreaterThanEquals', '1767225600', 'yesterday', false],
    ['Bool', 'true', 'TRUE', true],
    ['Bool', true, 'true', true],
    ['Bool', 'false', 'true', false],
    ['BinaryEquals', 'QmluYXJ5VmFsdWVJbkJhc2U2NA==', 'QmluYXJ5VmFsdWVJbkJhc2U2NA==', true],
    ['BinaryEquals', 'QmluYXJ5', 'QmluYXJ6', false],
    ['IpAddress', '203.0.113.0/24', '203.0.113.255', true],
    ['IpAddress', '203.0.113.0/24', '203.0.114.0', false],
    ['IpAddress', '203.0.113.7', '203.0.113.7', true],
    ['IpAddress', '203.0.113.7', '203.0.113.8', false],
    ['IpAddress', '2001:DB8:1234:5678::/64', '2001:db8:1234:5678::1', true],
    ['IpAddress', ['203.0.113.0/24', '2001:DB8:1234:5678::/64'], '2001:db8:1234:5679::1', false],
    ['IpAddress', '203.0.113.0/24', 'events.amazonaws.com', false],
    ['NotIpAddress', '203.0.113.0/24', '203.0.113.1', false],
    ['NotIpAddress', '203.0.113.0/24', '198.51.100.1', true],
    ['ArnEquals', 'arn:aws:sns:*:111122223333:t*', 'arn:aws:sns:eu-west-1:111122223333:topic', true],
    ['ArnLike', 'arn:aws:sns:*:111122223333:t?pic', 'arn:aws:sns:eu-west-1:111122223333:topic', true],
    ['ArnLike', 'arn:aws:app:*:111122223333:finance/*', 'arn:aws:app:us-east-2:999999999999:store/abc:111122223333:finance/a', false],
    ['StringLike', 'arn:aws:app:*:111122223333:finance/*', 'arn:aws:app:us-east-2:999999999999:store/abc:111122223333:finance/a', true],
    ['ArnLike', 'arn:aws:logs:*:*:*', 'arn:aws:logs:eu-west-1:111122223333:log-group:a:log-stream:b', true],
    ['ArnEquals', 'arn:aws:sns:*:111122223333:t', 'no arn', false],
    ['ArnNotEquals', 'arn:aws:sns:*:*:*', 'arn:aws:sns:eu-west-1:111122223333:topic', false],
    ['ArnNotLike', 'arn:aws:sns:*:*:*', 'arn:aws:sqs:eu-west-1:111122223333:queue', true],
    ['Null', 'true', 'a', false],
    ['Null', 'false', 'a', true],
  ];

  it.each(cases)('%s %j of %j is %s', (operator, values, found, expected) => {
    expect(holds(operator, values, found)).toBe(expected);
  });
});

describe('GIVEN a condition operator, WHEN the key is absent', () => {
  const operators: readonly [operator: string, value: string, holds: boolean][] = [
    ['StringEquals', 'a', false],
    ['StringNotEquals', 'a', true],
    ['StringEqualsIgnoreCase', 'a', false],
    ['StringNotEqualsIgnoreCase', 'a', true],
    ['StringLike', '*', false],
    ['StringNotLike', '*', true],
    ['NumericEquals', '1', false],
    ['NumericNotEquals', '1', true],
    ['NumericLessThan', '1', false],
    ['NumericLessThanEquals', '1', false],
    ['NumericGreaterThan', '1', false],
    ['NumericGreaterThanEquals', '1', false],
    ['DateEquals', '2026', false],
    ['DateNotEquals', '2026', true],
    ['DateLessThan', '2026', false],
    ['DateLessThanEquals', '2026', false],
    ['DateGreaterThan', '2026', false],
    ['DateGreaterThanEquals', '2026', false],
    ['Bool', 'false', false],
    ['BinaryEquals', 'YQ==', false],
    ['IpAddress', '0.0.0.0/0', false],
    ['NotIpAddress', '0.0.0.0/0', true],
    ['ArnEquals', 'arn:aws:sns:*:*:*', false],
    ['ArnLike', 'arn:aws:sns:*:*:*', false],
    ['ArnNotEquals', 'arn:aws:sns:*:*:*', true],
    ['ArnNotLike', 'arn:aws:sns:*:*:*', true],
  ];

  it.each(operators)('%s %j is as its negation says: %3$s', (operator, value, expected) => {
    expect(holds(operator, value)).toBe(expected);
  });

  it.each(operators)('%sIfExists is true', (operator, value) => {
    expect(holds(`${operator}IfExists`, value)).toBe(true);
  });

  it.each(operators)('ForAllValues:%s is true', (operator, value) => {
    expect(holds(`ForAllValues:${operator}`, value)).toBe(true);
    expect(holds(`ForAllValues:${operator}`, value, [])).toBe(true);
    expect(holds(`ForAllValues:${operator}`, value, '')).toBe(true);
  });

  it.each(operators)('ForAnyValue:%s is false', (operator, value) => {
    expect(holds(`ForAnyValue:${operator}`, value)).toBe(false);
    expect(holds(`ForAnyValue:${operator}`, value, [])).toBe(false);
    expect(holds(`ForAnyValue:${operator}IfExists`, value)).toBe(true);
  });

  it('Null is true by "true" alone, and a key without values is absent', () => {
    expect(holds('Null', 'true')).toBe(true);
    expect(holds('Null', 'false')).toBe(false);
    expect(holds('Null', true, [])).toBe(true);
  });

  it('IfExists still compares a key that is there', () => {
    expect(holds('StringEqualsIfExists', 'a', 'b')).toBe(false);
    expect(holds('StringNotEqualsIfExists', 'a', 'a')).toBe(false);
  });
});

describe('GIVEN a set operator, WHEN the key has several values', () => {
  const cases: readonly [operator: string, values: Values, found: readonly string[], holds: boolean][] = [
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'b'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
    ['ForAllValues:StringLike', ['a*'], ['a1', 'a2'], true],
    ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'd'], true],
    ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'a'], false],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'b'], true],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'd'], false],
    ['ForAnyValue:StringNotEquals', ['a', 'b'], ['a', 'b'], false],
    ['ForAnyValue:StringNotEquals', ['a', 'b'], ['a', 'c'], true],
    ['ForAnyValue:ArnLike', ['arn:aws:sns:*:*:*'], ['arn:aws:sqs:::q', 'arn:aws:sns:::t'], true],
    ['ForAnyValue:StringEqualsIfExists', ['a'], ['b'], false],
  ];

  it.each(cases)('%s %j of %j is %s', (operator, values, found, expected) => {
    expect(holds(operator, values, found)).toBe(expected);
  });

  it('fails without a set operator', () => {
    expect(() => holds('StringEquals', 'a', ['a'])).toThrow(MalformedPolicyError);
    expect(() => holds('StringEquals', 'a', ['a'])).toThrow(
      /StringEquals of app:key .* prefix the operator with ForAllValues: or ForAnyValue:$/,
    );
  });
});

describe('GIVEN several conditions', () => {
  it('all operators and keys must hold', () => {
    const both = { StringEquals: { 'app:a': '1', 'app:b': '2' }, Bool: { 'aws:SecureTransport': 'true' } };
    expect(allowedBy(both, { 'app:a': '1', 'app:b': '2', 'aws:SecureTransport': 'true' })).toBe(true);
    expect(allowedBy(both, { 'app:a': '1', 'app:b': '3', 'aws:SecureTransport': 'true' })).toBe(false);
    expect(allowedBy(both, { 'app:a': '1', 'app:b': '2', 'aws:SecureTransport': 'false' })).toBe(false);
  });

  it('keys ignore case', () => {
    expect(allowedBy({ StringEquals: { 'AWS:principalARN': ROLE } }, {})).toBe(true);
  });

  it('a Deny applies only when its condition holds', () => {
    const caller = role([allow(), deny({ Condition: { Bool: { 'aws:SecureTransport': 'false' } } })]);
    expect(authorize(request(caller, { context: { 'aws:SecureTransport': 'true' } })).allowed).toBe(true);
    expect(authorize(request(caller, { context: { 'aws:SecureTransport': 'false' } })).allowed).toBe(false);
    expect(authorize(request(caller)).allowed).toBe(true);
  });

  it('the keys that follow from the principal are there', () => {
    const keys = {
      'aws:PrincipalArn': ROLE,
      'aws:PrincipalAccount': '111122223333',
      'aws:PrincipalIsAWSService': 'false',
      'aws:ResourceAccount': '111122223333',
      'aws:PrincipalTag/Domain': 'roles',
    };
    const caller = role([allow({ Condition: { StringEquals: keys } })], { tags: { domain: 'roles' } });
    expect(authorize(request(caller)).allowed).toBe(true);
    // A request cannot pretend to be another principal.
    expect(authorize(request(caller, { context: { 'aws:PrincipalArn': `${ROLE}-2` } })).allowed).toBe(true);
  });
});

describe('GIVEN policy variables', () => {
  const BUCKET = 'arn:aws:s3:::evidence';
  const reads = (resource: string, pattern: string, tags: Record<string, string> = {}, version = '2012-10-17', context: Context = {}) => {
    const identityPolicies = [policy('identity', { Effect: 'Allow', Action: 's3:GetObject', Resource: pattern }, version)];
    return authorize(request(role([], { identityPolicies, tags }), { action: 's3:GetObject', resource, context })).allowed;
  };

  it.each<[title: string, resource: string, pattern: string, tags: Record<string, string>, allowed: boolean]>([
    ['a tag is put in', `${BUCKET}/roles/a`, `${BUCKET}/\${aws:PrincipalTag/domain}/*`, { domain: 'roles' }, true],
    ['another tag value does not match', `${BUCKET}/roles/a`, `${BUCKET}/\${aws:PrincipalTag/domain}/*`, { domain: 'audit' }, false],
    ['a missing value matches nothing', `${BUCKET}//a`, `${BUCKET}/\${aws:PrincipalTag/domain}/*`, {}, false],
    ['the default stands in', `${BUCKET}/all/a`, `${BUCKET}/\${aws:PrincipalTag/domain, 'all'}/*`, {}, true],
    ['the default gives way', `${BUCKET}/all/a`, `${BUCKET}/\${aws:PrincipalTag/domain, 'all'}/*`, { domain: 'x' }, false],
    ['a * in a value is no wildcard', `${BUCKET}/roles/a`, `${BUCKET}/\${aws:PrincipalTag/domain}/*`, { domain: '*' }, false],
    [`\${*} is an asterisk`, `${BUCKET}/*`, `${BUCKET}/\${*}`, {}, true],
    [`\${*} is no wildcard`, `${BUCKET}/a`, `${BUCKET}/\${*}`, {}, false],
    [`\${?} is no wildcard`, `${BUCKET}/a`, `${BUCKET}/\${?}`, {}, false],
    [`\${$} is a dollar sign`, `${BUCKET}/\${aws:username}`, `${BUCKET}/\${$}{aws:username}`, {}, true],
  ])('%s', (_title, resource, pattern, tags, expected) => {
    expect(reads(resource, pattern, tags)).toBe(expected);
  });

  it('version 2008-10-17 takes them as text', () => {
    const pattern = `${BUCKET}/\${aws:username}`;
    expect(reads(`${BUCKET}/alice`, pattern, {}, '2012-10-17', { 'aws:username': 'alice' })).toBe(true);
    expect(reads(`${BUCKET}/alice`, pattern, {}, '2008-10-17', { 'aws:username': 'alice' })).toBe(false);
    expect(reads(`${BUCKET}/\${aws:username}`, pattern, {}, '2008-10-17', { 'aws:username': 'alice' })).toBe(true);
  });

  it('they work in string, ARN and boolean conditions', () => {
    const context = {
      'app:owner': 'alice',
      'app:key': 'alice/x',
      'app:arn': 'arn:aws:app:::alice',
      'app:flag': 'true',
      'app:want': 'true',
    };
    expect(allowedBy({ StringLike: { 'app:key': `\${app:owner}/*` } }, context)).toBe(true);
    expect(allowedBy({ StringEqualsIgnoreCase: { 'app:owner': `\${APP:OWNER}` } }, context)).toBe(true);
    expect(allowedBy({ ArnLike: { 'app:arn': `arn:aws:app:::\${app:owner}` } }, context)).toBe(true);
    expect(allowedBy({ Bool: { 'app:flag': `\${app:want}` } }, context)).toBe(true);
  });

  it('a variable without value makes the statement invalid, negated or not', () => {
    const context = { 'app:key': 'a' };
    expect(allowedBy({ StringEquals: { 'app:key': `\${app:gone}` } }, context)).toBe(false);
    expect(allowedBy({ StringNotEquals: { 'app:key': `\${app:gone}` } }, context)).toBe(false);
    const notResource = { Effect: 'Allow', Action: '*', NotResource: `arn:aws:s3:::\${app:gone}` };
    expect(authorize(request(role([notResource]))).allowed).toBe(false);
  });

  it('fails where no variable may stand, or a broken one stands', () => {
    expect(() => reads(BUCKET, `arn:aws:s3:\${aws:RequestedRegion}::evidence`)).toThrow(/variable before the fifth colon/);
    expect(() => reads(BUCKET, `${BUCKET}/\${aws:username`)).toThrow(/broken policy variable/);
    expect(() => reads(BUCKET, `\${aws_s3_bucket.evidence.arn}`)).toThrow(/neither an ARN nor/);
    expect(() => allowedBy({ NumericEquals: { 'app:key': `\${app:n}` } }, {})).toThrow(/is no number/);
    expect(() => reads(BUCKET, `${BUCKET}/\${app:many}`, {}, '2012-10-17', { 'app:many': ['a'] })).toThrow(/has several values/);
  });
});

describe('GIVEN a condition that AWS does not know', () => {
  it.each([
    'StringMatches',
    'stringequals',
    'ForAllValue:StringEquals',
    'NullIfExists',
    'ForAnyValue:Null',
    'StringEqualsIfExistsIfExists',
    'constructor',
    '',
  ])('fails on the operator %j, even in a statement about another action', (operator) => {
    const other = allow({ Action: 's3:*', Condition: { [operator]: { 'app:key': 'true' } } });
    const decide = () => authorize(request(role([allow(), other])));
    expect(decide).toThrow(UnknownPolicyElementError);
    expect(decide).toThrow(`unknown condition operator "${operator}" in statement 0 of policy "identity-1"`);
  });

  it.each<[operator: string, value: unknown]>([
    ['NumericEquals', 'ten'],
    ['DateEquals', '31.01.2026'],
    ['Bool', 'yes'],
    ['Null', 'maybe'],
    ['BinaryEquals', 'not base64!'],
    ['IpAddress', '203.0.113.0/33'],
    ['IpAddress', 'corp.example.com'],
    ['ArnEquals', 'arn:aws:sns'],
    ['StringEquals', []],
    ['StringEquals', { nested: 'a' }],
    ['StringEquals', null],
  ])('fails on %s %j', (operator, value) => {
    expect(() => allowedBy({ [operator]: { 'app:key': value } }, {})).toThrow(MalformedPolicyError);
  });
});
