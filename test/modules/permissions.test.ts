/** Invariant 9: each function's role allows exactly the calls the function makes, on exact resources; the rest is listed with the reason. */
import { expect, test } from 'vitest';
import * as identityCenterRights from '../../handlers/roles/targets/identity-center/permissions.ts';
import * as access from '../../modules/access/permissions.ts';
import * as audit from '../../modules/audit/permissions.ts';
import * as credentials from '../../modules/credentials/permissions.ts';
import * as directory from '../../modules/directory/permissions.ts';
import * as events from '../../modules/events/permissions.ts';
import type { Statement } from '../../modules/index.ts';
import { surplusReasons, unscopedActions } from '../../modules/index.ts';
import * as platform from '../../modules/platform/permissions.ts';
import * as roles from '../../modules/roles/permissions.ts';
import { accountAccess, credentialEndpoints, existing, identityCenter, leastProps, scim, synthesize } from './integration.ts';

const bindSecretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:directory/reader-a1B2c3';
const targetSecretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:wiki/scim-d4E5f6';
const resetSecretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:directory/reset-g7H8i9';
const credentialKeyArn = 'arn:aws:kms:eu-central-1:111122223333:key/1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d';
const template = synthesize({
  credentials: [
    {
      endpoints: credentialEndpoints,
      rotate: [
        { name: 'wiki', strategy: { kind: 'single', account: 'svc-wiki' }, kmsKeyArn: credentialKeyArn },
        { name: 'reader', strategy: { kind: 'single', account: 'svc-reader' }, secret: { bindSecret: true } },
        {
          name: 'orders',
          strategy: { kind: 'alternating', accounts: ['svc-orders-a', 'svc-orders-b'], resetBy: { secretArn: resetSecretArn } },
        },
      ],
    },
  ],
  directories: [
    {
      existing: { ...existing, bindSecretArn },
      capture: { attributes: ['lastLogonTimestamp'] },
      reaction: 'security-log',
      securityLog: { logGroupName: '/corp/domain-controllers/security' },
    },
  ],
  roleMappings: [{ ...leastProps.roleMappings[0], targets: ['identity-center', 'wiki'] }],
  targets: [
    { identityCenter: accountAccess },
    {
      name: 'wiki',
      scim: { ...scim, secretArn: targetSecretArn },
    },
  ],
});
const name = (part: string) => `ad-lambda-test-${part}`;
/** A target that is logged on to with a token of AWS's own. */
const proving = synthesize({
  targets: [{ name: 'wiki', scim: { ...scim, authentication: { webIdentity: { audience: 'https://wiki.example.com' } } } }],
});

