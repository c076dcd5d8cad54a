/**
 * The generated deploy roles against what Terraform really calls, recorded from an apply, a second plan, an update and a destroy of the
 * examples with the real AWS provider (record-terraform-calls.ts), and against what an attacker would call.
 */
import { describe, expect, it, test } from 'vitest';
import { authorize } from '../../sandbox/aws/iam/index.ts';
import type { ContextRecord } from '../../sandbox/aws/iam/request-context.ts';
import { account, deployment, type EnvironmentName } from './deployment.ts';
import { recordings, steps } from './recorded-calls.ts';

const { template, decide, session } = deployment();
const iam = (resource: string) => `arn:aws:iam::${account}:${resource}`;
const regional = (service: string, resource: string) => `arn:aws:${service}:eu-central-2:${account}:${resource}`;
const boundary = iam('policy/deploy/ad-lambda-dev-boundary');
const bounded = { 'iam:PermissionsBoundary': boundary };

describe.each(recordings())('GIVEN the calls of Terraform for $environment', ({ environment, calls, leftOut }) => {
  it('WHEN they are judged THEN every one is allowed', () => {
    const refused = calls.flatMap((call) => {
      const decision = decide(environment, call);
      return decision.allowed ? [] : [{ ...call, why: decision.message }];
    });
    expect(refused).toEqual([]);
  });

  it('WHEN the record is looked at THEN each step made calls, and each type of resource is there or said to be left out', () => {
    for (const step of steps) expect(calls.filter((call) => call.steps.includes(step)).length).toBeGreaterThan(100);
    expect(leftOut.length).toBeLessThanOrEqual(7);
  });

  it('WHEN the role of another environment makes its writes THEN none is allowed', () => {
    const other = environment === 'dev' ? 'prod' : 'dev';
    // The VPC was there before, and an account has one catalog of Glue; both may have them, and what is made in them is another resource of the
    // same call.
    const writes = calls.filter(
      ({ action, resource }) => !/:(?:Get|List|Describe)/.test(action) && !/:(?:vpc|subnet|route-table)\/|:catalog$/.test(resource),
    );
    expect(writes.length).toBeGreaterThan(100);
    expect(writes.filter((call) => decide(other, call).allowed)).toEqual([]);
  });
});

/** Allowed, and not in the record: for changes that it does not make. */
const uncalled: readonly (readonly [why: string, ...actions: readonly string[]])[] = [
  ['a tag is taken away', 'UntagResource', 'UntagRole', 'UntagQueue', 'DeleteTags'],
  ['a table gets an index, or another capacity', 'dynamodb:UpdateTable'],
  ['moto has no such operation, so the record does not change it', 'events:UpdateEventBus'],
  ['the archive keeps events for another time', 'events:UpdateArchive'],
  ["the trail's table or workgroup changes with a release", 'athena:UpdateWorkGroup', 'glue:UpdateDatabase', 'glue:UpdateTable'],
  [
    'a role trusts another service, or had no boundary before',
    'iam:UpdateAssumeRolePolicy',
    'iam:PutRolePermissionsBoundary',
    'iam:UpdateRole',
  ],
  ['the policy, the rotation or the alias of a key changes', 'kms:PutKeyPolicy', 'kms:DisableKeyRotation', 'kms:UpdateAlias'],
  ['a function has other code, or no reserved concurrency any more', 'lambda:UpdateFunctionCode', 'lambda:DeleteFunctionConcurrency'],
  [
    'the provider asks in Regions that have code signing, and while it waits',
    'lambda:GetFunctionCodeSigningConfig',
    'lambda:GetFunctionConfiguration',
  ],
  ['invocations are retried otherwise', 'lambda:UpdateFunctionEventInvokeConfig'],
  [
    'a log group gets or loses its key, or is kept for good',
    'logs:AssociateKmsKey',
    'logs:DisassociateKmsKey',
    'logs:DeleteRetentionPolicy',
  ],
  ['an object has one version', 's3:DeleteObject'],
  ['a secret is kept in other Regions', 'secretsmanager:ReplicateSecretToRegions', 'secretsmanager:RemoveRegionsFromReplication'],
  ['a queue is looked up by its name', 'sqs:GetQueueUrl'],
  ['Lambda checks the network for the deployer', 'ec2:DescribeSubnets', 'ec2:DescribeVpcs'],
  [
    'one statement describes the network for all types',
    'ec2:DescribePrefixLists',
    'ec2:DescribeVpcEndpoints',
    'ec2:DescribeSecurityGroupRules',
  ],
  ['the settings of a credential change in place', 'dynamodb:UpdateItem'],
  [
    'moto rotates no secret without a value: the rotation is left out of the recording, and with it what Secrets Manager asks of the deployer',
    'secretsmanager:RotateSecret',
    'secretsmanager:CancelRotateSecret',
    'lambda:InvokeFunction',
  ],
  [
    'moto has no data protection, no composite alarm, no saved query of Logs Insights, and no end of one of Athena: from the Service Authorization Reference',
    'logs:DeleteDataProtectionPolicy',
    'logs:GetDataProtectionPolicy',
    'logs:PutDataProtectionPolicy',
    'cloudwatch:PutCompositeAlarm',
    'logs:DeleteQueryDefinition',
    'logs:DescribeQueryDefinitions',
    'logs:PutQueryDefinition',
    'athena:CreateNamedQuery',
    'athena:DeleteNamedQuery',
    'athena:GetNamedQuery',
    'athena:UpdateNamedQuery',
  ],
  ['interfaces of deleted functions are left', 'ec2:DetachNetworkInterface', 'ec2:DeleteNetworkInterface'],
];

