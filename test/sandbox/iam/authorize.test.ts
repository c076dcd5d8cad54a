import { describe, expect, it } from 'vitest';
import { type AuthorizationRequest, authorize, type Principal } from '../../../sandbox/aws/iam/index.ts';
import { ACCOUNT, allow, type Draft, deny, policy, QUEUE, ROLE, ROOT, request, role, SESSION, TABLE } from './fixture.ts';

type Outcome = 'allowed' | 'explicit deny' | 'implicit deny' | 'boundary';

function outcome(wanted: AuthorizationRequest): Outcome {
  const decision = authorize(wanted);
  return decision.allowed ? 'allowed' : decision.reason;
}

describe('GIVEN the policies of one account, WHEN a role calls', () => {
  interface Layers {
    readonly identity?: readonly Draft[];
    readonly boundary?: readonly Draft[];
    readonly resource?: readonly Draft[];
  }
  const to = (principal: unknown) => allow({ Principal: principal });
  const cases: readonly [title: string, layers: Layers, outcome: Outcome][] = [
    ['no policy', {}, 'implicit deny'],
    ['identity allows', { identity: [allow()] }, 'allowed'],
    ['identity allows another action', { identity: [allow({ Action: 'dynamodb:PutItem' })] }, 'implicit deny'],
    ['identity allows another resource', { identity: [allow({ Resource: `${TABLE}-2` })] }, 'implicit deny'],
    ['identity denies what identity allows', { identity: [allow(), deny()] }, 'explicit deny'],
    ['deny comes first', { identity: [deny(), allow()] }, 'explicit deny'],
    ['deny of another resource', { identity: [allow(), deny({ Resource: QUEUE })] }, 'allowed'],
    ['boundary alone allows nothing', { boundary: [allow()] }, 'implicit deny'],
    ['identity and boundary allow', { identity: [allow()], boundary: [allow({ Action: '*', Resource: '*' })] }, 'allowed'],
    ['identity allows, boundary does not', { identity: [allow()], boundary: [allow({ Action: 's3:*' })] }, 'boundary'],
    ['boundary denies', { identity: [allow()], boundary: [allow(), deny()] }, 'explicit deny'],
    ['resource policy names the role', { resource: [to({ AWS: ROLE })] }, 'allowed'],
    ['resource policy names the session', { resource: [to({ AWS: SESSION })] }, 'allowed'],
    ['resource policy names everyone', { resource: [to('*')] }, 'allowed'],
    ['resource policy names everyone as AWS', { resource: [to({ AWS: '*' })] }, 'allowed'],
    ['resource policy names the account, which only delegates', { resource: [to({ AWS: ROOT })] }, 'implicit deny'],
    ['resource policy names the account by id', { resource: [to({ AWS: ACCOUNT })] }, 'implicit deny'],
    ['resource policy names another role', { resource: [to({ AWS: `${ROLE}-2` })] }, 'implicit deny'],
    ['resource policy names a service', { resource: [to({ Service: 'events.amazonaws.com' })] }, 'implicit deny'],
    ['resource policy names a role in a list', { resource: [to({ AWS: [`${ROLE}-2`, ROLE] })] }, 'allowed'],
    ['resource policy denies the role', { identity: [allow()], resource: [deny({ Principal: { AWS: ROLE } })] }, 'explicit deny'],
    ['resource policy denies the account', { identity: [allow()], resource: [deny({ Principal: { AWS: ACCOUNT } })] }, 'explicit deny'],
    ['resource policy denies everyone', { identity: [allow()], resource: [deny({ Principal: '*' })] }, 'explicit deny'],
    ['resource policy denies another role', { identity: [allow()], resource: [deny({ Principal: { AWS: `${ROLE}-2` } })] }, 'allowed'],
    ['identity denies what the resource policy allows', { identity: [deny()], resource: [to({ AWS: SESSION })] }, 'explicit deny'],
    ['boundary limits a grant to the role', { boundary: [allow({ Action: 's3:*' })], resource: [to({ AWS: ROLE })] }, 'boundary'],
    [
      'boundary does not limit a grant to the session',
      { boundary: [allow({ Action: 's3:*' })], resource: [to({ AWS: SESSION })] },
      'allowed',
    ],
    ['boundary does not limit a grant to everyone', { boundary: [allow({ Action: 's3:*' })], resource: [to('*')] }, 'allowed'],
    ['boundary denies a grant to the session', { boundary: [deny()], resource: [to({ AWS: SESSION })] }, 'explicit deny'],
    ['NotPrincipal allows whom it does not name', { resource: [allow({ NotPrincipal: { AWS: `${ROLE}-2` } })] }, 'allowed'],
    ['NotPrincipal does not allow whom it names', { resource: [allow({ NotPrincipal: { AWS: ROLE } })] }, 'implicit deny'],
    [
      'NotPrincipal denies whom it does not name',
      { identity: [allow()], resource: [deny({ NotPrincipal: { AWS: `${ROLE}-2` } })] },
      'explicit deny',
    ],
    [
      'NotPrincipal denies a role named without its account',
      { identity: [allow()], resource: [deny({ NotPrincipal: { AWS: ROLE } })] },
      'explicit deny',
    ],
    ['NotPrincipal spares role and account', { identity: [allow()], resource: [deny({ NotPrincipal: { AWS: [ROLE, ROOT] } })] }, 'allowed'],
    [
      'NotPrincipal spares session and account',
      { identity: [allow()], resource: [deny({ NotPrincipal: { AWS: [SESSION, ROOT] } })] },
      'allowed',
    ],
    [
      'NotPrincipal denies everyone with a boundary',
      { identity: [allow()], boundary: [allow()], resource: [deny({ NotPrincipal: { AWS: [ROLE, ROOT] } })] },
      'explicit deny',
    ],
  ];

  it.each(cases)('%s', (_title, { identity = [], boundary, resource }, expected) => {
    const caller = role(identity, boundary ? { boundary: policy('boundary', boundary) } : {});
    expect(outcome(request(caller, resource ? { resourcePolicy: policy('resource', resource) } : {}))).toBe(expected);
  });
});

