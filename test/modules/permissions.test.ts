/** Invariant 9: each function's role allows exactly the calls the function makes, on exact resources; the rest is listed with the reason. */
import { expect, test } from 'vitest';
import * as access from '../../modules/access/permissions.ts';
import * as audit from '../../modules/audit/permissions.ts';
import * as directory from '../../modules/directory/permissions.ts';
import * as events from '../../modules/events/permissions.ts';
import type { Statement } from '../../modules/index.ts';
import { surplusReasons, unscopedActions } from '../../modules/index.ts';
import * as platform from '../../modules/platform/permissions.ts';
import * as roles from '../../modules/roles/permissions.ts';
import { existing, synthesize } from './integration.ts';

const bindSecretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:directory/reader-a1B2c3';
const template = synthesize({
  directories: [
    {
      existing: { ...existing, bindSecretArn },
      reaction: 'security-log',
      securityLog: { logGroupName: '/corp/domain-controllers/security' },
    },
  ],
});
const name = (part: string) => `ad-lambda-test-${part}`;

const mirror = template.tableArn(name('directory'));
const stream = template.reference('aws_dynamodb_table', { name: name('directory') }, 'stream_arn');
const actors = template.tableArn(name('actors'));
const grants = template.tableArn(name('grants'));
const ledger = template.tableArn(name('roles'));
const bus = template.reference('aws_cloudwatch_event_bus', { name: name('identity') }, 'arn');
const bucket = template.reference('aws_s3_bucket', {}, 'arn');
const mappingsKey = template.one('aws_s3_object').key;
const store = 'arn:aws:identitystore::111122223333:identitystore/d-1234567890';
const [users, groups, memberships] = ['user/*', 'group/*', 'membership/*'].map((all) => `arn:aws:identitystore:::${all}`);
const logGroup = (group: string) => template.reference('aws_cloudwatch_log_group', { name: group }, 'arn');

type Allowed = Readonly<Record<string, readonly [actions: readonly string[], resources: readonly (string | undefined)[]]>>;

/** What every function has besides its own. */
const ofEvery = (part: string): Allowed => ({
  WriteOwnLogs: [platform.logActions, [`${logGroup(`/aws/lambda/${name(part)}`)}:*`]],
  UseLogKey: [platform.useLogKeyActions, [template.reference('aws_kms_key', {}, 'arn')]],
  SendTraces: [platform.traceActions, ['*']],
});
const raiseEvents: Allowed = { RaiseEvents: [events.putEventsActions, [bus]] };
const listMirror = (...indexes: readonly string[]): Allowed => ({
  ListMirror: [directory.listMirrorActions, indexes.map((index) => `${mirror}/index/${index}`)],
});
const consume = (queue: string): Allowed => ({
  ConsumeQueue: [[...platform.consumeQueueActions, ...platform.postponeMessageActions], [template.queueArn(name(queue))]],
});
const deadLetters = (part: string): Allowed => ({
  SendDeadLetters: [platform.sendMessageActions, [template.queueArn(name(`${part}-dead-letters`))]],
});

const allowed: Readonly<Record<string, Allowed>> = {
  'detect-changes-corp': {
    ...ofEvery('detect-changes-corp'),
    ...deadLetters('detect-changes-corp'),
    ...listMirror('listing', 'due'),
    ReadHints: [directory.readHintsActions, [actors]],
    MaintainMirror: [directory.maintainMirrorActions, [mirror]],
    ScanMirror: [directory.scanMirrorActions, [mirror]],
    ReadBindSecret: [directory.readBindSecretActions, [bindSecretArn]],
    LambdaAttachesNetwork: [platform.networkInterfaceActions, ['arn:aws:ec2:eu-central-1:111122223333:*/*']],
    LambdaReadsNetwork: [platform.describeNetworkActions, ['*']],
  },
  'publish-changes': {
    ...ofEvery('publish-changes'),
    ...deadLetters('publish-changes'),
    ...raiseEvents,
    ConsumeStream: [platform.consumeStreamActions, [stream]],
    ListStreams: [platform.listStreamsActions, ['*']],
  },
  'decide-access': {
    ...ofEvery('decide-access'),
    ...raiseEvents,
    ...listMirror('listing', 'sid'),
    ...consume('decide-access'),
    ReadMirror: [directory.readMirrorActions, [mirror]],
    KeepGrants: [access.keepGrantsActions, [grants]],
    ReadRoleMappings: [access.readRoleMappingsActions, [`${bucket}/${mappingsKey}`]],
    FanOutToPrincipals: [platform.sendMessageActions, [template.queueArn(name('decide-access'))]],
    DeliverDecisions: [platform.sendMessageActions, [template.queueArn(name('sync-roles.fifo'))]],
  },
  'sync-roles': {
    ...ofEvery('sync-roles'),
    ...raiseEvents,
    ...consume('sync-roles.fifo'),
    ReadGrants: [access.readGrantsActions, [grants]],
    KeepLedger: [roles.keepLedgerActions, [ledger]],
    CreateIdentities: [roles.createIdentityActions, [store]],
    KeepUsers: [
      [...roles.keepUserActions, ...roles.deleteUserActions],
      [store, users],
    ],
    KeepGroups: [roles.keepGroupActions, [store, groups]],
    CreateMemberships: [roles.createMembershipActions, [store, groups, users]],
    KeepMemberships: [roles.keepMembershipActions, [store, groups, users, memberships]],
  },
  'record-audit': {
    ...ofEvery('record-audit'),
    ...consume('record-audit'),
    WriteTrail: [audit.writeTrailActions, [`${logGroup('/ad-lambda/test/audit')}:*`]],
  },
  'read-security-log': {
    ...ofEvery('read-security-log'),
    ...deadLetters('read-security-log'),
    KeepHints: [directory.keepHintsActions, [actors]],
    TakeTurns: [directory.takeTurnsActions, [actors]],
    WakeDetectChanges: [directory.invokeActions, [template.lambdaArn(name('detect-changes-corp'))]],
  },
  'poll-directory-corp': {
    InvokeDetectChanges: [directory.invokeActions, [template.lambdaArn(name('detect-changes-corp'))]],
  },
};