test('GIVEN the deploy role of dev WHEN its actions are compared with the record THEN each that was not called has its reason', () => {
  const [dev] = recordings();
  const called = new Set(dev?.calls.map(({ action }) => action));
  const explained = uncalled.flatMap(([, ...actions]) => actions);
  const isExplained = (action: string) => explained.includes(action) || explained.includes(action.slice(action.indexOf(':') + 1));
  const allowed = statementsOf(session('dev')).flatMap(({ Action: actions = [] }) => actions);
  expect([...new Set(allowed)].filter((action) => !called.has(action) && !isExplained(action))).toEqual([]);
});

/** What moto cannot keep, as AWS documents the calls: the created directory's stack, and its Security log's subscription. */
const viaCloudFormation = { 'aws:CalledViaFirst': 'cloudformation.amazonaws.com' };
const unrecorded: readonly (readonly [action: string, resource: string, context?: ContextRecord])[] = [
  ['cloudformation:CreateStack', regional('cloudformation', 'stack/ad-lambda-staging-directory-corp/1')],
  ['cloudformation:DescribeStacks', regional('cloudformation', 'stack/ad-lambda-staging-directory-corp/1')],
  ['cloudformation:UpdateStack', regional('cloudformation', 'stack/ad-lambda-staging-directory-corp/1')],
  ['cloudformation:DeleteStack', regional('cloudformation', 'stack/ad-lambda-staging-directory-corp/1')],
  ['ds:CreateMicrosoftAD', '*', viaCloudFormation],
  ['secretsmanager:CreateSecret', regional('secretsmanager', 'secret:/ad-lambda/staging/directory-admin/corp-a1B2c3'), viaCloudFormation],
  ['secretsmanager:GetSecretValue', regional('secretsmanager', 'secret:/ad-lambda/staging/directory-admin/corp-a1B2c3'), viaCloudFormation],
  ['ec2:CreateSecurityGroup', regional('ec2', 'security-group/new'), viaCloudFormation],
  ['ds:DescribeDirectories', '*'],
  ['ds:CreateLogSubscription', regional('ds', 'directory/d-9067f0a1b2')],
  ['logs:PutResourcePolicy', '*'],
];

describe.each(unrecorded.map(([action, resource, context = {}]) => ({ action, resource, context })))(
  'GIVEN staging, which creates its directory, WHEN Terraform or CloudFormation calls $action',
  (call) => {
    it('THEN it is allowed', () => {
      expect(decide('staging', call).allowed).toBe(true);
    });

    it('THEN dev, which has none, is denied', () => {
      expect(decide('dev', call).allowed).toBe(false);
    });
  },
);

test('GIVEN staging WHEN the deployer itself reads the administrator of the directory THEN it is denied', () => {
  const resource = regional('secretsmanager', 'secret:/ad-lambda/staging/directory-admin/corp-a1B2c3');
  expect(decide('staging', { action: 'secretsmanager:GetSecretValue', resource, context: {} }).allowed).toBe(false);
});