describe('GIVEN actions and resources, WHEN a call is matched', () => {
  const cases: readonly [
    title: string,
    statement: Readonly<Record<string, unknown>>,
    call: { action?: string; resource?: string },
    outcome: Outcome,
  ][] = [
    ['actions ignore case', { Action: 'DynamoDB:getITEM' }, {}, 'allowed'],
    ['action with *', { Action: 'dynamodb:Get*' }, {}, 'allowed'],
    ['action with ?', { Action: 'dynamodb:?etItem' }, {}, 'allowed'],
    ['? is exactly one character', { Action: 'dynamodb:GetItem?' }, {}, 'implicit deny'],
    ['* may be empty', { Action: 'dynamodb:GetItem*' }, {}, 'allowed'],
    ['every action', { Action: '*' }, {}, 'allowed'],
    ['one of several actions', { Action: ['s3:GetObject', 'dynamodb:GetItem'] }, {}, 'allowed'],
    ['NotAction of another action', { Action: undefined, NotAction: 's3:*' }, {}, 'allowed'],
    ['NotAction of this action', { Action: undefined, NotAction: ['s3:*', 'dynamodb:Get*'] }, {}, 'implicit deny'],
    ['resources keep case', { Resource: TABLE.replace('grants', 'Grants') }, {}, 'implicit deny'],
    ['resource with *', { Resource: 'arn:aws:dynamodb:*:*:table/gr*' }, {}, 'allowed'],
    ['resource with ?', { Resource: TABLE.replace('grants', 'grant?') }, {}, 'allowed'],
    ['* reaches over slashes', { Resource: `${TABLE}*` }, { resource: `${TABLE}/index/by-principal` }, 'allowed'],
    ['* reaches over colons', { Resource: 'arn:aws:dynamodb:*' }, {}, 'allowed'],
    ['a table is not its index', {}, { resource: `${TABLE}/index/by-principal` }, 'implicit deny'],
    ['NotResource of another', { Resource: undefined, NotResource: QUEUE }, {}, 'allowed'],
    ['NotResource of this', { Resource: undefined, NotResource: [QUEUE, TABLE] }, {}, 'implicit deny'],
    ['a call without resource needs *', {}, { resource: '*' }, 'implicit deny'],
    ['a call without resource, allowed by *', { Resource: '*' }, { resource: '*' }, 'allowed'],
    ['a bracket is only a character', { Resource: `${TABLE}[1]` }, { resource: `${TABLE}1` }, 'implicit deny'],
  ];

  it.each(cases)('%s', (_title, statement, call, expected) => {
    const given = Object.fromEntries(Object.entries(allow(statement)).filter(([, value]) => value !== undefined));
    expect(outcome(request(role([given]), call))).toBe(expected);
  });

  it('Deny with NotAction denies all but the actions named', () => {
    const caller = role([allow({ Action: '*', Resource: '*' }), { Effect: 'Deny', NotAction: 'dynamodb:*', Resource: '*' }]);
    expect(outcome(request(caller))).toBe('allowed');
    expect(outcome(request(caller, { action: 's3:GetObject', resource: 'arn:aws:s3:::evidence/a' }))).toBe('explicit deny');
  });

  it('Deny with NotResource denies all but the resources named', () => {
    const caller = role([allow({ Action: '*', Resource: '*' }), { Effect: 'Deny', Action: '*', NotResource: TABLE }]);
    expect(outcome(request(caller))).toBe('allowed');
    expect(outcome(request(caller, { resource: `${TABLE}-2` }))).toBe('explicit deny');
  });
});