test.each(Object.keys(allowed))('GIVEN the role of %s WHEN synthesized THEN it allows exactly what is listed', (part) => {
  const statements = Object.values(template.statements(name(part))).filter(({ Effect }) => Effect === 'Allow');
  expect(Object.fromEntries(statements.map(({ Sid, Action, Resource }) => [Sid, [Action, Resource]]))).toEqual(allowed[part]);
});

test('GIVEN all roles WHEN synthesized THEN each has exactly one policy, and none but the listed roles exists', () => {
  expect(
    template
      .all('aws_iam_role')
      .map((role) => role.name)
      .sort(),
  ).toEqual(Object.keys(allowed).map(name).sort());
  expect(template.all('aws_iam_role_policy')).toHaveLength(Object.keys(allowed).length);
  expect(template.types.filter((type) => /^aws_iam_/.test(type))).toEqual(['aws_iam_role', 'aws_iam_role_policy']);
});

test('GIVEN the function in the VPC WHEN synthesized THEN its code is denied what Lambda does with its role', () => {
  const denies = Object.values(template.statements(name('detect-changes-corp'))).filter(({ Effect }) => Effect === 'Deny');
  expect(denies).toEqual([
    {
      Sid: 'CodeTouchesNoNetwork',
      Effect: 'Deny',
      Action: [...platform.networkInterfaceActions, ...platform.describeNetworkActions],
      Resource: ['*'],
      Condition: {
        ArnEquals: { 'lambda:SourceFunctionArn': 'arn:aws:lambda:eu-central-1:111122223333:function:ad-lambda-test-detect-changes-corp' },
      },
    },
  ] satisfies Statement[]);
});

test('GIVEN every allowed statement WHEN its resource is "*" or ends in "/*" THEN each of its actions is listed as unscoped with a reason', () => {
  const listed = new Set(unscopedActions.map(({ action }) => action));
  const wide = Object.keys(allowed)
    .flatMap((part) => Object.values(template.statements(name(part))))
    .filter(
      ({ Effect, Resource }) =>
        Effect === 'Allow' && Resource.some((resource) => resource === '*' || /identitystore:::.+\/\*$/.test(resource)),
    );
  expect(wide.length).toBeGreaterThan(0);
  for (const { Action } of wide) for (const action of Action) expect(listed, action).toContain(action);
});

test('GIVEN every action of every role WHEN synthesized THEN none has a wildcard, and the listed reasons name only actions in use', () => {
  const used = new Set(
    Object.keys(allowed).flatMap((part) => Object.values(template.statements(name(part))).flatMap(({ Action }) => Action)),
  );
  for (const action of used) expect(action).toMatch(/^[a-z0-9]+:[A-Za-z]+$/);
  for (const { action, reason } of [...unscopedActions, ...surplusReasons]) {
    expect(used, action).toContain(action);
    expect(reason).not.toBe('');
  }
});

test('GIVEN an identity store whose users are kept WHEN synthesized THEN nothing may delete a user', () => {
  const keeping = synthesize({ identityCenter: { identityStoreId: 'd-1234567890', onDeleted: 'keep' } });
  const actions = Object.values(keeping.statements(name('sync-roles'))).flatMap(({ Action }) => Action);
  expect(actions).not.toContain('identitystore:DeleteUser');
  expect(keeping.lambda(name('sync-roles')).environment.variables.ON_DELETED).toBe('keep');
});

test('GIVEN a permissions boundary WHEN synthesized THEN every role has it', () => {
  const permissionsBoundaryArn = 'arn:aws:iam::111122223333:policy/boundary';
  const bounded = synthesize({ permissionsBoundaryArn });
  expect(bounded.all('aws_iam_role')).toHaveLength(6);
  for (const role of bounded.all('aws_iam_role')) expect(role.permissions_boundary).toBe(permissionsBoundaryArn);
});