const ofProd = { 'aws:ResourceTag/Project': 'ad-lambda', 'aws:ResourceTag/Environment': 'prod' };

const inTheVpc = { 'ec2:Vpc': regional('ec2', 'vpc/vpc-0d1e2f3a4b5c6d7e8') };

test('GIVEN dev WHEN interfaces without tags are left by its functions THEN they are deleted', () => {
  const resource = regional('ec2', 'network-interface/eni-1');
  expect(decide('dev', { action: 'ec2:DeleteNetworkInterface', resource, context: inTheVpc }).allowed).toBe(true);
});

test('GIVEN dev WHEN the settings of a credential are written THEN they are', () => {
  const resource = regional('dynamodb', 'table/ad-lambda-dev-credentials');
  expect(decide('dev', { action: 'dynamodb:PutItem', resource, context: { 'dynamodb:LeadingKeys': ['settings'] } }).allowed).toBe(true);
});

/** The template of a stack is the deployer's to write: what CloudFormation may do in its name, it may do. */
const byTemplate: readonly (readonly [what: string, action: string, resource: string, context: ContextRecord])[] = [
  ['opens a group of prod', 'ec2:AuthorizeSecurityGroupIngress', 'security-group/sg-1', ofProd],
  ['lets a group of prod out', 'ec2:AuthorizeSecurityGroupEgress', 'security-group/sg-1', ofProd],
  ['closes a group of prod', 'ec2:RevokeSecurityGroupIngress', 'security-group/sg-1', ofProd],
  ['deletes a group of prod', 'ec2:DeleteSecurityGroup', 'security-group/sg-1', ofProd],
  ['takes over a group of prod by its tags', 'ec2:CreateTags', 'security-group/sg-1', ofProd],
  ['deletes an interface of prod', 'ec2:DeleteNetworkInterface', 'network-interface/eni-1', ofProd],
];

describe.each(byTemplate)('GIVEN staging WHEN a template of its stack %s', (_what, action, resource, context) => {
  const call = { action, resource: regional('ec2', resource), context: { ...context, ...viaCloudFormation } };

  it('THEN it is denied', () => {
    expect(decide('staging', call).allowed).toBe(false);
  });

  it('THEN on what AWS Directory Service made, which has no tags, it is allowed', () => {
    expect(decide('staging', { ...call, context: viaCloudFormation }).allowed).toBe(true);
  });
});

test.each<[string, ContextRecord, boolean]>([
  ['of prod', ofProd, false],
  ['of its own, without tags', {}, true],
])('GIVEN staging WHEN it ends the Security log of a directory %s THEN that is decided by its tags', (_what, context, allowed) => {
  const resource = regional('ds', 'directory/d-9067f0a1b2');
  expect(decide('staging', { action: 'ds:DeleteLogSubscription', resource, context }).allowed).toBe(allowed);
});

test('GIVEN a secret whose policy the deployer has written for itself WHEN it reads the value THEN the boundary denies it', () => {
  const resource = regional('secretsmanager', 'secret:/ad-lambda/dev/directory-a1B2c3');
  const principal = session('dev');
  for (const arn of [principal.arn, principal.sessionArn]) {
    const own = { Effect: 'Allow', Principal: { AWS: arn }, Action: 'secretsmanager:GetSecretValue', Resource: '*' } as const;
    const resourcePolicy = { name: 'policy of the secret', document: { Version: '2012-10-17', Statement: [own] } };
    const call = { action: 'secretsmanager:GetSecretValue', resource, context: {}, resourceAccount: account };
    expect(authorize({ principal, ...call, resourcePolicy })).toMatchObject({ allowed: false, reason: 'explicit deny' });
  }
});