describe('GIVEN a service that acts for itself', () => {
  const service: Principal = { kind: 'service', service: 'events.amazonaws.com' };
  const send = (statement: Draft, context = {}) =>
    outcome(request(service, { action: 'sqs:SendMessage', resource: QUEUE, context, resourcePolicy: policy('queue', statement) }));
  const grant = { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sqs:SendMessage', Resource: QUEUE };

  it.each<[string, Draft, Outcome]>([
    ['its name allows it', grant, 'allowed'],
    ['another name does not', { ...grant, Principal: { Service: 'sns.amazonaws.com' } }, 'implicit deny'],
    ['an account of that name does not', { ...grant, Principal: { Federated: 'events.amazonaws.com' } }, 'implicit deny'],
    ['everyone allows it', { ...grant, Principal: '*' }, 'allowed'],
    ['everyone denies it', { ...grant, Effect: 'Deny', Principal: '*' }, 'explicit deny'],
    ['NotPrincipal spares it by name', { ...grant, Effect: 'Deny', Principal: undefined, NotPrincipal: grant.Principal }, 'implicit deny'],
    ['a statement without Resource is about the queue', { ...grant, Resource: undefined }, 'allowed'],
  ])('WHEN it calls, THEN %s', (_title, statement, expected) => {
    expect(send(statement)).toBe(expected);
  });

  it('WHEN the policy binds it to a rule, THEN only that rule may send', () => {
    const rule = `arn:aws:events:eu-central-1:${ACCOUNT}:rule/identity/decide-access`;
    const bound = { ...grant, Condition: { ArnEquals: { 'aws:SourceArn': rule } } };
    expect(send(bound, { 'aws:SourceArn': rule })).toBe('allowed');
    expect(send(bound, { 'aws:SourceArn': `${rule}-2` })).toBe('implicit deny');
    expect(send(bound)).toBe('implicit deny');
  });

  it('WHEN there is no resource policy, THEN it is denied', () => {
    expect(outcome(request(service))).toBe('implicit deny');
  });
});

describe('GIVEN a KMS key, whose policy must allow', () => {
  const KEY = `arn:aws:kms:eu-central-1:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
  const own = { Effect: 'Allow', Action: 'kms:Decrypt', Resource: KEY };
  const key = (principal: unknown) => policy('key', { Effect: 'Allow', Principal: principal, Action: 'kms:*', Resource: '*' });
  const decrypt = (identity: readonly Draft[], keyPolicy?: ReturnType<typeof key>) =>
    outcome(
      request(role(identity), {
        action: 'kms:Decrypt',
        resource: KEY,
        delegationRequired: true,
        ...(keyPolicy ? { resourcePolicy: keyPolicy } : {}),
      }),
    );

  it.each<[string, readonly Draft[], ReturnType<typeof key> | undefined, Outcome]>([
    ['identity alone does not count', [own], undefined, 'implicit deny'],
    ['a key policy for others does not count', [own], key({ Service: 'logs.amazonaws.com' }), 'implicit deny'],
    ['the account delegates to identity', [own], key({ AWS: ROOT }), 'allowed'],
    ['the account alone does not allow', [], key({ AWS: ROOT }), 'implicit deny'],
    ['the role named by the key needs no identity policy', [], key({ AWS: ROLE }), 'allowed'],
  ])('WHEN a role decrypts, THEN %s', (_title, identity, keyPolicy, expected) => {
    expect(decrypt(identity, keyPolicy)).toBe(expected);
  });
});

describe('GIVEN a resource of another account', () => {
  const elsewhere = (identity: readonly Draft[], principal?: unknown) =>
    outcome(
      request(role(identity), {
        resourceAccount: '444455556666',
        ...(principal ? { resourcePolicy: policy('resource', allow({ Principal: principal })) } : {}),
      }),
    );

  it.each<[string, readonly Draft[], unknown, Outcome]>([
    ['identity alone is not enough', [allow()], undefined, 'implicit deny'],
    ['its policy alone is not enough', [], { AWS: SESSION }, 'implicit deny'],
    ['both allow', [allow()], { AWS: ROLE }, 'allowed'],
    ['its policy may name the account', [allow()], { AWS: ROOT }, 'allowed'],
  ])('WHEN a role calls, THEN %s', (_title, identity, principal, expected) => {
    expect(elsewhere(identity, principal)).toBe(expected);
  });
});

describe('GIVEN a decision, WHEN it is read', () => {
  it('an allowed call names every statement that allows it', () => {
    const caller = role([allow({ Sid: 'Read' }), allow({ Action: 's3:*' }), allow({ Action: '*' })]);
    const resourcePolicy = policy('table', [deny({ Principal: { AWS: `${ROLE}-2` } }), allow({ Principal: { AWS: ROLE } })]);
    expect(authorize(request(caller, { resourcePolicy }))).toEqual({
      allowed: true,
      statements: [
        { policy: 'identity-0', sid: 'Read', index: 0 },
        { policy: 'identity-2', index: 0 },
        { policy: 'table', index: 1 },
      ],
    });
  });

  it('an explicit deny names its statement and the kind of policy', () => {
    const caller = role([allow()], { boundary: policy('ceiling', [allow(), deny({ Sid: 'Never' })]) });
    expect(authorize(request(caller))).toEqual({
      allowed: false,
      reason: 'explicit deny',
      statement: { policy: 'ceiling', sid: 'Never', index: 1 },
      message: `User: ${SESSION} is not authorized to perform: dynamodb:GetItem on resource: ${TABLE} with an explicit deny in a permissions boundary`,
    });
  });

  it('an implicit deny says which kind of policy is missing', () => {
    expect(authorize(request(role([])))).toMatchObject({
      message: `User: ${SESSION} is not authorized to perform: dynamodb:GetItem on resource: ${TABLE} because no identity-based policy allows the dynamodb:GetItem action`,
    });
    expect(authorize(request(role([allow()]), { delegationRequired: true }))).toMatchObject({
      message: expect.stringContaining('because no resource-based policy allows the dynamodb:GetItem action'),
    });
  });
});
