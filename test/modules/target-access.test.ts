/** Targets in another account: what the functions' own roles keep, and the role that the other account's stack makes for them. */
import { TerraformVariable } from 'cdktf';
import { describe, expect, test } from 'vitest';
import * as identityCenterRights from '../../handlers/roles/targets/identity-center/permissions.ts';
import { type Statement, TargetAccess, type TargetAccessProps, type TargetProps, WrongPropError } from '../../modules/index.ts';
import { accountAccess, refusal, scim, synthesize } from './integration.ts';
import { Template } from './template.ts';

const externalId = '6f1c1f0e-3a55-4f2b-9f0b-6a0a6d4c2f11';
const roleArn = 'arn:aws:iam::444455556666:role/directory/identity-center';
const assumeRole = { roleArn, externalId };
const target = { identityCenter: { ...accountAccess, assumeRole } } satisfies TargetProps;
const environment = { name: 'test', account: '111122223333' };
const least: TargetAccessProps = { environment, target };

const access = (changes: Partial<TargetAccessProps> = {}) =>
  Template.synthesize((stack) => {
    new TargetAccess(stack, 'access', { ...least, ...changes });
  });
const roleOf = (template: Template) => template.one('aws_iam_role');
const trustOf = (template: Template) => (JSON.parse(roleOf(template).assume_role_policy) as { Statement: Statement[] }).Statement;
const statementsOf = (template: Template) =>
  (JSON.parse(template.one('aws_iam_role_policy').policy) as { Statement: Statement[] }).Statement;
const caller = (part: string) => `arn:aws:iam::111122223333:role/ad-lambda-test-${part}-identity-center`;
const ofTarget = { 'aws:RequestTag/Environment': 'test', 'aws:RequestTag/Target': 'identity-center' };

describe("invariant 9: the functions' own roles", () => {
  const template = synthesize({ targets: [target] });

  test.each(['sync-roles', 'reconcile'])(
    'GIVEN a role of another account WHEN synthesized THEN %s may assume it, and do nothing at Identity Center itself',
    (part) => {
      const statements = Object.values(template.statements(`ad-lambda-test-${part}-identity-center`));
      expect(statements.find(({ Sid }) => Sid === 'AssumeTargetRole')).toEqual({
        Sid: 'AssumeTargetRole',
        Effect: 'Allow',
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Resource: [roleArn],
      });
      const actions = statements.flatMap(({ Action }) => Action);
      expect(actions.filter((action) => /^(?:identitystore|sso):/.test(action))).toEqual([]);
      expect(actions.filter((action) => action.startsWith('sts:'))).toEqual(['sts:AssumeRole', 'sts:TagSession']);
    },
  );

  test('WHEN synthesized THEN no other role may assume anything, and both functions know whose environment they are', () => {
    const assuming = template
      .all('aws_iam_role')
      .map(({ name }) => String(name))
      .filter((name) => JSON.stringify(template.statements(name)).includes('sts:'));
    expect(assuming.sort()).toEqual(['ad-lambda-test-reconcile-identity-center', 'ad-lambda-test-sync-roles-identity-center']);
    for (const name of assuming) expect(template.lambda(name).environment.variables.ENVIRONMENT).toBe('test');
  });
});