const mirror = template.tableArn(name('directory'));
const credentialsTable = template.tableArn(name('credentials-corp'));
const credentialFolder = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:/ad-lambda/test/credentials/corp/*';
const stream = template.reference('aws_dynamodb_table', { name: name('directory') }, 'stream_arn');
const actors = template.tableArn(name('actors'));
const grants = template.tableArn(name('grants'));
const ledger = template.tableArn(name('roles'));
const bus = template.reference('aws_cloudwatch_event_bus', { name: name('identity') }, 'arn');
const bucket = template.reference('aws_s3_bucket', { bucket: name('111122223333-eu-central-1') }, 'arn');
const reports = template.reference('aws_s3_bucket', { bucket: name('reports-111122223333-eu-central-1') }, 'arn');
const objects = template.all('aws_s3_object').map(({ key }) => `${bucket}/${key}`);
const logKey = template.reference('aws_kms_key', { description: 'log groups of ad-lambda test' }, 'arn');
const signingKey = (of: RegExp) => {
  const found = template.all('aws_kms_key').find(({ key_usage, description }) => key_usage === 'SIGN_VERIFY' && of.test(description));
  return template.reference('aws_kms_key', { description: found?.description }, 'arn');
};
const approvals = signingKey(/^approvals of/);
const digestKey = signingKey(/^digests of/);
const trail = template.reference('aws_s3_bucket', { bucket: name('audit-111122223333-eu-central-1') }, 'arn');
const auditTable = template.tableArn(name('audit'));
const { instanceArn } = accountAccess;
const permissionSets = Object.values(accountAccess.permissionSets);
const accounts = ['arn:aws:sso:::account/111122223333'];
const store = 'arn:aws:identitystore::111122223333:identitystore/d-1234567890';
const [users, groups, memberships] = ['user/*', 'group/*', 'membership/*'].map((all) => `arn:aws:identitystore:::${all}`);
const logGroup = (group: string) => template.reference('aws_cloudwatch_log_group', { name: group }, 'arn');

type Allowed = Readonly<Record<string, readonly [actions: readonly string[], resources: readonly (string | undefined)[]]>>;

/** What every function has besides its own. */
const ofEvery = (part: string): Allowed => ({
  WriteOwnLogs: [platform.logActions, [`${logGroup(`/aws/lambda/${name(part)}`)}:*`]],
  UseLogKey: [platform.useLogKeyActions, [logKey]],
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

const ofSyncRoles = (target: string): Allowed => ({
  ...ofEvery(`sync-roles-${target}`),
  ...raiseEvents,
  ...consume(`sync-roles-${target}.fifo`),
  ReadGrants: [access.readGrantsActions, [grants]],
  KeepGuards: [access.keepGuardsActions, [grants]],
  KeepLedger: [roles.keepLedgerActions, [ledger]],
});
const ofReconcile = (target: string): Allowed => ({
  ...ofEvery(`reconcile-${target}`),
  ...raiseEvents,
  ...deadLetters(`reconcile-${target}`),
  ScanGrants: [access.scanGrantsActions, [grants]],
  KeepGuards: [access.keepGuardsActions, [grants]],
  ReadLedger: [roles.readLedgerActions, [ledger]],
  KeepRun: [roles.keepRunActions, [ledger]],
  KeepReports: [roles.keepReportsActions, [`${reports}/reconcile/${target}/*`]],
  ForgetProgress: [roles.forgetProgressActions, [`${reports}/reconcile/${target}/progress.json`]],
  MissReports: [roles.missReportsActions, [reports]],
  HealDrift: [platform.sendMessageActions, [template.queueArn(name(`sync-roles-${target}.fifo`))]],
});
const ofWiki: Allowed = {
  ReadTargetSecret: [roles.readTargetSecretActions, [targetSecretArn]],
};
const roleQueues = ['identity-center', 'wiki'].map((target) => template.queueArn(name(`sync-roles-${target}.fifo`)));

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
    ScanGrants: [access.scanGrantsActions, [grants]],
    ReadKnownConfiguration: [access.readKnownConfigurationActions, [grants]],
    ReadConfiguration: [access.readConfigurationActions, [...objects].sort()],
    FanOutToPrincipals: [platform.sendMessageActions, [template.queueArn(name('decide-access'))]],
    DeliverDecisions: [platform.sendMessageActions, roleQueues],
  },
  'sync-roles-identity-center': {
    ...ofSyncRoles('identity-center'),
    CreateIdentities: [identityCenterRights.createIdentityActions, [store]],
    KeepUsers: [identityCenterRights.keepUserActions, [store, users]],
    DeleteUsers: [identityCenterRights.deleteUserActions, [store, users]],
    KeepGroups: [identityCenterRights.keepGroupActions, [store, groups]],
    CreateMemberships: [identityCenterRights.createMembershipActions, [store, groups, users]],
    KeepMemberships: [identityCenterRights.keepMembershipActions, [store, groups, users, memberships]],
    KeepAssignments: [identityCenterRights.keepAssignmentActions, [instanceArn, ...permissionSets, ...accounts]],
    FollowAssignments: [[...identityCenterRights.listAssignmentActions, ...identityCenterRights.followRequestActions], [instanceArn]],
    CutSessions: [identityCenterRights.keepInlinePolicyActions, [instanceArn, ...permissionSets]],
    ProvisionPermissionSets: [identityCenterRights.provisionActions, [instanceArn, ...permissionSets, 'arn:aws:sso:::account/*']],
  },
  'sync-roles-wiki': { ...ofSyncRoles('wiki'), ...ofWiki },
  'reconcile-identity-center': {
    ...ofReconcile('identity-center'),
    ListUsers: [identityCenterRights.listUserActions, [store, users]],
    ListGroups: [identityCenterRights.listGroupActions, [store, groups]],
    ListMemberships: [identityCenterRights.listMembershipActions, [store, groups, memberships]],
    ListAssignments: [identityCenterRights.listAssignmentActions, [instanceArn]],
  },
  'reconcile-wiki': { ...ofReconcile('wiki'), ...ofWiki },
  'settle-guard': {
    ...ofEvery('settle-guard'),
    ...raiseEvents,
    ...consume('settle-guard'),
    KeepGuards: [access.keepGuardsActions, [grants]],
    SendWhatWasDecided: [platform.sendMessageActions, roleQueues],
    VerifyApprovals: [roles.verifyApprovalActions, [approvals]],
  },
  'review-access': {
    ...ofEvery('review-access'),
    ...deadLetters('review-access'),
    ...raiseEvents,
    ScanGrants: [access.scanGrantsActions, [grants]],
    ReadMappings: [access.readMappingsActions, objects.filter((one) => one.includes('/access/'))],
    LookUpObjects: [directory.lookUpObjectsActions, [mirror]],
    ReviewLedger: [roles.reviewLedgerActions, [ledger]],
    KeepReviews: [roles.keepReviewsActions, [`${reports}/access-review/*`]],
    ReadDrift: [roles.readDriftActions, ['identity-center', 'wiki'].map((target) => `${reports}/reconcile/${target}/latest.json`)],
    MissReports: [roles.missReportsActions, [reports]],
  },
  'rotate-credential-corp': {
    ...ofEvery('rotate-credential-corp'),
    ...deadLetters('rotate-credential-corp'),
    ...raiseEvents,
    // It reaches no SQS from the VPC, so it puts no message off.
    ConsumeQueue: [platform.consumeQueueActions, [template.queueArn(name('rotate-credential-corp'))]],
    LambdaAttachesNetwork: [platform.networkInterfaceActions, ['arn:aws:ec2:eu-central-1:111122223333:*/*']],
    LambdaReadsNetwork: [platform.describeNetworkActions, ['*']],
    ReadSettings: [credentials.readSettingsActions, [credentialsTable]],
    KeepRotations: [credentials.keepRotationActions, [credentialsTable]],
    RotateSecrets: [credentials.rotateSecretActions, [credentialFolder, bindSecretArn]],
    InvokeOwnRotation: [
      credentials.invokeRotationActions,
      ['arn:aws:lambda:eu-central-1:111122223333:function:ad-lambda-test-rotate-credential-corp'],
    ],
    ReadResetSecrets: [credentials.readResetSecretActions, [resetSecretArn]],
    UseCredentialKeys: [credentials.useCredentialKeyActions, [credentialKeyArn]],
  },
  'check-credentials-corp': {
    InvokeFunction: [platform.invokeActions, [template.lambdaArn(name('rotate-credential-corp'))]],
  },
  'record-audit': {
    ...ofEvery('record-audit'),
    ...consume('record-audit'),
    WriteTrail: [audit.writeTrailActions, [`${logGroup('/ad-lambda/test/audit')}:*`]],
    KeepClaims: [audit.keepClaimsActions, [auditTable]],
    WriteEvidence: [audit.writeEvidenceActions, [`${trail}/records/*`]],
    ReadEvidence: [audit.readEvidenceActions, [`${trail}/records/*`]],
    ListEvidence: [audit.listEvidenceActions, [trail]],
    UseTrailKey: [audit.useTrailKeyActions, [logKey]],
  },
  'close-audit': {
    ...ofEvery('close-audit'),
    ...deadLetters('close-audit'),
    ReadWritten: [audit.readClaimsActions, [auditTable]],
    WriteEvidence: [audit.writeEvidenceActions, [`${trail}/digests/*`]],
    ReadEvidence: [audit.readEvidenceActions, [`${trail}/digests/*`, `${trail}/records/*`]],
    ListEvidence: [audit.listEvidenceActions, [trail]],
    UseTrailKey: [audit.useTrailKeyActions, [logKey]],
    SignDigests: [audit.signDigestActions, [digestKey]],
  },
  'read-security-log': {
    ...ofEvery('read-security-log'),
    ...deadLetters('read-security-log'),
    KeepHints: [directory.keepHintsActions, [actors]],
    TakeTurns: [directory.takeTurnsActions, [actors]],
    WakeDetectChanges: [platform.invokeActions, [template.lambdaArn(name('detect-changes-corp'))]],
  },
  'poll-directory-corp': {
    InvokeFunction: [platform.invokeActions, [template.lambdaArn(name('detect-changes-corp'))]],
  },
  'revalidate-access': { SendMessage: [platform.sendMessageActions, [template.queueArn(name('decide-access'))]] },
  'schedule-reconcile-identity-center': {
    InvokeFunction: [platform.invokeActions, [template.lambdaArn(name('reconcile-identity-center'))]],
  },
  'schedule-close-audit': { InvokeFunction: [platform.invokeActions, [template.lambdaArn(name('close-audit'))]] },
  'schedule-review-access': { InvokeFunction: [platform.invokeActions, [template.lambdaArn(name('review-access'))]] },
  'schedule-reconcile-wiki': { InvokeFunction: [platform.invokeActions, [template.lambdaArn(name('reconcile-wiki'))]] },
};

