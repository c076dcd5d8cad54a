/** What becomes allowed is never missed: random policies, compared here and evaluated by the sandbox's IAM, an implementation of its own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareStatements, effectOfAll } from '../../modules/plan-review/permissions/policy-comparison.ts';
import { readStatements, type Statement } from '../../modules/plan-review/permissions/statement.ts';
import { type AuthorizationRequest, authorize, type PolicySource } from '../../sandbox/aws/iam/index.ts';

const account = '111122223333';
const roleArn = `arn:aws:iam::${account}:role/reader`;
const actions = ['s3:GetObject', 's3:PutObject', 's3:Get*', 'S3:getobject', 's3:?etObject', 's3:*', 'sqs:SendMessage', '*'];
const resources = [
  ...['*', 'arn:aws:s3:::a/x', 'arn:aws:s3:::a/*', 'arn:aws:s3:::a/??', 'arn:aws:s3:::*', 'arn:aws:s3:::b/x'],
  'arn:aws:s3:::a/$' + '{aws:PrincipalTag/team}',
];
const conditions = [
  { StringEquals: { 'aws:SourceAccount': [account] } },
  { StringEquals: { 'aws:SourceAccount': [account, '444455556666'] } },
  { StringEqualsIfExists: { 'AWS:sourceaccount': account } },
  { StringLike: { 'aws:SourceAccount': ['1*', '4444*'] } },
  { StringNotEquals: { 'aws:SourceAccount': [account] } },
  { StringNotEquals: { 'aws:SourceAccount': [account, '444455556666'] } },
  { StringNotLike: { 'aws:SourceAccount': '1*' } },
  { ArnLike: { 'aws:SourceArn': 'arn:aws:sqs:*:111122223333:*' } },
  { ArnLike: { 'aws:SourceArn': 'arn:aws:sqs:eu-central-2:111122223333:q' } },
  { ArnNotLike: { 'aws:SourceArn': 'arn:aws:sqs:*:111122223333:*' } },
  { Bool: { 'aws:SecureTransport': 'false' } },
  { Null: { 'aws:SourceArn': 'true' } },
  { Null: { 'aws:SourceArn': false } },
  { NumericLessThan: { 's3:max-keys': 10 } },
  { NumericLessThanEquals: { 's3:max-keys': 100 } },
  { NumericGreaterThan: { 's3:max-keys': '10' } },
  { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['a#*'] } },
  { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['a#*', 'b#*'] } },
  { 'ForAnyValue:StringEquals': { 'dynamodb:LeadingKeys': ['a#1'] } },
  { IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } },
  { IpAddress: { 'aws:SourceIp': ['203.0.113.0/24', '198.51.100.0/24'] } },
  {},
];
const principals = [
  ...['*', { AWS: account }, { AWS: `arn:aws:iam::${account}:root` }, { AWS: roleArn }, { Service: 'events.amazonaws.com' }],
  { AWS: [account, 'arn:aws:iam::444455556666:role/other'], Service: ['events.amazonaws.com', 'scheduler.amazonaws.com'] },
];

const some = <T>(of: readonly T[]) => fc.oneof(fc.constantFrom(...of), fc.subarray([...of], { minLength: 1, maxLength: 3 }));
const named = <T>(element: string, of: readonly T[], negatable: boolean) =>
  fc
    .tuple(some(of), negatable ? fc.constantFrom('', '', '', 'Not') : fc.constant(''))
    .map(([value, not]) => ({ [`${not}${element}`]: value }));

function statement(kind: 'identity' | 'resource') {
  return fc
    .record({
      effect: fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
      sid: fc.constantFrom(undefined, 'One', 'Two'),
      action: named('Action', actions, true),
      resource: named('Resource', resources, true),
      condition: fc.tuple(fc.constantFrom(...conditions), fc.constantFrom({}, {}, ...conditions)).map((pair) => Object.assign({}, ...pair)),
      principal: fc.tuple(fc.constantFrom(...principals), fc.constantFrom('', '', '', '', 'Not')),
    })
    .map(({ effect, sid, action, resource, condition, principal: [principal, not] }) => ({
      ...(sid === undefined ? {} : { Sid: sid }),
      Effect: effect,
      ...(kind === 'resource' ? { [`${effect === 'Deny' ? not : ''}Principal`]: principal } : {}),
      ...action,
      ...resource,
      ...(Object.keys(condition).length === 0 ? {} : { Condition: condition }),
    }));
}

/** Sids are unique in a policy. */
const policy = (kind: 'identity' | 'resource') =>
  fc
    .array(statement(kind), { minLength: 1, maxLength: 3 })
    .map((statements) =>
      statements.map(({ Sid, ...rest }, index) =>
        statements.findIndex((one) => one.Sid === Sid) === index && Sid ? { Sid, ...rest } : rest,
      ),
    );