/** Who holds the pipeline's token tries these. */
type Attack = readonly [what: string, action: string, resource: string, context?: ContextRecord];
const attacks: readonly Attack[] = [
  [
    'attaches AdministratorAccess to itself',
    'iam:AttachRolePolicy',
    iam('role/deploy/ad-lambda-dev-deploy'),
    { 'iam:PolicyARN': 'arn:aws:iam::aws:policy/AdministratorAccess' },
  ],
  ['attaches a policy to a role of the environment', 'iam:AttachRolePolicy', iam('role/ad-lambda-dev-sync-roles'), bounded],
  ['writes itself an inline policy', 'iam:PutRolePolicy', iam('role/deploy/ad-lambda-dev-deploy'), bounded],
  ['detaches its own policies', 'iam:DetachRolePolicy', iam('role/deploy/ad-lambda-dev-deploy')],
  ['removes its boundary', 'iam:DeleteRolePermissionsBoundary', iam('role/deploy/ad-lambda-dev-deploy'), bounded],
  ['replaces its boundary', 'iam:PutRolePermissionsBoundary', iam('role/deploy/ad-lambda-dev-deploy'), bounded],
  ['lets others take it', 'iam:UpdateAssumeRolePolicy', iam('role/deploy/ad-lambda-dev-deploy'), bounded],
  ['writes a version of its policy', 'iam:CreatePolicyVersion', iam('policy/deploy/ad-lambda-dev-deploy-1')],
  ['goes back to a version of its policy', 'iam:SetDefaultPolicyVersion', iam('policy/deploy/ad-lambda-dev-deploy-1')],
  ['writes a version of its boundary', 'iam:CreatePolicyVersion', iam('policy/deploy/ad-lambda-dev-deploy-boundary')],
  ['writes a version of the roles’ boundary', 'iam:CreatePolicyVersion', boundary],
  ['deletes the roles’ boundary', 'iam:DeletePolicy', boundary],
  ['creates a policy', 'iam:CreatePolicy', iam('policy/ad-lambda-dev-more')],
  ['creates a role without a boundary', 'iam:CreateRole', iam('role/ad-lambda-dev-more')],
  [
    'creates a role with another boundary',
    'iam:CreateRole',
    iam('role/ad-lambda-dev-more'),
    { 'iam:PermissionsBoundary': 'arn:aws:iam::aws:policy/AdministratorAccess' },
  ],
  ['creates a role of another name', 'iam:CreateRole', iam('role/admin'), bounded],
  ['creates a role beside itself', 'iam:CreateRole', iam('role/deploy/ad-lambda-dev-more'), bounded],
  ['takes the boundary off a role of the environment', 'iam:DeleteRolePermissionsBoundary', iam('role/ad-lambda-dev-sync-roles'), bounded],
  [
    'gives a role another boundary',
    'iam:PutRolePermissionsBoundary',
    iam('role/ad-lambda-dev-sync-roles'),
    { 'iam:PermissionsBoundary': iam('policy/wide') },
  ],
  ['writes the policy of a role without a boundary', 'iam:PutRolePolicy', iam('role/ad-lambda-dev-old')],
  [
    'writes the policy of a role of prod',
    'iam:PutRolePolicy',
    iam('role/ad-lambda-prod-sync-roles'),
    { 'iam:PermissionsBoundary': iam('policy/deploy/ad-lambda-prod-boundary') },
  ],
  ['trusts its own issuer', 'iam:CreateOpenIDConnectProvider', iam('oidc-provider/evil.example.com')],
  ['widens the audience of GitHub', 'iam:AddClientIDToOpenIDConnectProvider', iam('oidc-provider/token.actions.githubusercontent.com')],
  [
    'replaces the thumbprint of GitHub',
    'iam:UpdateOpenIDConnectProviderThumbprint',
    iam('oidc-provider/token.actions.githubusercontent.com'),
  ],
  ['deletes the provider', 'iam:DeleteOpenIDConnectProvider', iam('oidc-provider/token.actions.githubusercontent.com')],
  ['trusts its own SAML', 'iam:CreateSAMLProvider', iam('saml-provider/evil')],
  ['creates a user', 'iam:CreateUser', iam('user/evil')],
  ['creates a user of the environment’s name', 'iam:CreateUser', iam('user/ad-lambda-dev-evil')],
  ['creates an access key', 'iam:CreateAccessKey', iam('user/admin')],
  ['creates a password', 'iam:CreateLoginProfile', iam('user/admin')],
  ['joins a group', 'iam:AddUserToGroup', iam('group/admins')],
  ['passes a role to EC2', 'iam:PassRole', iam('role/ad-lambda-dev-sync-roles'), { 'iam:PassedToService': 'ec2.amazonaws.com' }],
  [
    'passes a role to CloudFormation',
    'iam:PassRole',
    iam('role/ad-lambda-dev-sync-roles'),
    { 'iam:PassedToService': 'cloudformation.amazonaws.com' },
  ],
  ['passes a role to nobody named', 'iam:PassRole', iam('role/ad-lambda-dev-sync-roles')],
  ['passes an administrator to Lambda', 'iam:PassRole', iam('role/admin'), { 'iam:PassedToService': 'lambda.amazonaws.com' }],
  ['passes itself to Lambda', 'iam:PassRole', iam('role/deploy/ad-lambda-dev-deploy'), { 'iam:PassedToService': 'lambda.amazonaws.com' }],
  [
    'passes a role of prod to Lambda',
    'iam:PassRole',
    iam('role/ad-lambda-prod-sync-roles'),
    { 'iam:PassedToService': 'lambda.amazonaws.com' },
  ],
  ['takes another role', 'sts:AssumeRole', iam('role/admin')],
  ['takes the role that deploys prod', 'sts:AssumeRole', iam('role/deploy/ad-lambda-prod-deploy')],
  ['deletes a table of prod', 'dynamodb:DeleteTable', regional('dynamodb', 'table/ad-lambda-prod-grants')],
  ['reads a table of its own', 'dynamodb:Scan', regional('dynamodb', 'table/ad-lambda-dev-grants')],
  [
    'reads an item that is no setting',
    'dynamodb:GetItem',
    regional('dynamodb', 'table/ad-lambda-dev-grants'),
    { 'dynamodb:LeadingKeys': ['grant'] },
  ],
  [
    'writes an item that is no setting',
    'dynamodb:PutItem',
    regional('dynamodb', 'table/ad-lambda-dev-grants'),
    { 'dynamodb:LeadingKeys': ['grant'] },
  ],
  ['writes a function of prod', 'lambda:UpdateFunctionCode', regional('lambda', 'function:ad-lambda-prod-sync-roles')],
  [
    'gives a function of another team a source',
    'lambda:CreateEventSourceMapping',
    '*',
    { 'lambda:FunctionArn': regional('lambda', 'function:payroll') },
  ],
  ['deletes a bucket of prod', 's3:DeleteBucket', 'arn:aws:s3:::ad-lambda-prod-reports-111122223333-eu-central-2'],
  ['reads the state of prod', 's3:GetObject', 'arn:aws:s3:::example-terraform-state/ad-lambda/prod.tfstate'],
  ['deletes its own state', 's3:DeleteObject', 'arn:aws:s3:::example-terraform-state/ad-lambda/dev.tfstate'],
  ['opens the bucket of the state', 's3:PutBucketPolicy', 'arn:aws:s3:::example-terraform-state'],
  ['reads a secret of its own', 'secretsmanager:GetSecretValue', regional('secretsmanager', 'secret:/ad-lambda/dev/directory-a1B2c3')],
  ['reads a secret of prod', 'secretsmanager:GetSecretValue', regional('secretsmanager', 'secret:/ad-lambda/prod/directory-a1B2c3')],
  [
    'writes the policy of a key of prod',
    'kms:PutKeyPolicy',
    regional('kms', 'key/1'),
    { 'aws:ResourceTag/Project': 'ad-lambda', 'aws:ResourceTag/Environment': 'prod' },
  ],
  [
    'takes over a key of prod by its tags',
    'kms:TagResource',
    regional('kms', 'key/1'),
    {
      'aws:ResourceTag/Project': 'ad-lambda',
      'aws:ResourceTag/Environment': 'prod',
      'aws:RequestTag/Project': 'ad-lambda',
      'aws:RequestTag/Environment': 'dev',
    },
  ],
  ['deletes a key without tags', 'kms:ScheduleKeyDeletion', regional('kms', 'key/2')],
  [
    'decrypts with a key of its own',
    'kms:Decrypt',
    regional('kms', 'key/3'),
    { 'aws:ResourceTag/Project': 'ad-lambda', 'aws:ResourceTag/Environment': 'dev' },
  ],
  [
    'tags a security group of others',
    'ec2:CreateTags',
    regional('ec2', 'security-group/sg-1'),
    { 'aws:RequestTag/Project': 'ad-lambda', 'aws:RequestTag/Environment': 'dev' },
  ],
  ['opens a security group of others', 'ec2:AuthorizeSecurityGroupIngress', regional('ec2', 'security-group/sg-1')],
  ['creates a group in another VPC', 'ec2:CreateSecurityGroup', regional('ec2', 'vpc/vpc-00000000000000000')],
  ['stops the trail', 'cloudtrail:StopLogging', regional('cloudtrail', 'trail/all')],
  ['leaves the organization', 'organizations:LeaveOrganization', '*'],
  ['assigns an account', 'sso:CreateAccountAssignment', 'arn:aws:sso:::instance/ssoins-1234567890abcdef'],
  [
    'has an alarm terminate a controller',
    'cloudwatch:PutMetricAlarm',
    regional('cloudwatch', 'alarm:ad-lambda-dev-x'),
    { 'cloudwatch:AlarmActions': ['arn:aws:sns:eu-central-2:111122223333:on-call', 'arn:aws:automate:eu-central-2:ec2:terminate'] },
  ],
  [
    'has an alarm stop a controller by a workflow',
    'cloudwatch:PutMetricAlarm',
    regional('cloudwatch', 'alarm:ad-lambda-dev-x'),
    { 'cloudwatch:AlarmActions': ['arn:aws:swf:eu-central-2:111122223333:action/actions/AWS_EC2.InstanceId.Stop/1.0'] },
  ],
  [
    'deletes an interface of prod in the same VPC',
    'ec2:DeleteNetworkInterface',
    regional('ec2', 'network-interface/eni-1'),
    { ...ofProd, ...inTheVpc },
  ],
  ['enables outbound federation', 'iam:EnableOutboundWebIdentityFederation', '*'],
  ['invokes a function', 'lambda:InvokeFunction', regional('lambda', 'function:ad-lambda-dev-sync-roles-identity-center')],
];