test.each(Object.keys(allowed))('GIVEN the role of %s WHEN synthesized THEN it allows exactly what is listed', (part) => {
  const statements = Object.values(template.statements(name(part))).filter(({ Effect }) => Effect === 'Allow');
  expect(Object.fromEntries(statements.map(({ Sid, Action, Resource }) => [Sid, [Action, Resource]]))).toEqual(allowed[part]);
});

const raisesEventsOf = {
  'publish-changes': 'directory',
  'decide-access': 'access',
  'sync-roles-wiki': 'roles',
  'reconcile-wiki': 'roles',
  'settle-guard': 'roles',
  'review-access': 'roles',
  'rotate-credential-corp': 'credentials',
};

test.each(Object.entries(raisesEventsOf))(
  'GIVEN %s WHEN synthesized THEN it raises events of source active-directory.%s alone',
  (part, source) => {
    expect(template.statements(name(part)).RaiseEvents?.Condition).toEqual({
      'ForAllValues:StringEquals': { 'events:source': [`active-directory.${source}`] },
      Null: { 'events:source': 'false' },
    });
  },
);

test('GIVEN what none of these functions is WHEN synthesized THEN it raises no events', () => {
  const raising = Object.keys(allowed).filter((part) => 'RaiseEvents' in template.statements(name(part)));
  expect(new Set(raising.map((part) => part.replace(/-identity-center$/, '-wiki')))).toEqual(new Set(Object.keys(raisesEventsOf)));
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

test.each(['detect-changes-corp', 'rotate-credential-corp'])(
  'GIVEN %s in the VPC WHEN synthesized THEN its code is denied what Lambda does with its role',
  (part) => {
    const denies = Object.values(template.statements(name(part))).filter(({ Effect }) => Effect === 'Deny');
    expect(denies).toEqual([
      {
        Sid: 'CodeTouchesNoNetwork',
        Effect: 'Deny',
        Action: [...platform.networkInterfaceActions, ...platform.describeNetworkActions],
        Resource: ['*'],
        Condition: {
          ArnEquals: { 'lambda:SourceFunctionArn': `arn:aws:lambda:eu-central-1:111122223333:function:${name(part)}` },
        },
      },
    ] satisfies Statement[]);
  },
);

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
  const roles = [...Object.keys(allowed).map((part) => template.statements(name(part))), proving.statements(name('sync-roles-wiki'))];
  const used = new Set(roles.flatMap((statements) => Object.values(statements).flatMap(({ Action }) => Action)));
  for (const action of used) expect(action).toMatch(/^[a-z0-9]+:[A-Za-z]+$/);
  for (const { action, reason } of [...unscopedActions, ...surplusReasons]) {
    expect(used, action).toContain(action);
    expect(reason).not.toBe('');
  }
});