/** Statements that differ in one element alone, and are about everything else: what that element means decides. */
const oneElement = (kind: 'identity' | 'resource') => {
  const condition = fc.constantFrom(...conditions).map((Condition) => ({ Condition }));
  const elements = [
    ...[named('Action', actions, true), named('Resource', resources, true), condition, condition, condition],
    ...(kind === 'resource' ? [fc.constantFrom(...principals).map((Principal) => ({ Principal }))] : []),
  ];
  const whole = (element: object) => ({
    ...(kind === 'resource' ? { Principal: '*' } : {}),
    ...('NotAction' in element ? {} : { Action: '*' }),
    ...('NotResource' in element ? {} : { Resource: '*' }),
    ...element,
  });
  return fc.tuple(fc.oneof(...elements.map((one) => fc.tuple(one, one))), fc.boolean()).map(([[before, after], denies]) => {
    const all = { Effect: 'Allow', ...whole({}) };
    const policyOf = (element: object) =>
      denies ? [all, { Effect: 'Deny', ...whole(element) }] : [{ Effect: 'Allow', ...whole(element) }];
    return { before: policyOf(before), after: policyOf(after) };
  });
};

/** Most changes are small: an element, a statement more, a list longer. */
const pair = (kind: 'identity' | 'resource') =>
  fc.oneof({ arbitrary: oneElement(kind), weight: 3 }, { arbitrary: anyPair(kind), weight: 1 });

const anyPair = (kind: 'identity' | 'resource') =>
  fc.tuple(policy(kind), policy(kind), fc.boolean()).map(([before, after, mixed]) => {
    const plain = ({ Sid: _, ...rest }: Readonly<Record<string, unknown>>) => rest;
    return mixed ? { before: before.map(plain), after: [...before.slice(1), ...after.slice(0, 1)].map(plain) } : { before, after };
  });

const request = fc.record({
  action: fc.constantFrom('s3:GetObject', 's3:PutObject', 's3:DeleteObject', 'sqs:SendMessage', 'S3:SetObject'),
  resource: fc.constantFrom(
    '*',
    'arn:aws:s3:::a/x',
    'arn:aws:s3:::a/xy',
    'arn:aws:s3:::b/x',
    'arn:aws:s3:::a/red',
    'arn:aws:sqs:eu-central-2:1:q',
  ),
  context: fc.record(
    {
      'aws:SourceAccount': fc.constantFrom(account, '444455556666', '999999999999'),
      'aws:SourceArn': fc.constantFrom('arn:aws:sqs:eu-central-2:111122223333:q', 'arn:aws:sqs:x:111122223333:r:s', 'arn:aws:sns:x:1:t'),
      'aws:SecureTransport': fc.constantFrom('true', 'false'),
      's3:max-keys': fc.constantFrom('5', '10', '50', '500'),
      'aws:PrincipalTag/team': fc.constantFrom('red', 'x', '*'),
      'dynamodb:LeadingKeys': fc.constantFrom(['a#1'], ['a#1', 'b#1'], ['c#1'], []),
      'aws:SourceIp': fc.constantFrom('203.0.113.9', '198.51.100.9', '192.0.2.1'),
    },
    { requiredKeys: [] },
  ),
  asks: fc.constantFrom('role', 'events.amazonaws.com', 'scheduler.amazonaws.com'),
});