const attempts = attacks.map(([what, action, resource, context = {}]) => ({ what, call: { action, resource, context } }));

describe.each(attempts)('GIVEN who deploys dev $what', ({ call }) => {
  it('THEN it is denied', () => {
    expect(decide('dev', call).allowed).toBe(false);
  });
});

/** What the boundary holds whatever is attached later: everything that would make the role, or a role of its own, more than it is. */
const widening = attempts.filter(({ call }) => /^(?:iam:(?!Enable)|sts:|organizations:)/.test(call.action));

describe.each(widening)('GIVEN AdministratorAccess on the role by mistake, and who deploys dev $what', ({ call }) => {
  it('THEN the boundary denies it', () => {
    const statement = { Effect: 'Allow', Action: '*', Resource: '*' } as const;
    const everything = { name: 'AdministratorAccess', document: { Version: '2012-10-17', Statement: statement } };
    const principal = { ...session('dev'), identityPolicies: [everything] };
    expect(authorize({ principal, ...call, resourceAccount: account }).allowed).toBe(false);
  });
});

describe.each<EnvironmentName>(['dev', 'staging', 'prod'])('GIVEN the deploy role of %s', (name) => {
  test('WHEN synthesized THEN its policies are of a size that IAM takes', () => {
    const policies = template.all('aws_iam_policy').filter((policy) => String(policy.name).startsWith(`ad-lambda-${name}-`));
    expect(policies.length).toBeLessThanOrEqual(12);
    for (const { policy } of policies) expect(policy.length).toBeLessThanOrEqual(6144);
    expect(session(name).identityPolicies.length).toBeLessThanOrEqual(10);
  });

  test('WHEN a role of the environment is looked at THEN it has the boundary that the deploy role demands', () => {
    const stack = deployment().stacks[name].toTerraform() as { resource: Record<string, Record<string, Record<string, unknown>>> };
    const boundaries = Object.values(stack.resource.aws_iam_role ?? {}).map((role) => role.permissions_boundary);
    expect(new Set(boundaries)).toEqual(new Set([iam(`policy/deploy/ad-lambda-${name}-boundary`)]));
  });

  test('WHEN its boundary is read THEN it names no other environment, and no action by a wildcard', () => {
    const { policy } = template.one('aws_iam_policy', { name: `ad-lambda-${name}-boundary` });
    for (const other of ['dev', 'staging', 'prod']) if (other !== name) expect(policy).not.toContain(`ad-lambda-${other}`);
    const actions = JSON.parse(policy).Statement.flatMap(({ Action }: { Action: string[] }) => Action);
    expect(actions.filter((action: string) => action.includes('*') || /^(?:iam|organizations):/.test(action))).toEqual([]);
  });
});

/** Statements of a session's own policies. */
function statementsOf({ identityPolicies }: ReturnType<typeof session>): readonly { readonly Action?: string | readonly string[] }[] {
  return identityPolicies.flatMap(({ document: { Statement: statements } }) => statements);
}