describe('the role of the other account', () => {
  const template = access();

  test('WHEN synthesized THEN it has the name and the path that the target names, and the shortest of sessions', () => {
    expect(roleOf(template)).toMatchObject({ name: 'identity-center', path: '/directory/', max_session_duration: 3600 });
    expect(template.types).toEqual(['aws_iam_role', 'aws_iam_role_policy']);
  });

  test('WHEN synthesized THEN it trusts exactly the two functions, each with the external id and its own tags', () => {
    const comes = (Sid: string, part: string): object => ({
      Sid,
      Effect: 'Allow',
      Principal: { AWS: caller(part) },
      Action: ['sts:AssumeRole'],
      Condition: { StringEquals: { 'sts:ExternalId': externalId, ...ofTarget, 'aws:RequestTag/Function': part } },
    });
    expect(trustOf(template)).toEqual([
      comes('SyncRolesComes', 'sync-roles'),
      comes('ReconcileComes', 'reconcile'),
      {
        Sid: 'TheyTagTheirSession',
        Effect: 'Allow',
        Principal: { AWS: [caller('sync-roles'), caller('reconcile')] },
        Action: ['sts:TagSession'],
        Condition: {
          'ForAllValues:StringEquals': { 'aws:TagKeys': ['Environment', 'Target', 'Function'] },
          Null: { 'sts:TransitiveTagKeys': 'true' },
        },
      },
    ]);
  });

  test('WHEN synthesized THEN it allows what the functions would be allowed at home, each its own, at the other account’s identity store', () => {
    const settings = { ...accountAccess, callsPerSecond: 19, sessionHours: 12 };
    const place = { partition: 'aws', account: '444455556666', region: 'eu-central-1' };
    const of = (part: string, use: 'keep' | 'read') =>
      identityCenterRights
        .identityCenterPermissions(settings, place, use)
        .map((statement) => ({ ...statement, Condition: { StringEquals: { 'aws:PrincipalTag/Function': part } } }));
    expect(statementsOf(template)).toEqual([...of('sync-roles', 'keep'), ...of('reconcile', 'read')]);
    expect(JSON.stringify(statementsOf(template))).toContain('arn:aws:identitystore::444455556666:identitystore/d-1234567890');
    const sids = statementsOf(template).map(({ Sid }) => Sid);
    expect(new Set(sids).size).toBe(sids.length);
  });

  test('WHEN synthesized THEN what reconcile may do there changes nothing', () => {
    const reading = statementsOf(template).filter(({ Condition }) => JSON.stringify(Condition).includes('reconcile'));
    expect(reading.length).toBeGreaterThan(0);
    for (const action of reading.flatMap(({ Action }) => Action)) expect(action).toMatch(/:(?:List|Get|Describe)/);
  });

  test('GIVEN accounts that are never deleted WHEN synthesized THEN nothing may delete a user', () => {
    const keeping = statementsOf(access({ target: { ...target, onDeleted: 'keep' } })).flatMap(({ Action }) => Action);
    expect(keeping).not.toContain('identitystore:DeleteUser');
    expect(statementsOf(template).flatMap(({ Action }) => Action)).toContain('identitystore:DeleteUser');
  });

  test('GIVEN a delegated administrator WHEN synthesized THEN the identity store is of the account that turned Identity Center on', () => {
    const delegated = JSON.stringify(statementsOf(access({ identityCenterAccount: '999900001111' })));
    expect(delegated).toContain('arn:aws:identitystore::999900001111:identitystore/');
    expect(delegated).not.toContain('identitystore::444455556666');
  });

  test('GIVEN a prefix, a name of the target and a boundary WHEN synthesized THEN they are in it', () => {
    const permissionsBoundaryArn = 'arn:aws:iam::444455556666:policy/boundary';
    const named = access({
      environment: { ...environment, prefix: 'people' },
      target: { ...target, name: 'staff' },
      permissionsBoundaryArn,
    });
    expect(roleOf(named).permissions_boundary).toBe(permissionsBoundaryArn);
    expect(trustOf(named)[0]).toMatchObject({
      Principal: { AWS: 'arn:aws:iam::111122223333:role/people-test-sync-roles-staff' },
      Condition: { StringEquals: { 'aws:RequestTag/Target': 'staff' } },
    });
  });

  test('GIVEN an external id that is known only at apply WHEN synthesized THEN both sides refer to it', () => {
    const later = Template.synthesize((stack) => {
      const id = new TerraformVariable(stack, 'external_id', { type: 'string' }).stringValue;
      const identityCenter = { ...accountAccess, assumeRole: { roleArn, externalId: id } };
      new TargetAccess(stack, 'access', { environment, target: { identityCenter } });
    });
    expect(roleOf(later).assume_role_policy).toContain(`"sts:ExternalId":"\${var.external_id}"`);
  });
});