test.each(['deactivate', 'keep'] as const)(
  'GIVEN accounts of the deleted that are to %s WHEN synthesized THEN nothing may delete a user',
  (onDeleted) => {
    const keeping = synthesize({ targets: [{ identityCenter, onDeleted }] });
    const actions = Object.values(keeping.statements(name('sync-roles-identity-center'))).flatMap(({ Action }) => Action);
    expect(actions).not.toContain('identitystore:DeleteUser');
    expect(actions).toContain('identitystore:UpdateUser');
  },
);

test('GIVEN a target that is only reported on WHEN synthesized THEN its reconcile can neither send what would heal nor ask its guard', () => {
  const reporting = synthesize({ targets: [{ identityCenter, reconcile: { mode: 'report' } }] });
  const statements = reporting.statements(name('reconcile-identity-center'));
  expect(statements).not.toHaveProperty('HealDrift');
  expect(statements).not.toHaveProperty('KeepGuards');
  expect(statements.CountHeld).toMatchObject({
    Action: access.countHeldActions,
    Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['guard#identity-center'] } },
  });
});

test('GIVEN an identity token for a target WHEN synthesized THEN it may be asked for that audience alone, and for no long time', () => {
  for (const one of ['sync-roles-wiki', 'reconcile-wiki']) {
    const { ProveIdentityToTarget, ReadTargetSecret } = proving.statements(name(one));
    expect(ProveIdentityToTarget, one).toMatchObject({ Action: ['sts:GetWebIdentityToken'], Resource: ['*'] });
    expect(ProveIdentityToTarget?.Condition, one).toMatchObject({
      'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': ['https://wiki.example.com'] },
      Null: { 'sts:IdentityTokenAudience': 'false' },
      NumericLessThanEquals: { 'sts:DurationSeconds': '300' },
      StringEquals: { 'sts:SigningAlgorithm': 'RS256' },
    });
    // A token proves who it is: there is no secret that nobody reads.
    expect(ReadTargetSecret, one).toBeUndefined();
    expect(proving.lambda(name(one)).environment.variables.TARGET_SECRET_ARN, one).toBe('none');
  }
  expect(proving.all('aws_secretsmanager_secret').map((secret) => secret.name)).toEqual(['/ad-lambda/test/bind/corp']);
});

test('GIVEN a permissions boundary WHEN synthesized THEN every role has it', () => {
  const permissionsBoundaryArn = 'arn:aws:iam::111122223333:policy/boundary';
  const bounded = synthesize({ permissionsBoundaryArn });
  expect(bounded.all('aws_iam_role')).toHaveLength(14);
  for (const role of bounded.all('aws_iam_role')) expect(role.permissions_boundary).toBe(permissionsBoundaryArn);
});