type Call = typeof request extends fc.Arbitrary<infer Value> ? Value : never;
type Statements = readonly Readonly<Record<string, unknown>>[];
const document = (statements: Statements) => ({ Version: '2012-10-17', Statement: [...statements] }) as unknown as PolicySource['document'];
const read = (statements: Statements): readonly Statement[] => {
  const found = readStatements(document(statements));
  if (found === undefined) throw new Error(`not read: ${JSON.stringify(statements)}`);
  return found;
};
const effectOf = (before: Statements, after: Statements) => effectOfAll(compareStatements(read(before), read(after)));

function isAllowed(kind: 'identity' | 'resource', statements: Statements, { asks, context, ...call }: Call): boolean {
  const everything = { name: 'all', document: document([{ Effect: 'Allow', Action: '*', Resource: '*' }]) };
  const own = { name: 'policy', document: document(statements) };
  const role = { kind: 'role' as const, arn: roleArn, sessionArn: `arn:aws:sts::${account}:assumed-role/reader/s`, account };
  const asked: AuthorizationRequest =
    kind === 'identity'
      ? { ...call, context, principal: { ...role, identityPolicies: [own] }, resourceAccount: account }
      : {
          ...call,
          context,
          principal: asks === 'role' ? { ...role, identityPolicies: [everything] } : { kind: 'service', service: asks },
          resourcePolicy: own,
          resourceAccount: account,
          // As of a key: the role's own policy alone is not enough.
          delegationRequired: true,
        };
  return authorize(asked).allowed;
}

describe('policies that are compared', () => {
  it.each(['identity', 'resource'] as const)(
    'GIVEN two %s policies and a call that only one allows THEN the change is said to widen or narrow',
    (kind) => {
      let [widened, narrowed, spared] = [0, 0, 0];
      fc.assert(
        fc.property(pair(kind), fc.array(request, { minLength: 16, maxLength: 16 }), ({ before, after }, calls) => {
          const effect = effectOf(before, after);
          if (!effect.startsWith('widens')) spared += 1;
          for (const call of calls) {
            const [old, next] = [isAllowed(kind, before, call), isAllowed(kind, after, call)];
            if (next && !old) {
              widened += 1;
              expect(effect, JSON.stringify({ before, after, call })).toMatch(/^widens/);
            }
            if (old && !next) {
              narrowed += 1;
              expect(effect, JSON.stringify({ before, after, call })).toMatch(/narrows$/);
            }
          }
        }),
        { numRuns: 1000, seed: 42 },
      );
      // The property says something: calls were gained and lost, and not every change is called a widening.
      expect(widened).toBeGreaterThan(150);
      expect(narrowed).toBeGreaterThan(150);
      expect(spared).toBeGreaterThan(50);
    },
  );

  it('GIVEN a policy in another order, with lists for single texts THEN it allows the same', () => {
    fc.assert(
      fc.property(policy('resource'), (statements) => {
        const listed = statements.map((one) =>
          Object.fromEntries(
            Object.entries(one).map(([name, value]) => [name, /Action|Resource/.test(name) && typeof value === 'string' ? [value] : value]),
          ),
        );
        expect(['equivalent', 'unchanged']).toContain(effectOf(statements, [...listed].reverse()));
      }),
      { numRuns: 300, seed: 42 },
    );
  });

  it('GIVEN a policy and more allowed statements THEN it never narrows; fewer, it never widens', () => {
    fc.assert(
      fc.property(policy('identity'), statement('identity'), (statements, more) => {
        const plain = statements.map(({ Sid: _, ...rest }: Readonly<Record<string, unknown>>) => rest);
        const { Sid: _, ...added }: Readonly<Record<string, unknown>> = { ...more, Effect: 'Allow' };
        expect(effectOf(plain, [...plain, added])).not.toMatch(/narrows/);
        expect(effectOf([...plain, added], plain)).not.toMatch(/widens/);
      }),
      { numRuns: 1000, seed: 42 },
    );
  });
});