describe('fails', () => {
  const refused = (changes: object): Error => {
    try {
      access(changes as Partial<TargetAccessProps>);
    } catch (error) {
      return error as Error;
    }
    throw new Error('synthesized, and was to be refused');
  };
  const assuming = (changes: object) => {
    const given = Object.entries({ ...assumeRole, ...changes }).filter(([, value]) => value !== undefined);
    return { target: { identityCenter: { ...accountAccess, assumeRole: Object.fromEntries(given) } } };
  };

  test.each<[string, object, RegExp]>([
    [
      'a target of the same account',
      { target: { identityCenter: accountAccess } },
      /reached without a role of another account: give it identityCenter\.assumeRole/,
    ],
    ['a SCIM target', { target: { scim } }, /^target "scim" is reached without a role/],
    ['an environment without a name', { environment: { account: '111122223333' } }, /^environment\.name is undefined/],
    ['an account of eleven digits', { environment: { name: 'test', account: '11112222333' } }, /^environment\.account is "11112222333"/],
    ['a prefix with capitals', { environment: { ...environment, prefix: 'AD' } }, /^environment\.prefix is "AD"/],
    ['another account in words', { identityCenterAccount: 'management' }, /^identityCenterAccount is "management"/],
    ['a boundary that is none', { permissionsBoundaryArn: 'boundary' }, /^permissionsBoundaryArn is "boundary"/],
    [
      'a role known only at apply',
      assuming({ roleArn: `\${aws_iam_role.x.arn}` }),
      /known only at apply: the role is named after it, write it out/,
    ],
    [
      'a policy that is too long',
      {
        target: {
          identityCenter: { ...accountAccess, assumeRole, accounts: Array.from({ length: 400 }, (_, n) => String(100_000_000_000 + n)) },
        },
      },
      /^policy of identity-center has \d+ characters, IAM allows 10240/,
    ],
    [
      'a trust policy that is too long',
      assuming({ externalId: 'x'.repeat(1224) }),
      /^trust policy of identity-center has \d+ characters, IAM allows 2048: shorten externalId/,
    ],
  ])('for %s', (_, changes, message) => {
    expect(refused(changes)).toBeInstanceOf(WrongPropError);
    expect(refused(changes).message).toMatch(message);
  });

  test.each<[string, object, RegExp]>([
    ['no external id', { externalId: undefined }, /assumeRole\.externalId: is missing/],
    ['an external id of one character', { externalId: 'x' }, /assumeRole\.externalId: .*give 2 to 1224 letters/],
    ['an external id with a space', { externalId: 'two words' }, /assumeRole\.externalId: .*"two words"/],
    [
      "the integration's account as external id",
      { externalId: '111122223333' },
      /"111122223333" is an account's id, which anybody can guess/,
    ],
    ["the role's account as external id", { externalId: '444455556666' }, /"444455556666" is an account's id/],
    ['a role by its name', { roleArn: 'identity-center' }, /assumeRole\.roleArn: "identity-center": give the ARN/],
    ['every role of an account', { roleArn: 'arn:aws:iam::444455556666:role/*' }, /assumeRole\.roleArn: /],
    ['a user', { roleArn: 'arn:aws:iam::444455556666:user/x' }, /assumeRole\.roleArn: /],
    ['a setting that there is not', { sessionSeconds: 3600 }, /assumeRole\.sessionSeconds: there is no such setting/],
  ])('at synth of the integration, too, for %s', (_, changes, message) => {
    expect(refused(assuming(changes)).message).toMatch(message);
    expect(refusal({ targets: [assuming(changes).target] }).message).toMatch(message);
  });
});
